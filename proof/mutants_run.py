"""What becomes of a unit's mutants: which check tells each, or that none does."""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from grader.bench import PASSED, Bench
from grader.comparison import Check
from grader.ranks import get_ready, uses_ranks
from proof.mutants import Mutant, files_of, mutants_of
from proof.mutants_fork import BROKEN, asked, away_from_home
from proof.mutants_memory import Memory, key_of, part_of


class MutantsError(Exception):
    """The mutants cannot be measured; the message says what to do."""


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: the check that told it and what it said; both empty if all passed it."""

    mutant: Mutant
    check: str = ""  # "test_attention.py::test_worked_example"
    state: str = ""
    passed: int = 0  # checks that the mutant passed

    @property
    def survived(self) -> bool:
        return not self.check

    @property
    def broken(self) -> bool:
        """Whether the check itself broke on the mutant, and could not tell the learner anything."""
        return self.state.startswith(BROKEN)


class Field:
    """The checks of one unit, warm, and what each costs on the reference. Use it as a context manager.

    Args:
        kept: the folder of what checks have said before; build/mutants if left out.
    """

    def __init__(self, root: Path, unit: str, kept: Path | None = None):
        self.exercise, self.solution = root / "curriculum" / unit, root / "solutions" / unit
        self.stems = files_of(self.exercise, self.solution)
        self._file = (kept or root / "build" / "mutants") / f"{unit}.json"
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "Field":
        if not hasattr(os, "fork"):
            raise MutantsError("Mutants are measured in forks of a process, which Windows has not: use Linux, or WSL.")
        with contextlib.ExitStack() as until_it_stands:
            until_it_stands.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)  # threads do not outlive a fork
            until_it_stands.enter_context(away_from_home())
            self.bench = until_it_stands.enter_context(Bench(self.exercise, self.solution))
            self.costs = {check: self._cost(check) for check in self.bench.checks if self._reaches_mutants(check)}
            self.memory = Memory(self._file)
            self._open = until_it_stands.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self.memory.save()

    def _reaches_mutants(self, check: Check) -> bool:
        return bool(self.bench.reached(check) & set(self.stems))

    def _cost(self, check: Check) -> float:
        """Seconds of computing that a check takes on the reference."""
        if uses_ranks(check.file):
            get_ready()
        began = time.process_time()
        with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
            failure = self.bench.failure(check, self.bench.reference)
        if failure:
            raise MutantsError(f"{_name(check)} fails on the reference ({failure.state}): mend that first.")
        return time.process_time() - began

    def mutants(self, stem: str) -> list[Mutant]:
        solution, stub = (folder / f"{stem}.py" for folder in (self.solution, self.exercise))
        return mutants_of(stem, solution.read_text("utf-8"), stub.read_text("utf-8"))

    def checks_for(self, stem: str) -> list[Check]:
        """The checks that reach a file: those of its own first, and of these the cheap ones before the dear ones."""
        reaching = [check for check in self.costs if stem in self.bench.reached(check)]
        dear = {check: (uses_ranks(check.file), self.costs[check]) for check in reaching}
        return sorted(reaching, key=lambda check: (check.file.stem != f"test_{stem}", dear[check]))

    def fate(self, mutant: Mutant) -> Fate:
        """Run the checks that reach the mutant's file until one tells it."""
        checks = self.checks_for(mutant.stem)
        keys = {check: self._key(mutant, check) for check in checks}
        said = {check: self.memory.said[key] for check, key in keys.items() if key in self.memory.said}
        if all(state == PASSED for state in said.values()):
            new = [check for check in checks if check not in said]
            for check, state in zip(new, asked(self.bench, mutant, new, self.costs), strict=False):
                said[check] = self.memory.said[keys[check]] = state
        passed = sum(state == PASSED for state in said.values())
        told = next(((check, state) for check, state in said.items() if state != PASSED), None)
        return Fate(mutant, _name(told[0]), told[1], passed) if told else Fate(mutant, passed=passed)

    def _key(self, mutant: Mutant, check: Check) -> str:
        reached = sorted(self.bench.reached(check) - {mutant.stem})
        files = [self.bench.reference.file(name) for name in reached]
        return key_of(mutant.source, part_of(check.file.read_text("utf-8"), check.name), files)

    def told(self, fate: Fate) -> str:
        """What became of a mutant, in a sentence; of a survivor, with the checks that passed it."""
        if fate.check:
            return f"{fate.check} tells it: {fate.state}."
        names = [f"  {_name(check)}" for check in self.checks_for(fate.mutant.stem)]
        return "\n".join(["No check tells it. These reach the file:", *names])


def fates(field: Field, mutants: Sequence[Mutant], say: Callable[[str], None]) -> list[Fate]:
    """What becomes of each mutant; now and then, what has been found so far is said and kept."""
    found: list[Fate] = []
    for number, mutant in enumerate(mutants, 1):
        found.append(field.fate(mutant))
        if number % 50 == 0 or number == len(mutants):
            field.memory.save()
            say(f"{number} of {len(mutants)} mutants, {sum(fate.survived for fate in found)} survive")
    return found


def _name(check: Check) -> str:
    return f"{check.file.name}::{check.name}"
