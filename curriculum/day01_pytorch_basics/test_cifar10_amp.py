"""Checks of task 1.5, cifar10_amp.py, and of the run on CIFAR-10."""

import functools
import random
import warnings

import numpy as np
import torch
from torch import nn

from grader import raised
from grader.devices import DeviceWatch
from grader.inputs import generator

F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32


def quietly(probe):
    """A probe without PyTorch's warnings: what it warns of in a step is for the checks of task 1.4 to say."""

    @functools.wraps(probe)
    def quiet(cifar10_amp):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return probe(cifar10_amp)

    return quiet


def pictures(count=40, size=4):
    """Three colours of different mean and spread, so that none can stand for another; labels tell the images apart."""
    values = torch.rand(count, 3, size, size, generator=generator(5))
    scaled = (
        values * torch.tensor([60.0, 120.0, 30.0])[:, None, None] + torch.tensor([10.0, 90.0, 200.0])[:, None, None]
    )
    return scaled.to(torch.uint8), torch.arange(count)


def statistics_of(cifar10_amp):
    images, _ = pictures(size=16)
    found = cifar10_amp.channel_statistics(images)
    return {"mean": found.mean, "std": found.std, "the images afterwards": images}


def statistics_by_hand():
    images, _ = pictures(size=16)
    values = images.double() / 255
    mean = torch.tensor([values[:, c].sum().item() / values[:, c].numel() for c in range(3)])
    spread = [((values[:, c] - mean[c].item()) ** 2).mean().sqrt().item() for c in range(3)]
    return {"mean": mean, "std": torch.tensor(spread), "the images afterwards": images}


def test_channel_statistics(lesson, compare):
    """Mean and standard deviation of each colour, with values from 0 to 1"""
    compare(statistics_of, lesson("cifar10_amp"), expected=statistics_by_hand, rtol=1e-3)  # n or n - 1: 5e-5


MEAN, STD = torch.tensor([0.5, 0.25, 0.125]), torch.tensor([0.5, 0.25, 2.0])
TWO = torch.tensor(
    [
        [[[0, 51], [102, 255]], [[204, 0], [51, 153]], [[255, 102], [0, 51]]],
        [[[255, 255], [0, 0]], [[102, 51], [0, 255]], [[0, 51], [51, 204]]],
    ],
    dtype=torch.uint8,
)


def items(cifar10_amp):
    data = cifar10_amp.Pictures(TWO, torch.tensor([3, 8]), cifar10_amp.Statistics(MEAN, STD))
    image, label = data[1]
    return {
        "number of items": len(data),
        "image 1": image,
        "label 1": int(label),
        "image 0, at the tenth time": [data[0][0] for _ in range(10)][-1],
        "the pixels are still bytes": data.images.dtype == torch.uint8 if hasattr(data, "images") else True,
    }


def items_by_hand():
    normalised = (TWO / 255 - MEAN[:, None, None]) / STD[:, None, None]
    return {
        "number of items": 2,
        "image 1": normalised[1],
        "label 1": 8,
        "image 0, at the tenth time": normalised[0],
        "the pixels are still bytes": True,
    }


def test_pictures(lesson, compare):
    """Two images of 2 × 2: from bytes to 0 … 1, then (value - mean) / std in each colour"""
    compare(items, lesson("cifar10_amp"), expected=items_by_hand, shapes={"image 1": "3 H W"})


def mirrored(cifar10_amp):
    data = cifar10_amp.Pictures(TWO, torch.tensor([3, 8]), cifar10_amp.Statistics(MEAN, STD), flip=True)
    seen = [data[0][0] for _ in range(400)]
    as_it_is, other = seen[0], next((image for image in seen if not torch.equal(image, seen[0])), seen[0])
    if as_it_is[0, 0, 0] > as_it_is[0, 0, 1]:  # the first one was flipped
        as_it_is, other = other, as_it_is
    return {
        "different images": len({tuple(image.flatten().tolist()) for image in seen}),
        "as it is": as_it_is,
        "flipped": other,
    }


def mirrored_by_hand():
    image = (TWO[0] / 255 - MEAN[:, None, None]) / STD[:, None, None]
    return {
        "different images": 2,
        "as it is": image,
        "flipped": torch.stack([image[..., 1], image[..., 0]], dim=-1),
    }


def share_of_the_mirrored(cifar10_amp):
    data = cifar10_amp.Pictures(TWO, torch.tensor([3, 8]), cifar10_amp.Statistics(MEAN, STD), flip=True)
    turned = [bool(image[0, 0, 0] > image[0, 0, 1]) for image in (data[0][0] for _ in range(400))]
    return {"share of the flipped": sum(turned) / 400}


def test_flip(lesson, compare):
    """With flip, left and right change places about half of the time"""
    compare(mirrored, lesson("cifar10_amp"), expected=mirrored_by_hand)
    # Five times the deviation of 400 draws.
    compare(share_of_the_mirrored, lesson("cifar10_amp"), expected={"share of the flipped": 0.5}, atol=0.125)


def parts(cifar10_amp):
    images, labels = pictures()
    loaders = cifar10_amp.make_loaders(images, labels, batch_size=8, val_size=11, seed=4)
    val = torch.cat([part for _, part in loaders.val]).tolist()
    epochs = [torch.cat([part for _, part in loaders.train]).tolist() for _ in range(8)]
    train = sorted({label for epoch in epochs for label in epoch})
    return {
        "images in validation": len(val),
        "images in both": sorted(set(val) & set(train)),
        "images in neither": sorted(set(range(40)) - set(val) - set(train)),
        "batch sizes in training": [len(part) for _, part in loaders.train],
        "batch sizes in validation": [len(part) for _, part in loaders.val],
        "the first or the last 11 images": sorted(val) in (list(range(11)), list(range(29, 40))),
    }


def test_two_parts(lesson, compare):
    """40 images: 11 drawn at random for validation, 29 to train on, in batches of 8"""
    expected = {
        "images in validation": 11,
        "images in both": [],
        "images in neither": [],
        "batch sizes in training": [8, 8, 8],
        "batch sizes in validation": [8, 3],
        "the first or the last 11 images": False,
    }
    compare(parts, lesson("cifar10_amp"), expected=expected)


def global_generators():
    """Where torch's, Python's and numpy's generators stand."""
    return [torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state(legacy=False)["state"])]


def orders(cifar10_amp):
    images, labels = pictures()
    before = global_generators()
    cifar10_amp.make_loaders(images, labels, 8, 11, 4)
    moved = global_generators() != before

    def val_of(seed):
        loaders = cifar10_amp.make_loaders(images, labels, 8, 11, seed)
        return sorted(torch.cat([part for _, part in loaders.val]).tolist())

    loaders = cifar10_amp.make_loaders(images, labels, 8, 11, 4)
    val = [torch.cat([part for _, part in loaders.val]).tolist() for _ in range(3)]
    train = [torch.cat([part for _, part in loaders.train]).tolist() for _ in range(3)]
    return {
        "a global generator has moved": moved,
        "the same images held back again": val_of(4) == sorted(val[0]),
        "the same ones with another seed": val_of(5) == sorted(val[0]),
        "validation in the same order": val[0] == val[1] == val[2],
        "training in the same order": train[0] == train[1] == train[2],
    }


def test_orders(lesson, compare):
    """What is held back depends on the seed alone; training is shuffled, validation is not"""
    expected = {
        "a global generator has moved": False,
        "the same images held back again": True,
        "the same ones with another seed": False,
        "validation in the same order": True,
        "training in the same order": False,
    }
    compare(orders, lesson("cifar10_amp"), expected=expected)


def what_is_served(cifar10_amp):
    """Held back are images that differ much from the others, so that it shows whose mean and std are used.

    It is said in words: numbers would depend on which images are drawn, and any draw is right.
    """
    images, labels = pictures(size=24)
    held_back = torch.cat([part for _, part in cifar10_amp.make_loaders(images, labels, 8, 11, 4).val])
    images[held_back] = 255 - images[held_back] // 4
    loaders = cifar10_amp.make_loaders(images, labels, 8, 11, 4)
    kept = [i for i in range(40) if i not in held_back.tolist()]
    parts = {"training": images[kept], "all": images, "validation": images[held_back]}
    means = {name: (part / 255).mean((0, 2, 3)) for name, part in parts.items()}
    stds = {name: (part / 255).std((0, 2, 3), correction=0) for name, part in parts.items()}
    mean, std = means["training"], stds["training"]
    val = [pair for _ in range(3) for batch in loaders.val for pair in zip(*batch, strict=True)]
    served = torch.cat([part for part, _ in loaders.train])
    number = served.numel() // 3
    return {
        "the mean is that of these images": whose(loaders.statistics.mean, means),
        "the std is that of these images": whose(loaders.statistics.std, stds),
        "validation images come": sorted({how_it_comes(x, images[label], loaders.statistics) for x, label in val}),
        "numbers served in training, near mean 0": [
            abs(float(m)) < 0.2 for m in served.transpose(0, 1).reshape(3, number).mean(1)
        ],
        "flipped images in training": flipped(loaders.train, images, mean, std),
    }


def whose(used, right):
    """The part whose numbers are used. (Whether the variance is divided by n or n - 1 makes 3e-5.)"""
    return next((name for name, numbers in right.items() if torch.allclose(used, numbers, rtol=1e-3)), "none of these")


def how_it_comes(image, pixels, statistics):
    mean, std = (x[:, None, None] for x in statistics)
    wanted = (pixels / 255 - mean) / std
    if torch.allclose(image, wanted, atol=1e-3):
        return "as they are"
    return "mirrored" if torch.allclose(image, wanted.flip(-1), atol=1e-3) else "normalised in another way"


def flipped(loader, images, mean, std):
    """Whether some of the training images, but not all, come mirrored over ten epochs."""
    found = []
    for _ in range(10):
        for batch, labels in loader:
            for image, label in zip(batch, labels.tolist(), strict=True):
                wanted = (images[label] / 255 - mean[:, None, None]) / std[:, None, None]
                found.append(bool((image - wanted).abs().max() > 0.1))
    return "some" if 0 < sum(found) < len(found) else "all" if found[0] else "none"


def test_what_is_served(lesson, compare):
    """Mean and std are those of the training images, for both parts; only training images are flipped"""
    expected = {
        "the mean is that of these images": "training",
        "the std is that of these images": "training",
        "validation images come": ["as they are"],
        "numbers served in training, near mean 0": [True] * 3,
        "flipped images in training": "some",
    }
    compare(what_is_served, lesson("cifar10_amp"), expected=expected)


def refused(cifar10_amp):
    images, labels = pictures()
    return {
        "val_size 0": raised(lambda: cifar10_amp.make_loaders(images, labels, 8, 0)),
        "val_size 40 of 40": raised(lambda: cifar10_amp.make_loaders(images, labels, 8, 40)),
        "val_size 39 of 40": raised(lambda: cifar10_amp.make_loaders(images, labels, 1, 39)),
        "val_size 1 of 40": raised(lambda: cifar10_amp.make_loaders(images, labels, 8, 1)),
    }


def test_refuses_empty_parts(lesson, compare):
    """Neither part may be empty"""
    expected = {
        "val_size 0": "ValueError",
        "val_size 40 of 40": "ValueError",
        "val_size 39 of 40": "nothing",
        "val_size 1 of 40": "nothing",
    }
    compare(quietly(refused), lesson("cifar10_amp"), expected=expected)


def workers(cifar10_amp):
    loaders = cifar10_amp.make_loaders(*pictures(), 8, 11, num_workers=2)
    return {"workers in training": loaders.train.num_workers, "workers in validation": loaders.val.num_workers}


def test_workers(lesson, compare):
    """Both loaders have the workers that were asked for"""
    compare(quietly(workers), lesson("cifar10_amp"), expected={"workers in training": 2, "workers in validation": 2})


def model_of(cifar10_amp):
    model = cifar10_amp.cifar_mlp((5, 4), dropout=0.5, inputs=12)
    wide = cifar10_amp.cifar_mlp((64,), inputs=2000)
    weights = [p.detach() for p in wide.parameters() if p.dim() == 2]
    return {
        "shapes of the parameters": [list(p.shape) for p in model.parameters()],
        "shape of the logits": list(model(torch.zeros(2, 3, 2, 2)).shape),
        "a hidden 1 that dropout leaves, with 0.75": what_dropout_leaves(cifar10_amp),
        "parameters by default": sum(p.numel() for p in cifar10_amp.cifar_mlp().parameters()),
        "spread of the first weights, times √(fan_in / 2)": weights[0].std() * 1000**0.5 if weights else None,
    }


def what_dropout_leaves(cifar10_amp):
    """Ten hidden units are 1, and each is a logit: in train mode, 0 or 1 / (1 - 0.75), wherever the dropout stands."""
    model = cifar10_amp.cifar_mlp((10,), dropout=0.75, inputs=4).train()
    values = torch.zeros(10, 4), torch.ones(10), torch.eye(10), torch.zeros(10)
    parameters = list(model.parameters())
    if [p.shape for p in parameters] != [value.shape for value in values]:
        return None
    with torch.no_grad():
        for parameter, value in zip(parameters, values, strict=True):
            parameter.copy_(value)
        return float(model(torch.zeros(100, 1, 2, 2)).max())


def test_model(lesson, compare):
    """An MLP that takes images: 3072 numbers, two hidden layers of 1024 and 512 with ReLU, 10 classes"""
    expected = {
        "shapes of the parameters": [[5, 12], [5], [4, 5], [4], [10, 4], [10]],
        "shape of the logits": [2, 10],
        "a hidden 1 that dropout leaves, with 0.75": 4.0,
        "parameters by default": 3072 * 1024 + 1024 + 1024 * 512 + 512 + 512 * 10 + 10,
        "spread of the first weights, times √(fan_in / 2)": 1.0,
    }
    compare(model_of, lesson("cifar10_amp"), expected=expected, rtol=0.025)


WEIGHT = torch.tensor([[0.5, -1.0], [0.25, 0.5], [-0.75, 0.125]])
TRAIN = [  # two batches an epoch
    (torch.tensor([[1.0, -0.5], [0.25, 2.0], [-1.5, 0.5]]), torch.tensor([0, 2, 1])),
    (torch.tensor([[0.5, 0.5], [2.0, 1.0]]), torch.tensor([1, 0])),
]
VAL = [
    (torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]), torch.tensor([0, 1, 2])),
    (torch.tensor([[-1.0, 0.5]]), torch.tensor([2])),
]


class Linear(nn.Module):
    """Logits x · weightᵀ. It notes how each batch was computed, and lets a clock run."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(WEIGHT.clone())
        self.calls, self.time = [], 0.0

    def forward(self, x):
        self.calls.append("train" if self.training else "eval")
        self.time += 1.0 if torch.is_grad_enabled() else 100.0
        logits = nn.functional.linear(x, self.weight)
        self.calls[-1] += f" {str(logits.dtype).removeprefix('torch.')}"
        return logits


def trained(cifar10_amp, dtype, factor=1.0, epochs=3, init_scale=65536.0, rate=0.5):
    model = Linear().eval()  # as if somebody had just evaluated it
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.8)
    train = [(factor * x, y) for x, y in TRAIN]
    report = cifar10_amp.train_classifier(
        model, train, VAL, optimizer, epochs, dtype, "cpu", scheduler, init_scale, clock=lambda: model.time
    )
    return model, report, scheduler.get_last_lr()[0]


def in_float32(cifar10_amp):
    model, report, rate = trained(cifar10_amp, F32)
    return {
        "calls of the model": model.calls,
        "losses": report.losses,
        "weight": model.weight,
        "accuracies": report.accuracies,
        "skipped": report.skipped,
        "learning rate in the end": rate,
        "seconds": report.seconds,
    }


def in_float32_by_hand():
    weight, losses, accuracies, rate = WEIGHT, [], [], 0.5
    for _ in range(3):
        for x, y in TRAIN:
            p, right = torch.softmax(x @ weight.T, dim=1), torch.eye(3)[y]
            losses.append(-(p * right).sum(1).log().mean().item())
            gradient = ((p - right) / len(y)).T @ x
            weight = weight - rate * gradient * min(1.0, 1.0 / gradient.norm().item())
            rate *= 0.8
        answers = [(x @ weight.T).argmax(1) == y for x, y in VAL]
        accuracies.append(torch.cat(answers).float().mean().item())
    return {
        "calls of the model": (["train float32"] * 2 + ["eval float32"] * 2) * 3,
        "losses": losses,
        "weight": weight,
        "accuracies": accuracies,
        "skipped": 0,
        "learning rate in the end": rate,
        "seconds": 6.0,
    }


def test_training(lesson, compare):
    """Three epochs of two steps in float32, each followed by a validation; the clock stands still in validation"""
    compare(quietly(in_float32), lesson("cifar10_amp"), expected=in_float32_by_hand)


def in_16_bits(cifar10_amp):
    half, report, _ = trained(cifar10_amp, F16, factor=6.0, init_scale=2.0**16, rate=0.01)
    brain, other, _ = trained(cifar10_amp, BF16)
    return {
        "float16: calls in training": sorted({call for call in half.calls if call.startswith("train")}),
        "float16: type of a loss": type(report.losses[0]).__name__,
        "float16: skipped": report.skipped,
        "bfloat16: calls in training": sorted({call for call in brain.calls if call.startswith("train")}),
        "bfloat16: skipped": other.skipped,
    }


def test_in_16_bits(lesson, compare):
    """float16 and bfloat16 by name; one scaler learns from its first skipped steps and keeps what it has learned"""
    expected = {
        "float16: calls in training": ["train float16"],
        "float16: type of a loss": "float",
        "float16: skipped": 3,
        "bfloat16: calls in training": ["train bfloat16"],
        "bfloat16: skipped": 0,
    }
    compare(quietly(in_16_bits), lesson("cifar10_amp"), expected=expected)


class Watch(DeviceWatch):
    """Of a model on a second device; `.cpu()` brings a result back from there."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ == "cpu":
            return func(*args, **(kwargs or {})).clone()
        return super().__torch_function__(func, types, args, kwargs)


def where_the_batches_go(cifar10_amp):
    model = Linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Watch(model.weight) as watch:
        cifar10_amp.train_classifier(model, TRAIN, VAL, optimizer, 1)
    return {"a batch from elsewhere meets the model": watch.mixed}


def test_batches_go_to_the_device(lesson, compare):
    """Images and labels are taken to the model's device"""
    compare(
        quietly(where_the_batches_go), lesson("cifar10_amp"), expected={"a batch from elsewhere meets the model": False}
    )


def table(cifar10_amp):
    reports = {
        "float32": cifar10_amp.Report([2.0, 1.5], [0.4, 0.5049], 0, 61.34),
        "bfloat16": cifar10_amp.Report([2.0, 1.6], [0.55, 0.5012], 2, 30.96),
    }
    text = cifar10_amp.side_by_side(reports, {"float32": 12_640_000, "bfloat16": 9_051_000})
    return {"lines": [" ".join(line.split()) for line in text.split("\n")]}


def test_side_by_side(lesson, compare):
    """Two runs, side by side: seconds, memory, last accuracy"""
    lines = [
        "| run | seconds | memory (MB) | validation accuracy |",
        "| --- | ---: | ---: | ---: |",
        "| float32 | 61.3 | 12.6 | 50.5 % |",
        "| bfloat16 | 31.0 | 9.1 | 50.1 % |",
    ]
    compare(table, lesson("cifar10_amp"), expected={"lines": lines})


def what_the_run_says(run):
    return {
        "data": run["data"]["kind"],
        "float32: at least 50 % of the validation images": run["fp32_val_accuracy"] >= 0.5,
        "mixed precision: at least 50 % of the validation images": run["amp_val_accuracy"] >= 0.5,
    }


def test_the_run_on_cifar10(record, compare):
    """Your run on CIFAR-10: at least 50 % of the validation images are right, with and without mixed precision"""
    compare(
        what_the_run_says,
        record("day01-cifar10", command="python -m curriculum.day01_pytorch_basics.train_cifar10"),
        expected={
            "data": "real",
            "float32: at least 50 % of the validation images": True,
            "mixed precision: at least 50 % of the validation images": True,
        },
    )
