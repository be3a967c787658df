"""Where `course trace` and `course swap` lead, for every catalogued mistake: writes trace.md. Run from the root.

`python -m docs.proof.trace UNIT…`; without names, the units that have modules made of modules. It takes a quarter of
an hour.
"""

import contextlib
import io
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import torch

from companion.trace.meeting import first_fault, forget_what_varies
from companion.trace.recording import Recorder
from companion.trace.swapping import Part, parts_of, smallest, spliced
from grader.bench import Bench, Failure
from grader.catalogue import Mistake
from grader.comparison import Check
from grader.loading import Version, read_text
from grader.outcome import run
from grader.ranks import uses_ranks

ROOT = Path(__file__).parents[2]
UNITS = (
    "day02_attention",
    "day03_gpt_model",
    "day05_training",
    "day06_ddp",
    "day08_checkpoints",
    "day10_profiling",
    "day11_generation",
)
HEAD = """\
# Where trace and swap lead

For every mistake of these units, `course trace` and `course swap` were run on the first check that it fails. The file
in which the mistake stands is known, so what they say can be judged. Made by `python -m docs.proof.trace UNIT…`.

**trace** follows calls of functions and modules to the first value that differs, and names the file. Where every call
gives what the reference gives, it says so, and guesses nothing: such a mistake lies in a constructor, in gradients, in
settings. It leads to another file where a mistake in one file first shows in a module of another: weights that are
initialised wrongly, for the most part. **swap** finds pieces without which the check does not pass. Mistakes that show
only on several processes, in a run's record or in a text are not counted: these verbs do not follow them there.
[whole.md](whole.md) has the whole GPT.

"""
COLUMNS = {
    "right": "trace: the right file",
    "nothing": "trace: no call differs",
    "another": "trace: another file",
    "swap right": "swap: the right file alone",
    "swap more": "swap: the right file, and more",
    "swap another": "swap: another file",
}


def first_failure(bench: Bench, mistake: Mistake, version: Version) -> tuple[Check, Failure] | None:
    """The first check in one process that the mistake fails."""
    for check in bench.checks:
        reads = any(item.record or item.written for item in bench.comparisons(check))
        if uses_ranks(check.file) or reads or mistake not in bench.mistakes_within(check):
            continue
        if failure := bench.failure(check, version):
            return check, failure
    return None


def traced(bench: Bench, mistake: Mistake, version: Version, failure: Failure) -> str:
    """What trace says of it: a key of COLUMNS."""
    roots = []
    for each in (version, bench.reference, bench.reference):
        with Recorder(each.folder) as recorder:
            run(failure.comparison, each)
        roots.append(recorder.root)
    forget_what_varies(roots[1], roots[2])
    fault = first_fault(roots[0], roots[1], failure.comparison.rtol, failure.comparison.atol)
    if fault is None:
        return "nothing"
    return "right" if Path(fault.node.file or fault.path[-1][0].called_in).stem == mistake.file else "another"


def swapped(bench: Bench, mistake: Mistake, check: Check) -> str:
    """What swap says of it: a key of COLUMNS."""

    def passes(theirs: set[Part]) -> bool:
        names = {part.name for part in theirs if part.file == mistake.file}
        right = read_text(bench.reference.file(mistake.file))
        edits = {mistake.file: partial(spliced, right, names) if names else str}
        wrong = {mistake.file: lambda source: edits[mistake.file](mistake.edit(source))}
        with Version(bench.solution, edits=wrong) as version:
            return bench.failure(check, version) is None

    found = {part.file for part in smallest(parts_of(bench, check), passes, lambda part, stays: None)}
    return "swap another" if mistake.file not in found else "swap right" if len(found) == 1 else "swap more"


def of_unit(name: str) -> Counter[str]:
    """How many mistakes of a unit each of COLUMNS is said of."""
    counts: Counter[str] = Counter()
    with Bench(ROOT / "curriculum" / name, ROOT / "solutions" / name) as bench:
        for mistake in (mistake for mistake in bench.mistakes if not mistake.hangs):
            version = bench.mistaken(mistake)
            found = first_failure(bench, mistake, version)
            if found is not None:
                with contextlib.redirect_stdout(io.StringIO()):
                    counts[traced(bench, mistake, version, found[1])] += 1
                    counts[swapped(bench, mistake, found[0])] += 1
    return counts


def main(units: list[str]) -> None:
    """Write trace.md."""
    torch.set_num_threads(1)
    rows = {name: of_unit(name) for name in units}
    rows["all"] = sum(rows.values(), Counter())
    lines = [f"| | {' | '.join(COLUMNS.values())} |", "| --- |" + " ---: |" * len(COLUMNS)]
    lines += [f"| {name} | {' | '.join(str(row[key]) for key in COLUMNS)} |" for name, row in rows.items()]
    (ROOT / "docs/proof/trace.md").write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or list(UNITS))
