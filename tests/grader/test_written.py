"""Checks of texts: what of a document is the learner's, what is wrong with an answer, and what the learner reads."""

import pytest

from grader.bench import CRASHED, NOT_STARTED, PASSED, UNFINISHED, Bench
from grader.catalogue import CatalogueError
from grader.documents import length, overlap, parse, parse_template
from grader.verdict import judge, plain
from grader.written import MARK, with_answer

TEMPLATE = """\
# My week

Write below.

## What was hard
<!-- at least 12 words -->

> Which task took longest, and what was the reason?

TODO: your answer

## Next week
<!-- at least 10 words -->

- What first?

TODO: your answer

## Numbers

<!-- figures: week 1 -->
Twelve tasks done in nine hours and forty minutes of work
<!-- end of figures -->

TODO: what do you think of them?

## Else
<!-- as you like -->
"""
HARD = "The mask of the attention was hard, since I had turned it round and nothing told me so at first."
NEXT = "On Monday I begin with checkpoints, and I read the article on gradient accumulation before that."
NUMBERS = (
    "Less than I had planned, because two evenings were lost; the middle of the week went well, "
    "and mornings are when I learn most."
)
FIGURES = TEMPLATE[TEMPLATE.index("<!-- figures") : TEMPLATE.index("TODO: what do")]
MODEL = f"# My week\n\n{MARK}\n\n## What was hard\n\n{HARD}\n\n## Next week\n\n{NEXT}\n\n## Numbers\n\n{NUMBERS}\n"
MINE = {
    "What was hard": "Broadcasting. I still have to draw the axes on paper before I believe a result of mine.",
    "Next week": "Sleep more, and write the tests of a piece before I write the piece itself.",
    "Numbers": (
        "Nine hours are what a person with a job and two children has in a week, and they were enough for "
        "every box but two."
    ),
}
CHECK = '''
from grader.written import answered, answers


def test_answered(written, compare):
    """Every heading is answered"""
    expected = answered("What was hard", "Next week", "Numbers")
    text = written("notes/week.md", command="python -m course write 1.1")
    compare(answers, text, expected=expected, named_by=("fault",))
'''
MISTAKES = """
from grader.written import usual_mistakes

USUAL = usual_mistakes(
    "week.md",
    "What was hard",
    other="Next week",
    question="Which task took longest, and what was the reason?",
    read="#hard",
)
"""


@pytest.fixture
def course(tmp_path):
    files = {
        "curriculum/unit/templates/week.md": TEMPLATE,
        "curriculum/unit/test_week.py": CHECK,
        "curriculum/unit/hints.md": "## 1.1 week\n\n1. Begin with what is hard.\n",
        "solutions/unit/week.md": MODEL,
        "solutions/unit/mistakes.py": MISTAKES,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def verdict_on(course, text=None, tree="curriculum"):
    if text is not None:
        (course / "notes").mkdir(exist_ok=True)
        (course / "notes" / "week.md").write_bytes(text if isinstance(text, bytes) else text.encode())
    with Bench(course / "curriculum" / "unit", course / "solutions" / "unit") as bench:
        return judge(bench, bench.checks[0], bench.learners if tree == "curriculum" else bench.reference, "1.1")


def mine(**changed):
    text = TEMPLATE
    for heading, answer in (MINE | {name.replace("_", " "): value for name, value in changed.items()}).items():
        text = with_answer(text, heading, answer)
    return text


def test_the_model_answer_passes_where_it_is_at_home_and_nowhere_else(course):
    assert verdict_on(course, tree="solutions").state == PASSED
    verdict = verdict_on(course, MODEL)
    assert (verdict.state, verdict.mistakes) == (UNFINISHED, ("week_copied",))
    assert verdict_on(course, mine(**{"Next week": NEXT})).mistakes == ("week_copied",)


def test_without_the_text_it_is_not_started_and_says_the_command(course):
    verdict = verdict_on(course)
    assert verdict.state == NOT_STARTED
    assert [line.text for line in verdict.facts] == [
        "There is no notes/week.md yet. Make it:",
        "  python -m course write 1.1",
    ]
    assert verdict.advice[-1].text == "First hint: Begin with what is hard."


@pytest.mark.parametrize(
    "text", [TEMPLATE, TEMPLATE.replace("\n", "\r\n"), TEMPLATE.replace("TODO: your answer\n", "")]
)
def test_a_template_to_which_nothing_was_added_is_not_started(course, text):
    verdict = verdict_on(course, text)
    assert verdict.state == NOT_STARTED
    assert "nothing is written in it yet" in plain(verdict)


@pytest.mark.parametrize(
    "text",
    [
        mine(),
        mine().replace("\n", "\r\n"),
        "\ufeff" + mine(),
        mine().replace("## ", "#### "),
        mine().replace("## What was hard", "# **what was hard?**"),
        mine(What_was_hard="- " + MINE["What was hard"].replace(". ", ".\n- ")),
        mine(What_was_hard=f"> Which task took longest, and what was the reason? {MINE['What was hard']}"),
        mine(What_was_hard=MINE["What was hard"] + "\n\n### Of my own\n\n```\n# What was hard\n```\n"),
        mine(What_was_hard="> Which task took longest,\n> and what was the\n> reason?\n\n" + MINE["What was hard"]),
        mine(Next_week="下周先学检查点，再把梯度累积写一遍，周三之前完成；晚上不熬夜。"),
        mine(Numbers=f"<!-- figures: week 1 -->\nTwelve\n<!-- end of figures -->\n\n{MINE['Numbers']}"),
    ],
)
def test_an_answer_in_whatever_form_passes(course, text):
    verdict = verdict_on(course, text)
    assert verdict.state == PASSED, plain(verdict)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("", "not answered"),
        ("---", "not answered"),
        ("<!-- later -->", "not answered"),
        (f"TODO: later\n\n{HARD}", "a line still begins with TODO"),
        ("Hard was what was hard.", "only the heading again"),
        ("So: which task took longest, and what was the reason", "only the template's words"),
        ("> Which task took\n> longest, and what was the reason?", "not answered"),
        (HARD.upper(), "the model answer's words"),
        (MINE["Next week"], "the same as under another heading"),
        ("Not much, and the rest was easy.", "too short: 7 of at least 12 words"),
        ("都不难。", "too short: 2 of at least 12 words"),
        ("well, quite well, " * 12, "the same words again and again"),
        ("Twelve tasks done in nine hours and forty minutes of work, done.", "only the figures again"),
    ],
)
def test_what_is_wrong_is_told(course, answer, told):
    text = with_answer(mine(), "What was hard", answer) + FIGURES
    verdict = verdict_on(course, text)
    assert verdict.state == UNFINISHED
    assert "notes/week.md: " in verdict.facts[0].text
    assert f"  What was hard: {told}" in [line.text for line in verdict.facts]


def test_a_heading_that_is_gone_is_missed(course):
    assert "  Next week: no such heading" in plain(verdict_on(course, mine().replace("## Next week", "## Then")))


def test_headings_in_another_language_are_missed_and_that_is_no_fresh_copy(course):
    verdict = verdict_on(course, TEMPLATE.replace("What was hard", "难点").replace("Next week", "下周"))
    assert verdict.state == UNFINISHED and verdict.mistakes == ("week_heading_gone",)


def test_all_that_is_wrong_is_told_and_the_first_fault_is_named(course):
    verdict = verdict_on(course, mine(What_was_hard="Much.", Numbers=""))
    assert [line.text for line in verdict.facts] == [
        "notes/week.md: 2 of 3 headings wait for you.",
        "  What was hard: too short: 1 of at least 12 words",
        "  Numbers: not answered",
    ]
    assert verdict.mistakes == ("week_too_short",)
    assert "week.md)" in plain(verdict)


def test_utf_16_is_told_in_a_sentence(course):
    verdict = verdict_on(course, mine().encode("utf-16"))
    assert verdict.state == CRASHED
    assert "notes/week.md is not UTF-8 text: save it as UTF-8" in plain(verdict)


def test_every_usual_mistake_is_named_as_itself(course):
    with Bench(course / "curriculum" / "unit", course / "solutions" / "unit") as bench:
        (check,) = bench.checks
        named = {m.name: judge(bench, check, bench.mistaken(m)).mistakes for m in bench.mistakes}
    assert len(named) == 9
    assert named == {name: (name,) for name in named}


def test_a_template_says_what_it_wants():
    wanted = [(question.heading, question.least) for question in parse_template(TEMPLATE)]
    assert wanted == [("What was hard", 12), ("Next week", 10), ("Numbers", 20), ("Else", 0)]


def test_a_heading_that_stands_there_twice_has_both_answers():
    assert parse("## Else\n\na\n\n## Else\n\nb", TEMPLATE).answers["Else"] == "a\nb"


def test_length_counts_words_and_characters():
    assert length("Don't stop: 2 GPUs, e.g. **one**.") == 7
    assert length("我用了 GPT 模型。") == round(1 + 0.6 * 5)
    assert length("") == 0


def test_overlap_is_the_share_of_common_runs():
    assert overlap("one two three four", "zero one two three") == 0.5
    assert overlap("one two", "two one two") == 0.0  # a run of its own, shorter than three
    assert overlap("", "one") == 0.0


def test_a_catalogue_that_names_no_heading_is_a_fault_of_the_catalogue():
    with pytest.raises(CatalogueError):
        with_answer("## One\n", "Two", "…")
