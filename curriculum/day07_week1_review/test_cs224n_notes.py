"""The check of task 7.1's notes."""

from grader.written import answered, answers

HEADINGS = (
    "What attention replaced",
    "BERT and GPT, side by side",
    "How BERT is trained, and how it is used",
    "What the lecture showed me about my own code",
    "In three sentences",
)


def test_notes(written, compare):
    """Your notes of the lecture: every question answered, in your own words"""
    notes = written("notes/cs224n_notes.md", command="python -m curriculum write 7.1")
    compare(answers, notes, expected=answered(*HEADINGS), named_by=("fault",))
