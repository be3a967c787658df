"""Checks of task 5.2, optimizer.py."""

import pytest
import torch
from torch import nn

from grader import raised

pytestmark = pytest.mark.time_limit(40)  # the first optimizer that is made imports PyTorch's compiler: seconds


class Tied(nn.Module):
    """A language model's kinds of parameters: embedding and head tied, a norm, biases, a frozen layer, a cube."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.norm = nn.LayerNorm(4)
        self.linear = nn.Linear(4, 4)
        self.frozen = nn.Linear(4, 3).requires_grad_(False)
        self.cube = nn.Parameter(torch.zeros(2, 3, 4))
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embedding.weight


def places(model, groups):
    """For each parameter by name: the weight decay of every group in which it stands."""
    found = {name: [] for name, _ in model.named_parameters()}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for group in groups:
        for parameter in group["params"]:
            found[names[id(parameter)]].append(group["weight_decay"])
    return found


def groups_of_a_tied_model(optimizer):
    model = Tied()
    return {"weight decay of each parameter": places(model, optimizer.parameter_groups(model, 0.3))}


def test_groups(lesson, compare):
    """Each trained parameter is in one group, once; matrices decay, biases and norms do not, frozen ones are absent."""
    decays = {
        "embedding.weight": [0.3],
        "norm.weight": [0.0],
        "norm.bias": [0.0],
        "linear.weight": [0.3],
        "linear.bias": [0.0],
        "frozen.weight": [],
        "frozen.bias": [],
        "cube": [0.3],
    }
    compare(
        groups_of_a_tied_model,
        lesson("optimizer"),
        expected={"weight decay of each parameter": decays},
    )


def settings(optimizer):
    def of(built):
        kept = {name: [group[name] for group in built.param_groups] for name in ("lr", "betas", "eps")}
        kept["weight decay"] = sorted(group["weight_decay"] for group in built.param_groups)
        kept["fused"] = all(bool(group["fused"]) for group in built.param_groups)
        return {"kind": type(built).__name__, **kept}

    model = nn.Linear(3, 2)
    return {
        "as they come": of(optimizer.build_optimizer(model)),
        "chosen": of(optimizer.build_optimizer(model, lr=0.02, betas=(0.8, 0.95), weight_decay=0.4)),
    }


def test_settings(lesson, compare):
    """It is AdamW with the plan's settings, or yours; on the CPU it is fused."""
    common = {"kind": "AdamW", "eps": [1e-8, 1e-8], "fused": True}
    plan = {"lr": [6e-4, 6e-4], "betas": [(0.9, 0.999)] * 2, "weight decay": [0.0, 0.1]}
    chosen = {"lr": [0.02, 0.02], "betas": [(0.8, 0.95)] * 2, "weight decay": [0.0, 0.4]}
    expected = {"as they come": {**common, **plan}, "chosen": {**common, **chosen}}
    compare(settings, lesson("optimizer"), expected=expected, atol=1e-12)


GRADIENTS = [
    (torch.tensor([[0.5, -2.0], [0.01, 3.0]]), torch.tensor([1.0, -0.2])),
    (torch.tensor([[-1.5, 0.4], [0.02, 3.0]]), torch.tensor([0.1, -0.2])),
    (torch.tensor([[0.3, 0.0], [-0.05, 1.0]]), torch.tensor([-4.0, -0.2])),
]
START = torch.tensor([[1.0, -2.0], [3.0, 0.5]]), torch.tensor([2.0, -1.0])
LR, BETAS, DECAY = 0.1, (0.8, 0.95), 0.5


def three_steps(optimizer):
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight.copy_(START[0])
        model.bias.copy_(START[1])
    built = optimizer.build_optimizer(model, lr=LR, betas=BETAS, weight_decay=DECAY)
    seen = {}
    for number, (for_weight, for_bias) in enumerate(GRADIENTS, 1):
        model.weight.grad, model.bias.grad = for_weight.clone(), for_bias.clone()
        built.step()
        seen[f"matrix after step {number}"] = model.weight.detach().clone()
        seen[f"bias after step {number}"] = model.bias.detach().clone()
    return seen


def by_the_paper():
    """Algorithm 2 of Loshchilov and Hutter (2019), one number at a time."""
    seen = {}
    for name, place, decay in (("matrix", 0, DECAY), ("bias", 1, 0.0)):
        values = START[place].flatten().tolist()
        m, v = [0.0] * len(values), [0.0] * len(values)
        for number, gradients in enumerate(GRADIENTS, 1):
            for i, g in enumerate(gradients[place].flatten().tolist()):
                m[i] = BETAS[0] * m[i] + (1 - BETAS[0]) * g
                v[i] = BETAS[1] * v[i] + (1 - BETAS[1]) * g * g
                m_hat, v_hat = m[i] / (1 - BETAS[0] ** number), v[i] / (1 - BETAS[1] ** number)
                values[i] -= LR * (m_hat / (v_hat**0.5 + 1e-8) + decay * values[i])
            seen[f"{name} after step {number}"] = torch.tensor(values).view(START[place].shape)
    return {
        f"{name} after step {number}": seen[f"{name} after step {number}"]
        for number in (1, 2, 3)
        for name in ("matrix", "bias")
    }


def test_three_steps(lesson, compare):
    """Three steps with given gradients, against AdamW worked out number by number."""
    compare(three_steps, lesson("optimizer"), expected=by_the_paper)


def on_another_device(optimizer):
    with torch.device("meta"):
        model = nn.Linear(3, 2)

    def one_step():
        built = optimizer.build_optimizer(model)
        model.weight.grad = torch.zeros_like(model.weight)
        built.step()

    return {"raised": raised(one_step)}


def test_device_without_a_fused_kernel(lesson, compare):
    """On a device that has no fused kernel (here: meta) it is made, and takes a step, all the same."""
    compare(on_another_device, lesson("optimizer"), expected={"raised": "nothing"})
