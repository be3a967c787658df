"""Two catalogued mistakes at once: do the checks still fail, and does the message name only what it can show?"""

import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from grader.bench import Bench, Failure
from grader.catalogue import Mistake
from grader.comparison import Check
from grader.diagnosis import Diagnosis, diagnose
from grader.differences import difference
from grader.loading import Version, read_text
from grader.outcome import Observed, same

MOST = 150  # pairs of a unit
OWN, NOTHING, ANOTHER, WRONG = "one of the two", "nothing", "another with the same numbers", "misnamed"


@dataclass(frozen=True)
class Pair:
    """Two mistakes of one unit that can be made together."""

    first: Mistake
    second: Mistake

    @property
    def name(self) -> str:
        return f"{self.first.name} + {self.second.name}"

    @property
    def own(self) -> set[str]:
        """The names that a message may give it: the two, and what is declared to be indistinguishable from them."""
        return {self.first.name, self.second.name, *self.first.twins, *self.second.twins}


@dataclass(frozen=True)
class Finding:
    """What one failing check says of a pair."""

    check: Check
    kind: str
    named: tuple[str, ...]
    partly: bool


@dataclass(frozen=True)
class Fate:
    """What became of a pair: one finding for each check that fails."""

    pair: Pair
    findings: tuple[Finding, ...] = field(default_factory=tuple)

    @property
    def kinds(self) -> set[str]:
        return {finding.kind for finding in self.findings}


def pairs(bench: Bench, most: int = MOST) -> list[Pair]:
    """Pairs whose edits fit together: of one file, or of two files that a check reaches together.

    Where there are more than `most`, those whose names' digests come first: a sample that does not depend on a random
    generator, and hardly changes when the catalogue grows. Mistakes that hang are left out.
    """
    together = [bench.reached(check) for check in bench.checks]
    calm = [mistake for mistake in bench.mistakes if not mistake.hangs]
    possible = [
        Pair(first, second)
        for first, second in combinations(calm, 2)
        if first.file == second.file or any({first.file, second.file} <= reached for reached in together)
    ]
    possible.sort(key=lambda pair: hashlib.sha256(pair.name.encode()).digest())
    found: list[Pair] = []
    lines = {mistake: _lines_touched(bench, mistake) for mistake in calm}
    for pair in possible:
        if len(found) == most:
            break
        apart = pair.first.file != pair.second.file
        if apart or (not lines[pair.first] & lines[pair.second] and _fit(bench, pair)):
            found.append(pair)
    return found


def _source(bench: Bench, file: str) -> str:
    return read_text(bench.reference.file(file))


def _lines_touched(bench: Bench, mistake: Mistake) -> set[int]:
    """The lines of the reference that the mistake replaces, or before which it puts something."""
    before = _source(bench, mistake.file).splitlines()
    matcher = difflib.SequenceMatcher(None, before, mistake.edit("\n".join(before) + "\n").splitlines(), autojunk=False)
    return {
        line
        for tag, start, end, _, _ in matcher.get_opcodes()
        if tag != "equal"
        for line in range(start, max(end, start + 1))
    }


def _fit(bench: Bench, pair: Pair) -> bool:
    source = _source(bench, pair.first.file)
    try:
        return pair.second.edit(pair.first.edit(source)) == pair.first.edit(pair.second.edit(source))
    except Exception:  # an edit is any function; it may not find its place in a text that another one changed
        return False


def fate(bench: Bench, pair: Pair) -> Fate:
    """Run every check that reaches one of the two."""
    version = bench.combined(pair.first, pair.second)
    files = {pair.first.file, pair.second.file}
    findings = []
    for check in bench.checks:
        if files & bench.reached(check):
            failure = bench.failure(check, version)
            if failure:
                findings.append(_finding(bench, pair, check, version, failure))
    return Fate(pair, tuple(findings))


def _finding(bench: Bench, pair: Pair, check: Check, version: Version, failure: Failure) -> Finding:
    diagnosis = diagnose(bench, check, version, failure)
    names = tuple(mistake.name for mistake in diagnosis.mistakes)
    if not names:
        kind = NOTHING
    elif not _true(bench, check, version, failure, diagnosis):
        kind = WRONG
    else:
        kind = OWN if set(names) <= pair.own else ANOTHER
    return Finding(check, kind, names, diagnosis.partly)


def _true(bench: Bench, check: Check, version: Version, failure: Failure, diagnosis: Diagnosis) -> bool:
    """Whether each mistake that is named gives, alone, what the message says that it gives."""
    for mistake in diagnosis.mistakes:
        alone = bench.mistaken(mistake)
        theirs = bench.outcomes(check, alone)
        if diagnosis.partly:
            outcome = theirs[failure.index]
            if not isinstance(outcome, Observed) or not isinstance(failure.outcome, Observed):
                return False
            values = failure.outcome.values[failure.name], outcome.values[failure.name]
            if difference(*values, failure.comparison.rtol, failure.comparison.atol):
                return False
        else:
            outcomes = zip(bench.outcomes(check, version), theirs, bench.comparisons(check), strict=True)
            if not all(same(mine, other, comparison) for mine, other, comparison in outcomes):
                return False
    return True


def fates(bench: Bench, most: int = MOST) -> Iterator[Fate]:
    for pair in pairs(bench, most):
        yield fate(bench, pair)
