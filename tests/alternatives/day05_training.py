"""Right answers of day 5, written another way."""

import itertools
import math
import time
import types
from collections import deque

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Subset
from tqdm import tqdm

from grader.catalogue import alternative
from solutions.day05_training import guard, optimizer, running_log, schedule, train_step, trainer, validation

DAY = "day05_training"


@alternative(DAY, "loss", "language_model_loss")
def with_log_softmax_and_a_mask(logits, targets, ignore_index=-100):
    if tuple(logits.shape[:2]) != tuple(targets.shape):
        raise ValueError(f"{logits.shape} against {targets.shape}")
    scored = targets != ignore_index
    log_p = torch.log_softmax(logits.to(torch.float32), dim=-1)
    surprise = -log_p.gather(-1, targets.where(scored, 0).unsqueeze(-1)).squeeze(-1)
    return (surprise * scored).sum() / torch.clamp(scored.sum(), min=1)


@alternative(DAY, "loss", "language_model_loss")
def with_classes_in_the_middle(logits, targets, ignore_index=-100):
    """cross_entropy's own (B, V, T) form."""
    if logits.shape[:-1] != targets.shape:
        raise ValueError("shapes")
    each = F.cross_entropy(logits.float().permute(0, 2, 1), targets, ignore_index=ignore_index, reduction="none")
    count = torch.count_nonzero(targets - ignore_index)
    return each.sum() / torch.maximum(count, torch.ones_like(count))


@alternative(DAY, "optimizer", "parameter_groups")
def by_walking_the_modules(model, weight_decay):
    groups = [{"params": [], "weight_decay": weight_decay}, {"params": [], "weight_decay": 0.0}]
    seen = set()
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            if parameter.requires_grad and parameter not in seen:
                seen.add(parameter)
                groups[parameter.ndim < 2]["params"].append(parameter)
    return groups


@alternative(DAY, "optimizer", "build_optimizer")
def fused_by_the_first_parameter(model, lr=6e-4, betas=(0.9, 0.999), weight_decay=0.1):
    def groups():
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        yield {"params": [p for p in trained.values() if p.dim() > 1], "lr": lr, "weight_decay": weight_decay}
        yield {"params": [p for p in trained.values() if p.dim() <= 1], "lr": lr, "weight_decay": 0.0}

    fused = True if next(model.parameters()).device.type in ("cpu", "cuda", "mps") else None
    return torch.optim.AdamW(list(groups()), lr=lr, betas=tuple(betas), eps=1e-8, weight_decay=0.0, fused=fused)


@alternative(DAY, "schedule", "warmup_cosine")
def case_by_case(step, total_steps, peak_lr, warmup_fraction=0.1, floor_lr=0.0):
    if step < 0:
        raise ValueError("step")
    if total_steps <= 0:
        raise ValueError("total_steps")
    if warmup_fraction < 0 or warmup_fraction > 1:
        raise ValueError("warmup_fraction")
    last = total_steps - 1
    warmup = min(math.floor(warmup_fraction * total_steps + 0.5 + 1e-9), last)
    if step < warmup:
        start = peak_lr / (warmup + 1)
        return start + (peak_lr - start) * step / warmup
    if step == warmup:
        return peak_lr
    if step >= last:
        return floor_lr
    share = (step - warmup) / (last - warmup)
    return floor_lr + (peak_lr - floor_lr) * math.cos(share * math.pi / 2) ** 2


@alternative(DAY, "train_step", "train_step")
def clears_afterwards_and_clips_by_hand(model, batch, optimizer, lr, max_norm=1.0, inspect=None):
    loss = _loss(model(batch[0])[0], batch[1])
    loss.backward()
    detached = loss.detach().clone()
    if inspect:
        inspect(detached)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
    scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale)
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return types.SimpleNamespace(loss=detached, grad_norm=norm)  # a dataclass would do as well


@alternative(DAY, "train_step", "train_step")
def clears_between_forward_and_backward(model, batch, optimizer, lr, max_norm=1.0, inspect=None):
    x, y = batch
    logits = model(x)[0]
    loss = _loss(logits, y)
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    if inspect is not None:
        inspect(loss.detach())
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, norm)
    for group in optimizer.param_groups:
        group.update(lr=lr)
    optimizer.step()
    return types.SimpleNamespace(loss=loss.detach(), grad_norm=norm)


def _loss(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@alternative(DAY, "running_log", "RunningMean")
class CorrectedAsAdamDoes:
    def __init__(self, decay=0.98):
        self.decay, self.mean, self.updates = decay, None, 0

    @torch.no_grad()
    def update(self, value):
        value = torch.as_tensor(value, dtype=torch.float64).detach()
        self.mean = torch.zeros_like(value) if self.mean is None else self.mean
        self.mean = torch.lerp(value, self.mean, self.decay)
        self.updates += 1

    def value(self):
        if self.mean is None:
            return math.nan
        return self.mean.item() / (1 - self.decay**self.updates)


@alternative(DAY, "running_log", "TokenRate")
class WithAListOfBatches:
    def __init__(self, clock=time.perf_counter):
        self.clock, self.batches, self.last = clock, deque(), clock()

    def add(self, tokens):
        self.batches.append(tokens)

    def read(self):
        last, self.last = self.last, self.clock()
        tokens = sum(self.batches)
        self.batches.clear()
        try:
            return tokens / (self.last - last)
        except ZeroDivisionError:
            return 0.0


@alternative(DAY, "running_log", "progress_bar")
def bar_of_a_range(total_steps, file=None):
    return tqdm(range(total_steps), file=file, leave=False)


@alternative(DAY, "running_log", "wandb_logger")
def through_the_module(project, config):
    if not project:

        def log(metrics, step):
            return None

        return log
    import importlib

    try:
        wandb = importlib.import_module("wandb")
    except ImportError as error:
        raise ModuleNotFoundError(f"wandb is missing: type `pip install wandb` ({error})") from None
    wandb.init(project=project, config={**config})
    return lambda metrics, step: wandb.log({**metrics}, step=step)


@alternative(DAY, "validation", "validate")
def one_sum_of_token_losses(model, loader, device):
    modes = {name: module.training for name, module in model.named_modules()}
    total, tokens = 0.0, 0
    model.train(False)
    try:
        with torch.no_grad():
            for x, y in loader:
                logits = model(x.to(device))[0].float()
                y = y.to(device)
                total += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
                tokens += int((y >= 0).sum())
    finally:
        for name, module in model.named_modules():
            module.training = modes[name]
    if not tokens:
        raise ValueError("nothing was scored")
    mean = total / tokens
    try:
        perplexity = math.exp(mean)
    except OverflowError:
        perplexity = math.inf
    return types.SimpleNamespace(loss=mean, perplexity=perplexity, tokens=tokens)


@alternative(DAY, "guard", "first_not_finite")
def with_a_sum(model):
    """A sum with a NaN or an infinity in it is not finite; zero times each keeps large finite ones from overflowing."""
    named = list(model.named_parameters())
    tensors = [(f"parameter {name}", p.detach()) for name, p in named]
    tensors += [(f"gradient of {name}", p.grad) for name, p in named if p.grad is not None]
    return next((name for name, tensor in tensors if (tensor * 0).sum().item() != 0), None)


@alternative(DAY, "debug_run", "first_part")
def with_a_list(dataset, fraction=0.01):
    if not len(dataset):
        raise ValueError("empty")
    return Subset(dataset, list(range(len(dataset)))[: max(round(len(dataset) * fraction), 1)])


@alternative(DAY, "debug_run", "overfit_one_batch")
def written_out(model, batch, steps=100, lr=1e-3):
    model.train(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0)
    losses = []
    for _ in range(steps):
        loss = _loss(model(batch[0])[0], batch[1])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@alternative(DAY, "trainer", "fit")
def epoch_by_epoch(
    model, loader_of_epoch, val_loader, config, device="cpu", log=None, clock=time.perf_counter, file=None
):
    """One epoch's loader at a time, the losses kept in a list until they are read, one rate for all epochs."""
    model = model.to(device)
    stepper = optimizer.build_optimizer(model, betas=config.betas, weight_decay=config.weight_decay)
    history = trainer.History()
    send = log or (lambda *_: None)
    counter, unread, mean, bar = itertools.count(), [], running_log.RunningMean(), None
    rate = running_log.TokenRate(clock)
    for epoch in range(config.epochs):
        loader = loader_of_epoch(epoch)
        if not len(loader):
            raise ValueError("no batches")
        total = len(loader) * config.epochs
        bar = bar or running_log.progress_bar(total, file)
        model.train(True)
        for x, y in loader:
            step = next(counter)
            show = not step % config.log_every or step + 1 == total
            lr = schedule.warmup_cosine(step, total, config.peak_lr, config.warmup_fraction, config.floor_lr)

            def look(loss, step=step, show=show):
                if show:
                    guard.stop_if_not_finite(model, step, loss)

            result = train_step.train_step(model, (x.to(device), y.to(device)), stepper, lr, config.max_norm, look)
            unread.append(result.loss)
            rate.add(x.shape[0] * x.shape[1])
            bar.update()
            if show:
                loss, grad_norm = torch.stack([result.loss, result.grad_norm]).tolist()
                while unread:
                    mean.update(unread.pop(0))
                more = {"grad_norm": grad_norm, "mean_loss": mean.value(), "tokens_per_second": rate.read()}
                history.logged.append({"epoch": epoch, "step": step, "lr": lr, "loss": loss, **more})
                send(history.logged[-1], step)
                bar.set_postfix_str(running_log.status_line(more["mean_loss"], lr, more["tokens_per_second"]))
        history.validations.append(validation.validate(model, val_loader, device))
        rate.read()
        send({f"val_{name}": value for name, value in history.validations[-1]._asdict().items()}, step + 1)
    bar.close()
    return history
