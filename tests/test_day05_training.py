"""Day 5's reference, held against PyTorch's own optimizer, schedulers, clipping and loss."""

import io
import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.utils.data import DataLoader

from solutions.day05_training.debug_run import debug_run, overfit_one_batch
from solutions.day05_training.guard import first_not_finite
from solutions.day05_training.loss import language_model_loss
from solutions.day05_training.optimizer import build_optimizer, parameter_groups
from solutions.day05_training.schedule import set_lr, warmup_cosine
from solutions.day05_training.train_step import train_step
from solutions.day05_training.trainer import TrainConfig, fit
from solutions.day05_training.validation import validate

VOCABULARY = 11


class Tiny(nn.Module):
    """Embedding, norm, a layer with bias, dropout and a tied head: every kind of parameter that a GPT has."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 8)
        self.norm = nn.LayerNorm(8)
        self.linear = nn.Linear(8, 8)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, VOCABULARY, bias=False)
        self.head.weight = self.embedding.weight
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, x):
        hidden = self.embedding(x)
        return self.head(self.norm(hidden + self.dropout(torch.tanh(self.linear(hidden))))), None


def counting(examples=64, length=6):
    """Texts that count: after n comes n + 1, around the vocabulary."""
    starts = torch.arange(examples) % VOCABULARY
    texts = (starts[:, None] + torch.arange(length + 1)) % VOCABULARY
    return [(text[:-1].clone(), text[1:].clone()) for text in texts]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_loss_agrees_with_cross_entropy(dtype):
    logits = (3 * torch.randn(3, 5, VOCABULARY)).to(dtype)
    targets = torch.randint(VOCABULARY, (3, 5))
    targets[0, 2:] = -100
    expected = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
    assert torch.allclose(language_model_loss(logits, targets), expected)


def test_loss_of_a_batch_of_padding_leaves_the_weights_alone():
    model = Tiny()
    loss = language_model_loss(model(torch.zeros(2, 3, dtype=torch.long))[0], torch.full((2, 3), -100))
    loss.backward()
    assert loss == 0 and first_not_finite(model) is None
    assert all(bool((p.grad == 0).all()) for p in model.parameters())


def gradients(model):
    return [torch.randn_like(p) for p in model.parameters()]


def test_adamw_agrees_with_pytorchs_own():
    """Fused and in two groups here; there one AdamW per parameter, neither fused nor foreach."""
    mine, theirs = Tiny(), Tiny()
    theirs.load_state_dict(mine.state_dict())
    optimizer = build_optimizer(mine, lr=0.01, betas=(0.8, 0.95), weight_decay=0.3)
    oracles = [
        torch.optim.AdamW([p], lr=0.01, betas=(0.8, 0.95), weight_decay=0.3 if p.dim() >= 2 else 0.0, foreach=False)
        for p in theirs.parameters()
    ]
    for _ in range(10):
        for a, b, gradient in zip(mine.parameters(), theirs.parameters(), gradients(mine), strict=True):
            a.grad, b.grad = gradient.clone(), gradient.clone()
        optimizer.step()
        for oracle in oracles:
            oracle.step()
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_first_step_of_adamw_by_hand():
    """After one step m̂ = g and v̂ = g²: each parameter moves by lr · sign(g), after the decay."""
    model = nn.Linear(2, 2)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.tensor([[3.0, -0.5], [-7.0, 0.1]]) if p.dim() == 2 else torch.tensor([2.0, -0.01])
    build_optimizer(model, lr=0.1, weight_decay=0.5).step()
    weight = before["weight"] * (1 - 0.1 * 0.5) - 0.1 * model.weight.grad.sign()
    torch.testing.assert_close(model.weight.detach(), weight)
    torch.testing.assert_close(model.bias.detach(), before["bias"] - 0.1 * model.bias.grad.sign())


def test_every_parameter_of_a_tied_model_is_in_one_group():
    model = Tiny()
    grouped = [p for group in parameter_groups(model, 0.1) for p in group["params"]]
    assert len(grouped) == len(set(grouped)) == len(list(model.parameters()))
    assert build_optimizer(model).param_groups[0]["fused"]


@pytest.mark.parametrize("total", [1, 2, 3, 10, 97, 1000])
@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5])
def test_schedule_agrees_with_pytorchs_own(total, fraction):
    """LinearLR up to the peak, then CosineAnnealingLR to the floor, one after the other."""
    peak, floor = 6e-4, 6e-5
    warmup = min(round(fraction * total), total - 1)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=peak)
    if warmup:
        rise = LinearLR(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
    fall = CosineAnnealingLR(optimizer, T_max=max(total - 1 - warmup, 1), eta_min=floor)
    scheduler = SequentialLR(optimizer, [rise, fall], milestones=[warmup]) if warmup else fall
    expected = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no optimizer takes a step here; SequentialLR warns about itself
        for _ in range(total):
            expected.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    actual = [warmup_cosine(step, total, peak, fraction, floor) for step in range(total)]
    assert actual == pytest.approx(expected, rel=1e-6)


def test_schedule_is_exact_at_its_ends():
    assert warmup_cosine(70, 700, 6e-4, 0.1, 1e-5) == 6e-4
    assert warmup_cosine(699, 700, 6e-4, 0.1, 1e-5) == 1e-5
    assert warmup_cosine(10**9, 700, 6e-4, 0.1, 1e-5) == 1e-5
    assert 0 < warmup_cosine(0, 700, 6e-4) == pytest.approx(6e-4 / 71)


def test_train_step_agrees_with_the_plain_loop():
    mine, theirs = Tiny(), Tiny()
    theirs.load_state_dict(mine.state_dict())
    optimizer, oracle = build_optimizer(mine), torch.optim.AdamW(parameter_groups(theirs, 0.1), betas=(0.9, 0.999))
    loader = DataLoader(counting(), batch_size=8)
    for step, (x, y) in enumerate(loader):
        lr = warmup_cosine(step, len(loader), 0.05)
        result = train_step(mine, (x, y), optimizer, lr, max_norm=0.2)
        oracle.zero_grad()
        loss = F.cross_entropy(theirs(x)[0].flatten(0, 1), y.flatten())
        loss.backward()
        norm = nn.utils.clip_grad_norm_(theirs.parameters(), 0.2)
        set_lr(oracle, lr)
        oracle.step()
        assert not result.loss.requires_grad
        torch.testing.assert_close((result.loss, result.grad_norm), (loss.detach(), norm))
    torch.testing.assert_close(mine.state_dict(), theirs.state_dict())


def test_a_run_starts_at_ln_v_and_learns_to_count():
    model = Tiny(dropout=0.1)
    data = counting()

    def loader_of_epoch(epoch):
        return DataLoader(data, batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(epoch))

    config = TrainConfig(epochs=12, peak_lr=0.03, log_every=8)
    history = fit(model, loader_of_epoch, DataLoader(data, batch_size=7), config, file=io.StringIO())
    assert history.logged[0]["loss"] == pytest.approx(math.log(VOCABULARY), rel=0.1)
    assert len(history.validations) == 12
    assert history.validations[-1].tokens == 64 * 6
    assert history.validations[-1].loss < 0.1 < 1 < history.validations[0].loss


def test_validation_does_not_depend_on_the_batch_size():
    model, data = Tiny(dropout=0.5), counting(examples=13)
    data[-1][1][2:] = -100
    results = [validate(model, DataLoader(data, batch_size=size), "cpu") for size in (1, 4, 13)]
    assert results[1] == pytest.approx(results[0]) and results[2] == pytest.approx(results[0])
    assert results[0].perplexity == pytest.approx(math.exp(results[0].loss))
    assert model.training and model.dropout.training


def test_one_batch_is_learned_by_heart():
    batch = torch.randint(VOCABULARY, (1, 4)), torch.randint(VOCABULARY, (1, 4))
    losses = overfit_one_batch(Tiny(dropout=0.5), batch, steps=150, lr=0.03)
    assert losses[0] == pytest.approx(math.log(VOCABULARY), rel=0.2) and losses[-1] < 0.05


def test_debug_run_names_the_first_bad_parameter():
    model = Tiny()
    model.norm.weight.data[3] = math.inf
    data = DataLoader(counting(), batch_size=8)
    with pytest.raises(FloatingPointError, match=r"step 0.*parameter norm\.weight"):
        debug_run(model, counting(), data, VOCABULARY, 8, TrainConfig(), fraction=0.5, file=io.StringIO())
