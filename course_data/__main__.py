"""`python -m course_data show NAME`: sizes and a sample. `python -m course_data baseline NAME`: n-gram models."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .entropy import Entropy
from .errors import CourseDataError
from .images import SPLITS as IMAGE_SPLITS
from .images import image_sets, load_images
from .ngram import baseline
from .text import SPLITS, Text, available, check_choice, load_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1, after one sentence, if the data are not there or not as they should be."""
    options = parse(arguments)
    try:
        command = {"show": show, "baseline": compare}[options.command]
        print(command(options))
    except (CourseDataError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What had been fetched is kept.", file=sys.stderr)
        return 130
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m course_data", description="Look at the data of the course.")
    commands = parser.add_subparsers(dest="command", required=True)
    texts, splits = f"{', '.join(available())}, or a path", f"{', '.join(SPLITS)}; default: validation"
    for name, what, names, of_images in [
        ("show", "where a set comes from, its sizes, and how it begins", f"{', '.join(image_sets())}, {texts}", True),
        ("baseline", "what a bigram and a trigram model, fitted on train, make of another split", texts, False),
    ]:
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("name", help=names)
        more = f"; of images: {', '.join(IMAGE_SPLITS)}; default: test" if of_images else ""
        command.add_argument("--split", help=f"{splits}{more}")
        command.add_argument("--data-dir", help="a folder that has the files (default: the variable COURSE_DATA)")
        command.add_argument("--mirror", help="where to fetch them from (default: the variable COURSE_MIRROR)")
        if of_images:
            command.add_argument("--characters", type=int, default=1500, help="how much text (default: %(default)s)")
            command.add_argument("--picture", metavar="FILE.png", help="a picture to write, with a row for each class")
    return parser.parse_args(arguments)


def load(options: argparse.Namespace, split: str | None) -> Text:
    """The text that the command line names."""
    if options.name in image_sets():
        raise ValueError(f"{options.name} is a set of images, not a text. Texts are {', '.join(available())}.")
    return load_text(options.name, split or "validation", data_dir=options.data_dir, mirror=options.mirror)


def show(options: argparse.Namespace) -> str:
    """Sizes and a sample."""
    path = Path(options.name)
    if not path.exists() and not path.suffix and len(path.parts) == 1:
        check_choice("set", options.name, (*image_sets(), *available()))
    return show_images(options) if options.name in image_sets() else show_text(options)


def show_text(options: argparse.Namespace) -> str:
    """Sizes of a text, and its beginning."""
    if options.picture:
        raise ValueError(f"{options.name} is a text: --picture is for images ({', '.join(image_sets())}).")
    text = load(options, options.split)
    lines = [
        f"{text.name}, {text.split}: {text.words:,} words (ends of lines counted), {text.bytes:,} bytes of UTF-8",
        f"source: {text.source}",
        f"sha256: {text.digest}",
    ]
    if text.entropy:
        lines.append(f"the source's own entropy: {measured(text.entropy)}")
    return "\n".join([*lines, "", text.text[: options.characters]])


def show_images(options: argparse.Namespace) -> str:
    """Sizes of a set of images and how many each class has; and a picture, if one is asked for."""
    images = load_images(options.name, options.split or "test", data_dir=options.data_dir, mirror=options.mirror)
    count, channels, height, width = images.images.shape
    colours = "colour" if channels == 3 else "grey"
    share = images.images.numpy().mean() / 255
    frequencies = images.labels.bincount(minlength=len(images.classes)).tolist()
    classes = ", ".join(f"{name} ({many:,})" for name, many in zip(images.classes, frequencies, strict=True))
    lines = [
        f"{images.name}, {images.split}: {count:,} images, {height} × {width}, {colours} ({images.kind})",
        f"source: {images.source}",
        f"sha256: {images.digest}",
        f"classes: {classes}",
        f"mean pixel: {share:.4f} of white",
    ]
    if options.picture:
        from .contact_sheet import write_contact_sheet

        write_contact_sheet(images, options.picture)
        lines.append(f"picture: {options.picture}, a row for each class")
    return "\n".join(lines)


def compare(options: argparse.Namespace) -> str:
    """A table of n-gram models and, where it is known, of the source itself."""
    text, train = load(options, options.split), load(options, "train")
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
