"""A curve in few points is the same curve."""

import math

import pytest

from capstone.curve import as_lines, column, from_lines, is_step, smoothed, thinned


def records(steps: int) -> list[dict]:
    """A made-up run, with a validation every 100 steps and an act of the guard."""
    found = []
    for step in range(1, steps + 1):
        loss = 8 / step + (step % 7) / 10
        record = {
            "step": step,
            "tokens": 64 * step,
            "lr": 1 / step,
            "loss": loss,
            "grad_norm": 1.5,
            "tokens_per_second": 9,
        }
        found.append(record | ({"guard": "skip", "reason": "a spike"} if step == 333 else {}))
        if step % 100 == 0:
            found.append({"step": step, "tokens": 64 * step, "val_loss": loss})
    return found


@pytest.mark.parametrize("steps", [1, 400, 401, 12345])
def test_a_thinned_curve_is_the_same_curve(steps):
    whole, thin = records(steps), thinned(records(steps))
    points = [record for record in thin if is_step(record) and "guard" not in record]
    assert len(points) <= 400
    assert points[-1]["step"] == steps
    assert [r for r in thin if "val_loss" in r] == [r for r in whole if "val_loss" in r]
    assert [r["step"] for r in thin if "guard" in r] == [333] * (steps >= 333)
    assert [r["step"] for r in thin] == sorted(r["step"] for r in thin)
    losses = [r["loss"] for r in whole if is_step(r)]
    size = -(-steps // 400)
    for point in points if size > 1 else []:
        here = losses[point["step"] - 1 - (point["step"] - 1) % size : point["step"]]
        assert point["loss"] == pytest.approx(sum(here) / len(here))
        assert (point["loss_low"], point["loss_high"]) == (min(here), max(here))
    read = from_lines(as_lines(thin))
    assert thinned(read) == read
    assert column(read, "step", "loss")[0] == column(thin, "step", "loss")[0]


def test_a_running_mean_lags_at_the_end_alone():
    line = [float(n) for n in range(500)]
    assert smoothed(line)[:490] == pytest.approx(line[:490])
    assert smoothed(line)[-1] == pytest.approx(499 - 5)
    wave = [math.cos(math.pi * n) for n in range(500)]
    assert max(map(abs, smoothed(wave)[10:])) < 0.1
    assert smoothed([]) == []
