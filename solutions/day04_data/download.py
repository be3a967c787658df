"""WikiText-2: fetch it, measure it, read an article (Merity et al. 2016).

python -m curriculum.day04_data.download                      fetch it, or take it from COURSE_DATA
python -m curriculum.day04_data.download --name encyclopedia  a stand-in, with no network
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from course_data.errors import CourseDataError
from course_data.text import load_text

SPLITS = ("train", "validation", "test")


def read_splits(name: str, data_dir: str | None = None, load: Callable[..., Any] = load_text) -> dict[str, str]:
    """The texts of a data set: {"train": ..., "validation": ..., "test": ...}, in this order, exactly as loaded.

    Args:
        name: the data set, as course_data knows it, for example "wikitext2-tokens".
        data_dir: a folder that has the files already. None: wherever course_data looks.
        load: load(name, split, data_dir=data_dir) gives an object with the text in .text. It is called once a split.
    """
    return {split: load(name, split, data_dir=data_dir).text for split in SPLITS}


def sizes(text: str) -> dict[str, int]:
    """How large a text is: {"lines", "words", "characters", "bytes"}, whole numbers.

    lines: newline characters. words: pieces between whitespace, plus one end of line for each newline, as the
    perplexities published for WikiText-2 count them. characters: Unicode code points. bytes: of its UTF-8 encoding.
    """
    lines = text.count("\n")
    return {
        "lines": lines,
        "words": len(text.split()) + lines,
        "characters": len(text),
        "bytes": len(text.encode("utf-8")),
    }


def articles(text: str) -> list[str]:
    """Cut a text in WikiText's format into articles, each with its heading.

    An article begins with a line " = Title = ", with one equals sign on either side. A line " = = Section = = " is a
    heading inside an article, and so are deeper ones. What stands before the first article belongs to none; apart from
    that nothing is lost: the articles, joined, are the text from the first heading on. A text without a heading has no
    article.
    """
    found: list[list[str]] = []
    for line in text.splitlines(keepends=True):
        if _is_title(line):
            found.append([])
        if found:
            found[-1].append(line)
    return ["".join(lines) for lines in found]


def _is_title(line: str) -> bool:
    """One equals sign on either side, and not two."""
    words = line.split()
    return len(words) > 2 and words[0] == words[-1] == "=" and words[1] != "=" and words[-2] != "="


def report(splits: Mapping[str, str]) -> str:
    """The table of sizes, and the beginning of an article of the validation split."""
    rows = [f"{'split':<12}{'articles':>10}{'lines':>12}{'words':>12}{'characters':>14}{'bytes':>14}"]
    for split, text in splits.items():
        size = sizes(text)
        numbers = f"{size['lines']:>12,}{size['words']:>12,}{size['characters']:>14,}{size['bytes']:>14,}"
        rows.append(f"{split:<12}{len(articles(text)):>10,}{numbers}")
    first = next(iter(articles(splits["validation"])), splits["validation"])
    return "\n".join(rows) + "\n\nThe validation split's first article begins:\n\n" + first[:1200]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print sizes, splits and an article."""
    parser = argparse.ArgumentParser(description="Fetch a text, print its sizes and the beginning of an article.")
    parser.add_argument("--name", default="wikitext2-tokens", help="the data set, as course_data knows it")
    parser.add_argument("--data-dir", help="a folder that has the files already")
    options = parser.parse_args(arguments)
    try:
        splits = read_splits(options.name, options.data_dir)
    except (CourseDataError, ValueError) as error:
        raise SystemExit(str(error)) from None
    print(report(splits))


if __name__ == "__main__":
    main()
