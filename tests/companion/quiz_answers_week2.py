"""Days 8 to 14: the answer of every number's question, computed another way: by PyTorch, by counting, by doing it."""

import math
import statistics
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.profiler import ProfilerAction, schedule

from solutions.day08_checkpoints.monitor import spike_limit
from solutions.day08_checkpoints.standing import units_of
from solutions.day09_distributed.throughput import Measurement, efficiency
from solutions.day11_generation.perplexity import windows
from solutions.day11_generation.samples import repetition

PUBLISHED = {24: 354_823_168, 36: 774_030_080, 48: 1_557_611_200}  # GPT-2's checkpoints, by their layers


def size_in_bytes(*shape, dtype=np.float32):
    """Of a tensor of that shape, which is not made."""
    return np.broadcast_to(np.zeros((), dtype), shape).nbytes


def bytes_of_training(gradients):
    """For each parameter, of a small one that AdamW has trained."""
    weight = nn.Parameter(torch.zeros(1000))
    weight.sum().backward()
    optimizer = torch.optim.AdamW([weight])
    optimizer.step()
    kept = [weight, *optimizer.state[weight].values(), *([weight.grad] if gradients else [])]
    return sum(tensor.nbytes for tensor in kept if tensor.numel() > 1) / 1000


def sent_in_ring(ranks):
    """Parts that each rank sends, if in each phase every part goes on until it has been everywhere."""
    sent = [0] * ranks
    for _phase in range(2):
        for part in range(ranks):
            for hop in range(ranks - 1):
                sent[(part + hop) % ranks] += 1
    assert len(set(sent)) == 1
    return sent[0]


def part_sent(ranks, rank, step):
    """The part that is finished at rank r is part r, so it began one rank after, and moves one rank a step."""
    return next(part for part in range(ranks) if (part + 1 + step) % ranks == rank)


def efficiency_in_percent(one, t1, many, t2, tokens):
    alone = Measurement(1, one, t1)
    return 100 * efficiency(alone, Measurement(many, tokens, t2))


def scale_after(skips, good):
    scale, row = 65536.0, 0
    for overflow in [True] * skips + [False] * good:
        row = 0 if overflow else row + 1
        scale *= 0.5 if overflow else 2 if row == 2000 else 1
        row %= 2000
    return scale


def recorded(wait, warmup, active, repeat, steps):
    plan = schedule(wait=wait, warmup=warmup, active=active, repeat=repeat)
    return sum(plan(step) in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE) for step in range(steps))


def workers(load, step):
    return next(count for count in range(1, 100) if load / count <= step)


def multiplied_and_added(batch, time, width):
    """Of every number that comes out, the products with each number that goes in, and their sum."""
    outputs = size_in_bytes(batch, time, 4 * width, dtype=np.int8)
    return sum(outputs * width for _operation in ("multiply", "add")) / 1e9


def sharpened(t):
    return float(F.softmax(torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64).log() / t, dim=0)[0])


def nucleus(p):
    kept = []
    for probability in (0.4, 0.25, 0.2, 0.1, 0.05):
        if sum(kept) >= p:
            break
        kept.append(probability)
    return len(kept)


def calls_without_cache(prompt, new):
    row = [0] * prompt
    computed = 0
    for token in range(new):
        computed += len(row)
        row.append(token)
    return computed


def repeated(words):
    return repetition((["the", "mill"] * words)[:words])


def seconds_between(seconds, percent):
    """Minutes, by trying: a tenth of a second more, until the save is a small enough share."""
    tenths = next(tenths for tenths in range(1, 10**6) if 100 * seconds <= percent * tenths / 10)
    return tenths / 600


def solved(rising, goal):
    """x with rising(x) = goal, by halving."""
    low, high = 0.0, 1e15
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < goal else (low, middle)
    return low


def chinchilla(budget):
    """Parameters for so many operations, if each has 20 tokens and each pair of the two takes 6."""
    return solved(lambda n: 6 * n * (20 * n), budget)


WEEK = {
    "day08/per-word": lambda ppl, tokens, words: units_of(math.log(ppl), tokens, words, 1).ppl_word,
    "day08/bits-per-byte": lambda loss, tokens, size: units_of(loss, tokens, 1, size).bits_per_byte,
    "day08/accumulated-loss": lambda n1, m1, n2, m2: np.mean([m1] * n1 + [m2] * n2),
    "day08/size-of-a-checkpoint": lambda millions: bytes_of_training(gradients=False) * millions * 1e6 / 1e9,
    "day08/cost-of-saving": seconds_between,
    "day08/median-limit": lambda spike, threshold: spike_limit([1, 2, 3, 4, spike], threshold),
    "day09/ring-bytes": lambda millions, ranks: sent_in_ring(ranks) * size_in_bytes(millions) / ranks,
    "day09/ring-messages": sent_in_ring,
    "day09/which-part": part_sent,
    "day09/efficiency": efficiency_in_percent,
    "day09/rank-of-a-process": lambda nodes, per, node, local: [
        (n, p) for n in range(nodes) for p in range(per)
    ].index((node, local)),
    "day09/batches-count-the-same": lambda full, last: np.mean([1] * 4 * full + [last]),
    "day09/share-of-a-rank": lambda n0, t0, n1, t1: np.mean([t0 / n0] * n0 + [0] * n1) * 2,
    "day09/sixteen-bytes": lambda millions: bytes_of_training(gradients=True) * millions * 1e6 / 1e9,
    "day09/attention-table": lambda batch, heads, time: size_in_bytes(batch, heads, time, time) / 1e6,
    "day10/next-after-one": lambda digits: torch.finfo({7: torch.bfloat16, 10: torch.float16}[digits]).eps,
    "day10/scale-after-skips": scale_after,
    "day10/schedule-of-a-profile": recorded,
    "day10/amdahl": lambda share, times: 1000 / (1000 - 10 * share + 10 * share / times),
    "day10/enough-workers": workers,
    "day10/operations-of-a-product": multiplied_and_added,
    "day10/memory-of-logits": lambda batch, time, vocabulary: size_in_bytes(batch, time, vocabulary) / 1e6,
    "day11/number-of-windows": lambda context, stride, rest, length: len(windows(length, context, stride)),
    "day11/sharpened": sharpened,
    "day11/nucleus": nucleus,
    "day11/without-a-cache": calls_without_cache,
    "day11/size-of-the-cache": lambda layers, width, batch, time: (
        size_in_bytes(layers, 2, batch, 8, time, width // 8) / 1e6
    ),
    "day11/repetition": repeated,
    "day12/tokens-seen": lambda steps, ranks, batch, block, parts: (
        size_in_bytes(steps, ranks, parts, batch, block, dtype=np.int8) / 1e6
    ),
    "day12/epochs": lambda seen, split: Fraction(str(seen)) / Fraction(str(split)),
    "day12/three-seeds": lambda a, b, c, mean: statistics.stdev([a, b, c]),
    "day12/cost-of-the-run": lambda parameters, tokens, speed: (
        (2 + 4) * (parameters * 10**6) * (tokens * 10**9) / (speed * 10**12) / (60 * 60)
    ),
    "day12/summary-of-two-weeks": lambda before, after: 100 * (1 - after / before),
    "day13/gpt2-merges": lambda: 50_000,
    "day13/size-on-paper": lambda layers, width: PUBLISHED[layers],
    "day13/worse-in-nats": lambda mine: math.log(mine, 29.41),
    "day13/chinchilla": lambda budget: 20 * chinchilla(budget * 1e18) / 1e9,
    "day13/tokens-per-second-bound": lambda billions, bandwidth: (
        bandwidth * 1000 / size_in_bytes(billions, dtype=np.float16)
    ),
    "day13/lora-rank": lambda rank, width: nn.Linear(width, rank, bias=False).weight.numel()
    + nn.Linear(rank, width, bias=False).weight.numel(),
    "day14/start-and-target": lambda vocabulary, target: math.log(vocabulary) - math.log(target),
    "day14/gpu-hours-by-efficiency": lambda hours, gpus, percent: solved(lambda t: gpus * t * percent, 100 * hours),
    "day14/fine-tune-memory": lambda billions, millions: (
        2 * billions + bytes_of_training(gradients=True) * millions * 1e6 / 1e9
    ),
    "day14/plan-by-numbers": lambda hours, speed: chinchilla(speed * 1e12 * hours * 60 * 60) / 1e6,
}  # fmt: skip
