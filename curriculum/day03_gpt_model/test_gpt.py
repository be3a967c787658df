"""Checks of task 3.5, gpt.py."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from grader import raised
from grader.inputs import generator

V, BLOCK, C, H, LAYERS = 7, 5, 6, 3, 2


def numbers(*shape, seed):
    """Random numbers that depend on the seed alone, not on what was drawn before."""
    return torch.randn(*shape, generator=generator(seed))


def tokens():
    return torch.tensor([[3, 0, 6, 3], [2, 2, 5, 4]])


def targets():
    return torch.tensor([[0, 6, 3, 1], [2, -100, 4, -100]])


def config_of(config, **changes):
    sizes = {"vocab_size": V, "block_size": BLOCK, "n_layer": LAYERS, "n_head": H, "n_embd": C, "dropout": 0.0}
    return config.GPTConfig(**{**sizes, **changes})


SHAPES = {"q": (C, C), "k": (C, C), "v": (C, C), "attention out": (C, C), "up": (4 * C, C), "down": (C, 4 * C)}


def weights(layer):
    """A weight and a bias for every role in a block: Linear layers as nn.Linear keeps them, then the two norms."""
    shapes = {**SHAPES, "norm 1": (C,), "norm 2": (C,)}
    return {
        role: (numbers(*shape, seed=100 * layer + 10 * i + 1) / 2, numbers(shape[0], seed=100 * layer + 10 * i + 2) / 2)
        for i, (role, shape) in enumerate(shapes.items())
    }


def tables():
    """The tokens, the positions, and the final norm's weight and bias."""
    return numbers(V, C, seed=1) / 2, numbers(BLOCK, C, seed=2) / 2, numbers(C, seed=3), numbers(C, seed=4)


@torch.no_grad()
def fill(block, model):
    """Give every weight the numbers of this check, found by shape and by the order that the docstrings ask for."""
    tokens_table, positions_table, final_weight, final_bias = tables()
    blocks = [part for part in model.modules() if isinstance(part, block.Block)]
    inside = {id(part) for one in blocks for part in one.modules()}
    for parameter in model.parameters():
        if parameter.shape in (tokens_table.shape, positions_table.shape):
            parameter.copy_(tokens_table if parameter.shape == tokens_table.shape else positions_table)
    for layer, one in enumerate(blocks, 1):
        fill_block(block, one, weights(layer))
    for part in model.modules():
        if isinstance(part, nn.LayerNorm) and id(part) not in inside:
            part.weight.copy_(final_weight)
            part.bias.copy_(final_bias)


def fill_block(block, one, given):
    attention, feed_forward = (
        next(part for part in one.modules() if isinstance(part, kind))
        for kind in (block.CausalSelfAttention, block.FeedForward)
    )
    *before, out = linears_in(attention)
    roles = [("q", "k", "v")] if len(before) == 1 else [("q",), ("k",), ("v",)]
    norms = [part for part in one.modules() if isinstance(part, nn.LayerNorm)]
    places = [*before, out, *linears_in(feed_forward), *norms]
    roles += [("attention out",), ("up",), ("down",), ("norm 1",), ("norm 2",)][: len(places) - len(before)]
    for part, names in zip(places, roles, strict=True):
        part.weight.copy_(torch.cat([given[name][0] for name in names]))
        part.bias.copy_(torch.cat([given[name][1] for name in names]))


def linears_in(module):
    return [part for part in module.modules() if isinstance(part, nn.Linear)]


def pytorch_gpt(idx, tokens_table, positions_table):
    """GPT-2 in PyTorch's own functions, with the weights of this check."""
    x = tokens_table[idx] + positions_table[: idx.size(1)]
    for layer in range(1, LAYERS + 1):
        given = weights(layer)
        y = F.layer_norm(x, (C,), *given["norm 1"])
        q, k, v = (F.linear(y, *given[role]).unflatten(2, (H, -1)).transpose(1, 2) for role in ("q", "k", "v"))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.linear(mixed.transpose(1, 2).flatten(2), *given["attention out"])
        y = F.layer_norm(x, (C,), *given["norm 2"])
        x = x + F.linear(F.gelu(F.linear(y, *given["up"]), approximate="tanh"), *given["down"])
    return F.layer_norm(x, (C,), *tables()[2:]) @ tokens_table.T


def size(config, block, gpt):
    model, deep = gpt.GPT(config_of(config)), gpt.GPT(config_of(config, n_layer=5))
    sinusoidal = config_of(config, positions="sinusoidal")
    fixed = gpt.GPT(sinusoidal, sinusoids=lambda length, channels: torch.zeros(length, channels))
    tables = [parameter for parameter in model.parameters() if tuple(parameter.shape) == (V, C)]
    return {
        "tables of V × C numbers": len(tables),
        "of them in different places of memory": len({parameter.data_ptr() for parameter in tables}),
        "parameters, 2 blocks": sum(parameter.numel() for parameter in model.parameters()),
        "parameters, 5 blocks": sum(parameter.numel() for parameter in deep.parameters()),
        "parameters, sinusoidal": sum(parameter.numel() for parameter in fixed.parameters()),
        "config is kept": fixed.config is sinusoidal,
    }


def test_size(lesson, compare):
    """The parameters are all there, and none is there twice."""
    one_block = 12 * C * C + 13 * C
    expected = {
        "tables of V × C numbers": 1,
        "of them in different places of memory": 1,
        "parameters, 2 blocks": V * C + BLOCK * C + 2 * one_block + 2 * C,
        "parameters, 5 blocks": V * C + BLOCK * C + 5 * one_block + 2 * C,
        "parameters, sinusoidal": V * C + 2 * one_block + 2 * C,
        "config is kept": True,
    }
    compare(size, lesson("config", "block", "gpt"), expected=expected)


def forward_and_backward(config, block, gpt):
    model = gpt.GPT(config_of(config, dropout=0.1)).eval()
    fill(block, model)
    logits, loss = model(tokens(), tokens().roll(1, dims=0))
    loss.backward()
    seen = {"logits": logits, "loss": loss}
    for name, shape in (("gradient of the token table", (V, C)), ("gradient of the positions", (BLOCK, C))):
        found = [parameter.grad for parameter in model.parameters() if tuple(parameter.shape) == shape]
        seen[name] = found[0] if found else None
    return seen


def pytorch_forward_and_backward():
    tokens_table, positions_table = (table.requires_grad_() for table in tables()[:2])
    logits = pytorch_gpt(tokens(), tokens_table, positions_table)
    loss = F.cross_entropy(logits.transpose(1, 2), tokens().roll(1, dims=0))
    loss.backward()
    return {
        "logits": logits,
        "loss": loss,
        "gradient of the token table": tokens_table.grad,
        "gradient of the positions": positions_table.grad,
    }


def test_forward_and_backward(lesson, compare):
    """Logits, loss and gradients, against a GPT-2 made of PyTorch's own functions."""
    modules = lesson("config", "block", "gpt")
    compare(forward_and_backward, modules, expected=pytorch_forward_and_backward, shapes={"logits": "B T V"})


def scored_targets(config, block, gpt):
    model = gpt.GPT(config_of(config)).eval()
    fill(block, model)
    logits, nothing = model(tokens())
    same_logits, loss = model(tokens(), targets())
    full = torch.zeros(1, BLOCK, dtype=torch.long)
    return {
        "logits without targets": logits,
        "loss without targets": nothing,
        "logits with targets": same_logits,
        "loss with two targets of -100": loss,
        "T = block_size": raised(lambda: model(full)),
        "T = block_size + 1": raised(lambda: model(F.pad(full, (0, 1)))),
    }


def scored_targets_by_hand():
    """Minus the mean log probability of the six targets that are scored."""
    logits = pytorch_gpt(tokens(), *tables()[:2])
    scored = [(0, 0, 0), (0, 1, 6), (0, 2, 3), (0, 3, 1), (1, 0, 2), (1, 2, 4)]
    log_probabilities = [logits.log_softmax(dim=-1)[place] for place in scored]
    return {
        "logits without targets": logits,
        "loss without targets": None,
        "logits with targets": logits,
        "loss with two targets of -100": -sum(log_probabilities) / len(scored),
        "T = block_size": "nothing",
        "T = block_size + 1": "ValueError",
    }


def test_targets(lesson, compare):
    """The loss is the mean over the targets that are scored; without targets there is none."""
    shapes = {"logits without targets": "B T V", "logits with targets": "B T V"}
    compare(scored_targets, lesson("config", "block", "gpt"), expected=scored_targets_by_hand, shapes=shapes)


WIDE, MANY, LONG = 48, 420, 400  # enough numbers in every table for a deviation within a few per cent


def deviations(config, block, gpt):
    torch.manual_seed(1)
    wide = config_of(config, vocab_size=MANY, block_size=LONG, n_embd=WIDE, n_layer=8)
    model = gpt.GPT(wide).eval()
    blocks = [part for part in model.modules() if isinstance(part, block.Block)]
    attentions = [part for part in model.modules() if isinstance(part, block.CausalSelfAttention)]
    feed_forwards = [part for part in model.modules() if isinstance(part, block.FeedForward)]
    biases = [part.bias for part in linears_in(model) if part.bias is not None]
    norms = [part for part in model.modules() if isinstance(part, nn.LayerNorm)]
    idx = torch.randint(MANY, (2, 50))
    _, loss = model(idx, torch.randint(MANY, (2, 50)))
    return {
        "number of blocks": len(blocks),
        "token table": deviation(table(model, MANY)),
        "position table": deviation(table(model, LONG)),
        "to q, k and v": deviation(part.weight for one in attentions for part in linears_in(one)[:-1]),
        "attention's output": deviation(linears_in(one)[-1].weight for one in attentions),
        "C to 4C": deviation(linears_in(one)[0].weight for one in feed_forwards),
        "4C to C": deviation(linears_in(one)[-1].weight for one in feed_forwards),
        "largest bias": max((bias.abs().max().item() for bias in biases), default=None),
        "weights of the norms": torch.cat([part.weight for part in norms]),
        "first loss minus ln V, to one digit": round(loss.item() - math.log(MANY), 1),
    }


def table(model, rows):
    return [parameter for parameter in model.parameters() if tuple(parameter.shape) == (rows, WIDE)]


def deviation(matrices):
    together = [matrix.detach().flatten() for matrix in matrices]
    return torch.cat(together).std().item() if together else None


def test_initialisation(lesson, compare):
    """GPT-2's first weights: deviation 0.02, and 0.02 / √(2·8) = 0.005 where 8 blocks write to the stream."""
    small, smaller = 0.02, 0.005
    expected = {
        "number of blocks": 8,
        "token table": small,
        "position table": small,
        "to q, k and v": small,
        "attention's output": smaller,
        "C to 4C": small,
        "4C to C": smaller,
        "largest bias": 0.0,
        "weights of the norms": torch.ones(17 * WIDE),
        "first loss minus ln V, to one digit": 0.0,
    }
    # The deviation of n numbers is known to 1/√(2n): 0.5 % for the smallest table. Five times that, and some.
    compare(deviations, lesson("config", "block", "gpt"), expected=expected, rtol=0.028, atol=0)


class Halve(nn.Module):
    """Stands in for a norm."""

    made_for = ()

    def __init__(self, channels):
        super().__init__()
        Halve.made_for = (*Halve.made_for, channels)

    def forward(self, x):
        return x / 2


def first_values(q, k, v, dropout=0.0):
    """Stands in for attention: every position gets the values of the first one."""
    return v[:, :, :1].expand(v.shape)


def fixed_positions(length, channels):
    return torch.arange(length)[:, None] / 4 + torch.arange(channels) / 10


def collaborators(config, block, gpt):
    Halve.made_for = ()
    given = config_of(config, positions="sinusoidal")
    model = gpt.GPT(given, attend=first_values, norm=Halve, sinusoids=fixed_positions)
    fill(block, model)
    return {"norms made for": list(Halve.made_for), "logits": model(tokens())[0]}


def gpt_of_stand_ins():
    tokens_table = tables()[0]
    x = tokens_table[tokens()] + fixed_positions(4, C)
    for layer in range(1, LAYERS + 1):
        given = weights(layer)
        values = F.linear(x / 2, *given["v"])[:, :1].expand(x.shape)
        x = x + F.linear(values, *given["attention out"])
        x = x + F.linear(F.gelu(F.linear(x / 2, *given["up"]), approximate="tanh"), *given["down"])
    return {"norms made for": [C] * (2 * LAYERS + 1), "logits": x / 2 @ tokens_table.T}


def test_collaborators(lesson, compare):
    """A GPT uses the attention, the norm and the sinusoids that it is given."""
    compare(collaborators, lesson("config", "block", "gpt"), expected=gpt_of_stand_ins)
