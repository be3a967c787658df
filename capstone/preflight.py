"""A second of checks on the chosen pieces before the hours of training: each failure names the piece and its day."""

import dataclasses
import math
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .build import build_model, take_step, trainable
from .config import Config
from .errors import CapstoneError
from .pieces import BY_NAME, STEPS

V, B = 65, 4
SECONDS = 60  # far more than each check takes


def preflight(pieces: Any, config: Config, device: torch.device, seconds: float = SECONDS) -> None:
    """Try the pieces on a tiny model of the same make.

    Raises:
        CapstoneError: a check failed; the sentence names the pieces in question and what they did.
    """
    tiny = in_small(config)
    attention = ["causal_attention"] if config.attention == "day03" else ["scaled_dot_product_attention", "causal_mask"]
    step = next(name for name in STEPS if hasattr(pieces, name))
    checks: list[tuple[Callable[[Any, Config, torch.device], None], list[str]]] = [
        (blocks_hold_the_next_token, ["BlockDataset", "train_loader"]),
        (starts_by_guessing, ["GPT", "LayerNorm"]),
        (sees_no_future, attention),
        (learns_a_batch, [step, "build_optimizer", "GPT", "LayerNorm"]),
        (checkpoint_comes_back, ["save_checkpoint", "load_checkpoint"]),
    ]
    if config.kernels == "fast":
        faster = ["chunked_cross_entropy"] + ["fast_attention"] * (device.type != "cpu")
        checks.append((the_same_faster, [*attention, "LayerNorm", step, *faster]))
    for check, names in checks:
        where = " or ".join(str(BY_NAME[name]) for name in names)
        torch.manual_seed(config.seed)
        try:
            with time_limit(seconds):
                check(pieces, tiny, device)
        except Failed as error:
            raise CapstoneError(f"Preflight: {error}\nLook at {where}.") from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also a sys.exit in a piece
            raise CapstoneError(f"Preflight stopped at “{check.__doc__}”\nLook at {where}.") from error


def in_small(config: Config) -> Config:
    """The same model, tiny, and with the pieces as they are written."""
    return dataclasses.replace(
        config,
        block_size=16,
        n_layer=2,
        n_head=2,
        n_embd=32,
        dropout=0.0,
        kernels="pieces",
        precision="float32",
        compile="off",
    )


class Failed(Exception):
    """What a check saw."""


def blocks_hold_the_next_token(pieces: Any, config: Config, device: torch.device) -> None:
    """Each target is the token that follows."""
    tokens = np.arange(10 * config.block_size + 1, dtype=np.uint16)
    dataset = pieces.BlockDataset(tokens, config.block_size)
    for x, y in pieces.train_loader(dataset, 2, config.seed, 0):
        if x.shape != (2, config.block_size) or not torch.equal(y, x + 1):
            raise Failed("the targets are not the tokens that follow.")


def starts_by_guessing(pieces: Any, config: Config, device: torch.device) -> None:
    """A new model's loss is near ln V."""
    model = build_model(pieces, config, V, device)
    x, y = torch.randint(V, (2, B, config.block_size), device=device)
    _, loss = model(x, y)
    loss = loss.detach()
    if not abs(float(loss) - math.log(V)) < 0.3:
        raise Failed(
            f"a new model's loss is {float(loss):.2f}, and not near that of a guess, ln {V} = {math.log(V):.2f}."
        )


@torch.no_grad()
def sees_no_future(pieces: Any, config: Config, device: torch.device) -> None:
    """No position sees a later token, and each sees the earlier ones."""
    model = build_model(pieces, config, V, device).eval()
    for weight in model.parameters():  # larger weights, so that what leaks is seen
        weight.add_(0.1 * torch.randn_like(weight))
    x = torch.randint(V, (1, config.block_size), device=device)
    changed = x.clone()
    middle = config.block_size // 2
    changed[0, middle] = (changed[0, middle] + 1) % V
    difference = (model(x)[0] - model(changed)[0]).abs().amax(dim=(0, 2))  # (T,)
    if not difference[:middle].max() <= 1e-4:
        raise Failed("a position's output depends on a later token, or is NaN: it sees the future.")
    if not difference[middle + 1 :].min() > 1e-4:
        raise Failed("a position's output does not depend on the tokens before it.")


def learns_a_batch(pieces: Any, config: Config, device: torch.device) -> None:
    """One batch can be learnt by heart."""
    model = build_model(pieces, config, V, device)
    optimizer = pieces.build_optimizer(model, lr=1e-2, weight_decay=0.0)
    batch = tuple(torch.randint(V, (2, B, config.block_size), device=device))
    losses = [float(take_step(pieces, model, batch, optimizer, 1e-2).loss) for _ in range(30)]
    if not losses[-1] < 0.5 * losses[0]:
        raise Failed(f"one batch cannot be learnt by heart: the loss went from {losses[0]:.2f} to {losses[-1]:.2f}.")


def the_same_faster(pieces: Any, config: Config, device: torch.device) -> None:
    """The fast kernels compute what the pieces compute."""
    batch = tuple(torch.randint(V, (2, B, config.block_size), device=device))
    ways = {}
    for kernels in ("pieces", "fast"):
        own = dataclasses.replace(config, kernels=kernels)
        torch.manual_seed(config.seed)
        model = build_model(pieces, own, V, device)
        with torch.no_grad():
            for weight in model.parameters():  # larger weights, so that scores and norms matter
                weight.add_(0.1 * torch.randn_like(weight))
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)  # the weights afterwards show the gradients
        result = take_step(pieces, trainable(pieces, own, model, device), batch, optimizer, 1.0, math.inf)
        ways[kernels] = {"loss": result.loss, "the norm of the gradients": result.grad_norm}
        ways[kernels] |= {f"the gradient of {name}": p.detach() for name, p in model.named_parameters()}
    for name, slow in ways["pieces"].items():
        if not torch.allclose(slow, ways["fast"][name], rtol=1e-3, atol=1e-4):
            raise Failed(
                f"the fast kernels and the pieces differ in {name}. One of the pieces does something of its own: train "
                "with it as it is, --kernels pieces."
            )


@torch.no_grad()
def checkpoint_comes_back(pieces: Any, config: Config, device: torch.device) -> None:
    """A model that is saved and loaded is the same."""
    model, other = (build_model(pieces, config, V, device).eval() for _ in range(2))
    x = torch.randint(V, (1, config.block_size), device=device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "preflight.pt"
        pieces.save_checkpoint(path, {"model": model.state_dict()})
        other.load_state_dict(pieces.load_checkpoint(path, device)["model"])
    if not torch.equal(model(x)[0], other(x)[0]):
        raise Failed("a model that was saved and loaded gives other numbers.")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop a piece that computes for ever, where the system can do so (not on Windows, nor outside the main thread).

    It is the processor's time that counts: on a busy machine the clock says little.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"nothing came back after {seconds:g} seconds of computing: is there an endless loop?")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
