"""Everything that the next loss depends on: into a checkpoint, and out of it again."""

from typing import Any

from .checkpoint import capture_rng, restore_rng
from .tiny_trainer import TinyRun


def collect(run: TinyRun) -> dict[str, Any]:
    """What a run must remember so that it can go on in another process as if nothing had happened.

    Returns:
        Tensors, numbers, strings, None, and lists, tuples and dicts of these: what save_checkpoint takes, and what can
        be loaded without running any code. The parts are told by their state_dicts, never pickled themselves. Model,
        optimizer, schedule, scaler, the place in the data (`batches.epoch` and `batches.taken`), the number of steps,
        and every random generator. The run is not changed.
    """
    return {
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
        "scaler": run.scaler.state_dict(),
        "data": {"epoch": run.batches.epoch, "taken": run.batches.taken},
        "step": run.step,
        "rng": capture_rng(),
    }


def put_back(run: TinyRun, state: dict[str, Any]) -> None:
    """Bring a new run to where `collect` was called: the next loss is exactly the one that would have come.

    Args:
        run: just made, by `new_run`. Its parts stay the same objects, and take on the state.
        state: from `collect`, also by way of a file. It is not changed.

    Raises:
        KeyError: a part is missing in the state.
        RuntimeError: the model has another shape (as load_state_dict says). Nothing else has been put back then.
    """
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.schedule.load_state_dict(state["schedule"])
    run.scaler.load_state_dict(state["scaler"])
    run.batches.epoch = state["data"]["epoch"]
    run.batches.taken = state["data"]["taken"]
    run.step = state["step"]
    restore_rng(state["rng"])
