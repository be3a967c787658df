"""Checks of task 3.2, config.py."""

from grader import raised


def good_configurations(config):
    make = config.GPTConfig
    return {
        "defaults": raised(make),
        "all sizes 1, no dropout": raised(lambda: make(1, 1, 1, 1, 1, 0)),
        "one channel a head": raised(lambda: make(n_head=12, n_embd=12)),
        "24 channels, 8 heads": raised(lambda: make(n_head=8, n_embd=24)),
        "dropout 0.0": raised(lambda: make(dropout=0.0)),
        "dropout 0.99": raised(lambda: make(dropout=0.99)),
        "sinusoidal": raised(lambda: make(positions="sinusoidal")),
    }


def test_good_configurations(lesson, compare):
    """What can be built is let through."""
    names = (
        "defaults",
        "all sizes 1, no dropout",
        "one channel a head",
        "24 channels, 8 heads",
        "dropout 0.0",
        "dropout 0.99",
        "sinusoidal",
    )
    compare(good_configurations, lesson("config"), expected=dict.fromkeys(names, "nothing"))


def one_fault_each(config):
    faults = {
        "vocab_size 0": {"vocab_size": 0},
        "block_size -1": {"block_size": -1},
        "n_layer 0": {"n_layer": 0},
        "n_head 0": {"n_head": 0},
        "n_embd 0": {"n_embd": 0},
        "n_embd 768.0": {"n_embd": 768.0},
        "n_layer '12'": {"n_layer": "12"},
        "10 channels for 3 heads": {"n_head": 3, "n_embd": 10},
        "3 channels for 6 heads": {"n_head": 6, "n_embd": 3},
        "dropout -0.1": {"dropout": -0.1},
        "dropout 1.0": {"dropout": 1.0},
        "dropout NaN": {"dropout": float("nan")},
        "dropout '0.1'": {"dropout": "0.1"},
        "positions 'rotary'": {"positions": "rotary"},
        "positions None": {"positions": None},
    }
    return {name: raised(lambda fields=fields: config.GPTConfig(**fields)) for name, fields in faults.items()}


def test_one_fault_each(lesson, compare):
    """What cannot be built is refused with a ValueError."""
    names = (
        "vocab_size 0",
        "block_size -1",
        "n_layer 0",
        "n_head 0",
        "n_embd 0",
        "n_embd 768.0",
        "n_layer '12'",
        "10 channels for 3 heads",
        "3 channels for 6 heads",
        "dropout -0.1",
        "dropout 1.0",
        "dropout NaN",
        "dropout '0.1'",
        "positions 'rotary'",
        "positions None",
    )
    compare(one_fault_each, lesson("config"), expected=dict.fromkeys(names, "ValueError"))


def named_in_message(config, faulty, **fields):
    """Which of the faulty fields a refusal speaks of."""
    try:
        config.GPTConfig(**fields)
    except ValueError as error:
        return [field for field in faulty if field in str(error)]
    return []


HEADS, THREE, SIZES = ["n_head", "n_embd"], ["n_layer", "dropout", "positions"], ["vocab_size", "block_size"]


def every_fault_at_once(config):
    return {
        "heads that do not fit": named_in_message(config, HEADS, n_head=3, n_embd=10),
        "three faults": named_in_message(config, THREE, n_layer=0, dropout=1.5, positions="rotary"),
        "two sizes": named_in_message(config, SIZES, vocab_size=0, block_size=0),
        "heads that do not fit, and dropout": named_in_message(
            config, [*HEADS, "dropout"], n_head=5, n_embd=12, dropout=2
        ),
    }


def test_every_fault_at_once(lesson, compare):
    """All faults are reported at once, each by the name of its field."""
    expected = {
        "heads that do not fit": HEADS,
        "three faults": THREE,
        "two sizes": SIZES,
        "heads that do not fit, and dropout": [*HEADS, "dropout"],
    }
    compare(every_fault_at_once, lesson("config"), expected=expected)
