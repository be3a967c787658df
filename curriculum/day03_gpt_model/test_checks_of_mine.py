"""Checks of task 3.6, checks_of_mine.py: the tests that you wrote, tried on right and on broken GPTs."""

from pathlib import Path

import pytest
import torch

_seen = {}


def remembered(probe):
    """Keep what a probe saw: most versions that the grader tries have the same tests, and each run takes a while."""

    def remembering(checks_of_mine, broken_gpts):
        key = probe, Path(checks_of_mine.__file__).read_text("utf-8"), code_of(checks_of_mine)
        if key not in _seen:
            _seen[key] = probe(checks_of_mine, broken_gpts)
        return _seen[key]

    return remembering


def code_of(module):
    """The compiled code of all that a module defines and imports from its siblings."""
    values = [value for value in vars(module).values() if (getattr(value, "__module__", "") or "").startswith("_")]
    functions = values + [method for value in values if isinstance(value, type) for method in vars(value).values()]
    return tuple(function.__code__ for function in functions if hasattr(function, "__code__"))


def failures(checks_of_mine, model_class):
    """The tests that fail on a class, and how, one after the other."""
    for name, test in vars(checks_of_mine).items():
        if not name.startswith("test_") or not callable(test):
            continue
        torch.default_generator.manual_seed(0)
        try:
            test(model_class)
        except NotImplementedError:  # a test that is not written yet
            raise
        except (Exception, pytest.fail.Exception) as error:
            yield f"{name}: {type(error).__name__}"


@remembered
def on_right_ones(checks_of_mine, broken_gpts):
    return {
        f"your tests that fail on a right GPT, {name}": list(failures(checks_of_mine, model_class))
        for name, model_class in broken_gpts.RIGHT.items()
    }


def test_right_gpts_pass(lesson, compare):
    """Right GPTs pass all your tests, however they are written inside."""
    expected = {
        "your tests that fail on a right GPT, with PyTorch's attention": [],
        "your tests that fail on a right GPT, with a formula of its own": [],
    }
    compare(on_right_ones, lesson("checks_of_mine", "broken_gpts"), expected=expected)


def through(checks_of_mine, broken):
    """What came of the broken GPTs, and the names of those that no test noticed."""
    names = [name for name, model_class in broken.items() if not any(failures(checks_of_mine, model_class))]
    return {"broken GPTs tried": len(broken), "broken GPTs that got through": names}


@remembered
def broken_in_what_they_see(checks_of_mine, broken_gpts):
    return through(checks_of_mine, broken_gpts.BROKEN["what a position sees"])


def test_broken_in_what_they_see(lesson, compare):
    """GPTs that are broken in what a position sees fail at least one of your tests."""
    expected = {"broken GPTs tried": 5, "broken GPTs that got through": []}
    compare(broken_in_what_they_see, lesson("checks_of_mine", "broken_gpts"), expected=expected)


@remembered
def broken_in_positions(checks_of_mine, broken_gpts):
    return through(checks_of_mine, broken_gpts.BROKEN["positions and lengths"])


def test_broken_in_positions(lesson, compare):
    """GPTs that are broken in positions or lengths fail at least one of your tests."""
    expected = {"broken GPTs tried": 5, "broken GPTs that got through": []}
    compare(broken_in_positions, lesson("checks_of_mine", "broken_gpts"), expected=expected)


@remembered
def broken_in_dropout_or_loss(checks_of_mine, broken_gpts):
    return through(checks_of_mine, broken_gpts.BROKEN["dropout and loss"])


def test_broken_in_dropout_or_loss(lesson, compare):
    """GPTs that are broken in dropout or in the loss fail at least one of your tests."""
    expected = {"broken GPTs tried": 6, "broken GPTs that got through": []}
    compare(broken_in_dropout_or_loss, lesson("checks_of_mine", "broken_gpts"), expected=expected)


@remembered
def broken_in_parameters(checks_of_mine, broken_gpts):
    return through(checks_of_mine, broken_gpts.BROKEN["parameters"])


def test_broken_in_parameters(lesson, compare):
    """GPTs that are broken in their parameters fail at least one of your tests."""
    expected = {"broken GPTs tried": 7, "broken GPTs that got through": []}
    compare(broken_in_parameters, lesson("checks_of_mine", "broken_gpts"), expected=expected)
