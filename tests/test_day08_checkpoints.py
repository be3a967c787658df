"""Day 8's reference: killed for real, beside PyTorch's own results, and its scripts as people start them."""

import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from solutions.day08_checkpoints import monitored_run, tune
from solutions.day08_checkpoints.accumulation import accumulated_step, in_groups
from solutions.day08_checkpoints.board import Board
from solutions.day08_checkpoints.checkpoint import load_checkpoint, save_checkpoint
from solutions.day08_checkpoints.checkpoint_folder import CheckpointFolder
from solutions.day08_checkpoints.monitor import Monitor, spike_limit
from solutions.day08_checkpoints.standing import GPT2_TOKENS, in_other_units, where_it_stands

ROOT = Path(__file__).parents[1]
RECORDED = json.loads((ROOT / "docs" / "runs" / "wikitext2-first" / "metrics.json").read_text(encoding="utf-8"))


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(13, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 13)

    def forward(self, x):
        return self.head(self.norm(self.embedding(x))), None


def batch(sequences, length, generator):
    x = torch.randint(13, (sequences, length), generator=generator)
    y = torch.randint(13, (sequences, length), generator=generator)
    y[torch.rand(y.shape, generator=generator) < 0.3] = -100
    return x, y


@pytest.mark.parametrize("max_norm", [0.05, math.inf])
def test_accumulation_is_the_large_batch_with_adamw(max_norm):
    """Twelve sequences of one length at once, or as 5 + 4 + 3: PyTorch's own mean and AdamW are the oracle."""
    torch.manual_seed(0)
    mine, theirs = Tiny(), Tiny()
    theirs.load_state_dict(mine.state_dict())
    optimizers = [torch.optim.AdamW(model.parameters(), lr=0.02) for model in (mine, theirs)]
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        x, y = batch(12, 6, generator)
        parts = list(zip(x.split([5, 4, 3]), y.split([5, 4, 3]), strict=True))
        result = accumulated_step(mine, parts, optimizers[0], lr=0.02, max_norm=max_norm)
        optimizers[1].zero_grad()
        loss = nn.functional.cross_entropy(theirs(x)[0].flatten(0, 1), y.flatten())
        loss.backward()
        norm = nn.utils.clip_grad_norm_(theirs.parameters(), max_norm)
        optimizers[1].step()
        torch.testing.assert_close(torch.stack([result.loss, result.grad_norm]), torch.stack([loss.detach(), norm]))
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_groups_of_a_loader():
    loader = torch.utils.data.DataLoader(range(10), batch_size=3)
    assert [[b.tolist() for b in group] for group in in_groups(loader, 2)] == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9]]]


def test_the_recorded_run_stands_where_its_record_says():
    standing = where_it_stands(RECORDED)
    assert standing.units.ppl_word == pytest.approx(RECORDED["val_ppl_word"])
    assert standing.units.bits_per_byte == pytest.approx(RECORDED["val_bits_per_byte"])
    assert not standing.reached


def test_gpt2_tokens_are_those_of_gpt2():
    """Where the vocabulary and the text are at hand: COURSE_DATA/gpt2 and WikiText-2."""
    folder = Path(os.environ.get("COURSE_DATA", "")) / "gpt2"
    if not os.environ.get("COURSE_DATA") or not (folder / "merges.txt").is_file():
        pytest.skip("needs COURSE_DATA with gpt2/vocab.json and gpt2/merges.txt")
    from tokenizers import ByteLevelBPETokenizer

    from course_data import load_text

    tokenizer = ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    for split, count in GPT2_TOKENS.items():
        text = load_text("wikitext2-tokens", split)
        assert len(tokenizer.encode(text.text).ids) == count
    assert in_other_units(55.0, GPT2_TOKENS["validation"], 217_646) == pytest.approx(117.03, abs=0.01)


def test_killed_and_resumed_to_the_bit():
    """Three kills of a real process; every loss must be that of the run that was not killed."""
    command = [sys.executable, "-m", "solutions.day08_checkpoints.killed_run", "--kills", "3", "--steps", "80"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "80 of 80" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not replace a file that is being read")
def test_saving_from_a_thread_never_shows_a_torn_file(tmp_path):
    """Whoever looks while another saves again and again finds a whole checkpoint, the old or the new one."""
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"number": 0, "weight": torch.zeros(20_000)})
    stop = threading.Event()

    def save_again_and_again():
        number = 0
        while not stop.is_set():
            number += 1
            save_checkpoint(path, {"number": number, "weight": torch.full((20_000,), float(number))})

    thread = threading.Thread(target=save_again_and_again)
    thread.start()
    try:
        for _ in range(100):
            state = load_checkpoint(path)
            assert torch.equal(state["weight"], torch.full((20_000,), float(state["number"])))
    finally:
        stop.set()
        thread.join()


def test_every_cut_of_a_checkpoint_is_found(tmp_path):
    checkpoints = CheckpointFolder(tmp_path)
    checkpoints.save(1, {"weight": torch.arange(10.0)})
    path = checkpoints.save(2, {"weight": torch.arange(30.0)})
    whole = path.read_bytes()
    for size in range(0, len(whole), 37):
        path.write_bytes(whole[:size])
        found = checkpoints.newest()
        assert found is not None and found[0].name == "step-00000001.pt"
        assert [damaged.name for damaged, _ in checkpoints.damaged] == [path.name]


def test_spike_limit_holds_for_normal_numbers():
    """Of normally distributed values with standard deviation 1 the spread is about 1."""
    values = torch.randn(4001, generator=torch.Generator().manual_seed(0)).tolist()
    assert spike_limit(values, 1.0) == pytest.approx(1.0, abs=0.05)


def test_monitor_leaves_an_ordinary_run_alone():
    """Losses that fall with noise, norms with a long tail: nothing is skipped in two thousand steps."""
    generator = torch.Generator().manual_seed(0)
    monitor = Monitor()
    for step in range(2000):
        loss = 2 + 8 * 0.995**step + 0.2 * float(torch.randn((), generator=generator))
        norm = 0.4 * math.exp(0.3 * float(torch.randn((), generator=generator)))
        assert monitor.look(step, loss, norm).action == "step"


def test_wandb_for_real_where_it_is_installed(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    board = Board(tmp_path, backend="wandb", config={"lr": 0.1})
    board.log({"loss": 1.0}, step=1, tokens=10)
    board.close()
    assert list(tmp_path.rglob("offline-run-*"))


def started(module, *arguments, cwd):
    command = [sys.executable, "-m", f"solutions.day08_checkpoints.{module}", *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env={**env_with_root(), "MPLBACKEND": "agg"}
    )


def env_with_root():
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_stand_writes_a_record(tmp_path):
    run = str(ROOT / "docs" / "runs" / "wikitext2-first")
    done = started("stand", run, "--because", "It is small and had little time.", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "runs" / "day08-standing" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["reached"] is False and metrics["ppl_word"] == pytest.approx(184.67, abs=0.01)
    assert "117.03" in done.stdout


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("stand", ["runs/none"], "is no finished run"),
        ("stand", [str(ROOT / "docs" / "runs" / "default")], "wikitext2-tokens"),
        ("tune", ["report"], "begin with `plan`"),
        ("monitored_run", ["--steps", "9"], "must be more than 240"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(tmp_path, module, arguments, said):
    done = started(module, *arguments, cwd=tmp_path)
    assert done.returncode != 0 and said in done.stderr and "Traceback" not in done.stderr


def finished_run(folder, **changes):
    config = {"name": folder.name, "text": "encyclopedia", "lr": 0.1, **changes}
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    scores = {"loss": 2.0, "ppl_word": 9.0, "bits_per_byte": 0.6}
    (folder / "evaluation.json").write_text(json.dumps(scores), encoding="utf-8")
    lines = [json.dumps({"tokens": tokens, "val_loss": 3.0 - tokens / 1000}) for tokens in (100, 200, 300)]
    (folder / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_log_from_plan_to_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    finished_run(tmp_path / "runs" / "base")
    finished_run(tmp_path / "runs" / "lower-lr", lr=0.01)
    told = ["--changed", "lr 0.1 to 0.01", "--expected", "It will fall more slowly."]
    monkeypatch.setattr(sys, "argv", ["tune", "plan", "lower-lr", *told])
    assert tune.main() == 0
    monkeypatch.setattr(sys, "argv", ["tune", "report"])
    assert tune.main() == 0
    assert "still missing: lower-lr: came is empty" in capsys.readouterr().out
    log = tmp_path / "experiments.md"
    text = log.read_text(encoding="utf-8")
    log.write_text(text.replace("slowly. |  |", "slowly. | It did, and came to 0.6. |"), encoding="utf-8")
    assert tune.main() == 0
    metrics = json.loads((tmp_path / "runs" / "day08-experiments-2" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["missing"] == [] and metrics["experiments"][0]["settings"] == {"lr": [0.1, 0.01]}


def test_monitored_run_without_and_with():
    torch.set_num_threads(1)
    monitor = Monitor()
    losses, _ = monitored_run.train(210, faulty=True, monitor=monitor)
    assert [event["step"] for event in monitor.events] == [monitored_run.SPIKE, monitored_run.NAN]
    assert math.isfinite(losses[-1])


def test_checkpoints_of_a_monitor_and_a_board_are_small(tmp_path):
    """A monitor's state is a few kilobytes, and loads without running code."""
    monitor = Monitor()
    for step in range(500):
        monitor.look(step, 1.0 + step % 7 / 10, 1.0)
    save_checkpoint(tmp_path / "monitor.pt", {"monitor": monitor.state_dict()})
    assert (tmp_path / "monitor.pt").stat().st_size < 20_000
    other = Monitor()
    other.load_state_dict(load_checkpoint(tmp_path / "monitor.pt")["monitor"])
    assert other.state_dict() == monitor.state_dict()
