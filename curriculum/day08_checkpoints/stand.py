"""Hold a finished run against the plan's target, with your standing.py: a second.

    python -m curriculum.day08_checkpoints.stand runs/wikitext2-cpu --because "what keeps it from the target"

The run writes runs/day08-standing/ with the loss in every unit, the target in the same units, and a picture of both.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from course_data.errors import CourseDataError
from course_data.runs import new_run_folder

from .standing import TARGET, Standing, where_it_stands


class NotARun(Exception):
    """The folder is not what it should be; the message says what to do."""


def settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stand", description="Where does the model stand? (task 8.1)")
    parser.add_argument(
        "run", nargs="?", default="runs/wikitext2-cpu", help="the folder of a finished run of the capstone"
    )
    parser.add_argument("--because", default="", help="what, in your view, keeps the run from the target (or made it)")
    parser.add_argument("--target", type=float, default=TARGET, help="perplexity per GPT-2 token")
    parser.add_argument("--runs", default="runs", help="where this run's folder goes")
    return parser.parse_args()


def read_run(folder: Path) -> dict[str, Any]:
    """A run's numbers: from metrics.json, or from evaluation.json, where the loss is called "loss".

    Raises:
        NotARun: there is no such run, or it has not finished.
    """
    for name in ("metrics.json", "evaluation.json"):
        try:
            values = json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise NotARun(f"{folder / name} cannot be read: {error}.") from error
        return {"val_loss": values.get("val_loss", values.get("loss")), **values}
    raise NotARun(
        f"{folder} is no finished run. Train one (python -m capstone.train --preset wikitext2-cpu), or take the one "
        "that is recorded: docs/runs/wikitext2-cpu."
    )


def picture(standing: Standing, target: float) -> Figure:
    """Run and target, per token of each and per word."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    run, goal = standing.units, (target, standing.target_ppl_word)
    for axis, values, title in (
        (left, (run.ppl_token, goal[0]), "per token: two tokenizers, two units"),
        (right, (run.ppl_word, goal[1]), "per word: the same unit"),
    ):
        bars = axis.bar(["your run", "target"], values, color=["#2166ac", "#999999"], width=0.55)
        axis.bar_label(bars, fmt="%.1f")
        axis.set(title=title, ylim=(0, 1.18 * max(values)))
    left.set_ylabel("perplexity")
    return figure


def shown(standing: Standing) -> str:
    units = standing.units
    return "\n".join(
        [
            "                       your run     target",
            f"perplexity per token  {units.ppl_token:9.2f}             (its own tokens: not comparable)",
            f"perplexity per word   {units.ppl_word:9.2f}  {standing.target_ppl_word:9.2f}",
            f"bits per byte         {units.bits_per_byte:9.4f}  {standing.target_bits_per_byte:9.4f}",
            f"reached: {'yes' if standing.reached else 'not yet'}",
        ]
    )


def report(args: argparse.Namespace) -> None:
    """Read, convert, show, and write the record."""
    source = Path(args.run)
    values = read_run(source)
    try:
        standing = where_it_stands(values, args.target)
    except (KeyError, ValueError) as error:
        raise NotARun(f"{source}: {error}.") from error
    print(shown(standing))
    run = new_run_folder("day08-standing", args.runs)
    metrics = {
        "run": source.name,
        **{name: values[name] for name in ("val_loss", "tokens", "words", "bytes", "text", "split")},
        **standing.units._asdict(),
        "target_ppl_gpt2_token": args.target,
        "target_ppl_word": standing.target_ppl_word,
        "target_bits_per_byte": standing.target_bits_per_byte,
        "reached": standing.reached,
        "because": args.because.strip(),
        "data": {"name": values["text"], "kind": "real", "source": values.get("source", "")},
    }
    run.finish(config={"run": args.run, "target": args.target}, metrics=metrics, figure=picture(standing, args.target))
    print(f"Written: {run.path}")
    if not args.because.strip():
        print('Say why, in a sentence, and the box can be ticked: --because "…"')


def main() -> int:
    try:
        report(settings())
    except (CourseDataError, NotARun, NotImplementedError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
