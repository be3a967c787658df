"""Checks of task 6.4, ddp_training.py: any number of ranks does what one process would have done."""

import os
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from grader import raised
from grader.devices import Readings
from grader.ranks import on_ranks

pytestmark = pytest.mark.time_limit(40)  # the first optimizer that is made imports PyTorch's compiler: seconds

TABLE = torch.tensor([[0.5, -1.0, 0.2], [0.0, 0.8, -0.3], [1.5, 0.1, -0.6]])
BIAS = torch.tensor([0.1, 0.0, -0.2])
NO = -100  # not scored
BATCHES = [  # global batches (x, y), five examples of two tokens; ranks have shares of other sizes
    (
        torch.tensor([[0, 1], [2, 0], [1, 1], [0, 2], [2, 2]]),
        torch.tensor([[1, 2], [0, NO], [0, 1], [NO, NO], [1, 1]]),
    ),
    (  # of two ranks, the second has nothing to score
        torch.tensor([[1, 0], [2, 2], [1, 2], [0, 0], [0, 1]]),
        torch.tensor([[2, 2], [NO, NO], [2, NO], [NO, NO], [2, 0]]),
    ),
    (  # nobody has
        torch.tensor([[1, 0], [2, 2], [1, 2], [0, 0], [0, 1]]),
        torch.full((5, 2), NO),
    ),
    (
        torch.tensor([[2, 0], [1, 2], [0, 1], [2, 1], [1, 0]]),
        torch.tensor([[2, NO], [NO, 0], [1, NO], [0, 2], [NO, NO]]),
    ),
    (  # a single token
        torch.tensor([[1, 0], [2, 2], [1, 2], [0, 0], [0, 1]]),
        torch.tensor([[NO, NO], [NO, NO], [NO, 0], [NO, NO], [NO, NO]]),
    ),
]


class Bigram(nn.Module):
    """Logits for the next token from this one alone. It notes how it is called.

    Taken to a device, its parameters become others, as they may on real ones.
    """

    def __init__(self, table=TABLE, dropout=0.0):
        super().__init__()
        self.table, self.bias = nn.Parameter(table.clone()), nn.Parameter(BIAS.clone())
        self.dropout = nn.Dropout(dropout)
        self.modes, self.graphs = [], []

    def _apply(self, fn, recurse=True):
        self.table, self.bias = (nn.Parameter(fn(p.detach().clone())) for p in (self.table, self.bias))
        return self

    def forward(self, x):
        self.modes.append("train" if self.training else "eval")
        logits = self.dropout(self.table[x] + self.bias)
        self.graphs.append(logits.requires_grad)
        return logits, "not the loss"


def by_rank(ranks):
    """What the ranks returned, as observations: each name with a list that has one entry for each rank."""
    return {f"{name} (by rank)": [seen[name] for seen in ranks] for name in ranks[0]}


def on_each(expected):
    """What is expected of them, under the same names."""
    return {f"{name} (by rank)": values for name, values in expected.items()}


def share(batch, rank, size):
    return batch[0][rank::size], batch[1][rank::size]


def gradients_by_hand(table, bias, x, y):
    """Loss and gradients of the bigram model without autograd: (p - onehot) / n at every scored position."""
    scored = y != NO
    p = torch.softmax((table[x] + bias)[scored], dim=-1)  # (n, V)
    right = torch.eye(3, dtype=p.dtype)[y[scored]]
    number = max(len(p), 1)
    at_logits = (p - right) / number
    return (
        (p * right).sum(-1).log().neg().sum() / number,
        torch.zeros_like(table).index_add_(0, x[scored], at_logits),
        at_logits.sum(0),
    )


def one_process(table, bias, batches, lr, max_norm):
    """Loss, norm, table and bias of each step of plain descent on global batches, in float64 and by hand."""
    steps = []
    for x, y in batches:
        loss, for_table, for_bias = gradients_by_hand(table, bias, x, y)
        norm = (for_table.square().sum() + for_bias.square().sum()).sqrt()
        scale = min(1.0, max_norm / max(norm.item(), 1e-9))
        table, bias = table - lr * scale * for_table, bias - lr * scale * for_bias
        steps.append((loss, norm, table, bias))
    return [torch.stack(values).float() for values in zip(*steps, strict=True)], table, bias


# one step

MAX_NORM = 0.47  # the fourth gradient is smaller


def steps_on_rank(rank, training, size):
    bare = Bigram()
    model = DistributedDataParallel(bare) if dist.is_initialized() else bare
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    bare.table.grad = torch.ones(3, 3)  # left from before
    seen = {"losses": [], "norms before clipping": [], "table after each step": [], "bias after each step": []}
    for batch in BATCHES:
        result = training.ddp_step(model, share(batch, rank, size), optimizer, MAX_NORM)
        values = (result.loss, result.grad_norm, bare.table, bare.bias)
        for name, value in zip(seen, values, strict=True):
            seen[name].append(torch.as_tensor(value).detach().clone())
    return {name: torch.stack(values) for name, values in seen.items()}


def steps(training, size):
    return by_rank(on_ranks(size, steps_on_rank, training, size))


def steps_by_hand(size):
    values, _, _ = one_process(TABLE.double(), BIAS.double(), BATCHES, 0.5, MAX_NORM)
    names = ("losses", "norms before clipping", "table after each step", "bias after each step")
    return on_each({name: [value] * size for name, value in zip(names, values, strict=True)})


def test_steps_on_two_ranks(lesson, compare):
    """Five steps on two ranks, whose shares differ in size and padding: those of one process on the whole batches."""
    compare(partial(steps, size=2), lesson("ddp_training"), expected=partial(steps_by_hand, size=2))


def test_steps_on_four_ranks(lesson, compare):
    """The same five steps on four ranks."""
    compare(partial(steps, size=4), lesson("ddp_training"), expected=partial(steps_by_hand, size=4))


def steps_alone(training):
    return by_rank([steps_on_rank(0, training, 1)])


def test_steps_alone(lesson, compare):
    """The same five steps in one process, without a group."""
    compare(steps_alone, lesson("ddp_training"), expected=partial(steps_by_hand, size=1))


# evaluation

PARTS = [  # of three ranks; the third has no batch
    [share(BATCHES[0], 0, 2), share(BATCHES[3], 0, 2)],
    [share(BATCHES[0], 1, 2)],
    [],
]


def evaluate_on_rank(rank, training):
    bare = Bigram(dropout=0.5)
    bare.dropout.eval()  # it was so before, and is so afterwards
    model = DistributedDataParallel(bare)
    wrapper_calls = []
    model.register_forward_pre_hook(lambda module, inputs: wrapper_calls.append("called"))
    loss = training.evaluate(model, PARTS[rank])
    seen = {
        "loss": torch.tensor(float(loss)),
        "modes while scoring": sorted(set(bare.modes)),
        "batches scored": len(bare.modes),
        "a graph is built": any(bare.graphs),
        "modes afterwards": [bare.training, bare.dropout.training],
        "calls of the wrapper": len(wrapper_calls),
    }
    nothing = [BATCHES[2]] if rank == 0 else []
    return seen | {"nothing to score on any rank": raised(lambda: training.evaluate(model, nothing))}


def evaluations(training):
    return by_rank(on_ranks(3, evaluate_on_rank, training))


def evaluations_by_hand():
    x, y = (torch.cat([batch[i] for part in PARTS for batch in part]) for i in (0, 1))
    loss = gradients_by_hand(TABLE.double(), BIAS.double(), x, y)[0].float()
    return on_each(
        {
            "loss": [loss] * 3,
            "modes while scoring": [["eval"], ["eval"], []],
            "batches scored": [2, 1, 0],
            "a graph is built": [False] * 3,
            "modes afterwards": [[True, False]] * 3,
            "calls of the wrapper": [0] * 3,
            "nothing to score on any rank": ["ValueError"] * 3,
        }
    )


def test_evaluate(lesson, compare):
    """Three ranks with two batches, one and none: the mean over all tokens, on every rank, and the modes as before."""
    compare(evaluations, lesson("ddp_training"), expected=evaluations_by_hand)


# a whole run

OTHER = (
    torch.tensor([[1, 0], [2, 2], [1, 2], [0, 0], [0, 1]]),
    torch.tensor([[2, 2], [1, NO], [2, NO], [0, NO], [2, 0]]),
)
EPOCHS = [[OTHER, BATCHES[3]], [OTHER, BATCHES[0]], [BATCHES[3], OTHER]]  # the second ends best
VALIDATION = [
    (torch.tensor([[2, 1], [0, 2], [1, 0]]), torch.tensor([[2, 0], [NO, 1], [1, NO]])),
    (torch.tensor([[0, 0], [1, 1]]), torch.tensor([[1, NO], [0, 2]])),
]
LR = 2.0


def fit_on_rank(rank, training, size, folder):
    """Every rank begins with other weights, and would write to a file of its own."""
    model = Bigram(TABLE + rank).eval()
    epochs, logged = [], []

    def loader_of_epoch(epoch):
        epochs.append(epoch)
        return [share(batch, rank, size) for batch in EPOCHS[epoch]]

    with Readings(lambda: model.modes.count("train") % 2) as readings:
        history = training.fit(
            model,
            lambda bare: torch.optim.SGD(bare.parameters(), lr=LR),
            loader_of_epoch,
            [share(batch, rank, size) for batch in VALIDATION],
            epochs=3,
            max_norm=0.5,
            log=lambda metrics, step: logged.append([step, round(metrics["val_loss"], 4)]),
            best_file=Path(folder) / f"best of rank {rank}.pt",
        )
    return {
        "epochs that were asked for": epochs,
        "modes": model.modes,
        "losses": torch.tensor(history.losses),
        "val_losses": torch.tensor(history.val_losses),
        "table": model.table.detach(),
        "bias": model.bias.detach(),
        "logged": logged,
    } | ({"values read in the middle of an epoch": readings.counts[1]} if size == 1 else {})


def run(training, size, folder):
    if size == 1:
        ranks = [fit_on_rank(0, training, 1, folder)]
    else:
        ranks = on_ranks(size, fit_on_rank, training, size, os.fspath(folder))
    best = Path(folder) / "best of rank 0.pt"
    saved = torch.load(best, weights_only=True) if best.is_file() else {}
    return by_rank(ranks) | {
        "files": sorted(path.name for path in Path(folder).iterdir()),
        "saved": sorted(saved),
        "saved table": saved.get("table", "no such key"),
    }


def run_by_hand(size):
    table, bias, steps, val_losses, tables = TABLE.double(), BIAS.double(), [], [], []
    x, y = (torch.cat([batch[i] for batch in VALIDATION]) for i in (0, 1))
    for batches in EPOCHS:
        values, table, bias = one_process(table, bias, batches, LR, 0.5)
        steps.append(values[0])
        val_losses.append(gradients_by_hand(table, bias, x, y)[0].item())
        tables.append(table.float())
    logged = [[2 * (epoch + 1), round(loss, 4)] for epoch, loss in enumerate(val_losses)]
    more = {"values read in the middle of an epoch": [0]} if size == 1 else {}
    seen = {
        "epochs that were asked for": [[0, 1, 2]] * size,
        "modes": [["train", "train", "eval", "eval"] * 3] * size,
        "losses": [torch.cat(steps)] * size,
        "val_losses": [torch.tensor(val_losses)] * size,
        "table": [table.float()] * size,
        "bias": [bias.float()] * size,
        "logged": [logged] + [[]] * (size - 1),
    }
    return on_each(seen | more) | {
        "files": ["best of rank 0.pt"],
        "saved": ["bias", "table"],
        "saved table": tables[val_losses.index(min(val_losses))],
    }


def test_run_on_two_ranks(lesson, compare, tmp_path):
    """Three epochs on two ranks: losses, weights and the best file are those of one process; rank 0 alone writes."""
    compare(partial(run, size=2, folder=tmp_path), lesson("ddp_training"), expected=partial(run_by_hand, size=2))


def test_run_alone(lesson, compare, tmp_path):
    """The same run in one process, without a group."""
    compare(partial(run, size=1, folder=tmp_path), lesson("ddp_training"), expected=partial(run_by_hand, size=1))


def an_epoch_without_batches(training, folder):
    """The weights stay as they are, so the validation loss is exactly the same. The file is taken away in between."""
    best, there = folder / "best.pt", []

    def loader_of_epoch(epoch):
        there.append(best.is_file())
        best.unlink(missing_ok=True)
        return EPOCHS[0] if epoch == 0 else []

    history = training.fit(
        Bigram(),
        lambda bare: torch.optim.SGD(bare.parameters(), lr=LR),
        loader_of_epoch,
        VALIDATION,
        epochs=2,
        best_file=best,
    )
    return {
        "losses of steps": len(history.losses),
        "the second validation is like the first": history.val_losses[1:] == history.val_losses[:1],
        "the file is there after the first epoch": there == [False, True],
        "it is written again after the second": best.is_file(),
    }


def test_epoch_without_batches(lesson, compare, tmp_path):
    """An epoch that has no batch changes nothing: its validation is as good as the one before, and not better."""
    expected = {
        "losses of steps": 2,
        "the second validation is like the first": True,
        "the file is there after the first epoch": True,
        "it is written again after the second": False,
    }
    compare(partial(an_epoch_without_batches, folder=tmp_path), lesson("ddp_training"), expected=expected)


class Traveller(torch.Tensor):
    """A tensor that knows whether it was taken to a device."""

    taken = False

    def to(self, *where, **how):
        self.taken = True
        return self.as_subclass(torch.Tensor).to(*where, **how)


def taken_along(training):
    def packed(batches):
        return [tuple(part.as_subclass(Traveller) for part in batch) for batch in batches]

    def taken(batches):
        return [[part.taken for part in batch] for batch in batches]

    trained, validated, evaluated = packed(EPOCHS[0]), packed(VALIDATION), packed(VALIDATION)
    model = Bigram()
    training.fit(model, lambda bare: torch.optim.SGD(bare.parameters(), lr=LR), lambda epoch: trained, validated, 1)
    training.evaluate(model, evaluated)
    return {
        "x and y of each batch that fit trains on": taken(trained),
        "of each that it validates on": taken(validated),
        "of each that is evaluated": taken(evaluated),
    }


def test_device(lesson, compare):
    """Every batch is taken to the device, x and y."""
    names = ("x and y of each batch that fit trains on", "of each that it validates on", "of each that is evaluated")
    compare(taken_along, lesson("ddp_training"), expected={name: [[True, True]] * 2 for name in names})
