"""Checks of task 1.2, bucketing.py. No process is started: what workers would get is pickled."""

import pickle
import random

import numpy as np
import torch

from grader import raised

LENGTHS = [9, 3, 7, 3, 1, 9, 4, 3, 8, 2, 3, 6, 9, 5, 3, 9, 7, 1, 9, 3, 6, 9, 3]  # 23 items
SORTED = [[1, 1, 2, 3], [3, 3, 3, 3], [3, 3, 4, 5], [6, 6, 7, 7], [8, 9, 9, 9], [9, 9, 9]]


def batches(sampler):
    return [list(batch) for batch in sampler]


def one_epoch(bucketing):
    drawn = batches(bucketing.BucketBatches(LENGTHS, 4, seed=1))
    return {
        "every index once": sorted(index for batch in drawn for index in batch) == list(range(23)),
        "lengths in each batch": sorted(sorted(LENGTHS[index] for index in batch) for batch in drawn),
        "type of an index": type(drawn[0][0]).__name__,
        "batches announced": len(bucketing.BucketBatches(LENGTHS, 4)),
        "batches announced for 24 items": len(bucketing.BucketBatches([*LENGTHS, 2], 4)),
    }


def test_one_epoch(lesson, compare):
    """23 items in batches of 4: each once, with others of about its length"""
    compare(
        one_epoch,
        lesson("bucketing"),
        expected={
            "every index once": True,
            "lengths in each batch": SORTED,
            "type of an index": "int",
            "batches announced": 6,
            "batches announced for 24 items": 6,
        },
    )


def order_of_batches(bucketing):
    """Whether short batches always come first: for six batches, chance alone does that once in 720 times."""
    orders = []
    for epoch in range(4):
        drawn = batches(bucketing.BucketBatches(LENGTHS, 4, seed=1, epoch=epoch))
        shortest = [min(LENGTHS[index] for index in batch) for batch in drawn]
        orders.append(shortest == sorted(shortest))
    groups = [group_of_item_1(bucketing, epoch) for epoch in range(6)]
    return {
        "from short to long in each of four epochs": all(orders),
        "item 1 always with the same three": all(group == groups[0] for group in groups),
    }


def group_of_item_1(bucketing, epoch):
    drawn = batches(bucketing.BucketBatches(LENGTHS, 4, seed=1, epoch=epoch))
    return next(set(batch) for batch in drawn if 1 in batch)


def test_order_of_batches(lesson, compare):
    """Batches come in random order, and items of equal length meet others in each epoch"""
    expected = {
        "from short to long in each of four epochs": False,
        "item 1 always with the same three": False,
    }
    compare(order_of_batches, lesson("bucketing"), expected=expected)


def epochs(bucketing):
    sampler = bucketing.BucketBatches(LENGTHS, 4, seed=1)
    first, again = batches(sampler), batches(sampler)
    sampler.set_epoch(1)
    second = batches(sampler)
    sampler.set_epoch(0)
    torch.randn(3)  # somebody else draws from the global generator
    return {
        "the same epoch again": again == first,
        "epoch 1 like epoch 0": second == first,
        "epoch 1 of a new sampler": batches(bucketing.BucketBatches(LENGTHS, 4, seed=1, epoch=1)) == second,
        "back in epoch 0": batches(sampler) == first,
        "another seed": batches(bucketing.BucketBatches(LENGTHS, 4, seed=2)) == first,
    }


def test_epochs(lesson, compare):
    """The order depends on seed and epoch, and on nothing else"""
    expected = {
        "the same epoch again": True,
        "epoch 1 like epoch 0": False,
        "epoch 1 of a new sampler": True,
        "back in epoch 0": True,
        "another seed": False,
    }
    compare(epochs, lesson("bucketing"), expected=expected)


def global_generators():
    """Where torch's, Python's and numpy's generators stand."""
    return {
        "torch's": torch.get_rng_state().tolist(),
        "Python's": random.getstate(),
        "numpy's": str(np.random.get_state(legacy=False)["state"]),
    }


def those_that_move(bucketing):
    before = global_generators()
    batches(bucketing.BucketBatches(LENGTHS, 4, seed=1))
    return {
        "global generators that have moved": [name for name, now in global_generators().items() if now != before[name]]
    }


def test_the_global_generator_stays(lesson, compare):
    """Whoever draws random numbers elsewhere does not notice the sampler"""
    compare(those_that_move, lesson("bucketing"), expected={"global generators that have moved": []})


def dataset_of(text_dataset, folder):
    path = folder / "text.txt"
    path.write_bytes(b"a long line to begin with\nshort\nand another\nno\nof six lines\nthe last\n")
    return text_dataset.TextBlocks(path, 8)


def loader_of(folder, text_dataset, bucketing):
    dataset = dataset_of(text_dataset, folder)
    loader = bucketing.text_loader(dataset, 4, seed=3)
    drawn = list(loader)
    loader.batch_sampler.set_epoch(1)
    other = list(loader)
    return {
        "batches": len(loader),
        "targets in all batches": sum(int(mask.sum()) for _, _, mask in drawn),
        "places in all batches": sum(mask.numel() for _, _, mask in drawn),
        "epoch 1 like epoch 0": [x.tolist() for x, _, _ in other] == [x.tolist() for x, _, _ in drawn],
        "another seed alike": [x.tolist() for x, _, _ in bucketing.text_loader(dataset, 4, seed=4)]
        == [x.tolist() for x, _, _ in drawn],
    }


def test_loader(lesson, compare, tmp_path):
    """Eleven blocks through the DataLoader: every target arrives, hardly anything is padding"""
    expected = {  # lengths 8 8 8 1 · 5 · 8 3 · 2 · 8 4 · 8; sorted 1 2 3 4 | 5 8 8 8 | 8 8 8
        "batches": 3,
        "targets in all batches": 63,
        "places in all batches": 4 * 4 + 4 * 8 + 3 * 8,
        "epoch 1 like epoch 0": False,
        "another seed alike": False,
    }
    compare(
        lambda text_dataset, bucketing: loader_of(tmp_path, text_dataset, bucketing),
        lesson("text_dataset", "bucketing"),
        expected=expected,
    )


def sent_to_workers(folder, text_dataset, bucketing):
    loader = bucketing.text_loader(dataset_of(text_dataset, folder), 4, seed=3, num_workers=2)

    def pickles(value):
        return raised(lambda: pickle.loads(pickle.dumps(value))) == "nothing"

    return {
        "workers": loader.num_workers,
        "the dataset can be pickled": pickles(loader.dataset),
        "the collate_fn can be pickled": pickles(loader.collate_fn),
        "the batch sampler can be pickled": pickles(loader.batch_sampler),
        "the worker_init_fn can be pickled": pickles(loader.worker_init_fn),
    }


def test_workers_can_have_it(lesson, compare, tmp_path):
    """With workers: what a new process is given can be pickled"""
    expected = {
        "workers": 2,
        "the dataset can be pickled": True,
        "the collate_fn can be pickled": True,
        "the batch sampler can be pickled": True,
        "the worker_init_fn can be pickled": True,
    }
    compare(
        lambda text_dataset, bucketing: sent_to_workers(tmp_path, text_dataset, bucketing),
        lesson("text_dataset", "bucketing"),
        expected=expected,
    )
