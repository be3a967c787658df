"""Checks of task 4.4, loaders.py. No process is started: loaders are asked for batches and for their settings."""

import random
from unittest import mock

import numpy as np
import torch

NUMBERS = list(range(23))  # any list is a data set


def batches(loader):
    return [batch.tolist() for batch in loader]


def order(loader):
    return [number for batch in batches(loader) for number in batch]


def training_batches(loaders):
    loader = loaders.train_loader(NUMBERS, batch_size=4, seed=3)
    drawn = order(loader)
    return {
        "batch sizes": [len(batch) for batch in batches(loader)],
        "batches announced": len(loader),
        "different items": len(set(drawn)),
        "items that do not exist": sorted(set(drawn) - set(NUMBERS)),
        "in the order of the data set": drawn == sorted(drawn),
        "always the same three left out": left_out(loaders),
    }


def left_out(loaders):
    missing = [set(NUMBERS) - set(order(loaders.train_loader(NUMBERS, 4, seed=3, epoch=epoch))) for epoch in range(6)]
    return all(each == missing[0] for each in missing)


def test_training_batches(lesson, compare):
    """23 items in batches of 4: five full batches, no item twice."""
    compare(
        training_batches,
        lesson("loaders"),
        expected={
            "batch sizes": [4, 4, 4, 4, 4],
            "batches announced": 5,
            "different items": 20,
            "items that do not exist": [],
            "in the order of the data set": False,
            "always the same three left out": False,
        },
    )


def orders(loaders):
    """Which orders are equal, in every way in which they may depend on something."""

    def at(seed, epoch):
        return order(loaders.train_loader(NUMBERS, 4, seed=seed, epoch=epoch))

    loader = loaders.train_loader(NUMBERS, 4, seed=3)
    first, second = order(loader), order(loader)
    loader.sampler.set_epoch(1)
    third = order(loader)
    torch.manual_seed(99)
    return {
        "another loader with this seed and epoch": at(3, 0) == first,
        "the same loader again": second == first,
        "the first order after set_epoch(1)": third == first,
        "the order of epoch 1 after set_epoch(1)": third == at(3, 1),
        "another epoch": at(3, 1) == first,
        "another seed": at(4, 0) == first,
        "seed 4 epoch 0 and seed 3 epoch 1": at(4, 0) == at(3, 1),
        "seed 0 epoch 3 and seed 3 epoch 0": at(0, 3) == at(3, 0),
        "seed 0 epoch 1 and seed 0 epoch 2": at(0, 1) == at(0, 2),
        "seed 1 epoch 0 and seed 0 epoch 10, 100, … 1,000,000": [at(1, 0) == at(0, 10**n) for n in range(1, 7)],
    }


def test_orders(lesson, compare):
    """The order depends on seed and epoch, on both, and on nothing else."""
    compare(
        orders,
        lesson("loaders"),
        expected={
            "another loader with this seed and epoch": True,
            "the same loader again": True,
            "the first order after set_epoch(1)": False,
            "the order of epoch 1 after set_epoch(1)": True,
            "another epoch": False,
            "another seed": False,
            "seed 4 epoch 0 and seed 3 epoch 1": False,
            "seed 0 epoch 3 and seed 3 epoch 0": False,
            "seed 0 epoch 1 and seed 0 epoch 2": False,
            "seed 1 epoch 0 and seed 0 epoch 10, 100, … 1,000,000": [False] * 6,
        },
    )


def sampled(loaders):
    sampler = loaders.EpochSampler(10, seed=0)
    first, again = list(sampler), list(sampler)
    as_said = list(loaders.EpochSampler(10, seed=0, epoch=0))
    sampler.set_epoch(5)
    return {
        "length": len(sampler),
        "every index once": sorted(first),
        "again the same": again == first,
        "the epoch is 0 if you do not say it": as_said == first,
        "another epoch": list(sampler) == first,
        "as if made for that epoch": list(sampler) == list(loaders.EpochSampler(10, seed=0, epoch=5)),
        "Python integers": all(type(index) is int for index in first),
    }


def test_sampler(lesson, compare):
    """Every index once; the same order until set_epoch."""
    compare(
        sampled,
        lesson("loaders"),
        expected={
            "length": 10,
            "every index once": list(range(10)),
            "again the same": True,
            "the epoch is 0 if you do not say it": True,
            "another epoch": False,
            "as if made for that epoch": True,
            "Python integers": True,
        },
    )


def drawn_after(use):
    """What the global generators give after something used them, or did not."""
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    use()
    return torch.rand(3)


def global_generators(loaders):
    train = loaders.train_loader(NUMBERS, 4, seed=3)
    evaluation = loaders.eval_loader(NUMBERS, 4)
    return {
        "after the training loader": drawn_after(lambda: list(train)),
        "after the evaluation loader": drawn_after(lambda: list(evaluation)),
        "after making loaders": drawn_after(
            lambda: (loaders.train_loader(NUMBERS, 4, seed=3), loaders.eval_loader(NUMBERS, 4))
        ),
    }


def test_global_generators(lesson, compare):
    """What the model draws next (its dropout) is the same with and without a loader."""

    def untouched():
        names = ["after the training loader", "after the evaluation loader", "after making loaders"]
        return {name: drawn_after(lambda: None) for name in names}

    compare(global_generators, lesson("loaders"), expected=untouched)


def first_seed(loader):
    """What a DataLoader draws to seed its workers with."""
    return torch.empty((), dtype=torch.int64).random_(generator=loader.generator).item()


def seeds_for_workers(loaders):
    three, again, four = (first_seed(loaders.train_loader(NUMBERS, 4, seed=seed)) for seed in (3, 3, 4))
    return {"this seed again": three == again, "another seed": three == four}


def test_seeds_for_workers(lesson, compare):
    """What workers draw depends on the seed, and on nothing that was drawn before."""
    compare(seeds_for_workers, lesson("loaders"), expected={"this seed again": True, "another seed": False})


def evaluation_batches(loaders):
    loader = loaders.eval_loader(NUMBERS, batch_size=5)
    return {"batches": batches(loader), "again": batches(loader), "batches announced": len(loader)}


def test_evaluation_batches(lesson, compare):
    """Everything, in order, the short last batch included."""
    expected = [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14], [15, 16, 17, 18, 19], [20, 21, 22]]
    compare(
        evaluation_batches,
        lesson("loaders"),
        expected={"batches": expected, "again": expected, "batches announced": 5},
    )


def both(loaders, **settings):
    yield "train", loaders.train_loader(NUMBERS, 4, seed=0, **settings)
    yield "evaluation", loaders.eval_loader(NUMBERS, 4, **settings)


def settings_of_loaders(loaders):
    seen = {}
    for name, loader in both(loaders):
        seen[f"{name}: workers"] = loader.num_workers
        seen[f"{name}: workers are kept"] = loader.persistent_workers
    for name, loader in both(loaders, num_workers=2):
        seen[f"{name}: two workers"] = loader.num_workers
        seen[f"{name}: two workers are kept"] = loader.persistent_workers
        seen[f"{name}: a worker's seed is set"] = seeds_numpy(loader.worker_init_fn)
    for name, loader in both(loaders, num_workers=1):
        seen[f"{name}: a single worker is kept"] = loader.persistent_workers
    for cuda in (False, True):
        with mock.patch("torch.cuda.is_available", return_value=cuda):
            for name, loader in both(loaders, pin_memory=True):
                seen[f"{name}: pinned {'with' if cuda else 'without'} CUDA"] = loader.pin_memory
            for name, loader in both(loaders):
                seen[f"{name}: pinned unasked {'with' if cuda else 'without'} CUDA"] = loader.pin_memory
    return seen


def seeds_numpy(initialise):
    """Whether the loader's own function for a new worker makes NumPy depend on the worker's seed."""
    if initialise is None:
        return False
    np.random.seed(5)
    untouched = np.random.rand()
    np.random.seed(5)
    torch.manual_seed(1)
    initialise(0)
    return bool(np.random.rand() != untouched)


def test_settings(lesson, compare):
    """Workers, what keeps them, what seeds them, and page-locked memory where there is CUDA."""
    expected = {}
    for name in ("train", "evaluation"):
        expected |= {
            f"{name}: workers": 0,
            f"{name}: workers are kept": False,
            f"{name}: two workers": 2,
            f"{name}: two workers are kept": True,
            f"{name}: a worker's seed is set": True,
            f"{name}: a single worker is kept": True,
            f"{name}: pinned without CUDA": False,
            f"{name}: pinned with CUDA": True,
            f"{name}: pinned unasked without CUDA": False,
            f"{name}: pinned unasked with CUDA": False,
        }
    compare(settings_of_loaders, lesson("loaders"), expected=expected)


def in_worker(loaders, base, worker):
    """What a loading process would draw: PyTorch has seeded it with base + worker."""
    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(base + worker)
    loaders.seed_worker(worker)
    return np.random.rand(), random.random()


def seeds_of_workers(loaders):
    base = 2**40 + 2**32 + 12_345  # larger than NumPy's seeds, by more than one bit
    numpy, python = in_worker(loaders, base, 0)
    other_numpy, other_python = in_worker(loaders, base, 1)
    next_numpy, next_python = in_worker(loaders, base + 1_024, 0)
    return {
        "again the same": in_worker(loaders, base, 0) == (numpy, python),
        "NumPy in another worker": other_numpy == numpy,
        "random in another worker": other_python == python,
        "NumPy after another start": next_numpy == numpy,
        "random after another start": next_python == python,
        "PyTorch's seed is left": torch.initial_seed() == base,
    }


def test_seed_worker(lesson, compare):
    """Every worker draws numbers of its own, at every start."""
    compare(
        seeds_of_workers,
        lesson("loaders"),
        expected={
            "again the same": True,
            "NumPy in another worker": False,
            "random in another worker": False,
            "NumPy after another start": False,
            "random after another start": False,
            "PyTorch's seed is left": True,
        },
    )
