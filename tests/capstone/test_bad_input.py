"""Whatever is wrong with what a user hands over: one sentence, an exit code, and nothing lost."""

import errno
import hashlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from capstone import errors
from capstone.evaluate import main as evaluate
from capstone.generate import main as generate
from capstone.train import main as train

ROOT = Path(__file__).parents[2]


def told(command, arguments, capsys, monkeypatch) -> tuple[int, str]:
    """Exit code and message of a command, as its user sees them."""
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["capstone", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        errors.run(command)
    return end.value.code, capsys.readouterr().err.strip()


@pytest.fixture
def say(capsys, monkeypatch):
    return lambda command, *arguments: told(command, arguments, capsys, monkeypatch)


def test_missing_text(say, options):
    code, message = say(train, *options, "--text", "no/such/file.txt")
    assert code == 1
    assert "no/such/file.txt" in message.splitlines()[-1]


def test_unknown_text(say, options):
    code, message = say(train, *options, "--text", "encyclopaedia")
    assert code == 1
    assert "Did you mean 'encyclopedia'?" in message


def test_corrupt_text(say, options, tmp_path):
    (tmp_path / "latin.txt").write_bytes("caf\xe9 \xff".encode("latin-1") * 500)
    code, message = say(train, *options, "--text", tmp_path / "latin.txt")
    assert code == 1
    assert "is not UTF-8" in message


def test_short_text(say, options, tmp_path):
    (tmp_path / "short.txt").write_text("one two three\n" * 6, encoding="utf-8")
    code, message = say(train, *options, "--text", tmp_path / "short.txt", "--block-size", "64")
    assert code == 1
    assert "choose smaller ones, or a longer text" in message
    assert not (tmp_path / "runs" / "default").exists()


def test_vocabulary_without_room(say, options, text_file):
    tokens = text_file.with_name("special.txt")
    tokens.write_text(text_file.read_text(encoding="utf-8"), encoding="utf-8")
    code, message = say(train, *options, "--vocab-size", "100")
    assert (code, "--vocab-size is 100: it must be at least 257" in message) == (2, True)


def test_missing_and_damaged_tokenizer(say, options, tmp_path):
    assert say(train, *options, "--tokenizer", "none.json") == (1, "--tokenizer none.json is not there.")
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    code, message = say(train, *options, "--tokenizer", tmp_path / "bad.json")
    assert code == 1
    assert "holds no tokenizer" in message


def test_device_that_is_not_there(say, options):
    code, message = say(train, *options, "--device", "tpu9")
    assert code == 1
    assert message.startswith("--device tpu9 cannot be used here")


def test_damaged_cache_is_made_again(options, tmp_path, capsys):
    assert train([*options, "--steps", "1"]) == 0
    cached = next((tmp_path / "runs" / ".cache").glob("*/train.npy"))
    whole = cached.read_bytes()
    cached.write_bytes(whole[:-7])
    assert train([*options, "--steps", "1"]) == 0
    assert "were damaged; they are made again" in capsys.readouterr().out
    assert cached.read_bytes() == whole


@pytest.mark.parametrize("damage", ["cut", "bit", "text", "gone", "other"])
def test_checkpoint_that_is_none(say, copied, damage):
    folder = copied()
    path = folder / "best.pt"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "bit":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "text":
        path.write_text("no checkpoint", encoding="utf-8")
    elif damage == "gone":
        path.unlink()
    else:
        torch.save({"model": {}}, path)
    for command in (evaluate, generate):
        code, message = say(command, folder)
        assert code == 1
        assert "best.pt" in message
        assert len(message.splitlines()) == 1
        if damage in ("cut", "bit", "text"):
            assert f"copy {folder / 'step-00000012.pt'} over it" in message  # what to do, and that one is whole


def test_checkpoint_of_another_shape(say, copied):
    folder = copied()
    config = folder / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"n_embd": 16', '"n_embd": 32'), encoding="utf-8")
    code, message = say(generate, folder)
    assert code == 1
    assert "holds a model of another shape or of other pieces" in message
    assert say(train, "--resume", folder)[0] == 1


def test_checkpoint_of_other_pieces(say, copied):
    folder = copied()
    state = torch.load(folder / "step-00000012.pt", weights_only=True)
    state["pieces"]["day02_attention/layer_norm.py"] = "mine 0123"
    torch.save(state, folder / "step-00000012.pt")
    code, message = say(train, "--resume", folder)
    assert code == 1
    assert "was trained with other pieces" in message
    assert "day02_attention/layer_norm.py: mine → reference" in message


def test_no_run(say):
    for command in (evaluate, generate):
        code, message = say(command, "nothing-here")
        assert code == 1
        assert message.startswith("There is no run nothing-here")
    assert say(train, "--resume", "nothing-here")[0] == 2


def test_long_prompt(say, trained):
    code, message = say(generate, trained, "--prompt", "a b c d e f g h i j k l m n o p q r s t u v w x y z")
    assert code == 1
    assert "the context only 16: shorten it" in message


def test_settings_of_generate_that_cannot_be(say, trained):
    code, message = say(generate, trained, "--top-p", "0", "--temperature", "-1", "--tokens", "0")
    assert code == 2
    assert [line.split()[0] for line in message.splitlines()] == ["--tokens", "--temperature", "--top-p"]


def test_stride_that_does_not_fit(say, trained):
    assert say(evaluate, trained, "--stride", "17")[0] == 2


def test_nan_stops_the_run_and_keeps_the_checkpoint(say, options, tmp_path, monkeypatch):
    from solutions.day05_training import train_step as piece

    original, seen = piece.train_step, [0]

    def poisoned(model, batch, optimizer, lr, max_norm=1.0, inspect=None):
        result = original(model, batch, optimizer, lr, max_norm)
        seen[0] += max_norm == 1.0 and batch[0].shape[1] == 16 and model.config.vocab_size > 65
        return result._replace(loss=result.loss * float("nan")) if seen[0] == 9 else result

    monkeypatch.setattr(piece, "train_step", poisoned)
    code, message = say(train, *options, "--name", "poisoned")
    assert code == 1
    assert "The loss was nan at step 9" in message
    state = torch.load(tmp_path / "runs" / "poisoned" / "step-00000006.pt", weights_only=True)
    assert state["progress"]["step"] == 6


def test_sys_exit_in_a_piece(say, options, tmp_path, monkeypatch):
    from solutions.day05_training import schedule as piece

    def leaves(step, *arguments):
        if step == 8:
            sys.exit(0)
        return 1e-3

    monkeypatch.setattr(piece, "warmup_cosine", leaves)
    code, message = say(train, *options, "--name", "left")
    assert code == 1
    assert "A piece called sys.exit" in message
    assert (tmp_path / "runs" / "left" / "step-00000006.pt").is_file()


def test_full_disk_keeps_the_checkpoint(say, options, tmp_path, monkeypatch):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert train([*options, "--name", "full", "--steps", "7", "--eval-every", "6"]) == 0
    folder = tmp_path / "runs" / "full"
    config = folder / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"steps": 7', '"steps": 12'), encoding="utf-8")
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.pt")}
    assert before.keys() == {"step-00000006.pt", "step-00000007.pt", "best.pt"}
    monkeypatch.setattr("capstone.train.preflight", lambda *_: None)
    monkeypatch.setattr(os, "fsync", full)
    code, message = say(train, "--resume", folder)
    assert code == 1
    assert "could not be written: No space left on device. What was saved before is still there." in message
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.pt")} == before
    assert not list(folder.glob("*.unfinished"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_file_limit_of_the_system_keeps_the_checkpoint(tmp_path):
    """The same with a real limit on the size of a file, in a process of its own."""
    from solutions.day08_checkpoints.checkpoint import load_checkpoint, save_checkpoint

    path = tmp_path / "last.pt"
    save_checkpoint(path, {"step": 1})
    code = (
        "import torch, sys; from solutions.day08_checkpoints.checkpoint import save_checkpoint\n"
        "try: save_checkpoint(sys.argv[1], {'big': torch.zeros(100_000)})\n"
        "except OSError as error: sys.exit(error.strerror)"
    )
    limit = (100_000, 100_000)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert (done.returncode, done.stderr.strip()) == (1, "File too large")
    assert load_checkpoint(path) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]
