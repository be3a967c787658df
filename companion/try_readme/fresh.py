"""A fresh place to try a README in: a copy of what a stranger would get, and environments without anything in them."""

import shutil
import site
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from companion.errors import CompanionError

NEVER = {
    ".venv",
    "venv",
    ".git",
    "runs",
    ".course",
    "data",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
}
UNSET = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX", "PYTEST_CURRENT_TEST", "FORCE_COLOR")


@dataclass(frozen=True)
class Copied:
    """A copy of the repository.

    Args:
        files: how many it has.
        unseen: files that git does not have as they are here, so that others would not get them.
        by_git: whether git said which files belong to it.
    """

    files: int
    unseen: tuple[str, ...]
    by_git: bool


def copy_repository(root: Path, target: Path) -> Copied:
    """Copy what git has, or would take: everything but ignored files. Without git, all but the usual left-overs.

    Raises:
        CompanionError: a file cannot be copied.
    """
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = sorted(set(listed.split("\0")) - {""}) if listed is not None else _walk(root)
    copied = 0
    try:
        for name in names:
            source = root / name
            if source.is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / name)
                copied += 1
    except OSError as error:
        raise CompanionError(f"{error.filename or root} cannot be copied: {error.strerror}.") from error
    changed = _git(root, "status", "--porcelain", "-z") if listed is not None else None
    unseen = tuple(entry[3:] for entry in (changed or "").split("\0") if len(entry) > 3)
    return Copied(copied, unseen, listed is not None)


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, encoding="utf-8", timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def _walk(root: Path) -> list[str]:
    found, ahead = [], [root]
    while ahead:
        for path in ahead.pop().iterdir():
            if path.name in NEVER or path.name.endswith(".egg-info") or path.is_symlink():
                continue
            if path.is_dir():
                ahead.append(path)
            else:
                found.append(path.relative_to(root).as_posix())
    return sorted(found)


def make_environment(folder: Path, borrow: bool) -> None:
    """A virtual environment with nothing in it; or one that sees the packages of this Python, but not the course.

    Raises:
        CompanionError: it cannot be made.
    """
    try:
        venv.EnvBuilder(with_pip=not borrow, symlinks=sys.platform != "win32").create(folder)
        if borrow:
            packages = [path for path in (*site.getsitepackages(), site.getusersitepackages()) if Path(path).is_dir()]
            (_packages_of(folder) / "borrowed.pth").write_text("\n".join(packages) + "\n", encoding="utf-8")
    except (OSError, subprocess.SubprocessError) as error:
        raise CompanionError(
            f"python -m venv does not work here ({error}). On Debian and Ubuntu: sudo apt install python3-venv"
        ) from error


def _packages_of(folder: Path) -> Path:
    """Where an environment keeps its packages."""
    return next(path for path in (folder / "Lib", *folder.glob("lib/python*")) if path.is_dir()) / "site-packages"


def python_of(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def variables(now: Mapping[str, str], environment: Path, borrow: bool) -> dict[str, str]:
    """The variables for commands in an environment; with borrowed packages pip asks no network."""
    found = {name: value for name, value in now.items() if name not in UNSET}
    programs = python_of(environment).parent
    separator = ";" if sys.platform == "win32" else ":"
    found |= {
        "VIRTUAL_ENV": str(environment),
        "PATH": f"{programs}{separator}{found.get('PATH', '')}",
        "PYTHONUTF8": "1",
        "COLUMNS": "64",  # the last lines are shown, indented, on a terminal of 80
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "TRY_README": "1",
    }
    if borrow:  # pip's switches for this are read the wrong way round: 0 is no isolation, so no download of setuptools
        found |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    return found
