"""Check of task 10.6: the run that puts one change upon the other."""

from statistics import median


def what_the_run_says(run):
    rows, seconds, losses = run["rows"], run["seconds"], run["losses"]
    names = [row["name"] for row in rows]
    first, last = names[0], names[-1]
    ratios = [old / new for old, new in zip(seconds[first], seconds[last], strict=True)]
    gaps = [abs(a - b) for a, b in zip(losses[first], losses[last], strict=True)]
    return {
        "changes that were tried": {"background", "fused attention", "fused optimizer", "chunked loss"} <= set(names),
        "every version has seconds and losses": set(seconds) == set(losses) == set(names),
        "rounds, at least three": all(len(one) >= 3 for one in seconds.values()),
        "total gain, over the one from the seconds": round(run["total_gain"] / median(ratios), 6),
        "difference of the last version, less the one from the losses": round(rows[-1]["difference"] - max(gaps), 9),
        "the losses are the same": all(row["same"] for row in rows),
        "it is faster": run["total_gain"] > 1,
    }


def test_the_run_before_and_after(record, compare):
    """Your run: faster after all changes, with the same losses"""
    expected = {
        "changes that were tried": True,
        "every version has seconds and losses": True,
        "rounds, at least three": True,
        "total gain, over the one from the seconds": 1.0,
        "difference of the last version, less the one from the losses": 0.0,
        "the losses are the same": True,
        "it is faster": True,
    }
    command = "python -m curriculum.day10_profiling.before_after"
    compare(what_the_run_says, record("day10-before-after", command=command), expected=expected)
