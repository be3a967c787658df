"""Train your MLP on CIFAR-10 in float32 and in mixed precision, from the same start: some minutes on one core.

    python -m curriculum.day01_pytorch_basics.train_cifar10
    python -m curriculum.day01_pytorch_basics.train_cifar10 --device cuda --dtype float16
    python -m curriculum.day01_pytorch_basics.train_cifar10 --data textures     # no files, no network

The run writes runs/day01-cifar10/ with the numbers of both side by side, and their curves.
"""

import argparse
import sys
import time
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from tqdm import tqdm

from course_data.images import load_images
from course_data.runs import RunFolder

from .cifar10_amp import Loaders, Report, cifar_mlp, make_loaders, side_by_side, train_classifier
from .measure import kept_for_backward
from .plumbing import add_common, positive, settings_of, smoothed, start

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
COLOURS = {"fp32": "#2166ac", "amp": "#b2182b"}


def settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train_cifar10", description="Train the MLP of task 1.5 on CIFAR-10, twice.")
    parser.add_argument("--data", default="cifar10", choices=["cifar10", "textures"], help="textures: a stand-in")
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float16"], help="of mixed precision")
    parser.add_argument("--epochs", type=positive, default=10, help="how often to see all training images")
    parser.add_argument("--batch-size", type=positive, default=128, help="images in a batch")
    parser.add_argument("--hidden", type=positive, nargs="+", default=[1024, 512], help="widths of the hidden layers")
    parser.add_argument("--dropout", type=float, default=0.1, help="share of hidden numbers that are dropped")
    parser.add_argument("--lr", type=float, default=1e-3, help="highest learning rate of AdamW")
    parser.add_argument("--val-size", type=positive, default=5000, help="training images held back for validation")
    add_common(parser)
    return parser.parse_args()


class Training(NamedTuple):
    """One of the two trainings."""

    report: Report
    kept: int  # bytes that a step keeps for backward
    cpu_seconds: float  # of this process alone, whatever else the machine does; validation included


def one_training(args: argparse.Namespace, loaders: Loaders, name: str, dtype: torch.dtype) -> Training:
    """Train in one dtype: the same first weights and the same order of the images for every dtype."""
    torch.manual_seed(args.seed)
    model = cifar_mlp(tuple(args.hidden), args.dropout).to(args.device)
    images, labels = (part.to(args.device) for part in next(iter(loaders.val)))
    images, labels = images[: args.batch_size], labels[: args.batch_size]

    def loss() -> torch.Tensor:
        with torch.autocast(images.device.type, dtype=dtype, enabled=dtype != torch.float32):
            return F.cross_entropy(model(images), labels)

    kept = kept_for_backward(model, loss)
    torch.manual_seed(args.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)
    steps = args.epochs * len(loaders.train)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    began = time.process_time()
    bar = tqdm(loaders.train, name, leave=False)
    report = train_classifier(model, bar, loaders.val, optimizer, args.epochs, dtype, args.device, scheduler)
    return Training(report, kept, time.process_time() - began)


def curves(reports: dict[str, Report]) -> Figure:
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, report in reports.items():
        width = max(1, len(report.losses) // 60)
        left.plot(*smoothed(report.losses, width), color=COLOURS[name], label=name)
        epochs = range(1, len(report.accuracies) + 1)
        right.plot(epochs, [100 * share for share in report.accuracies], "o-", color=COLOURS[name], label=name)
    left.set(xlabel="step", ylabel=f"loss, mean of {width} steps", title="Training")
    right.axhline(50, color="#999999", linestyle=":")
    right.set(xlabel="epoch", ylabel="right, in %", title="Validation images", xticks=epochs)
    for axis in (left, right):
        axis.legend(frameon=False)
    return figure


def numbers_of(name: str, training: Training) -> dict[str, Any]:
    report = training.report
    return {
        f"{name}_val_accuracy": report.accuracies[-1],
        f"{name}_val_accuracy_percent": 100 * report.accuracies[-1],
        f"{name}_seconds": report.seconds,
        f"{name}_cpu_seconds": training.cpu_seconds,
        f"{name}_kept_megabytes": training.kept / 1e6,
        f"{name}_last_loss": report.losses[-1],
        f"{name}_skipped": report.skipped,
        f"{name}_val_accuracies": report.accuracies,
    }


def train(args: argparse.Namespace, run: RunFolder) -> str:
    """Train twice, write the record, and return the table."""
    images = load_images(args.data, "train", data_dir=args.data_dir)
    print(images.source)
    loaders = make_loaders(images.images, images.labels, args.batch_size, args.val_size, args.seed)
    trainings = {}
    for name, dtype in (("fp32", torch.float32), ("amp", DTYPES[args.dtype])):
        print(f"{name}: {args.epochs} epochs of {len(loaders.train)} steps in {str(dtype).removeprefix('torch.')} …")
        trainings[name] = one_training(args, loaders, name, dtype)
        print(f"{name}: {100 * trainings[name].report.accuracies[-1]:.2f} % of the validation images right")
    reports = {name: training.report for name, training in trainings.items()}
    metrics = {key: value for name, training in trainings.items() for key, value in numbers_of(name, training).items()}
    metrics |= {
        "amp_dtype": args.dtype,
        "epochs": args.epochs,
        "val_images": args.val_size,
        "seconds": sum(report.seconds for report in reports.values()),
        "threads": torch.get_num_threads(),
        "mean": loaders.statistics.mean.tolist(),
        "std": loaders.statistics.std.tolist(),
        "data": {"name": args.data, "kind": images.kind, "digest": images.digest},
    }
    table = side_by_side(reports, {name: training.kept for name, training in trainings.items()})
    run.finish(config=settings_of(args), metrics=metrics, figure=curves(reports), texts={"table.md": table + "\n"})
    return table


if __name__ == "__main__":
    sys.exit(start("day01-cifar10", settings(), train))
