"""The one list of units and their tasks: curriculum/days.toml, read and checked."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KINDS = ("code", "run", "write", "read", "rest")

T = TypeVar("T")


class UnitsError(ValueError):
    """The list of units has faults; the message names every one of them."""


@dataclass(frozen=True)
class Task:
    unit: str  # id of the unit that it belongs to
    id: str  # "2.3"
    title: str
    title_zh: str
    minutes: int
    kind: tuple[str, ...]  # of KINDS
    files: tuple[str, ...]  # stubs, in the unit's folder
    checks: tuple[str, ...]  # test files, in the unit's folder
    builds_on: tuple[str, ...]  # ids of the unit's tasks whose pieces this one imports
    learned: str
    optional: tuple[str, ...] = ()  # stubs and checks that no box waits for
    repair: tuple[str, ...] = ()  # of `files`: given whole and broken on purpose, to be repaired
    writes: tuple[str, ...] = ()  # texts, by their places in the course's folder; templates/ has their templates


@dataclass(frozen=True)
class Unit:
    id: str  # the folder in curriculum/ and solutions/
    label: str  # "Day 2"
    title: str
    title_zh: str
    hours: int
    breaks: str
    advice: str
    tasks: tuple[Task, ...]

    @property
    def written(self) -> bool:
        """Whether the unit's folder stands, or is only planned."""
        return any(task.files or task.checks for task in self.tasks)


def load_units(path: Path) -> tuple[Unit, ...]:
    """Read the list. All its faults are reported in one UnitsError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnitsError(f"{path} cannot be read: {error}") from error
    faults: list[str] = []
    units = tuple(_unit(table, number, faults) for number, table in enumerate(_tables(document, "unit"), start=1))
    if not units:
        faults.append("there is no [[unit]] in it")
    faults += _contradictions(units)
    if faults:
        raise UnitsError(f"{path} has {len(faults)} fault(s):\n" + "\n".join(f"  - {fault}" for fault in faults))
    return units


def all_tasks(units: Iterable[Unit]) -> Iterator[Task]:
    """Every task of every unit, in the order of the list."""
    return (task for unit in units for task in unit.tasks)


def task_by_id(units: Iterable[Unit], task_id: str) -> Task:
    """The task with this number. Raises KeyError if there is none."""
    for task in all_tasks(units):
        if task.id == task_id:
            return task
    raise KeyError(f"there is no task {task_id}")


def task_of_check(units: Iterable[Unit], unit_id: str, check: str) -> Task | None:
    """The task whose box the test file `check` of the unit `unit_id` helps to tick, if any."""
    return next((task for task in all_tasks(units) if task.unit == unit_id and check in task.checks), None)


def task_of_file(units: Iterable[Unit], unit_id: str, file: str) -> Task | None:
    """The task that asks the learner to fill in `file` of the unit `unit_id`, if any."""
    return next((task for task in all_tasks(units) if task.unit == unit_id and file in task.files), None)


def _unit(table: dict[str, Any], number: int, faults: list[str]) -> Unit:
    where = f"unit {table.get('id', number)}"
    tasks = tuple(
        _record(Task, task, f"task {task.get('id', f'number {place} of {where}')}", faults, unit=str(table.get("id")))
        for place, task in enumerate(_tables(table, "task"), start=1)
    )
    if not tasks:
        faults.append(f"{where} has no [[unit.task]]")
    return _record(Unit, {key: value for key, value in table.items() if key != "task"}, where, faults, tasks=tasks)


def _tables(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The tables [[key]]; anything else than tables counts as none."""
    value = table.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _record(cls: type[T], table: dict[str, Any], where: str, faults: list[str], **given: object) -> T:
    """A dataclass from a TOML table. A faulty field is noted and stands empty, so that the reading can go on."""
    values = dict(given)
    types = _fields(cls)  # type: ignore[arg-type]  # a class is hashable
    hints = {name: hint for name, hint in types.items() if name not in given}
    faults += [f"{where}: unknown field '{name}'" for name in table if name not in hints]
    for name, hint in hints.items():
        value = table.get(name)
        if hint == tuple[str, ...]:
            right = isinstance(value, list) and all(isinstance(item, str) for item in value)
            values[name] = tuple(value) if right and value else ()
        else:
            right = type(value) is hint and value != "" and value != 0
            values[name] = value if right else hint()
        if name not in table and not hasattr(cls, name):  # a dataclass keeps a default as an attribute
            faults.append(f"{where}: the field '{name}' is missing")
        elif name in table and not right:
            wanted = {str: "a text", int: "a number above 0"}.get(hint, "a list of texts")
            faults.append(f"{where}: '{name}' should be {wanted}, not {value!r}")
    return cls(**values)


@cache
def _fields(cls: Any) -> dict[str, Any]:
    """The fields of a dataclass and their types."""
    return get_type_hints(cls)


def _contradictions(units: Sequence[Unit]) -> list[str]:
    """What no field shows alone: names used twice, tasks that are not there, circles."""
    tasks = list(all_tasks(units))
    faults = [f"unit {name} stands there twice" for name in _repeated(unit.id for unit in units)]
    faults += [f"task {name} stands there twice" for name in _repeated(task.id for task in tasks)]
    faults += [
        f"{unit}/{check} is a check of more than one task"
        for unit, check in _repeated((task.unit, check) for task in tasks for check in task.checks)
    ]
    faults += [
        f"{text} is the text of more than one task"
        for text in _repeated(text for task in tasks for text in task.writes)
    ]
    for task in tasks:
        faults += [
            f"task {task.id}: the kind '{kind}' is not one of {', '.join(KINDS)}"
            for kind in task.kind
            if kind not in KINDS
        ]
        faults += [
            f"task {task.id}: {file} is to be repaired, but is not one of its files"
            for file in task.repair
            if file not in task.files
        ]
        if task.writes and "write" not in task.kind:
            faults.append(f"task {task.id}: it writes {task.writes[0]}, but 'write' is not one of its kinds")
    for unit in units:
        faults += _circles(unit)
    return faults


def _circles(unit: Unit) -> list[str]:
    """Tasks that build on one that the unit has not, or, by however many steps, on themselves."""
    bases = {task.id: task.builds_on for task in unit.tasks}
    faults = [
        f"task {name} builds on {base}, which is no task of {unit.id}"
        for name in bases
        for base in bases[name]
        if base not in bases
    ]
    for name in bases:
        reached: set[str] = set()
        ahead = list(bases[name])
        while ahead:
            base = ahead.pop()
            if base not in reached:
                reached.add(base)
                ahead += bases.get(base, ())
        if name in reached:
            faults.append(f"task {name} builds on itself")
    return faults


def _repeated(names: Iterable[T]) -> list[T]:
    return [name for name, times in Counter(names).items() if times > 1]
