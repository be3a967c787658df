"""Where fetched files are kept, and how a file gets there whole or not at all."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from .errors import CourseDataError


def cache_folder() -> Path:
    """COURSE_CACHE, or the folder that this platform sets aside for caches."""
    if chosen := os.environ.get("COURSE_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "course_data"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system says when it refuses to write there (a full disk, a folder of somebody else), in a sentence."""
    try:
        yield
    except OSError as error:
        raise CourseDataError(
            f"{path} cannot be written: {error.strerror or error}. Make room there, or choose another folder: "
            "COURSE_CACHE=/path/to/folder."
        ) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time: the others wait. `path` is a file that only marks the place."""
    lock = FileLock(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears under its name only when all of it is on the disk."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)  # a cache may be shared: mkstemp lets nobody but the owner read
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
