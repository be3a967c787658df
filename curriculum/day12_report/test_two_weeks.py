"""Checks of task 12.4, notes/two_weeks.md."""

from grader.written import answered, answers

HEADINGS = (
    "What I can do now",
    "What I understood late",
    "What I cannot do yet",
    "How I worked",
    "What comes next",
)


def test_two_weeks(written, compare):
    """Your summary of the two weeks: every heading is answered, in your own words"""
    text = written("notes/two_weeks.md", command="python -m curriculum write 12.4")
    compare(answers, text, expected=answered(*HEADINGS), named_by=("fault",))
