"""python -m capstone.evaluate RUN: how good is a trained model on a text, in every unit, and beside what is known?"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from rich.console import Console

from course_data.errors import CourseDataError
from course_data.files import read_text as read_file
from course_data.text import Text

from .data import encode, read_text
from .errors import CapstoneError, ConfigError, run
from .evaluation import compared, evaluate_tokens, record, table, with_a_bar
from .folder import write_json
from .machine import read_json
from .options import run_folder
from .trained import Trained, Which, open_run

UNKNOWN = "<unk>"


@dataclass(frozen=True)
class Options:
    """Score texts with a trained model: every token once."""

    run: tyro.conf.Positional[str]  # the run: its folder, or its name under runs/
    split: tuple[Literal["validation", "test", "train"], ...] = ("validation",)  # one or several, of the run's text
    text: str = ""  # another text: a name that course_data knows, or a text file (all of it)
    data_dir: str = ""  # a folder that has the data already
    stride: int = 0  # how far the window moves (0: a quarter of the context); smaller is slower and gives more context
    checkpoint: Which = "best"  # which weights
    json: str = ""  # a file for the scores as well; the report of the run shows those in runs/NAME/scores.json


def main(arguments: list[str]) -> int:
    """Print the scores."""
    options = tyro.cli(Options, args=arguments, prog="python -m capstone.evaluate")
    check_file(options)
    check_weights(run_folder(options.run))
    trained = open_run(options.run, options.checkpoint)
    for note in trained.notes:
        print(note, file=sys.stderr)
    stride = chosen_stride(options, trained)
    values = [score(trained, text, stride) for text in choose_texts(options, trained)]
    console = Console(highlight=False)
    console.print(table(*values))
    console.print(compared(*values))
    if options.json:
        scores = {"run": trained.folder.resolve().name, "checkpoint": options.checkpoint, "evaluations": values}
        write_json(Path(options.json), scores)
    return 0


def score(trained: Trained, text: Text, stride: int) -> dict[str, Any]:
    """One text's scores, and what they depend on."""
    if text.kind == "tokens" and trained.tokenizer.token_to_id(UNKNOWN) is None:
        print(f"Note: for this run's tokenizer {UNKNOWN} is no symbol but five letters, to be spelt.", file=sys.stderr)
    tokens = encode(trained.pieces, trained.tokenizer, text.text)
    bar = with_a_bar(f"{text.name}, {text.split}")
    result = evaluate_tokens(
        trained.pieces, trained.config, trained.model, tokens, text, stride, trained.device, watched=bar
    )
    return record(result, text, trained.tokenizer.get_vocab_size(), stride)


def choose_texts(options: Options, trained: Trained) -> list[Text]:
    """The texts that were asked for."""
    path = Path(options.text)
    if options.text and path.is_file():
        if options.split != ("validation",):
            raise ConfigError(f"{path} is a file, and is scored whole: leave --split out.")
        try:
            texts = [Text(options.text, "whole", read_file(path), "plain", f"all of {path}")]
        except CourseDataError as error:
            raise CapstoneError(str(error)) from None
    else:
        name, data_dir = options.text or trained.config.text, options.data_dir or trained.config.data_dir
        config = dataclasses.replace(trained.config, text=name, data_dir=data_dir)
        texts = [read_text(config, split) for split in dict.fromkeys(options.split)]
    for text in texts:
        if not text.text.strip():
            raise CapstoneError(f"The {text.split} split of {text.name} is empty: there is nothing to score.")
    return texts


def chosen_stride(options: Options, trained: Trained) -> int:
    """How far the window moves.

    Raises:
        ConfigError: it cannot move so.
    """
    context = trained.config.block_size
    stride = options.stride or max(1, context // 4)
    if not 1 <= stride <= context:
        raise ConfigError(f"--stride is {stride}: it must be from 1 to the run's context, {context}.")
    return stride


def check_weights(folder: Path) -> None:
    """Tell a record from a run: it has scores, and no weights."""
    if (folder / "metrics.json").is_file() and not list(folder.glob("*.pt")):
        raise CapstoneError(
            f"{folder} is a record, without weights: its scores are in its README.md and index.html. To train it "
            f"again: python -m capstone.train --config {folder / 'config.json'}"
        )


def check_file(options: Options) -> None:
    """See before the work that the scores can be written, and that nothing else is lost by it."""
    path = Path(options.json)
    if options.json and path.is_dir():
        raise ConfigError(f"--json {path} is a folder: name a file, such as {path / 'scores.json'}.")
    if options.json and path.exists() and "evaluations" not in read_json(path):
        raise ConfigError(f"--json {path} is a file that holds something else: choose another name.")
    if options.json and not path.absolute().parent.is_dir():
        raise ConfigError(f"--json {path}: there is no folder {path.parent}.")


if __name__ == "__main__":
    run(main)
