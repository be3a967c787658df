"""Checks of task 13.2, notes/interview.md."""

import re

from grader.written import ANSWERED, NO_FAULT, answered, answers

NUMBERS = "What my numbers say"
FEW = "fewer than two of your run's numbers are in it"
HEADINGS = (
    "My project in two minutes",
    NUMBERS,
    "A choice that I would defend",
    "Something that went wrong",
    "With ten times the compute",
    "Questions that I could not answer",
    "How I sounded",
)


def with_numbers(document):
    """The usual faults; and whether the numbers that were filled in are spoken of."""
    found = answers(document)
    if found[NUMBERS] == ANSWERED and quoted(document.answers[NUMBERS], document.figures) < 2:
        found |= {NUMBERS: FEW, "fault": FEW if found["fault"] == NO_FAULT else found["fault"]}
    return found


def quoted(answer, figures):
    """How many of the figures' numbers stand in the answer: as they are, or rounded."""
    known = {float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", figures)}
    known = {number for number in known if number >= 10 or number != int(number)}
    said = re.findall(r"\d[\d,]*(?:\.\d+)?", answer)
    return sum(any(is_rounded(word, number) for word in said) for number in known)


def is_rounded(word, number):
    """Whether 184.7, 185 or 4.27 (million) stands for a number: all of its digits are right."""
    plain = word.rstrip(",").replace(",", "")
    digits = len(plain.partition(".")[2])
    return any(
        abs(float(plain) - number / unit) <= 0.51 * 10**-digits
        for unit in (1, 1e3, 1e6)
        if number / unit >= 1 and (len(plain.replace(".", "")) >= 2 or unit == 1)
    )


def test_interview_notes(written, compare):
    """Your interview notes: every heading is answered, and your run's numbers are explained"""
    text = written("notes/interview.md", command="python -m curriculum write 13.2")
    compare(with_numbers, text, expected=answered(*HEADINGS), named_by=("fault",))
