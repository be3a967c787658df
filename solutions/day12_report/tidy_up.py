"""What a training log says: read it line by line, find the best step, smooth the losses, and sum it up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median


@dataclass(frozen=True)
class Record:
    """One line of the log: `step=20 loss=6.31 tokens=1024`."""

    step: int
    loss: float  # nats per token
    tokens: int  # in this step


def read_log(lines: Iterable[str]) -> tuple[list[Record], list[str]]:
    """Read every line of a log, however long it is.

    Empty lines, and those that begin with #, are left out. The fields of a line may stand in any order; further fields
    (`lr=0.001`) are ignored.

    Returns:
        the records, in the order of the lines; and the lines that cannot be read (a field is missing, or is no number),
        without the spaces around them.
    """
    records, unreadable = [], []
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        record = _record(text)
        if record is None:
            unreadable.append(text)
        else:
            records.append(record)
    return records, unreadable


def _record(text: str) -> Record | None:
    """The record of a line; None if a field is missing or is no number."""
    fields = dict(part.split("=", 1) for part in text.split() if "=" in part)
    try:
        return Record(int(fields["step"]), float(fields["loss"]), int(fields["tokens"]))
    except (KeyError, ValueError):
        return None


def best(records: Sequence[Record]) -> Record:
    """The record with the lowest loss; of equal ones, the first.

    Raises:
        ValueError: there is no record.
    """
    if not records:
        raise ValueError("there is no record: is this the log of a run?")
    return min(records, key=lambda record: record.loss)


def smoothed(losses: Sequence[float], window: int) -> list[float]:
    """The mean of the last `window` losses, for each of them; of fewer at the beginning.

    The list that is handed in stays as it is.
    """
    return [fmean(losses[max(0, end - window) : end]) for end in range(1, len(losses) + 1)]


def typical(losses: Sequence[float]) -> float:
    """The median loss. The list that is handed in stays as it is."""
    return median(losses)


def summary(lines: Iterable[str]) -> str:
    """One sentence about a log, such as `3 steps, 3,072 tokens; best loss 2.500 at step 30; 1 line unreadable`.

    What it says depends on the lines that are handed in and on nothing else. It prints nothing. The last part is left
    out if every line could be read.

    Raises:
        ValueError: there is no record.
    """
    records, unreadable = read_log(lines)
    lowest = best(records)
    parts = [
        f"{len(records)} steps, {sum(record.tokens for record in records):,} tokens",
        f"best loss {lowest.loss:.3f} at step {lowest.step}",
    ]
    if unreadable:
        parts.append(f"{len(unreadable)} line{'s' if len(unreadable) > 1 else ''} unreadable")
    return "; ".join(parts)
