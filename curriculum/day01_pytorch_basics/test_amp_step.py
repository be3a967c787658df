"""Checks of task 1.4, amp_step.py: real float16 and bfloat16, on the CPU."""

import functools
import math
import warnings

import torch
from torch import nn

F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32
X = torch.tensor([[1.0, -0.5], [0.25, 2.0], [-1.5, 0.5], [0.5, 0.5]])  # every number is exact in 16 bits
LABELS = torch.tensor([0, 2, 1, 1])
WEIGHT = torch.tensor([[0.5, -1.0], [0.25, 0.5], [-0.75, 0.125]])
SCALE = 1024.0


class Linear(nn.Module):
    """Logits x · weightᵀ by F.linear, which autocast knows; it notes dtypes and where autocast is on."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(WEIGHT.clone())
        self.dtypes, self.autocast_in_backward, self.at_the_logits = [], [], []

    def forward(self, x):
        logits = nn.functional.linear(x, self.weight)
        self.dtypes.append(str(logits.dtype))
        if logits.requires_grad:
            logits.register_hook(self.note)
        return logits

    def note(self, gradient):
        self.autocast_in_backward.append(torch.is_autocast_enabled("cpu"))
        self.at_the_logits.append(gradient.float().norm())


def quietly(probe):
    """A probe without PyTorch's warnings on the screen; what it warns of is for `test_nothing_warns` to say."""

    @functools.wraps(probe)
    def quiet(amp_step):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return probe(amp_step)

    return quiet


def loss_and_gradient(weight, x=X, labels=LABELS):
    """By hand: -ln p[label], and (p - onehot)ᵀ x / B."""
    p = torch.softmax(x @ weight.T, dim=1)
    right = torch.eye(3)[labels]
    return -(p * right).sum(1).log().mean(), ((p - right) / len(labels)).T @ x


def one_step(amp_step, dtype, max_norm):
    model = Linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scaler = amp_step.make_scaler("cpu", dtype, SCALE)
    result = amp_step.amp_step(model, X, LABELS, optimizer, scaler, dtype, max_norm)
    return model, result


def steps_in(amp_step, dtype):
    model, result = one_step(amp_step, dtype, math.inf)
    observed = {
        "dtype of the logits": model.dtypes,
        "loss": result.loss,
        "norm of the gradient": result.grad_norm,
        "update": WEIGHT - model.weight.detach(),
        "stepped": result.stepped,
        "loss keeps its graph": result.loss.requires_grad,
        "dtype of the weight": str(model.weight.dtype),
    }
    clipped, result = one_step(amp_step, dtype, 0.125)
    return observed | {"norm, when it is clipped": result.grad_norm, "clipped update": WEIGHT - clipped.weight.detach()}


def steps_by_hand(dtype):
    loss, gradient = loss_and_gradient(WEIGHT)
    return {
        "dtype of the logits": [str(dtype)],
        "loss": loss,
        "norm of the gradient": gradient.norm(),
        "update": gradient,
        "stepped": True,
        "loss keeps its graph": False,
        "dtype of the weight": "torch.float32",
        "norm, when it is clipped": gradient.norm(),
        "clipped update": 0.125 * gradient / gradient.norm(),
    }


def in_float16(amp_step):
    return steps_in(amp_step, F16)


def in_bfloat16(amp_step):
    return steps_in(amp_step, BF16)


def in_float32(amp_step):
    return steps_in(amp_step, F32)


def test_float16(lesson, compare):
    """A step in float16, scaled by 1024: loss, norm and update have their own size, clipped and not"""
    compare(quietly(in_float16), lesson("amp_step"), expected=lambda: steps_by_hand(F16), rtol=4e-3, atol=4e-4)


def test_bfloat16(lesson, compare):
    """A step in bfloat16, not scaled"""
    compare(quietly(in_bfloat16), lesson("amp_step"), expected=lambda: steps_by_hand(BF16), rtol=3e-2, atol=3e-3)


def test_float32(lesson, compare):
    """A step in float32: no autocast, no scaling, the exact numbers"""
    compare(quietly(in_float32), lesson("amp_step"), expected=lambda: steps_by_hand(F32))


def backward(amp_step):
    observed = {}
    for name, dtype in (("float16", F16), ("bfloat16", BF16)):
        model, _ = one_step(amp_step, dtype, math.inf)
        observed[f"{name}: norm at the logits, in backward"] = model.at_the_logits[0]
        observed[f"{name}: autocast is on in backward"] = model.autocast_in_backward[0]
    return observed


def backward_by_hand():
    p = torch.softmax(X @ WEIGHT.T, dim=1)
    norm = ((p - torch.eye(3)[LABELS]) / 4).norm()
    return {
        "float16: norm at the logits, in backward": SCALE * norm,
        "float16: autocast is on in backward": False,
        "bfloat16: norm at the logits, in backward": norm,
        "bfloat16: autocast is on in backward": False,
    }


def test_backward(lesson, compare):
    """In float16 backward works with numbers 1024 times as large; autocast is off there"""
    compare(quietly(backward), lesson("amp_step"), expected=backward_by_hand, rtol=2e-2)


SURE = torch.tensor([[20.0, -8.0], [-24.0, 12.0]])  # the right class is ahead by 17 and by 19.5
FAST = 2.0**20  # a learning rate at which the update can be seen


def tiny_gradients(amp_step):
    """The wrong classes have probabilities of e⁻¹⁷ and less; half of that lies below half of 2⁻²⁴."""
    model = Linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=FAST)
    scaler = amp_step.make_scaler("cpu", F16)
    result = amp_step.amp_step(model, SURE, torch.tensor([0, 2]), optimizer, scaler, F16, math.inf)
    return {"update of the wrong class's weights": WEIGHT[1] - model.weight.detach()[1], "stepped": result.stepped}


def tiny_gradients_by_hand():
    p = torch.softmax(SURE.double() @ WEIGHT.double().T, dim=1)
    return {"update of the wrong class's weights": (FAST * p[:, 1] @ SURE.double() / 2).float(), "stepped": True}


def test_small_gradients_survive(lesson, compare):
    """Gradients below float16's floor arrive, thanks to the scale of 65536"""
    compare(quietly(tiny_gradients), lesson("amp_step"), expected=tiny_gradients_by_hand, rtol=2e-2)


class Noting(torch.optim.SGD):
    """Plain descent that notes each step: the learning rate, and the norm of the gradient that it is given."""

    def __init__(self, model, lr):
        super().__init__(model.parameters(), lr=lr)
        self.rates, self.norms = [], []

    def step(self, closure=None):
        group = self.param_groups[0]
        self.rates.append(group["lr"])
        self.norms.append(group["params"][0].grad.norm().item())
        return super().step(closure)


def overflow_and_after(amp_step):
    """The largest gradient is 2.6: times 2¹⁶ it overflows float16, times 2¹⁵ too, times 2¹⁴ no more."""
    model = Linear()
    optimizer = Noting(model, lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)  # halves the rate whenever it moves on
    scaler = amp_step.make_scaler("cpu", F16)
    stepped, scales, weights, rates = [], [], [], []
    for _ in range(5):
        result = amp_step.amp_step(model, 6 * X, LABELS, optimizer, scaler, F16, math.inf, scheduler)
        stepped.append(result.stepped)
        scales.append(scaler.get_scale())
        weights.append(model.weight.detach().clone())
        rates.append(scheduler.get_last_lr()[0])
    return {
        "weight after the first try": weights[0],
        "stepped": stepped,
        "scale afterwards": scales,
        "rate of each step taken": optimizer.rates,
        "rate afterwards": rates,
        "weight in the end": weights[-1],
    }


def overflow_by_hand():
    weight = WEIGHT
    for rate in (1.0, 0.5, 0.25):
        weight = weight - rate * loss_and_gradient(weight, 6 * X)[1]
    return {
        "weight after the first try": WEIGHT,
        "stepped": [False, False, True, True, True],
        "scale afterwards": [2.0**15] + [2.0**14] * 4,
        "rate of each step taken": [1.0, 0.5, 0.25],
        "rate afterwards": [1.0, 1.0, 0.5, 0.25, 0.125],
        "weight in the end": weight,
    }


def test_overflow(lesson, compare):
    """Two tries overflow: no step, half the scale, the scheduler waits; then three steps"""
    compare(quietly(overflow_and_after), lesson("amp_step"), expected=overflow_by_hand, rtol=2e-2, atol=5e-3)


def scale_that_grows(amp_step):
    """A scaler that doubles its scale after every second step that went well."""
    model = Linear()
    optimizer = Noting(model, lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    results = [amp_step.amp_step(model, X, LABELS, optimizer, scaler, F16, math.inf, scheduler) for _ in range(4)]
    return {
        "scale in the end": scaler.get_scale(),
        "stepped": [result.stepped for result in results],
        "rate of each step": optimizer.rates,
        "rate afterwards": scheduler.get_last_lr()[0],
    }


def test_growth_is_no_skip(lesson, compare):
    """When the scale grows the step was taken, and the scheduler moves on"""
    expected = {
        "scale in the end": 32.0,
        "stepped": [True] * 4,
        "rate of each step": [1.0, 0.5, 0.25, 0.125],
        "rate afterwards": 0.0625,
    }
    compare(quietly(scale_that_grows), lesson("amp_step"), expected=expected)


def three_steps(amp_step):
    """Other batches, old gradients, a model in eval mode, no scheduler."""
    model = Linear().eval()
    optimizer = Noting(model, lr=0.5)
    scaler = amp_step.make_scaler("cpu", BF16)
    model.weight.grad = torch.ones_like(model.weight)  # from before: it does not count
    weights = []
    for shift in (0, 1, 2):
        amp_step.amp_step(model, X.roll(shift, 0), LABELS, optimizer, scaler, BF16, 0.25)
        weights.append(model.weight.detach().clone())
    return {
        "norms that the optimizer saw": optimizer.norms,
        "weights after each step": torch.stack(weights),
        "train mode": model.training,
    }


def three_steps_by_hand():
    weight, weights, norms = WEIGHT, [], []
    for shift in (0, 1, 2):
        _, gradient = loss_and_gradient(weight, X.roll(shift, 0))
        gradient = gradient * min(1.0, 0.25 / gradient.norm().item())
        weight = weight - 0.5 * gradient
        weights.append(weight)
        norms.append(gradient.norm().item())
    return {
        "norms that the optimizer saw": norms,
        "weights after each step": torch.stack(weights),
        "train mode": False,
    }


def test_three_steps(lesson, compare):
    """Each step goes by its own gradient alone, clipped to 0.25"""
    compare(quietly(three_steps), lesson("amp_step"), expected=three_steps_by_hand, rtol=3e-2, atol=5e-3)


def scalers(amp_step):
    made = {
        name: amp_step.make_scaler("cpu", dtype, 256.0) for name, dtype in (("16", F16), ("b16", BF16), ("32", F32))
    }
    return {
        "float16: enabled": made["16"].is_enabled(),
        "float16: scale": made["16"].get_scale(),
        "float16: scale if nothing is said": amp_step.make_scaler("cpu", F16).get_scale(),
        "bfloat16: enabled": made["b16"].is_enabled(),
        "float32: enabled": made["32"].is_enabled(),
    }


def test_scalers(lesson, compare):
    """A scaler for float16, and one that does nothing for the others"""
    expected = {
        "float16: enabled": True,
        "float16: scale": 256.0,
        "float16: scale if nothing is said": 65536.0,
        "bfloat16: enabled": False,
        "float32: enabled": False,
    }
    compare(quietly(scalers), lesson("amp_step"), expected=expected)


def warnings_given(amp_step):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for dtype in (F16, BF16, F32):
            one_step(amp_step, dtype, 1.0)
        amp_step.make_scaler("cuda", BF16)
    return {
        "deprecated": [str(one.message).split("(")[0] for one in caught if issubclass(one.category, FutureWarning)],
        "other warnings": len([one for one in caught if issubclass(one.category, UserWarning)]),
    }


def test_nothing_warns(lesson, compare):
    """Nothing deprecated, and no autocast in a dtype that it cannot do"""
    compare(warnings_given, lesson("amp_step"), expected={"deprecated": [], "other warnings": 0})
