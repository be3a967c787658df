"""Checks of task 3.4, block.py."""

import torch
import torch.nn.functional as F
from torch import nn

from grader.devices import DeviceWatch
from grader.inputs import generator

B, T, C, H, D = 2, 4, 6, 3, 2


def numbers(*shape, seed):
    """Random numbers that depend on the seed alone, not on what was drawn before."""
    return torch.randn(*shape, generator=generator(seed))


def config_of(config, **changes):
    sizes = {"vocab_size": 7, "block_size": 5, "n_layer": 2, "n_head": H, "n_embd": C, "dropout": 0.0}
    return config.GPTConfig(**{**sizes, **changes})


# The weights of one block, by role. (out, in), as nn.Linear keeps them.
SHAPES = {
    "q": (C, C),
    "k": (C, C),
    "v": (C, C),
    "attention out": (C, C),
    "up": (4 * C, C),
    "down": (C, 4 * C),
    "norm 1": (C,),
    "norm 2": (C,),
}


def weights():
    """A weight and a bias for every role."""
    return {
        role: (numbers(*shape, seed=10 * place + 1) / 2, numbers(shape[0], seed=10 * place + 2) / 2)
        for place, (role, shape) in enumerate(SHAPES.items())
    }


def linears_in(module):
    return [part for part in module.modules() if isinstance(part, nn.Linear)]


def layers(module):
    """The Linear layers as text; one C → 3C reads as the three C → C that it stands for."""
    text = [
        f"{part.in_features}→{part.out_features}{'' if part.bias is not None else ' without bias'}"
        for part in linears_in(module)
    ]
    return " ".join(text).replace(f"{C}→{3 * C}", f"{C}→{C} {C}→{C} {C}→{C}")


ATTENTION_LAYERS = " ".join([f"{C}→{C}"] * 4)
FEED_FORWARD_LAYERS = f"{C}→{4 * C} {4 * C}→{C}"
BLOCK_LAYERS = f"{ATTENTION_LAYERS} {FEED_FORWARD_LAYERS}"


@torch.no_grad()
def put(part, role):
    """Put the weights of one or several roles, one below the other, into a layer or a norm."""
    given = [weights()[name] for name in ([role] if isinstance(role, str) else role)]
    part.weight.copy_(torch.cat([weight for weight, _ in given]))
    part.bias.copy_(torch.cat([bias for _, bias in given]))


def fill_attention(module):
    *before, out = linears_in(module)
    roles = [("q", "k", "v")] if len(before) == 1 else ["q", "k", "v"]
    for part, role in zip(before, roles, strict=True):
        put(part, role)
    put(out, "attention out")


def fill_feed_forward(module):
    for part, role in zip(linears_in(module), ("up", "down"), strict=True):
        put(part, role)


def branches(block, module):
    """The attention and the feed-forward of a Block."""
    return [
        next(part for part in module.modules() if isinstance(part, kind))
        for kind in (block.CausalSelfAttention, block.FeedForward)
    ]


def layers_of_block(block, module):
    return " ".join(layers(part) for part in branches(block, module))


def fill_block(block, module):
    attention, feed_forward = branches(block, module)
    fill_attention(attention)
    fill_feed_forward(feed_forward)
    for part, role in zip(norms_in(module), ("norm 1", "norm 2"), strict=True):
        put(part, role)


def norms_in(module):
    return [part for part in module.modules() if isinstance(part, nn.LayerNorm)]


def linear(x, role):
    return F.linear(x, *weights()[role])


def split(x):
    return x.view(B, T, H, D).transpose(1, 2)


def pytorch_attention(x):
    q, k, v = (split(linear(x, role)) for role in ("q", "k", "v"))
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return linear(mixed.transpose(1, 2).reshape(B, T, C), "attention out")


def pytorch_feed_forward(x):
    return linear(F.gelu(linear(x, "up"), approximate="tanh"), "down")


def pytorch_norm(x, role):
    return F.layer_norm(x, (C,), *weights()[role])


def queries_keys_values():
    return [2 * numbers(B, H, T, D, seed=seed) for seed in (1, 2, 3)]


def causal_attention(block):
    q, k, v = queries_keys_values()
    v.requires_grad_()
    output = block.causal_attention(q, k, v)
    output.cumsum(dim=2).sum().backward()
    return {"first position": output[:, :, 0], "output": output, "gradient of v": v.grad}


def pytorch_causal_attention():
    q, k, v = queries_keys_values()
    v.requires_grad_()
    output = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    output.cumsum(dim=2).sum().backward()
    return {"first position": v[:, :, 0], "output": output, "gradient of v": v.grad}


def test_causal_attention(lesson, compare):
    """Each position mixes the values up to its own; PyTorch's own attention gives the same."""
    shapes = {"first position": "B H D", "output": "B H T D", "gradient of v": "B H T D"}
    compare(causal_attention, lesson("block"), expected=pytorch_causal_attention, shapes=shapes)


MANY = 64


def scores_for_many():
    return numbers(1, 2, MANY, 3, seed=1), numbers(1, 2, MANY, 3, seed=2)


def dropped_weights(block):
    """The values are two unit matrices side by side, so that the output is the weights, twice."""
    q, k = scores_for_many()
    v = torch.eye(MANY).repeat(1, 2, 1, 2)
    torch.manual_seed(1)
    dropped = block.causal_attention(q, k, v, dropout=0.5)
    whole = block.causal_attention(q, k, v, dropout=0.0)[..., :MANY]
    looks_back = torch.ones(MANY, MANY, dtype=torch.bool).tril().expand(1, 2, -1, -1)
    ratio = (dropped[..., :MANY] / whole)[looks_back]
    return {
        "weights without dropout": whole,
        "weight on later positions": dropped[..., :MANY][~looks_back].abs().max(),
        "share of weights that stay as they were": torch.isclose(ratio, torch.tensor(1.0)).float().mean(),
        "share of weights that are 0 or doubled": ((ratio == 0) | (ratio - 2).abs().lt(1e-3)).float().mean(),
        "share of weights dropped, to one digit": round((ratio == 0).float().mean().item(), 1),
        "share of weights that every channel sees alike": (dropped[..., :MANY] == dropped[..., MANY:]).float().mean(),
    }


def half_of_the_weights():
    q, k = scores_for_many()
    return {
        "weights without dropout": F.scaled_dot_product_attention(
            q, k, torch.eye(MANY).expand(1, 2, -1, -1), is_causal=True
        ),
        "weight on later positions": 0.0,
        "share of weights that stay as they were": 0.0,
        "share of weights that are 0 or doubled": 1.0,
        "share of weights dropped, to one digit": 0.5,
        "share of weights that every channel sees alike": 1.0,
    }


def test_dropout_of_weights(lesson, compare):
    """Dropout acts on the weights after the softmax: half of them 0, the others doubled."""
    compare(dropped_weights, lesson("block"), expected=half_of_the_weights)


class Attend:
    """Stands in for causal_attention: keeps what it is given, and returns numbers of its own."""

    def __init__(self):
        self.calls = []

    def __call__(self, q, k, v, dropout=0.0):
        self.calls.append((q, k, v, dropout))
        return numbers(*q.shape, seed=7)


def heads(config, block):
    attend = Attend()
    module = block.CausalSelfAttention(config_of(config), attend)
    names = ("q", "k", "v", "output")
    if layers(module) != ATTENTION_LAYERS:
        return {"layers": layers(module), "calls of attend": None, **dict.fromkeys(names)}
    fill_attention(module)
    output = module(numbers(B, T, C, seed=5))
    seen = attend.calls[0][:3] if attend.calls else (None, None, None)
    return {
        "layers": layers(module),
        "calls of attend": len(attend.calls),
        **dict(zip(names, (*seen, output), strict=True)),
    }


def heads_by_hand():
    """Head h owns the channels h·D to (h+1)·D: cut out, stacked, and laid side by side again."""
    x = numbers(B, T, C, seed=5)
    cut = {role: torch.stack(linear(x, role).split(D, dim=2), dim=1) for role in ("q", "k", "v")}
    merged = torch.cat(list(numbers(B, H, T, D, seed=7).unbind(1)), dim=2)
    return {"layers": ATTENTION_LAYERS, "calls of attend": 1, **cut, "output": linear(merged, "attention out")}


def test_heads(lesson, compare):
    """Projections, the split into heads, and the way back."""
    shapes = {"q": "B H T D", "k": "B H T D", "v": "B H T D", "output": "B T C"}
    compare(heads, lesson("config", "block"), expected=heads_by_hand, shapes=shapes)


def self_attention(config, block):
    module = block.CausalSelfAttention(config_of(config, dropout=0.5)).eval()
    counted = sum(parameter.numel() for parameter in module.parameters())
    if layers(module) != ATTENTION_LAYERS:
        return {"number of parameters": counted, "output": None, "gradient of x": None}
    fill_attention(module)
    x = numbers(B, T, C, seed=5).requires_grad_()
    output = module(x)
    (output * numbers(B, T, C, seed=6)).sum().backward()
    return {"number of parameters": counted, "output": output, "gradient of x": x.grad}


def self_attention_of_pytorch():
    x = numbers(B, T, C, seed=5).requires_grad_()
    output = pytorch_attention(x)
    (output * numbers(B, T, C, seed=6)).sum().backward()
    return {"number of parameters": 4 * (C * C + C), "output": output, "gradient of x": x.grad}


def test_self_attention(lesson, compare):
    """The whole attention in evaluation, and its gradient."""
    compare(self_attention, lesson("config", "block"), expected=self_attention_of_pytorch, shapes={"output": "B T C"})


def share_dropped(module, x):
    """(share of outputs that are 0 or 5/4 of what they are in evaluation, share of zeros) at dropout 0.2."""
    torch.manual_seed(1)
    dropped, kept = module.train()(x), module.eval()(x)
    as_it_should = (dropped == 0) | torch.isclose(dropped, kept / 0.8, rtol=1e-3, atol=1e-5)
    return as_it_should.float().mean(), round((dropped == 0).float().mean().item(), 1)


def dropout_of_branches(config, block):
    attend = Attend()
    attention = block.CausalSelfAttention(config_of(config, dropout=0.2), attend)
    right, zeros = share_dropped(attention, numbers(200, T, C, seed=5))
    rates = [call[3] for call in attend.calls]
    feed_forward = block.FeedForward(config_of(config, dropout=0.2))
    right_too, zeros_too = share_dropped(feed_forward, numbers(200, T, C, seed=5))
    return {
        "dropout handed to attend, in training and in evaluation": rates,
        "share of attention's outputs that are 0 or 5/4": right,
        "share of attention's outputs dropped, to one digit": zeros,
        "share of the feed-forward's outputs that are 0 or 5/4": right_too,
        "share of the feed-forward's outputs dropped, to one digit": zeros_too,
    }


def test_dropout_of_branches(lesson, compare):
    """In training, attention drops weights and outputs, the feed-forward outputs; in evaluation, nothing."""
    expected = {
        "dropout handed to attend, in training and in evaluation": [0.2, 0.0],
        "share of attention's outputs that are 0 or 5/4": 1.0,
        "share of attention's outputs dropped, to one digit": 0.2,
        "share of the feed-forward's outputs that are 0 or 5/4": 1.0,
        "share of the feed-forward's outputs dropped, to one digit": 0.2,
    }
    compare(dropout_of_branches, lesson("config", "block"), expected=expected)


def feed_forward(config, block):
    module = block.FeedForward(config_of(config, dropout=0.5)).eval()
    if layers(module) != FEED_FORWARD_LAYERS:
        return {"layers": layers(module), "output": None}
    fill_feed_forward(module)
    return {"layers": layers(module), "output": module(numbers(B, T, C, seed=5))}


def feed_forward_of_pytorch():
    return {"layers": FEED_FORWARD_LAYERS, "output": pytorch_feed_forward(numbers(B, T, C, seed=5))}


def test_feed_forward(lesson, compare):
    """Four times as wide, GPT-2's GELU, and back."""
    compare(feed_forward, lesson("config", "block"), expected=feed_forward_of_pytorch, shapes={"output": "B T C"})


@torch.no_grad()
def silence(*parts):
    """A branch whose last layer is all zeros adds nothing to the stream."""
    for part in parts:
        part.weight.zero_()
        part.bias.zero_()


def whole_block(config, block):
    module = block.Block(config_of(config, dropout=0.5)).eval()
    names = ("both branches", "the feed-forward alone", "the attention alone", "neither", "neither, in training")
    if len(norms_in(module)) != 2 or layers_of_block(block, module) != BLOCK_LAYERS:
        return {
            "number of norms": len(norms_in(module)),
            "layers": layers_of_block(block, module),
            **dict.fromkeys(names),
        }
    x = numbers(B, T, C, seed=5)
    out, down = (linears_in(part)[-1] for part in branches(block, module))
    seen = {"number of norms": 2, "layers": BLOCK_LAYERS}
    for name, silent in zip(names[:4], ([], [out], [down], [out, down]), strict=True):
        fill_block(block, module)
        silence(*silent)
        seen[name] = module(x)
    torch.manual_seed(1)
    return {**seen, names[4]: module.train()(x)}


def pre_norm_block():
    x = numbers(B, T, C, seed=5)
    after_attention = x + pytorch_attention(pytorch_norm(x, "norm 1"))
    return {
        "number of norms": 2,
        "layers": BLOCK_LAYERS,
        "both branches": after_attention + pytorch_feed_forward(pytorch_norm(after_attention, "norm 2")),
        "the feed-forward alone": x + pytorch_feed_forward(pytorch_norm(x, "norm 2")),
        "the attention alone": after_attention,
        "neither": x,
        "neither, in training": x,
    }


def test_block(lesson, compare):
    """The whole block, then with one branch silenced, then with both: the stream passes untouched."""
    compare(whole_block, lesson("config", "block"), expected=pre_norm_block)


class Halve(nn.Module):
    """Stands in for a norm."""

    made_for = ()

    def __init__(self, channels):
        super().__init__()
        Halve.made_for = (*Halve.made_for, channels)

    def forward(self, x):
        return x / 2


def collaborators(config, block):
    Halve.made_for = ()
    attend = Attend()
    module = block.Block(config_of(config), attend=attend, norm=Halve)
    if layers_of_block(block, module) != BLOCK_LAYERS:
        return {"norms made for": None, "calls of attend": None, "output": None}
    attention, feed_forward = branches(block, module)
    fill_attention(attention)
    fill_feed_forward(feed_forward)
    output = module(numbers(B, T, C, seed=5))
    return {"norms made for": list(Halve.made_for), "calls of attend": len(attend.calls), "output": output}


def halved_branches():
    x = numbers(B, T, C, seed=5)
    merged = torch.cat(list(numbers(B, H, T, D, seed=7).unbind(1)), dim=2)
    x = x + linear(merged, "attention out")
    return {"norms made for": [C, C], "calls of attend": 1, "output": x + pytorch_feed_forward(x / 2)}


def test_collaborators(lesson, compare):
    """A block uses the attention and the norm that it is given."""
    compare(collaborators, lesson("config", "block"), expected=halved_branches)


def devices(config, block):
    q, k, v = queries_keys_values()
    with DeviceWatch(q, k, v) as alone:
        block.causal_attention(q, k, v)
    module, x = block.Block(config_of(config)), numbers(B, T, C, seed=5)
    with DeviceWatch(*module.parameters(), *module.buffers(), x) as whole:
        module(x)
    return {
        "causal_attention meets a tensor of another device": alone.mixed,
        "Block meets a tensor of another device": whole.mixed,
    }


def test_devices(lesson, compare):
    """On a GPU, everything that the input meets is on the GPU, too."""
    expected = {
        "causal_attention meets a tensor of another device": False,
        "Block meets a tensor of another device": False,
    }
    compare(devices, lesson("config", "block"), expected=expected)
