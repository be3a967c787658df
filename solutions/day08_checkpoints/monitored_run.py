"""Plant a spike and a NaN in a tiny run, and see what your monitor does about them: a few seconds.

    python -m curriculum.day08_checkpoints.monitored_run

Four runs of the same tiny model on the same batches: undisturbed; with a spike and a NaN and no monitor; with both and
your monitor; and with a fault that does not end, which your monitor has to stop. Written to runs/day08-monitor/.
"""

import argparse
import math
import sys
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_data.errors import CourseDataError
from course_data.runs import new_run_folder

from .accumulation import accumulated_step
from .monitor import Monitor

VOCABULARY, LENGTH, BATCH = 16, 24, 8
SPIKE, NAN, LASTING = 120, 200, 240  # the steps at which something goes wrong
SPIKE_SIZE = 300.0


class NextNumber(nn.Module):
    """Guesses the next number from the present one. `fault` spoils what it says. Returns (logits (B, T, V), None)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32)
        self.head = nn.Linear(32, VOCABULARY)
        self.fault = 1.0

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return self.head(self.embedding(x)) * self.fault, None


def batch_of(step: int) -> tuple[Tensor, Tensor]:
    """(x, y), each (BATCH, LENGTH): three times in four the next number is one more, else any."""
    generator = torch.Generator().manual_seed(step)
    steps = torch.randint(VOCABULARY, (BATCH, LENGTH + 1), generator=generator)
    steps = torch.where(torch.rand(BATCH, LENGTH + 1, generator=generator) < 0.75, torch.ones_like(steps), steps)
    text = steps.cumsum(1) % VOCABULARY
    return text[:, :-1], text[:, 1:]


def fault_at(step: int, lasting: bool) -> float:
    """By what the logits are multiplied at this step: 1.0 is no fault."""
    if lasting and step >= LASTING:
        return math.nan
    return {SPIKE: SPIKE_SIZE, NAN: math.nan}.get(step, 1.0)


def train(steps: int, faulty: bool, monitor: Monitor | None, lasting: bool = False) -> tuple[list[float], list[float]]:
    """Losses and gradient norms of one run, until its end or until the monitor stops it."""
    torch.manual_seed(0)
    model = NextNumber()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    losses: list[float] = []
    norms: list[float] = []
    for step in range(steps):
        actions: list[str] = []

        def look(loss: Tensor, grad_norm: Tensor, step: int = step, actions: list[str] = actions) -> bool:
            losses.append(loss.item())
            norms.append(grad_norm.item())
            actions.append(monitor.look(step, losses[-1], norms[-1]).action if monitor else "step")
            return actions[-1] == "step"

        model.fault = fault_at(step, lasting) if faulty else 1.0
        accumulated_step(model, [batch_of(step)], optimizer, lr=0.5, max_norm=math.inf, inspect=look)
        if actions == ["stop"]:
            break
    return losses, norms


def last_mean(losses: list[float]) -> float:
    """The mean of the last twenty losses: NaN if one of them is."""
    return sum(losses[-20:]) / len(losses[-20:])


def picture(runs: dict[str, list[float]], norms: list[float]) -> Figure:
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, losses), colour, width in zip(runs.items(), ("#bbbbbb", "#b2182b", "#2166ac"), (4, 1, 1), strict=True):
        left.plot(losses, color=colour, linewidth=width, label=name)
    left.set(xlabel="step", ylabel="loss of the batch", title="Loss", ylim=(1.0, 4.5))
    right.plot(norms, color="#2166ac", linewidth=1)
    right.set(xlabel="step", title="Gradient norm, with the monitor", yscale="log")
    for axis in (left, right):
        for step, name in ((SPIKE, "spike"), (NAN, "NaN")):
            axis.axvline(step, color="black", linewidth=0.6, linestyle=":")
            axis.annotate(name, (step, 0.95), (3, 0), xycoords=("data", "axes fraction"), textcoords="offset points")
    left.legend(frameon=False, loc="upper left")
    return figure


def report(args: argparse.Namespace) -> None:
    """Four runs, what the monitor did, and the record."""
    calm, _ = train(args.steps, faulty=False, monitor=None)
    alone, _ = train(args.steps, faulty=True, monitor=None)
    monitor, last = Monitor(), Monitor()
    watched, norms = train(args.steps, faulty=True, monitor=monitor)
    ended, _ = train(args.steps, faulty=True, monitor=last, lasting=True)
    for event in monitor.events:
        print(f"step {event['step']}: {event['action']}, {event['reason']}")
    final = {"undisturbed": last_mean(calm), "no monitor": last_mean(alone), "monitor": last_mean(watched)}
    print("mean of the last twenty losses: " + ", ".join(f"{name} {value:.3f}" for name, value in final.items()))
    print(f"the fault that lasts from step {LASTING} on: stopped at step {len(ended) - 1}: {last.events[-1:]}")
    metrics: dict[str, Any] = {
        "steps": args.steps,
        "planted": [SPIKE, NAN],
        "skipped": [event["step"] for event in monitor.events if event["action"] == "skip"],
        "lasting_from": LASTING,
        "stopped_at": len(ended) - 1 if last.events and last.events[-1]["action"] == "stop" else None,
        "final_loss": final["monitor"] if math.isfinite(final["monitor"]) else None,
        "final_loss_undisturbed": final["undisturbed"],
        "final_loss_without_monitor": final["no monitor"] if math.isfinite(final["no monitor"]) else None,
        "events": [f"step {e['step']}: {e['action']}, {e['reason']}" for e in (*monitor.events, *last.events)],
        "data": {"name": "counting with slips", "kind": "generated"},
    }
    run = new_run_folder("day08-monitor", args.runs)
    runs = {"undisturbed": calm, "no monitor": alone, "with the monitor": watched}
    config = {"steps": args.steps, "spike": SPIKE, "nan": NAN, "lasting": LASTING}
    run.finish(config=config, metrics=metrics, figure=picture(runs, norms))
    print(f"Written: {run.path}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="monitored_run", description="A spike and a NaN, on purpose (task 8.6).")
    parser.add_argument("--steps", type=int, default=320, help=f"how many, more than {LASTING}")
    parser.add_argument("--runs", default="runs", help="where this run's folder goes")
    args = parser.parse_args()
    if args.steps <= LASTING:
        parser.error(f"--steps is {args.steps}: it must be more than {LASTING}, where the last fault begins")
    torch.set_num_threads(1)  # so small a model only waits for the others
    try:
        report(args)
    except KeyboardInterrupt:
        print("\nStopped; nothing was written.", file=sys.stderr)
        return 130
    except (CourseDataError, NotImplementedError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
