"""What the tests of this folder draw: sizes, and tensors of them from a seed, so that an example stays readable."""

import torch
from hypothesis import strategies as st
from torch import Tensor

seeds = st.integers(0, 2**31 - 1)
dtypes = st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16])
# A rounding in bfloat16 is 0.4 %, in float16 0.05 %; the others are roundings of sums of a few dozen products.
TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 3e-2, torch.float16: 5e-3}


# Signs of one to four bytes, and all that is a space, an end of a line or a separator somewhere. (All of Unicode would
# take hypothesis seconds to set up.)
SIGNS = "aab  \n\r\t\x00\x0b\x1c\x85\u2028|\\-#_0é你好😀\u0301\u00a0<>"
texts = st.text(SIGNS, max_size=40)


def sizes(most: int, least: int = 1) -> st.SearchStrategy[int]:
    return st.integers(least, most)


def numbers(low: float = -100.0, high: float = 100.0) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


class Drawn:
    """Tensors from one seed."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float64, scale: float = 1.0) -> Tensor:
        return (torch.randn(shape, generator=self.generator, dtype=torch.float64) * scale).to(dtype)

    def whole(self, below: int, *shape: int) -> Tensor:
        return torch.randint(below, shape, generator=self.generator)

    def yes(self, *shape: int, share: float = 0.6) -> Tensor:
        return torch.rand(shape, generator=self.generator) < share

    def targets(self, below: int, *shape: int, share: float = 0.7) -> Tensor:
        """Targets, of which about 30 % are -100."""
        return self.whole(below, *shape).where(self.yes(*shape, share=share), -100)


def close(mine: Tensor, theirs: Tensor, dtype: torch.dtype | None = None, factor: float = 1.0) -> None:
    """Equal up to the rounding of a dtype, that of `mine` if none is named."""
    tolerance = TOLERANCES[dtype or mine.dtype] * factor
    torch.testing.assert_close(mine.double(), theirs.double(), rtol=tolerance, atol=tolerance)
