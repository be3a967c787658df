"""Checks of task 8.4, board.py."""

import contextlib
import os
import sys
import tempfile
import threading
import types
from importlib.abc import MetaPathFinder
from pathlib import Path

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def scalars_in(folder):
    """Tag → [(where, value), …] of the event files in a folder and below it."""
    found = {}
    for place in sorted({path.parent for path in Path(folder).rglob("*tfevents*")}):
        events = EventAccumulator(str(place))
        events.Reload()
        for tag in events.Tags()["scalars"]:
            found.setdefault(tag, []).extend((event.step, event.value) for event in events.Scalars(tag))
    return found


def written(board, folder):
    before = len(writers())
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        logs = Path(place) / "not" / "there yet"
        recorder = board.Board(logs)
        recorder.log({"loss": 7.5, "lr": 1e-3}, step=10, tokens=5120)
        recorder.log({"loss": 6.25, "lr": 2e-3}, step=20, tokens=8192)
        recorder.log({"val_perplexity": 412.0}, step=20, tokens=8192)
        recorder.close()
        writing = len(writers())
        close_whatever_is_open(recorder)
        found = scalars_in(logs)
    return {
        "tags": sorted(found),
        "steps of loss": [step for step, _ in found.get("by_step/loss", [])],
        "tokens of loss": [tokens for tokens, _ in found.get("by_tokens/loss", [])],
        "values of loss": torch.tensor([value for _, value in found.get("by_step/loss", [])]),
        "values of lr": torch.tensor([value for _, value in found.get("by_tokens/lr", [])]),
        "perplexity": [list(pair) for pair in found.get("by_tokens/val_perplexity", [])],
        "writers that were not closed": writing - before,
    }


def test_scalars(lesson, compare, tmp_path):
    """Three logs, closed, and read back from TensorBoard's own files: against steps and against tokens."""
    expected = {
        "tags": [f"by_{axis}/{name}" for axis in ("step", "tokens") for name in ("loss", "lr", "val_perplexity")],
        "steps of loss": [10, 20],
        "tokens of loss": [5120, 8192],
        "values of loss": torch.tensor([7.5, 6.25]),
        "values of lr": torch.tensor([1e-3, 2e-3]),
        "perplexity": [[8192, 412.0]],
        "writers that were not closed": 0,
    }
    compare(lambda board: written(board, tmp_path), lesson("board"), expected=expected, atol=1e-9)


def not_finite(board, folder):
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        recorder = board.Board(place)
        recorder.log({"loss": float("nan"), "grad_norm": float("inf"), "lr": 0.5}, step=3, tokens=30)
        recorder.close()
        recorder.close()
        close_whatever_is_open(recorder)
        found = scalars_in(place)
    return {name: found.get(f"by_step/{name}", [("", "nothing")])[0][1] for name in ("lr", "loss", "grad_norm")}


def test_not_finite(lesson, compare, tmp_path):
    """NaN and infinity are recorded as they are, and closing twice does no harm."""
    compare(
        lambda board: not_finite(board, tmp_path),
        lesson("board"),
        expected={"lr": 0.5, "loss": float("nan"), "grad_norm": float("inf")},
    )


def writers():
    """The threads in which TensorBoard writes; closing a writer ends its own."""
    return [thread for thread in threading.enumerate() if type(thread).__module__.startswith("tensorboard")]


def close_whatever_is_open(recorder):
    """A writer that was never closed would go on writing into a folder that is gone."""
    for part in vars(recorder).values():
        if hasattr(part, "add_scalar"):
            part.close()


class NotInstalled(MetaPathFinder):
    """Notes every attempt to import TensorBoard or W&B, and says that neither is installed."""

    def __init__(self):
        self.attempts = []

    def find_spec(self, fullname, path=None, target=None):
        if is_backend(fullname):
            self.attempts.append(fullname)
            missing = "tensorboard" if "tensorboard" in fullname else "wandb"
            raise ModuleNotFoundError(f"No module named '{missing}'", name=missing)
        return None


def is_backend(name):
    return name in ("wandb", "tensorboard", "torch.utils.tensorboard") or name.startswith(
        ("wandb.", "tensorboard.", "torch.utils.tensorboard.")
    )


@contextlib.contextmanager
def nothing_installed():
    finder = NotInstalled()
    there = {name: sys.modules.pop(name) for name in list(sys.modules) if is_backend(name)}
    attribute = vars(torch.utils).pop("tensorboard", None)
    sys.meta_path.insert(0, finder)
    try:
        yield finder
    finally:
        sys.meta_path.remove(finder)
        sys.modules.update(there)
        if attribute is not None:
            torch.utils.tensorboard = attribute


def what_it_says(action):
    try:
        action()
    except (ModuleNotFoundError, ValueError) as error:
        return type(error).__name__, str(error)
    return "nothing", ""


def without_packages(board, folder):
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place, nothing_installed() as finder:
        recorder = board.Board(Path(place) / "none", backend="none")
        recorder.log({"loss": 1.0}, step=1, tokens=10)
        recorder.close()
        made = sorted(path.name for path in Path(place).iterdir())
        attempts = len(finder.attempts)
        tensorboard, how = what_it_says(lambda: board.Board(Path(place) / "a"))
        wandb, how_wandb = what_it_says(lambda: board.Board(Path(place) / "b", backend="wandb"))
        unknown, names = what_it_says(lambda: board.Board(Path(place) / "c", backend="tensorbord"))
    return {
        "imports for none": attempts,
        "made for none": made,
        "tensorboard missing": tensorboard,
        "it says `pip install tensorboard`": "pip install tensorboard" in how,
        "wandb missing": wandb,
        "it says `pip install wandb`": "pip install wandb" in how_wandb,
        "no such backend": unknown,
        "it names those that there are": all(name in names for name in ("tensorboard", "wandb", "none")),
    }


def test_only_when_asked(lesson, compare, tmp_path):
    """A package is imported only when it is asked for; if it is missing, the error says what to type."""
    expected = {
        "imports for none": 0,
        "made for none": [],
        "tensorboard missing": "ModuleNotFoundError",
        "it says `pip install tensorboard`": True,
        "wandb missing": "ModuleNotFoundError",
        "it says `pip install wandb`": True,
        "no such backend": "ValueError",
        "it names those that there are": True,
    }
    compare(lambda board: without_packages(board, tmp_path), lesson("board"), expected=expected)


class FakeWandb(types.ModuleType):
    """Stands in for W&B: notes what it is told."""

    def __init__(self):
        super().__init__("wandb")
        self.run = None
        self.told = {"mode": None, "folder": None, "folder is there": False, "config": None, "logs": [], "finished": 0}

    def init(self, **settings):
        self.told["mode"] = settings.get("mode") or os.environ.get("WANDB_MODE")
        folder = Path(str(settings.get("dir")))
        self.told["folder"], self.told["folder is there"] = folder.name, folder.is_dir()
        self.told["config"] = dict(settings.get("config") or {})
        self.run = self
        return self

    def log(self, values, step=None):
        self.told["logs"].append([{name: float(value) for name, value in values.items()}, step])

    def finish(self):
        self.told["finished"] += 1


def told(board, place, mode, **settings):
    """What W&B is told, with the variable WANDB_MODE as given."""
    fake, there, before = FakeWandb(), sys.modules.get("wandb"), os.environ.pop("WANDB_MODE", None)
    sys.modules["wandb"] = fake
    if mode:
        os.environ["WANDB_MODE"] = mode
    try:
        recorder = board.Board(place, backend="wandb", **settings)
        recorder.log({"loss": 2.5, "lr": 0.1}, step=40, tokens=4096)
        recorder.close()
        recorder.close()
    finally:
        del sys.modules["wandb"]
        if there is not None:
            sys.modules["wandb"] = there
        os.environ.pop("WANDB_MODE", None)
        if before is not None:
            os.environ["WANDB_MODE"] = before
    return fake.told


def with_wandb(board, folder):
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        unset = told(board, Path(place) / "logs", "", config={"lr": 0.1})
        online = told(board, Path(place) / "logs", "online")
        files = sorted(path.name for path in Path(place).rglob("*tfevents*"))
    return {
        "mode where WANDB_MODE is not set": unset["mode"],
        "mode with WANDB_MODE=online": online["mode"],
        "folder": unset["folder"],
        "folder is there": unset["folder is there"],
        "config": unset["config"],
        "config where none is given": online["config"],
        "logs": unset["logs"],
        "finished": unset["finished"] > 0,
        "TensorBoard's files": files,
    }


def test_wandb(lesson, compare, tmp_path):
    """W&B (a stand-in here) is offline unless WANDB_MODE says otherwise; it gets values and tokens in one call."""
    expected = {
        "mode where WANDB_MODE is not set": "offline",
        "mode with WANDB_MODE=online": "online",
        "folder": "logs",
        "folder is there": True,
        "config": {"lr": 0.1},
        "config where none is given": {},
        "logs": [[{"loss": 2.5, "lr": 0.1, "tokens": 4096.0}, 40]],
        "finished": True,
        "TensorBoard's files": [],
    }
    compare(lambda board: with_wandb(board, tmp_path), lesson("board"), expected=expected)
