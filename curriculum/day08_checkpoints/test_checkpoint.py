"""Checks of task 8.5, checkpoint.py."""

import contextlib
import errno
import io
import os
import pickle
import random
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from grader import raised


def state_of(seed):
    """What a trainer might keep."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "model": {"weight": torch.randn(300, 4, generator=generator), "steps": torch.tensor(seed)},
        "half": torch.randn(5, generator=generator).to(torch.bfloat16),
        "lr": 6e-4,
        "betas": (0.9, 0.95),
        "note": None,
        "order": [3, 1, {"name": "ß"}],
    }


def there_and_back(checkpoint, folder):
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        path = Path(place) / "last.pt"
        checkpoint.save_checkpoint(str(path), state_of(1))
        checkpoint.save_checkpoint(path, state_of(2))
        state = checkpoint.load_checkpoint(str(path))
        elsewhere = checkpoint.load_checkpoint(path, map_location="meta")
        names = sorted(file.name for file in Path(place).iterdir())
    return {"state": state, "files": names, "loaded to another device": str(elsewhere["model"]["weight"].device)}


def test_there_and_back(lesson, compare, tmp_path):
    """The second of two saves under one name comes back as it was, and nothing else lies there."""
    compare(
        lambda checkpoint: there_and_back(checkpoint, tmp_path),
        lesson("checkpoint"),
        expected=lambda: {"state": state_of(2), "files": ["last.pt"], "loaded to another device": "meta"},
        rtol=0,
        atol=0,
    )


@contextlib.contextmanager
def instead_of_fsync(function):
    real = os.fsync
    os.fsync = function
    try:
        yield real
    finally:
        os.fsync = real


def seed_in(path):
    """Which state lies there whole: its seed, or "nothing whole"."""
    try:
        return int(torch.load(path, weights_only=True)["model"]["steps"])
    except Exception:
        return "nothing whole"


def watched_and_broken(checkpoint, folder):
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        path = Path(place) / "last.pt"
        checkpoint.save_checkpoint(path, state_of(1))
        meanwhile, forced = [], []

        def watch(file):
            meanwhile.append(seed_in(path))
            forced.append(os.fstat(file).st_size)
            real(file)

        with instead_of_fsync(watch) as real:
            checkpoint.save_checkpoint(path, {"model": {"steps": torch.tensor(2)}})  # small: a buffer holds it whole
        after, size = seed_in(path), path.stat().st_size

        def full(file):
            raise OSError(errno.ENOSPC, "No space left on device")

        with instead_of_fsync(full):
            on_full_disk = raised(lambda: checkpoint.save_checkpoint(path, state_of(3)))
        kept = seed_in(path)
        raised(lambda: checkpoint.save_checkpoint(path, {"model": lambda: None}))
        names = sorted(file.name for file in Path(place).iterdir())
        return {
            "forced to the disk": bool(meanwhile),
            "all of it was forced": size in forced,
            "under the name while the second is written": meanwhile[0] if meanwhile else "not forced",
            "under the name when it is saved": after,
            "the disk is full": on_full_disk,
            "under the name after the full disk": kept,
            "under the name after a state that cannot be saved": seed_in(path),
            "files at the end": names,
        }


def test_whole_or_not_at_all(lesson, compare, tmp_path):
    """While a save goes on, and when it fails, the checkpoint of before lies there whole; no unfinished file stays."""
    expected = {
        "forced to the disk": True,
        "all of it was forced": True,
        "under the name while the second is written": 1,
        "under the name when it is saved": 2,
        "the disk is full": "OSError",
        "under the name after the full disk": 2,
        "under the name after a state that cannot be saved": 2,
        "files at the end": ["last.pt"],
    }
    compare(lambda checkpoint: watched_and_broken(checkpoint, tmp_path), lesson("checkpoint"), expected=expected)


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return exec, ("import builtins; builtins.__dict__.setdefault('checkpoint_ran', []).append(1)",)


def damaged(checkpoint, folder):
    import builtins

    buffer = io.BytesIO()
    torch.save(state_of(1), buffer)
    whole = buffer.getvalue()
    weight = whole.index(state_of(1)["model"]["weight"].numpy().tobytes()[:64])
    flipped = bytearray(whole)
    flipped[weight + 30] ^= 4
    evil = io.BytesIO()
    torch.save({"model": Evil()}, evil)
    contents = {
        "cut to half": whole[: len(whole) // 2],
        "the last byte is missing": whole[:-1],
        "empty": b"",
        "one bit of a weight is flipped": bytes(flipped),
        "a text": b"This is no checkpoint.",
        "another pickle": pickle.dumps({"model": 1}),
        "a file with code in it": evil.getvalue(),
    }
    found = {}
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        for name, content in contents.items():
            path = Path(place) / "some.pt"
            path.write_bytes(content)
            found[name] = raised(lambda path=path: checkpoint.load_checkpoint(path))
        found["no such file"] = raised(lambda: checkpoint.load_checkpoint(Path(place) / "none.pt"))
    found["the code in the file ran"] = bool(builtins.__dict__.pop("checkpoint_ran", []))
    return found


def test_damaged_files(lesson, compare, tmp_path):
    """Files that are cut, changed or something else are a ValueError, and no code in them is run."""
    names = ["cut to half", "the last byte is missing", "empty", "one bit of a weight is flipped", "a text"]
    names += ["another pickle", "a file with code in it"]
    compare(
        lambda checkpoint: damaged(checkpoint, tmp_path),
        lesson("checkpoint"),
        expected={
            **dict.fromkeys(names, "ValueError"),
            "no such file": "FileNotFoundError",
            "the code in the file ran": False,
        },
    )


def draw():
    """One number of each generator. Both gauss() remember a second number for the next call."""
    return torch.tensor([random.gauss(0, 1), np.random.normal(), torch.rand(()).item()], dtype=torch.float64)


def rewound(checkpoint):
    draw()
    state = checkpoint.capture_rng()
    numbers = torch.stack([draw() for _ in range(3)])
    random.seed(99), np.random.seed(99), torch.default_generator.manual_seed(99)
    draw(), draw()
    checkpoint.restore_rng(state)
    again = torch.stack([draw() for _ in range(3)])
    through_file = io.BytesIO()
    torch.save(state, through_file)
    through_file.seek(0)
    try:
        checkpoint.restore_rng(torch.load(through_file, weights_only=True))
        from_file = torch.stack([draw() for _ in range(3)]) - numbers
    except Exception as error:
        from_file = f"cannot be loaded with weights_only=True: {type(error).__name__}"
    return {
        "Python's numbers again minus before": again[:, 0] - numbers[:, 0],
        "NumPy's": again[:, 1] - numbers[:, 1],
        "PyTorch's": again[:, 2] - numbers[:, 2],
        "all by way of a file": from_file,
    }


def test_random_generators(lesson, compare):
    """After restore_rng each generator gives the numbers that followed on capture_rng, also by way of a file."""
    zeros = torch.zeros(3, dtype=torch.float64)
    expected = {
        "Python's numbers again minus before": zeros,
        "NumPy's": zeros,
        "PyTorch's": zeros,
        "all by way of a file": torch.zeros(3, 3, dtype=torch.float64),
    }
    compare(rewound, lesson("checkpoint"), expected=expected, rtol=0, atol=0)


@contextlib.contextmanager
def cuda_devices(count, states):
    """As if the machine had so many CUDA devices, whose generators' states are kept in a dict."""

    def number(device):
        return device if isinstance(device, int) else torch.device(device).index or 0

    def put(state, device="cuda"):
        if number(device) >= count:
            raise RuntimeError("CUDA error: invalid device ordinal")
        states[number(device)] = state

    def put_all(several):
        for device, state in enumerate(several):
            put(state, device)

    with mock.patch.multiple(
        torch.cuda,
        is_available=lambda: count > 0,
        device_count=lambda: count,
        get_rng_state=lambda device="cuda": states[number(device)],
        get_rng_state_all=lambda: [states[device] for device in range(count)],
        set_rng_state=put,
        set_rng_state_all=put_all,
    ):
        yield


def rewound_on_cuda(checkpoint):
    three = {device: torch.full((4,), device + 1, dtype=torch.uint8) for device in range(3)}
    put_back = {}
    with cuda_devices(3, three):
        state = checkpoint.capture_rng()
    with cuda_devices(2, put_back):
        checkpoint.restore_rng(state)
    with cuda_devices(0, {}):
        without = raised(lambda: checkpoint.restore_rng(state))
    return {
        "two of three devices are here": [[device, put_back[device].tolist()] for device in sorted(put_back)],
        "none is here": without,
    }


def test_cuda_generators(lesson, compare):
    """Each CUDA device has a generator of its own (they are played here); those of devices that are gone are left."""
    expected = {"two of three devices are here": [[0, [1] * 4], [1, [2] * 4]], "none is here": "nothing"}
    compare(rewound_on_cuda, lesson("checkpoint"), expected=expected)


def captured_without_drawing(checkpoint):
    checkpoint.capture_rng()
    after = draw()
    random.seed(0), np.random.seed(0), torch.default_generator.manual_seed(0)
    return {"numbers after a capture": after}


def drawn_without_capturing():
    return {"numbers after a capture": draw()}


def test_capturing_changes_nothing(lesson, compare):
    """To capture the generators does not move them."""
    compare(captured_without_drawing, lesson("checkpoint"), expected=drawn_without_capturing, rtol=0, atol=0)
