"""Whose pieces a run is made of."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from capstone import pieces
from capstone.alone import STAND_INS
from capstone.errors import CapstoneError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def course(tmp_path):
    """A course of one's own: the stubs, the solutions, and nothing passed yet."""
    for name in ("curriculum", "solutions"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def write_piece(course: Path, folder: str, file: str, task: str | None = None) -> Path:
    """Finish a file as the solution does; with a task, its checks have passed."""
    path = course / "curriculum" / folder / f"{file}.py"
    shutil.copy(course / "solutions" / folder / f"{file}.py", path)
    if task:
        record = course / ".course" / "passed.json"
        record.parent.mkdir(exist_ok=True)
        passed = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
        passed.setdefault(task, {})[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        record.write_text(json.dumps(passed), encoding="utf-8")
    return path


def chosen(course: Path, mode: str = "finished") -> dict[str, pieces.Choice]:
    return {choice.piece.key: choice for choice in pieces.choose(mode, course)}


def test_every_piece_of_the_reference_is_there():
    names = {}
    for processes, accumulate in ((1, 1), (1, 2), (2, 1)):
        choices = pieces.choose("reference", processes=processes, accumulate=accumulate)
        loaded = vars(pieces.load(choices))
        assert set(loaded) == {choice.piece.key for choice in choices} | set(STAND_INS)
        assert all(loaded[choice.piece.key].__module__.startswith("solutions.") for choice in choices)
        names[processes, accumulate] = {choice.piece.key for choice in choices}
    assert set.union(*names.values()) == {piece.key for piece in pieces.TABLE}
    steps = {which: found & set(pieces.STEPS) for which, found in names.items()}
    assert steps == {(1, 1): {"train_step"}, (1, 2): {"accumulated_step"}, (2, 1): {"accumulated_ddp_step"}}


def test_fresh_clone_takes_the_reference(course):
    (course / "curriculum" / "day11_generation" / "sampling.py").unlink(missing_ok=True)
    choices = chosen(course)
    assert not any(choice.mine for choice in choices.values())
    assert choices["GPT"].reason == "not passed yet"
    assert choices["generate"].reason == "no exercise yet"


def test_passed_piece_is_taken_until_it_changes(course):
    path = write_piece(course, "day02_attention", "attention", "2.3")
    assert chosen(course)["scaled_dot_product_attention"].mine
    assert not chosen(course)["LayerNorm"].mine
    assert not chosen(course, "reference")["scaled_dot_product_attention"].mine
    path.write_text(path.read_text(encoding="utf-8") + "\n# one more thought\n", encoding="utf-8")
    choice = chosen(course)["scaled_dot_product_attention"]
    assert (choice.mine, choice.reason) == (False, "changed since it passed: run its checks")


def test_piece_on_an_unfinished_sibling_is_not_taken(course):
    write_piece(course, "day05_training", "train_step", "5.4")
    assert chosen(course)["train_step"].reason.startswith("it uses ")
    write_piece(course, "day05_training", "loss", "5.1")
    write_piece(course, "day05_training", "schedule", "5.3")
    assert chosen(course)["train_step"].mine


def test_mine_names_every_unfinished_piece_and_its_day(course):
    write_piece(course, "day02_attention", "attention")
    with pytest.raises(CapstoneError) as error:
        pieces.choose("mine", course)
    assert "GPT (day 3, task 3.5, day03_gpt_model/gpt.py)" in str(error.value)
    assert "task 2.3" not in str(error.value)


def test_damaged_record_passes_nothing(course):
    write_piece(course, "day02_attention", "attention", "2.3")
    (course / ".course" / "passed.json").write_text("{", encoding="utf-8")
    assert not chosen(course)["scaled_dot_product_attention"].mine


def test_digest_knows_the_siblings(course):
    before = pieces.digests(pieces.choose("reference", course))
    file = course / "solutions" / "day03_gpt_model" / "embeddings.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    after = pieces.digests(pieces.choose("reference", course))
    assert pieces.differences(before, after) == ["day03_gpt_model/gpt.py: changed since"]


def test_learners_own_piece_runs_and_a_syntax_error_is_told(course):
    """In a process of its own, because the course is imported from the folder that it is started in."""
    path = write_piece(course, "day02_attention", "attention", "2.3")
    code = (
        "from capstone import pieces; from pathlib import Path\n"
        "import capstone.errors as errors\n"
        "import sys\n"
        "errors.run(lambda _: print(pieces.load([c for c in pieces.choose('finished', Path('.'))\n"
        "           if c.piece.task == '2.3']).scaled_dot_product_attention.__module__) or 0)"
    )
    shutil.copytree(ROOT / "capstone", course / "capstone", ignore=shutil.ignore_patterns("__pycache__"))

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code], cwd=course, capture_output=True, text=True, check=False)

    assert run().stdout.strip() == "curriculum.day02_attention.attention"
    path.write_text("def scaled_dot_product_attention(q, k, v, mask=None):\n    return (\n", encoding="utf-8")
    write_record(course, path)
    broken = run()
    assert broken.returncode == 1
    assert "SyntaxError" in broken.stderr
    assert "attention.py cannot be imported; repair day 2's piece." in broken.stderr


def write_record(course: Path, path: Path) -> None:
    """As if the checks had passed with what the file holds now."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (course / ".course" / "passed.json").write_text(json.dumps({"2.3": {path.name: digest}}), encoding="utf-8")
