"""What the learner reads: the state of one check, in a few lines."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from grader.bench import NOT_STARTED, NOT_VERIFIED, PASSED, Bench, Failure
from grader.catalogue import Mistake
from grader.comparison import Check
from grader.diagnosis import Diagnosis, diagnose
from grader.hints import hints_for, purpose
from grader.loading import Version
from grader.outcome import Observed, Raised
from grader.tampering import Tampering
from grader.written import ANSWERED

MISSING = re.compile(r"AttributeError: module '(\w+)' has no attribute '(\w+)'.*")
TAMPERING = Tampering.__name__  # the kind of Raised of a file that changes what is not its own
EXPLAINED = {
    "TabError": "Some lines begin with tabs, others with spaces: use four spaces everywhere.",
    "NoneType": "Something is None where a value was expected: is a return missing?",
    "File too large": "It wrote more than any check needs: does it print in a loop that never ends?",
    "EOFError": "Nobody answers input() while checks run.",
    "MemoryError": "It asked for more memory than there is.",
    "can't allocate memory": "It asked for more memory than there is.",
    "RecursionError: maximum": "A function calls itself without an end.",
}


@dataclass(frozen=True)
class Line:
    """A line on the screen. Styles: "" (plain), "bold", "dim", "code", "advice"."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Verdict:
    """The state of one check: the facts, then the advice. `mistakes` names the catalogued mistakes that it shows."""

    state: str
    summary: str = ""
    facts: tuple[Line, ...] = ()
    advice: tuple[Line, ...] = ()
    mistakes: tuple[str, ...] = ()
    trace: str = field(default="", repr=False)
    unwritten: str = ""
    printed: str = field(default="", repr=False)


def judge(bench: Bench, check: Check, version: Version, task: str = "") -> Verdict:
    """Run a check on a version of the unit's files and say what is wrong, and why.

    Args:
        task: the number of the task that the check belongs to, to tell an earlier unfinished task from this one.
    """
    failure = bench.failure(check, version)
    if failure is None:
        return Verdict(PASSED)
    if failure.state == NOT_VERIFIED:
        return _not_verified(failure)
    if failure.state == NOT_STARTED:
        if failure.comparison.written:
            return _no_text(bench, failure, task)
        return _no_run(failure) if failure.comparison.record else _not_started(bench, failure, task)
    diagnosis = diagnose(bench, check, version, failure)
    facts = _facts(failure)
    advice = _advice(bench, failure, diagnosis)
    trace = failure.outcome.trace if isinstance(failure.outcome, Raised) else ""
    named = tuple(mistake.name for mistake in diagnosis.mistakes) if not diagnosis.partly else ()
    summary = diagnosis.mistakes[0].says if len(named) == 1 else facts[0].text
    printed = "".join(outcome.printed for outcome in bench.outcomes(check, version))
    return Verdict(failure.state, summary, tuple(facts), tuple(advice), named, trace, printed=printed)


def _not_started(bench: Bench, failure: Failure, task: str) -> Verdict:
    assert isinstance(failure.outcome, Raised) and failure.outcome.place is not None
    unwritten = failure.outcome.unwritten
    number, _, name = unwritten.partition(" ")
    file = Path(failure.outcome.place.file)
    lines = []
    summary = f"{name} in {file.name} is not written yet"
    if task and number != task:
        summary = f"{task} builds on {number}: write {name} in {file.name} first"
        lines.append(Line(f"{task} builds on {number}, which comes first.", "bold"))
    what = purpose(file, name)
    lines.append(Line(f"Write {name} in {where(file)}" + (f": {what}" if what else ".")))
    hints = [Line(f"First hint: {hint}", "advice") for hint in hints_for(bench.exercise, unwritten)[:1]]
    return Verdict(NOT_STARTED, summary, tuple(lines), tuple(hints), trace=failure.outcome.trace, unwritten=unwritten)


def _no_run(failure: Failure) -> Verdict:
    run = failure.comparison.record
    assert run is not None
    lines = (Line(f"This check reads the record of your run {run.name}, and there is none yet. Make the run:"),)
    advice = Line(f"It leaves its numbers in runs/{run.name}/metrics.json; then run this check again.", "advice")
    return Verdict(
        NOT_STARTED, f"there is no run {run.name} yet", (*lines, Line(f"  {run.command}", "code")), (advice,)
    )


def _no_text(bench: Bench, failure: Failure, task: str) -> Verdict:
    text = failure.comparison.written
    assert text is not None and isinstance(failure.outcome, Raised)
    lines = [Line(failure.outcome.message)]
    if failure.outcome.message.endswith(":"):
        lines.append(Line(f"  {text.command}", "code"))
    advice = [Line("Write under each of its headings, in any language, then run this check again.", "advice")]
    hints = hints_for(bench.exercise, f"{task} {text.name.rpartition('.')[0]}")
    advice += [Line(f"First hint: {hint}", "advice") for hint in hints[:1]]
    return Verdict(NOT_STARTED, f"nothing is written in {text.place} yet", tuple(lines), tuple(advice))


def _not_verified(failure: Failure) -> Verdict:
    assert isinstance(failure.outcome, Raised)
    lines = (Line(failure.outcome.message, "bold"), Line("So this is neither right nor wrong, and ticks nothing."))
    return Verdict(NOT_VERIFIED, failure.outcome.message, lines)


def _facts(failure: Failure) -> list[Line]:
    if isinstance(failure.outcome, Raised):
        return crash_facts(failure.outcome)
    return _unfinished(failure) or _divergence(failure)


def _unfinished(failure: Failure) -> list[Line]:
    """Of a text: all headings that are not answered yet, at once."""
    text = failure.comparison.written
    assert isinstance(failure.outcome, Observed)
    values = [item for item in failure.outcome.values.items() if item[0] not in failure.comparison.named_by]
    if text is None or failure.name not in dict(values) or not all(isinstance(value, str) for _, value in values):
        return []
    left = [(name, value) for name, value in values if value != ANSWERED]
    wait = "waits" if len(left) == 1 else "wait"
    lines = [Line(f"{text.place}: {len(left)} of {len(values)} headings {wait} for you.", "bold")]
    return lines + [Line(f"  {name}: {value}", "code") for name, value in left]


def _divergence(failure: Failure) -> list[Line]:
    assert failure.difference is not None
    agree = _and(list(failure.agree))
    prefix = f"{agree} {'agree' if len(failure.agree) > 1 else 'agrees'}; " if agree else ""
    first, *rest = failure.difference.facts
    lines = [Line(f"{prefix}{failure.name}: {first}", "bold")]
    return lines + [Line(f"  {fact}", "code") for fact in rest]


def crash_facts(outcome: Raised) -> list[Line]:
    """What was raised, and where."""
    message = [line.strip() for line in outcome.message.strip().splitlines() if line.strip()]
    headline = f"{outcome.kind}: {message[0][:300]}" if message else outcome.kind
    if outcome.kind == TAMPERING:
        return [Line(message[0], "bold")]
    if outcome.place is None:
        lines = [Line(headline, "bold")]
        if outcome.probe_line:
            lines.append(Line("It came up in the check, which could not go on with what your code gave it:"))
            lines.append(Line(f"  {outcome.probe_line}", "code"))
        return lines + _elsewhere(outcome) + _explained(outcome)
    place = outcome.place
    inside = f", in {place.function}" if place.function and place.function != "<module>" else ""
    colon = ":" if place.code else ""
    lines = [Line(headline, "bold"), Line(f"{where(Path(place.file))}, line {place.line}{inside}{colon}")]
    if place.code:
        lines.append(Line(f"  {shortened(place.code.strip())}", "code"))
    lines += _elsewhere(outcome)
    if place.tensors:
        lines.append(Line(f"Tensors there: {'; '.join(place.tensors)}"))
    return lines + _explained(outcome)


def _elsewhere(outcome: Raised) -> list[Line]:
    """Of a check on several processes: which rank it was, or where each one stood."""
    if outcome.notes:
        return [Line(f"  {note}", "code") for note in outcome.notes]
    return [Line(f"It happened on rank {outcome.rank}.")] if outcome.rank is not None else []


def _explained(outcome: Raised) -> list[Line]:
    """A sentence about an error whose own words do not help a beginner."""
    said = f"{outcome.kind}: {outcome.message}"
    missing = MISSING.fullmatch(said) if outcome.place is None else None
    lines = [Line(f"There is no {missing[2]} in {missing[1]}.py: was it renamed, or deleted?")] if missing else []
    return lines + [Line(sentence) for sign, sentence in EXPLAINED.items() if sign in said]


def _advice(bench: Bench, failure: Failure, diagnosis: Diagnosis) -> list[Line]:
    found = diagnosis.mistakes
    what = "error" if isinstance(failure.outcome, Raised) else "result"
    if not found:
        if isinstance(failure.outcome, Raised) or not bench.mistakes:
            return []
        return [Line("No known mistake gives this result, so here is no guess.", "dim")]
    if diagnosis.partly:
        which = "A known mistake gives" if len(found) == 1 else "Each of these known mistakes gives"
        lines = [Line(f"{which} exactly this {failure.name}:")]
        lines += [line for mistake in found for line in _named(bench, mistake)]
        return [*lines, Line("What comes after it differs from that mistake too: there may be a second one.", "dim")]
    if len(found) == 1 and failure.comparison.written:
        return [Line("About the first of them:"), *_named(bench, found[0])]
    if len(found) == 1:
        return [Line(f"Exactly this {what} comes from a known mistake:"), *_named(bench, found[0])]
    lines = [Line(f"Several known mistakes give exactly this {what}. It could be either of:")]
    lines += [line for mistake in found for line in _named(bench, mistake)]
    reasons = {reason for mistake in found for name, reason in mistake.twins.items() if name in {m.name for m in found}}
    return lines + [Line(f"What tells them apart: {reason}", "dim") for reason in sorted(reasons)]


def _named(bench: Bench, mistake: Mistake) -> list[Line]:
    return [
        Line(f"  ▸ {mistake.says} ({mistake.shown})", "advice"),
        Line(f"    {mistake.why}"),
        Line(f"    Read: {where(bench.exercise / 'README.md')}{mistake.read}", "dim"),
    ]


def shortened(code: str, most: int = 200) -> str:
    return code if len(code) <= most else f"{code[: most - 1]}…"


def where(file: Path) -> str:
    """A file as the learner types it: from the folder of the course."""
    return "/".join(file.parts[-3:])


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def plain(verdict: Verdict) -> str:
    """The verdict without colours, as a snapshot keeps it."""
    return (
        "\n".join([f"{verdict.state}: {verdict.summary}", *(line.text for line in (*verdict.facts, *verdict.advice))])
        + "\n"
    )


def steady(text: str) -> str:
    """A message with its fractions masked: their last digits differ from one processor to another."""
    return re.sub(r"-?\d+\.\d+(e[-+]?\d+)?|-?\d+e[-+]?\d+", "#.#", text)
