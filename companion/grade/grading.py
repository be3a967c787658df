"""Grade one submission: run every check, have it judged, look for what is forbidden."""

from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from companion.course import Course
from companion.errors import CompanionError
from companion.find import files_of
from companion.grade.apart import Apart, Runner, Stopped
from companion.grade.marks import EDITED, EXAMPLES, NOT_STARTED, PASSED, REFERENCE, TAMPERED, WRITTEN, Graded, Mark
from companion.grade.submissions import Submission, imports_reference, shown
from companion.grade.tree import Order, fingerprint, tree_of
from companion.stubs import alike, given

UNSUITED, KNOWN = "unsuited", 0  # judge.UNSUITED; the seed that everybody knows
SETTLED = (PASSED, NOT_STARTED, "unfinished", "not verified")  # whatever the seed is
SENTENCES = {
    EXAMPLES: "is right with the usual numbers only: look for answers that are written down",
    REFERENCE: "goes for the reference",
    TAMPERED: "changes the grader while it runs",
    EDITED: "edits the checks",
    "not verified": "cannot be told right from wrong by a machine: look at it yourself",
    "broken check": "could not be judged, which is not their fault: please report it",
}


def grade_all(
    submissions: list[Submission], one: Callable[[Submission], Graded], jobs: int, apart: Apart
) -> Generator[Graded, None, None]:
    """Grade them, so many at a time, and give each as soon as it is done. Whoever stops loses those in work."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            waiting = [pool.submit(one, submission) for submission in submissions]
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in [future for future in waiting if future in done]:
                    waiting.remove(future)
                    yield future.result()
        finally:
            apart.stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)


def grade(course: Course, submission: Submission, orders: list[Order], apart: Apart) -> Graded:
    """One submission. Nothing that its files do is raised.

    Raises:
        Stopped: the grading is stopped. CompanionError: the course has changed since it began.
    """
    if apart.stopped.is_set():
        raise Stopped
    if fingerprint(course.root, {order.unit for order in orders}) != apart.checks:
        raise CompanionError("The course's checks have changed while they were used: grade again.")
    begun = [order for order in orders if _begun(course, submission, order)]
    units = {order.unit for order in begun}
    found: dict[Order, dict[str, Any]] = {}
    if begun:
        with tree_of(course, submission, units, apart.folder) as tree, apart.runner(tree) as runner:
            before = fingerprint(tree / "course", units)
            found = _Bout(runner, apart, tree).verdicts(begun)
            if fingerprint(tree / "course", units) != before:
                found = {order: {"state": EDITED} for order in begun}
    for order in _of_copies(course, submission, begun):
        found[order] = {"state": REFERENCE}
    marks = tuple(_mark(order, found.get(order, {"state": NOT_STARTED})) for order in orders)
    return Graded(submission.name, submission.digest, marks, (*submission.notes, *_notes(marks)))


def _mark(order: Order, found: dict[str, Any]) -> Mark:
    says, mistakes = shown(str(found.get("says", "")))[:300], found.get("mistakes") or {}
    return Mark(order.task, order.unit, order.file, order.check, found["state"], says, dict(mistakes))


def _begun(course: Course, submission: Submission, order: Order) -> bool:
    """Whether anything of the order's task was handed in: a file that is not as it was given out, a text, a run."""
    task = next(task for task in course.tasks if task.id == order.task)
    places = {f"curriculum/{task.unit}/{file}": given(course, task, file) for file in files_of(task)}
    changed = any(
        place in submission.files and not alike(submission.files[place], stub) for place, stub in places.items()
    )
    runs = any(place.startswith("runs/") for place in submission.files)
    return changed or any(place in submission.files for place in task.writes) or (runs and not order.runs)


@dataclass(frozen=True)
class _Bout:
    """The checks of one submission, run and judged."""

    runner: Runner
    apart: Apart
    tree: Path

    def verdicts(self, orders: list[Order]) -> dict[Order, dict[str, Any]]:
        """Judged with the seed. What is wrong with it is judged with the one that everybody knows, too."""
        seed = self.apart.limits.seed
        found = self._judged(orders, seed)
        ran = [order for order in orders if order.runs and "mistakes" in found[order]]
        again = [order for order in ran if found[order]["state"] not in SETTLED] if seed != KNOWN else []
        for order, known in self._judged(again, KNOWN).items():
            if found[order]["state"] == UNSUITED:
                found[order] = known | {
                    "says": known["says"] or "The seed does not suit this check: it has the usual one."
                }
            elif known["state"] == PASSED:
                found[order] |= {"state": EXAMPLES, "mistakes": {}}
        return found

    def _judged(self, orders: list[Order], seed: int) -> dict[Order, dict[str, Any]]:
        """What the judge says, with "mistakes"; of what could not be run to an end, what the runner says."""
        ran = {order: self.runner.run(order, seed) if order.runs else {"outcomes": None} for order in orders}
        found: dict[Order, dict[str, Any]] = {order: dict(answer) for order, answer in ran.items()}
        for unit in dict.fromkeys(order.unit for order in orders):
            mine = [order for order in orders if order.unit == unit and "outcomes" in ran[order]]
            checks = [(order.file, order.check, ran[order]["outcomes"]) for order in mine]
            if checks:
                judged = self.apart.judge(unit, seed, checks, self.tree)
                found |= dict(zip(mine, judged, strict=True))
        return found


def _of_copies(course: Course, submission: Submission, orders: list[Order]) -> list[Order]:
    """The checks of the files whose text imports the reference: their own, or if they have none, all of the task."""
    found: list[Order] = []
    for place in imports_reference(submission):
        path = PurePosixPath(place)
        own = [order for order in orders if order.place == (path.parent.name, f"test_{path.name}")]
        tasks = {task.id for task in course.tasks if task.unit == path.parent.name and path.name in files_of(task)}
        found += own or [order for order in orders if order.task in tasks]
    return found


def _notes(marks: tuple[Mark, ...]) -> list[str]:
    """A sentence for each thing that the instructor should look at."""
    tasks = {state: [mark.task for mark in marks if mark.state == state] for state in SENTENCES}
    sentences = SENTENCES | {WRITTEN: "passes, and results of its checks stand in its files as numbers: look at them"}
    tasks[WRITTEN] = [mark.task for mark in marks if mark.says == WRITTEN]
    return [
        f"{', '.join(dict.fromkeys(tasks[what]))} {sentence}." for what, sentence in sentences.items() if tasks[what]
    ]
