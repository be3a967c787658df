"""Text from a model."""

from typing import Any

import torch
from torch import nn

from .data import END_OF_TEXT
from .errors import CapstoneError


def sample(
    pieces: Any,
    tokenizer: Any,
    model: nn.Module,
    prompt: str,
    tokens: int,
    device: torch.device,
    temperature: float = 0.8,
    top_k: int | None = None,
    top_p: float | None = 0.95,
    seed: int = 1,
    count: int = 1,
) -> list[str]:
    """Continue the prompt `count` times. An empty prompt is the beginning of a text.

    Raises:
        CapstoneError: the prompt is longer than the model's context, or a setting cannot be.
    """
    ids = [tokenizer.token_to_id(END_OF_TEXT), *pieces.encode(tokenizer, prompt)]
    context = int(model.config.block_size)  # type: ignore[union-attr, arg-type]
    if len(ids) > context:
        raise CapstoneError(
            f"The prompt has {len(ids)} tokens (one marks the beginning), the context only {context}: shorten it."
        )
    generator = torch.Generator(device).manual_seed(seed)
    idx = torch.tensor([ids] * count, device=device)
    try:
        rows = pieces.generate(model, idx, tokens, temperature, top_k, top_p, generator)
    except ValueError as error:
        raise CapstoneError(str(error)) from None
    return [pieces.decode(tokenizer, row[1:]) for row in rows.tolist()]
