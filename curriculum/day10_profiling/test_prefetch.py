"""Checks of task 10.4, prefetch.py. They wait for what must happen, and never measure how long it takes."""

import threading
import time
from functools import partial

from grader import raised

LOOKS, IN_VAIN = 5000, 250  # of this thread, which gets its turn no sooner than the others do


def until(happened):
    """Look until something has happened; give up when no other thread has computed for many looks in a row.

    Looks are counted and not seconds: on a busy machine all threads of a process are late together.
    """
    in_vain, computed = 0, 0.0
    for _ in range(LOOKS):
        if happened() or in_vain > IN_VAIN:
            return
        time.sleep(0.002)
        by_others = time.process_time() - time.thread_time()
        in_vain = in_vain + 1 if by_others < computed + 0.0001 else 0
        computed = by_others if in_vain == 0 else computed


WORKERS = (  # seconds to load, seconds of a step, cores; and the workers that are enough
    (0.3, 0.1, 8, 3),
    (0.25, 0.1, 8, 3),
    (0.1, 0.1, 8, 1),
    (0.05, 0.1, 8, 1),
    (0.001, 0.1, 8, 1),
    (0.0009, 0.1, 8, 0),
    (0.000995, 0.1, 8, 0),
    (0.0, 0.1, 8, 0),
    (2.0, 0.1, 8, 7),
    (2.0, 0.1, 2, 1),
    (2.0, 0.1, 1, 1),
)


def said(load, step, cores):
    return f"{load} s to load for each step of {step} s on {cores} core{'s' if cores > 1 else ''}"


def numbers(prefetch):
    return {said(*case): prefetch.workers_needed(*case) for *case, _ in WORKERS}


def test_workers_needed(lesson, compare):
    """How many workers are enough"""
    compare(numbers, lesson("prefetch"), expected={said(*case): workers for *case, workers in WORKERS})


def log_of(prefetch, count, **settings):
    """What happens, in order, when `count` batches are given out one after another."""
    log = []

    def batches():
        for number in range(count):
            log.append(f"take {number}")
            yield number
        log.append("end")

    def start(number):
        log.append(f"start {number}")
        return 10 * number

    given = prefetch.ahead(batches(), start, **settings)
    log.append("made")
    for value in given:
        log.append(f"give {value}")
    return log


def logs(prefetch):
    return {
        "4 batches, depth 1": log_of(prefetch, 4),
        "4 batches, depth 2": log_of(prefetch, 4, depth=2),
        "2 batches, depth 0": log_of(prefetch, 2, depth=0),
        "2 batches, depth 5": log_of(prefetch, 2, depth=5),
        "no batch": log_of(prefetch, 0),
        "depth -1": raised(lambda: prefetch.ahead([1], int, depth=-1)),
        "batches in a list": list(prefetch.ahead([1, 2, 3], str, depth=1)),
        "batches that are None": list(prefetch.ahead([None, None], str, depth=1)),
    }


def logs_by_hand():
    def log(words):
        names = {"t": "take", "s": "start", "g": "give"}
        tens = {"g": 10}
        return [
            "made",
            *(
                f"{names[word[0]]} {int(word[1]) * tens.get(word[0], 1)}" if word != "end" else word
                for word in words.split()
            ),
        ]

    return {
        "4 batches, depth 1": log("t0 s0 t1 s1 g0 t2 s2 g1 t3 s3 g2 end g3"),
        "4 batches, depth 2": log("t0 s0 t1 s1 t2 s2 g0 t3 s3 g1 end g2 g3"),
        "2 batches, depth 0": log("t0 s0 g0 t1 s1 g1 end"),
        "2 batches, depth 5": log("t0 s0 t1 s1 end g0 g1"),
        "no batch": log("end"),
        "depth -1": "ValueError",
        "batches in a list": ["1", "2", "3"],
        "batches that are None": ["None", "None"],
    }


def test_ahead(lesson, compare):
    """What is taken, started and given out, in this order"""
    compare(logs, lesson("prefetch"), expected=logs_by_hand)


class Source:
    """Batches 0, 1, 2 …, made one after another; it notes by which thread. It may fail at one of them."""

    def __init__(self, length, fails_at=-1):
        self.length, self.fails_at, self.made, self.threads = length, fails_at, 0, set()

    def __iter__(self):
        return self

    def __next__(self):
        self.threads.add(threading.get_ident())
        if self.made == self.fails_at:
            raise KeyError("this batch cannot be loaded")
        if self.made == self.length:
            raise StopIteration
        self.made += 1
        return self.made - 1


def in_time(call):
    """What the call gives, or raises; or that it waits for ever."""
    found = {}

    def work():
        try:
            found["value"] = call()
        except BaseException as error:
            found["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    until(lambda: not thread.is_alive())
    if "error" in found:
        raise found["error"]
    return found.get("value", "waits for ever")


def settled(source, enough, before):
    """How many batches were made, when no more are: `enough` of them, unless no thread is there to make them."""
    until(lambda: source.made >= enough or not set(threading.enumerate()) - before)
    time.sleep(0.02)  # a chance to make too many; who makes no more needs no time
    return source.made


def in_order(prefetch, length, depth):
    source = Source(length)
    with prefetch.Background(source, depth) as batches:
        given = list(batches)
    return [given, len(source.threads), threading.get_ident() in source.threads]


def after_the_end(prefetch):
    with prefetch.Background(Source(2), 1) as batches:
        return [raised(lambda: next(batches)) for _ in range(4)]


RUNS = ((7, 2), (5, 1), (2, 9), (0, 3))


def orders(prefetch):
    runs = {f"{length} batches, depth {depth}": partial(in_order, prefetch, length, depth) for length, depth in RUNS}
    return {name: in_time(run) for name, run in runs.items()} | {
        "two batches, and what next() says four times": in_time(partial(after_the_end, prefetch))
    }


def test_order(lesson, compare):
    """Every batch once and in order, loaded by one thread, which is not the user's; then the end, and again"""
    expected = {f"{length} batches, depth {depth}": [list(range(length)), 1, False] for length, depth in RUNS}
    expected["two batches, and what next() says four times"] = ["nothing", "nothing", "StopIteration", "StopIteration"]
    compare(orders, lesson("prefetch"), expected=expected)


def held(made, depth):
    """Depth batches ready, and perhaps one more in the hand of the thread."""
    return "depth, or one more" if made in (depth, depth + 1) else "fewer" if made < depth else "more"


def how_far_ahead(prefetch, depth):
    source, before = Source(100), set(threading.enumerate())
    background = prefetch.Background(source, depth)
    seen = {"something is made before with": settled(source, 1, before) > 0}
    with background as batches:
        seen["made before one is asked for"] = held(settled(source, depth, before), depth)
        first = [next(batches) for _ in range(3)]
        seen["made besides the first three"] = held(settled(source, depth + 3, before) - 3, depth)
    return seen | {"the first three": first}


def distances(prefetch):
    return {f"depth {depth}": in_time(partial(how_far_ahead, prefetch, depth)) for depth in (1, 4)}


def test_how_far_ahead(lesson, compare):
    """Loading goes on while nobody asks, and stops when enough is ready"""
    seen = {
        "something is made before with": False,
        "made before one is asked for": "depth, or one more",
        "made besides the first three": "depth, or one more",
        "the first three": [0, 1, 2],
    }
    compare(distances, lesson("prefetch"), expected={"depth 1": seen, "depth 4": seen})


def left_early(prefetch):
    """Leave after two of forty batches, while the thread waits for a place."""
    before, source = set(threading.enumerate()), Source(40)
    with prefetch.Background(source, 1) as batches:
        given = [next(batches), next(batches)]
        settled(source, 3, before)
    made = "a few" if source.made < 10 else source.made
    return {"given": given, "batches made": made, "threads left over": len(set(threading.enumerate()) - before)}


def left_by_error(prefetch):
    before = set(threading.enumerate())

    def use():
        with prefetch.Background(Source(40), 3) as batches:
            raise LookupError(f"the training failed at batch {next(batches)}")

    return {"raised": raised(use), "threads left over": len(set(threading.enumerate()) - before)}


def left_unused(prefetch):
    before, source = set(threading.enumerate()), Source(3)
    with prefetch.Background(source, 1):
        settled(source, 1, before)
    return len(set(threading.enumerate()) - before)


def leavings(prefetch):
    return {
        "after two batches": in_time(partial(left_early, prefetch)),
        "after an error of the user's": in_time(partial(left_by_error, prefetch)),
        "before the first batch: threads left over": in_time(partial(left_unused, prefetch)),
    }


def test_leaving(lesson, compare):
    """Whoever leaves early leaves no thread behind"""
    expected = {
        "after two batches": {"given": [0, 1], "batches made": "a few", "threads left over": 0},
        "after an error of the user's": {"raised": "LookupError", "threads left over": 0},
        "before the first batch: threads left over": 0,
    }
    compare(leavings, lesson("prefetch"), expected=expected)


def failing(prefetch, fails_at):
    given, source, before = [], Source(9, fails_at), set(threading.enumerate())
    with prefetch.Background(source, 5) as batches:
        settled(source, fails_at, before)

        def use():
            for batch in batches:
                given.append(batch)

        error = raised(use)
        after = raised(lambda: next(batches))
    return {"given before": given, "raised": error, "after that": after}


def failures(prefetch):
    seen = {f"batch {at} cannot be loaded": in_time(partial(failing, prefetch, at)) for at in (0, 3)}
    return seen | {f"depth {depth}": raised(lambda depth=depth: prefetch.Background([1], depth)) for depth in (0, -1)}


def test_errors(lesson, compare):
    """An error while loading reaches the user, in its place"""
    rest = {"raised": "KeyError", "after that": "StopIteration"}
    expected = {
        "batch 0 cannot be loaded": {"given before": [], **rest},
        "batch 3 cannot be loaded": {"given before": [0, 1, 2], **rest},
        "depth 0": "ValueError",
        "depth -1": "ValueError",
    }
    compare(failures, lesson("prefetch"), expected=expected)
