"""Grade one submission: judge every check, look for what is forbidden, name the mistakes."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import PurePosixPath

from companion.course import Course
from companion.find import files_of
from companion.grade.apart import Apart, Stopped
from companion.grade.marks import CRASHED, EDITED, EXAMPLES, NOT_STARTED, PASSED, REFERENCE, TAMPERED, Graded, Mark
from companion.grade.submissions import Submission, imports_reference
from companion.grade.tree import Order, fingerprint, tree_of

UNEXPLAINED = (PASSED, NOT_STARTED, CRASHED, REFERENCE, TAMPERED, EDITED)  # there is no mistake to be named


def grade_all(
    submissions: list[Submission], one: Callable[[Submission], Graded], jobs: int, apart: Apart
) -> Iterator[Graded]:
    """Grade them, so many at a time, and give each as soon as it is done. Whoever stops loses those in work."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            waiting = {pool.submit(one, submission) for submission in submissions}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            apart.stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)


def grade(course: Course, submission: Submission, orders: list[Order], apart: Apart) -> Graded:
    """One submission. Nothing that its files do is raised; Stopped is, if the grading is stopped."""
    if apart.stopped.is_set():
        raise Stopped
    written = [order for order in orders if _begun(course, submission, order)]
    units = {order.unit for order in written}
    marks = {order: Mark(order.task, order.unit, order.file, order.check, NOT_STARTED) for order in orders}
    if written:
        with tree_of(course, submission, units) as root:
            before = fingerprint(course, root, units)
            answers = apart.run(root, written)
            edited = fingerprint(course, root, units) != before
        for order, answer in zip(written, answers, strict=True):
            state, says = str(answer["state"]), str(answer.get("says", ""))[:300]
            marks[order] = replace(marks[order], state=EDITED if edited else state, says=says)
        for order in _of_copies(course, submission, written):
            marks[order] = replace(marks[order], state=REFERENCE, says="")
        marks = _explained(course, submission, marks, apart)
    found = tuple(marks.values())
    return Graded(submission.name, submission.digest, found, (*submission.notes, *_notes(found)))


def _begun(course: Course, submission: Submission, order: Order) -> bool:
    """Whether anything of the order's task was handed in. A check of a run needs no file of its own."""
    task = next(task for task in course.tasks if task.id == order.task)
    places = [*(f"curriculum/{task.unit}/{file}" for file in files_of(task)), *task.writes]
    return not places or any(place in submission.files for place in places)


def _of_copies(course: Course, submission: Submission, orders: list[Order]) -> list[Order]:
    """The checks of the files whose text imports the reference: their own, or if they have none, all of the task."""
    found: list[Order] = []
    for place in imports_reference(submission):
        path = PurePosixPath(place)
        own = [order for order in orders if (order.unit, order.file) == (path.parent.name, f"test_{path.name}")]
        tasks = {task.id for task in course.tasks if task.unit == path.parent.name and path.name in files_of(task)}
        found += own or [order for order in orders if order.task in tasks]
    return found


def _explained(course: Course, submission: Submission, marks: dict[Order, Mark], apart: Apart) -> dict[Order, Mark]:
    """The marks with the mistakes behind them. This run has the reference at hand, and so it gives no points.

    But for one case: where not even the reference passes with the seed, the check says nothing about the submission.
    """
    wrong = [order for order, mark in marks.items() if mark.state not in UNEXPLAINED]
    if not wrong or not (course.root / "solutions").is_dir():
        return marks
    with tree_of(course, submission, {order.unit for order in wrong}, solutions=True) as root:
        answers = apart.run(root, wrong, [marks[order].state for order in wrong])
    for order, answer in zip(wrong, answers, strict=True):
        mark, state = marks[order], str(answer["state"])
        if mark.state == EXAMPLES:
            suits = state == PASSED
            says = mark.says if suits else "The seed does not suit this check: judged with the usual one."
            marks[order] = replace(mark, state=EXAMPLES if suits else PASSED, says=says)
        else:
            names = tuple(name for name in answer.get("mistakes", ()) if isinstance(name, str) and name.isidentifier())
            marks[order] = replace(mark, mistakes=names)
    return marks


def _notes(marks: tuple[Mark, ...]) -> list[str]:
    """A sentence for each thing that the instructor should look at."""
    sentences = {
        EXAMPLES: "is right with the usual numbers only: look for answers that are written down",
        REFERENCE: "imports or reads the reference",
        TAMPERED: "changes the grader while it runs",
        EDITED: "edits the checks or the grader: none of its points count",
    }
    found = []
    for state, sentence in sentences.items():
        tasks = list(dict.fromkeys(mark.task for mark in marks if mark.state == state))
        if tasks:
            found.append(f"{', '.join(tasks)} {sentence}.")
    return found
