"""Day 13: the whiteboard held against other libraries; the bank, the drawing, the talk and what is remembered of it."""

import json
import random
import re
import shutil
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from typer.testing import CliRunner

from companion import cli
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.interview.bank import Question, read_bank, topics
from companion.interview.clock import minutes, title
from companion.interview.drawing import OWN_EVERY, draw
from companion.interview.memory import Answered, Memory, by_topic
from companion.interview.notes import interviews
from companion.interview.own import questions_about
from companion.interview.talk import Talk, chosen
from companion.quiz.schedule import Card
from companion.report.facts import facts_of
from grader.markdown import anchor
from solutions.day13_interview.whiteboard import grouped_query_attention, rotate, verify_draft

ROOT = Path(__file__).parents[1]
COURSE = Course(ROOT, the_course(ROOT).units)
BANK = read_bank(COURSE)
OWN = {name: questions_about(COURSE, facts_of(COURSE, f"docs/runs/{name}")) for name in ("default", "wikitext2-cpu")}
TODAY = date(2026, 11, 27)


# the whiteboard


def test_rotation_is_that_of_libraries_that_pair_halves():
    """x · cos + rotate_half(x) · sin, as in transformers' Llama, once the features are in its order."""
    q = torch.randn(2, 3, 7, 8)
    angles = torch.arange(7)[:, None] * 10_000 ** (-torch.arange(0, 8, 2) / 8)
    angles = torch.cat((angles, angles), dim=-1)
    x = q[..., [0, 2, 4, 6, 1, 3, 5, 7]]
    half = torch.cat((-x[..., 4:], x[..., :4]), dim=-1)
    theirs = x * angles.cos() + half * angles.sin()
    torch.testing.assert_close(rotate(q, torch.arange(7))[..., [0, 2, 4, 6, 1, 3, 5, 7]], theirs)


def test_scores_depend_on_the_distance_alone():
    q, k = torch.randn(1, 16, dtype=torch.float64).float(), torch.randn(1, 16)
    scores = [rotate(q, torch.tensor([n + 5])) @ rotate(k, torch.tensor([n])).T for n in (0, 3, 90)]
    torch.testing.assert_close(scores[0], scores[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scores[0], scores[2], rtol=1e-4, atol=1e-4)


def test_grouped_heads_are_those_of_pytorch():
    q, k, v = torch.randn(2, 8, 5, 4), torch.randn(2, 2, 5, 4), torch.randn(2, 2, 5, 4)
    theirs = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(grouped_query_attention(q, k, v), theirs)


def test_drafts_drawn_at_random_give_the_large_model_s_distribution():
    generator = torch.Generator().manual_seed(5)
    q, p = torch.tensor([[0.6, 0.3, 0.1]]), torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    counts, draws = torch.zeros(3), 4_000
    drafted = torch.multinomial(q[0], draws, replacement=True, generator=generator)
    uniforms, again = torch.rand(draws, generator=generator), torch.rand(draws, generator=generator)
    for token, uniform, other in zip(drafted, uniforms, again, strict=True):
        accepted, after = verify_draft(token[None], q, p, uniform[None])
        found = int(token) if accepted else int((after.cumsum(0) <= other).sum())
        counts[found] += 1
    assert (counts / draws - p[0]).abs().max() < 0.032  # four standard deviations


# the bank


def headings():
    """Every heading of every lesson, as a link; of days that are only planned, those of their tasks."""
    for unit in COURSE.units:
        lesson = ROOT / "curriculum" / unit.id / "README.md"
        text = lesson.read_text(encoding="utf-8") if lesson.is_file() else ""
        for task in unit.tasks:
            yield f"{unit.id}/README.md#{anchor(f'{task.id} {task.title}')}"
        for heading in re.findall(r"^#{1,6} +(.+)$", text, re.MULTILINE):
            yield f"{unit.id}/README.md#{anchor(re.sub('[`*]', '', heading))}"


HEADINGS = set(headings())


def test_the_bank_is_large_and_covers_its_topics():
    asked = {topic: sum(question.topic == topic for question in BANK) for topic in topics(BANK)}
    assert len(BANK) >= 75
    assert asked.keys() >= {"transformers", "training", "distributed", "precision", "evaluation", "generation"}
    assert min(asked.values()) >= 5
    assert {question.level for question in BANK} == {1, 2, 3}


@pytest.mark.parametrize("question", [*BANK, *OWN["default"], *OWN["wikitext2-cpu"]], ids=lambda question: question.key)
def test_each_question_can_be_answered_and_looked_up(question):
    assert question.read in HEADINGS
    assert 2 <= len(question.points) <= 6
    assert all(10 <= len(text) <= 240 for text in (*question.points, *question.wrong, *question.follow))
    assert not any("{" in text or "<m" in text or "<t" in text for text in (question.ask, *question.points))
    assert len({question.ask, *question.points, *question.wrong, *question.follow}) == 1 + len(question.points) + len(
        question.wrong
    ) + len(question.follow)


def test_no_question_stands_there_twice():
    asks = [question.ask for question in BANK]
    assert sorted({ask for ask in asks if asks.count(ask) > 1}) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[question", "cannot be read"),
        ('[[question]]\nid = "a"', "mine, question a: 'level' is missing, or no number"),
        ('[[question]]\nid = "a"\nlevel = "1"', "mine, question a: 'level' is missing, or no number"),
        (None, "mine/root-d stands there twice"),
    ],
)
def test_faults_of_a_bank_are_told(tmp_path, text, says):
    folder = tmp_path / "curriculum" / "week09_talk" / "questions"
    folder.mkdir(parents=True)
    if text is None:
        source = (ROOT / "curriculum/day13_interview/questions/transformers.toml").read_text(encoding="utf-8")
        source = "[[question]]" + source.split("[[question]]")[2]
        text = source + source
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CompanionError, match=re.escape(says)):
        read_bank(Course(tmp_path, COURSE.units))


def test_a_course_without_questions_says_so(tmp_path):
    with pytest.raises(CompanionError, match="This course has no interview questions"):
        read_bank(Course(tmp_path, COURSE.units))


# the learner's own run


def points(name, run="wikitext2-cpu"):
    return " ".join(next(question for question in OWN[run] if question.id == name).points)


def test_numbers_are_those_of_the_run():
    """Worked out here from the record's own numbers."""
    assert "3.725 · 1.40 = 5.22 nats, and exp of that is 184.7" in points("units")
    assert "ln 4,096 = 8.32" in points("first-loss")
    assert "11,520,000 tokens, 2.7 for each parameter" in points("tokens")
    assert "the same text 3.9 times" in points("tokens")
    assert "6 · 256 = 1,536 tokens a step" in points("batch")
    assert "146 GFLOP/s" in points("speed")
    assert "68 MB" in points("memory")
    assert "0.27 nats a word" in points("baseline")
    assert "0.46 nats a word" in points("target")


def test_questions_fit_the_run():
    ids = {run: {question.id for question in questions} for run, questions in OWN.items()}
    assert ids["default"] - ids["wikitext2-cpu"] == {"source"}  # a text whose entropy is known
    assert ids["wikitext2-cpu"] - ids["default"] == {"target"}  # the text that the plan's target is about


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
