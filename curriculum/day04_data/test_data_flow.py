"""Checks of task 4.6, data_flow.py, with a stand-in for a model: an embedding, a layer, and a head."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from grader import raised

V = 11


class StandIn(nn.Module):
    """Logits are what the faults make of them; with no fault, loss near ln V and a gradient for everything."""

    def __init__(self, fault=""):
        super().__init__()
        self.fault = fault
        self.embedding = nn.Embedding(V, 3)
        self.layer = nn.Linear(3, 3, bias=False)
        self.head = nn.Linear(3, V)
        self.calls = 0
        with torch.no_grad():
            for number, parameter in enumerate(self.parameters(), 1):
                parameter.copy_(torch.linspace(-0.1, 0.1, parameter.numel()).reshape(parameter.shape) * number)
        if fault == "frozen":
            self.embedding.requires_grad_(False)

    def forward(self, x, y):
        self.calls += 1
        hidden = self.embedding(x)
        if self.fault == "unused":
            pass
        elif self.fault == "times 0":
            hidden = hidden + 0.0 * self.layer(hidden)
        else:
            hidden = hidden + self.layer(hidden)
        if self.training:
            hidden = hidden * 100  # in place of dropout: whoever forgets evaluation mode sees other numbers
        logits = self.head(hidden)
        if self.fault == "large":
            logits = logits * 50
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=-100)
        if self.fault == "gradient":
            loss = loss + (self.layer.weight - self.layer.weight.detach()).pow(2).sum().sqrt()  # slope 0/0
        if self.fault == "infinite":
            logits = logits.masked_fill(torch.arange(V) == 2, float("-inf"))
        if self.fault == "flat":
            logits = logits.flatten(0, 1)
        return logits, loss


def batch():
    x = torch.tensor([[1, 4, 10], [0, 2, 7]])
    return x, torch.tensor([[4, 10, 3], [2, 7, -100]])


def seen(flow):
    return {
        "logits_shape": list(flow.logits_shape),
        "loss": flow.loss,
        "uniform_loss": flow.uniform_loss,
        "without_gradient": list(flow.without_gradient),
        "not_finite": list(flow.not_finite),
    }


def loss_in_evaluation(fault=""):
    model = StandIn(fault).eval()
    return model(*batch())[1].item()


def healthy(data_flow):
    return seen(data_flow.data_flow(StandIn(), batch(), V))


def test_healthy_model(lesson, compare):
    """Shapes, loss near ln V, a gradient for every parameter, nothing that is not a number."""
    compare(
        healthy,
        lesson("data_flow"),
        expected=lambda: {
            "logits_shape": [2, 3, V],
            "loss": loss_in_evaluation(),
            "uniform_loss": math.log(V),
            "without_gradient": [],
            "not_finite": [],
        },
    )


def unhealthy(data_flow):
    reports = {name: data_flow.data_flow(StandIn(name), batch(), V) for name in FAULTS}
    stale = StandIn("unused")
    stale.layer.weight.grad = torch.ones(3, 3)
    return {
        "a layer that is not used": list(reports["unused"].without_gradient),
        "a layer times 0": list(reports["times 0"].without_gradient),
        "frozen on purpose": list(reports["frozen"].without_gradient),
        "not used but with an old gradient": list(data_flow.data_flow(stale, batch(), V).without_gradient),
        "a gradient of 0/0": list(reports["gradient"].not_finite),
        "the same asked again": list(reports["gradient"].not_finite),
        "an infinite logit": list(reports["infinite"].not_finite),
        "logits that are flat": list(reports["flat"].logits_shape),
        "loss of large logits": reports["large"].loss,
    }


FAULTS = ["unused", "times 0", "frozen", "gradient", "infinite", "flat", "large"]


def test_unhealthy_models(lesson, compare):
    """Each fault is found, by the name of the parameter."""
    compare(
        unhealthy,
        lesson("data_flow"),
        expected=lambda: {
            "a layer that is not used": ["layer.weight"],
            "a layer times 0": ["layer.weight"],
            "frozen on purpose": [],
            "not used but with an old gradient": ["layer.weight"],
            "a gradient of 0/0": ["layer.weight"],
            "the same asked again": ["layer.weight"],
            "an infinite logit": ["logits"],
            "logits that are flat": [6, V],
            "loss of large logits": loss_in_evaluation("large"),
        },
    )


def left_as_found(data_flow):
    training, evaluating, mixed = StandIn().train(), StandIn().eval(), StandIn().train()
    mixed.layer.eval()
    before = [parameter.clone() for parameter in training.parameters()]
    data_flow.data_flow(training, batch(), V)
    data_flow.data_flow(evaluating, batch(), V)
    data_flow.data_flow(mixed, batch(), V)
    return {
        "still training": training.training,
        "still evaluating": not evaluating.training,
        "one part evaluating, the others training": [module.training for module in mixed.modules()],
        "weights": [p.detach() - old for p, old in zip(training.parameters(), before, strict=True)],
        "gradients left": [name for name, p in training.named_parameters() if p.grad is not None and p.grad.any()],
    }


def test_left_as_found(lesson, compare):
    """A look at a model changes nothing of it."""
    compare(
        left_as_found,
        lesson("data_flow"),
        expected=lambda: {
            "still training": True,
            "still evaluating": True,
            "one part evaluating, the others training": [True, True, False, True],
            "weights": [torch.zeros_like(p) for p in StandIn().parameters()],
            "gradients left": [],
        },
    )


def refused_batches(data_flow):
    x, y = batch()
    model = StandIn()
    outcome = {
        "an id in x beyond the vocabulary": raised(lambda: data_flow.data_flow(model, (x + 1, y), V)),
        "an id in y beyond the vocabulary": raised(lambda: data_flow.data_flow(model, (x, y.clamp_min(0) + 1), V)),
        "-100 in x": raised(lambda: data_flow.data_flow(model, (y, x), V)),
        "another negative id in y": raised(lambda: data_flow.data_flow(model, (x, y.clamp_min(-1)), V)),
        "x longer than y": raised(lambda: data_flow.data_flow(model, (x, y[:, :2]), V)),
        "calls of the model": model.calls,
    }
    return outcome | {
        "a good batch": raised(lambda: data_flow.data_flow(model, (x, y), V)),
        "nothing to score": raised(lambda: data_flow.data_flow(model, (x, torch.full_like(y, -100)), V)),
    }


def test_refused_batches(lesson, compare):
    """A batch that no model can take is refused before the model is called."""
    compare(
        refused_batches,
        lesson("data_flow"),
        expected={
            "an id in x beyond the vocabulary": "ValueError",
            "an id in y beyond the vocabulary": "ValueError",
            "-100 in x": "ValueError",
            "another negative id in y": "ValueError",
            "x longer than y": "ValueError",
            "calls of the model": 0,
            "a good batch": "nothing",
            "nothing to score": "nothing",
        },
    )
