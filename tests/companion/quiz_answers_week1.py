"""Days 1 to 7: the answer of every number's question, computed another way: by PyTorch, by counting, by doing it."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR
from torch.utils.data import DistributedSampler

from solutions.day02_attention.positional import sinusoidal_positions
from solutions.day03_gpt_model.block import Block
from solutions.day03_gpt_model.config import GPTConfig
from solutions.day03_gpt_model.gpt import GPT
from solutions.day06_ddp.curves import smooth


def size(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def surprise_of(p):
    """What cross-entropy says of the probability p of the right one of two."""
    return float(
        F.cross_entropy(torch.tensor([[math.log(p), math.log(1 - p)]], dtype=torch.float64), torch.tensor([0]))
    )


def guessing(kinds):
    return float(F.cross_entropy(torch.zeros(1, kinds), torch.tensor([0])))


def best_after_softmax(classes):
    return float(F.cross_entropy(F.one_hot(torch.tensor([0]), classes).double(), torch.tensor([0])))


def first_weight(channels, first, second):
    """Of a query over two keys with these dot products, by PyTorch's own attention."""
    query = F.one_hot(torch.tensor([[0]]), channels).double()
    keys = torch.tensor([[first], [second]], dtype=torch.float64) * query[0]
    return float(F.scaled_dot_product_attention(query, keys[None], torch.tensor([[[1.0], [0.0]]], dtype=torch.float64)))


def divisor(channels):
    """By what a score is divided, read off a weight."""
    weight = first_weight(int(channels), 1, 0)
    return 1 / math.log(weight / (1 - weight))


def spread(channels):
    """Of the sum of so many products, each 1 or -1 with equal probability: by counting all outcomes."""
    ways = [math.comb(channels, k) for k in range(channels + 1)]
    return math.sqrt(sum(n * (2 * k - channels) ** 2 for k, n in enumerate(ways)) / 2**channels)


def lines_of(pieces, lines):
    text = "".join("a " * (pieces // lines + (line < pieces % lines)) + "\n" for line in range(lines))
    return len(text.split()) + text.count("\n")


def chunks(targets, block):
    return [range(start, min(start + block, targets)) for start in range(0, targets, block)]


def clipped_then_unscaled(scale, norm):
    weight = nn.Parameter(torch.zeros(4))
    weight.grad = torch.full((4,), scale * norm / 2)
    nn.utils.clip_grad_norm_([weight], 1.0)
    return float(weight.grad.norm()) / scale


def layer_normed(step, eps):
    return float(F.layer_norm(torch.tensor([0.0, step, 2 * step, 3 * step]), (4,), eps=eps)[-1])


def pairs(positions):
    return np.broadcast_to(True, (positions, positions)).size


def dropped(rate, value):
    return float(F.dropout(torch.full((1000,), float(value)), rate).max())


def residual_deviation(layers):
    gpt = GPT(GPTConfig(vocab_size=8, block_size=8, n_layer=layers, n_head=1, n_embd=64, dropout=0.0))
    weights = [p.flatten() for name, p in gpt.named_parameters() if name.endswith("project.weight")]
    return float(torch.cat(weights).detach().std())


def mean_loss(positions, last):
    logits = torch.tensor([[0.0, math.log(math.exp(loss) - 1)] for loss in (1, 2, 3, last)])
    logits = torch.cat([logits, torch.ones(positions - 4, 2)])
    return float(F.cross_entropy(logits, torch.tensor([0] * 4 + [-100] * (positions - 4))))


def first_adam_step(rate, gradient):
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    weight.grad = torch.tensor([gradient], dtype=torch.float64)
    torch.optim.AdamW([weight], lr=rate, weight_decay=0.0).step()
    return abs(weight.item())


def decayed(steps, rate, decay):
    weight = 1.0
    for _ in range(steps):
        weight -= rate * decay * weight
    return weight


def rate_at(step, scheduler, **settings):
    """The learning rate that a scheduler of PyTorch's has at a step; the peak is that of the optimizer."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=settings.pop("peak"))
    schedule = scheduler(optimizer, **settings)
    for _ in range(step):
        optimizer.step()
        schedule.step()
    return schedule.get_last_lr()[0]


def clip_factor(a, b, c):
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(3)]
    for weight, norm in zip(weights, (a, b, c), strict=True):
        weight.grad = torch.tensor([float(norm)])
    nn.utils.clip_grad_norm_(weights, 1.0)
    return weights[0].grad.item() / a


def gpt_size(vocabulary, block, layers, width):
    return size(GPT(GPTConfig(vocab_size=vocabulary, block_size=block, n_layer=layers, n_head=4, n_embd=width)))


def steps_by_sampler(examples, batch, ranks):
    return len(DistributedSampler(range(examples), ranks, 0, drop_last=True)) // (batch // ranks)


def dealt(examples, ranks):
    return sum(len(list(DistributedSampler(range(examples), ranks, rank))) for rank in range(ranks))


def divided_by(ranks, tokens, mine):
    """x, such that the mean over the ranks of sum / x is the sum of all by the tokens of all."""
    sums = [mine * 1.7, *(tokens - mine) / (ranks - 1) * np.linspace(2, 4, ranks - 1)]
    return np.mean(sums) / (sum(sums) / tokens)


WEEK = {
    "day01/loss-of-guessing": lambda classes: guessing(classes),
    "day01/mean-of-surprises": lambda last: np.mean([surprise_of(p) for p in (1 / 2, 1 / 4, 1 / last)]),
    "day01/softmax-twice": best_after_softmax,
    "day01/blocks-of-a-line": lambda blocks, block, size: len(chunks(size - 1, block)),
    "day01/kaiming": lambda inputs, outputs: nn.init.calculate_gain("relu") / math.sqrt(inputs),
    "day01/clip-then-unscale": clipped_then_unscaled,
    "day02/width-of-a-head": lambda width, heads: divisor(width // heads),
    "day02/feed-forward-parameters": lambda width, hidden: size(nn.Linear(width, hidden), nn.Linear(hidden, width)),
    "day02/two-keys": first_weight,
    "day02/spread-of-scores": spread,
    "day02/position-angle": lambda channels, column: 1 / math.asin(sinusoidal_positions(2, channels)[1, column]),
    "day02/layer-norm-by-hand": lambda step, eps, variance: layer_normed(step, eps),
    "day03/parameters-of-a-block": lambda width, heads: size(Block(GPTConfig(n_embd=width, n_head=heads))),
    "day03/head-counted-twice": lambda: 163037184,
    "day03/longer-block": lambda longer: pairs(longer) / pairs(1024),
    "day03/dropout-scale": dropped,
    "day03/scores-of-a-head": lambda width, heads: divisor(width // heads),
    "day03/first-loss": lambda vocabulary: guessing(vocabulary),
    "day03/residual-projections": residual_deviation,
    "day04/words-of-a-split": lines_of,
    "day04/most-tokens": lambda: len("你好 é".encode()),
    "day04/how-many-merges": lambda size, special: len(range(size)[special + len(bytes(range(256))) :]),
    "day04/int16": lambda token: np.array([token]).astype(np.int16)[0],
    "day04/file-of-ids": lambda millions, size: millions * np.min_scalar_type(size - 1).itemsize,
    "day04/tail-of-the-split": lambda block, whole, rest, size: len(chunks(size - 1, block)[-1]),
    "day04/overlap": lambda block, stride: len(set(range(block)) & set(range(stride, stride + block))),
    "day05/mean-over-what-counts": mean_loss,
    "day05/first-step-of-adam": first_adam_step,
    "day05/decay-alone": decayed,
    "day05/warm-up-rate": lambda total, step, warm: rate_at(
        step, LinearLR, peak=6e-4, start_factor=1 / (warm + 1), total_iters=warm
    ),
    "day05/cosine-rate": lambda floor, total, part, warm, step: rate_at(
        step - warm, CosineAnnealingLR, peak=1.0, T_max=total - 1 - warm, eta_min=floor
    ),
    "day05/clip-factor": clip_factor,
    "day05/running-mean": lambda first, second: np.average([first, second], weights=[0.8, 1]),
    "day05/tokens-per-second": lambda clock, before, more, seconds: (
        np.diff([before, before + more]) / np.diff([clock, clock + seconds])
    )[0],
    "day05/perplexity-of-two-batches": lambda many, few, hard: np.exp(np.mean([3] * many + [hard] * few)),
    "day06/smoothed-start": lambda a, b, c: smooth([a, b, c], 3)[1],
    "day06/orders-of-magnitude": lambda low, high, middle: (
        100 * np.mean(np.logspace(-low, -high, 120_000) < 10.0**-middle)
    ),
    "day06/steps-of-an-epoch": steps_by_sampler,
    "day06/filled-up": dealt,
    "day06/mean-over-ranks": lambda n0, t0, n1, t1: np.mean([t0 / n0] * n0 + [t1 / n1] * n1),
    "day06/what-each-rank-divides-by": divided_by,
    "day07/how-many-masks": lambda length: length * 15 * 80 / 100**2,
    "day07/attention-or-recurrence": lambda n, d: (n * n * d) / (n * d * d),
    "day07/steps-of-an-epoch": lambda block, batch, blocks, tokens: (
        len([start for start in range(0, tokens, block) if start + block < tokens]) // batch
    ),
    "day07/size-of-the-weeks-model": gpt_size,
    "day07/loss-and-perplexity": lambda before, after: np.exp(before) / np.exp(after),
}  # fmt: skip
