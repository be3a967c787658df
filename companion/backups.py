"""Copies of what the companion is about to write over, in .course/backups/, with the time and the reason.

Each is a folder of its own, 0007-2026-11-27-144201, that holds the files under their paths from the course's root, and
about.json: the time, the reason, the files, and those that were not there at all. A folder appears whole or not at all.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from companion.course import Course
from grader.progress import write_whole

ABOUT = "about.json"


@dataclass(frozen=True)
class Backup:
    """What some files held before they were written over. The paths are from the course's root, with slashes."""

    folder: Path
    time: int
    reason: str
    files: tuple[str, ...]
    missing: tuple[str, ...]  # files that were not there: to bring them back is to take them away

    @property
    def number(self) -> int:
        """The number by which a person names it."""
        return int(self.folder.name.partition("-")[0])

    @property
    def paths(self) -> tuple[str, ...]:
        """All of its files."""
        return (*self.files, *self.missing)


def backups(course: Course) -> list[Backup]:
    """Every backup, oldest first. A folder without a readable about.json is none."""
    found = []
    for folder in (course.records / "backups").glob("[0-9]*-*"):
        try:
            about = json.loads((folder / ABOUT).read_bytes())
            entry = int(about["time"]), str(about["reason"]), tuple(about["files"]), tuple(about["missing"])
            found.append(Backup(folder, *entry))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda backup: backup.number)


def keep(course: Course, files: Mapping[str, object], reason: str) -> Backup:
    """Copy these files, as they are now, into a new backup."""
    now = time.time()
    number = max((backup.number for backup in backups(course)), default=0) + 1
    folder = course.records / "backups" / f"{number:04}-{time.strftime('%Y-%m-%d-%H%M%S', time.localtime(now))}"
    unfinished = folder.with_name(f".{folder.name}")
    there = tuple(name for name in files if (course.root / name).is_file())
    missing = tuple(name for name in files if name not in there)
    about = {"time": int(now), "reason": reason, "files": there, "missing": missing}
    for name in there:
        (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(course.root / name, unfinished / name)
    unfinished.mkdir(parents=True, exist_ok=True)
    (unfinished / ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
    unfinished.rename(folder)
    return Backup(folder, int(now), reason, there, missing)


def write_over(course: Course, files: Mapping[str, bytes | None], reason: str) -> Backup:
    """Write these files, or take away those that are None, after a backup of what was there.

    Raises:
        OSError: one cannot be written. What had been written before it stays, and the backup too.
    """
    backup = keep(course, files, reason)
    for name, content in files.items():
        path = course.root / name
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(course.root / "solutions")):
                path.unlink()  # a link to the reference, which is nobody's to write over
            write_whole(path, content)
    return backup


def bring_back(course: Course, backup: Backup, names: tuple[str, ...]) -> Backup:
    """Put these files of a backup back, after a backup of what they hold now; that one is returned."""
    files = {name: (backup.folder / name).read_bytes() if name in backup.files else None for name in names}
    return write_over(course, files, f"undo of “{backup.reason}”")
