"""Recorded runs, of the capstone and of the days: complete, small, made by their commands, and quoted as they are."""

import json
import re
from pathlib import Path

import pytest

from capstone.config import Config

ROOT = Path(__file__).parents[1]
RECORDS = sorted(path for path in (ROOT / "docs" / "runs").iterdir() if path.is_dir())
OF_A_DAY = [path for path in RECORDS if path.name.startswith("day")]
OF_THE_CAPSTONE = [path for path in RECORDS if path not in OF_A_DAY]
FILES = {"README.md", "config.json", "curve.png", "metrics.json"}
WITHOUT_A_CURVE = {"day12-tidy"}  # what a linter found: there is nothing to draw
METRICS = {"val_loss", "val_ppl_token", "val_ppl_word", "val_bits_per_byte", "tokens_seen", "seconds"}
METRICS |= {"tokens_per_second", "machine", "data_digest", "tokenizer_digest"}

LESSONS = sorted((ROOT / "curriculum").glob("*/README.md"))
QUOTE = re.compile(r"<!-- docs/runs/([\w-]+): (\w+) (-?[\d.,]+) -->")
QUOTES = [(lesson, *quote) for lesson in LESSONS for quote in QUOTE.findall(lesson.read_text(encoding="utf-8"))]

each_record = pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.name)
each_of_the_capstone = pytest.mark.parametrize("record", OF_THE_CAPSTONE, ids=lambda path: path.name)
each_of_a_day = pytest.mark.parametrize("record", OF_A_DAY, ids=lambda path: path.name)


def test_there_are_some():
    assert OF_THE_CAPSTONE and OF_A_DAY


@each_record
def test_complete_and_small(record):
    sizes = {path.name: path.stat().st_size for path in record.iterdir()}
    wanted = FILES - {"curve.png"} if record.name in WITHOUT_A_CURVE else FILES
    assert sizes.keys() >= (wanted if record in OF_A_DAY else wanted | {"index.html", "samples.txt"})
    assert all(0 < size < 1_000_000 for size in sizes.values())


@each_of_a_day
def test_a_day_s_run_says_how_it_was_made(record):
    metrics = json.loads((record / "metrics.json").read_text(encoding="utf-8"))
    assert metrics.keys() >= {"machine", "torch", "command"}
    assert re.match(r"python -m ((solutions|curriculum)\.\w+\.\w+|curriculum \w+)", metrics["command"])
    assert metrics["command"] in (record / "README.md").read_text(encoding="utf-8")


@each_of_the_capstone
def test_every_number_is_there(record):
    metrics = json.loads((record / "metrics.json").read_text(encoding="utf-8"))
    assert metrics.keys() >= METRICS
    assert metrics["val_ppl_token"] == pytest.approx(2.718281828459045 ** metrics["val_loss"])


@each_of_the_capstone
def test_the_configuration_can_be_run_again(record):
    assert Config(**json.loads((record / "config.json").read_text(encoding="utf-8"))).faults() == []


@each_of_the_capstone
def test_the_page_and_the_readme_say_what_the_numbers_say(record):
    metrics = json.loads((record / "metrics.json").read_text(encoding="utf-8"))
    for page in ("README.md", "index.html"):
        text = (record / page).read_text(encoding="utf-8")
        for name in ("val_ppl_token", "val_ppl_word"):
            assert f"{metrics[name]:.2f}" in text
        assert f"{metrics['tokens_seen']:,}" in text


@each_record
def test_no_path_of_a_machine(record):
    for path in record.iterdir():
        if path.suffix != ".png":
            text = re.sub(r"base64,[^\"]*", "", path.read_text(encoding="utf-8"))
            assert not re.search(r"(?<![\w.:/])/(home|root|tmp|work|Users)/", text), path.name


@pytest.mark.parametrize(("lesson", "name", "key", "shown"), QUOTES, ids=["-".join(quote[1:3]) for quote in QUOTES])
def test_lessons_quote_what_was_recorded(lesson, name, key, shown):
    """`<!-- docs/runs/default: val_ppl_word 9.3 -->` in a lesson: the number stands there, and in the record."""
    metrics = json.loads((ROOT / "docs" / "runs" / name / "metrics.json").read_text(encoding="utf-8"))
    assert f"{metrics[key]:,.{len(shown.partition('.')[2])}f}" == shown
    assert shown in QUOTE.sub("", lesson.read_text(encoding="utf-8"))
