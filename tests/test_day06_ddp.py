"""Day 6's reference, held against PyTorch's and numpy's own, against a kill, and against torchrun."""

import json
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from solutions.day06_ddp import plot_curves, two_as_one
from solutions.day06_ddp.amp_ddp import amp_ddp_step, build_scaler
from solutions.day06_ddp.curves import ADVICE, read_run, smooth, verdict_of
from solutions.day06_ddp.ddp import ShardedBatches
from solutions.day06_ddp.ddp_data import epoch_loader, evaluation_loader
from solutions.day06_ddp.ddp_training import ddp_step, evaluate, fit
from solutions.day06_ddp.tune import LogUniform, draw, search

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def python(*arguments, **more):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, **more
    )


# 6.1


def test_smooth_is_numpys_convolution_where_the_window_is_full():
    losses = torch.randn(50, dtype=torch.float64).tolist()
    assert smooth(losses, 7)[6:] == pytest.approx(np.convolve(losses, np.ones(7) / 7, mode="valid").tolist())


def test_every_verdict_has_an_advice():
    assert set(ADVICE) == {"diverged", "overfitting", "underfitting", "fine"}


def test_a_run_at_rest_is_fine():
    assert verdict_of([7.6, 3.0, 2.2, 2.1, 2.0], [2.5, 2.0, 1.97]) == "fine"
    assert read_run([7.6, 2.0], [2.5, 1.954]).perplexity == pytest.approx(math.exp(1.954))


def test_plot_curves_draws_a_run_of_the_capstone(tmp_path, monkeypatch, capsys):
    steps = [{"step": step, "tokens": 10 * step, "loss": 8 / (1 + step)} for step in range(60)]
    looks = [{"step": step, "val_loss": 8 / (1 + step)} for step in (20, 40, 60)]
    text = "".join(json.dumps(record) + "\n" for record in steps + looks) + '{"step": 61, "lo'
    (tmp_path / "metrics.jsonl").write_text(text, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["plot_curves", str(tmp_path)])
    plot_curves.main()
    assert "underfitting" in capsys.readouterr().out
    assert (tmp_path / "curves.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("lines", "words"), [(None, "no metrics.jsonl"), ("", "no curve"), ('{"step": 1, "loss": 2}\n', "no curve")]
)
def test_plot_curves_says_what_is_missing(tmp_path, monkeypatch, lines, words):
    if lines is not None:
        (tmp_path / "metrics.jsonl").write_text(lines, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["plot_curves", str(tmp_path)])
    with pytest.raises(SystemExit, match=words):
        plot_curves.main()


# 6.2


def test_log_uniform_is_uniform_in_the_logarithm():
    rates = [setting["lr"] for setting in draw({"lr": LogUniform(1e-4, 1e-1)}, 4000, seed=1)]
    counts, _ = np.histogram(np.log10(rates), bins=6, range=(-4, -1))
    assert abs(counts - 4000 / 6).max() < 100  # 4 standard deviations


SEARCH = """\
import sys, time
from pathlib import Path
from solutions.day06_ddp.tune import draw, LogUniform, search

file, slow = Path(sys.argv[1]), sys.argv[2] == "slow"
settings = draw({"lr": LogUniform(1e-4, 1e-1), "width": [8, 16]}, 6, seed=5)

def run(setting, seed):
    Path(sys.argv[3]).open("a").write("run\\n")
    if slow and len(Path(sys.argv[3]).read_text().splitlines()) == 4:
        time.sleep(600)
    return setting["lr"] * setting["width"] + seed

for trial in search(settings, run, file, seed=2):
    print(repr(trial.settings), repr(trial.val_loss))
"""


def test_a_killed_search_ends_as_one_that_was_not_killed(tmp_path):
    """Killed in its fourth trial, it runs the fourth again and no other, and finds the same to the last digit."""
    calls, file = tmp_path / "calls", tmp_path / "results.jsonl"
    command = [sys.executable, "-c", SEARCH, str(file), "slow", str(calls)]
    process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT)
    while not calls.exists() or len(calls.read_text().splitlines()) < 4:
        time.sleep(0.02)
    process.kill()
    process.wait()
    again = python("-c", SEARCH, file, "fast", calls, check=True).stdout
    whole = python("-c", SEARCH, tmp_path / "other.jsonl", "fast", tmp_path / "other calls", check=True).stdout
    assert again == whole
    assert len(calls.read_text().splitlines()) == 4 + 3


def test_a_setting_that_comes_twice_is_run_once(tmp_path):
    ran = []
    trials = search(
        [{"lr": 1}, {"lr": 1}], lambda setting, seed: ran.append(setting) or 1.0, tmp_path / "results.jsonl"
    )
    assert (len(trials), len(ran)) == (2, 1)


# 6.4


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_epoch_loader_is_the_sampler_in_a_loader(size):
    data = list(range(31))
    for rank in range(size):
        sampler = DistributedSampler(data, size, rank, seed=4, drop_last=True)
        sampler.set_epoch(3)
        wanted = [batch.tolist() for batch in DataLoader(data, 6 // size, sampler=sampler, drop_last=True)]
        assert [batch.tolist() for batch in epoch_loader(data, 6, 3, rank, size, seed=4)] == wanted


def test_the_shares_of_all_ranks_are_the_global_batches():
    for epoch in range(3):
        whole = [sorted(batch.tolist()) for batch in epoch_loader(list(range(50)), 12, epoch)]
        shares = [epoch_loader(list(range(50)), 12, epoch, rank, 4) for rank in range(4)]
        assert [sorted(torch.cat(batches).tolist()) for batches in zip(*shares, strict=True)] == whole


def test_sharded_batches_in_a_loader():
    batches = [[5, 1, 2, 0], [3, 4]]
    loader = DataLoader(torch.arange(6) * 10, batch_sampler=ShardedBatches(batches, 1, 2))
    assert [batch.tolist() for batch in loader] == [[10, 0], [40]]
    assert len(loader) == 2


class Tiny(nn.Module):
    """Embedding, dropout and head."""

    def __init__(self):
        super().__init__()
        self.embedding, self.dropout, self.head = nn.Embedding(7, 8), nn.Dropout(0.3), nn.Linear(8, 7)

    def forward(self, x):
        return self.head(self.dropout(self.embedding(x))), None


def text(number, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(7, (number, 5), generator=generator)
    y = torch.randint(7, (number, 5), generator=generator)
    return x, torch.where(torch.rand(y.shape, generator=generator) < 0.3, -100, y)


def test_evaluate_is_cross_entropy_over_the_split():
    model, (x, y) = Tiny(), text(13)
    loss = evaluate(model, evaluation_loader(TensorDataset(x, y), 4))
    with torch.no_grad():
        wanted = F.cross_entropy(model.eval()(x)[0].flatten(0, 1), y.flatten())
    assert loss == pytest.approx(wanted.item(), rel=1e-6)


def test_a_step_is_pytorchs_own():
    torch.manual_seed(0)
    model, other, batch = Tiny().eval(), Tiny().eval(), text(6)
    other.load_state_dict(model.state_dict())
    ddp_step(model, batch, torch.optim.SGD(model.parameters(), 0.5), max_norm=0.2)
    F.cross_entropy(other(batch[0])[0].flatten(0, 1), batch[1].flatten()).backward()
    nn.utils.clip_grad_norm_(other.parameters(), 0.2)
    torch.optim.SGD(other.parameters(), 0.5).step()
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_amp_in_bfloat16_follows_float32():
    torch.manual_seed(0)
    model, other, batch = Tiny().eval(), Tiny().eval(), text(40)
    other.load_state_dict(model.state_dict())
    optimizer, others = torch.optim.SGD(model.parameters(), 1.0), torch.optim.SGD(other.parameters(), 1.0)
    scaler = build_scaler("cpu", torch.bfloat16)
    mine = [float(amp_ddp_step(model, batch, optimizer, scaler, torch.bfloat16).loss) for _ in range(30)]
    theirs = [float(ddp_step(other, batch, others).loss) for _ in range(30)]
    assert mine == pytest.approx(theirs, rel=0.02)
    assert mine[-1] < 0.9 * mine[0]


def test_torchrun_gives_the_losses_and_weights_of_one_process(capsys, monkeypatch, tmp_path):
    """The lesson's own command, with two processes and with four."""
    monkeypatch.setattr("sys.argv", ["two_as_one", "--best-file", str(tmp_path / "one.pt")])
    two_as_one.main()
    one = numbers_in(capsys.readouterr().out)
    for size in (2, 4):
        best = tmp_path / f"{size}.pt"
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", size]
        run = python(*command, "-m", "solutions.day06_ddp.two_as_one", "--best-file", best, timeout=240)
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith(f"{size} processes, 15 steps")
        assert numbers_in(run.stdout) == pytest.approx(one, abs=2e-5)  # five digits are printed
        saved, alone = (torch.load(file, weights_only=True) for file in (best, tmp_path / "one.pt"))
        torch.testing.assert_close(saved, alone, rtol=1e-4, atol=1e-5)


def numbers_in(printed):
    return [float(number) for number in re.findall(r"\d+\.\d+", printed)]


def test_say_hello_under_torchrun_and_alone():
    alone = python("-m", "solutions.day06_ddp.say_hello", timeout=120)
    assert alone.returncode == 0 and "Hello from rank 0 of 1" in alone.stdout, alone.stderr
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 3]
    run = python(*command, "-m", "solutions.day06_ddp.say_hello", timeout=240)
    assert run.returncode == 0, run.stderr
    assert all(f"Hello from rank {rank} of 3" in run.stdout for rank in range(3))
    assert run.stdout.count("1 + … + 3 = 6") == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_one_gpu_under_torchrun():
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 1]
    run = python(*command, "-m", "solutions.day06_ddp.two_as_one", "--device", "cuda", timeout=240)
    assert run.returncode == 0, run.stderr
    alone = python("-m", "solutions.day06_ddp.two_as_one", timeout=240)
    assert numbers_in(run.stdout) == pytest.approx(numbers_in(alone.stdout), abs=1e-3)


def test_fit_trains():
    torch.manual_seed(0)
    x = torch.randint(7, (64, 5))
    data = TensorDataset(x, (x + 1) % 7)
    history = fit(
        Tiny(),
        lambda model: torch.optim.AdamW(model.parameters(), lr=0.05),
        lambda epoch: epoch_loader(data, 16, epoch),
        evaluation_loader(data, 16),
        epochs=8,
    )
    assert history.losses[0] > 1.5
    assert history.val_losses[-1] < 0.2
