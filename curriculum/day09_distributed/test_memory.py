"""Checks of task 9.6, memory.py."""

import math
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from grader import raised


def shape(vocab_size, block_size, n_layer, n_head, n_embd):
    return SimpleNamespace(vocab_size=vocab_size, block_size=block_size, n_layer=n_layer, n_head=n_head, n_embd=n_embd)


SMALL = shape(10, 8, 2, 2, 4)  # small enough for paper and pencil; the batch is (3, 5) there
LONG = shape(10, 16, 1, 4, 8)  # in a batch of (2, 16), 2048 weights of attention and 320 logits
PUBLISHED = {"small": (12, 12, 768), "medium": (24, 16, 1024), "large": (36, 20, 1280), "xl": (48, 25, 1600)}


def parameter_counts(memory):
    counts = {"by hand": memory.parameter_count(SMALL)}
    return counts | {
        f"GPT-2 {name}": memory.parameter_count(shape(50257, 1024, *sizes)) for name, sizes in PUBLISHED.items()
    }


def test_parameter_count(lesson, compare):
    """A model on paper, 72 + 488 + 8 parameters, and the four GPT-2 as they were published"""
    expected = {
        "by hand": (10 + 8) * 4 + 2 * (12 * 16 + 13 * 4) + 2 * 4,
        "GPT-2 small": 124_439_808,
        "GPT-2 medium": 354_823_168,
        "GPT-2 large": 774_030_080,
        "GPT-2 xl": 1_557_611_200,
    }
    compare(parameter_counts, lesson("memory"), expected=expected)


def sixteen_bytes(memory):
    small = shape(50257, 1024, *PUBLISHED["small"])
    parts = {
        "parameters": memory.parameter_bytes(small),
        "gradients": memory.gradient_bytes(small),
        "optimizer": memory.optimizer_bytes(small),
    }
    return {**parts, "for each parameter": sum(parts.values()) / 124_439_808}


def test_sixteen_bytes_a_parameter(lesson, compare):
    """GPT-2 small under AdamW: 16 bytes for each parameter before a single token is read"""
    expected = {
        "parameters": 497_759_232,
        "gradients": 497_759_232,
        "optimizer": 995_518_464,
        "for each parameter": 16.0,
    }
    compare(sixteen_bytes, lesson("memory"), expected=expected)


def activations(precision, fused):
    def small_model(memory):
        return dict(memory.activation_bytes(SMALL, 3, 5, precision, fused))

    return small_model


FLOAT32 = {
    "norms": 5 * 15 * (4 * 4 + 8),
    "linear inputs": 2 * 15 * 7 * 4 * 4 + 15 * 4 * 4,
    "qkv": 2 * 15 * 12 * 4,
    "gelu": 2 * 15 * 16 * 4,
    "attention": 2 * (3 * 2 * 25 * 4 + 25),
    "log-probabilities": 15 * 10 * 4,
    "copies of weights": 0,
}
BFLOAT16 = {
    "norms": 5 * 15 * (4 * 4 + 8),
    "linear inputs": 2 * 15 * 7 * 4 * 2 + 15 * 4 * 2,
    "qkv": 2 * 15 * 12 * 2,
    "gelu": 2 * 15 * 16 * 2,
    "attention": 2 * (3 * 2 * 25 * 6 + 25),
    "log-probabilities": 15 * 10 * 4,
    "copies of weights": (2 * 12 * 16 + 40) * 2,
}


def test_activations_in_float32(lesson, compare):
    """Every part of a small model's activations, worked out by hand"""
    compare(activations("float32", False), lesson("memory"), expected=FLOAT32)
    by_default = lambda memory: dict(memory.activation_bytes(SMALL, 3, 5))  # noqa: E731
    compare(by_default, lesson("memory"), expected=FLOAT32)


def test_activations_in_bfloat16(lesson, compare):
    """The same under autocast: half of some parts, all of others, and copies of the weights"""
    compare(activations("bfloat16", False), lesson("memory"), expected=BFLOAT16)


def test_activations_with_fused_attention(lesson, compare):
    """Fused attention keeps one number for each head and position instead of a row of weights"""
    compare(activations("float32", True), lesson("memory"), expected={**FLOAT32, "attention": 2 * 15 * 2 * 4})
    compare(activations("bfloat16", True), lesson("memory"), expected={**BFLOAT16, "attention": 2 * 15 * 2 * 4})


def refusals(memory):
    def of(*arguments):
        return raised(lambda: memory.activation_bytes(SMALL, *arguments))

    return {
        "as long as a block": of(1, 8),
        "one token": of(1, 1),
        "longer than a block": of(1, 9),
        "no row": of(0, 5),
        "no token": of(1, 0),
        "float16": of(1, 5, "float16"),
    }


def test_refusals(lesson, compare):
    """A batch that cannot be, and a precision without a formula"""
    expected = dict.fromkeys(("longer than a block", "no row", "no token", "float16"), "ValueError")
    compare(refusals, lesson("memory"), expected={"as long as a block": "nothing", "one token": "nothing", **expected})


def peaks(memory):
    activations_decide = memory.Memory(parameters=10, gradients=20, optimizer=40, activations=100, passing=8)
    gradients_decide = memory.Memory(parameters=10, gradients=200, optimizer=40, activations=100, passing=8)
    return {
        "activations decide": activations_decide.peak(),
        "gradients decide": gradients_decide.peak(),
        "activations decide with gradients kept": activations_decide.peak(gradients_kept=True),
        "gradients decide with gradients kept": gradients_decide.peak(gradients_kept=True),
    }


def test_peak(lesson, compare):
    """The higher of the two high points of a step, on top of what is always there"""
    expected = {
        "activations decide": 158,
        "gradients decide": 250,
        "activations decide with gradients kept": 178,
        "gradients decide with gradients kept": 358,
    }
    compare(peaks, lesson("memory"), expected=expected)


def predictions(memory):
    return {
        "float32": vars(memory.predict(SMALL, 3, 5)),
        "bfloat16 and fused": vars(memory.predict(SMALL, 3, 5, "bfloat16", fused=True)),
        "what passes with long sequences": [
            memory.predict(LONG, 2, 16, precision, fused=fused).passing
            for precision, fused in (("float32", False), ("bfloat16", False), ("float32", True), ("bfloat16", True))
        ],
    }


def test_predict(lesson, compare):
    """All of a small model's memory together"""
    always = {"parameters": 2272, "gradients": 2272, "optimizer": 4544}
    expected = {
        "float32": {**always, "activations": 10_610, "passing": 1200},
        "bfloat16 and fused": {**always, "activations": 6968, "passing": 1200},
        "what passes with long sequences": [2 * 2048 * 4, 2048 * (4 + 2), 2 * 320 * 4, 2 * 320 * 4],
    }
    compare(predictions, lesson("memory"), expected=expected)


def batches(memory):
    def of(available, *arguments, model=SMALL, length=5):
        return memory.largest_batch(model, length, available, *arguments)

    wide = shape(10, 8, 2, 2, 16)  # of few tokens: all its gradients are more than its activations
    return {
        "exactly one": of(10_786),
        "a byte less than one": of(10_785),
        "exactly seven": of(34_306),
        "a byte less than seven": of(34_305),
        "bfloat16 and fused: exactly eight": of(27_184, "bfloat16", True),
        "bfloat16 and fused: a byte less than eight": of(27_183, "bfloat16", True),
        "gradients decide: exactly two": of(110_080, model=wide, length=4),
        "gradients decide: not even they fit": of(110_079, model=wide, length=4),
        "activations decide: exactly three": of(111_392, model=wide, length=4),
        "nothing available": of(0),
    }


def test_largest_batch(lesson, compare):
    """How many sequences fit, to the byte"""
    expected = {
        "exactly one": 1,
        "a byte less than one": 0,
        "exactly seven": 7,
        "a byte less than seven": 6,
        "bfloat16 and fused: exactly eight": 8,
        "bfloat16 and fused: a byte less than eight": 7,
        "gradients decide: exactly two": 2,
        "gradients decide: not even they fit": 0,
        "activations decide: exactly three": 3,
        "nothing available": 0,
    }
    compare(batches, lesson("memory"), expected=expected)


class Block(nn.Module):
    """Day 3's block in short, with attention by the formula or fused."""

    def __init__(self, heads, channels, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.maps = nn.ModuleList(nn.Linear(channels * a, channels * b) for a, b in ((1, 3), (1, 1), (1, 4), (4, 1)))

    def forward(self, x):
        qkv, project, expand, shrink = self.maps
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in qkv(self.norms[0](x)).chunk(3, 2))
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            visible = torch.ones(x.size(1), x.size(1), dtype=torch.bool).tril()
            scores = (q @ k.transpose(2, 3) / math.sqrt(q.size(3))).masked_fill(~visible, -math.inf)
            mixed = scores.softmax(3, dtype=torch.float32) @ v
        x = x + project(mixed.transpose(1, 2).flatten(2))
        return x + shrink(F.gelu(expand(self.norms[1](x)), approximate="tanh"))


MEASURED = {"wide": (shape(40, 40, 2, 4, 64), 2, 33), "long": (shape(300, 96, 1, 8, 32), 1, 96)}


def saved(config, batch, length, precision, fused):
    """Bytes that PyTorch keeps for the backward pass of such a GPT, counted as it saves them; parameters aside."""
    parts = nn.ModuleList(Block(config.n_head, config.n_embd, fused) for _ in range(config.n_layer))
    parts.append(nn.LayerNorm(config.n_embd))
    token, position = nn.Embedding(config.vocab_size, config.n_embd), nn.Embedding(config.block_size, config.n_embd)
    parameters = [*parts.parameters(), *token.parameters(), *position.parameters()]
    own = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    storages, alive = {}, []

    def keep(tensor):
        alive.append(tensor)
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    idx = torch.randint(config.vocab_size, (batch, length))
    half = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), half:
        x = token(idx) + position(torch.arange(length))
        for part in parts:
            x = part(x)
        logits = F.linear(x, token.weight).float()
        alive.append(F.cross_entropy(logits.flatten(0, 1), idx.flatten()))
    return sum(size for place, size in storages.items() if place not in own)


WAYS = [(precision, fused) for precision in ("float32", "bfloat16") for fused in (False, True)]


def named_way(name, precision, fused):
    return f"{name} in {precision}{' and fused' if fused else ''}"


def predicted(memory):
    return {
        named_way(name, *way): float(memory.predict(*model, *way).activations)
        for name, model in MEASURED.items()
        for way in WAYS
    }


def measured():
    return {named_way(name, *way): float(saved(*model, *way)) for name, model in MEASURED.items() for way in WAYS}


def test_prediction_and_measurement(lesson, compare):
    """Your prediction against what PyTorch really keeps, in eight ways: within 1 %"""
    compare(predicted, lesson("memory"), expected=measured, rtol=0.01)
