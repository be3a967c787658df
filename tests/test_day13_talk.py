"""Day 13: the mock interview: which questions are drawn, the talk, what is remembered of it, and the verb."""

import json
import random
import re
import shutil
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from companion import cli
from companion.course import the_course
from companion.interview.bank import Question
from companion.interview.clock import minutes, title
from companion.interview.drawing import OWN_EVERY, draw
from companion.interview.memory import Answered, Memory, by_topic
from companion.interview.notes import interviews
from companion.interview.talk import Talk, chosen
from companion.quiz.schedule import Card

ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 27)


# drawing


def question(topic, number):
    return Question(topic, str(number), 1, "?", ("a", "b"), ("c",), ("d",), "x")


QUESTIONS = [question(topic, number) for topic in ("a", "b", "project") for number in range(8)]


def test_the_same_seed_draws_the_same_questions_and_each_once():
    drawn = [list(draw(QUESTIONS, {}, TODAY, 1, seed, "project")) for seed in ("1", "1", "2")]
    assert drawn[0] == drawn[1] != drawn[2]
    assert sorted(q.key for q in drawn[0]) == sorted(q.key for q in QUESTIONS)


def test_topics_take_turns_and_the_own_run_comes_often():
    drawn = [q.topic for q in draw(QUESTIONS, {}, TODAY, 1, "7", "project")][:16]
    assert all(first != second for first, second in pairwise(drawn))
    assert all("project" in drawn[start : start + OWN_EVERY] for start in range(8))


def test_weak_ones_come_first_and_good_ones_last():
    weak = Card(asked=1, box=0, day=TODAY - timedelta(days=2), session=1)
    good = Card(asked=1, right=1, first=True, day=TODAY, session=1)
    cards = {q.key: good for q in QUESTIONS[:6]} | {"b/3": weak}
    drawn = [q.key for q in draw(QUESTIONS[:16], cards, TODAY, 2, "3", "project")]
    assert drawn[0] == "b/3"
    assert set(drawn[-4:]) <= {q.key for q in QUESTIONS[:6]}


# the talk


class Learner:
    """Types prepared lines; each of them takes some seconds."""

    def __init__(self, *lines, seconds=10):
        self.lines, self.seconds, self.now, self.prompts = list(lines), seconds, 0.0, []

    def ask(self, prompt):
        self.prompts.append(prompt)
        self.now += self.seconds
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)

    def clock(self):
        return self.now


def talk(tmp_path, learner, limit=600):
    return Talk(Memory.read(tmp_path / ".course"), limit, TODAY, ask=learner.ask, clock=learner.clock)


def test_points_are_counted_and_kept_at_once(tmp_path, capsys):
    learner = Learner("", "1", "", "typed", "more", "", "a", "")
    answers = talk(tmp_path, learner).hold(QUESTIONS[:2])
    assert [(one.key, one.said, one.points, one.seconds) for one in answers] == [("a/0", 1, 2, 10), ("a/1", 2, 2, 30)]
    record = json.loads((tmp_path / ".course/interview.json").read_text(encoding="utf-8"))
    assert record["sessions"] == 1
    assert record["cards"]["a/0"]["box"] == 0  # half of the points: again soon
    assert record["cards"]["a/1"]["box"] is None
    said = capsys.readouterr().out
    assert "1 of 2. It will come again soon." in said and "2 of 2." in said


def test_the_time_is_told_and_the_last_answer_may_be_finished(tmp_path, capsys):
    answers = talk(tmp_path, Learner(*[""] * 30, seconds=25), limit=100).hold(QUESTIONS)
    assert len(answers) == 2  # three lines a question: the third one would begin after 150 seconds
    assert "The 1:40 minutes are over." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (("q",), 0),
        (("", "q"), 0),
        (("", "1", "q"), 1),
        (("s", "", "1 2", "q"), 1),
        (("", "9", "x", "2", "q"), 1),
        ((), 0),
    ],
)
def test_q_ends_s_skips_and_nonsense_is_asked_again(tmp_path, lines, kept):
    answers = talk(tmp_path, Learner(*lines)).hold(QUESTIONS)
    assert len(answers) == kept
    assert (tmp_path / ".course/interview.json").exists() == bool(kept)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", set()), ("a", {1, 2, 3, 4}), ("ALL", {1, 2, 3, 4}), ("1 3", {1, 3}), ("1,3", {1, 3}), ("13", {1, 3}),
        ("4;4", {4}), ("5", None), ("0", None), ("two", None), ("-1", None),
    ],
)  # fmt: skip
def test_numbers_that_are_typed(line, found):
    assert chosen(line, 4) == found


def test_the_clock_is_gentle():
    assert [minutes(seconds) for seconds in (0, 59.9, 61, 3600)] == ["0:00", "0:59", "1:01", "60:00"]
    assert title(30, 180) == "0:30 · 2:30 left"
    assert title(200, 180) == "3:20 · take your time"


# what is remembered


def test_a_damaged_memory_is_kept_aside(tmp_path):
    folder = tmp_path / ".course"
    folder.mkdir()
    (folder / "interview.json").write_text("{", encoding="utf-8")
    memory = Memory.read(folder)
    assert "kept as interview.json.bak" in memory.trouble
    assert (folder / "interview.json.bak").read_text(encoding="utf-8") == "{"
    assert memory.cards == {}


def test_the_memory_comes_back_as_it_was(tmp_path):
    memory = Memory.read(tmp_path)
    memory.begin()
    memory.add(Answered("a/1", 1, 4, 30, TODAY, 1))
    again = Memory.read(tmp_path)
    assert (again.sessions, again.cards, again.answers) == (memory.sessions, memory.cards, memory.answers)


def test_topics_are_summed_up_weakest_first():
    rng = random.Random(1)
    answers = [
        Answered(f"{topic}/{n}", said, 4, 60 * n, TODAY, 1) for n in (1, 3) for topic, said in (("a", 3), ("b", 1))
    ]
    rng.shuffle(answers)
    assert [(one.topic, one.questions, one.share, one.seconds) for one in by_topic(answers)] == [
        ("b", 2, 0.25, 120),
        ("a", 2, 0.75, 120),
    ]


# the verb


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course that has days.toml, day 13, and a recorded run."""
    root = tmp_path / "course"
    for folder in ("curriculum/day13_interview", "docs/runs/default"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "curriculum/days.toml", root / "curriculum")
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return the_course()


def run(*words, typed=""):
    done = CliRunner().invoke(cli.app, list(words), input=typed, prog_name="course")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, re.sub(r"\s+", " ", done.stdout + done.stderr)


def test_an_interview_ends_in_the_notes(course):
    code, said = run("interview", "--seed", "3", "--run", "default", typed="\n1\n\n\na\n\nq\n")
    assert (code, "2 answers; 1 of them comes again soon." in said) == (0, True), said
    assert "13 of them about default" in said and "python -m curriculum write 13.2" in said
    assert run("write", "13.2")[0] == 0
    notes = course.root / "notes/interview.md"
    assert "One interview, 2 answers." in notes.read_text(encoding="utf-8")
    notes.write_text(notes.read_text(encoding="utf-8").replace("TODO", "My words."), encoding="utf-8", newline="\n")
    assert run("interview", "--seed", "4", "--topic", "data", typed="\n\n\nq\n")[0] == 0
    text = notes.read_text(encoding="utf-8")
    assert "2 interviews, 3 answers." in text and text.count("My words.") == 7
    assert interviews(course) in text


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--topic", "trainin"), 2, "There is no topic trainin. Did you mean training?"),
        (("--minutes", "0"), 2, "--minutes must be above 0."),
        (("--run", "defalt"), 1, "There is no run defalt, neither in runs/ nor in docs/runs/. Is it default?"),
        (("--topics",), 0, "No questions about your own run: There is no finished run in runs/ yet."),
        (("--topics", "--run", "default"), 0, "project 13"),
    ],
)
def test_what_can_be_asked_for(course, words, code, says):
    found = run("interview", *words)
    assert found[0] == code and says in found[1]
