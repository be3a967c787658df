"""Trace or swap, in a process of its own: `python -m companion.trace.child ORDER`, an order being a line of JSON."""

import json
import sys
from pathlib import Path

from companion.console import say, say_code
from companion.errors import CompanionError
from grader.bench import NOT_STARTED, Bench, Failure
from grader.comparison import Check
from grader.limits import limit
from grader.ranks import uses_ranks


def main() -> int:
    """Do what the order says. Exit code: 0 if nothing is wrong, 1 if something was found, 2 if it cannot be done."""
    limit()
    order = json.loads(sys.argv[1])
    try:
        if not order["unit"]:
            from companion.trace.swapping import swap_the_whole

            return swap_the_whole(Path(order["root"]))
        root, unit = Path(order["root"]), order["unit"]
        with Bench(root / "curriculum" / unit, root / "solutions" / unit) as bench:
            found = failing(bench, order["checks"], order["word"])
            if found is None:
                say(("✔ ", "good"), "Every check passes: nothing differs.")
                return 0
            return {"trace": trace, "swap": swap}[order["verb"]](bench, *found)
    except CompanionError as error:
        print(error, file=sys.stderr)
        return 2


def failing(bench: Bench, files: list[str], word: str) -> tuple[Check, Failure] | None:
    """The first check of these files that fails and can be traced; None if all pass.

    Raises:
        CompanionError: no check has the word in its name, none can be traced, or what does not pass is not written yet.
    """
    checks = [check for check in bench.checks if check.file.name in files and word in check.name]
    checks.sort(key=lambda check: files.index(check.file.name))
    if not checks:
        raise CompanionError(f"No check there has {word} in its name.")
    skipped, unwritten = 0, ""
    for check in checks:
        if uses_ranks(check.file) or any(item.record or item.written for item in bench.comparisons(check)):
            skipped += 1
            continue
        failure = bench.failure(check, bench.learners)
        if failure and failure.state != NOT_STARTED:
            return check, failure
        unwritten = unwritten or (getattr(failure.outcome, "unwritten", "") if failure else "")
    if unwritten:
        raise CompanionError(f"{unwritten} is not written yet: there is nothing to compare. course hint {unwritten}")
    if skipped == len(checks):
        raise CompanionError("These checks run on several processes, or read a record: they cannot be traced.")
    return None


def trace(bench: Bench, check: Check, failure: Failure) -> int:
    """Show where the learner's calls first differ from the reference's in the comparison that fails."""
    from companion.trace.meeting import first_fault, forget_what_varies
    from companion.trace.recording import Recorder
    from companion.trace.screen import outline, show
    from grader.outcome import Raised, run

    comparison, recordings, outcomes = failure.comparison, [], []
    for version in (bench.learners, bench.reference, bench.reference):
        with Recorder(version.folder) as recorder:
            outcomes.append(run(comparison, version))
        recordings.append(recorder.root)
    say((check.title, "bold"), f" · {failure.state}")
    mine, theirs, again = recordings
    forget_what_varies(theirs, again)
    fault = first_fault(mine, theirs, comparison.rtol, comparison.atol)
    if fault:
        show(fault)
    outcome = outcomes[0]
    if isinstance(outcome, Raised):
        place = outcome.place
        at = f" {Path(place.file).name}, line {place.line}: {place.code.strip()}" if place else ""
        say((f"\n{outcome.kind}: {outcome.message}", "wrong"), at)
    elif not fault:
        say(
            "Every call that can be followed gives what the reference gives. So it lies in what is made or left "
            "behind: a constructor, weights, gradients, settings. The check sees it in:"
        )
        say(("  ✘ ", "wrong"), f"{failure.name}: {outline(outcome.values[failure.name])}")
        for fact in failure.difference.facts if failure.difference else ():
            say(fact, indent=4)
        say(("\nWhich function is it?", "dim"))
        say_code(f"course swap {check.file.name.removeprefix('test_')}")
    return 1


def swap(bench: Bench, check: Check, failure: Failure) -> int:
    """Show which pieces of the reference it takes for the check to pass."""
    from companion.trace.swapping import swap_in_a_unit

    say((check.title, "bold"), f" · {failure.state}")
    return swap_in_a_unit(bench, check)


if __name__ == "__main__":
    sys.exit(main())
