"""python -m capstone.generate RUN --prompt "…": text from a trained model."""

import dataclasses
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from course_data.errors import CourseDataError
from course_data.files import read_text as read_file

from .errors import CapstoneError, ConfigError, run
from .folder import write_json
from .machine import read_json
from .samples import How, Sample, Writer
from .trained import Trained, Which, open_run

BETWEEN = "\n\n----\n\n"


@dataclass(frozen=True)
class Options:
    """Continue one prompt or several."""

    run: tyro.conf.Positional[str]  # the run: its folder, or its name under runs/
    prompt: tyro.conf.UseAppendAction[tuple[str, ...]] = ()  # what a text begins with; may be given several times
    prompts_file: str = ""  # a text file with one prompt a line (-: standard input)
    samples: int = 1  # how many of each prompt
    tokens: int = 200  # how many to add, at most; beyond the context the model sees the last ones
    temperature: float = 0.8  # 0: always the most likely token; 1: as the model says; more: wilder
    top_k: int = 0  # draw from the k most likely tokens (0: all)
    top_p: float = 0.95  # draw from the most likely tokens that together reach this probability
    seed: int = 1  # the same seed gives the same text
    stop: str = ""  # end a text where it says this, which is left out; <|endoftext|> is where the model ends it
    stream: bool = False  # show the text as it is written (one prompt, one sample)
    json: str = ""  # a file for the texts and all that decided them (-: standard output, and nothing else there)
    cache: bool = True  # keep keys and values of the past; without, each token reads the whole text anew
    checkpoint: Which = "best"  # which weights


def main(arguments: list[str]) -> int:
    """Print the samples."""
    options = tyro.cli(Options, args=arguments, prog="python -m capstone.generate")
    check(options)
    prompts = chosen_prompts(options)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a console that lacks a character shows another one
    trained = open_run(options.run, options.checkpoint)
    for note in trained.notes:
        print(note, file=sys.stderr)
    writer = Writer(
        trained.pieces,
        trained.tokenizer,
        trained.model,
        trained.device,
        options.cache,
        fast=trained.config.kernels == "fast",
    )
    if options.cache and not writer.cached:
        print("These pieces make another model than day 3's GPT: written without a cache, slowly.", file=sys.stderr)
    try:
        write(options, trained, writer, [prompt for prompt in prompts for _ in range(options.samples)])
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 0


def write(options: Options, trained: Trained, writer: Writer, prompts: list[str]) -> None:
    """Write the texts, and show or keep them."""
    how = How(options.tokens, options.temperature, options.top_k or None, options.top_p, options.seed, options.stop)
    began = time.perf_counter()
    if options.stream:
        print(prompts[0], end="", flush=True)
        texts = writer.write(prompts, how, show=lambda text: print(text, end="", flush=True))
        print()
    else:
        texts = writer.write(prompts, how)
    seconds = time.perf_counter() - began
    if not options.stream and options.json != "-":
        print(BETWEEN.join(text.prompt + text.continuation for text in texts))
    if options.json:
        keep(options.json, told(options, trained, writer, how, texts, seconds))


def told(
    options: Options, trained: Trained, writer: Writer, how: How, texts: list[Sample], seconds: float
) -> dict[str, Any]:
    """The texts, and all that decided them."""
    rate = sum(text.tokens for text in texts) / seconds
    return {
        "run": trained.folder.resolve().name,
        "checkpoint": options.checkpoint,
        "precision": trained.config.precision,
        "cache": writer.cached,
        **dataclasses.asdict(how),
        "seconds": round(seconds, 3),
        "tokens_per_second": round(rate, 1),
        "samples": [dataclasses.asdict(text) for text in texts],
    }


def keep(where: str, values: dict[str, Any]) -> None:
    """Write the values to a file, or to standard output."""
    if where == "-":
        print(json.dumps(values, indent=2, ensure_ascii=False))
    else:
        write_json(Path(where), values)


def chosen_prompts(options: Options) -> list[str]:
    """The prompts from the command line and from the file; without any, one that is empty.

    Raises:
        CapstoneError: the file cannot be read, or holds none.
        ConfigError: streaming was asked for, and there is more than one text.
    """
    prompts = list(options.prompt)
    if options.prompts_file:
        lines = sys.stdin.read() if options.prompts_file == "-" else _read(Path(options.prompts_file))
        found = [line for line in lines.splitlines() if line.strip()]
        if not found:
            raise CapstoneError(f"--prompts-file {options.prompts_file} holds no prompt: write one on each line.")
        prompts += found
    prompts = prompts or [""]
    if options.stream and len(prompts) * options.samples > 1:
        raise ConfigError(f"--stream shows one text, and {len(prompts) * options.samples} were asked for: leave it out")
    return prompts


def _read(path: Path) -> str:
    try:
        return read_file(path)
    except (CourseDataError, OSError) as error:
        raise CapstoneError(f"--prompts-file: {error}") from None


def check(options: Options) -> None:
    """Tell every value that cannot be."""
    faults = [
        f"{flag} is {value}: it must be {wanted}"
        for flag, value, holds, wanted in (
            ("--tokens", options.tokens, options.tokens >= 1, "at least 1"),
            ("--samples", options.samples, options.samples >= 1, "at least 1"),
            ("--temperature", options.temperature, options.temperature >= 0, "at least 0"),
            ("--top-k", options.top_k, options.top_k >= 0, "at least 0"),
            ("--top-p", options.top_p, 0 < options.top_p <= 1, "above 0 and at most 1"),
            ("--seed", options.seed, options.seed >= 0, "at least 0"),
        )
        if not holds
    ]
    path = Path(options.json)
    if options.json == "-" and options.stream:
        faults.append("--json - wants standard output for itself: leave --stream out, or name a file")
    elif options.json not in ("", "-"):
        if path.is_dir() or not path.absolute().parent.is_dir():
            faults.append(f"--json {path}: it must be a file in a folder that is there")
        elif path.exists() and "samples" not in read_json(path):
            faults.append(f"--json {path} is a file that holds something else: choose another name")
    if faults:
        raise ConfigError("\n".join(faults))


if __name__ == "__main__":
    run(main)
