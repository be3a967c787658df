"""The shape of a GPT, on one screen (Radford et al. 2019, section 2.3)."""

from dataclasses import dataclass
from typing import Any

# The four models of the GPT-2 paper, table 2: GPTConfig(**GPT2_SIZES["xl"]).
GPT2_SIZES: dict[str, dict[str, Any]] = {
    "small": {"n_layer": 12, "n_head": 12, "n_embd": 768},
    "medium": {"n_layer": 24, "n_head": 16, "n_embd": 1024},
    "large": {"n_layer": 36, "n_head": 20, "n_embd": 1280},
    "xl": {"n_layer": 48, "n_head": 25, "n_embd": 1600},
}


@dataclass(frozen=True)
class GPTConfig:
    """Everything that decides a GPT's shape. The defaults are GPT-2 small.

    A configuration that cannot be built raises one ValueError. Its message lists every fault, not only the first, and
    calls each faulty field by its name. The faults are:

    - vocab_size, block_size, n_layer, n_head or n_embd is no int, or is smaller than 1;
    - n_embd is not a multiple of n_head (asked only if all five sizes are valid by themselves; the message names both);
    - dropout is no number with 0 <= dropout < 1 (NaN is no such number);
    - positions is neither "learned" nor "sinusoidal".
    """

    vocab_size: int = 50257  # V: how many different tokens there are
    block_size: int = 1024  # the longest sequence, in tokens
    n_layer: int = 12  # how many blocks stand on one another
    n_head: int = 12  # H: attention heads in each block
    n_embd: int = 768  # C: numbers per token
    dropout: float = 0.1  # probability, in embeddings, attention weights and branches
    positions: str = "learned"  # or "sinusoidal"

    def __post_init__(self) -> None:
        # TODO 1: collect faults in a list, one sentence each, with the name of the field in it.
        # TODO 2: the five sizes are whole numbers of at least 1.
        # TODO 3: every head gets an equal share of the channels. (Ask only if the sizes are valid: n_head may be 0.)
        # TODO 4: dropout is a probability below 1; positions is one of two words.
        # TODO 5: any faults? Raise one ValueError that says them all.
        raise NotImplementedError("3.2 GPTConfig")
