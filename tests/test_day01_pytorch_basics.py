"""Day 1's reference, held against autograd, PyTorch's own loaders and initialisers, and real worker processes."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from course_data.images import load_images
from solutions.day01_pytorch_basics import backprop_by_hand
from solutions.day01_pytorch_basics.amp_step import amp_step, make_scaler
from solutions.day01_pytorch_basics.bucketing import BucketBatches, text_loader
from solutions.day01_pytorch_basics.cifar10_amp import channel_statistics, cifar_mlp, make_loaders, train_classifier
from solutions.day01_pytorch_basics.measure import kept_for_backward
from solutions.day01_pytorch_basics.mlp import MLP
from solutions.day01_pytorch_basics.mnist_mlp import Classifier, accuracy, train_one_epoch
from solutions.day01_pytorch_basics.text_dataset import TextBlocks, masked_loss, pad_batch

ROOT = Path(__file__).parents[1]
TEXT = "".join(f"line {n} " + "é" * (n % 37) + "\n" for n in range(300)).encode()


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def blocks(tmp_path):
    (tmp_path / "text.txt").write_bytes(TEXT)
    return TextBlocks(tmp_path / "text.txt", 16)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 2), (7, 5, 11, 3), (64, 20, 40, 10)])
def test_gradients_agree_with_autograd(sizes):
    batch, features, units, classes = sizes
    parameters = backprop_by_hand.Parameters(
        *(torch.randn(shape) for shape in ((units, features), (units,), (classes, units), (classes,)))
    )
    x, targets = torch.randn(batch, features), torch.randint(classes, (batch,))
    saved = backprop_by_hand.forward(parameters, x)
    mine = backprop_by_hand.backward(parameters, x, targets, saved)
    w1, b1, w2, b2 = (parameter.clone().requires_grad_() for parameter in parameters)
    loss = F.cross_entropy(F.linear(F.relu(F.linear(x, w1, b1)), w2, b2), targets)
    theirs = torch.autograd.grad(loss, (w1, b1, w2, b2))
    torch.testing.assert_close(tuple(mine), theirs)
    torch.testing.assert_close(backprop_by_hand.cross_entropy(saved.logits, targets), loss.detach())


def test_the_classifier_learns_drawn_digits():
    digits = load_images("digits", "train")
    images, labels = digits.images[:3000].float() / 255, digits.labels[:3000]
    model = Classifier(hidden=64)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = [train_one_epoch(model, zip(images.split(50), labels.split(50), strict=True), optimizer) for _ in range(3)]
    assert losses[0][0] == pytest.approx(math.log(10), rel=0.1)
    assert accuracy(model, zip(images.split(700), labels.split(700), strict=True)) > 0.8


def test_every_target_of_every_line_is_in_one_block(blocks):
    pairs = [(x.tolist(), y.tolist()) for x, y in blocks]
    assert sum(blocks.lengths) == sum(len(line) for line in TEXT.splitlines())  # n bytes and a newline: n targets
    lines, at = TEXT.splitlines(keepends=True), 0
    for line in lines:
        targets = []
        while len(targets) < len(line) - 1:
            x, y = pairs[at]
            assert x == list(line[len(targets) : len(targets) + len(x)])
            targets += y
            at += 1
        assert bytes(targets) == line[1:]
    assert at == len(blocks)


def test_real_workers_serve_what_one_process_serves(blocks):
    alone, helped = text_loader(blocks, 32, seed=3), text_loader(blocks, 32, seed=3, num_workers=2)
    for epoch in range(2):
        alone.batch_sampler.set_epoch(epoch)
        helped.batch_sampler.set_epoch(epoch)
        for mine, theirs in zip(alone, helped, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


def test_spawned_workers_are_sent_everything(blocks):
    """As on macOS and Windows: a new process, to which dataset and collate_fn go pickled."""
    loader = DataLoader(blocks, batch_size=64, collate_fn=pad_batch, num_workers=1, multiprocessing_context="spawn")
    assert sum(int(mask.sum()) for _, _, mask in loader) == sum(blocks.lengths)


def test_buckets_hardly_pad(blocks):
    def places(batches):
        return sum(len(batch) * max(blocks.lengths[i] for i in batch) for batch in batches)

    bucketed = list(BucketBatches(blocks.lengths, 8))
    chance = torch.randperm(len(blocks)).split(8)
    assert places(bucketed) < 1.05 * sum(blocks.lengths) < 1.1 * sum(blocks.lengths) < places(chance)
    assert sorted(i for batch in bucketed for i in batch) == list(range(len(blocks)))


def test_masked_loss_agrees_with_ignore_index(blocks):
    x, y, mask = pad_batch([blocks[i] for i in range(7)])
    logits = torch.randn(*x.shape, 256)
    marked = y.masked_fill(~mask, -100)
    torch.testing.assert_close(masked_loss(logits, y, mask), F.cross_entropy(logits.flatten(0, 1), marked.flatten()))


@pytest.mark.parametrize(("activation", "size"), [("relu", 1.0), ("tanh", 0.65)])
def test_signals_survive_the_depth(activation, size):
    """The root mean square after 30 layers; with nn.Linear's own weights it would be below 1e-5."""
    model = MLP([256] * 31, activation).eval()
    hidden = torch.randn(400, 256)
    with torch.no_grad():
        for layer in model.layers[:-1]:
            hidden = model.activation(layer(hidden))
    assert hidden.square().mean().sqrt().item() == pytest.approx(size, rel=0.3)


each_device = pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"))],
)


@each_device
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_amp_follows_float32(device, dtype):
    """Twenty steps of a small MLP: 16 bits and float32 go down alike."""
    x, y = torch.randn(64, 20, device=device), torch.randint(4, (64,), device=device)
    losses = {}
    for kind in (dtype, torch.float32):
        torch.manual_seed(1)
        model = MLP([20, 32, 4]).to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
        scaler = make_scaler(device, kind, 1024.0)
        losses[kind] = [amp_step(model, x, y, optimizer, scaler, kind).loss.item() for _ in range(20)]
    assert losses[dtype] == pytest.approx(losses[torch.float32], rel=0.03)
    assert losses[dtype][-1] < 0.8 * losses[dtype][0]


@each_device
def test_overflow_skips_and_recovers(device):
    model = nn.Linear(8, 3).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    scaler = make_scaler(device, torch.float16, 2.0**30)
    x, y = 10 * torch.randn(16, 8, device=device), torch.randint(3, (16,), device=device)
    before = model.weight.detach().clone()
    assert not amp_step(model, x, y, optimizer, scaler, torch.float16).stepped
    assert torch.equal(before, model.weight)
    results = [amp_step(model, x, y, optimizer, scaler, torch.float16) for _ in range(40)]
    assert results[-1].stepped and scaler.get_scale() < 2.0**20
    assert bool(torch.isfinite(model.weight).all())


def test_cifar_statistics_and_training_on_drawn_textures():
    textures = load_images("textures", "train")
    images, labels = textures.images[:1200], textures.labels[:1200]
    loaders = make_loaders(images, labels, batch_size=50, val_size=200)
    assert len(loaders.train) == 20 and len(loaders.val) == 4
    model = cifar_mlp((64,))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    report = train_classifier(model, loaders.train, loaders.val, optimizer, 2, torch.bfloat16)
    assert len(report.losses) == 40 and report.skipped == 0 and report.seconds > 0
    assert sum(report.losses[-10:]) < sum(report.losses[:10]) and len(report.accuracies) == 2


def test_statistics_agree_with_one_pass_over_everything():
    images = torch.randint(256, (50, 3, 8, 8), dtype=torch.uint8)
    values = images.double() / 255
    mean, std = channel_statistics(images)
    torch.testing.assert_close(mean.double(), values.mean((0, 2, 3)), rtol=1e-5, atol=0)
    torch.testing.assert_close(std.double(), values.std((0, 2, 3)), rtol=1e-5, atol=0)


def test_kept_for_backward_counts_activations():
    """A linear layer keeps its input; the ReLU its output; the parameters do not count."""
    model = nn.Sequential(nn.Linear(100, 50), nn.ReLU())
    x = torch.randn(8, 100)
    assert kept_for_backward(model, lambda: model(x).sum()) == 4 * (8 * 100 + 8 * 50)


@pytest.mark.parametrize(
    ("script", "arguments", "run"),
    [
        ("train_mnist", ["--data", "digits", "--epochs", "1", "--hidden", "16"], "day01-mnist"),
        ("train_cifar10", ["--data", "textures", "--epochs", "1", "--hidden", "16"], "day01-cifar10"),
    ],
)
def test_runs_leave_a_record(script, arguments, run, tmp_path):
    command = [sys.executable, "-m", f"solutions.day01_pytorch_basics.{script}", *arguments, "--threads", "1"]
    done = subprocess.run([*command, "--runs", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["data"]["kind"] == "stand-in"
    assert (tmp_path / run / "curve.png").is_file()


def test_a_run_without_data_says_so_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "solutions.day01_pytorch_basics.train_mnist", "--runs", str(tmp_path / "runs")]
    done = subprocess.run(
        [*command, "--data-dir", str(tmp_path / "nowhere")], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr and done.stderr.strip()
    assert not list((tmp_path / "runs").glob("*"))
