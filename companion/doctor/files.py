"""Checks of the learner's folder: what can be written, what Python can read, what is missing, where the data are."""

import codecs
import stat
from collections.abc import Iterator
from pathlib import Path

from companion.course import Course
from companion.doctor.finding import Finding, fault, ok, warning
from companion.doctor.machine import Machine
from companion.find import files_of

LONGEST = 100  # characters of the course's folder, of the 260 that Windows allows a path
SYNCED = ("OneDrive", "Dropbox", "Google Drive", "iCloud", "CloudDocs")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CONFLICT = b"\n<<<<<<< "


def folder(machine: Machine, course: Course) -> Finding:
    """The course's folder can be written, and is no place where programs disturb each other."""
    if not machine.can_write(course.root):
        return fault(
            "folder", f"Nothing can be written in {course.root}.", "Copy the course into a folder of your own."
        )
    if not machine.can_write(course.records):
        return fault(
            "folder", f"Nothing can be written in {course.records}.", "Give yourself the right to write there."
        )
    if machine.system == "Windows" and len(str(course.root)) > LONGEST:
        return warning(
            "folder",
            "Its path is so long that Windows may refuse files in it.",
            r"Move the course, to C:\gpt for example.",
        )
    cloud = next((name for name in SYNCED if name in str(course.root)), "")
    if cloud:
        return warning(
            "folder", f"{cloud} synchronises it, and locks files while it does.", "Move the course out of it."
        )
    return ok("folder", f"{course.root} can be written")


def permissions(machine: Machine, course: Course) -> Finding:
    """The learner may save what they edit, and the checks may tick the boxes."""
    files = [*(path for path in _mine(course) if path.is_file()), course.root / "progress.md"]
    closed = [course.shown(path) for path in files if path.is_file() and not path.stat().st_mode & stat.S_IWUSR]
    if closed:
        do = f"attrib -R {closed[0]}" if machine.system == "Windows" else f"chmod u+w {closed[0]}"
        more = f", and {len(closed) - 1} more" if len(closed) > 1 else ""
        return fault("permissions", f"{closed[0]} is read-only{more}.", do)
    return ok("permissions", "your files and progress.md can be saved")


def missing(machine: Machine, course: Course) -> Finding:
    """Every file that a task names is there."""
    gone = [course.shown(path) for path in _mine(course) if not path.is_file() and path.parent.is_dir()]
    if gone:
        more = f", and {len(gone) - 1} more" if len(gone) > 1 else ""
        return fault("files", f"{gone[0]} is missing{more}.", f"course reset {Path(gone[0]).name} puts the stub back.")
    waiting = sorted(course.shown(path) for path in (course.root / "curriculum").glob("*/*.new.*"))
    if waiting:
        return warning("files", f"{waiting[0]} came with an update.", "Take over what is new in it, then delete it.")
    return ok("files", "every task has its files")


def text(machine: Machine, course: Course) -> Finding:
    """The learner's files are UTF-8, without a byte order mark, marks of a conflict, or mixed ends of lines."""
    for path in (path for path in _mine(course) if path.is_file()):
        name, content = course.shown(path), path.read_bytes()
        if content.startswith(UTF_16) or b"\0" in content:
            return fault("text", f"{name} is UTF-16, which Python cannot read.", "Save it with the encoding UTF-8.")
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            return fault("text", f"{name} is not UTF-8: look at line {line}.", "Save it with the encoding UTF-8.")
        if CONFLICT in content:
            return fault("text", f"{name} has marks of a conflict, <<<<<<<.", f"git checkout --ours {name}")
        if content.startswith(codecs.BOM_UTF8):
            return warning("text", f"{name} begins with a byte order mark.", "Save it as UTF-8 without BOM.")
        windows = content.count(b"\r\n")
        if 0 < windows < content.count(b"\n"):
            return warning(
                "text", f"{name} mixes the ends of lines of Windows and Unix.", "Let the editor save it with one kind."
            )
    return ok("text", "your files are UTF-8")


def data(machine: Machine, course: Course) -> Finding:
    """COURSE_DATA names a folder, and the data can be kept somewhere."""
    from companion.data import NAMES, places
    from course_data.cache import cache_folder

    own = machine.variables.get("COURSE_DATA", "")
    if own and not Path(own).expanduser().is_dir():
        return fault(
            "data", f"COURSE_DATA names {own}, and there is no such folder.", "Correct the variable, or unset it."
        )
    if not machine.can_write(cache_folder()):
        return fault(
            "data", f"Nothing can be written in {cache_folder()}.", "COURSE_CACHE=/path/to/folder names another."
        )
    there = [name for name in NAMES if places(name)]
    if not there:
        return warning(
            "data",
            "Neither MNIST nor CIFAR-10 nor WikiText-2 is here yet.",
            "course data get NAME fetches one; course data list says more.",
        )
    return ok("data", f"{', '.join(there)}{f', in {own}' if own else ''}")


def _mine(course: Course) -> Iterator[Path]:
    for task in course.tasks:
        if course.unit(task).written:
            yield from (course.mine(task, file) for file in files_of(task))


CHECKS = (folder, permissions, missing, text, data)
