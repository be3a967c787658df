"""Tune a tiny model of characters on the course's encyclopedia with your search: some minutes on two cores.

python -m curriculum.day06_ddp.tune_run

The first trial has the plan's settings, the others are drawn. Stopped with Ctrl-C, the same command goes on where it
stopped. In the end the best setting is trained once more, and must come out the same.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_data import load_text
from course_data.errors import CourseDataError
from course_data.runs import RunFolder, command_line, new_run_folder

from .curves import ADVICE, Reading, read_run, smooth
from .tune import LogUniform, Settings, Trial, Value, best_of, draw, search, table

NAME = "day06-tune"
CONTEXT = 12  # characters that the model sees
TRAIN, VALIDATION = 120_000, 20_000  # characters
BEGIN: Settings = {"lr": 6e-4, "batch_size": 64, "width": 64, "dropout": 0.1}
WIDTHS = [32, 64, 128]
SPACE: dict[str, Sequence[Value] | LogUniform] = {
    "lr": LogUniform(1e-4, 1e-1),
    "batch_size": [32, 64, 128, 256],
    "width": WIDTHS,
    "dropout": [0.0, 0.1, 0.3],
}


class NextCharacter(nn.Module):
    """An MLP on the embeddings of the last CONTEXT characters (Bengio et al. 2003). (B, CONTEXT) → logits (B, V)."""

    def __init__(self, vocabulary: int, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 16)
        self.hidden = nn.Linear(CONTEXT * 16, width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, x: Tensor) -> Tensor:
        embedded = self.embedding(x).flatten(1)  # (B, CONTEXT · 16)
        return self.head(self.dropout(torch.tanh(self.hidden(embedded))))


def read_characters() -> tuple[Tensor, Tensor, int, dict[str, str]]:
    """Train and validation as character numbers, how many different ones there are, and where they are from."""
    train, validation = load_text("encyclopedia", "train"), load_text("encyclopedia", "validation")
    numbers = {character: number for number, character in enumerate(sorted(set(train.text)))}
    data = {"name": train.name, "kind": train.kind, "digest": train.digest[:16]}
    texts = (train.text[:TRAIN], validation.text[:VALIDATION])
    return *(torch.tensor([numbers[c] for c in text]) for text in texts), len(numbers), data  # type: ignore[return-value]


def examples(text: Tensor) -> tuple[Tensor, Tensor]:
    """Every CONTEXT characters of a text (N, CONTEXT), and the one that follows them (N,)."""
    return text.unfold(0, CONTEXT, 1)[:-1], text[CONTEXT:]


def batches(number: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Indices of the examples of each step of one epoch."""
    yield from torch.randperm(number, generator=generator).split(batch_size)


@torch.no_grad()
def score(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """The mean loss over the validation split, in nats per character."""
    model.eval()
    pieces = zip(x.split(8192), y.split(8192), strict=True)
    losses = [F.cross_entropy(model(a), b, reduction="sum").item() for a, b in pieces]
    model.train()
    return sum(losses) / len(y)


def train(settings: Settings, seed: int, texts: tuple[Tensor, Tensor, int]) -> tuple[list[float], list[float]]:
    """Train on the text once, whatever the batch size. The training losses, and ten validation losses."""
    train_text, val_text, vocabulary = texts
    (x, y), validation = examples(train_text), examples(val_text)
    torch.manual_seed(seed)
    model = NextCharacter(vocabulary, int(settings["width"]), float(settings["dropout"]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=float(settings["lr"]), weight_decay=0.1, fused=True)
    steps = math.ceil(len(y) / int(settings["batch_size"]))
    losses: list[float] = []
    val_losses: list[float] = []
    generator = torch.Generator().manual_seed(seed)
    for step, index in enumerate(batches(len(y), int(settings["batch_size"]), generator), 1):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[index]), y[index])
        loss.backward()
        optimizer.step()
        if step % max(1, steps // 200) == 0:
            losses.append(loss.item())
        if step * 10 // steps > len(val_losses):
            val_losses.append(score(model, *validation))
            if not math.isfinite(val_losses[-1]):
                raise FloatingPointError(f"validation loss {val_losses[-1]} at step {step}")
    return losses, val_losses


def picture(trials: list[Trial], losses: list[float], val_losses: list[float], reading: Reading) -> Figure:
    """Every trial's loss over its learning rate, and the two curves of the best one."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    finite = [trial for trial in trials if math.isfinite(trial.val_loss)]
    for width, marker in zip(WIDTHS, "v^o", strict=True):
        mine = [trial for trial in finite if trial.settings["width"] == width]
        left.plot(
            [t.settings["lr"] for t in mine], [t.val_loss for t in mine], marker, label=f"width {width}", markersize=8
        )
    best = best_of(trials)
    left.plot(best.settings["lr"], best.val_loss, "*", color="black", markersize=8, label="the best")
    left.set(xscale="log", xlabel="learning rate", ylabel="validation loss (nats per character)")
    left.legend()
    places = [10 * (i + 1) / len(losses) for i in range(len(losses))]
    right.plot(places, losses, alpha=0.25, color="tab:blue")
    right.plot(places, smooth(losses), color="tab:blue", label="train, smoothed")
    right.plot(range(1, len(val_losses) + 1), val_losses, "o-", color="tab:orange", label="validation")
    right.set(xlabel="tenths of the text", title=f"the best one: {reading.verdict}")
    right.legend()
    return figure


def folder_to_go_on(runs: str) -> RunFolder:
    """The newest search that was not finished, or a new folder."""
    unfinished = [
        path for path in Path(runs).glob(f"{NAME}*") if path.is_dir() and not (path / "metrics.json").exists()
    ]
    if unfinished:
        return RunFolder(max(unfinished, key=lambda path: path.stat().st_mtime), command_line())
    return new_run_folder(NAME, runs=runs)


def tune(arguments: argparse.Namespace, run: RunFolder) -> None:
    """Search, train the best one again, and leave the record."""
    *texts, data = read_characters()
    settings = [BEGIN, *draw(SPACE, arguments.trials - 1, arguments.seed)]

    def run_one(setting: Settings, seed: int) -> float:
        began = time.perf_counter()
        val_loss = train(setting, seed, tuple(texts))[1][-1]  # type: ignore[arg-type]
        print(f"{val_loss:.4f} after {time.perf_counter() - began:.0f} s: {setting}", flush=True)
        return val_loss

    trials = search(settings, run_one, run.path / f"trials-seed{arguments.seed}.jsonl", arguments.seed)
    best = best_of(trials)
    losses, val_losses = train(best.settings, arguments.seed, tuple(texts))  # type: ignore[arg-type]
    reading = read_run(losses, val_losses)
    print(f"\n{table(trials)}\nThe best one, trained again: {val_losses[-1]:.4f} ({best.val_loss:.4f} before).")
    print(f"Its curves say {reading.verdict}. Next: {ADVICE[reading.verdict]}.\nEverything is in {run.path}/.")
    metrics: dict[str, Any] = {
        "data": data,
        "trials": [
            {"settings": t.settings, "val_loss": t.val_loss if math.isfinite(t.val_loss) else None} for t in trials
        ],
        "best": best.settings,
        "number_of_trials": len(trials),
        "first_val_loss": trials[0].val_loss,
        "best_val_loss": best.val_loss,
        "again_val_loss": val_losses[-1],
        "best_lr": best.settings["lr"],
        "best_val_perplexity": math.exp(best.val_loss),
        "verdict": reading.verdict,
    }
    config = {**vars(arguments), "begin": BEGIN, "space": {name: str(choices) for name, choices in SPACE.items()}}
    config |= {"context": CONTEXT, "train_characters": TRAIN, "validation_characters": VALIDATION}
    figure = picture(trials, losses, val_losses, reading)
    run.finish(config=config, metrics=metrics, figure=figure, texts={"table.md": table(trials)})


def main() -> None:
    parser = argparse.ArgumentParser(description="Tune a tiny model with your search.")
    parser.add_argument("--trials", type=int, default=12, help="how many settings to try, the plan's first")
    parser.add_argument("--seed", type=int, default=0, help="what is drawn, and where every trial begins")
    parser.add_argument("--runs", default="runs", help="where the folder of the run is made")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # for matrices this small, a second thread costs more than it brings
    if arguments.trials < 2:
        parser.error("--trials must be at least 2: a search compares")
    try:
        tune(arguments, folder_to_go_on(arguments.runs))
    except NotImplementedError as error:
        sys.exit(f"Not written yet: {error}. The checks say what is missing: pytest curriculum/day06_ddp")
    except CourseDataError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nStopped. The trials that are done are kept; the same command goes on from here.")


if __name__ == "__main__":
    main()
