"""`python -m course_data show NAME`: sizes and a sample. `python -m course_data baseline NAME`: n-gram models."""

import argparse
import sys
from collections.abc import Sequence

from .entropy import Entropy
from .errors import CourseDataError
from .ngram import baseline
from .text import SPLITS, Text, available, load_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1, after one sentence, if the data are not there or not as they should be."""
    options = parse(arguments)
    try:
        command = {"show": show, "baseline": compare}[options.command]
        print(command(options))
    except (CourseDataError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m course_data", description="Look at the texts of the course.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in [
        ("show", "where a text comes from, its sizes, and how it begins"),
        ("baseline", "what a bigram and a trigram model, fitted on the train split, make of another split"),
    ]:
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("name", help=f"{', '.join(available())}, or a path")
        command.add_argument("--split", default="validation", help=f"{', '.join(SPLITS)} (default: %(default)s)")
        command.add_argument("--data-dir", help="a folder that has the files (default: the variable COURSE_DATA)")
        command.add_argument("--mirror", help="where to fetch them from (default: the variable COURSE_MIRROR)")
        if name == "show":
            command.add_argument("--characters", type=int, default=1500, help="how much to show (default: %(default)s)")
    return parser.parse_args(arguments)


def load(options: argparse.Namespace, split: str) -> Text:
    """The text that the command line names."""
    return load_text(options.name, split, data_dir=options.data_dir, mirror=options.mirror)


def show(options: argparse.Namespace) -> str:
    """Sizes and a sample."""
    text = load(options, options.split)
    lines = [
        f"{text.name}, {text.split}: {text.words:,} words (ends of lines counted), {text.bytes:,} bytes of UTF-8",
        f"source: {text.source}",
        f"sha256: {text.digest}",
    ]
    if text.entropy:
        lines.append(f"the source's own entropy: {measured(text.entropy)}")
    return "\n".join([*lines, "", text.text[: options.characters]])


def compare(options: argparse.Namespace) -> str:
    """A table of n-gram models and, where it is known, of the source itself."""
    train, text = load(options, "train"), load(options, options.split)
    lines = [f"{text.name}, {text.split}: {text.words:,} words, {text.bytes:,} bytes", f"source: {text.source}", ""]
    for order in (2, 3):
        result = baseline(train, text, order)
        lines.append(f"{result.name:<14}{measured(result.entropy)}")
    if text.entropy:
        lines.append(f"{'the source':<14}{measured(text.entropy)}  (no model can be expected to do better)")
    return "\n".join(lines)


def measured(entropy: Entropy) -> str:
    """The three units side by side."""
    return (
        f"{entropy.bits_per_word:7.3f} bits per word   perplexity per word {entropy.perplexity_per_word:8.2f}   "
        f"{entropy.bits_per_byte:.4f} bits per byte"
    )


if __name__ == "__main__":
    sys.exit(main())
