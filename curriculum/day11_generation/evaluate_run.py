"""The perplexity of a trained model, with your perplexity.py: a minute for each stride, or some on a large model.

    python -m curriculum.day11_generation.evaluate_run runs/wikitext2-cpu --because "what keeps it from the target"

It scores the validation split of the run's own text with several strides, and writes runs/day11-perplexity/.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from course_data.runs import new_run_folder
from course_data.text import Text, load_text

from .gpt_of_run import NotARun, OpenRun, open_run
from .perplexity import in_every_unit, score
from .plumbing import end_well, kind_of

TARGET = 55.0  # the plan's, per token


def settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluate_run", description="The validation perplexity (task 11.2).")
    parser.add_argument("run", help="the folder of a run of the capstone")
    parser.add_argument("--because", default="", help="what brought it to the target, or keeps it from there")
    parser.add_argument("--strides", default="", help="for example 256,128,64 (empty: all, a half, a quarter)")
    parser.add_argument("--data-dir", default=None, help="a folder that has the data already")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps")
    parser.add_argument("--runs", default="runs", help="where this run's folder goes")
    return parser.parse_args()


def strides_of(wanted: str, context: int) -> list[int]:
    """The strides to try, the largest first.

    Raises:
        NotARun: they are no numbers from 1 to the context.
    """
    try:
        strides = [int(part) for part in wanted.split(",")] if wanted else [context, context // 2, context // 4]
    except ValueError:
        strides = []
    if not strides or not all(1 <= stride <= context for stride in strides):
        raise NotARun(f"--strides is {wanted}: numbers from 1 to {context}, with commas between them.")
    return sorted(set(strides), reverse=True)


def measure(run: OpenRun, text: Text, strides: list[int], device: str) -> list[dict[str, Any]]:
    """One row for each stride."""
    tokens = torch.tensor(run.encode(text.text), device=device)
    model, rows = run.model.to(device), []
    for stride in strides:
        found = score(model, tokens, run.model.config.block_size, stride)
        rows.append({"stride": stride, "tokens": found.tokens, **in_every_unit(found, text.text)._asdict()})
        shown = {name: format(value, ",.4f") for name, value in rows[-1].items() if isinstance(value, float)}
        print(
            f"stride {stride:4}: {found.tokens:,} tokens,", ", ".join(f"{n} {v}" for n, v in shown.items()), flush=True
        )
    return rows


def picture(rows: list[dict[str, Any]]) -> Figure:
    """What the stride does to the perplexity."""
    figure = Figure(figsize=(6.5, 3.6), layout="constrained")
    axis = figure.subplots()
    names = [str(row["stride"]) for row in rows]
    bars = axis.bar(names, [row["per_token"] for row in rows], color="#2166ac", width=0.5)
    axis.bar_label(bars, fmt="%.2f")
    axis.set(xlabel="stride of the window", ylabel="perplexity per token", title="The same model, the same text")
    axis.margins(y=0.12)
    return figure


def report(args: argparse.Namespace) -> None:
    """Open the run, score its validation split, and write the record."""
    opened = open_run(Path(args.run))
    text = load_text(opened.config["text"], "validation", data_dir=args.data_dir)
    strides = strides_of(args.strides, opened.model.config.block_size)
    rows = measure(opened, text, strides, args.device)
    run = new_run_folder("day11-perplexity", args.runs)
    metrics = {
        "run": opened.name,
        **rows[-1],
        "words": text.words,
        "bytes": text.bytes,
        "tokens_of_text": len(opened.encode(text.text)) - 1,
        "tokenizer": f"byte-level BPE, {opened.model.config.vocab_size} tokens",
        "split": "validation",
        "target": TARGET,
        "reached": rows[-1]["per_token"] < TARGET,
        "strides": rows,
        "because": args.because.strip(),
        "data": {"name": text.name, "kind": kind_of(text.name)},
    }
    run.finish(config={"run": opened.name, "strides": strides}, metrics=metrics, figure=picture(rows))
    print(f"Written: {run.path}. Below {TARGET:g} per token: {'yes' if metrics['reached'] else 'not yet'}.")
    if not args.because.strip():
        print('Say why it stands there, in a sentence, and the box can be ticked: --because "…"')


def main() -> int:
    return end_well(partial(report, settings()))


if __name__ == "__main__":
    sys.exit(main())
