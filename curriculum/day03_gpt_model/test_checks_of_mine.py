"""Checks of task 3.6, checks_of_mine.py: the tests that you wrote, tried on right and on broken GPTs."""

import functools
import inspect
import math

import pytest
import torch
import torch.nn.functional as F

_outcomes = {}  # A diagnosis tries many versions of these tests, which differ in one: what is known is not run again.


def failures(checks_of_mine, model_class, seed=0):
    """The tests that fail on a class, and how, one after the other."""
    for name, test in vars(checks_of_mine).items():
        if name.startswith("test_") and callable(test) and (how := failure(checks_of_mine, name, model_class, seed)):
            yield f"{name}: {how}"


def failure(checks_of_mine, name, model_class, seed=0):
    """How a test fails on a class: the name of the exception, or nothing."""
    test = getattr(checks_of_mine, name)
    key = checks_of_mine.__file__, name, model_class.__name__, seed, code_reached_by(test)
    if key not in _outcomes:
        _outcomes[key] = outcome(test, model_class, seed)
    return _outcomes[key]


def outcome(test, model_class, seed):
    """The name of the exception by which a test fails, or nothing."""
    torch.default_generator.manual_seed(seed)
    try:
        test(model_class)
    except NotImplementedError:  # a test that is not written yet
        raise
    except (Exception, pytest.fail.Exception) as error:
        return type(error).__name__
    return ""


@functools.cache
def code_reached_by(test):
    """The code of a test and of all that it names in its own package, with defaults and constants: the same does the
    same.
    """
    package, reached, waiting = test.__module__.partition(".")[0], {}, [test]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type):
            waiting += [part for part in vars(one).values() if inspect.isfunction(part)]
        elif inspect.isfunction(one) and one.__code__ not in reached:
            named = {name: one.__globals__.get(name) for name in sorted(names_in(one.__code__))}
            constants = {name: value for name, value in named.items() if isinstance(value, (int, float, str, tuple))}
            reached[one.__code__] = repr((one.__defaults__, one.__kwdefaults__, constants))
            waiting += [part for part in named.values() if getattr(part, "__module__", "").partition(".")[0] == package]
    return tuple(reached.items())


def names_in(code):
    inner = [constant for constant in code.co_consts if inspect.iscode(constant)]
    return {*code.co_names, *(name for part in inner for name in names_in(part))}


def on_right_ones(checks_of_mine, broken_gpts):
    """Each is tried four times, with other random numbers: a test that fails by chance is no test."""
    return {
        f"your tests that fail on a right GPT, {name}": sorted(
            {how for seed in range(4) for how in failures(checks_of_mine, model_class, seed)}
        )
        for name, model_class in broken_gpts.RIGHT.items()
    }


@pytest.mark.time_limit(60)
def test_right_gpts_pass(lesson, compare):
    """Right GPTs pass all your tests, however they are written inside, and whatever numbers are drawn."""
    expected = {
        "your tests that fail on a right GPT, with PyTorch's attention": [],
        "your tests that fail on a right GPT, with a formula of its own": [],
    }
    compare(on_right_ones, lesson("checks_of_mine", "broken_gpts"), expected=expected)


def through(checks_of_mine, broken):
    """What came of the broken GPTs, and the names of those that no test noticed."""
    names = [name for name, model_class in broken.items() if not any(failures(checks_of_mine, model_class))]
    return {"broken GPTs tried": len(broken), "broken GPTs that got through": names}


def broken_in_what_they_see(checks_of_mine, broken_gpts):
    return through(checks_of_mine, broken_gpts.BROKEN["what a position sees"])


@pytest.mark.time_limit(60)
def test_broken_in_what_they_see(lesson, compare):
    """GPTs that are broken in what a position sees fail at least one of your tests."""
    expected = {"broken GPTs tried": 5, "broken GPTs that got through": []}
    compare(broken_in_what_they_see, lesson("checks_of_mine", "broken_gpts"), expected=expected)


def broken_in_positions(checks_of_mine, broken_gpts):
    return through(checks_of_mine, broken_gpts.BROKEN["positions and lengths"])


@pytest.mark.time_limit(60)
def test_broken_in_positions(lesson, compare):
    """GPTs that are broken in positions or lengths fail at least one of your tests."""
    expected = {"broken GPTs tried": 5, "broken GPTs that got through": []}
    compare(broken_in_positions, lesson("checks_of_mine", "broken_gpts"), expected=expected)


def broken_in_dropout_or_loss(checks_of_mine, broken_gpts):
    return through(checks_of_mine, broken_gpts.BROKEN["dropout and loss"])


@pytest.mark.time_limit(60)
def test_broken_in_dropout_or_loss(lesson, compare):
    """GPTs that are broken in dropout or in the loss fail at least one of your tests."""
    expected = {"broken GPTs tried": 6, "broken GPTs that got through": []}
    compare(broken_in_dropout_or_loss, lesson("checks_of_mine", "broken_gpts"), expected=expected)


def broken_in_parameters(checks_of_mine, broken_gpts):
    return through(checks_of_mine, broken_gpts.BROKEN["parameters"])


@pytest.mark.time_limit(60)
def test_broken_in_parameters(lesson, compare):
    """GPTs that are broken in their parameters fail at least one of your tests."""
    expected = {"broken GPTs tried": 7, "broken GPTs that got through": []}
    compare(broken_in_parameters, lesson("checks_of_mine", "broken_gpts"), expected=expected)


# What each test has to notice by itself: GPTs of broken_gpts.py, and of broken_in_one_promise.
PROMISES = {
    "test_shapes": (
        "without targets only the last position gets logits",
        "with targets the logits are (B·T, V)",
        "the logits are always those of a whole block",
        "without targets the loss is 0",
        "each target has a loss of its own",
    ),
    "test_parameter_count": ("the head has a matrix of its own", "the head has a bias", "the final norm is missing"),
    "test_future_is_hidden": (
        "every position sees the whole sequence",
        "every position sees one token ahead",
        "the mask covers only the first half of the block",
        "positions are counted from the end of the block",
        "in a full block the last position but one sees the last",
    ),
    "test_past_is_used": ("every position sees only itself", "every position sees only itself and the one before"),
    "test_order_matters": ("every token gets the first position",),
    "test_rows_are_independent": (
        "the rows of a batch mix",
        "positions run on from one row of the batch to the next",
    ),
    "test_dropout": ("dropout acts in evaluation, too", "dropout never acts"),
    "test_loss": ("the targets are shifted a second time", "the loss is a sum", "ignored targets count in the mean"),
    "test_first_loss": ("the token table starts with deviation 1", "the loss is less than half of what it should be"),
    "test_every_parameter_learns": (
        "the last block is built but not used",
        "what the last block gives is multiplied by 0",
    ),
    "test_too_long_is_refused": (
        "a sequence that is too long is cut in silence",
        "a sequence that is too long is an IndexError somewhere inside",
        "a full block is refused",
        "a sequence that is one token too long is taken",
    ),
}


def broken_in_one_promise(broken_gpts):
    """All that broken_gpts.py has, by what is wrong with it, and more GPTs that only one test is for."""
    right = broken_gpts.RightGPT
    found = {name: model_class for group in broken_gpts.BROKEN.values() for name, model_class in group.items()}
    return found | {
        "with targets the logits are (B·T, V)": returns(right, "FlattensLogits", logits_flattened),
        "the logits are always those of a whole block": returns(right, "FillsTheBlock", block_filled),
        "without targets the loss is 0": returns(right, "LossOfNothing", loss_of_nothing),
        "each target has a loss of its own": broken(right, "LossOfEachTarget", loss=loss_of_each_target),
        "in a full block the last position but one sees the last": broken(right, "SeesTheLast", visible=last_visible),
        "every position sees only itself and the one before": broken(right, "SeesTwo", visible=two_visible),
        "the loss is less than half of what it should be": returns(right, "LossInDigits", loss_in_digits),
        "what the last block gives is multiplied by 0": broken(right, "LastTimesZero", through_layers=last_times_zero),
        "a full block is refused": broken(right, "RefusesAFullBlock", embed=refuses_a_full_block),
        "a sequence that is one token too long is taken": broken(right, "TakesOneTooMany", embed=takes_one_too_many),
    }


def broken(right, name, **methods):
    """The right GPT with other methods."""
    return type(name, (right,), methods)


def returns(right, name, change):
    """The right GPT, which returns what `change` makes of its logits and its loss."""
    return broken(right, name, forward=lambda self, *given: change(self, given[0], *right.forward(self, *given)))


def logits_flattened(self, idx, logits, loss):
    return (logits if loss is None else logits.flatten(0, 1)), loss


def block_filled(self, idx, logits, loss):
    return F.pad(logits, (0, 0, 0, self.config.block_size - idx.size(1))), loss


def loss_of_nothing(self, idx, logits, loss):
    return logits, (torch.zeros(()) if loss is None else loss)


def loss_in_digits(self, idx, logits, loss):
    return logits, (None if loss is None else loss / math.log(10))


def loss_of_each_target(self, logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="none")


def last_visible(self, length):
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    if length == self.config.block_size:
        visible[-2, -1] = True
    return visible


def two_visible(self, length):
    return torch.ones(length, length, dtype=torch.bool).tril().triu(-1)


def last_times_zero(self, x):
    visible = self.visible(x.size(1))
    for layer in self.layers[:-1]:
        x = layer(x, visible)
    return self.last_norm(x + 0 * self.layers[-1](x, visible))


def refuses_a_full_block(self, idx):
    if idx.size(1) >= self.config.block_size:
        raise ValueError("the block is full")
    return self.drop(self.what(idx) + self.where.weight[: idx.size(1)])


def takes_one_too_many(self, idx):
    if idx.size(1) > self.config.block_size + 1:
        raise ValueError("this is too long")
    positions = torch.arange(idx.size(1)).clamp(max=self.config.block_size - 1)
    return self.drop(self.what(idx) + self.where(positions))


def let_through_by_each(checks_of_mine, broken_gpts):
    classes = broken_in_one_promise(broken_gpts)
    return {
        f"{test} lets through": [name for name in names if not failure(checks_of_mine, test, classes[name])]
        for test, names in PROMISES.items()
    }


@pytest.mark.time_limit(60)
def test_each_keeps_its_promise(lesson, compare):
    """Each of your tests notices, by itself, the GPTs that break what its docstring says."""
    expected = {f"{test} lets through": [] for test in PROMISES}
    compare(let_through_by_each, lesson("checks_of_mine", "broken_gpts"), expected=expected)
