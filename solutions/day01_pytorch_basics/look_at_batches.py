"""Look at your batches of any text, and at how much of them is padding.

python -m curriculum.day01_pytorch_basics.look_at_batches
python -m curriculum.day01_pytorch_basics.look_at_batches my_text.txt --block-size 80 --batch-size 16
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from torch.utils.data import DataLoader

from .bucketing import text_loader
from .plumbing import positive
from .text_dataset import Batch, TextBlocks, pad_batch

LESSON = Path(__file__).parents[2] / "curriculum" / "day01_pytorch_basics" / "README.md"


def settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="look_at_batches", description="Show some batches of a text file.")
    parser.add_argument("text", type=Path, nargs="?", default=LESSON, help="any text file; today's lesson if left out")
    parser.add_argument("--block-size", type=positive, default=60, help="most targets in a block")
    parser.add_argument("--batch-size", type=positive, default=6, help="blocks in a batch")
    parser.add_argument("--show", type=positive, default=3, help="how many batches to show")
    return parser.parse_args()


def as_text(batch: Batch) -> str:
    """A line for each row of the batch: what is there between bars, · for each place of padding."""
    lines = []
    for numbers, mask in zip(batch.x, batch.mask, strict=True):
        text = bytes(numbers[mask].tolist()).decode("utf-8", "replace").replace("\n", "⏎")
        lines.append(f"  |{text}|{'·' * int((~mask).sum())}")
    return "\n".join(lines)


def share_of_padding(batches: Iterable[Batch]) -> float:
    masks = [batch.mask for batch in batches]
    return 1 - sum(int(mask.sum()) for mask in masks) / max(1, sum(mask.numel() for mask in masks))


def main() -> int:
    args = settings()
    try:
        dataset = TextBlocks(args.text, args.block_size)
        loader = text_loader(dataset, args.batch_size)
        plain: DataLoader = DataLoader(dataset, args.batch_size, shuffle=True, collate_fn=pad_batch)
        for number, batch in enumerate(loader):
            if number == args.show:
                break
            print(f"batch {number}: {tuple(batch.x.shape)}\n{as_text(batch)}\n")
        print(f"{len(dataset)} blocks, {len(loader)} batches")
        print(
            f"padding: {100 * share_of_padding(plain):.1f} % at random, {100 * share_of_padding(loader):.1f} % bucketed"
        )
    except OSError as error:
        print(f"{args.text} cannot be read: {error.strerror}.", file=sys.stderr)
        return 1
    except NotImplementedError as error:
        print(f"This needs {error}, which is not written yet.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
