"""Has a run converged? Hold its curves against your convergence.py: a second.

    python -m curriculum.day11_generation.converged runs/wikitext2-cpu --because "what you would do next, and why"

It writes runs/day11-converged/: the verdict, the numbers behind it, and both curves with the parts that were compared.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from course_data.runs import new_run_folder

from .convergence import Verdict, part_borders, verdict
from .gpt_of_run import NotARun
from .plumbing import end_well, kind_of, read_lines


def settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="converged", description="Has it converged? (task 11.1)")
    parser.add_argument("run", help="the folder of a run of the capstone")
    parser.add_argument("--because", default="", help="what you make of it: would more training help, and why?")
    parser.add_argument("--share", type=float, default=0.25, help="how much of the run is its last part")
    parser.add_argument("--least", type=float, default=0.01, help="what counts as a difference, in nats per token")
    parser.add_argument("--runs", default="runs", help="where this run's folder goes")
    return parser.parse_args()


def picture(records: list[dict[str, Any]], share: float, found: Verdict) -> Figure:
    """Both curves, and the two parts."""
    border, before = part_borders(records, share)
    figure = Figure(figsize=(9, 4), layout="constrained")
    axis = figure.subplots()
    train = [(record["step"], record["loss"]) for record in records if "loss" in record]
    validation = [(record["step"], record["val_loss"]) for record in records if "val_loss" in record]
    axis.plot(*zip(*train, strict=True), color="#999999", lw=0.5, label="training, batch by batch")
    axis.plot(*zip(*validation, strict=True), "o-", color="#b2182b", label="validation")
    axis.axvspan(before, border, color="#2166ac", alpha=0.07)
    axis.axvspan(border, validation[-1][0], color="#2166ac", alpha=0.16, label="last part, and the one before it")
    lowest = min(loss for _, loss in validation)
    axis.set(xlabel="step", ylabel="loss (nats per token)", title=f"{found.state}: gain {found.gain:.3f}")
    axis.set_ylim(min(lowest, *(loss for _, loss in train)) - 0.1, lowest + 2.5)
    axis.legend(frameon=False)
    return figure


def report(args: argparse.Namespace) -> None:
    """Read, judge, show, and write the record."""
    source = Path(args.run)
    records = read_lines(source / "metrics.jsonl")
    try:
        config = json.loads((source / "config.json").read_text(encoding="utf-8"))
        found = verdict(records, args.share, args.least)
    except ValueError as error:
        raise NotARun(f"{source}: {error}.") from error
    for name, value in found._asdict().items():
        print(f"{name:12} {value if isinstance(value, str) else format(value, '.4f')}")
    run = new_run_folder("day11-converged", args.runs)
    metrics = {
        "run": source.name,
        **found._asdict(),
        "validations": [[r["step"], r["val_loss"]] for r in records if "val_loss" in r],
        "because": args.because.strip(),
        "data": {"name": config["text"], "kind": kind_of(config["text"])},
    }
    sought = {"share": args.share, "least": args.least}
    run.finish(config={"run": source.name, **sought}, metrics=metrics, figure=picture(records, args.share, found))
    print(f"Written: {run.path}")
    if not args.because.strip():
        print('Say what you make of it, in a sentence, and the box can be ticked: --because "…"')


def main() -> int:
    return end_well(partial(report, settings()))


if __name__ == "__main__":
    sys.exit(main())
