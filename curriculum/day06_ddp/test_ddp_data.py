"""Checks of task 6.4, ddp_data.py."""

import torch

from grader import raised


class Numbers(torch.utils.data.Dataset):
    """Example i is the number i."""

    def __init__(self, number):
        self.number = number

    def __len__(self):
        return self.number

    def __getitem__(self, index):
        if not 0 <= index < self.number:
            raise IndexError(index)
        return index


def batches(loader):
    return [batch.tolist() for batch in loader]


def training(ddp_data):
    def of(rank, size, epoch, seed=3, number=22, batch=8):
        return batches(ddp_data.epoch_loader(Numbers(number), batch, epoch, rank, size, seed))

    return {
        "one process, epoch 0": of(0, 1, 0),
        "rank 0 of 2": of(0, 2, 0),
        "rank 1 of 2": of(1, 2, 0),
        "rank 1 of 2, epoch 1": of(1, 2, 1),
        "ranks of 4, epoch 2": [of(rank, 4, 2) for rank in range(4)],
        "21 examples, batches of 7 on 7 ranks: the last rank": of(6, 7, 0, number=21, batch=7),
        "27 examples, batches of 4 on 2 ranks: the first rank": of(0, 2, 0, number=27, batch=4),
        "nothing given but dataset, batch and epoch": batches(ddp_data.epoch_loader(Numbers(5), 2, 4)),
        "the number of batches": len(ddp_data.epoch_loader(Numbers(22), 8, 0, 1, 2)),
    }


def dealt(epoch, rank=0, size=1, seed=3, number=22, batch=8):
    """The order that the contract gives, cut into global batches, and the share of one rank."""
    order = torch.randperm(number, generator=torch.Generator().manual_seed(seed + epoch)).tolist()
    whole = [order[start : start + batch] for start in range(0, number - batch + 1, batch)]
    return [each[rank::size] for each in whole]


def training_by_hand():
    return {
        "one process, epoch 0": dealt(0),
        "rank 0 of 2": dealt(0, 0, 2),
        "rank 1 of 2": dealt(0, 1, 2),
        "rank 1 of 2, epoch 1": dealt(1, 1, 2),
        "ranks of 4, epoch 2": [dealt(2, rank, 4) for rank in range(4)],
        "21 examples, batches of 7 on 7 ranks: the last rank": dealt(0, 6, 7, number=21, batch=7),
        "27 examples, batches of 4 on 2 ranks: the first rank": dealt(0, 0, 2, number=27, batch=4),
        "nothing given but dataset, batch and epoch": dealt(4, seed=0, number=5, batch=2),
        "the number of batches": 2,
    }


def test_epoch_loader(lesson, compare):
    """Each rank's batches, on 1, 2, 4 and 7 ranks: together they are those of one process."""
    compare(training, lesson("ddp_data"), expected=training_by_hand)


def refusals(ddp_data):
    return {
        "a batch of 9 on 2 ranks": raised(lambda: ddp_data.epoch_loader(Numbers(22), 9, 0, 0, 2)),
        "7 examples, a batch of 8": raised(lambda: ddp_data.epoch_loader(Numbers(7), 8, 0, 0, 2)),
        "8 examples, a batch of 8": raised(lambda: ddp_data.epoch_loader(Numbers(8), 8, 0, 0, 2)),
    }


def test_epoch_loader_refuses(lesson, compare):
    """A batch that cannot be dealt, and too few examples for one batch, are errors."""
    compare(
        refusals,
        lesson("ddp_data"),
        expected={
            "a batch of 9 on 2 ranks": "ValueError",
            "7 examples, a batch of 8": "ValueError",
            "8 examples, a batch of 8": "nothing",
        },
    )


def evaluation(ddp_data):
    def of(rank, size, number=11, batch=2):
        return batches(ddp_data.evaluation_loader(Numbers(number), batch, rank, size))

    return {
        "11 examples on 4 ranks": [of(rank, 4) for rank in range(4)],
        "how often each is scored": sorted(i for rank in range(4) for batch in of(rank, 4) for i in batch),
        "one process": batches(ddp_data.evaluation_loader(Numbers(5), 2)),
        "2 examples on 3 ranks": [of(rank, 3, 2) for rank in range(3)],
    }


EVALUATION = {
    "11 examples on 4 ranks": [[[0, 4], [8]], [[1, 5], [9]], [[2, 6], [10]], [[3, 7]]],
    "how often each is scored": list(range(11)),
    "one process": [[0, 1], [2, 3], [4]],
    "2 examples on 3 ranks": [[[0]], [[1]], []],
}


def test_evaluation_loader(lesson, compare):
    """Eleven examples on four ranks: each is scored once, on one rank; and two examples on three ranks."""
    compare(evaluation, lesson("ddp_data"), expected=EVALUATION)
