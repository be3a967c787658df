"""Day 13: the whiteboard held against other libraries; the bank, and the questions about a run."""

import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.interview.bank import read_bank, topics
from companion.interview.own import questions_about
from companion.report.facts import facts_of
from grader.markdown import anchor
from solutions.day13_interview.whiteboard import grouped_query_attention, rotate, verify_draft

ROOT = Path(__file__).parents[1]
COURSE = Course(ROOT, the_course(ROOT).units)
BANK = read_bank(COURSE)
OWN = {name: questions_about(COURSE, facts_of(COURSE, f"docs/runs/{name}")) for name in ("default", "wikitext2-cpu")}


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
    assert "3.617 · 1.24 = 4.49 nats, and exp of that is 89.1" in points("units")
    assert "ln 8,192 = 9.01" in points("first-loss")
    assert "16,384,000 tokens, 2.4 for each parameter" in points("tokens")
    assert "the same text 6.3 times" in points("tokens")
    assert "16 · 256 = 4,096 tokens a step" in points("batch")
    assert "149 GFLOP/s" in points("speed")
    assert "109 MB" in points("memory")
    assert "0.99 nats a word" in points("baseline")
    assert "-0.27 nats a word" in points("target")


def test_questions_fit_the_run():
    ids = {run: {question.id for question in questions} for run, questions in OWN.items()}
    assert ids["default"] - ids["wikitext2-cpu"] == {"source"}  # a text whose entropy is known
    assert ids["wikitext2-cpu"] - ids["default"] == {"target"}  # the text that the plan's target is about
