"""Checks of task 9.2, throughput.py."""

from grader import raised


def steps_of_one_process(throughput):
    return {
        "four readings": throughput.elapsed([1000.5, 1002.5, 1003.0, 1003.25]),
        "a step too short for the clock": throughput.elapsed([2.0, 2.0]),
        "one reading": raised(lambda: throughput.elapsed([1000.5])),
        "a reading that goes back": raised(lambda: throughput.elapsed([7.0, 8.0, 7.5])),
    }


def test_elapsed(lesson, compare):
    """Four readings of a clock are three steps; where its zero lies means nothing"""
    expected = {
        "four readings": [2.0, 0.5, 0.25],
        "a step too short for the clock": [0.0],
        "one reading": "ValueError",
        "a reading that goes back": "ValueError",
    }
    compare(steps_of_one_process, lesson("throughput"), expected=expected)


def steps_of_all(throughput):
    return {
        "two processes": throughput.slowest([[1.0, 4.0, 2.0], [3.0, 1.0, 2.5]]),
        "three processes": throughput.slowest([[1.0, 2.0], [1.5, 5.0], [6.0, 3.0]]),
        "one process": throughput.slowest([[1.0, 2.0]]),
        "no process": raised(lambda: throughput.slowest([])),
        "a process with fewer steps": raised(lambda: throughput.slowest([[1.0, 2.0], [1.0]])),
    }


def test_slowest(lesson, compare):
    """Each step takes as long as in the process in which it took longest"""
    expected = {
        "two processes": [3.0, 4.0, 2.5],
        "three processes": [6.0, 5.0],
        "one process": [1.0, 2.0],
        "no process": "ValueError",
        "a process with fewer steps": "ValueError",
    }
    compare(steps_of_all, lesson("throughput"), expected=expected)


SECONDS = [9.0, 2.0, 6.0, 1.0, 1.5, 0.5, 5.0, 1.25]


def typical_steps(throughput):
    typical = throughput.typical_step
    return {
        "five steps after three": typical(SECONDS),
        "four steps after four": typical(SECONDS, warmup=4),
        "no warm-up": typical(SECONDS[:3], warmup=0),
        "one step left": typical(SECONDS, warmup=7),
        "none left": raised(lambda: typical(SECONDS, warmup=8)),
        "a negative warm-up": raised(lambda: typical(SECONDS, warmup=-1)),
    }


def test_typical_step(lesson, compare):
    """The median of the steps after the warm-up, by hand"""
    expected = {
        "five steps after three": 1.25,
        "four steps after four": 1.375,
        "no warm-up": 6.0,
        "one step left": 1.25,
        "none left": "ValueError",
        "a negative warm-up": "ValueError",
    }
    compare(typical_steps, lesson("throughput"), expected=expected)


def rates(throughput):
    rate, run = throughput.tokens_per_second, throughput.Measurement
    return {
        "2048 tokens of 4 processes in half a second": rate(run(4, 2048, 0.5)),
        "512 tokens of 1 process in 2 seconds": rate(run(1, 512, 2.0)),
        "no time": raised(lambda: rate(run(1, 512, 0.0))),
        "negative time": raised(lambda: rate(run(1, 512, -1.0))),
    }


def test_tokens_per_second(lesson, compare):
    """The tokens of a step, which are those of all processes, for each second that it takes"""
    expected = {
        "2048 tokens of 4 processes in half a second": 4096.0,
        "512 tokens of 1 process in 2 seconds": 256.0,
        "no time": "ValueError",
        "negative time": "ValueError",
    }
    compare(rates, lesson("throughput"), expected=expected)


def pairs(throughput):
    """Runs to compare: the same batch shared out, a batch that grows, and 64 processes after 8."""
    run = throughput.Measurement
    return {
        "same batch for 1 and for 4": (run(1, 1000, 2.0), run(4, 1000, 0.8)),
        "growing batch for 1 and for 4": (run(1, 1000, 2.0), run(4, 4000, 2.5)),
        "growing batch for 8 and for 64": (run(8, 8000, 1.0), run(64, 64000, 1.25)),
    }


def speed_ups(throughput):
    return {name: throughput.speed_up(*pair) for name, pair in pairs(throughput).items()}


def test_speed_up(lesson, compare):
    """How many times as many tokens a second, whether the batch stayed or grew"""
    expected = {
        "same batch for 1 and for 4": 2.5,
        "growing batch for 1 and for 4": 3.2,
        "growing batch for 8 and for 64": 6.4,
    }
    compare(speed_ups, lesson("throughput"), expected=expected)


def efficiencies(throughput):
    return {name: throughput.efficiency(*pair) for name, pair in pairs(throughput).items()}


def test_efficiency(lesson, compare):
    """The share of what so many times the processes could bring: 0.625, 0.8 and 0.8"""
    expected = {
        "same batch for 1 and for 4": 0.625,
        "growing batch for 1 and for 4": 0.8,
        "growing batch for 8 and for 64": 0.8,
    }
    compare(efficiencies, lesson("throughput"), expected=expected)


def kinds(throughput):
    run, scaling = throughput.Measurement, throughput.scaling
    named = {name: scaling(*pair) for name, pair in pairs(throughput).items()}
    return {
        **named,
        "a batch that neither stays nor grows along": raised(lambda: scaling(run(1, 1000, 2.0), run(4, 2000, 1.0))),
        "as many processes as before": raised(lambda: scaling(run(4, 1000, 2.0), run(4, 1000, 1.0))),
    }


def test_scaling(lesson, compare):
    """Strong: the same batch for all together. Weak: the same batch for each. Anything else can't be compared"""
    expected = {
        "same batch for 1 and for 4": "strong",
        "growing batch for 1 and for 4": "weak",
        "growing batch for 8 and for 64": "weak",
        "a batch that neither stays nor grows along": "ValueError",
        "as many processes as before": "ValueError",
    }
    compare(kinds, lesson("throughput"), expected=expected)


def parts(throughput):
    run, split = throughput.Measurement, throughput.where_the_time_goes
    same, growing, _ = pairs(throughput).values()
    return {
        "same batch": split(*same, run(4, 1000, 0.6)),
        "growing batch": split(*growing, run(4, 4000, 2.25)),
        "a silent run with another batch": raised(lambda: split(*same, run(4, 2000, 0.6))),
        "a silent run with fewer processes": raised(lambda: split(*same, run(2, 1000, 0.6))),
    }


def test_where_the_time_goes(lesson, compare):
    """The seconds of a step, split into the ideal, the talking and the rest; they add up"""
    expected = {
        "same batch": {"ideal": 0.5, "talking": 0.2, "rest": 0.1},
        "growing batch": {"ideal": 2.0, "talking": 0.25, "rest": 0.25},
        "a silent run with another batch": "ValueError",
        "a silent run with fewer processes": "ValueError",
    }
    compare(parts, lesson("throughput"), expected=expected)
