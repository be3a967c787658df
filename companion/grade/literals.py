"""Numbers that are written down: the results of a check, found as they are in the source that should compute them."""

import io
import math
import tokenize
from collections.abc import Iterable, Mapping

import numpy as np
from torch import Tensor

ENOUGH = 3  # so many results in one file are no accident
DIGITS = 4  # that a number must have to tell anything: 0.5 and 768 stand everywhere


def written(source: bytes) -> set[float]:
    """The telling numbers of a source; those in strings and comments do not count."""
    found: set[float] = set()
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.NUMBER and sum(sign.isdigit() for sign in token.string.lstrip("0.")) >= DIGITS:
                found.add(float(token.string.replace("_", "")))
    except (tokenize.TokenError, SyntaxError, ValueError, OverflowError):
        pass  # what could be read counts
    return found


def results(values: object) -> set[float]:
    """Every telling fraction in what a check expects."""
    if isinstance(values, Mapping):
        return set().union(*map(results, values.values()))
    if isinstance(values, (list, tuple)):
        return set().union(*map(results, values))
    if isinstance(values, Tensor):
        return (
            results(values.double().flatten().tolist()) if values.is_floating_point() and not values.is_meta else set()
        )
    if isinstance(values, np.ndarray):
        return results(values.ravel().tolist()) if values.dtype.kind == "f" else set()
    if (
        isinstance(values, float)
        and math.isfinite(values)
        and f"{abs(values):.{DIGITS - 1}e}"[2 : DIGITS + 1].strip("0")
    ):
        return {abs(values)}
    return set()


def written_down(sources: Iterable[bytes], pristine: Iterable[bytes], values: object) -> bool:
    """Whether one of the sources holds results of a check that neither the stub nor the reference does."""
    known = set[float]().union(*map(written, pristine))
    wanted = results(values)
    return any(len({n for n in written(source) - known if _is_one(n, wanted)}) >= ENOUGH for source in sources)


def _is_one(number: float, wanted: set[float]) -> bool:
    return any(math.isclose(number, value, rel_tol=10.0 ** (1 - DIGITS) / 2) for value in wanted)
