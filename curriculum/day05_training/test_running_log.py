"""Checks of task 5.5, running_log.py."""

import io
import sys
import types
import weakref
from importlib.abc import MetaPathFinder

import torch

from grader.devices import Readings

VALUES = [8.0, 6.5, 7.0, 4.0, 5.5]


def running_means(running_log):
    mean = running_log.RunningMean(decay=0.9)
    before = mean.value()
    after = []
    for value in VALUES:
        mean.update(torch.tensor(value))
        after.append(mean.value())
    return {"before the first": before, "after each": torch.tensor(after)}


def weighted_means():
    """Every mean as the sum that the docstring gives."""
    means = []
    for n in range(1, len(VALUES) + 1):
        weights = [0.9 ** (n - i) for i in range(1, n + 1)]
        means.append(sum(w * x for w, x in zip(weights, VALUES, strict=False)) / sum(weights))
    return {"before the first": float("nan"), "after each": torch.tensor(means)}


def test_running_mean(lesson, compare):
    """Five values: after the first, the mean is that value; after each, it is the weighted mean of all so far."""
    compare(running_means, lesson("running_log"), expected=weighted_means)


def mean_of_numbers(running_log):
    mean = running_log.RunningMean()
    for value in (3.0, 1.0):
        mean.update(value)
    return {"mean": mean.value(), "kind": type(mean.value()).__name__}


def test_plain_numbers(lesson, compare):
    """Plain numbers will do as well; the decay is 0.98 unless you say otherwise."""
    compare(mean_of_numbers, lesson("running_log"), expected={"mean": (0.98 * 3 + 1) / 1.98, "kind": "float"})


class Tag:
    """Lives as long as the graph that it was put into."""


class Tagged(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, tag):
        ctx.tag = tag
        return x.sum()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def cost_of_updates(running_log):
    mean = running_log.RunningMean()
    weight = torch.ones(3, requires_grad=True)
    tags, losses = [], []
    with Readings() as readings:
        for _ in range(4):
            tag = Tag()
            tags.append(weakref.ref(tag))
            loss = Tagged.apply(weight, tag)
            mean.update(loss)
            losses.append(loss.detach())
    del loss, tag
    return {
        "values read from the device": readings.counts.total(),
        "graphs kept alive": sum(tag() is not None for tag in tags),
        "losses afterwards": torch.stack(losses),
    }


def test_updates_cost_nothing(lesson, compare):
    """Four updates read nothing from the device, keep no graph alive and leave the losses as they are."""
    expected = {"values read from the device": 0, "graphs kept alive": 0, "losses afterwards": torch.full((4,), 3.0)}
    compare(cost_of_updates, lesson("running_log"), expected=expected)


class Clock:
    """Shows the time that it is set to."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def token_rates(running_log):
    clock = Clock(100.0)
    rate = running_log.TokenRate(clock)
    rate.add(10)
    rate.add(20)
    clock.now = 102.0
    first = rate.read()
    rate.add(40)
    clock.now = 107.0
    second = rate.read()
    rate.add(5)
    no_time = rate.read()
    clock.now = 111.0
    return {"first stretch": first, "second stretch": second, "no time has passed": no_time, "no tokens": rate.read()}


def test_token_rate(lesson, compare):
    """30 tokens in 2 s, then 40 in 5 s, then 5 in no time, then none in 4 s."""
    expected = {"first stretch": 15.0, "second stretch": 8.0, "no time has passed": 0.0, "no tokens": 0.0}
    compare(token_rates, lesson("running_log"), expected=expected)


def status_lines(running_log):
    return {
        "early": running_log.status_line(10.8254, 6e-5, 1234567.8),
        "late": running_log.status_line(3.14159, 6e-4, 987.4),
    }


def test_status_line(lesson, compare):
    """Loss, learning rate and tokens/s, in the form that the docstring shows."""
    expected = {
        "early": "loss 10.825 · lr 6.00e-05 · 1,234,568 tokens/s",
        "late": "loss 3.142 · lr 6.00e-04 · 987 tokens/s",
    }
    compare(status_lines, lesson("running_log"), expected=expected)


def bar_on_a_file(running_log):
    file = io.StringIO()
    with running_log.progress_bar(8, file) as bar:
        bar.update(3)
        bar.refresh()
        return {"total": bar.total, "done": bar.n, "3/8 is on the file": "3/8" in file.getvalue()}


def test_progress_bar(lesson, compare):
    """A bar of eight steps, three done, written to the file that was given."""
    compare(bar_on_a_file, lesson("running_log"), expected={"total": 8, "done": 3, "3/8 is on the file": True})


class NoWandb(MetaPathFinder):
    """Notes every attempt to import wandb, and says that it is not installed."""

    def __init__(self):
        self.attempts = 0

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "wandb":
            self.attempts += 1
            raise ModuleNotFoundError("No module named 'wandb'", name="wandb")
        return None


def without_wandb(running_log):
    finder = NoWandb()
    there = sys.modules.pop("wandb", None)
    sys.meta_path.insert(0, finder)
    try:
        log = running_log.wandb_logger(None, {})
        log({"loss": 1.0}, 0)
        not_asked = finder.attempts
        try:
            running_log.wandb_logger("my-gpt", {})
            kind, message = "nothing", ""
        except ModuleNotFoundError as error:
            kind, message = type(error).__name__, str(error)
    finally:
        sys.meta_path.remove(finder)
        if there is not None:
            sys.modules["wandb"] = there
    return {
        "imports when not asked for": not_asked,
        "raised when missing": kind,
        "it says what to type": "pip install wandb" in message,
    }


def test_without_wandb(lesson, compare):
    """Not asked for, wandb is not imported; asked for and missing, the error says what to type."""
    expected = {
        "imports when not asked for": 0,
        "raised when missing": "ModuleNotFoundError",
        "it says what to type": True,
    }
    compare(without_wandb, lesson("running_log"), expected=expected)


def with_wandb(running_log):
    calls = []

    def log(metrics, step=None):
        calls.append({"metrics": dict(metrics), "step": step})

    def init(**settings):
        calls.append({"project": settings.get("project"), "config": dict(settings.get("config") or {})})
        return types.SimpleNamespace(log=log)

    fake = types.ModuleType("wandb")
    fake.init, fake.log = init, log
    there = sys.modules.get("wandb")
    sys.modules["wandb"] = fake
    try:
        send = running_log.wandb_logger("my-gpt", {"lr": 0.1})
        send({"loss": 2.5}, 40)
    finally:
        del sys.modules["wandb"]
        if there is not None:
            sys.modules["wandb"] = there
    return {"calls": calls}


def test_with_wandb(lesson, compare):
    """Asked for and installed (a stand-in here): one run with project and config, and metrics with their step."""
    calls = [{"project": "my-gpt", "config": {"lr": 0.1}}, {"metrics": {"loss": 2.5}, "step": 40}]
    compare(with_wandb, lesson("running_log"), expected={"calls": calls})
