"""Right answers of day 12, written another way."""

import re
from itertools import accumulate

from grader.catalogue import alternative
from solutions.day12_report import tidy_up

DAY = "day12_report"


@alternative(DAY, "tidy_up", "read_log")
def with_a_regular_expression(lines):
    records, unreadable = [], []
    for line in map(str.strip, lines):
        fields = dict(re.findall(r"(?:^|\s)([^=\s]+)=(\S*)", line))
        if line == "" or line[0] == "#":
            continue
        try:
            records.append(tidy_up.Record(int(fields["step"]), float(fields["loss"]), int(fields["tokens"])))
        except (LookupError, ValueError):
            unreadable.append(line)
    return records, unreadable


@alternative(DAY, "tidy_up", "best")
def with_sorted(records):
    """Sorting is stable, so the first of equals stays first."""
    try:
        return sorted(records, key=lambda record: record.loss)[0]
    except IndexError:
        raise ValueError("no record") from None


@alternative(DAY, "tidy_up", "smoothed")
def with_running_sums(losses, window):
    sums = [0.0, *accumulate(losses)]
    return [(sums[n] - sums[max(0, n - window)]) / min(n, window) for n in range(1, len(sums))]


@alternative(DAY, "tidy_up", "typical")
def with_a_sorted_copy(losses):
    ranked, half = sorted(losses), len(losses) // 2
    return ranked[half] if len(losses) % 2 else (ranked[half - 1] + ranked[half]) / 2
