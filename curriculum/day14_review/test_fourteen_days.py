"""The check of task 14.1's page."""

from grader.written import answered, answers

HEADINGS = (
    "What I built",
    "What the figures say",
    "What I have mastered",
    "What was hard, and how it gave way",
    "What I do not know yet",
    "The next nine weeks",
    "The first step",
)


def test_fourteen_days(written, compare):
    """Your two weeks: what you built, what sits, what was hard, what is open, and where you go from here"""
    page = written("notes/fourteen_days.md", command="python -m curriculum write 14.1")
    compare(answers, page, expected=answered(*HEADINGS), named_by=("fault",))
