"""Checks of task 9.4, the six programs that are broken on purpose."""

import itertools

import torch
from torch import nn

from grader.ranks import on_ranks


def line(weights=(0.5, -1.0), bias=0.25):
    """y = w·x + b with two inputs."""
    model = nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([weights]))
        model.bias.fill_(bias)
    return model


def numbers(model):
    """All parameters as one vector."""
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def squares_by_hand(weights, x, y):
    """Gradient of mean((x·w + b - y)²), as one vector (w, b)."""
    residual = x @ weights[:-1] + weights[-1] - y[:, 0]
    return torch.cat([2 * (residual[:, None] * x).mean(0), 2 * residual.mean()[None]])


# broken_hang

X = torch.tensor([[1.0, 2.0], [0.0, 1.0], [-1.0, 0.5], [2.0, 0.0], [0.5, 0.5], [1.0, -1.0], [0.0, 3.0], [1.5, 1.0]])
Y = torch.tensor([[1.0], [0.0], [2.0], [-1.0], [0.5], [3.0], [1.0], [-2.0]])
SHARES = [[(X[:2], Y[:2]), (X[2:4], Y[2:4]), (X[4:6], Y[4:6])], [(X[6:], Y[6:]), (X[1:3], Y[1:3])]]  # 3 batches and 2


def hang_on_rank(rank, broken_hang):
    model = line()
    steps = broken_hang.run(model, SHARES[rank], 0.1)
    return {"steps": steps, "weights": numbers(model)}


def uneven_shares(broken_hang):
    ranks = on_ranks(2, hang_on_rank, broken_hang)
    return {
        "steps, by rank": [seen["steps"] for seen in ranks],
        "weights and bias, by rank": torch.stack([seen["weights"] for seen in ranks]),
    }


def uneven_shares_by_hand():
    weights = torch.tensor([0.5, -1.0, 0.25])
    for batches in zip(*SHARES, strict=False):
        weights = weights - 0.1 * torch.stack([squares_by_hand(weights, x, y) for x, y in batches]).mean(0)
    return {"steps, by rank": [2, 2], "weights and bias, by rank": weights.expand(2, 3)}


def test_broken_hang(lesson, compare):
    """Rank 0 has three batches and rank 1 has two: both take two steps, and end"""
    compare(uneven_shares, lesson("broken_hang"), expected=uneven_shares_by_hand)


# broken_report


def report_on_rank(rank, broken_report):
    said = []
    losses = [torch.tensor([1.0, 2.0, 3.0, 5.0]), torch.tensor([9.0])][rank]
    mean = broken_report.run(losses, said.append)
    return {"mean": mean, "float": isinstance(mean, float), "said": said}


def reports(broken_report):
    ranks = on_ranks(2, report_on_rank, broken_report)
    return {
        "mean, by rank": [seen["mean"] for seen in ranks],
        "it is a float, by rank": [seen["float"] for seen in ranks],
        "reported, by rank": [seen["said"] for seen in ranks],
    }


def test_broken_report(lesson, compare):
    """Both ranks get the mean over all examples, and rank 0 alone reports it"""
    expected = {
        "mean, by rank": [4.0, 4.0],
        "it is a float, by rank": [True, True],
        "reported, by rank": [["validation loss 4.000"], []],
    }
    compare(reports, lesson("broken_report"), expected=expected)


# broken_drift


class Noted(nn.Module):
    """A layer after dropout that notes what was dropped, and with which weights it started."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 1)
        self.dropped, self.first = [], None

    def forward(self, x):
        if self.first is None:
            self.first = numbers(self)
        kept = nn.functional.dropout(torch.ones(2, 6), 0.5)
        self.dropped.append((kept == 0).tolist())
        return self.layer(x * kept)


def drift_batches(rank):
    return [(torch.full((2, 6), 1.0 + rank + step), torch.tensor([[1.0], [rank]])) for step in range(3)]


def drift_by_hand(weights, dropped):
    """Three steps of gradient descent from these weights, if these values are dropped by each rank at each step."""
    for step in range(3):
        gradients = []
        for rank in range(2):
            x, y = drift_batches(rank)[step]
            gradients.append(squares_by_hand(weights, x * 2 * ~torch.tensor(dropped[rank][step]), y))
        weights = weights - 0.01 * torch.stack(gradients).mean(0)
    return weights


def drift_on_rank(rank, broken_drift):
    batches = drift_batches(rank)
    model = broken_drift.run(Noted, batches, 0.01, 5)
    again = broken_drift.run(Noted, batches, 0.01, 5)
    return {
        "first": model.first,
        "dropped": model.dropped,
        "last": numbers(model),
        "again": torch.equal(numbers(model), numbers(again)),
    }


def copies(broken_drift):
    ranks = on_ranks(2, drift_on_rank, broken_drift)
    by_hand = drift_by_hand(ranks[0]["first"], [seen["dropped"] for seen in ranks])
    return {
        "weights before the first step, by rank": torch.stack([seen["first"] for seen in ranks]),
        "both ranks drop the same values": ranks[0]["dropped"] == ranks[1]["dropped"],
        "largest difference between the ranks' weights at the end": (ranks[0]["last"] - ranks[1]["last"]).abs().max(),
        "largest difference from three steps by hand, with the same values dropped": (ranks[0]["last"] - by_hand)
        .abs()
        .max(),
        "the same seed gives the same run": all(seen["again"] for seen in ranks),
    }


def copies_expected():
    torch.default_generator.manual_seed(5)
    return {
        "weights before the first step, by rank": numbers(Noted()).expand(2, 7),
        "both ranks drop the same values": False,
        "largest difference between the ranks' weights at the end": 0.0,
        "largest difference from three steps by hand, with the same values dropped": 0.0,
        "the same seed gives the same run": True,
    }


def test_broken_drift(lesson, compare):
    """Two copies start alike, drop different values, and are alike at the end, where three steps by hand lead"""
    compare(copies, lesson("broken_drift"), expected=copies_expected)


# broken_crash


class TwoHeads(nn.Module):
    """A body of one number and two heads of one number: tasks 0 and 1 use one of them, task 2 uses both."""

    def __init__(self):
        super().__init__()
        self.body = nn.Parameter(torch.tensor(2.0))
        self.heads = nn.ParameterList([torch.tensor(0.5), torch.tensor(-1.0)])

    def forward(self, x, task):
        return x * self.body * sum(self.heads[head] for head in HEADS[task])


HEADS = [[0], [1], [0, 1]]  # of each task
TASKS = [[0, 1, 0], [2, 1, 0]]  # of both ranks at each step
INPUTS = torch.tensor([[1.0, 2.0, -1.0], [0.5, 1.5, 3.0]])
TARGETS = torch.tensor([[3.0, 1.0, 0.5], [2.0, -1.0, 1.0]])


def crash_on_rank(rank, broken_crash):
    model = TwoHeads()
    batches = [(INPUTS[rank, s, None], TARGETS[rank, s, None], task) for s, task in enumerate(TASKS[rank])]
    losses = broken_crash.run(model, batches, 0.05)
    plain = all(isinstance(loss, float) for loss in losses)
    values = torch.tensor([loss.item() if isinstance(loss, torch.Tensor) else loss for loss in losses])
    return {"losses": values, "plain": plain, "weights": numbers(model)}


def two_heads(broken_crash):
    ranks = on_ranks(2, crash_on_rank, broken_crash)
    return {
        "losses, by rank": torch.stack([seen["losses"] for seen in ranks]),
        "losses are floats, by rank": [seen["plain"] for seen in ranks],
        "body and heads at the end, by rank": torch.stack([seen["weights"] for seen in ranks]),
    }


def two_heads_by_hand():
    weights, losses = torch.tensor([2.0, 0.5, -1.0]), torch.zeros(2, 3)
    for step, rank in itertools.product(range(3), range(2)):
        if rank == 0:
            gradient = torch.zeros(3)
        x, heads = INPUTS[rank, step], [1 + head for head in HEADS[TASKS[rank][step]]]
        residual = x * weights[0] * weights[heads].sum() - TARGETS[rank, step]
        losses[rank, step] = residual.square()
        gradient[0] += residual * x * weights[heads].sum()  # 2 · … / 2 ranks
        gradient[heads] += residual * x * weights[0]
        if rank == 1:
            weights = weights - 0.05 * gradient
    floats = {"losses are floats, by rank": [True, True]}
    return {"losses, by rank": losses, **floats, "body and heads at the end, by rank": weights.expand(2, 3)}


def test_broken_crash(lesson, compare):
    """Two heads, of which most batches use one: three steps on two ranks, worked out without DDP"""
    compare(two_heads, lesson("broken_crash"), expected=two_heads_by_hand)


# broken_lie

SIZES = [[3, 1], [2]]  # examples in each batch of each rank


def lie_on_rank(rank, broken_lie):
    batches, start = [], sum(sum(sizes) for sizes in SIZES[:rank])
    for size in SIZES[rank]:
        batches.append((X[start : start + size], Y[start : start + size]))
        start += size
    model, graphs = line(), []
    model.register_forward_pre_hook(lambda *_: graphs.append(torch.is_grad_enabled()))
    mean = broken_lie.run(model, batches)
    return {"mean": mean, "float": isinstance(mean, float), "graph": any(graphs)}


def means(broken_lie):
    ranks = on_ranks(2, lie_on_rank, broken_lie)
    return {
        "mean over the six examples, by rank": [seen["mean"] for seen in ranks],
        "it is a float, by rank": [seen["float"] for seen in ranks],
        "a graph was kept, by rank": [seen["graph"] for seen in ranks],
    }


def means_by_hand():
    squares = (X[:6] @ torch.tensor([0.5, -1.0]) + 0.25 - Y[:6, 0]).square()
    return {
        "mean over the six examples, by rank": [squares.mean().item()] * 2,
        "it is a float, by rank": [True, True],
        "a graph was kept, by rank": [False, False],
    }


def test_broken_lie(lesson, compare):
    """Six examples in batches of 3 and 1 on rank 0, and of 2 on rank 1: the mean over all six"""
    compare(means, lesson("broken_lie"), expected=means_by_hand)


# broken_shuffle


def shuffle_on_rank(rank, broken_shuffle):
    return [broken_shuffle.run(12, 3, 7), broken_shuffle.run(12, 3, 7), broken_shuffle.run(12, 3, 8)]


def deals(broken_shuffle):
    ranks = on_ranks(2, shuffle_on_rank, broken_shuffle)
    first = [[[int(index) for index in share] for share in seen[0]] for seen in ranks]
    epochs = [first[0][epoch] + first[1][epoch] for epoch in range(3)]
    return {
        "all examples of each epoch, sorted": [sorted(epoch) for epoch in epochs],
        "examples of each rank, by epoch": [[len(share) for share in seen] for seen in first],
        "different orders in three epochs": len({tuple(epoch) for epoch in epochs}),
        "an epoch is in order": any(sorted(share) == share for seen in first for share in seen),
        "epochs in which rank 0 has other examples than in the first": sum(
            set(share) != set(first[0][0]) for share in first[0]
        ),
        "the same seed gives the same orders": all(seen[0] == seen[1] for seen in ranks),
        "another seed gives others": all(seen[0] != seen[2] for seen in ranks),
    }


def test_broken_shuffle(lesson, compare):
    """Twelve examples, two ranks, three epochs: each example once in every epoch, in ever new orders"""
    expected = {
        "all examples of each epoch, sorted": [list(range(12))] * 3,
        "examples of each rank, by epoch": [[6, 6, 6]] * 2,
        "different orders in three epochs": 3,
        "an epoch is in order": False,
        "epochs in which rank 0 has other examples than in the first": 2,
        "the same seed gives the same orders": True,
        "another seed gives others": True,
    }
    compare(deals, lesson("broken_shuffle"), expected=expected)
