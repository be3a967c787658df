"""Check of task 9.2: the run that measures one process and several."""


def what_the_run_says(run):
    one, strong, weak = (run["measurements"][name] for name in ("one", "strong", "weak"))
    rate = {name: 1 / part["seconds_per_step"] for name, part in run["measurements"].items()}
    return {
        "one process, then several": one["processes"] == 1 < strong["processes"] == weak["processes"],
        "strong scaling keeps the batch": one["tokens_per_step"] == strong["tokens_per_step"],
        "weak scaling keeps each process's batch": one["tokens_per_step"] * weak["processes"]
        == weak["tokens_per_step"],
        "speed-up, strong": round(run["speed_up_strong"] * rate["one"] / rate["strong"], 6),
        "speed-up of each process, weak": round(run["efficiency_weak"] * rate["one"] / rate["weak"], 6),
    }


def test_the_run_of_several_processes(record, compare):
    """Your run: tokens per second of one process and of several, and the speed-up that follows from them"""
    expected = {
        "one process, then several": True,
        "strong scaling keeps the batch": True,
        "weak scaling keeps each process's batch": True,
        "speed-up, strong": 1.0,
        "speed-up of each process, weak": 1.0,
    }
    command = "python -m curriculum.day09_distributed.measure_throughput"
    compare(what_the_run_says, record("day09-throughput", command=command), expected=expected)
