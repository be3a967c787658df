"""Train your classifier on MNIST and measure it on the test images: a minute or two on one core.

    python -m curriculum.day01_pytorch_basics.train_mnist
    python -m curriculum.day01_pytorch_basics.train_mnist --data digits     # no files, no network

The run writes runs/day01-mnist/ with its numbers and its curve.
"""

import argparse
import sys
import time

import torch
from matplotlib.figure import Figure
from torch.utils.data import DataLoader, TensorDataset

from course_data.images import Images, load_images
from course_data.runs import RunFolder

from .mnist_mlp import Classifier, accuracy, train_one_epoch
from .plumbing import add_common, positive, settings_of, smoothed, start


def settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train_mnist", description="Train the MLP of task 1.1 on MNIST.")
    parser.add_argument("--data", default="mnist", choices=["mnist", "digits"], help="digits: a stand-in, drawn here")
    parser.add_argument("--epochs", type=positive, default=5, help="how often to see all training images")
    parser.add_argument("--batch-size", type=positive, default=64, help="images in a batch")
    parser.add_argument("--hidden", type=positive, default=256, help="units of the hidden layer")
    parser.add_argument("--lr", type=float, default=1e-3, help="learning rate of Adam")
    add_common(parser)
    return parser.parse_args()


def batches(images: Images, batch_size: int, shuffle: bool) -> DataLoader:
    """Batches of (float32 (B, 1, 28, 28) from 0 to 1, int64 (B,))."""
    return DataLoader(TensorDataset(images.images.float() / 255, images.labels), batch_size, shuffle=shuffle)


def curves(losses: list[float], accuracies: list[float]) -> Figure:
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    width = max(1, len(losses) // 50)
    left.plot(losses, color="#2166ac", linewidth=0.4, alpha=0.4)
    left.plot(*smoothed(losses, width), color="#2166ac", label=f"mean of {width}")
    left.set(xlabel="step", ylabel="loss of the batch", yscale="log", title="Training")
    left.legend(frameon=False)
    right.plot(range(1, len(accuracies) + 1), [100 * share for share in accuracies], "o-", color="#1b7837")
    right.axhline(97, color="#999999", linestyle=":", label="97 %")
    right.set(xlabel="epoch", ylabel="right, in %", title="Test images", xticks=range(1, len(accuracies) + 1))
    right.legend(frameon=False, loc="lower right")
    return figure


def train(args: argparse.Namespace, run: RunFolder) -> str:
    """Train, write the record, and say how good the model is."""
    train_images, test_images = (load_images(args.data, split, data_dir=args.data_dir) for split in ("train", "test"))
    print(train_images.source)
    torch.manual_seed(args.seed)
    model = Classifier(hidden=args.hidden).to(args.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    train_loader = batches(train_images, args.batch_size, shuffle=True)
    test_loader = batches(test_images, 1000, shuffle=False)
    losses: list[float] = []
    accuracies: list[float] = []
    seconds = 0.0
    for epoch in range(1, args.epochs + 1):
        began = time.perf_counter()
        losses += train_one_epoch(model, train_loader, optimizer, args.device)
        seconds += time.perf_counter() - began
        accuracies.append(accuracy(model, test_loader, args.device))
        print(f"epoch {epoch}: last loss {losses[-1]:.4f}, {100 * accuracies[-1]:.2f} % of the test images right")
    metrics = {
        "test_accuracy": accuracies[-1],
        "test_accuracy_percent": 100 * accuracies[-1],
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "steps": len(losses),
        "seconds": seconds,
        "threads": torch.get_num_threads(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "test_accuracies": accuracies,
        "data": {"name": args.data, "kind": train_images.kind, "digest": train_images.digest},
    }
    run.finish(config=settings_of(args), metrics=metrics, figure=curves(losses, accuracies))
    return f"{100 * accuracies[-1]:.2f} % of {len(test_images):,} test images are right."


if __name__ == "__main__":
    sys.exit(start("day01-mnist", settings(), train))
