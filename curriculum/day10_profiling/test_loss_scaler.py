"""Checks of task 10.1, loss_scaler.py: against torch.amp.GradScaler, which runs on the CPU, too."""

from functools import partial

import torch
from torch import nn

from grader import raised
from grader.devices import Readings

START = torch.tensor([[0.5, -1.0], [2.0, 0.25]])
INF, NAN = float("inf"), float("nan")


class Descent:
    """Gradient descent with two groups; torch's own optimizers take seconds to be imported."""

    def __init__(self, *parameters, lr=0.5):
        half = max(len(parameters) // 2, 1)
        self.param_groups = [{"params": list(parameters[:half])}, {"params": list(parameters[half:])}]
        self.lr, self.calls = lr, []

    @torch.no_grad()
    def step(self, *arguments, **named):
        self.calls.append([list(arguments), named])
        for parameter in (p for group in self.param_groups for p in group["params"]):
            if parameter.grad is not None:
                parameter.sub_(self.lr * parameter.grad)
        return len(self.calls)


# What a run meets. The scale begins at 8, grows by 4 after 3 iterations without overflow, and shrinks to a half.
SETTINGS = {"init_scale": 8.0, "growth_factor": 4.0, "backoff_factor": 0.5, "growth_interval": 3}
RUN = [0.5, 1.0, INF, 0.25, 1.0, -INF, NAN, 2.0, 0.5, 0.125, 1.0, -0.5, 0.75, 3.0, NAN, 1.0]  # for the weights
FOR_BIAS = {5: -INF, 10: NAN}  # and for the bias, where it is not 3


def run(scaler, factors=RUN):
    """What each iteration leaves: scale, count, gradient after unscaling, weights."""
    weights = nn.Parameter(START.clone())
    bias, unused = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.ones(2))
    optimizer = Descent(weights, bias, unused)
    seen = {"scale": [], "iterations without overflow": [], "gradients": [], "weights": []}
    for number, factor in enumerate(factors):
        weights.grad = bias.grad = None
        loss = (weights.square() * torch.tensor([[1.0, factor], [0.5, -1.0]])).sum() + FOR_BIAS.get(number, 3) * bias
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        seen["gradients"].append(torch.cat([weights.grad.flatten(), bias.grad.view(1)]).nan_to_num(7e7, 8e8, 9e9))
        scaler.step(optimizer)
        scaler.update()
        seen["scale"].append(float(scaler.get_scale()))
        seen["iterations without overflow"].append(int(scaler.state_dict()["_growth_tracker"]))
        seen["weights"].append(weights.detach().clone())
    return {name: torch.stack(value) if name in ("gradients", "weights") else value for name, value in seen.items()}


def theirs(**settings):
    return torch.amp.GradScaler("cpu", **settings)


def mine(loss_scaler):
    return run(loss_scaler.LossScaler(**SETTINGS))


def test_run(lesson, compare):
    """Sixteen iterations, five of them with an overflow, step by step as GradScaler (inf, NaN shown as huge numbers)"""
    compare(mine, lesson("loss_scaler"), expected=lambda: run(theirs(**SETTINGS)))


def with_defaults(loss_scaler):
    return run(loss_scaler.LossScaler(), [0.5, INF, 1.0])


def test_defaults(lesson, compare):
    """What nobody set is as in GradScaler"""

    def expected():
        return run(theirs(), [0.5, INF, 1.0])

    compare(
        lambda loss_scaler: with_defaults(loss_scaler) | settings(loss_scaler.LossScaler()),
        lesson("loss_scaler"),
        expected=lambda: expected() | settings(theirs()),
    )


def settings(scaler):
    return {"settings": {name: float(value) for name, value in scaler.state_dict().items()}}


def steps_alone(make):
    """step() without unscale_(), with arguments for the optimizer; one skipped, one not."""
    scaler, weights = make(init_scale=1024.0, growth_interval=1), nn.Parameter(START.clone())
    optimizer, returned = Descent(weights), []
    for factor in (1.0, NAN, 2.0):
        weights.grad = None
        scaler.scale((weights * factor).sum()).backward()
        returned.append(scaler.step(optimizer, "closer", how="slowly"))
        scaler.update()
    return {
        "what step gave back": returned,
        "what reached the optimizer": optimizer.calls,
        "weights": weights.detach(),
        "scale": float(scaler.get_scale()),
    }


def test_step_alone(lesson, compare):
    """step() unscales where nobody did, passes on what it is given, and gives back what the optimizer says"""
    compare(
        lambda loss_scaler: steps_alone(loss_scaler.LossScaler),
        lesson("loss_scaler"),
        expected=partial(steps_alone, theirs),
    )


def two_optimizers(make):
    """The first one's gradients overflow in the second iteration, the second one's in the third."""
    scaler, seen = make(init_scale=64.0, growth_interval=2), []
    first, second = nn.Parameter(START.clone()), nn.Parameter(START.clone())
    optimizers = [Descent(first), Descent(second, lr=0.25)]
    for one, other in ((1.0, 2.0), (INF, 1.0), (0.5, NAN), (1.0, 1.0), (0.5, 0.5)):
        first.grad = second.grad = None
        scaler.scale((first * one).sum() + (second * other).sum()).backward()
        scaler.unscale_(optimizers[0])
        for optimizer in optimizers:
            scaler.step(optimizer)
        scaler.update()
        seen.append(torch.stack([first.detach(), second.detach()]).clone())
    return {
        "weights of both": torch.stack(seen),
        "steps taken": [len(optimizer.calls) for optimizer in optimizers],
        "scale": float(scaler.get_scale()),
    }


def test_two_optimizers(lesson, compare):
    """Two optimizers, one scale: who overflowed skips alone, and the scale is lowered for both"""
    probe = lambda loss_scaler: two_optimizers(loss_scaler.LossScaler)  # noqa: E731
    compare(probe, lesson("loss_scaler"), expected=partial(two_optimizers, theirs))


def scaled(make):
    scaler = make(init_scale=65536.0)
    losses = [torch.tensor(2.5, dtype=dtype) for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)]
    products = [scaler.scale(loss) for loss in losses]
    return {
        "dtypes": [str(product.dtype) for product in products],
        "products": [float(product) for product in products],
        "the loss afterwards": float(losses[2]),
        "a loss of two numbers": scaler.scale(torch.tensor([1.0, -2.0])),
    }


def test_scale(lesson, compare):
    """The scaled loss is float32 at least, whatever comes in"""
    expected = {
        "dtypes": ["torch.float32", "torch.float32", "torch.float32", "torch.float64"],
        "products": [163840.0] * 4,
        "the loss afterwards": 2.5,
        "a loss of two numbers": torch.tensor([65536.0, -131072.0]),
    }
    compare(lambda loss_scaler: scaled(loss_scaler.LossScaler), lesson("loss_scaler"), expected=expected)


def checkpoints(loss_scaler):
    """Half of the run with one scaler, the rest with another one that took over its state, and grows at once."""
    first, second = RUN[:9], RUN[9:]
    old_mine, old_theirs = loss_scaler.LossScaler(**SETTINGS), theirs(**SETTINGS)
    run(old_mine, first), run(old_theirs, first)
    state = old_mine.state_dict()
    new_mine, from_theirs, new_theirs = loss_scaler.LossScaler(), loss_scaler.LossScaler(), theirs()
    new_mine.load_state_dict(dict(state))
    from_theirs.load_state_dict(old_theirs.state_dict())
    new_theirs.load_state_dict(dict(state))
    runs = {"mine to mine": new_mine, "GradScaler's to mine": from_theirs, "mine to GradScaler": new_theirs}
    seen = {f"scale, {name}": run(scaler, second)["scale"] for name, scaler in runs.items()}
    untouched = loss_scaler.LossScaler(4.0)
    part = {name: 9.0 for name in state if name != "backoff_factor"}
    return seen | {
        "keys": sorted(state),
        "an empty state": raised(lambda: loss_scaler.LossScaler().load_state_dict({})),
        "a state without a key": raised(lambda: untouched.load_state_dict(part)),
        "scale after that": float(untouched.get_scale()),
    }


def checkpoints_of_theirs():
    first, second = theirs(**SETTINGS), theirs()
    run(first, RUN[:9])
    second.load_state_dict(first.state_dict())
    scales = run(second, RUN[9:])["scale"]
    names = ("mine to mine", "GradScaler's to mine", "mine to GradScaler")
    return {f"scale, {name}": scales for name in names} | {
        "keys": sorted(first.state_dict()),
        "an empty state": "ValueError",
        "a state without a key": "ValueError",
        "scale after that": 4.0,
    }


def test_checkpoint(lesson, compare):
    """A run goes on from a checkpoint, from GradScaler to yours and back"""
    compare(checkpoints, lesson("loss_scaler"), expected=checkpoints_of_theirs)


def order(loss_scaler):
    def begun():
        weights = nn.Parameter(START.clone())
        weights.grad = torch.ones(2, 2)
        return loss_scaler.LossScaler(), Descent(weights), weights

    def unscaled_twice():
        scaler, optimizer, _ = begun()
        scaler.unscale_(optimizer)
        scaler.unscale_(optimizer)

    def unscaled_after_step():
        scaler, optimizer, _ = begun()
        scaler.step(optimizer)
        scaler.unscale_(optimizer)

    def stepped_twice():
        scaler, optimizer, _ = begun()
        scaler.step(optimizer)
        scaler.step(optimizer)

    def half(dtype):
        weights, other = nn.Parameter(START.to(dtype)), nn.Parameter(START.clone())
        weights.grad, other.grad = torch.ones(2, 2, dtype=dtype), torch.ones(2, 2)
        found = raised(lambda: loss_scaler.LossScaler().unscale_(Descent(other, weights)))
        return [found, other.grad[0, 0].item()]

    scaler, optimizer, weights = begun()
    weights.grad = None
    return {
        "unscale_ twice": raised(unscaled_twice),
        "unscale_ after step": raised(unscaled_after_step),
        "step twice": raised(stepped_twice),
        "update at once": raised(begun()[0].update),
        "no gradient anywhere": raised(lambda: scaler.unscale_(optimizer)),
        "a gradient in float16, and another one afterwards": half(torch.float16),
        "a gradient in bfloat16, and another one afterwards": half(torch.bfloat16),
    }


def test_order(lesson, compare):
    """What is called too often, too late or for nothing is refused"""
    expected = {
        "unscale_ twice": "RuntimeError",
        "unscale_ after step": "RuntimeError",
        "step twice": "RuntimeError",
        "update at once": "RuntimeError",
        "no gradient anywhere": "RuntimeError",
        "a gradient in float16, and another one afterwards": ["ValueError", 1.0],
        "a gradient in bfloat16, and another one afterwards": ["nothing", 2.0**-16],
    }
    compare(order, lesson("loss_scaler"), expected=expected)


REFUSED = (
    ("init_scale", 0.0, -8.0),
    ("growth_factor", 1.0, 0.5),
    ("backoff_factor", 1.0, 2.0, 0.0, -0.5),
    ("growth_interval", 0, -1),
)


def settings_refused(loss_scaler):
    return {
        f"{name} = {value}": raised(lambda name=name, value=value: loss_scaler.LossScaler(**{name: value}))
        for name, *values in REFUSED
        for value in values
    }


def test_settings(lesson, compare):
    """Settings with which a scale could not grow or shrink are refused"""
    names = [f"{name} = {value}" for name, *values in REFUSED for value in values]
    compare(settings_refused, lesson("loss_scaler"), expected=dict.fromkeys(names, "ValueError"))


def at_the_limit(make):
    """A scale that float32 can hold, and twice of which it cannot; and one that begins at 1."""
    scaler, weights = make(init_scale=2.0**127, growth_interval=2), nn.Parameter(torch.tensor(2.0**-20))
    optimizer, seen = Descent(weights), []
    for factor in (1e-9, 1e-9, 1e-9, 1e-9, NAN, 1e-9, 1e-9):
        scaler.scale(torch.zeros(()))  # GradScaler wants to see a loss
        weights.grad = torch.tensor(factor)
        scaler.step(optimizer)
        scaler.update()
        seen.append([float(scaler.get_scale()), int(scaler.state_dict()["_growth_tracker"])])
    low = make(init_scale=1.0)
    low.scale(torch.zeros(()))
    weights.grad = torch.tensor(INF)
    low.step(optimizer)
    low.update()
    high = make(init_scale=torch.finfo(torch.float32).max / 2, growth_interval=1)
    high.scale(torch.zeros(()))
    weights.grad = torch.tensor(1e-9)
    high.step(optimizer)
    high.update()
    return {
        "scale and count after each iteration": seen,
        "1, after an overflow": float(low.get_scale()),
        "half of the largest number, grown": float(high.get_scale()),
    }


def test_limit(lesson, compare):
    """A scale that can grow no more stays, and begins to count anew; one can fall below 1"""
    compare(
        lambda loss_scaler: at_the_limit(loss_scaler.LossScaler),
        lesson("loss_scaler"),
        expected=partial(at_the_limit, theirs),
    )


def readings(loss_scaler):
    scaler, weights, seen = loss_scaler.LossScaler(8.0), nn.Parameter(START.clone()), []
    bias = nn.Parameter(torch.zeros(3))
    optimizer = Descent(weights, bias)
    with Readings() as reads:
        for act in (
            lambda: scaler.scale(weights.sum() + bias.sum()).backward(),
            lambda: scaler.unscale_(optimizer),
            lambda: (scaler.step(optimizer), scaler.update()),
        ):
            act()
            seen.append(reads.counts.total())
    return {"scale": seen[0], "unscale_": seen[1] - seen[0], "step and update, at most once": max(seen[2] - seen[1], 1)}


def test_readings(lesson, compare):
    """Values read from the device: none but the one that step() cannot do without"""
    expected = {"scale": 0, "unscale_": 0, "step and update, at most once": 1}
    compare(readings, lesson("loss_scaler"), expected=expected)
