"""Checks of task 3.6, checks_of_mine.py: the tests that you wrote, tried on right and on broken GPTs."""

import pytest
import torch


def written_in(checks_of_mine):
    return {name: test for name, test in vars(checks_of_mine).items() if name.startswith("test_") and callable(test)}


def failures(tests, model_class):
    """The tests that fail on a class, and how, one after the other."""
    for name, test in tests.items():
        torch.default_generator.manual_seed(0)
        try:
            test(model_class)
        except NotImplementedError:  # a test that is not written yet
            raise
        except (Exception, pytest.fail.Exception) as error:
            yield f"{name}: {type(error).__name__}"


def on_right_ones(checks_of_mine, broken_gpts):
    tests = written_in(checks_of_mine)
    return {
        f"your tests that fail on a right GPT, {name}": list(failures(tests, model_class))
        for name, model_class in broken_gpts.RIGHT.items()
    }


def test_right_gpts_pass(lesson, compare):
    """Right GPTs pass all your tests, however they are written inside."""
    expected = {
        "your tests that fail on a right GPT, made of PyTorch's own layers": [],
        "your tests that fail on a right GPT, written another way": [],
    }
    compare(on_right_ones, lesson("checks_of_mine", "broken_gpts"), expected=expected)


def on_broken_ones(checks_of_mine, broken_gpts):
    tests = written_in(checks_of_mine)
    broken = broken_gpts.BROKEN.items()
    through = [name for name, model_class in broken if not any(failures(tests, model_class))]
    return {"broken GPTs": len(broken), "broken GPTs that got through": through}


def test_broken_gpts_fail(lesson, compare):
    """Every broken GPT fails at least one of your tests."""
    expected = {"broken GPTs": 23, "broken GPTs that got through": []}
    compare(on_broken_ones, lesson("checks_of_mine", "broken_gpts"), expected=expected)
