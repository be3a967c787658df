"""Checks of task 3.6, checks_of_mine.py: the tests that you wrote, tried on right and on broken GPTs."""

import functools
import inspect

import pytest
import torch

_outcomes = {}  # A diagnosis tries many versions of these tests, which differ in one: what is known is not run again.


def failures(checks_of_mine, model_class):
    """The tests that fail on a class, and how, one after the other."""
    for name, test in vars(checks_of_mine).items():
        if not name.startswith("test_") or not callable(test):
            continue
        key = checks_of_mine.__file__, name, model_class.__name__, code_reached_by(test)
        if key not in _outcomes:
            _outcomes[key] = outcome(test, model_class)
        if _outcomes[key]:
            yield f"{name}: {_outcomes[key]}"


def outcome(test, model_class):
    """The name of the exception by which a test fails, or nothing."""
    torch.default_generator.manual_seed(0)
    try:
        test(model_class)
    except NotImplementedError:  # a test that is not written yet
        raise
    except (Exception, pytest.fail.Exception) as error:
        return type(error).__name__
    return ""


@functools.cache
def code_reached_by(test):
    """The code of a test and of all that it names in its own package: the same code does the same."""
    package, reached, waiting = test.__module__.partition(".")[0], {}, [test]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type):
            waiting += [part for part in vars(one).values() if inspect.isfunction(part)]
        elif inspect.isfunction(one) and one.__code__ not in reached:
            reached[one.__code__] = one
            named = [one.__globals__.get(name) for name in names_in(one.__code__)]
            waiting += [part for part in named if getattr(part, "__module__", "").partition(".")[0] == package]
    return tuple(reached)


def names_in(code):
    inner = [constant for constant in code.co_consts if inspect.iscode(constant)]
    return {*code.co_names, *(name for part in inner for name in names_in(part))}


def on_right_ones(checks_of_mine, broken_gpts):
    return {
        f"your tests that fail on a right GPT, {name}": list(failures(checks_of_mine, model_class))
        for name, model_class in broken_gpts.RIGHT.items()
    }


@pytest.mark.time_limit(60)
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
