"""python -m capstone.evaluate RUN: how good is a trained model on a text, in every unit?"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from course_data.errors import CourseDataError
from course_data.files import read_text as read_file
from course_data.text import Text

from .data import encode, read_text
from .errors import CapstoneError, ConfigError, run
from .evaluation import evaluate_tokens, record, table
from .trained import Trained, Which, open_run


@dataclass(frozen=True)
class Options:
    """Score a text with a trained model: every token once."""

    run: tyro.conf.Positional[str]  # the run: its folder, or its name under runs/
    split: Literal["validation", "test", "train"] = "validation"  # of the text that the run was trained on
    text: str = ""  # another text: a name that course_data knows, or a text file (all of it)
    data_dir: str = ""  # a folder that has the data already
    stride: int = 0  # how far the window moves (0: a quarter of the context); smaller is slower and gives more context
    checkpoint: Which = "best"  # which weights


def main(arguments: list[str]) -> int:
    """Print the scores."""
    options = tyro.cli(Options, args=arguments, prog="python -m capstone.evaluate")
    trained = open_run(options.run, options.checkpoint)
    for note in trained.notes:
        print(note, file=sys.stderr)
    stride = options.stride or max(1, trained.config.block_size // 4)
    if not 1 <= stride <= trained.config.block_size:
        raise ConfigError(
            f"--stride is {options.stride}: it must be from 1 to the context, {trained.config.block_size}"
        )
    text = choose_text(options, trained)
    tokens = encode(trained.pieces, trained.tokenizer, text.text)
    result = evaluate_tokens(trained.pieces, trained.config, trained.model, tokens, text, stride, trained.device)
    Console(highlight=False).print(table(record(result, text, trained.tokenizer.get_vocab_size(), stride)))
    return 0


def choose_text(options: Options, trained: Trained) -> Text:
    """The text that was asked for."""
    path = Path(options.text)
    if options.text and path.is_file():
        try:
            text = Text(options.text, "whole", read_file(path), "plain", f"all of {path}")
        except CourseDataError as error:
            raise CapstoneError(str(error)) from None
    else:
        name, data_dir = options.text or trained.config.text, options.data_dir or trained.config.data_dir
        text = read_text(dataclasses.replace(trained.config, text=name, data_dir=data_dir), options.split)
    if not text.text.strip():
        raise CapstoneError(f"{text.name} is empty.")
    return text


if __name__ == "__main__":
    run(main)
