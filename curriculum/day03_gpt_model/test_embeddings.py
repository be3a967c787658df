"""Checks of task 3.3, embeddings.py."""

import torch

from grader import raised
from grader.devices import DeviceWatch
from grader.inputs import generator

V, BLOCK, C = 7, 5, 4


def numbers(*shape, seed):
    """Random numbers that depend on the seed alone, not on what was drawn before."""
    return torch.randn(*shape, generator=generator(seed))


def tokens(length):
    return torch.tensor([[3, 0, 6, 3, 1], [2, 2, 5, 4, 0]])[:, :length]  # (2, length)


def fixed_positions(length, channels):
    """Stands in for day 2's sinusoids: other numbers at every position and channel, whatever length is asked for."""
    return torch.arange(length)[:, None] + torch.arange(channels) / 10


def make(config, embeddings, sinusoids=None, **changes):
    sizes = {"vocab_size": V, "block_size": BLOCK, "n_layer": 1, "n_head": 2, "n_embd": C, "dropout": 0.0}
    return embeddings.Embeddings(config.GPTConfig(**{**sizes, **changes}), sinusoids)


def shapes_of(module):
    return sorted(list(parameter.shape) for parameter in module.parameters())


@torch.no_grad()
def fill(module):
    """Give the tables of tokens and positions the numbers of this check, wherever they are kept."""
    for parameter in module.parameters():
        seed = {(V, C): 1, (BLOCK, C): 2}.get(tuple(parameter.shape))
        if seed:
            parameter.copy_(numbers(*parameter.shape, seed=seed))
    return module


def mixes_devices(module, *inputs):
    with DeviceWatch(*module.parameters(), *module.buffers(), *inputs) as watch:
        module(*inputs)
    return watch.mixed


def learned_positions(config, embeddings):
    module = fill(make(config, embeddings))
    return {
        "shapes of the parameters": shapes_of(module),
        "output, T = 3": module(tokens(3)),
        "output, T = block_size": module(tokens(BLOCK)),
    }


def sum_of_two_tables():
    both = numbers(V, C, seed=1)[tokens(BLOCK)] + numbers(BLOCK, C, seed=2)
    return {
        "shapes of the parameters": [[BLOCK, C], [V, C]],
        "output, T = 3": both[:, :3],
        "output, T = block_size": both,
    }


def test_learned_positions(lesson, compare):
    """What the token is plus where it stands, for T below block_size and for T = block_size."""
    shapes = {"output, T = 3": "B T C", "output, T = block_size": "B T C"}
    compare(learned_positions, lesson("config", "embeddings"), expected=sum_of_two_tables, shapes=shapes)


def sinusoidal_positions(config, embeddings):
    module = fill(make(config, embeddings, fixed_positions, positions="sinusoidal"))
    return {
        "shapes of the parameters": shapes_of(module),
        "output, T = 3": module(tokens(3)),
        "output, T = block_size": module(tokens(BLOCK)),
        "without the function": raised(lambda: make(config, embeddings, positions="sinusoidal")),
    }


def table_plus_fixed_positions():
    both = numbers(V, C, seed=1)[tokens(BLOCK)] + fixed_positions(BLOCK, C)
    return {
        "shapes of the parameters": [[V, C]],
        "output, T = 3": both[:, :3],
        "output, T = block_size": both,
        "without the function": "ValueError",
    }


def test_sinusoidal_positions(lesson, compare):
    """Sinusoidal positions come from the function that is handed in, and nothing trains them."""
    compare(sinusoidal_positions, lesson("config", "embeddings"), expected=table_plus_fixed_positions)


def too_long(config, embeddings):
    module = make(config, embeddings)
    fixed = make(config, embeddings, fixed_positions, positions="sinusoidal")
    six, message = torch.zeros(1, 6, dtype=torch.long), ""
    try:
        module(six)
    except ValueError as error:
        message = str(error)
    return {
        "T = block_size": raised(lambda: module(six[:, :BLOCK])),
        "T = block_size + 1": raised(lambda: module(six)),
        "T = block_size + 1, sinusoidal": raised(lambda: fixed(six)),
        "the message says T": "6" in message,
        "the message says block_size": "5" in message,
    }


def test_too_long(lesson, compare):
    """A sequence longer than block_size is refused with a ValueError that says both."""
    expected = {
        "T = block_size": "nothing",
        "T = block_size + 1": "ValueError",
        "T = block_size + 1, sinusoidal": "ValueError",
        "the message says T": True,
        "the message says block_size": True,
    }
    compare(too_long, lesson("config", "embeddings"), expected=expected)


def dropout(config, embeddings):
    module = fill(make(config, embeddings, dropout=0.5))
    idx = tokens(BLOCK).repeat(400, 1)
    torch.manual_seed(1)
    dropped = module.train()(idx)
    kept = module.eval()(idx)
    as_it_should = (dropped == 0) | torch.isclose(dropped, 2 * kept)
    return {
        "output in evaluation": kept[:2],
        "share of numbers in training that stay as they were": torch.isclose(dropped, kept).float().mean(),
        "share of numbers in training that are 0 or doubled": as_it_should.float().mean(),
        "share of numbers dropped, to one digit": round((dropped == 0).float().mean().item(), 1),
    }


def half_is_dropped():
    return {
        "output in evaluation": numbers(V, C, seed=1)[tokens(BLOCK)] + numbers(BLOCK, C, seed=2),
        "share of numbers in training that stay as they were": 0.0,
        "share of numbers in training that are 0 or doubled": 1.0,
        "share of numbers dropped, to one digit": 0.5,
    }


def test_dropout(lesson, compare):
    """Dropout acts on the sum, in training only."""
    compare(dropout, lesson("config", "embeddings"), expected=half_is_dropped)


def devices(config, embeddings):
    learned = make(config, embeddings)
    fixed = make(config, embeddings, fixed_positions, positions="sinusoidal")
    return {
        "learned positions meet a tensor of another device": mixes_devices(learned, tokens(3)),
        "sinusoidal positions meet a tensor of another device": mixes_devices(fixed, tokens(3)),
    }


def test_devices(lesson, compare):
    """On a GPU, everything that the input meets is on the GPU, too."""
    expected = {
        "learned positions meet a tensor of another device": False,
        "sinusoidal positions meet a tensor of another device": False,
    }
    compare(devices, lesson("config", "embeddings"), expected=expected)
