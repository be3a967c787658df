"""Find the submissions in the folders that were named, and of each only the files that the course asks for."""

import hashlib
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath

from companion.course import Course
from companion.errors import CompanionError
from companion.find import files_of
from companion.grade.sources import LeftOut, Source, is_archive, opened, stem_of

NOTHING = "There is nothing of the course in it."
RECORD = re.compile(r"runs/[^/]+/metrics\.json")


@dataclass
class Submission:
    """The files of one learner: place in the course's folder → content."""

    name: str
    folder: Path  # or an archive
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        sha = hashlib.sha256()
        for place, content in sorted(self.files.items()):
            sha.update(f"{place} {len(content)}\n".encode("utf-8", "replace") + content)
        return sha.hexdigest()


def find_submissions(course: Course, folders: list[Path]) -> list[Submission]:
    """The submissions in these folders, by name; a folder is one itself, or has one in each of its sub-folders.

    Raises:
        CompanionError: a folder is not there, or there is none in it.
    """
    found: list[Submission] = []
    for folder in folders:
        if not folder.exists():
            raise CompanionError(f"There is no folder {folder}: name one that holds a submission, or several.")
        if not folder.is_dir() and not is_archive(folder):
            raise CompanionError(
                f"{folder} is no folder, and no zip or tar: name one that holds a submission, or several."
            )
        if not folder.is_dir() or _has_units(course, folder):
            found.append(_read(course, folder))
            continue
        inside = [_read(course, path) for path in sorted(folder.iterdir()) if _may_be_one(path)]
        if not any(one.files for one in inside):
            raise CompanionError(
                f"There is no submission in {folder}: it should hold curriculum/, or folders like "
                f"{course.units[0].id}/ with the files of that day, or a folder like that for each learner."
            )
        found += inside
    return _with_names_of_their_own(found)


def _may_be_one(path: Path) -> bool:
    return not path.name.startswith((".", "__")) and (path.is_dir() or is_archive(path))


def _with_names_of_their_own(found: list[Submission]) -> list[Submission]:
    names = [one.name for one in found]
    for one in found:
        if names.count(one.name) > 1:
            one.name = shown(str(one.folder.resolve()))
    if len({one.name for one in found}) < len(found):
        raise CompanionError("A submission was named twice: name each folder once.")
    return found


def shown(name: str) -> str:
    """A name on one line, that any terminal and any file can hold."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)


def _has_units(course: Course, folder: Path) -> bool:
    names = {"curriculum", *(name for task in course.tasks for name in _names(task.unit))}
    return any((folder / name).is_dir() for name in names) or any((folder / text).is_file() for text in _texts(course))


def _texts(course: Course) -> set[str]:
    """The places of texts that are like no other file's: notes/report.md, but not README.md."""
    return {text for task in course.tasks for text in task.writes if "/" in text}


def _names(unit: str) -> tuple[str, str]:
    """day02_attention, and day02."""
    return unit, unit.partition("_")[0]


def _read(course: Course, path: Path) -> Submission:
    """A submission, from a folder, an archive, or a folder with nothing but an archive in it."""
    found = Submission(shown(stem_of(path)), path)
    with opened(path) as source:
        _take(course, found, source)
        inner = [path / place for place in source.places if path.is_dir() and is_archive(path / place)]
    if not found.files and len(inner) == 1 and not inner[0].is_symlink():
        with opened(inner[0]) as source:
            _take(course, found, source)
    if not found.files:
        found.notes.append(NOTHING)
    found.notes = list(dict.fromkeys(shown(note) for note in found.notes))
    return found


def _take(course: Course, found: Submission, source: Source) -> None:
    """The files that the course asks for. Of several copies of the course, those of the fullest."""
    found.notes += source.notes
    copies = _copies(course, source.places) or _loose(course, source.places)
    if not copies:
        return
    root = max(copies, key=lambda root: (len(copies[root]), -len(root)))
    if len(copies) > 1:
        found.notes.append(f"There are {len(copies)} copies of the course in it; {root or 'the outermost'} was graded.")
    wanted = dict(copies[root])
    places = {place.removeprefix(root): place for place in source.places if place.startswith(root)}
    texts = {text for task in course.tasks for text in task.writes}
    wanted |= {place: whole for place, whole in places.items() if place in texts or RECORD.fullmatch(place)}
    for place, whole in wanted.items():
        try:
            found.files[place] = source.read(whole)
        except LeftOut as error:
            found.notes.append(f"{place} {error}, and was left out.")


def _copies(course: Course, places: list[str]) -> dict[str, dict[str, str]]:
    """Root, "" or with a slash at its end → place in the course → where it stands."""
    asked = {
        (name, file): f"curriculum/{task.unit}/{file}"
        for task in course.tasks
        for file in files_of(task)
        for name in reversed(_names(task.unit))
    }
    copies: dict[str, dict[str, str]] = {}
    for whole in places:
        *above, name = PurePosixPath(whole).parts
        if "solutions" in above or not above or (above[-1], name) not in asked:
            continue
        root = above[:-2] if above[-2:-1] == ["curriculum"] else above[:-1]
        copies.setdefault("".join(f"{part}/" for part in root), {})[asked[above[-1], name]] = whole
    for text in _texts(course):
        for whole in places:
            if f"/{whole}".endswith(f"/{text}") and "solutions" not in whole.split("/"):
                copies.setdefault(whole.removesuffix(text), {})[text] = whole
    return copies


def _loose(course: Course, places: list[str]) -> dict[str, dict[str, str]]:
    """The same of files that lie about without a folder of their day, if no other day has a file of that name."""
    days: dict[str, set[str]] = {}
    for task in course.tasks:
        for file in files_of(task):
            days.setdefault(file, set()).add(f"curriculum/{task.unit}/{file}")
    copies: dict[str, dict[str, str]] = {}
    for whole in places:
        folder, _, name = whole.rpartition("/")
        if len(days.get(name, ())) == 1:
            copies.setdefault(f"{folder}/" if folder else "", {})[next(iter(days[name]))] = whole
    return copies


def imports_reference(submission: Submission) -> set[str]:
    """The places of the files that import `solutions`, however late, as far as their text shows it."""
    return {
        place
        for place, content in submission.files.items()
        if PurePosixPath(place).suffix == ".py" and "solutions" in set(_imported(content))
    }


def _imported(source: bytes) -> Iterator[str]:
    """The first parts of the names of modules that a source imports. Words in strings and comments do not count."""
    for statement in _statements(source):
        if statement[0] == "from" and statement[1:]:
            yield statement[1]
        elif statement[0] == "import":
            yield from (name for before, name in pairwise(statement) if before in ("import", ","))


def _statements(source: bytes) -> Iterator[list[str]]:
    """The words of each statement, as far as the source can be read. No parser: a deep source brings that one down."""
    statement: list[str] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.NEWLINE or token.string in (";", ":"):
                if statement:
                    yield statement
                statement = []
            elif token.type in (tokenize.NAME, tokenize.OP):
                statement.append(token.string)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return  # its checks will say so
