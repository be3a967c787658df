"""Where a submission's files come from: a folder or an archive. Nothing is unpacked, and nothing outside is read."""

import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

LARGEST = 1_000_000  # bytes of a stub, a text or a record
MOST = 50_000  # files of a submission that are looked at
WHOLE = 2**30  # bytes of an unpacked tar that are looked at
SKIPPED = {"venv", "node_modules", "site-packages", "__pycache__", "__MACOSX"}  # and all that begins with a dot
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


class LeftOut(Exception):
    """A file is not taken; the message says why, as the end of a sentence about it."""


@dataclass
class Source:
    """Files by their places, with slashes, seen from the top; `read` gives the content of one or raises LeftOut."""

    places: list[str] = field(default_factory=list)
    read: Callable[[str], bytes] = lambda place: b""
    notes: list[str] = field(default_factory=list)


def is_archive(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def stem_of(path: Path) -> str:
    """The name of a folder, or of an archive without its ending."""
    name = path.resolve().name
    ending = next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)] if path.is_file() else name


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The files of a folder or an archive. One that cannot be read has none, and a note."""
    if path.is_dir():
        yield _folder(path)
        return
    with ExitStack() as until_the_end:
        try:
            source = until_the_end.enter_context(_zip(path) if path.name.lower().endswith(".zip") else _tar(path))
        except Exception as error:  # a damaged archive can raise anything
            source = Source(notes=[f"{path.name} cannot be opened ({error})."])
        yield source


def _folder(folder: Path) -> Source:
    home = folder.resolve()
    source = Source(read=lambda place: _content(home, home / place))
    for here, folders, files in os.walk(home):
        folders[:] = sorted(name for name in folders if not _skipped(name))
        links = [Path(here, name).relative_to(home).as_posix() for name in folders if Path(here, name).is_symlink()]
        source.notes += [f"{place} is a link, and what it leads to was left out." for place in links]
        source.places += [Path(here, name).relative_to(home).as_posix() for name in sorted(files)]
        if len(source.places) > MOST:
            source.notes.append(f"It has more than {MOST} files: the others were not looked at.")
            break
    return source


def _skipped(name: str) -> bool:
    return (name.startswith(".") and name != ".github") or name in SKIPPED


def _content(home: Path, path: Path) -> bytes:
    if not path.resolve().is_relative_to(home) or not path.is_file():
        raise LeftOut("is no file of its own")
    try:
        with path.open("rb") as stream:
            return _beginning(stream)
    except OSError as error:
        raise LeftOut(f"cannot be read ({error.strerror})") from error


def _beginning(stream: IO[bytes]) -> bytes:
    content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise LeftOut(f"is larger than {LARGEST:,} bytes")
    return content


@contextmanager
def _zip(path: Path) -> Iterator[Source]:
    with zipfile.ZipFile(path) as archive:
        members = {
            name: one for one in archive.infolist()[:MOST] if (name := _place(one.filename)) and not one.is_dir()
        }
        members = {name: one for name, one in members.items() if not stat.S_ISLNK(one.external_attr >> 16)}

        names = [one.filename for one in archive.infolist()[:MOST]]
        yield Source(list(members), lambda place: _unpacked(lambda: archive.open(members[place])), _outside(names))


@contextmanager
def _tar(path: Path) -> Iterator[Source]:
    with tarfile.open(path) as archive:
        members, names, notes = {}, [], []
        for number, one in enumerate(archive):
            if number == MOST or one.offset_data > WHOLE:
                notes.append("It is too large: the rest of it was not looked at.")
                break
            names.append(one.name)
            if one.isreg() and (name := _place(one.name)):
                members[name] = one

        read = archive.extractfile
        yield Source(list(members), lambda place: _unpacked(lambda: read(members[place])), notes + _outside(names))


def _unpacked(member: Callable[[], IO[bytes] | None]) -> bytes:
    try:
        stream = member()
        return b"" if stream is None else _beginning(stream)
    except LeftOut:
        raise
    except Exception as error:  # a damaged archive can raise anything
        raise LeftOut(f"cannot be read ({error})") from error


def _place(name: str) -> str:
    """The place of an archive's member; none if it leads out of the archive, or is skipped."""
    path = PurePosixPath(name.replace("\\", "/"))
    outside = path.is_absolute() or ".." in path.parts or ":" in str(path).partition("/")[0]
    if outside or not path.parts or any(map(_skipped, path.parts)):
        return ""
    return path.as_posix()


def _outside(names: list[str]) -> list[str]:
    count = sum(".." in name.replace("\\", "/").split("/") or name.startswith(("/", "\\")) for name in names)
    return [f"{count} of the names in its archive lead out of it, and were left out."] if count else []
