"""python -m capstone.generate RUN --prompt "…": text from a trained model."""

import sys
from dataclasses import dataclass

import tyro

from .errors import ConfigError, run
from .samples import sample
from .trained import Which, open_run


@dataclass(frozen=True)
class Options:
    """Continue a prompt."""

    run: tyro.conf.Positional[str]  # the run: its folder, or its name under runs/
    prompt: str = ""  # what the text begins with (empty: the model begins)
    tokens: int = 200  # how many to add; beyond the context the model sees the last ones
    temperature: float = 0.8  # 0: always the most likely token; 1: as the model says; more: wilder
    top_k: int = 0  # draw from the k most likely tokens (0: all)
    top_p: float = 0.95  # draw from the most likely tokens that together reach this probability
    seed: int = 1  # the same seed gives the same text
    samples: int = 1  # how many
    checkpoint: Which = "best"  # which weights


def main(arguments: list[str]) -> int:
    """Print the samples."""
    options = tyro.cli(Options, args=arguments, prog="python -m capstone.generate")
    check(options)
    trained = open_run(options.run, options.checkpoint)
    for note in trained.notes:
        print(note, file=sys.stderr)
    texts = sample(
        trained.pieces,
        trained.tokenizer,
        trained.model,
        options.prompt,
        options.tokens,
        trained.device,
        temperature=options.temperature,
        top_k=options.top_k or None,
        top_p=options.top_p,
        seed=options.seed,
        count=options.samples,
    )
    print("\n\n----\n\n".join(texts))
    return 0


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
        )
        if not holds
    ]
    if faults:
        raise ConfigError("\n".join(faults))


if __name__ == "__main__":
    run(main)
