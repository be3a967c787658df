"""Checks of task 5.7, debug_run.py."""

import io
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from grader import raised

pytestmark = pytest.mark.time_limit(40)  # the first optimizer that is made imports PyTorch's compiler: seconds

TABLE = torch.tensor([[0.1, 0.2, 0.0], [0.0, 0.2, -0.1], [0.2, 0.1, -0.1]])
BATCH = torch.tensor([[0, 1, 2], [2, 0, 1]]), torch.tensor([[1, 2, 0], [0, 1, -100]])


class Bigram(nn.Module):
    """Logits for the next token from this one alone, with dropout."""

    def __init__(self, table=TABLE, dropout=0.5):
        super().__init__()
        self.table = nn.Parameter(table.clone())
        self.dropout = nn.Dropout(dropout)
        self.batch_sizes = []

    def forward(self, x):
        self.batch_sizes.append(x.size(0))
        return self.dropout(self.table[x]), "not the loss"


def plain_adamw(table, batches, lrs, decay, max_norm=1.0):
    """The losses before each step of PyTorch's own AdamW."""
    table = nn.Parameter(table.clone())
    optimizer = torch.optim.AdamW([table], weight_decay=decay)
    losses = []
    for (x, y), lr in zip(batches, lrs, strict=True):
        optimizer.zero_grad()
        loss = F.cross_entropy(table[x].view(-1, 3), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_([table], max_norm)
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        losses.append(loss.item())
    return losses


def one_batch(debug_run):
    losses = debug_run.overfit_one_batch(Bigram(), BATCH, steps=30, lr=0.3)
    return {"first five": torch.tensor(losses[:5]), "number": len(losses), "last": losses[-1]}


def one_batch_written_out():
    losses = plain_adamw(TABLE, [BATCH] * 30, [0.3] * 30, decay=0.0)
    return {"first five": torch.tensor(losses[:5]), "number": 30, "last": losses[-1]}


def test_overfit_one_batch(lesson, compare):
    """Thirty steps on one batch, without dropout and without weight decay: the losses of PyTorch's own AdamW."""
    compare(one_batch, lesson("debug_run"), expected=one_batch_written_out, rtol=1e-3)


def parts(debug_run):
    return {
        "1 % of 340": list(debug_run.first_part(range(340))),
        "29 % of 100": len(debug_run.first_part(range(100), 0.29)),
        "1 % of 40": list(debug_run.first_part(range(40))),
        "all of 4": list(debug_run.first_part(range(4), 1.0)),
        "1 % of nothing": raised(lambda: debug_run.first_part([])),
    }


def test_first_part(lesson, compare):
    """The first hundredth, rounded, and at least one example."""
    expected = {
        "1 % of 340": [0, 1, 2],
        "29 % of 100": 29,
        "1 % of 40": [0],
        "all of 4": [0, 1, 2, 3],
        "1 % of nothing": "ValueError",
    }
    compare(parts, lesson("debug_run"), expected=expected)


def examples():
    """Ten examples of (x, y), T = 3: after 0 comes 1, after 1 comes 2, after 2 comes 0."""
    x = torch.tensor([[i % 3, (i + 1) % 3, (i // 2) % 3] for i in range(10)])
    return list(zip(x, (x + 1) % 3, strict=True))


def debugged(debug_run, table=TABLE, **settings):
    config = debug_run.TrainConfig(**{"peak_lr": 0.3, "epochs": 5, "log_every": 100, "weight_decay": 0.0, **settings})
    model = Bigram(table, dropout=0.0)
    report = debug_run.debug_run(model, examples(), [BATCH], 3, 2, config, fraction=0.5, file=io.StringIO())
    return model, report


def half_of_the_data(debug_run):
    model, report = debugged(debug_run)
    return {
        "batch sizes up to the validation": model.batch_sizes,
        "logged steps": [int(entry["step"]) for entry in report.history.logged],
        "losses": torch.tensor([entry["loss"] for entry in report.history.logged]),
        "starts near ln V": report.starts_near_ln_v,
        "fell": report.fell,
    }


def half_of_the_data_written_out():
    batches = [tuple(map(torch.stack, zip(*examples()[i : min(i + 2, 5)], strict=True))) for i in (0, 2, 4)]
    losses = plain_adamw(TABLE, batches, [0.3, 0.15, 0.0], decay=0.0)
    return {
        "batch sizes up to the validation": [2, 2, 1, 2],
        "logged steps": [0, 1, 2],
        "losses": torch.tensor(losses),
        "starts near ln V": True,
        "fell": True,
    }


def test_debug_run(lesson, compare):
    """Half of ten examples in batches of two: one epoch in order, nothing dropped, every step logged."""
    compare(half_of_the_data, lesson("debug_run"), expected=half_of_the_data_written_out, rtol=5e-5, atol=5e-6)


def verdicts(debug_run):
    def verdict(table, **settings):
        report = debugged(debug_run, table, **settings)[1]
        return {"starts near ln V": report.starts_near_ln_v, "fell": report.fell}

    always_zero = torch.tensor([[3.0, 0.0, 0.0]] * 3)
    right_away = 3 * torch.eye(3).roll(1, dims=1)
    last_is_hard = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.5], [-0.2, 0.0, 0.0]])  # losses 0.88, 0.76, 0.95
    return {
        "too sure and wrong": verdict(always_zero),
        "suspiciously good": verdict(right_away),
        "does not learn": verdict(harder_and_harder(0.05), peak_lr=0.0),
        "the last batch is a hard one": verdict(last_is_hard, peak_lr=0.0),
        "a quarter above ln V": verdict(harder_and_harder(0.8), peak_lr=0.0),
        "an eleventh above ln V": verdict(harder_and_harder(0.29), peak_lr=0.0),
        "an eighth above ln V": verdict(harder_and_harder(0.4), peak_lr=0.0),
        "a single step": a_single_step(debug_run),
    }


def a_single_step(debug_run):
    """1 % of 130 examples is one, and of one loss the mean is that loss."""
    config, file = debug_run.TrainConfig(peak_lr=0.3), io.StringIO()
    report = debug_run.debug_run(Bigram(dropout=0.0), examples() * 13, [BATCH], 3, 2, config, file=file)
    return {
        "starts near ln V": report.starts_near_ln_v,
        "fell": report.fell,
        "steps": len(report.history.logged),
        "the bar is on the file": file.getvalue() != "",
    }


def harder_and_harder(much):
    """Right about what comes after 1 and 2 with a lower score; later examples have more of these."""
    return -much * torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def test_verdicts(lesson, compare):
    """Starts that are far from ln V on either side, and a run that does not learn."""
    expected = {
        "too sure and wrong": {"starts near ln V": False, "fell": True},
        "suspiciously good": {"starts near ln V": False, "fell": True},
        "does not learn": {"starts near ln V": True, "fell": False},
        "the last batch is a hard one": {"starts near ln V": False, "fell": True},
        "a quarter above ln V": {"starts near ln V": False, "fell": False},
        "an eleventh above ln V": {"starts near ln V": True, "fell": False},
        "an eighth above ln V": {"starts near ln V": False, "fell": False},
        "a single step": {"starts near ln V": True, "fell": False, "steps": 1, "the bar is on the file": True},
    }
    compare(verdicts, lesson("debug_run"), expected=expected)


def nan_in_debug_run(debug_run):
    def run():
        debugged(debug_run, torch.tensor([[0.1, -0.2, 0.0], [0.0, math.nan, -0.1], [0.2, 0.1, -0.1]]))

    return {"raised": raised(run)}


def test_nan_in_debug_run(lesson, compare):
    """A NaN stops the debug run."""
    compare(nan_in_debug_run, lesson("debug_run"), expected={"raised": "FloatingPointError"})
