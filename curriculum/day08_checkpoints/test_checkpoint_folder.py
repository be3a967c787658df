"""Checks of task 8.5, checkpoint_folder.py."""

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import torch

from grader import raised


def state_of(number):
    return {"model": {"weight": torch.full((40,), float(number))}, "number": number}


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def number_in(path):
    try:
        return torch.load(path, weights_only=True)["number"]
    except Exception:
        return "nothing whole"


def saved_in_turn(checkpoint_folder, folder):
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        runs = Path(place) / "runs" / "mine"
        checkpoints = checkpoint_folder.CheckpointFolder(str(runs), keep=2)
        paths, names = [], []
        for step in (9, 10, 11, 100, 99_999_999, 100_000_000):
            paths.append(Path(checkpoints.save(step, state_of(step))))
            names.append(names_in(runs))
        last = number_in(paths[-1])
        unsaid = checkpoint_folder.CheckpointFolder(Path(place) / "unsaid")
        for step in range(4):
            unsaid.save(step, state_of(step))
        kept = names_in(Path(place) / "unsaid")
        again = checkpoint_folder.CheckpointFolder(runs, keep=1)
        again.save(100_000_001, state_of(7))
        return {
            "names after each save": names,
            "path that came back": [paths[0].name, paths[0].parent == runs],
            "state of the last": last,
            "names after a restart with keep=1": names_in(runs),
            "keep=0": raised(lambda: checkpoint_folder.CheckpointFolder(runs, keep=0)),
            "kept of four if you do not say how many": len(kept),
        }


def test_newest_are_kept(lesson, compare, tmp_path):
    """Six saves with keep=2, one of them with nine digits; then another process with keep=1."""
    names = [[9], [9, 10], [10, 11], [11, 100], [100, 99_999_999], [100_000_000, 99_999_999]]
    expected = {
        "names after each save": [[f"step-{step:08d}.pt" for step in steps] for steps in names],
        "path that came back": ["step-00000009.pt", True],
        "state of the last": 100_000_000,
        "names after a restart with keep=1": ["step-100000001.pt"],
        "keep=0": "ValueError",
        "kept of four if you do not say how many": 3,
    }
    compare(lambda folder: saved_in_turn(folder, tmp_path), lesson("checkpoint_folder"), expected=expected)


def what_stays(checkpoint_folder, folder):
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        checkpoints = checkpoint_folder.CheckpointFolder(place, keep=1)
        checkpoints.save_best(2.5, state_of(1))
        checkpoints.save(40, state_of(40))
        for name in ("last.pt", "step-3.txt", "notes.md", "my-step-00000007.pt"):
            (Path(place) / name).write_text("mine", encoding="utf-8")
        (Path(place) / "step-00000030.pt.unfinished").write_bytes(b"PK half of it")
        checkpoints.save(20, state_of(20))  # the run went back, and comes by here once more
        after_twenty = names_in(place)
        checkpoints.save(20, state_of(21))
        replaced = number_in(Path(place) / "step-00000020.pt")
        checkpoints.save(50, state_of(50))
        return {
            "after a save at 20 beside 40": after_twenty,
            "20 saved again": replaced,
            "after a save at 50": names_in(place),
        }


def test_what_stays(lesson, compare, tmp_path):
    """best.pt, later steps and other people's files stay; what a killed process left unfinished goes."""
    others = ["best.pt", "last.pt", "my-step-00000007.pt", "notes.md"]
    expected = {
        "after a save at 20 beside 40": [*others, "step-00000020.pt", "step-00000040.pt", "step-3.txt"],
        "20 saved again": 21,
        "after a save at 50": [*others, "step-00000050.pt", "step-3.txt"],
    }
    compare(lambda folder: what_stays(folder, tmp_path), lesson("checkpoint_folder"), expected=expected)


def on_a_full_disk(checkpoint_folder, folder):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        checkpoints = checkpoint_folder.CheckpointFolder(place, keep=1)
        checkpoints.save(10, state_of(10))
        checkpoints.save_best(2.0, state_of(10))
        real, os.fsync = os.fsync, full
        try:
            saving = raised(lambda: checkpoints.save(20, state_of(20)))
            best = raised(lambda: checkpoints.save_best(1.0, state_of(20)))
        finally:
            os.fsync = real
        names = names_in(place)
        in_best = number_in(Path(place) / "best.pt")
        return {
            "a save": saving,
            "a save of the best": best,
            "files": names,
            "in best.pt": in_best,
            "a loss of 1.5 when there is room again": checkpoints.save_best(1.5, state_of(15)),
        }


def test_full_disk(lesson, compare, tmp_path):
    """When a save fails for want of space, nothing has been deleted, and no loss is taken for saved."""
    expected = {
        "a save": "OSError",
        "a save of the best": "OSError",
        "files": ["best.pt", "step-00000010.pt"],
        "in best.pt": 10,
        "a loss of 1.5 when there is room again": True,
    }
    compare(lambda folder: on_a_full_disk(folder, tmp_path), lesson("checkpoint_folder"), expected=expected)


LOSSES = [3.0, float("nan"), 2.5, 2.75, 2.5, np.float64(2.25), float("inf")]


def the_best(checkpoint_folder, folder):
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        path = Path(place) / "best.pt"
        checkpoints = checkpoint_folder.CheckpointFolder(place)
        nan_first = checkpoints.save_best(float("nan"), state_of(99))
        states, written, numbers = [], [], []
        for number, loss in enumerate(LOSSES):
            states.append(state_of(number))
            written.append(checkpoints.save_best(loss, states[-1]))
            numbers.append(number_in(path))
        stored = torch.load(path, weights_only=False) if path.is_file() else {}
        later = checkpoint_folder.CheckpointFolder(place)
        after_restart = [later.save_best(loss, state_of(10)) for loss in (2.375, 2.125)]
        path.write_bytes(path.read_bytes()[:200] if path.is_file() else b"")
        damaged = checkpoint_folder.CheckpointFolder(place).save_best(4.0, state_of(11))
        return {
            "NaN when there is none yet": nan_first,
            "written": written,
            "in best.pt": numbers,
            "val_loss in it": [stored.get("val_loss"), type(stored.get("val_loss")).__name__],
            "added to the states that were given": [
                name for state in states for name in sorted(state.keys() - {"model", "number"})
            ],
            "2.375 and 2.125 after a restart": after_restart,
            "best.pt is damaged: 4.0": [damaged, number_in(path)],
        }


def test_best(lesson, compare, tmp_path):
    """best.pt is replaced by what is lower, and by nothing else: not by NaN, not by an equal, not after a restart."""
    expected = {
        "NaN when there is none yet": False,
        "written": [True, False, True, False, False, True, False],
        "in best.pt": [0, 0, 2, 2, 2, 5, 5],
        "val_loss in it": [2.25, "float"],
        "added to the states that were given": [],
        "2.375 and 2.125 after a restart": [False, True],
        "best.pt is damaged: 4.0": [True, 11],
    }
    compare(lambda folder: the_best(folder, tmp_path), lesson("checkpoint_folder"), expected=expected)


def newest_found(checkpoint_folder, folder):
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        checkpoints = checkpoint_folder.CheckpointFolder(place, keep=9)
        before = list(checkpoints.damaged)
        nothing = checkpoints.newest()
        for step in (70, 80, 90, 100):
            checkpoints.save(step, state_of(step))
            os.utime(Path(place) / f"step-{step:08d}.pt", (2_000_000 - step, 2_000_000 - step))  # copied about since
        checkpoints.save_best(1.0, state_of(5))
        (Path(place) / "step-00000200.pt.unfinished").write_bytes(b"PK half of it")
        all_whole = checkpoints.newest()
        none_damaged = [Path(path).name for path, _ in checkpoints.damaged]
        (Path(place) / "step-00000100.pt").write_bytes(b"")
        cut = Path(place) / "step-00000090.pt"
        cut.write_bytes(cut.read_bytes()[:-40])
        try:
            two_damaged = checkpoints.newest()
        except ValueError:
            two_damaged = None
        listed = [[Path(path).name, bool(reason), type(reason).__name__] for path, reason in checkpoints.damaged]
        left = names_in(place)
        cut.unlink(missing_ok=True), (Path(place) / "step-00000100.pt").unlink(missing_ok=True)
        mended = checkpoints.newest()
        return {
            "listed as damaged before anyone looked": before,
            "in an empty folder": nothing,
            "all are whole": [Path(all_whole[0]).name, all_whole[1]["number"]] if all_whole else "none found",
            "listed as damaged": none_damaged,
            "two are damaged": [Path(two_damaged[0]).name, two_damaged[1]["number"]] if two_damaged else "none found",
            "its weights": two_damaged[1]["model"]["weight"] if two_damaged else "none found",
            "listed as damaged with a reason": listed,
            "files": [name for name in left if name.startswith("step") and name.endswith(".pt")],
            "looked again without those two": [Path(mended[0]).name, len(checkpoints.damaged)] if mended else "none",
        }


def test_newest(lesson, compare, tmp_path):
    """The newest whole checkpoint by its step, whatever the file's date; damaged ones are passed over and listed."""
    steps = [f"step-{step:08d}.pt" for step in (70, 80, 90, 100)]
    expected = {
        "listed as damaged before anyone looked": [],
        "in an empty folder": None,
        "all are whole": [steps[3], 100],
        "listed as damaged": [],
        "two are damaged": [steps[1], 80],
        "its weights": torch.full((40,), 80.0),
        "listed as damaged with a reason": [[steps[3], True, "str"], [steps[2], True, "str"]],
        "files": steps,
        "looked again without those two": [steps[1], 0],
    }
    compare(lambda folder: newest_found(folder, tmp_path), lesson("checkpoint_folder"), expected=expected)
