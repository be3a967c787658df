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
    # TODO 1: call load once for each of SPLITS, with the name, the split and the folder.
    # TODO 2: keep the texts as they are, under the names of their splits.
    raise NotImplementedError("4.1 read_splits")


def sizes(text: str) -> dict[str, int]:
    """How large a text is: {"lines", "words", "characters", "bytes"}, whole numbers.

    lines: newline characters. words: pieces between whitespace, plus one end of line for each newline, as the
    perplexities published for WikiText-2 count them. characters: Unicode code points. bytes: of its UTF-8 encoding.
    """
    # TODO 1: count the newlines.
    # TODO 2: count the pieces between whitespace, and one more for each newline.
    # TODO 3: count code points, then bytes of the UTF-8 encoding: they differ as soon as the text is not plain
    #   English.
    raise NotImplementedError("4.1 sizes")


def articles(text: str) -> list[str]:
    """Cut a text in WikiText's format into articles, each with its heading.

    An article begins with a line " = Title = ", with one equals sign on either side. A line " = = Section = = " is a
    heading inside an article, and so are deeper ones. What stands before the first article belongs to none; apart from
    that nothing is lost: the articles, joined, are the text from the first heading on. A text without a heading has no
    article.
    """
    # TODO 1: go through the lines, line ends included.
    # TODO 2: a line that is a title, and not a section's heading, begins a new article.
    # TODO 3: every other line belongs to the article that was begun last, if any was.
    raise NotImplementedError("4.1 articles")


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
