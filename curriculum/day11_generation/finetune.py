"""Continue a trained model on another, small text, three times: a minute or two.

    python -m curriculum.day11_generation.finetune runs/wikitext2-cpu --because "which one you would keep, and why"

Each attempt begins with the same weights: at the run's own learning rate, at a tenth of it, and at a tenth with old
text mixed in. Both texts are scored before and after, on parts that no attempt has seen.
The record is runs/day11-finetune/.
"""

import argparse
import copy
import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_data.runs import new_run_folder
from course_data.text import load_text

from .fine_tuning import Trial, best_trial, change, replay
from .gpt_of_run import NotARun, OpenRun, open_run
from .perplexity import in_every_unit, score
from .plumbing import end_well, kind_of

BATCH = 8
TRAIN_CHARACTERS, SCORED_CHARACTERS = 200_000, 40_000  # of each text: small ones


class Split(NamedTuple):
    """A text to train on, as tokens, and another part of it to score."""

    train: Tensor
    scored: Tensor
    scored_text: str


def settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="finetune", description="Tune again (task 11.3).")
    parser.add_argument("run", help="the folder of a run of the capstone")
    parser.add_argument("--text", default="encyclopedia", help="the new text: a name, or the path of a text file")
    parser.add_argument("--because", default="", help="which attempt you would keep, and why")
    parser.add_argument("--steps", type=int, default=100, help="of each attempt")
    parser.add_argument("--allowed", type=float, default=0.05, help="how much may be forgotten, in bits per byte")
    parser.add_argument("--data-dir", default=None, help="a folder that has the data already")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps")
    parser.add_argument("--runs", default="runs", help="where this run's folder goes")
    return parser.parse_args()


def read(run: OpenRun, name: str, data_dir: str | None, device: str) -> Split:
    """The beginning of the train split to train on, and of the validation split to score.

    Raises:
        NotARun: there is no such text, or it is too short.
    """
    try:
        parts = [load_text(name, split, data_dir=data_dir).text for split in ("train", "validation")]
    except ValueError as error:
        raise NotARun(str(error)) from error
    train, scored_text = parts[0][:TRAIN_CHARACTERS], parts[1][:SCORED_CHARACTERS]
    tokens = torch.tensor(run.encode(train), device=device)
    if len(tokens) <= run.model.config.block_size + 1 or not scored_text:
        raise NotARun(f"{name} is too short: it should have more than {run.model.config.block_size:,} tokens.")
    return Split(tokens, torch.tensor(run.encode(scored_text), device=device), scored_text)


def bits_per_byte(model: nn.Module, text: Split, context: int) -> float:
    return in_every_unit(score(model, text.scored, context, context // 2), text.scored_text).bits_per_byte


def attempt(run: OpenRun, new: Split, old: Split, lr: float, steps: int, share: float) -> nn.Module:
    """A copy of the model, trained for some steps; the learning rate falls to 0 in a straight line."""
    model = copy.deepcopy(run.model).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    generator = torch.Generator().manual_seed(1)
    length = run.model.config.block_size + 1
    for step, is_old in enumerate(replay(steps, share)):
        tokens = old.train if is_old else new.train
        begins = torch.randint(len(tokens) - length + 1, (BATCH,), generator=generator).tolist()
        batch = torch.stack([tokens[begin : begin + length] for begin in begins])  # (B, T + 1)
        optimizer.param_groups[0]["lr"] = lr * (1 - step / steps)
        optimizer.zero_grad()
        logits, _ = model(batch[:, :-1])  # (B, T, V)
        F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval()


def picture(before: Trial, trials: list[Trial], allowed: float) -> Figure:
    """Each attempt: to the right what it learned, upwards what it forgot."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for trial in trials:
        made = change(before, trial)
        axis.plot(made.learned, made.forgotten, "o", color="#2166ac", markersize=9)
        white = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # a line behind the name would strike it out
        axis.annotate(trial.name, made[:2], (8, 6), textcoords="offset points", bbox=white)
    axis.axhline(allowed, color="#b2182b", linestyle=":", label="what may be forgotten")
    axis.axhline(0, color="#999999", lw=0.8)
    axis.set(xlabel="learned of the new text (bits per byte)", ylabel="forgotten of the old one")
    axis.margins(x=0.35, y=0.2)
    axis.legend(frameon=False)
    return figure


def report(args: argparse.Namespace) -> None:
    """Open, try, compare, and write the record."""
    if args.steps < 1:
        raise NotARun(f"--steps is {args.steps}: it must be at least 1.")
    run = open_run(Path(args.run))
    old_name, context = run.config["text"], run.model.config.block_size
    if args.text == old_name:
        raise NotARun(f"The run was trained on {old_name} already: choose another --text, any text file.")
    run.model.to(args.device)
    new, old = (read(run, name, args.data_dir, args.device) for name in (args.text, old_name))
    before = Trial("before", bits_per_byte(run.model, new, context), bits_per_byte(run.model, old, context))
    print(f"before: new text {before.new:.4f}, old text {before.old:.4f} bits per byte", flush=True)
    lr, trials = run.config["lr"], []
    for name, rate, share in (("full lr", lr, 0.0), ("lr / 10", lr / 10, 0.0), ("lr / 10, half old", lr / 10, 0.5)):
        model = attempt(run, new, old, rate, args.steps, share)
        trials.append(Trial(name, bits_per_byte(model, new, context), bits_per_byte(model, old, context)))
        made = change(before, trials[-1])
        print(f"{name}: learned {made.learned:+.4f}, forgotten {made.forgotten:+.4f}", flush=True)
    kept = best_trial(before, trials, args.allowed)
    print(f"To keep: {kept.name if kept else 'none: all of them forget too much, or learn nothing'}")
    folder = new_run_folder("day11-finetune", args.runs)
    text_name = Path(args.text).name
    metrics: dict[str, Any] = {
        "run": run.name,
        "old_text": Path(old_name).name,
        "new_text": text_name,
        "before": before._asdict(),
        "trials": [{**trial._asdict(), **change(before, trial)._asdict()} for trial in trials],
        "kept": kept.name if kept else None,
        "allowed": args.allowed,
        "because": args.because.strip(),
        "data": {"name": text_name, "kind": kind_of(args.text)},
    }
    folder.finish(
        config={"run": run.name, "steps": args.steps, "batch_size": BATCH, "lr": lr},
        metrics=metrics,
        figure=picture(before, trials, args.allowed),
    )
    print(f"Written: {folder.path}")
    if not args.because.strip():
        print('Say which attempt you would keep, and why, and the box can be ticked: --because "…"')


def main() -> int:
    return end_well(partial(report, settings()))


if __name__ == "__main__":
    sys.exit(main())
