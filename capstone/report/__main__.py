"""python -m capstone.report RUN: all that is known of a run, on one page that needs nothing else."""

import sys
import webbrowser
from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from ..comparison import trigram
from ..errors import CapstoneError, ConfigError, run
from ..folder import told_in_a_sentence
from ..options import saved_config
from .gather import Gathered, find, gather
from .page import MARK, page


@dataclass(frozen=True)
class Options:
    """Make the page of a run, finished or not, or of a recorded one."""

    run: tyro.conf.Positional[str]  # the run: its folder, its name under runs/, or the name of a record in docs/runs
    to: str = ""  # the file to write (empty: report.html in the run's folder; index.html in a record's)
    baseline: bool = True  # score a trigram model of words on the same text, to compare with: a few seconds
    open: bool = False  # show it in the browser


def main(arguments: list[str]) -> int:
    """Write the page."""
    options = tyro.cli(Options, args=arguments, prog="python -m capstone.report")
    found = gather(find(options.run))
    if options.baseline and not found.known:
        found = with_trigram(found)
    path = target(options, found)
    write(path, page(found))
    print(path)
    if options.open:
        webbrowser.open(path.resolve().as_uri())
    return 0


def with_trigram(found: Gathered) -> Gathered:
    """The run with a trigram's scores beside its own, if its text is still there."""
    if not found.sizes.get("tokens"):
        return found
    try:
        return replace(found, known=trigram(saved_config(found.folder)))
    except CapstoneError as error:
        print(f"Without a trigram to compare with: {error}", file=sys.stderr)
        return found


def target(options: Options, found: Gathered) -> Path:
    """Where the page goes.

    Raises:
        ConfigError: there is something that is not such a page.
    """
    recorded = (found.folder / "metrics.json").is_file()
    path = Path(options.to) if options.to else found.folder / ("index.html" if recorded else "report.html")
    if path.is_dir():
        raise ConfigError(f"--to {path} is a folder: name a file, such as {path / 'report.html'}.")
    if options.to and path.is_file() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise ConfigError(f"--to {path} is a file that is no report: it would be lost. Choose another name.")
    return path


def write(path: Path, text: str) -> None:
    """Write a page, whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    with told_in_a_sentence(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)


if __name__ == "__main__":
    run(main)
