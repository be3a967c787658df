"""Fresh inputs: another seed draws others, and what is right stays right with them."""

from pathlib import Path

import pytest

from grader import outcome
from grader.bench import Bench
from grader.differences import difference

ROOT = Path(__file__).parents[2]
SEED = 20_261_127
# file → how many of its checks, at least, expect other numbers with another seed
DRAWN = {
    "day02_attention/test_attention.py": 7,
    "day02_attention/test_layer_norm.py": 2,
    "day03_gpt_model/test_embeddings.py": 2,
    "day13_interview/test_whiteboard.py": 2,
}


def graded(monkeypatch, place, seed):
    """What the checks of a file expect with that seed, and those that the reference fails."""
    monkeypatch.setattr(outcome, "SEED", seed)
    unit, file = place.split("/")
    with Bench(ROOT / "curriculum" / unit, ROOT / "solutions" / unit) as bench:
        failed = [check.name for check in bench.checks_of(file) if bench.failure(check, bench.reference)]
        return {(check.name, place): values for (check, place), values in bench._expected.items()}, failed


@pytest.mark.parametrize("place", DRAWN)
def test_another_seed_draws_other_numbers_and_the_reference_stays_right(place, monkeypatch):
    usual, _ = graded(monkeypatch, place, 0)
    fresh, failed = graded(monkeypatch, place, SEED)
    assert not failed
    others = {
        name
        for (name, index), values in usual.items()
        if any(difference(value, fresh[name, index][key], 1e-6, 0) is not None for key, value in values.items())
    }
    assert len(others) >= DRAWN[place], sorted(others)
