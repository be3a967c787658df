"""Keep an experiment log beside your runs, with your experiments.py.

    python -m curriculum.day08_checkpoints.tune plan lower-lr --changed "lr 0.004 to 0.001" --expected "a slower fall …"
    python -m capstone.train --name lower-lr --lr 1e-3
    python -m curriculum.day08_checkpoints.tune report --base runs/base

`plan` adds a row to experiments.md (made from a template if it is not there). Train; then write into the row what came,
with your editor. `report` holds the log against the runs: it draws their curves, prints what is still missing, and
writes runs/day08-experiments/.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from course_data.errors import CourseDataError
from course_data.runs import new_run_folder

from .experiments import Experiment, add_row, gaps, read_log, what_changed

TEMPLATE = """# Experiments

One row an experiment, against the run `base`. Write the first three cells before you start it, the last when it is
done: what came, and what you make of it, above all where it is not what you expected.

| run | changed | expected | came |
| --- | --- | --- | --- |
"""


class Trouble(Exception):
    """Something that the person has to see to; the message says what."""


def settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tune", description="The experiment log of task 8.2.")
    parser.add_argument("--log", default="experiments.md", help="the log, a Markdown file that is yours")
    parser.add_argument("--runs", default="runs", help="the folder that the runs are in")
    verbs = parser.add_subparsers(dest="verb", required=True)
    plan = verbs.add_parser("plan", help="add a row, before the run")
    plan.add_argument("run", help="the name that the run will have")
    plan.add_argument("--changed", required=True, help="what you change against the base run")
    plan.add_argument("--expected", required=True, help="what you expect to come, in a sentence")
    report = verbs.add_parser("report", help="hold the log against the runs, after them")
    report.add_argument("--base", default="runs/base", help="the run that the others are compared with")
    return parser.parse_args()


def plan(args: argparse.Namespace) -> None:
    """Add a row to the log. The file is replaced in one move: nothing that was written in it can get lost."""
    log = Path(args.log)
    text = log.read_text(encoding="utf-8") if log.is_file() else TEMPLATE
    unfinished = log.with_name(log.name + ".unfinished")
    unfinished.write_text(add_row(text, Experiment(args.run, args.changed, args.expected)), encoding="utf-8")
    os.replace(unfinished, log)
    print(f"{log}: {args.run} is planned. Train it, then write into its row what came.")


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, Any], list[tuple[int, float]]]:
    """Configuration, evaluation, and (tokens, validation loss) along the way, of a finished run of the capstone."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        scores = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise Trouble(f"{folder} is no finished run of the capstone: {error}.") from error
    steps = [json.loads(line) for line in lines]
    return config, scores, [(entry["tokens"], entry["val_loss"]) for entry in steps if "val_loss" in entry]


def row_of(
    experiment: Experiment, folder: Path, base: dict[str, Any]
) -> tuple[dict[str, Any], list[tuple[int, float]]]:
    """One experiment as the record keeps it, and its curve."""
    config, scores, curve = read_run(folder)
    return {
        "run": experiment.run,
        "changed": experiment.changed,
        "expected": experiment.expected,
        "came": experiment.came,
        "settings": {name: list(values) for name, values in what_changed(base, config).items()},
        "val_loss": scores["loss"],
        "val_ppl_word": scores["ppl_word"],
        "val_bits_per_byte": scores["bits_per_byte"],
    }, curve


def picture(curves: dict[str, list[tuple[int, float]]]) -> Figure:
    figure = Figure(figsize=(8, 4), layout="constrained")
    axis = figure.subplots()
    for name, curve in curves.items():
        axis.plot(*zip(*curve, strict=True), "o-", markersize=3, label=name, color="black" if name == "base" else None)
    later = [loss for curve in curves.values() for _, loss in curve[1:]]
    axis.set(
        xlabel="tokens seen", ylabel="validation loss, nats per token", title="Experiments, from the second look on"
    )
    axis.set_ylim(top=max(later, default=None))
    axis.legend(frameon=False)
    return figure


def report(args: argparse.Namespace) -> None:
    """Hold the log against the runs, and write the record."""
    log = Path(args.log)
    if not log.is_file():
        raise Trouble(f"{log} is not there yet: begin with `plan` (see --help).")
    text = log.read_text(encoding="utf-8")
    base, base_scores, base_curve = read_run(Path(args.base))
    rows, curves, missing = [], {"base": base_curve}, gaps(read_log(text))
    for experiment in read_log(text):
        row, curves[experiment.run] = row_of(experiment, Path(args.runs) / experiment.run, base)
        if not row["settings"]:
            missing.append(f"{experiment.run}: it has the settings of the base run")
        rows.append(row)
        print(
            f"{experiment.run}: {row['val_bits_per_byte']:.4f} bits per byte, base {base_scores['bits_per_byte']:.4f}"
        )
    for gap in missing:
        print(f"still missing: {gap}")
    run = new_run_folder("day08-experiments", args.runs)
    metrics = {
        "base": Path(args.base).name,
        "base_val_loss": base_scores["loss"],
        "base_ppl_word": base_scores["ppl_word"],
        "base_bits_per_byte": base_scores["bits_per_byte"],
        "experiments": rows,
        "missing": missing,
        "data": {"name": base["text"], "kind": "generated" if base["text"] == "encyclopedia" else "real"},
    }
    run.finish(config={"base": base}, metrics=metrics, figure=picture(curves), texts={"experiments.md": text})
    print(f"Written: {run.path}")


def main() -> int:
    args = settings()
    try:
        plan(args) if args.verb == "plan" else report(args)
    except (CourseDataError, Trouble, NotImplementedError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
