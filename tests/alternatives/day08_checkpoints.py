"""Right answers of day 8, written another way."""

import copy
import errno
import json
import math
import os
import random
import re
import struct
import tempfile
import types
import zipfile
from collections import deque
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grader.catalogue import alternative
from solutions.day08_checkpoints import checkpoint, experiments, monitor

DAY = "day08_checkpoints"


@alternative(DAY, "standing", "units_of")
def in_bits_throughout(loss, tokens, words, size):
    if tokens <= 0 or words <= 0 or size <= 0:
        raise ValueError("counts start at 1")
    bits = tokens * loss / math.log(2)
    power = lambda x: 2.0**x if x < 1024 else float("inf")  # noqa: E731
    return types.SimpleNamespace(
        nats_per_token=loss,
        ppl_token=power(bits / tokens),
        ppl_word=power(bits / words),
        bits_per_byte=bits / size,
    )


@alternative(DAY, "standing", "in_other_units")
def with_a_power(perplexity, count, other_count):
    return perplexity ** (count / other_count)


@alternative(DAY, "experiments", "what_changed")
def with_a_loop(before, after, ignore=("name", "runs")):
    changes = {}
    for name in sorted({*before, *after} - set(ignore)):
        pair = tuple(settings.get(name) for settings in (before, after))
        if pair[0] != pair[1]:
            changes[name] = pair
    return changes


@alternative(DAY, "experiments", "read_log")
def with_a_placeholder(text):
    """Hide the escaped bars, split, and bring them back."""
    rows = [line.strip().replace("\\|", "\0") for line in text.split("\n")]
    cells = [
        [cell.strip().replace("\0", "|") for cell in row.strip("|").split("|")] if "|" in row else [] for row in rows
    ]
    if ["run", "changed", "expected", "came"] not in cells:
        raise ValueError("no table")
    log = []
    for number in range(cells.index(["run", "changed", "expected", "came"]) + 2, len(rows)):
        if not rows[number].startswith("|"):
            return log
        row = [cell.strip().replace("\0", "|") for cell in rows[number][1:].removesuffix("|").split("|")]
        if len(row) != 4:
            raise ValueError(f"not four cells: {rows[number]}")
        log.append(experiments.Experiment(*row))
    return log


@alternative(DAY, "accumulation", "accumulated_step")
def sums_first_and_scaled_at_the_end(model, micro_batches, optimizer, lr, max_norm=1.0, inspect=None):
    """Gradients of sums; divided by the number of tokens when all are there."""
    if len(micro_batches) == 0:
        raise ValueError("no micro-batch")
    optimizer.zero_grad(set_to_none=False)
    total, scored = 0.0, 0
    for x, y in micro_batches:
        log_p = model(x)[0].float().log_softmax(-1)
        wanted = y != -100
        surprise = -(log_p.gather(-1, y.where(wanted, 0)[..., None])[..., 0] * wanted).sum()
        surprise.backward()
        total, scored = total + surprise.detach(), scored + wanted.sum()
    count = torch.clamp(scored, min=1)
    parameters = [p for p in model.parameters() if p.grad is not None]
    for parameter in parameters:
        parameter.grad /= count
    norm = nn.utils.get_total_norm([p.grad for p in parameters])
    nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
    for group in optimizer.param_groups:
        group["lr"] = lr
    loss = total / count
    if inspect:
        answer = inspect(loss, norm)
        if answer is not None and not answer:
            return types.SimpleNamespace(loss=loss, grad_norm=norm)
    optimizer.step()
    return types.SimpleNamespace(loss=loss, grad_norm=norm)


@alternative(DAY, "accumulation", "accumulated_step")
def means_weighted_by_their_share(model, micro_batches, optimizer, lr, max_norm=1.0, inspect=None):
    """Each micro-batch's own mean, times its share of the scored tokens."""
    if not micro_batches:
        raise ValueError("no micro-batch")
    counts = torch.stack([torch.count_nonzero(y + 100) for _, y in micro_batches])
    shares = counts / counts.sum().clamp(min=1)
    for parameter in model.parameters():
        parameter.grad = None
    mean = torch.zeros(())
    for (x, y), share, count in zip(micro_batches, shares, counts, strict=True):
        logits = model(x)[0].float().transpose(1, 2)
        loss = F.cross_entropy(logits, y, reduction="sum") / count.clamp(min=1) * share
        loss.backward()
        mean = mean + loss.detach()
    norm = nn.utils.clip_grad_norm_(list(model.parameters()), max_norm, foreach=False)
    wanted = True if inspect is None else inspect(mean, norm)
    for group in optimizer.param_groups:
        group.update(lr=lr)
    if wanted is None or wanted:
        optimizer.step()
    return types.SimpleNamespace(loss=mean, grad_norm=norm)


@alternative(DAY, "accumulation", "in_groups")
def with_islice(batches, accumulation_steps):
    if accumulation_steps <= 0:
        raise ValueError("accumulation_steps")
    source = iter(batches)
    while group := list(islice(source, accumulation_steps)):
        yield group


@alternative(DAY, "board", "Board")
class ImportsByName:
    """One function for each backend; W&B's mode by way of its environment variable; scalars of both axes in turn."""

    def __init__(self, folder, backend="tensorboard", config=None):
        import importlib

        makers = {"tensorboard": self._tensorboard, "wandb": self._wandb, "none": lambda *_: None}
        if backend not in makers:
            raise ValueError(f"backend {backend}: tensorboard, wandb or none")
        self.module = None
        names = {"tensorboard": "torch.utils.tensorboard", "wandb": "wandb"}
        if backend != "none":
            try:
                self.module = importlib.import_module(names[backend])
            except ImportError as error:
                raise ModuleNotFoundError(f"type `pip install {backend}`", name=backend) from error
        self.send, self.end = makers[backend](Path(folder), config) or (lambda *_: None, lambda: None)

    def _tensorboard(self, folder, config):
        self.writer = self.module.SummaryWriter(log_dir=folder)

        def send(values, step, tokens):
            for axis, place in (("by_tokens", tokens), ("by_step", step)):
                for name in values:
                    self.writer.add_scalar(tag=f"{axis}/{name}", scalar_value=values[name], global_step=place)
            self.writer.flush()

        return send, self.writer.close

    def _wandb(self, folder, config):
        os.makedirs(folder, exist_ok=True)
        os.environ.setdefault("WANDB_MODE", "offline")
        self.module.init(dir=folder, config={**(config or {})})
        return lambda values, step, tokens: self.module.log(dict(values, tokens=tokens), step=step), self.module.finish

    def log(self, values, step, tokens):
        self.send(values, step, tokens)

    def close(self):
        self.end()


@alternative(DAY, "checkpoint", "save_checkpoint")
def through_a_temporary_file(path, state):
    """A name that nobody else has, and the folder forced to the disk as well."""
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                torch.save(state, file)
            except RuntimeError as error:  # what torch makes of a full disk
                raise OSError(errno.ENOSPC, str(error)) from error
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@alternative(DAY, "checkpoint", "load_checkpoint")
def each_record_read_once(path, map_location="cpu"):
    """zipfile compares a record's checksum when it is read to its end."""
    if not os.path.exists(path):
        raise FileNotFoundError(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                archive.read(name)
        return torch.load(str(path), weights_only=True, map_location=torch.device(map_location))
    except (zipfile.BadZipFile, OSError, RuntimeError, KeyError, EOFError, struct.error) as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:  # pickle.UnpicklingError, and what torch raises in its place
        raise ValueError(f"{path}: not tensors and numbers") from error


@alternative(DAY, "checkpoint", "capture_rng")
def as_bytes_and_dicts():
    name, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "python": copy.deepcopy(random.getstate()),
        "numpy": (name, torch.tensor(keys.astype(np.int64)), int(position), int(has_gauss), float(gauss)),
        "torch": torch.default_generator.get_state().clone(),
        "cuda": [torch.cuda.get_rng_state(device).clone() for device in range(torch.cuda.device_count())],
    }


@alternative(DAY, "checkpoint_folder", "CheckpointFolder")
class LooksEachTime:
    """Remembers nothing: everything is read from the folder, whenever it is needed."""

    def __init__(self, folder, keep=3):
        if keep <= 0:
            raise ValueError("keep")
        self.folder, self.keep, self.damaged = str(folder), keep, []
        os.makedirs(self.folder, exist_ok=True)

    def _path(self, name):
        return Path(os.path.join(self.folder, name))

    def _steps(self):
        matches = (re.match(r"^step-([0-9]+)\.pt$", name) for name in os.listdir(self.folder))
        return sorted((int(match[1]), match[0]) for match in matches if match)

    def save(self, step, state):
        path = self._path("step-" + str(step).zfill(8) + ".pt")
        checkpoint.save_checkpoint(path, state)
        names = [name for number, name in self._steps() if number <= step]
        for name in names[: max(0, len(names) - self.keep)]:
            os.remove(self._path(name))
        for name in os.listdir(self.folder):
            if re.match(r"^step-[0-9]+\.pt\.unfinished$", name):
                os.remove(self._path(name))
        return path

    def save_best(self, val_loss, state):
        if not math.isfinite(val_loss):
            return False
        try:
            best = checkpoint.load_checkpoint(self._path("best.pt")).get("val_loss", math.inf)
        except (ValueError, OSError):
            best = math.inf
        if best <= val_loss:
            return False
        checkpoint.save_checkpoint(self._path("best.pt"), state | {"val_loss": float(val_loss)})
        return True

    def newest(self):
        self.damaged.clear()
        for _, name in reversed(self._steps()):
            try:
                state = checkpoint.load_checkpoint(self._path(name))
            except ValueError as error:
                self.damaged.append((self._path(name), f"{error}"))
            else:
                return self._path(name), state
        return None


@alternative(DAY, "training_state", "collect")
def a_copy_of_everything(run):
    """In memory it stays what it was, however long the run goes on."""
    parts = {
        name: copy.deepcopy(getattr(run, name).state_dict()) for name in ("model", "optimizer", "schedule", "scaler")
    }
    return {**parts, "data": dict(vars(run.batches)), "step": run.step, "rng": checkpoint.capture_rng()}


@alternative(DAY, "training_state", "put_back")
def in_a_loop(run, state):
    for name in ("model", "optimizer", "schedule", "scaler"):
        getattr(run, name).load_state_dict(state[name], **({"strict": True} if name == "model" else {}))
    for name, value in state["data"].items():
        setattr(run.batches, name, value)
    run.step = state["step"]
    checkpoint.restore_rng(state["rng"])


@alternative(DAY, "monitor", "spike_limit")
def sorted_by_hand(values, threshold):
    def median(numbers):
        numbers, half = sorted(numbers), len(numbers) // 2
        return numbers[half] if len(numbers) % 2 else (numbers[half - 1] + numbers[half]) / 2

    middle = median(values)
    spread = median([abs(value - middle) for value in values]) * 1.4826
    return middle + max(spread, abs(middle) / 20) * threshold


@alternative(DAY, "monitor", "spike_limit")
def with_numpy(values, threshold):
    values = np.asarray(list(values), dtype=float)
    middle = float(np.median(values))
    return middle + threshold * max(1.4826 * float(np.median(np.abs(values - middle))), 0.05 * abs(middle))


@alternative(DAY, "monitor", "Monitor")
class WithOneWindow:
    """Pairs in one list, cut to the window by hand; the state goes through JSON."""

    def __init__(self, window=100, least=20, threshold=20.0, patience=5):
        self.window, self.least, self.threshold, self.patience = window, least, threshold, patience
        self.good, self.bad, self.events = [], 0, []

    def look(self, step, loss, grad_norm):
        why = ""
        for name, value in (("loss", loss), ("gradient norm", grad_norm)):
            if not why and (value != value or value in (math.inf, -math.inf)):
                why = f"{name} = {value}"
        for place, (name, value) in enumerate((("loss", loss), ("gradient norm", grad_norm))):
            if not why and len(self.good) >= self.least:
                limit = monitor.spike_limit([pair[place] for pair in self.good], self.threshold)
                why = f"{name} = {value}, more than {limit}" if value > limit else ""
        if not why:
            self.good = [*self.good, (loss, grad_norm)][-self.window :]
            self.bad = 0
            return monitor.Decision("step")
        self.bad += 1
        decision = monitor.Decision("skip" if self.bad < self.patience else "stop", why)
        self.events.append(dict(vars(decision), step=step, loss=loss, grad_norm=grad_norm))
        return decision

    def state_dict(self):
        return {"all": json.dumps([self.good, self.bad, self.events])}

    def load_state_dict(self, state):
        self.good, self.bad, self.events = json.loads(state["all"])
        self.good = list(deque(map(tuple, self.good), self.window))
