"""`python -m capstone.bench generation`: how fast texts are written, beside transformers' `generate`."""

import dataclasses
import importlib.util
import time
from functools import partial
from typing import Any, Literal

import torch
from rich.table import Table
from torch import Tensor, nn

from .. import pieces as choosing
from ..build import build_model
from ..cached import cached
from ..config import Config
from ..errors import CapstoneError
from ..machine import describe, keep_memory
from ..samples import exact_products
from .floor import Floor, floor_of
from .measure import Timed, fastest, interleaved, needs, new_table, results, rows
from .plain import begin_alike, transformers_gpt2

SIZES = {"small": (4, 4, 256), "large": (6, 6, 384)}  # layers, heads, channels
VOCABULARY = 8192
PROMPT = 8  # tokens
FEW = 10  # tokens, to count the operations of a step
SHARP = 12.0  # the deviation of the logits: a trained model has a few likely tokens, and a new one has none
OURS, OURS_HALF = "capstone, float32", "capstone, bfloat16"
THEIRS = ("transformers, SDPA", "transformers, eager", "transformers, bf16")
Kind = Literal["greedy", "top-p", "plain"]
Settings = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Options:
    """Texts of one model, by the capstone and by transformers with the same weights, both with a KV cache."""

    size: Literal["small", "large"] = "small"  # 4 layers, 4 heads, 256 channels; or 6, 6 and 384
    batches: tuple[int, ...] = (1, 16)  # how many texts at once
    tokens: int = 200  # that each gets
    draw: Kind = "greedy"  # the likeliest token; temperature 0.8 and top-p 0.95; or temperature 0.8 alone
    rounds: int = 5  # in each, every way takes its turn
    device: Literal["cpu", "cuda"] = "cuda" if torch.cuda.is_available() else "cpu"
    threads: int = 0  # of the processor (0: as many as PyTorch takes)
    json: str = ""  # a file for the figures


def main(options: Options) -> tuple[Table, dict[str, Any]]:
    """Measure; returns the table, and its figures."""
    needs(importlib.util.find_spec("transformers"), "transformers")
    if options.threads:
        torch.set_num_threads(options.threads)
    keep_memory()
    layers, heads, channels = SIZES[options.size]
    config = Config(vocab_size=VOCABULARY, n_layer=layers, n_head=heads, n_embd=channels, block_size=256)
    if PROMPT + options.tokens > config.block_size:
        raise CapstoneError(
            f"--tokens {options.tokens}: transformers ends at the context, so {config.block_size - PROMPT} at most."
        )
    kinds = ways(config, torch.device(options.device))
    writers = {name: partial(write, options) for name, write in kinds.items()}
    table = new_table(
        f"Texts, {options.size}, {options.draw}, {options.tokens} tokens, {options.rounds} rounds",
        *("batch", "way", "tokens/s", "ms a step", "floor", "spread", "ratio"),
    )
    measured = []
    for batch in options.batches:
        prompts = torch.randint(
            config.vocab_size, (batch, PROMPT), generator=torch.Generator().manual_seed(batch), device="cpu"
        ).to(options.device)
        same = same_texts(writers, prompts) if options.draw == "greedy" else None
        timed: dict[str, Timed] = {name: partial(seconds_of, write, prompts) for name, write in writers.items()}
        seconds = interleaved(timed, options.rounds)
        floors = least(kinds, prompts, config, options)
        against = fastest(seconds, THEIRS)
        for result in results(seconds, against):
            rate = batch * options.tokens / result.seconds
            step = 1000 * result.seconds / options.tokens
            floor = f"{sum(floors[result.name]):.2f}" if result.name in floors else ""
            shown = (f"{rate:,.0f}", f"{step:.2f}", floor, f"{result.spread:.0%}", f"{result.ratio:.2f}")
            table.add_row(str(batch), result.name, *shown)
        lines = [
            line | {"step_ms": round(1000 * line["seconds"] / options.tokens, 3)} | told(floors.get(line["way"]))
            for line in rows(results(seconds, against))
        ]
        measured.append({"batch": batch, "same_tokens": same, "ways": lines})
    values = {"machine": describe(torch.device(options.device)), "threads": torch.get_num_threads()}
    return table, values | {"options": dataclasses.asdict(options), "batches": measured}


def least(kinds: dict[str, Any], prompts: Tensor, config: Config, options: Options) -> dict[str, Floor]:
    """The floor of each way, on a processor: a GPU is handed its work ahead of time."""
    if prompts.device.type != "cpu":
        return {}
    kept = PROMPT + options.tokens // 2  # tokens of a row, half-way
    few = dataclasses.replace(options, tokens=FEW)
    return {
        name: floor_of(partial(write, few, prompts), config, len(prompts), FEW, kept, 2 if "16" in name else 4)
        for name, write in kinds.items()
    }


def told(floor: Floor | None) -> dict[str, float]:
    """For a file."""
    return {} if floor is None else {"reading_ms": round(floor.reading, 3), "calling_ms": round(floor.calling, 3)}


def ways(config: Config, device: torch.device) -> dict[str, Any]:
    """Functions from options and prompts (B, T) to texts (B, T + n)."""
    pieces = choosing.load(choosing.choose("reference"))
    torch.manual_seed(config.seed)
    model = build_model(pieces, config, config.vocab_size, device).eval()
    sharpen(model)
    found: dict[str, Any] = {}
    for name, dtype in ((OURS, torch.float32), (OURS_HALF, torch.bfloat16)):
        found[name] = partial(by_us, pieces, ready(pieces, model, dtype))
    for name, kernel in zip(THEIRS, ("sdpa", "eager", "sdpa"), strict=True):
        other = theirs(config, model, device, kernel)
        found[name] = partial(by_them, other.bfloat16() if "16" in name else other)
    return found


def ready(pieces: Any, model: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The model as the capstone generates with it."""
    found = cached(pieces, model, dtype)
    if found is None:
        raise CapstoneError("The model cannot use a cache: look at day 11's kv_cache.py.")
    return found


@torch.no_grad()
def sharpen(model: nn.Module) -> None:
    """Make the likely tokens likelier, as training does: the logits of a new model are all nearly the same."""
    logits = model(torch.arange(64, device=next(model.parameters()).device)[None])[0]
    model.norm.weight.mul_(SHARP / logits.std())  # type: ignore[union-attr, operator]


def theirs(config: Config, like: nn.Module, device: torch.device, kernel: str) -> Any:
    """transformers' GPT-2 with these weights, as it is generated from."""
    wrapped: Any = transformers_gpt2(config, config.vocab_size).to(device).eval()
    begin_alike(like, wrapped)
    wrapped.model.set_attn_implementation(kernel)
    wrapped.model.generation_config.eos_token_id = None  # it would stop there, and be compared on less work
    return wrapped.model


def drawing(kind: Kind) -> Settings:
    """The settings of day 11's functions."""
    return {
        "greedy": {"temperature": 0.0},
        "top-p": {"temperature": 0.8, "top_p": 0.95},
        "plain": {"temperature": 0.8},
    }[kind]


def by_us(pieces: Any, model: nn.Module, options: Options, prompts: Tensor) -> Tensor:
    """With day 11's generate_with_cache."""
    with torch.inference_mode(), exact_products():
        return torch.stack(pieces.generate_with_cache(model, list(prompts), options.tokens, **drawing(options.draw)))


def by_them(model: Any, options: Options, prompts: Tensor) -> Tensor:
    """With generate, and nothing that it would have to look for."""
    how: Settings = {"do_sample": False} if options.draw == "greedy" else {"do_sample": True, "top_k": 0}
    how |= {} if options.draw == "greedy" else drawing(options.draw)
    with torch.inference_mode():
        return model.generate(
            prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=options.tokens, pad_token_id=0, **how
        )


def same_texts(writers: dict[str, Any], prompts: Tensor) -> bool:
    """Whether ours in float32 are theirs, token by token; it warms all of them up, too."""
    texts = {name: write(prompts) for name, write in writers.items()}
    return torch.equal(texts[OURS], texts[THEIRS[0]])


def seconds_of(write: Any, prompts: Tensor) -> float:
    """The time that one call takes; its end is known, for the tokens are read."""
    began = time.perf_counter()
    write(prompts).tolist()
    return time.perf_counter() - began
