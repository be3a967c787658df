"""Right answers of day 6, written another way."""

import contextlib
import copy
import itertools
import json
import math
import os
import types
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import BatchSampler, DataLoader

from grader.catalogue import alternative
from solutions.day06_ddp import curves, ddp, ddp_training, hello_ddp, tune

DAY = "day06_ddp"


@alternative(DAY, "curves", "smooth")
def with_cumulative_sums(losses, window=10):
    if window < 1:
        raise ValueError(window)
    tensor = torch.tensor(list(losses), dtype=torch.float64)
    return [tensor[max(0, i + 1 - window) : i + 1].mean().item() for i in range(len(tensor))]


@alternative(DAY, "curves", "verdict_of")
def rule_by_rule(train_losses, val_losses, target=None, window=10, tolerance=0.02, spike=0.2):
    if len(train_losses) == 0 or len(val_losses) == 0:
        raise ValueError("nothing to read")
    train = np.array(curves.smooth(train_losses, window))
    val = np.array(val_losses, dtype=float)
    if not (np.isfinite(np.array(train_losses, dtype=float)).all() and np.isfinite(val).all()):
        return "diverged"
    if train[-1] / train.min() - 1 > spike:
        return "diverged"
    if val[-1] / val.min() - 1 > tolerance:
        return "overfitting"
    if len(val) >= 2 and 1 - val[-1] / val[-2] > tolerance:
        return "underfitting"
    if target is not None and train[-1] / target - 1 > tolerance:
        return "underfitting"
    return "fine"


@alternative(DAY, "tune", "draw")
def with_numpy_and_powers_of_ten(space, number, seed=0):
    generator = np.random.default_rng(seed)
    settings = []
    while len(settings) < number:
        one = {}
        for name, choices in space.items():
            if isinstance(choices, tune.LogUniform) or hasattr(choices, "low"):
                low, high = np.log10(choices.low), np.log10(choices.high)
                one[name] = float(10 ** (low + (high - low) * generator.random()))
            else:
                one[name] = choices[int(generator.integers(len(choices)))]
        settings.append(one)
    return settings


@alternative(DAY, "tune", "grid")
def grid_name_by_name(space):
    settings = [{}]
    for name, values in space.items():
        settings = [{**setting, name: value} for setting in settings for value in values]
    return settings


@alternative(DAY, "tune", "search")
def rewritten_as_a_whole(settings, run, file, seed=0):
    """Keeps everything in memory and replaces the file after each trial."""
    os.makedirs(file.parent, exist_ok=True)
    known = []
    if file.exists():
        for line in file.read_text(encoding="utf-8").split("\n"):
            with contextlib.suppress(json.JSONDecodeError):
                known.append(json.loads(line))

    def save():
        temporary = file.with_suffix(".new")
        temporary.write_text("".join(json.dumps(entry) + "\n" for entry in known), encoding="utf-8")
        os.replace(temporary, file)

    save()
    trials = []
    for setting in settings:
        matches = [entry for entry in known if entry["settings"] == setting]
        if not matches:
            try:
                loss = run(copy.deepcopy(setting), seed)
            except FloatingPointError:
                loss = float("nan")
            loss = None if math.isnan(loss) or math.isinf(loss) else float(loss)
            matches = [{"settings": setting, "val_loss": loss}]
            known += matches
            save()
        loss = matches[0]["val_loss"]
        trials.append(types.SimpleNamespace(settings=setting, val_loss=math.inf if loss is None else loss))
    return trials


@alternative(DAY, "hello_ddp", "read_world")
def read_variable_by_variable(environ):
    values = {name: environ.get(name) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE")}
    if all(value is None for value in values.values()):
        return hello_ddp.World()
    for name, value in values.items():
        if value is None and sum(v is None for v in values.values()) == 1:
            raise ValueError(f"{name} is missing")
    if None in values.values():
        raise ValueError("missing: " + " and ".join(name for name, value in values.items() if value is None))
    for name, value in values.items():
        if not value.lstrip("-").isdigit():
            raise ValueError(f"{name}={value} is not a number")
    world = hello_ddp.World(*map(int, values.values()))
    if world.size <= 0:
        raise ValueError(f"WORLD_SIZE={world.size}")
    if world.rank not in range(world.size):
        raise ValueError(f"RANK={world.rank}")
    if world.local_rank not in range(world.size):
        raise ValueError(f"LOCAL_RANK={world.local_rank}")
    return world


@alternative(DAY, "hello_ddp", "start")
def with_keywords(device_type="cpu", timeout_seconds=600.0):
    world = hello_ddp.read_world(os.environ)
    if "WORLD_SIZE" in os.environ:
        if device_type == "cuda":
            torch.cuda.set_device(world.local_rank)
        dist.init_process_group(
            backend="nccl" if device_type == "cuda" else "gloo",
            init_method="env://",
            rank=world.rank,
            world_size=world.size,
            timeout=timedelta(seconds=timeout_seconds),
        )
    return world


@alternative(DAY, "hello_ddp", "sum_over_ranks")
def gathered_and_added(value):
    if not dist.is_initialized():
        return value.detach().clone()
    parts = [torch.empty_like(value) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, value)
    return torch.stack(parts).sum(0).to(value.dtype)


@alternative(DAY, "hello_ddp", "ring_of_hellos")
def with_sends_that_do_not_wait(number):
    """The whole ring turns at once, size - 1 times; nobody reads anything out."""
    if not dist.is_initialized():
        return number[None].clone()
    rank, size = dist.get_rank(), dist.get_world_size()
    lines = {rank: number.clone()}
    for turn in range(1, size):
        on = lines[(rank - turn + 1) % size]
        received = torch.empty_like(number)
        wait = dist.isend(on, (rank + 1) % size)
        dist.recv(received, (rank - 1) % size)
        wait.wait()
        lines[(rank - turn) % size] = received
    return torch.stack([lines[place] for place in range(size)])


@alternative(DAY, "ddp_data", "epoch_loader")
def order_written_out(dataset, batch_size, epoch, rank=0, size=1, seed=0):
    if batch_size % size != 0 or len(dataset) < batch_size:
        raise ValueError("batch_size")
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed + epoch)).tolist()
    whole = BatchSampler(order, batch_size, drop_last=True)
    return DataLoader(dataset, batch_sampler=[batch[rank::size] for batch in whole])


@alternative(DAY, "ddp_data", "evaluation_loader")
def as_a_batch_sampler(dataset, batch_size, rank=0, size=1):
    mine = list(range(len(dataset)))[rank::size]
    return DataLoader(dataset, batch_sampler=BatchSampler(mine, batch_size, drop_last=False))


def _inside(model):
    if type(model) is DistributedDataParallel:
        return _inside(model.module)
    inner = model.__dict__.get("_modules", {}).get("_orig_mod")
    return model if inner is None else _inside(inner)


@alternative(DAY, "ddp", "unwrap")
def unwrapped_by_recursion(model):
    return _inside(model)


@alternative(DAY, "ddp", "mean_over_ranks")
def two_all_reduces(total, count):
    sums = [value.detach().clone().to(torch.float64) for value in (total, count)]
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        for value in sums:
            dist.all_reduce(value, op=dist.ReduceOp.SUM)
    mean = torch.div(*sums)
    return mean if total.dtype == torch.float64 else mean.float()


@alternative(DAY, "ddp", "on_main")
def with_gathered_news(action):
    if not (dist.is_initialized() and dist.get_world_size() > 1):
        return action()
    result, error = None, None
    if dist.get_rank() == 0:
        try:
            result = action()
        except Exception as raised:
            error = raised
    news = [None] * dist.get_world_size()
    dist.all_gather_object(news, None if error is None else repr(error))
    if error is not None:
        raise error
    if news[0] is not None:
        raise RuntimeError(f"it went wrong on rank 0: {news[0]}")
    return result


@alternative(DAY, "ddp", "ShardedBatches")
class SharesByPlace:
    """Goes through the places of each batch."""

    def __init__(self, batch_sampler, rank, size):
        if rank not in range(size):
            raise ValueError("rank")
        self.of = batch_sampler, rank, size

    def __iter__(self):
        batches, rank, size = self.of
        return ([index for place, index in enumerate(batch) if place % size == rank] for batch in batches)

    def __len__(self):
        return len(self.of[0])


@alternative(DAY, "ddp_training", "ddp_step")
def weights_from_the_number_of_ranks(model, batch, optimizer, max_norm=1.0):
    """The sum over all ranks' tokens, times the number of ranks; the loss is added up by hand."""
    x, y = batch
    size = dist.get_world_size() if dist.is_initialized() else 1
    tokens = (y >= 0).sum()
    if size > 1:
        dist.all_reduce(tokens)
    logits = model(x)[0]
    losses = F.cross_entropy(logits.transpose(1, 2), y, ignore_index=-100, reduction="none")
    loss = losses.sum() * size / tokens.clamp(min=1)
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(list(model.parameters()), max_norm)
    optimizer.step()
    shown = loss.detach().clone()
    if size > 1:
        dist.all_reduce(shown)
    return types.SimpleNamespace(loss=shown / size, grad_norm=norm)


@alternative(DAY, "ddp_training", "evaluate")
def evaluated_in_inference_mode(model, loader, device="cpu"):
    model = ddp.unwrap(model)
    before = {module: module.training for module in model.modules()}
    model.train(False)
    total, count = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.int64)
    try:
        with torch.inference_mode():
            for x, y in loader:
                logits, y = model(x.to(device))[0].float(), y.to(device)
                scored = y != -100
                total += -torch.log_softmax(logits[scored], -1).gather(-1, y[scored][:, None]).sum()
                count += scored.sum()
    finally:
        for module, training in before.items():
            module.training = training
    total, count = hello_ddp.sum_over_ranks(total.clone()), hello_ddp.sum_over_ranks(count.clone())
    if int(count) == 0:
        raise ValueError("no tokens")
    return float(total / count)


@alternative(DAY, "ddp_training", "fit")
def losses_read_at_the_end(
    model, make_optimizer, loader_of_epoch, val_loader, epochs, device="cpu", max_norm=1.0, log=None, best_file=None
):
    parallel = ddp.wrap(model, device)
    optimizer = make_optimizer(ddp.unwrap(parallel))
    losses, val_losses, lowest = [], [], math.inf
    for epoch, batches in enumerate(map(loader_of_epoch, range(epochs))):
        parallel.train()
        for batch in batches:
            losses.append(ddp_training.ddp_step(parallel, tuple(t.to(device) for t in batch), optimizer, max_norm)[0])
        val_losses.append(ddp_training.evaluate(parallel, val_loader, device))

        def write(epoch=epoch, lowest=lowest):
            if log:
                log({"val_loss": val_losses[epoch]}, len(losses))
            if best_file and val_losses[epoch] < lowest:
                temporary = best_file.with_suffix(".tmp")
                torch.save({name: value.cpu() for name, value in model.state_dict().items()}, temporary)
                os.replace(temporary, best_file)

        ddp.on_main(write)
        lowest = min(lowest, val_losses[-1])
    return types.SimpleNamespace(losses=[float(loss) for loss in losses], val_losses=val_losses)


@alternative(DAY, "amp_ddp", "amp_ddp_step")
def looks_at_the_gradients(model, batch, optimizer, scaler, dtype=torch.float16, max_norm=1.0):
    """Whether it steps is seen in the averaged gradients: they are the same on every rank."""
    x, y = batch
    optimizer.zero_grad(set_to_none=True)
    with torch.amp.autocast(device_type=x.device.type, dtype=dtype):
        logits = model(x)[0]
    size = dist.get_world_size() if dist.is_initialized() else 1
    tokens = hello_ddp.sum_over_ranks((y != -100).sum()).clamp(min=1)
    loss = F.cross_entropy(logits.float().reshape(-1, logits.size(-1)), y.reshape(-1), reduction="sum") * size / tokens
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, norm)
    scaler.step(optimizer)
    scaler.update()
    shown = hello_ddp.sum_over_ranks(loss) / size
    return types.SimpleNamespace(loss=shown, grad_norm=norm, stepped=not scaler.is_enabled() or bool(norm.isfinite()))


@alternative(DAY, "amp_ddp", "same_on_all_ranks")
def gathered_and_compared(value):
    if not dist.is_initialized():
        return bool((value == value).all())
    everybody = [torch.empty_like(value) for _ in range(dist.get_world_size())]
    dist.all_gather(everybody, value)
    return all(torch.equal(one, two) for one, two in itertools.pairwise([*everybody, everybody[0]]))


@alternative(DAY, "amp_ddp", "build_scaler")
def only_for_half(device_type, dtype, init_scale=2.0**16):
    if dtype is torch.bfloat16:
        return torch.amp.GradScaler(device_type, enabled=False)
    return torch.amp.GradScaler(device=device_type, init_scale=float(init_scale))
