"""The four-way proof: references pass, stubs are not started, mistakes are named, alternatives pass (see design).

One process, torch imported once; each unit's files are loaded in memory (grader/loading.py).
"""

import re
from functools import cache
from pathlib import Path

import pytest

from grader.bench import NOT_STARTED, PASSED, Bench
from grader.catalogue import alternatives_in, mistakes_of
from grader.comparison import checks_in
from grader.matrix import index_of, matrix_of, snapshot_file
from grader.proof import row, unit_folders
from grader.units import load_units
from grader.verdict import judge, plain

ROOT = Path(__file__).parent.parent
UNITS = unit_folders(ROOT)
TO_REPAIR = {
    unit.id: {Path(file).stem for task in unit.tasks for file in task.repair}
    for unit in load_units(ROOT / "curriculum" / "days.toml")
}


@cache
def bench_of(unit: str) -> Bench:
    return Bench(ROOT / "curriculum" / unit, ROOT / "solutions" / unit)


@cache
def row_of(unit: str, name: str):
    bench = bench_of(unit)
    return row(bench, next(mistake for mistake in bench.mistakes if mistake.name == name))


def every_check():
    for unit in UNITS:
        for file in sorted((ROOT / "curriculum" / unit).glob("test_*.py")):
            for check in checks_in(file):
                yield pytest.param(unit, check.name, file.name, id=f"{unit}-{file.stem}-{check.name}")


def every_mistake():
    for unit in UNITS:
        for mistake in mistakes_of(ROOT / "solutions" / unit):
            yield pytest.param(unit, mistake.name, id=f"{unit}-{mistake.name}")


def every_alternative():
    for file in sorted((ROOT / "tests" / "alternatives").glob("*.py")):
        for entry in alternatives_in(file):
            yield pytest.param(entry, id=f"{entry.unit}-{entry.target or entry.file}-{entry.name}")


def find(unit: str, name: str, file: str):
    return next(check for check in bench_of(unit).checks if (check.name, check.file.name) == (name, file))


@pytest.mark.parametrize(("unit", "name", "file"), list(every_check()))
def test_reference_passes(unit, name, file):
    bench = bench_of(unit)
    verdict = judge(bench, find(unit, name, file), bench.reference)
    assert verdict.state == PASSED, plain(verdict) + verdict.trace


@pytest.mark.parametrize(("unit", "name", "file"), list(every_check()))
def test_stub_is_not_started(unit, name, file, monkeypatch):
    monkeypatch.setattr("grader.records.MADE", "runs of nobody")  # a maintainer may have made some
    monkeypatch.setattr("grader.written.MADE", "texts of nobody")
    bench = bench_of(unit)
    check = find(unit, name, file)
    verdict = judge(bench, check, bench.learners)
    if bench.reached(check) & TO_REPAIR.get(unit, set()):
        assert verdict.state not in (PASSED, NOT_STARTED, "broken check"), plain(verdict) + verdict.trace
        return
    assert verdict.state == NOT_STARTED, plain(verdict) + verdict.trace
    assert verdict.advice, "a stub that is not started shows its first hint"


@pytest.mark.parametrize(("unit", "name"), list(every_mistake()))
def test_mistake_fails_and_is_named(unit, name):
    entry = row_of(unit, name)
    assert entry.verdicts, f"{name} passes every check of {unit}"
    wrong = {check.name: names for check, names in entry.misnamed().items()}
    assert not wrong, f"{name} is not named as itself and nothing else: {wrong}"


@pytest.mark.parametrize(("unit", "name"), list(every_mistake()))
def test_message_of_mistake_is_the_snapshot(unit, name):
    file = snapshot_file(ROOT, unit, name)
    assert file.is_file(), f"no snapshot of {name}: run `python -m grader matrix`, and read what it wrote"
    assert steady(row_of(unit, name).message()) == steady(file.read_text("utf-8"))


def steady(message: str) -> str:
    """A message without what depends on the release of PyTorch, or on how a processor rounds."""
    message = message.replace("addmm: ", "")
    message = re.sub(r" at \[[\d, ]+\]:", " at […]:", message)  # where the largest of nearly equal differences is
    if "to the last bit" in message:  # which bits differ is the processor's affair
        message = re.sub(r"has length \d+; expected \d+|^ +you .*\n", "", message, flags=re.MULTILINE)
    return message


@pytest.mark.parametrize(("unit", "name"), list(every_mistake()))
def test_twins_are_declared_on_both_sides(unit, name):
    by_name = {mistake.name: mistake for mistake in bench_of(unit).mistakes}
    for twin in by_name[name].twins:
        assert name in by_name[twin].twins


@pytest.mark.parametrize("entry", list(every_alternative()))
def test_alternative_passes(entry):
    bench = bench_of(entry.unit)
    version = bench.alternative(entry)
    if entry.target:
        assert vars(version.module(entry.file))[entry.target] is entry.value
    concerned = [check for check in bench.checks if entry.file in bench.reached(check)]  # the others see the reference
    assert concerned, f"no check of {entry.unit} works on {entry.file}"
    failed = {check.name: judge(bench, check, version) for check in concerned if bench.failure(check, version)}
    assert not failed, "\n".join(f"{name}: {plain(verdict)}{verdict.trace}" for name, verdict in failed.items())


@pytest.mark.parametrize("unit", UNITS)
def test_published_table_is_current(unit):
    bench = bench_of(unit)
    rows = [row_of(unit, mistake.name) for mistake in bench.mistakes]
    published = ROOT / "docs" / "proof" / f"{unit}.md"
    assert published.is_file() and settled(published.read_text("utf-8")) == settled(
        matrix_of(ROOT, unit, bench, rows)
    ), "the published table is out of date: run `python -m grader matrix`"


def settled(table: str) -> str:
    """Without one row: which of two nested looks gives up first decides how many checks that mistake fails.

    That it fails, and is named, is held by test_mistake_fails_and_is_named.
    """
    return re.sub(r"^\| always_one_ready \|.*\n", "", table, flags=re.MULTILINE)


def test_index_of_tables_is_current():
    assert (ROOT / "docs" / "proof" / "README.md").read_text("utf-8") == index_of(ROOT)


def test_readme_quotes_the_proof():
    quoted = (ROOT / "README.md").read_text("utf-8").split("<!-- proof -->")[1].split("<!-- end of proof -->")[0]
    pages = [(ROOT / "docs" / "proof" / f"{name}.md").read_text("utf-8") for name in ("README", "sources", "mutants")]
    numbers = re.findall(r"\d[\d,]*", quoted)
    assert len(numbers) == 5
    said = {number.replace(",", "") for page in pages for number in re.findall(r"\d[\d,]*", page)}
    assert {number.replace(",", "") for number in numbers} <= said
