"""`data`: which sets of data are there, and where; get them, verify them, import them. course_data does the work."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from companion.console import console, line, say, say_code
from companion.errors import CompanionError
from companion.group import group

if TYPE_CHECKING:
    from course_data.images import Images
    from course_data.text import Text

NAMES = ("mnist", "cifar10", "wikitext2-tokens", "wikitext2-raw")
IMAGES = NAMES[:2]
WHAT = {
    "mnist": "handwritten digits",
    "cifar10": "photographs of ten things",
    "wikitext2-tokens": "articles, rare words as <unk>",
    "wikitext2-raw": "the same articles, raw",
}
STAND_INS = ("digits", "textures", "encyclopedia")
WRONG = "not the official text"  # what course_data says of a text that is there and is another one

app = group("The data: what is there, and where; get it, verify it, import it.")


def complete_names(incomplete: str) -> list[str]:
    """The sets whose name begins like that."""
    return [name for name in NAMES if name.startswith(incomplete)]


NAME = typer.Argument(metavar="NAME", help=", ".join(NAMES) + ".", autocompletion=complete_names)
Mirror = Annotated[
    str, typer.Option("--mirror", metavar="URL", help="Where to fetch it from. By default the variable COURSE_MIRROR.")
]


@app.command("list")
def list_() -> None:
    """What is there, where, and how large."""
    from course_data.cache import cache_folder

    for name in NAMES:
        found = places(name)
        sign = ("✔ ", "good") if found and whole(name) else ("○ ", "dim")
        size = f"{megabytes(found)}, in {_folder(found)}" if found else "not here"
        part = "" if whole(name) or not found else " (a part of it)"
        console().print(line(sign, (f"{name:<17}", "bold"), f"{WHAT[name]:<30} {size}{part}"), soft_wrap=True)
    for name in STAND_INS:
        console().print(line(("✔ ", "good"), (f"{name:<17}", "bold"), f"{'drawn on the spot':<30} no files"))
    say((f"\nCOURSE_DATA    {os.environ.get('COURSE_DATA') or 'not set: no folder of your own'}", "dim"))
    say((f"COURSE_CACHE   {cache_folder()}", "dim"))
    say((f"COURSE_MIRROR  {os.environ.get('COURSE_MIRROR') or 'not set: the official addresses'}", "dim"))
    if not all(whole(name) for name in NAMES):
        say("\nTo have what is missing, from the network or from a disk:")
        say_code("course data get NAME")
        say_code("course data import FOLDER")


@app.command("get")
def get(names: Annotated[list[str], NAME], mirror: Mirror = "") -> None:
    """Have a set ready: found where it lies, or fetched into the cache once, and verified."""
    for name in known(names):
        for part in load(name, mirror=mirror or None):
            _tell(part)


@app.command("verify")
def verify(names: Annotated[list[str] | None, NAME] = None) -> None:
    """Compare what is there with the official checksums. The exit code is 1 if anything is not as it should be."""
    chosen = known(names) if names else [name for name in NAMES if places(name)]
    if not chosen:
        raise CompanionError("There is nothing to verify: course data get NAME fetches a set.")
    parts = [part for name in chosen for part in load(name, splits_in(places(name), name))]
    wrong = [part for part in parts if not _tell(part)]
    missing = [name for name in chosen if not whole(name)]
    for name in missing:
        say(("✘ ", "wrong"), f"{name} is not here as a whole: course data get {name}")
    if wrong or (names and missing):
        raise typer.Exit(1)


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(metavar="FOLDER|URL", help="Where the files are: a folder or a mirror.")],
    names: Annotated[list[str] | None, NAME] = None,
) -> None:
    """Copy sets from a folder, or fetch them from a mirror, into the cache: verified, and then always there."""
    folder = None if "://" in source else Path(source).expanduser()
    if folder and not folder.is_dir():
        raise CompanionError(f"There is no folder {folder}: name the one that has the files, or a mirror's address.")
    chosen = known(names) if names else [name for name in NAMES if folder is None or files_in(folder, name)]
    if not chosen:
        raise CompanionError(f"{folder} has none of {', '.join(NAMES)} under a name that the course knows.")
    for name in chosen:
        if folder:
            _import(folder, name)
        else:
            for part in load(name, mirror=source):
                _tell(part)


def _import(folder: Path, name: str) -> None:
    """Verify the set in a folder, and copy it into the cache."""
    from course_data import wikitext
    from course_data.cache import cache_folder, write_whole

    there = files_in(folder, name)
    if not there:
        raise CompanionError(
            f"{folder} has no {name} under a name that the course knows: course_data/README.md has them."
        )
    for part in load(name, splits_in(there, name), data_dir=folder):
        if not _tell(part):
            raise CompanionError(f"{name} was not imported: {part.source}.")
        if name not in IMAGES:
            kind = name.partition("-")[2]
            target = cache_folder() / "wikitext-2" / wikitext.file_name(kind, part.split)
            write_whole(target, part.text.encode("utf-8"))  # type: ignore[union-attr]
    for path in there if name in IMAGES else []:
        target = cache_folder() / name / path.name
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        elif name == "mnist":  # an archive of CIFAR-10 has been unpacked there by the loading
            write_whole(target, path.read_bytes())
    say(("✔ ", "good"), f"{name} is in the cache: {cache_folder()}")


def known(names: list[str]) -> list[str]:
    """The names, if each is a set that has files. Raises CompanionError if not."""
    from difflib import get_close_matches

    for name in names:
        if name in STAND_INS:
            raise CompanionError(f"{name} is drawn on the spot: there is nothing to fetch or to verify.")
        if name not in NAMES:
            near = get_close_matches(name, NAMES, n=1, cutoff=0.4)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise CompanionError(f"There is no set {name}.{guess} Choose from {', '.join(NAMES)}.", code=2)
    return names


def load(
    name: str, splits: Iterable[str] | None = None, data_dir: Path | None = None, mirror: str | None = None
) -> Iterator["Images | Text"]:
    """Splits of a set, by default all, as course_data gives them, which fetches what is nowhere. Its errors pass."""
    from course_data.images import load_images
    from course_data.text import load_text

    of_images = name in IMAGES
    every = ("train", "test") if of_images else ("train", "validation", "test")
    for split in every if splits is None else splits:
        yield (load_images if of_images else load_text)(name, split, data_dir=data_dir, mirror=mirror)


def splits_in(files: list[Path], name: str) -> list[str]:
    """The splits that these files of a set hold."""
    from course_data import wikitext

    if name in IMAGES:
        return ["train", "test"] if files else []
    kinds = {
        split: [stem for stem in stems if any(stem in path.name for path in files)]
        for split, stems in wikitext.STEMS.items()
    }
    return [split for split, stems in kinds.items() if stems]


def _tell(part: "Images | Text") -> bool:
    """Print where a split came from; whether it is what it should be."""
    good = WRONG not in part.source
    console().print(line(("✔ " if good else "✘ ", "good" if good else "wrong"), part.source), soft_wrap=True)
    return good


def places(name: str) -> list[Path]:
    """The files of a set where course_data would take them from: the data folder, or else the cache."""
    from course_data.cache import cache_folder

    own = os.environ.get("COURSE_DATA")
    folders = [Path(own).expanduser()] if own else []
    return next((found for folder in (*folders, cache_folder()) if (found := files_in(folder, name))), [])


def files_in(folder: Path, name: str) -> list[Path]:
    """The files of a set that a folder has, as far as their names tell; of CIFAR-10 its folder or its archive."""
    from course_data import cifar, mnist, wikitext

    if name == "mnist":
        return [path for file in mnist.OFFICIAL if (path := mnist.find(folder, file))]
    if name == "cifar10":
        names = (cifar.FOLDER, *cifar.ARCHIVES)
        options = (folder / home / file for file in names for home in cifar.HOMES)
        return [path for path in options if path.exists()][:1]
    kind = name.partition("-")[2]
    return [path for split in wikitext.STEMS if (path := wikitext.find(folder, kind, split))]


def whole(name: str) -> bool:
    """Whether all files of a set are there."""
    return len(places(name)) == {"mnist": 4, "cifar10": 1}.get(name, 3)


def _folder(paths: list[Path]) -> str:
    return str(Path(os.path.commonpath([path.parent for path in paths])))


def megabytes(paths: list[Path]) -> str:
    """What files and folders take on the disk."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return f"{size / 1e6:.0f} MB" if size > 1e6 else f"{size / 1e3:.0f} kB"
