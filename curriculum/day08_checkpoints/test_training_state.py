"""Checks of task 8.5, training_state.py: a run that was stopped and one that was not."""

import io
import random

import numpy as np
import torch

from grader import raised


def draw():
    """One number of each random generator."""
    return torch.tensor([random.random(), np.random.rand(), torch.rand(()).item()], dtype=torch.float64)


def through_a_file(state):
    """What is left of a state in another process."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def resumed_after(training_state, tiny_trainer, stop, more):
    """Losses of the run that was stopped and taken up again, minus those of the run that went on."""
    run = tiny_trainer.new_run()
    tiny_trainer.train(run, stop)
    state = through_a_file(training_state.collect(run))
    went_on = tiny_trainer.train(run, more)
    draw()
    other = tiny_trainer.new_run(seed=5)
    training_state.put_back(other, state)
    resumed = tiny_trainer.train(other, more)
    return torch.tensor(resumed, dtype=torch.float64) - torch.tensor(went_on, dtype=torch.float64), other, run


def stopped_and_resumed(training_state, tiny_trainer):
    mid_epoch, other, run = resumed_after(training_state, tiny_trainer, 9, 8)
    late, _, _ = resumed_after(training_state, tiny_trainer, 24, 8)
    return {
        "each next loss after a stop in mid-epoch minus the uninterrupted one": mid_epoch,
        "each next loss after a stop at an epoch's end minus the uninterrupted one": late,
        "steps counted": [other.step, run.step],
    }


def test_exactly_the_same_losses(lesson, compare):
    """Stopped, saved, taken up by a new run: the next eight losses are those of the run that went on, to the bit."""
    zeros = torch.zeros(8, dtype=torch.float64)
    expected = {
        "each next loss after a stop in mid-epoch minus the uninterrupted one": zeros,
        "each next loss after a stop at an epoch's end minus the uninterrupted one": zeros,
        "steps counted": [17, 17],
    }
    compare(stopped_and_resumed, lesson("training_state", "tiny_trainer"), expected=expected, rtol=0, atol=0)


def other_types(value):
    """Names of types in a state that are no tensors, numbers, strings, None, lists, tuples and dicts of these."""
    if isinstance(value, dict):
        return sorted({name for part in (*value.keys(), *value.values()) for name in other_types(part)})
    if isinstance(value, (list, tuple)):
        return sorted({name for part in value for name in other_types(part)})
    plain = value is None or isinstance(value, (torch.Tensor, int, float, str))
    return [] if plain else [type(value).__name__]


def state_in_a_file(training_state, tiny_trainer):
    run = tiny_trainer.new_run()
    tiny_trainer.train(run, 3)
    state = training_state.collect(run)
    try:
        through_a_file(state)
        loaded = "yes"
    except Exception as error:
        loaded = type(error).__name__
    return {"what is neither tensor nor number": other_types(state), "loaded with weights_only=True": loaded}


def test_no_code_in_it(lesson, compare):
    """The state is tensors, numbers and the like: it can be loaded without running any code."""
    expected = {"what is neither tensor nor number": [], "loaded with weights_only=True": "yes"}
    compare(state_in_a_file, lesson("training_state", "tiny_trainer"), expected=expected)


def other_shape(training_state, tiny_trainer):
    run = tiny_trainer.new_run()
    tiny_trainer.train(run, 4)
    state = training_state.collect(run)
    other = tiny_trainer.new_run()
    other.model.head = torch.nn.Linear(16, 7)
    what = raised(lambda: training_state.put_back(other, state))
    return {
        "raised": what,
        "steps": other.step,
        "place in the data": [other.batches.epoch, other.batches.taken],
    }


def test_another_model(lesson, compare):
    """A model of another shape is refused before anything else has been put back."""
    expected = {"raised": "RuntimeError", "steps": 0, "place in the data": [0, 0]}
    compare(other_shape, lesson("training_state", "tiny_trainer"), expected=expected)


def left_alone(training_state, tiny_trainer):
    run = tiny_trainer.new_run()
    tiny_trainer.train(run, 4)
    undisturbed = tiny_trainer.train(run, 6)
    run = tiny_trainer.new_run()
    tiny_trainer.train(run, 4)
    state = through_a_file(training_state.collect(run))
    collected = tiny_trainer.train(run, 6)
    other = tiny_trainer.new_run()
    parts = [other.model, other.optimizer, other.schedule, other.scaler, other.batches]
    training_state.put_back(other, state)
    first = tiny_trainer.train(other, 6)
    again = tiny_trainer.new_run(seed=3)
    training_state.put_back(again, state)
    second = tiny_trainer.train(again, 6)
    same = [other.model, other.optimizer, other.schedule, other.scaler, other.batches]
    difference = lambda a, b: torch.tensor(a, dtype=torch.float64) - torch.tensor(b, dtype=torch.float64)  # noqa: E731
    return {
        "losses with a collect minus losses without": difference(collected, undisturbed),
        "the same objects as before put_back": [one is two for one, two in zip(parts, same, strict=True)],
        "from the same state a second time": difference(second, first),
    }


def test_nothing_else_changes(lesson, compare):
    """collect does not disturb the run; put_back fills the parts that are there, and leaves the state as it is."""
    expected = {
        "losses with a collect minus losses without": torch.zeros(6, dtype=torch.float64),
        "the same objects as before put_back": [True] * 5,
        "from the same state a second time": torch.zeros(6, dtype=torch.float64),
    }
    compare(left_alone, lesson("training_state", "tiny_trainer"), expected=expected, rtol=0, atol=0)
