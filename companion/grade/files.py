"""The files in which a grading is kept: JSON with everything in it, and CSV for a spreadsheet."""

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from companion.errors import CompanionError
from companion.grade.marks import Class, Graded, Mark, common_mistakes

HEAD = ["submission", "task", "points", "of", "state", "mistakes", "what went wrong", "notes"]


def write_json(graded: Class, file: Path) -> None:
    """Write it all, in such a way that a crash leaves the old file or the new one. Raises CompanionError."""
    rows = []
    for one in graded.submissions:
        tasks = {
            task: {
                "points": one.points(task),
                "of": graded.most[task],
                "state": one.state(task),
                "mistakes": one.mistakes(task),
            }
            for task in graded.tasks
        }
        total = {"name": one.name, "points": one.points(), "of": sum(graded.most.values()), "tasks": tasks}
        rows.append(total | asdict(one))
    common = [asdict(row) for row in common_mistakes(graded)]
    document = {"seed": graded.seed, "checks": graded.checks, "points": graded.most, "mistakes": common}
    _write(file, json.dumps({**document, "submissions": rows}, ensure_ascii=False, indent=1) + "\n", "utf-8")


def read_json(file: Path) -> Class:
    """What an earlier grading has written. Raises CompanionError."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        submissions = [_graded(row) for row in document["submissions"]]
        points = document["points"]
        return Class(document["seed"], list(points), points, submissions, document["checks"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompanionError(
            f"{file} is no JSON that grade has written: leave out --resume, or name another."
        ) from error


def _graded(row: dict[str, Any]) -> Graded:
    return Graded(row["name"], row["digest"], tuple(Mark(**mark) for mark in row["marks"]), tuple(row["notes"]))


def write_csv(graded: Class, file: Path) -> None:
    """One row a submission and task. It begins with a mark by which spreadsheets know UTF-8. Raises CompanionError."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(HEAD)
    for one in graded.submissions:
        for task in graded.tasks:
            mistakes = "; ".join(" or ".join(names) for names in one.mistakes(task))
            counts = one.points(task), graded.most[task]
            cells = one.name, task, *counts, one.state(task), mistakes, one.says(task), " ".join(one.notes)
            rows.writerow([_harmless(cell) for cell in cells])
    _write(file, text.getvalue(), "utf-8-sig")


def _harmless(cell: object) -> object:
    """A spreadsheet takes a text that begins like this for a formula, and runs it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell


def _write(file: Path, text: str, encoding: str) -> None:
    beside = file.with_name(f".{file.name}.part")
    try:
        beside.write_text(text, encoding=encoding, errors="backslashreplace")
        beside.replace(file)
    except OSError as error:
        raise CompanionError(f"{file} cannot be written ({error.strerror}): name another file.") from error
