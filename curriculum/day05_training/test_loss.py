"""Checks of task 5.1, loss.py."""

import math

import torch

from grader import raised
from grader.devices import Readings


def logits_and_targets(ignored=-100):
    """B = 2, T = 3, V = 4; with `ignored`, one position of the first row and two of the second are not scored."""
    logits = torch.tensor(
        [
            [[2.0, 0.0, -1.0, 0.5], [0.1, 1.2, 0.3, -0.7], [-0.4, 0.0, 0.9, 1.5]],
            [[0.0, -2.0, 1.0, 3.0], [1.5, 0.2, 0.0, 0.6], [0.3, 0.3, -1.1, 2.2]],
        ]
    )
    targets = torch.tensor([[0, 2, ignored], [3, ignored, ignored]])
    return logits, targets


def by_hand(logits, targets, ignored=-100):
    """Token by token in plain Python: the mean of -ln p(target), and its gradient (p - onehot) / n."""
    gradient = torch.zeros(logits.shape)
    scored = [(b, t) for b in range(targets.size(0)) for t in range(targets.size(1)) if targets[b, t] != ignored]
    total = 0.0
    for b, t in scored:
        scores = [math.exp(score) for score in logits[b, t].tolist()]
        right = targets[b, t].item()
        total -= math.log(scores[right] / sum(scores))
        for token, score in enumerate(scores):
            gradient[b, t, token] = (score / sum(scores) - (token == right)) / len(scored)
    return {"loss": torch.tensor(total / len(scored)), "gradient at the logits": gradient}


def loss_and_gradient(loss, logits, targets, **settings):
    logits.requires_grad_()
    value = loss.language_model_loss(logits, targets, **settings)
    value.backward()
    return {"loss": value, "gradient at the logits": logits.grad}


SHAPES = {"loss": "", "gradient at the logits": "B T V"}


def every_token_scored(loss):
    logits, targets = logits_and_targets(ignored=1)
    return loss_and_gradient(loss, logits, targets)


def test_every_token(lesson, compare):
    """Six tokens, all scored: the loss and its gradient, number by number."""
    compare(every_token_scored, lesson("loss"), expected=lambda: by_hand(*logits_and_targets(1)), shapes=SHAPES)


def some_tokens_scored(loss):
    return loss_and_gradient(loss, *logits_and_targets())


def test_ignored_targets(lesson, compare):
    """Three of six targets are -100: they add nothing, and the mean is over the other three."""
    compare(some_tokens_scored, lesson("loss"), expected=lambda: by_hand(*logits_and_targets()), shapes=SHAPES)


def other_ignore_index(loss):
    return loss_and_gradient(loss, *logits_and_targets(ignored=1), ignore_index=1)


def test_ignore_index(lesson, compare):
    """Another mark for padding: ignore_index=1."""
    compare(other_ignore_index, lesson("loss"), expected=lambda: by_hand(*logits_and_targets(1), 1), shapes=SHAPES)


def nothing_scored(loss):
    return loss_and_gradient(loss, logits_and_targets()[0], torch.full((2, 3), -100))


def test_nothing_to_score(lesson, compare):
    """A batch of padding alone gives a loss of 0 and no gradient, not NaN."""
    zeros = {"loss": torch.tensor(0.0), "gradient at the logits": torch.zeros(2, 3, 4)}
    compare(nothing_scored, lesson("loss"), expected=zeros)


def loss_of_bfloat16(loss):
    logits, targets = logits_and_targets()
    return {"loss": loss.language_model_loss(logits.bfloat16(), targets)}


def from_rounded_logits():
    logits, targets = logits_and_targets()
    return {"loss": by_hand(logits.bfloat16().float(), targets)["loss"]}


def test_half_precision(lesson, compare):
    """Logits in bfloat16: the loss is computed in float32."""
    compare(loss_of_bfloat16, lesson("loss"), expected=from_rounded_logits)


def what_is_read(loss):
    with Readings() as readings:
        loss.language_model_loss(*logits_and_targets())
    return {"values read from the device": readings.counts.total()}


def test_nothing_is_read(lesson, compare):
    """The loss is computed without reading a value from the device."""
    compare(what_is_read, lesson("loss"), expected={"values read from the device": 0})


def what_is_refused(loss):
    logits, targets = logits_and_targets()
    return {
        "targets (T, B)": raised(lambda: loss.language_model_loss(logits, targets.T)),
        "targets one shorter": raised(lambda: loss.language_model_loss(logits, targets[:, 1:])),
    }


def test_shapes_that_do_not_fit(lesson, compare):
    """Targets of another shape than the logits' (B, T) are refused, even if there are just as many of them."""
    refused = {"targets (T, B)": "ValueError", "targets one shorter": "ValueError"}
    compare(what_is_refused, lesson("loss"), expected=refused)
