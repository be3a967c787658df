"""Checks of task 12.1, notes/report.md."""

from grader.written import ANSWERED, NO_FAULT, answered, answers

HEADINGS = (
    "Goal",
    "Architecture",
    "Training",
    "Curves",
    "Results",
    "Samples",
    "Problems, and how they were solved",
    "What I would do next",
)
FILLED_IN = "Figures of a run"
NONE = "not filled in: python -m curriculum report"


def with_figures(document):
    """The usual faults; and whether the report is about a run at all."""
    found = answers(document)
    filled = "parameters" in document.figures and "perplexity per word" in document.figures
    state = ANSWERED if filled else NONE
    fault = NONE if found["fault"] == NO_FAULT and not filled else found["fault"]
    return {FILLED_IN: state, **found, "fault": fault}


def test_report(written, compare):
    """Your report: a run's figures are filled in, and every heading is answered in your own words"""
    text = written("notes/report.md", command="python -m curriculum report")
    compare(with_figures, text, expected=answered(FILLED_IN, *HEADINGS), named_by=("fault",))
