"""The published report of the machine-made mistakes: current, without a gap, and true of a sample."""

import os
import re
from pathlib import Path

import pytest

from grader.proof import unit_folders
from proof.mutants import files_of, mutants_of
from proof.mutants_command import measure, show_one
from proof.mutants_equivalent import Declared, declared, equivalents_file, stanza
from proof.mutants_report import data_file, digest_of, entry_of, page, python, read
from proof.mutants_run import Fate, Field, MutantsError

ROOT = Path(__file__).parents[2]
UNITS = [unit for unit in unit_folders(ROOT) if files_of(ROOT / "curriculum" / unit, ROOT / "solutions" / unit)]
MUTANTS = mutants_of("box", "def area(a, b):\n    if a < 0:\n        return 0\n    return a * b + 1\n")


ENTRY = '[[equivalent]]\nid = "box.f"\nchange = "a → b"\nreason = "because"\n'


@pytest.mark.parametrize("unit", UNITS)
def test_the_report_is_current(unit):
    measured = read(ROOT).get(unit, {"digest": "nothing"})["digest"]
    assert measured == digest_of(ROOT, unit), f"measured on other files: run `python -m proof mutants {unit}`"


@pytest.mark.parametrize("unit", UNITS)
def test_no_mutant_is_left(unit):
    assert read(ROOT)[unit]["surviving"] == []


def test_the_page_says_what_the_data_say():
    assert data_file(ROOT).with_suffix(".md").read_text("utf-8") == page(read(ROOT))


def test_every_declaration_belongs_to_a_unit():
    files = {equivalents_file(ROOT, unit) for unit in UNITS}
    assert {*(ROOT / "proof" / "equivalents").iterdir()} <= files


@pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are measured in forks")
@pytest.mark.parametrize("unit", ["day02_attention", "day12_report", "day13_interview"])
def test_a_sample_is_what_the_report_says(unit, tmp_path):
    """Every 29th mutant is told by a check, or declared."""
    if read(ROOT)[unit]["python"] != python():
        pytest.skip("mutants have other names under another Python")
    with Field(ROOT, unit, kept=tmp_path) as field:
        mutants = [mutant for stem in field.stems for mutant in field.mutants(stem)]
        sample = {mutant.id: field.fate(mutant) for mutant in mutants[::29]}
    known = declared(ROOT, unit)
    assert [fate.mutant.id for fate in sample.values() if fate.survived and not known.covers(fate.mutant)] == []
    assert not [name for name, fate in sample.items() if name in known.entries and not fate.survived]
    assert not [fate for fate in sample.values() if fate.broken]
    counted = sum(counts["mutants"] for counts in read(ROOT)[unit]["kinds"].values())
    assert counted == len(mutants)


def write(root, text):
    equivalents_file(root, "day01_box").parent.mkdir(parents=True)
    equivalents_file(root, "day01_box").write_text(text, "utf-8")


def test_a_survivor_is_printed_as_its_declaration(tmp_path):
    fates = [Fate(mutant, passed=3) for mutant in MUTANTS]
    write(tmp_path, "\n\n".join(stanza(fate, "box.py").replace('""', '"because"') for fate in fates))
    known = declared(tmp_path, "day01_box")
    assert known.within("box") == known and known.within("other") == Declared()
    assert list(known.entries) == [mutant.id for mutant in MUTANTS]
    assert known.contradictions(fates) == [] and all(map(known.covers, MUTANTS))


def test_declarations_are_held_to_the_truth():
    killed, survived, gone = (mutant.id for mutant in MUTANTS[:3])
    fates = [Fate(MUTANTS[0], "test_box.py::test_area", "wrong values"), Fate(MUTANTS[1])]
    known = Declared({name: {"change": "a → b"} for name in (killed, survived, gone)})
    assert known.contradictions(fates) == [
        f"{killed} is declared equivalent, but test_box.py::test_area tells it (wrong values): take it out.",
        f"{survived} is declared with another change; it is: {MUTANTS[1].change}",
        f"{gone} is declared equivalent, but there is no such mutant: take it out.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY.replace('"because"', '" "'), "day01_box.toml: box.f needs id, change and reason, each a text"),
        (ENTRY.replace('change = "a → b"\n', ""), "day01_box.toml: box.f needs id, change and reason, each a text"),
        (ENTRY + ENTRY, "day01_box.toml: box.f is declared twice"),
        ("[other]", "day01_box.toml: each table in it is an [[equivalent]], and nothing else"),
        ("[[equivalent]", "cannot be read"),
    ],
)
def test_a_faulty_declaration_is_named(tmp_path, text, message):
    write(tmp_path, text)
    with pytest.raises(MutantsError, match=re.escape(message)):
        declared(tmp_path, "day01_box")


def test_the_report_counts_by_kind():
    told = [Fate(mutant, "test_box.py::test_area", "crashed") for mutant in MUTANTS if mutant.kind == "number"]
    left = [Fate(mutant) for mutant in MUTANTS if mutant.kind == "comparison"]
    entry = entry_of([*told, *left], Declared({left[0].mutant.id: {}}), "abc")
    assert entry["kinds"]["number"] == {"mutants": len(told), "killed": len(told), "equivalent": 0, "surviving": 0}
    assert entry["kinds"]["comparison"] == {"mutants": 2, "killed": 0, "equivalent": 1, "surviving": 1}
    assert entry["surviving"] == [{"id": left[1].mutant.id, "change": left[1].mutant.change}]
    text = page({"day01_box": entry})
    total, rate = len(told) + 2, 100 * len(told) / (len(told) + 1)
    assert f"| **all** | {total} | {len(told)} | 1 | 1 | {int(10 * rate) / 10:.1f} % |" in text
    assert f"- day01_box: `{left[1].mutant.id}`" in text


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: measure(ROOT, "day99", "", False), "No unit has checks and day99 in its name. There are day01_"),
        (lambda: measure(ROOT, "day02", "gpt", False), "No unit with day02 in its name has a file gpt"),
        (lambda: measure(ROOT, "day14", "", False), "No unit with day14 in its name has a file of code that a learner"),
        (lambda: show_one(ROOT, "day99", "attention.f"), "No unit has checks and day99 in its name"),
    ],
)
def test_a_faulty_call_is_answered_in_a_sentence(run, message, capsys):
    assert run() == 1
    said = capsys.readouterr()
    assert message in said.err and said.out == ""
