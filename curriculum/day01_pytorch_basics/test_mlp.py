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


WIDE = 50  # so that chance moves the shares by little


def dropped(mlp):
    """Ones all the way: the second weight is the identity, and shows what became of each hidden number."""
    model = mlp.MLP([1, WIDE, WIDE, WIDE], dropout=0.2)
    set_parameters(
        model, [torch.ones(WIDE, 1), torch.eye(WIDE), torch.eye(WIDE)], [torch.zeros(WIDE) for _ in range(3)]
    )
    x = torch.ones(16_000, 1)  # 800,000 numbers
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
        "eval mode": torch.ones(16_000, WIDE),
        "train mode: examples of which nothing is left": 0,
        "train mode: share of zeros": 1 - 0.8**2,
        "train mode: largest": 1 / 0.8**2,
        "train mode: mean": 1.0,
    }
    compare(dropped, lesson("mlp"), expected=expected, rtol=0.025)  # the deviation of the share is 0.0005


LAYERS = ("first", "second", "last")


def weights_of(mlp, activation):
    """From 60 to 600 and back: Kaiming and Xavier differ by a factor of 2.3, and each layer has 36,000 weights."""
    model = mlp.MLP([60, 600, 60, 600], activation)
    return model, dict(zip(LAYERS, (p.detach() for p in model.parameters() if p.dim() == 2), strict=True))


def first_weights(mlp):
    """How large each layer's weights are, and its biases."""
    found = {}
    for activation in ("relu", "tanh"):
        model, weights = weights_of(mlp, activation)
        found |= {f"{activation}, {name} layer: standard deviation": weight.std() for name, weight in weights.items()}
        found[f"{activation}, biases"] = [p.detach() for p in model.parameters() if p.dim() == 1]
    return found


def first_weights_by_formula():
    xavier = math.sqrt(2 / 660)  # b / √3 with b = √(6 / (60 + 600))
    spreads = {
        "relu": [math.sqrt(2 / 60), math.sqrt(2 / 600), xavier],
        "tanh": [5 / 3 * xavier, 5 / 3 * xavier, xavier],
    }
    found = {}
    for activation, values in spreads.items():
        for name, spread in zip(LAYERS, values, strict=True):
            found[f"{activation}, {name} layer: standard deviation"] = spread
        found[f"{activation}, biases"] = [torch.zeros(size) for size in (600, 60, 600)]
    return found


def forms_of_first_weights(mlp):
    """Whether they are drawn from a normal distribution or from a uniform one."""
    return {
        f"{activation}, {name} layer: mean size, in standard deviations": weight.abs().mean() / weight.std()
        for activation in ("relu", "tanh")
        for name, weight in weights_of(mlp, activation)[1].items()
    }


def forms_by_formula():
    normal, uniform = math.sqrt(2 / math.pi), math.sqrt(3) / 2
    forms = {"relu": [normal, normal, uniform], "tanh": [uniform] * 3}
    return {
        f"{activation}, {name} layer: mean size, in standard deviations": form
        for activation, values in forms.items()
        for name, form in zip(LAYERS, values, strict=True)
    }


def test_first_weights(lesson, compare):
    """Kaiming for ReLU, Xavier for tanh and for the last layer, biases 0"""
    # Of 36,000 draws, a deviation is known to 0.4 %, a mean size to 0.15 %; five times that, and some.
    compare(first_weights, lesson("mlp"), expected=first_weights_by_formula, rtol=0.025)
    compare(forms_of_first_weights, lesson("mlp"), expected=forms_by_formula, rtol=0.0075)


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
