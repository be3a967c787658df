"""Text from a model: prompts in, their continuations out, with day 11's pieces."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .cached import cached
from .data import END_OF_TEXT
from .errors import CapstoneError
from .machine import Autocast

CUT = "\ufffd"  # what decode gives for a character whose last bytes are still to come
Show = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """How the tokens are drawn, and when a text ends."""

    tokens: int = 200  # at most
    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = 0.95
    seed: int = 1
    stop: str = ""  # the text that ends a continuation, or <|endoftext|>; it is left out


@dataclass(frozen=True)
class Sample:
    """A prompt and what the model made of it."""

    prompt: str
    continuation: str
    tokens: int  # that the model wrote
    ended: bool  # by the stop, and not because there were enough


class Writer:
    """A trained model that continues texts: with day 11's cache where it can be used, else without."""

    def __init__(
        self,
        pieces: Any,
        tokenizer: Any,
        model: nn.Module,
        device: torch.device,
        cache: bool = True,
        fast: bool = True,
    ) -> None:
        """model: day 3's GPT, bare or in a half precision. fast: attend by PyTorch's kernel, or else by day 11's."""
        bare, dtype = (model.model, model.dtype) if isinstance(model, Autocast) else (model, torch.float32)
        self.pieces, self.tokenizer, self.device = pieces, tokenizer, device
        ready = cached(pieces, bare, dtype, fast) if cache else None
        self.cached = ready is not None
        self.model = model if ready is None else ready

    def write(self, prompts: Sequence[str], how: How, show: Show | None = None) -> list[Sample]:
        """Continue every prompt, all at once. An empty prompt is the beginning of a text.

        Args:
            prompts: of any length up to the model's context.
            show: called with each new part of the text, of a single prompt.

        Raises:
            CapstoneError: a prompt is longer than the context, or a setting cannot be.
        """
        first = self.tokenizer.token_to_id(END_OF_TEXT)
        rows = [[first, *self.pieces.encode(self.tokenizer, prompt)] for prompt in prompts]
        check(prompts, rows, int(self.model.config.block_size))  # type: ignore[union-attr, arg-type]
        watch = Watch(self, rows, how, show)
        try:
            with torch.inference_mode(), exact_products():
                written = [row.tolist() for row in self._generate(watch, rows, how)]
            watch.take([new[len(old) + len(more) :] for new, old, more in zip(written, rows, watch.new, strict=True)])
        except Enough:
            pass
        except ValueError as error:
            raise CapstoneError(str(error)) from None
        watch.finish()
        return [
            Sample(prompt, text, tokens, ended)
            for prompt, (text, tokens, ended) in zip(prompts, watch.texts(), strict=True)
        ]

    def _generate(self, watch: "Watch", rows: list[list[int]], how: How) -> Any:
        """Day 11's pieces."""
        prompts = [torch.tensor(row, device=self.device) for row in rows]
        model = Watched(self.model, watch) if how.stop not in ("", END_OF_TEXT) or watch.show else self.model
        settings: dict[str, Any] = {"temperature": how.temperature, "top_k": how.top_k, "top_p": how.top_p}
        settings |= {"generator": torch.Generator(self.device).manual_seed(how.seed), "stop_token": watch.stop_token}
        if self.cached:
            return self.pieces.generate_with_cache(model, prompts, how.tokens, **settings)
        if len({len(row) for row in rows}) > 1:
            return self.pieces.generate_batch(model, prompts, how.tokens, **settings)
        return self.pieces.generate(model, torch.stack(prompts), how.tokens, **settings)


class Enough(Exception):
    """Every text has ended."""


class Watched(nn.Module):
    """A model that tells which tokens it is asked to read: the newest of each row, from the second call on."""

    def __init__(self, model: nn.Module, watch: "Watch") -> None:
        super().__init__()
        self.model, self.watch = model, watch
        self.config: Any = model.config
        self.calls = 0

    def forward(self, idx: Tensor, *rest: Any) -> Any:
        """What the model gives.

        Raises:
            Enough: nothing more is wanted.
        """
        if self.calls:
            sizes = [min(size + self.calls, self.config.block_size) for size in self.watch.sizes]
            ends = [min(size, idx.size(1)) - 1 for size in sizes]
            self.watch.take(idx[range(len(ends)), ends].unsqueeze(1).tolist())
            if all(self.watch.ended):
                raise Enough
        self.calls += 1
        return self.model(idx, *rest)


class Watch:
    """Follows what is written, shows it, and notices the text that ends it."""

    def __init__(self, writer: Writer, rows: list[list[int]], how: How, show: Show | None) -> None:
        self.decode = partial(writer.pieces.decode, writer.tokenizer)
        self.sizes = [len(row) for row in rows]
        self.stop, self.show = how.stop, show
        self.stop_token = writer.tokenizer.token_to_id(END_OF_TEXT) if how.stop == END_OF_TEXT else None
        self.new: list[list[int]] = [[] for _ in rows]
        self.ended = [False] * len(rows)
        self.shown = 0  # characters
        self.text = ""  # of the first row, as far as its tokens make whole characters
        self.waiting: list[int] = []  # tokens that do not yet

    def take(self, tokens: list[list[int]]) -> None:
        """The next tokens of each row."""
        for row, more in enumerate(tokens):
            for token in more:
                if not self.ended[row]:
                    self._add(row, token)

    def _add(self, row: int, token: int) -> None:
        self.new[row].append(token)
        if self.stop_token is not None:
            self.ended[row] = token == self.stop_token
        elif self.stop:
            tail = self.new[row][-len(self.stop.encode()) - 4 :]  # a token is a byte at least; a character four at most
            self.ended[row] = self.stop in self.decode(tail)
        if self.show and not self.ended[row]:
            self.waiting.append(token)
            text = self.decode(self.waiting)
            if not text.endswith(CUT) or len(self.waiting) > 4:
                self.text, self.waiting = self.text + text, []
            self._show(len(self.text) - max(0, len(self.stop) - 1))  # what follows may be the beginning of the stop

    def _show(self, end: int) -> None:
        if self.show and end > self.shown:
            self.show(self.text[self.shown : end])
            self.shown = end

    def finish(self) -> None:
        """Show what was held back."""
        if self.show:
            self.text = next(self.texts())[0]
            self._show(len(self.text))

    def texts(self) -> Iterator[tuple[str, int, bool]]:
        """Each row's continuation, how many tokens it has, and whether it ended by itself."""
        for tokens, ended in zip(self.new, self.ended, strict=True):
            text = self.decode(tokens)
            yield text.split(self.stop, 1)[0] if self.stop and ended else text, len(tokens), ended


def check(prompts: Sequence[str], rows: list[list[int]], context: int) -> None:
    """Every prompt fits.

    Raises:
        CapstoneError: one does not.
    """
    for number, row in enumerate(rows, 1):
        if len(row) > context:
            which = f"Prompt {number}" if len(prompts) > 1 else "The prompt"
            raise CapstoneError(
                f"{which} has {len(row)} tokens (one marks the beginning), the context only {context}: shorten it."
            )


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """Float32 as it is: for the few rows of a step, the ways that are faster in training are slower."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def sample(
    pieces: Any,
    tokenizer: Any,
    model: nn.Module,
    prompt: str,
    tokens: int,
    device: torch.device,
    seed: int = 1,
    count: int = 1,
) -> list[str]:
    """Continue the prompt `count` times, and give the prompts with what follows them.

    Raises:
        CapstoneError: as for Writer.write.
    """
    writer = Writer(pieces, tokenizer, model, device)
    return [each.prompt + each.continuation for each in writer.write([prompt] * count, How(tokens=tokens, seed=seed))]
