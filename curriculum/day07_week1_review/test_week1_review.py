"""The check of task 7.2's review."""

from grader.written import answered, answers

HEADINGS = (
    "The week in figures",
    "What I can do now",
    "What is still shaky",
    "How I worked",
    "Next week",
)


def test_review(written, compare):
    """Your review of the week: figures read, strong and weak points named, next week planned"""
    review = written("notes/week1_review.md", command="python -m curriculum write 7.2")
    compare(answers, review, expected=answered(*HEADINGS), named_by=("fault",))
