"""Checks of task 1.1, backprop_by_hand.py."""

import math

import torch
import torch.nn.functional as F

LN2 = math.log(2)
X = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
TARGETS = torch.tensor([0, 2])
W1 = torch.tensor([[1.0, 0.0], [-1.0, 1.0], [1.0, -1.0]])
B1 = torch.tensor([0.0, 0.0, 1.0])
W2 = LN2 * torch.tensor([[2.0, -1.0, -1.0], [0.0, 1.0, 0.0], [-1.0, 2.0, 1.0]])
B2 = LN2 * torch.tensor([-1.0, 0.0, -1.0])

# Worked by hand in the lesson; logits and what follows from them in units of ln 2.
Z = torch.tensor([[1.0, 1.0, 0.0], [3.0, -4.0, 5.0]])
HIDDEN = torch.tensor([[1.0, 1.0, 0.0], [3.0, 0.0, 5.0]])
LOGITS = LN2 * torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
P = torch.tensor([[0.25, 0.5, 0.25], [0.25, 0.25, 0.5]])
AT_LOGITS = torch.tensor([[-0.375, 0.25, 0.125], [0.125, 0.125, -0.25]])
GRADIENTS = {
    "b2": torch.tensor([-0.25, 0.375, -0.125]),
    "w2": torch.tensor([[0.0, -0.375, 0.625], [0.625, 0.25, 0.625], [-0.625, 0.125, -1.25]]),
    "b1": LN2 * torch.tensor([-0.375, 0.875, -0.375]),
    "w1": LN2 * torch.tensor([[0.625, -2.25], [0.875, 1.75], [-1.125, 0.375]]),
}


def parameters(module):
    return module.Parameters(W1.clone(), B1.clone(), W2.clone(), B2.clone())


def forward_worked_out(backprop_by_hand):
    with torch.no_grad():
        saved = backprop_by_hand.forward(parameters(backprop_by_hand), X.clone())
        return {"z": saved.z, "hidden": saved.hidden, "logits": saved.logits}


def test_forward(lesson, compare):
    """The worked example, forward: z, hidden, logits"""
    compare(
        forward_worked_out,
        lesson("backprop_by_hand"),
        expected={"z": Z, "hidden": HIDDEN, "logits": LOGITS},
        shapes={"z": "B U", "hidden": "B U", "logits": "B K"},
    )


def forward_twice(backprop_by_hand):
    given, x = parameters(backprop_by_hand), X.clone()
    with torch.no_grad():
        first = backprop_by_hand.forward(given, x)
        z = first.z.clone()
        backprop_by_hand.forward(given, x)
    return {"x": x, "w1": given.w1, "b1": given.b1, "z of the first call": z}


def test_forward_changes_nothing(lesson, compare):
    """Forward leaves its inputs as they were"""
    compare(forward_twice, lesson("backprop_by_hand"), expected={"x": X, "w1": W1, "b1": B1, "z of the first call": Z})


def softmax_worked_out(backprop_by_hand):
    large = torch.tensor([[100.0, 101.0, -100.0], [-200.0, -200.0, -200.0]])
    return {
        "worked example": backprop_by_hand.softmax(LOGITS.clone()),
        "large logits, and small ones": backprop_by_hand.softmax(large),
    }


def test_softmax(lesson, compare):
    """Each row's probabilities, also where e to the power of a logit would overflow"""
    expected = {
        "worked example": P,
        "large logits, and small ones": torch.tensor(
            [[1 / (1 + math.e), math.e / (1 + math.e), 0.0], [1 / 3, 1 / 3, 1 / 3]]
        ),
    }
    compare(softmax_worked_out, lesson("backprop_by_hand"), expected=expected, shapes={"worked example": "B K"})


def losses(backprop_by_hand):
    hopeless = torch.tensor([[0.0, 500.0, 0.0]])
    uneven = torch.tensor([[0.3, -1.2, 0.7, 2.0], [1.0, 0.0, -2.0, 0.5], [0.0, 3.0, 0.1, 0.2]])
    return {
        "worked example": backprop_by_hand.cross_entropy(LOGITS.clone(), TARGETS),
        "three examples, four classes": backprop_by_hand.cross_entropy(uneven, torch.tensor([3, 1, 0])),
        "the right class 500 behind": backprop_by_hand.cross_entropy(hopeless, torch.tensor([2])),
    }


def losses_by_hand():
    rows = [(0.3, -1.2, 0.7, 2.0), (1.0, 0.0, -2.0, 0.5), (0.0, 3.0, 0.1, 0.2)]
    each = [math.log(sum(map(math.exp, row))) - row[right] for row, right in zip(rows, (3, 1, 0), strict=True)]
    return {
        "worked example": (2 * LN2 + LN2) / 2,
        "three examples, four classes": sum(each) / 3,
        "the right class 500 behind": 500.0,
    }


def test_cross_entropy(lesson, compare):
    """The mean of -ln p[right], finite however wrong the logits are"""
    compare(losses, lesson("backprop_by_hand"), expected=losses_by_hand)


def at_the_logits(backprop_by_hand):
    logits = LOGITS.clone()
    gradient = backprop_by_hand.logits_gradient(logits, TARGETS)
    return {"gradient at the logits": gradient, "the logits afterwards": logits}


def test_logits_gradient(lesson, compare):
    """The worked example: (p - onehot) / B"""
    expected = {"gradient at the logits": AT_LOGITS, "the logits afterwards": LOGITS}
    compare(at_the_logits, lesson("backprop_by_hand"), expected=expected, shapes={"gradient at the logits": "B K"})


def backward_worked_out(backprop_by_hand):
    given = parameters(backprop_by_hand)
    saved = backprop_by_hand.Saved(Z.clone(), HIDDEN.clone(), LOGITS.clone())
    with torch.inference_mode():  # here autograd records nothing, even if it is switched on again
        gradients = backprop_by_hand.backward(given, X.clone(), TARGETS, saved)
    return {name: getattr(gradients, name) for name in ("b2", "w2", "b1", "w1")} | {
        "z afterwards": saved.z,
        "hidden afterwards": saved.hidden,
        "logits afterwards": saved.logits,
    }


def test_backward(lesson, compare):
    """The worked example, backward: the gradient at every parameter, the last layer first"""
    expected = GRADIENTS | {"z afterwards": Z, "hidden afterwards": HIDDEN, "logits afterwards": LOGITS}
    shapes = {"b2": "K", "w2": "K U", "b1": "U", "w1": "U F"}
    compare(backward_worked_out, lesson("backprop_by_hand"), expected=expected, shapes=shapes)


def larger():
    """Five examples, four inputs, six hidden units, three classes."""
    tensors = torch.randn(6, 4), torch.randn(6), torch.randn(3, 6), torch.randn(3)
    return tensors, torch.randn(5, 4), torch.tensor([2, 0, 1, 1, 2])


def whole_way(backprop_by_hand):
    tensors, x, targets = larger()
    with torch.no_grad():
        given = backprop_by_hand.Parameters(*tensors)
        saved = backprop_by_hand.forward(given, x)
        loss = backprop_by_hand.cross_entropy(saved.logits, targets)
        gradients = backprop_by_hand.backward(given, x, targets, saved)
    return {"loss": loss} | {name: getattr(gradients, name) for name in ("b2", "w2", "b1", "w1")}


def whole_way_by_autograd():
    tensors, x, targets = larger()
    w1, b1, w2, b2 = (tensor.requires_grad_() for tensor in tensors)
    loss = F.cross_entropy(F.linear(F.linear(x, w1, b1).relu(), w2, b2), targets)
    loss.backward()
    return {"loss": loss, "b2": b2.grad, "w2": w2.grad, "b1": b1.grad, "w1": w1.grad}


def test_agrees_with_autograd(lesson, compare):
    """Five random examples: loss and gradients as autograd has them"""
    shapes = {"b2": "K", "w2": "K U", "b1": "U", "w1": "U F"}
    compare(whole_way, lesson("backprop_by_hand"), expected=whole_way_by_autograd, shapes=shapes)
