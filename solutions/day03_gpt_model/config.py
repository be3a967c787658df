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
        faults = []
        for name in ("vocab_size", "block_size", "n_layer", "n_head", "n_embd"):
            size = getattr(self, name)
            if not isinstance(size, int) or size < 1:
                faults.append(f"{name} must be an integer of at least 1, not {size!r}")
        if not faults and self.n_embd % self.n_head != 0:
            faults.append(f"n_embd ({self.n_embd}) must be a multiple of n_head ({self.n_head})")
        if not isinstance(self.dropout, (int, float)) or not 0 <= self.dropout < 1:
            faults.append(f"dropout must be a number from 0 up to, but not including, 1, not {self.dropout!r}")
        if self.positions not in ("learned", "sinusoidal"):
            faults.append(f'positions must be "learned" or "sinusoidal", not {self.positions!r}')
        if faults:
            raise ValueError("\n".join(faults))
