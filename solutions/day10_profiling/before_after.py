"""A training before and after each change of today: tokens per second, and a proof that the losses did not change.

    python -m curriculum.day10_profiling.before_after

Given whole. It begins with a program as one writes it first, and puts one change upon the other: your Background, your
causal_attention, a fused optimizer, your chunked_cross_entropy, torch.compile, bfloat16. First every version takes the
same steps on the same batches, from the same weights: these losses are compared. Then the versions have their turns in
every round, and the clock is read. It writes runs/day10-before-after.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_data.errors import CourseDataError
from course_data.runs import new_run_folder

from .chunked_loss import chunked_cross_entropy
from .fast_attention import causal_attention
from .gains import Gain, table
from .prefetch import Background
from .slow_programs import attention
from .tiny_gpt import TinyConfig, TinyGPT

NAME = "day10-before-after"
SAME = 2e-4  # how far losses may be apart when only the order of additions has changed, in float32
ROUGHLY = 3e-2  # and when numbers have 8 bits
SENTENCE = "the cat sat on the mat and looked at the moon while the dog slept under the old table by the door . "
BLUE, RED = "#2166ac", "#b2182b"


@dataclass(frozen=True)
class Version:
    """A program: what has been changed so far."""

    background: bool = False
    fused_attention: bool = False
    fused_optimizer: bool = False
    chunked_loss: bool = False
    compiled: bool = False
    bfloat16: bool = False

    @property
    def tolerance(self) -> float:
        return ROUGHLY if self.bfloat16 else SAME if self != Version() else 0.0


def versions(compiled: bool) -> dict[str, Version]:
    """Name → version, each the one before it with one change."""
    changes = ["background", "fused_attention", "fused_optimizer", "chunked_loss"]
    changes += ["compiled"] * compiled + ["bfloat16"]
    found = {"as it was": Version()}
    for change in changes:
        before = list(found.values())[-1]
        found[change.replace("_", " ")] = replace(before, **{change: True})
    return found


def batches_from_text(given: argparse.Namespace) -> Iterator[Tensor]:
    """(B, T + 1) tokens; the text is split and looked up anew for every batch. Always the same ones."""
    generator = torch.Generator().manual_seed(0)
    while True:
        numbers: dict[str, int] = {}
        words = (SENTENCE * given.sentences).lower().split()
        ids = torch.tensor([numbers.setdefault(word, len(numbers)) for word in words])
        noise = torch.randint(given.vocabulary, (given.batch, given.length + 1), generator=generator)
        start = torch.randint(len(ids) - given.length, (given.batch,), generator=generator)
        rows = torch.stack([ids[one : one + given.length + 1] for one in start.tolist()])
        yield torch.where(torch.rand(rows.shape, generator=generator) < 0.5, rows, noise)


class Program:
    """One version, ready to train: a model, an optimizer, a source of batches."""

    def __init__(self, version: Version, given: argparse.Namespace) -> None:
        torch.manual_seed(0)
        config = TinyConfig(given.vocabulary, given.length, given.layers, given.heads, given.channels)
        attend = causal_attention if version.fused_attention else attention
        bare = TinyGPT(config, attend).to(given.device)
        self.version, self.given, self.head = version, given, bare.head
        self.model: Callable[[Tensor], Tensor] = torch.compile(bare) if version.compiled else bare
        one_by_one, fused = (None, True) if version.fused_optimizer else (False, None)
        self.optimizer = torch.optim.AdamW(bare.parameters(), lr=given.lr, foreach=one_by_one, fused=fused)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(self.given.device, torch.bfloat16, enabled=self.version.bfloat16):
            hidden = self.model(x)
            if self.version.chunked_loss:
                return chunked_cross_entropy(hidden, self.head, y, self.given.chunk)
            return F.cross_entropy((hidden @ self.head.T).float().flatten(0, 1), y.flatten())

    def step(self, tokens: Tensor) -> Tensor:
        tokens = tokens.to(self.given.device)
        loss = self.loss(tokens[:, :-1], tokens[:, 1:])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def run(self, count: int, warm_up: int = 0) -> tuple[list[float], float]:
        """The losses of `count` steps from the first batch on, and their seconds. Losses are read when all is done."""
        source = batches_from_text(self.given)
        with Background(source, 2) if self.version.background else nullcontext(source) as batches:
            for _ in range(warm_up):
                self.step(next(batches)).item()
            start = time.perf_counter()
            losses = torch.stack([self.step(next(batches)) for _ in range(count)]).tolist()
            return losses, time.perf_counter() - start


def compared(given: argparse.Namespace) -> tuple[list[Gain], dict[str, list[float]], dict[str, list[float]]]:
    """The table, the losses, and the seconds of all rounds."""
    losses, programs = {}, {}
    for name, version in versions(not given.no_compile).items():
        programs[name] = Program(version, given)
        print(f"losses of: {name}" + (" (this compiles, which takes a minute)" if version.compiled else ""), flush=True)
        losses[name], _ = programs[name].run(given.losses)
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(given.rounds):
        for name, program in programs.items():
            seconds[name].append(program.run(given.steps, warm_up=1)[1])
        print(f"round {number + 1} of {given.rounds}:", *(f"{times[-1]:.2f}" for times in seconds.values()), flush=True)
    tolerances = {name: program.version.tolerance for name, program in programs.items()}
    return table(seconds, losses, tolerances, given.steps * given.batch * given.length), losses, seconds


def shown(rows: list[Gain]) -> str:
    """The table, for a terminal."""
    lines = [f"{'change':18} {'tokens/s':>9} {'gain':>6} {'total':>6} {'difference':>11}  losses"]
    for row in rows:
        same = "the same" if row.same else "DIFFERENT"
        speed = f"{row.tokens_per_second:9,.0f} {row.gain:5.2f}x {row.total:5.2f}x"
        lines.append(f"{row.name:18} {speed} {row.difference:11.1e}  {same}")
    return "\n".join(lines)


def drawn(rows: list[Gain], losses: dict[str, list[float]]) -> Any:
    """Tokens per second of every version, and all their losses on one another."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained", width_ratios=(3, 2))
    bars = left.barh([row.name for row in rows], [row.tokens_per_second for row in rows], color=BLUE)
    left.bar_label(bars, [f" {row.total:.2f}×" for row in rows])
    left.invert_yaxis()
    left.set(xlabel="tokens per second", xlim=(0, 1.15 * max(row.tokens_per_second for row in rows)))
    for number, (name, values) in enumerate(losses.items()):
        right.plot(range(len(values)), values, lw=1 + 1.2 * (len(losses) - number), alpha=0.5, label=name)
    right.set(xlabel="step", ylabel="loss (nats per token)", title="all versions on one another")
    right.legend(frameon=False, fontsize=8)
    return figure


def arguments() -> argparse.Namespace:
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description="Tokens per second before and after each change, with the losses.")
    sizes = {"batch": 8, "length": 256, "layers": 4, "heads": 4, "channels": 256, "vocabulary": 8192, "chunk": 512}
    for name, value in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--lr", type=float, default=1e-4, help="low: even right programs part at a high one")
    parser.add_argument("--losses", type=int, default=10, help="steps whose losses are compared (default 10)")
    parser.add_argument("--steps", type=int, default=3, help="steps of one measurement (default 3)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each version has its turn (default 5)")
    parser.add_argument("--sentences", type=int, default=8000, help="length of the text: how slow loading is")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of PyTorch, on the CPU")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out: it needs a C++ compiler")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if gpu else "cpu")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run's folder is made (default runs)")
    given = parser.parse_args()
    if min(given.losses, given.steps, given.rounds, given.threads, *(getattr(given, name) for name in sizes)) < 1:
        parser.error("sizes, losses, steps, rounds and threads are at least 1")
    if given.channels % given.heads or given.vocabulary < 32 or 22 * given.sentences < 2 * given.length:
        parser.error("channels must be a multiple of heads, the vocabulary 32 at least, and the text longer than a row")
    if given.device == "cuda" and not gpu:
        parser.error("there is no GPU here that PyTorch can use: leave --device out")
    return given


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    try:
        before = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        rows, losses, seconds = compared(given)
        print(shown(rows))
        last = rows[-1]
        metrics = {
            "versions": len(rows),
            "total_gain": last.total,
            "tokens_per_second_before": rows[0].tokens_per_second,
            "tokens_per_second_after": last.tokens_per_second,
            "largest_difference_float32": max(row.difference for row in rows[:-1]),
            "largest_difference_bfloat16": last.difference,
            "all_losses_are_the_same": all(row.same for row in rows),
            "load_before": before,
            **{f"gain_{row.name.replace(' ', '_')}": row.gain for row in rows[1:]},
            "rows": [row._asdict() for row in rows],
            "seconds": seconds,
            "losses": losses,
        }
        run = new_run_folder(NAME, given.runs)
        config = {name: value for name, value in vars(given).items() if name != "runs"}
        run.finish(config=config, metrics=metrics, figure=drawn(rows, losses), texts={"table.txt": shown(rows) + "\n"})
    except NotImplementedError as error:
        sys.exit(f"a piece of today is not finished yet: {error}")
    except (CourseDataError, ValueError) as error:
        sys.exit(str(error))
    except RuntimeError as error:
        if "compiler" not in str(error).lower():
            raise
        sys.exit("torch.compile found no C++ compiler on this machine: try again with --no-compile")
    except KeyboardInterrupt:
        sys.exit("stopped: nothing was recorded")
    print(f"{run.path}: {last.total:.2f} times as fast")
    if not metrics["all_losses_are_the_same"]:
        sys.exit("and some losses are not the same: find out why before you believe in the speed")


if __name__ == "__main__":
    main()
