"""Two mistakes at once: a few pairs anew, and that the published report is current and as it should be."""

from pathlib import Path

import pytest

from grader.bench import Bench
from grader.proof import unit_folders
from proof.pairs import WRONG, fate, pairs
from proof.pairs_report import data_file, faults, page, read
from proof.tolerances_digest import of_unit

ROOT = Path(__file__).parents[2]
UNITS = unit_folders(ROOT)
QUICK = ("day02_attention",)


def bench_of(unit):
    return Bench(ROOT / "curriculum" / unit, ROOT / "solutions" / unit)


@pytest.mark.parametrize("unit", QUICK)
def test_pairs_fail_and_are_not_misnamed(unit):
    with bench_of(unit) as bench:
        sample = pairs(bench, most=4)
        assert len(sample) == 4
        for pair in sample:
            found = fate(bench, pair)
            assert found.findings, f"{pair.name} passes every check"
            assert WRONG not in found.kinds, f"{pair.name}: {found.findings}"


def test_pairs_do_not_touch_the_same_lines():
    with bench_of("day02_attention") as bench:
        found = pairs(bench)
        assert found == pairs(bench), "the sample is the same every time"
        for pair in found:
            assert pair.first is not pair.second
            if pair.first.file == pair.second.file:
                source = bench.reference.file(pair.first.file).read_text("utf-8")
                both = pair.second.edit(pair.first.edit(source))
                assert both not in (source, pair.first.edit(source), pair.second.edit(source))


@pytest.mark.parametrize("unit", sorted(read(ROOT)))
def test_report_is_current_and_as_it_should_be(unit):
    entry = read(ROOT)[unit]
    with bench_of(unit) as bench:
        assert entry["digest"] == of_unit(bench), f"changed since it was measured: run `python -m proof pairs {unit}`"
    assert faults(unit, entry) == []


def test_page_is_made_from_the_numbers():
    assert data_file(ROOT).with_suffix(".md").read_text("utf-8") == page(read(ROOT), UNITS), (
        "run `python -m proof pairs`"
    )
