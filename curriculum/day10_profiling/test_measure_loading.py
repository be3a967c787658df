"""Check of task 10.4: the run that measures how long a training waits for its data."""


def what_the_run_says(run):
    rows = {row["way"]: row for row in run["rows"]}
    first = rows.get("in the step", {"times_as_fast": 0.0, "waiting_percent": 0.0})
    best = max(run["rows"], key=lambda row: row["times_as_fast"])
    return {
        "in the step is what all are held against": first["times_as_fast"],
        "a thread and workers were tried": {"in a thread", "1 worker"} <= rows.keys(),
        "shares of waiting are between 0 and 100 %": all(0 <= row["waiting_percent"] <= 100 for row in run["rows"]),
        "the model waits less in the best way": best["waiting_percent"] < first["waiting_percent"],
        "and is faster": best["times_as_fast"] > 1,
    }


def test_the_run_of_loading(record, compare):
    """Your run: loading in the step, in a thread, by workers; the best of them waits less and is faster"""
    expected = {
        "in the step is what all are held against": 1.0,
        "a thread and workers were tried": True,
        "shares of waiting are between 0 and 100 %": True,
        "the model waits less in the best way": True,
        "and is faster": True,
    }
    command = "python -m curriculum.day10_profiling.measure_loading"
    compare(what_the_run_says, record("day10-loading", command=command), expected=expected)
