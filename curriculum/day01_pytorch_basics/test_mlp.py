"""Checks of task 1.3, mlp.py."""

import math

import torch
from torch import nn

from grader import raised

WEIGHTS = [  # of an MLP with sizes 3, 4, 2, 3
    torch.tensor([[1.0, 0.0, -1.0], [0.5, 0.5, 0.0], [0.0, -1.0, 1.0], [-1.0, 1.0, 0.5]]),
    torch.tensor([[1.0, -1.0, 0.5, 0.0], [0.5, 1.0, -1.0, 1.0]]),
    torch.tensor([[1.0, -1.0], [-0.5, 0.5], [0.25, -2.0]]),
]
BIASES = [torch.tensor([0.0, -0.5, 0.5, 0.25]), torch.tensor([0.25, -0.5]), torch.tensor([-0.1, 0.0, 0.2])]
X = torch.tensor([[1.0, 2.0, -0.5], [-1.0, 0.5, 1.5]])


def set_parameters(model, weights=WEIGHTS, biases=BIASES):
    for dimensions, values in ((2, weights), (1, biases)):
        own = [parameter for parameter in model.parameters() if parameter.dim() == dimensions]
        for parameter, value in zip(own, values, strict=False):
            parameter.data.copy_(value)
    return model


def what_is_registered(mlp):
    equal = mlp.MLP([4, 4, 4, 4])
    return {
        "sizes 3 4 2 3": [list(parameter.shape) for parameter in mlp.MLP([3, 4, 2, 3]).parameters()],
        "sizes 5 2": [list(parameter.shape) for parameter in mlp.MLP([5, 2]).parameters()],
        "parameters of sizes 4 4 4 4": sum(parameter.numel() for parameter in equal.parameters()),
        "names in the state_dict of sizes 4 4 4 4": len(equal.state_dict()),
    }


def test_parameters(lesson, compare):
    """Every layer is registered, and is a layer of its own"""
    expected = {
        "sizes 3 4 2 3": [[4, 3], [4], [2, 4], [2], [3, 2], [3]],
        "sizes 5 2": [[2, 5], [2]],
        "parameters of sizes 4 4 4 4": 3 * (16 + 4),
        "names in the state_dict of sizes 4 4 4 4": 6,
    }
    compare(what_is_registered, lesson("mlp"), expected=expected)


def outputs(mlp):
    return {
        "relu": set_parameters(mlp.MLP([3, 4, 2, 3]))(X),
        "tanh": set_parameters(mlp.MLP([3, 4, 2, 3], "tanh"))(X),
        "a single layer": set_parameters(mlp.MLP([3, 4]))(X),
    }


def outputs_by_hand():
    found = {}
    for name, activation in (("relu", lambda z: z.clamp(min=0)), ("tanh", torch.tanh)):
        hidden = X
        for weight, bias in zip(WEIGHTS[:2], BIASES[:2], strict=True):
            hidden = activation(hidden @ weight.T + bias)
        found[name] = hidden @ WEIGHTS[2].T + BIASES[2]
    return found | {"a single layer": X @ WEIGHTS[0].T + BIASES[0]}


def test_forward(lesson, compare):
    """An activation after every layer but the last"""
    compare(outputs, lesson("mlp"), expected=outputs_by_hand, shapes={"relu": "B K", "tanh": "B K"})


def gradients(mlp):
    model = set_parameters(mlp.MLP([3, 4, 2, 3], "tanh"))
    model(X).sum().backward()
    return {"gradient at each weight": [p.grad for p in model.parameters() if p.dim() == 2]}


def gradients_by_hand():
    """From the last layer to the first; tanh' is 1 - tanh²."""
    hidden = [X]
    for weight, bias in zip(WEIGHTS[:2], BIASES[:2], strict=True):
        hidden.append(torch.tanh(hidden[-1] @ weight.T + bias))
    at = torch.ones(2, 3)
    found = [at.T @ hidden[2]]
    for level in (1, 0):
        at = (at @ WEIGHTS[level + 1]) * (1 - hidden[level + 1] ** 2)
        found.insert(0, at.T @ hidden[level])
    return {"gradient at each weight": found}


def test_gradients(lesson, compare):
    """The gradient reaches every layer"""
    compare(gradients, lesson("mlp"), expected=gradients_by_hand)


WIDE = 250  # so that chance moves the shares by little


def dropped(mlp):
    """Ones all the way: the second weight is the identity, and shows what became of each hidden number."""
    model = mlp.MLP([1, WIDE, WIDE, WIDE], dropout=0.2)
    set_parameters(
        model, [torch.ones(WIDE, 1), torch.eye(WIDE), torch.eye(WIDE)], [torch.zeros(WIDE) for _ in range(3)]
    )
    x = torch.ones(160, 1)  # 40,000 numbers
    evaluated = model.eval()(x)
    trained = model.train()(x)
    return {
        "eval mode": evaluated,
        "train mode: examples of which nothing is left": int((trained == 0).all(dim=1).sum()),
        "train mode: share of zeros": (trained == 0).float().mean(),
        "train mode: largest": trained.max(),
        "train mode: mean": trained.mean(),
    }


def test_dropout(lesson, compare):
    """In train mode after each activation, and nowhere else; in eval mode not at all"""
    expected = {  # two dropouts on the way
        "eval mode": torch.ones(160, WIDE),
        "train mode: examples of which nothing is left": 0,
        "train mode: share of zeros": 1 - 0.8**2,
        "train mode: largest": 1 / 0.8**2,
        "train mode: mean": 1.0,
    }
    compare(dropped, lesson("mlp"), expected=expected, rtol=0.05)  # the spread of the share is 0.0024


def first_weights(mlp):
    """Spread and shape of each layer's weights; wide enough for 20,000 of each."""
    found = {}
    for activation in ("relu", "tanh"):
        model = mlp.MLP([400, 50, 400, 50], activation)
        weights = [p.detach() for p in model.parameters() if p.dim() == 2]
        for name, weight in zip(("first", "second", "last"), weights, strict=True):
            found[f"{activation}, {name} layer: standard deviation"] = weight.std()
        for name, weight in zip(("first", "second", "last"), weights, strict=True):
            found[f"{activation}, {name} layer: mean size, in standard deviations"] = weight.abs().mean() / weight.std()
        found[f"{activation}, biases"] = [p.detach() for p in model.parameters() if p.dim() == 1]
    return found


def first_weights_by_formula():
    normal, uniform = math.sqrt(2 / math.pi), math.sqrt(3) / 2
    xavier = math.sqrt(2 / 450)  # b / √3 with b = √(6 / (400 + 50))
    spreads = {
        "relu": [math.sqrt(2 / 400), math.sqrt(2 / 50), xavier],
        "tanh": [5 / 3 * xavier, 5 / 3 * xavier, xavier],
    }
    found = {}
    for activation in ("relu", "tanh"):
        forms = [normal, normal, uniform] if activation == "relu" else [uniform] * 3
        for name, spread in zip(("first", "second", "last"), spreads[activation], strict=True):
            found[f"{activation}, {name} layer: standard deviation"] = spread
        for name, form in zip(("first", "second", "last"), forms, strict=True):
            found[f"{activation}, {name} layer: mean size, in standard deviations"] = form
        found[f"{activation}, biases"] = [torch.zeros(size) for size in (50, 400, 50)]
    return found


def test_first_weights(lesson, compare):
    """Kaiming for ReLU, Xavier for tanh and for the last layer, biases 0"""
    compare(first_weights, lesson("mlp"), expected=first_weights_by_formula, rtol=0.03)  # five times their own spread


def one_layer(mlp):
    torch.default_generator.manual_seed(1)
    layer = nn.Linear(300, 100)
    mlp.initialise(layer, "linear")
    bound = math.sqrt(6 / 400)
    return {
        "largest weight, in bounds": layer.weight.detach().abs().max() / bound,
        "bias": layer.bias.detach(),
        "still trained": [layer.weight.requires_grad, layer.bias.requires_grad],
    }


def test_initialise(lesson, compare):
    """One layer that no activation follows: up to √(6 / 400), and no further"""
    expected = {"largest weight, in bounds": 1.0, "bias": torch.zeros(100), "still trained": [True, True]}
    compare(one_layer, lesson("mlp"), expected=expected, rtol=0.005)


def refused(mlp):
    return {
        "one size": raised(lambda: mlp.MLP([3])),
        "an activation that it does not know": raised(lambda: mlp.MLP([3, 2], "sine")),
    }


def test_refuses_nonsense(lesson, compare):
    """One size, or an activation that it does not know, is a ValueError at once"""
    expected = {"one size": "ValueError", "an activation that it does not know": "ValueError"}
    compare(refused, lesson("mlp"), expected=expected)
