"""Everything that the next loss depends on: into a checkpoint, and out of it again."""

from typing import Any

from .tiny_trainer import TinyRun


def collect(run: TinyRun) -> dict[str, Any]:
    """What a run must remember so that it can go on in another process as if nothing had happened.

    Returns:
        Tensors, numbers, strings, None, and lists, tuples and dicts of these: what save_checkpoint takes, and what can
        be loaded without running any code. The parts are told by their state_dicts, never pickled themselves. Model,
        optimizer, schedule, scaler, the place in the data (`batches.epoch` and `batches.taken`), the number of steps,
        and every random generator. The run is not changed.
    """
    # TODO 1: go through tiny_trainer.py: what changes from step to step?
    # TODO 2: the parts of PyTorch tell it by state_dict(); the rest are plain numbers, and your capture_rng.
    raise NotImplementedError("8.5 collect")


def put_back(run: TinyRun, state: dict[str, Any]) -> None:
    """Bring a new run to where `collect` was called: the next loss is exactly the one that would have come.

    Args:
        run: just made, by `new_run`. Its parts stay the same objects, and take on the state.
        state: from `collect`, also by way of a file. It is not changed.

    Raises:
        KeyError: a part is missing in the state.
        RuntimeError: the model has another shape (as load_state_dict says). Nothing else has been put back then.
    """
    # TODO 1: the model first, for it is the one that may not fit.
    # TODO 2: the other parts, the place in the data, the number of steps.
    # TODO 3: the random generators last: what is made before may draw from them.
    raise NotImplementedError("8.5 put_back")
