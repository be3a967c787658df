"""Checks of task 5.7, guard.py."""

import torch
from torch import nn

from grader import raised


def model_with(**bad):
    """Two linear layers and a bias without a gradient; `bad` puts a value into a parameter or a gradient by name."""
    model = nn.ModuleDict({"first": nn.Linear(2, 2), "second": nn.Linear(2, 2)})
    for name, parameter in model.named_parameters():
        parameter.data.fill_(0.5)
        if name != "first.bias":
            parameter.grad = torch.ones_like(parameter)
    for name, value in bad.items():
        part, layer, kind = name.split("_")
        parameter = getattr(model[layer], kind)
        (parameter.data if part == "parameter" else parameter.grad)[-1] = value
    return model


NAN, INF = float("nan"), float("inf")


def culprits(guard):
    find = guard.first_not_finite
    return {
        "all finite": find(model_with()),
        "a NaN in a parameter": find(model_with(parameter_second_weight=NAN)),
        "an infinity in a parameter": find(model_with(parameter_first_weight=-INF)),
        "a NaN in a gradient": find(model_with(gradient_second_bias=NAN)),
        "an infinity in two gradients": find(model_with(gradient_first_weight=INF, gradient_second_weight=INF)),
        "early gradient and late parameter": find(model_with(gradient_first_weight=NAN, parameter_second_bias=NAN)),
        "early parameter and late gradient": find(model_with(parameter_first_bias=NAN, gradient_second_bias=NAN)),
        "two parameters": find(model_with(parameter_first_bias=NAN, parameter_second_weight=NAN)),
    }


def test_first_culprit(lesson, compare):
    """The first parameter that is not finite, else the first gradient, else None."""
    expected = {
        "all finite": None,
        "a NaN in a parameter": "parameter second.weight",
        "an infinity in a parameter": "parameter first.weight",
        "a NaN in a gradient": "gradient of second.bias",
        "an infinity in two gradients": "gradient of first.weight",
        "early gradient and late parameter": "parameter second.bias",
        "early parameter and late gradient": "parameter first.bias",
        "two parameters": "parameter first.bias",
    }
    compare(culprits, lesson("guard"), expected=expected)


def when_it_stops(guard):
    stop = guard.stop_if_not_finite
    good, bad = torch.tensor(2.5), torch.tensor(INF)
    return {
        "all finite": raised(lambda: stop(model_with(), 7, good)),
        "only the loss is infinite": raised(lambda: stop(model_with(), 7, bad)),
        "only a gradient is NaN": raised(lambda: stop(model_with(gradient_second_bias=NAN), 7, good)),
        "only a parameter is infinite": raised(lambda: stop(model_with(parameter_second_bias=INF), 7, good)),
    }


def test_when_it_stops(lesson, compare):
    """It stops for a loss, a gradient or a parameter that is not finite, and for nothing else."""
    expected = dict.fromkeys(
        ("all finite", "only the loss is infinite", "only a gradient is NaN", "only a parameter is infinite"),
        "FloatingPointError",
    )
    compare(when_it_stops, lesson("guard"), expected={**expected, "all finite": "nothing"})


def what_it_says(guard):
    try:
        guard.stop_if_not_finite(model_with(gradient_second_weight=NAN), 1234, torch.tensor(56.25))
        message = ""
    except FloatingPointError as error:
        message = str(error)
    return {
        "names the step": "1234" in message,
        "gives the loss": "56.2" in message,
        "names the culprit": "gradient of second.weight" in message,
    }


def test_reason(lesson, compare):
    """The message names the step, gives the loss, and names the first tensor that is not finite."""
    expected = {"names the step": True, "gives the loss": True, "names the culprit": True}
    compare(what_it_says, lesson("guard"), expected=expected)
