"""Outcomes as JSON: what a submission's process says can be read without running any of it, as a pickle would."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.outcome import Observed, Outcome, Place, Raised

LONGEST = 20_000  # characters of a message or a trace
SIMPLE = (type(None), bool, int, float, str)
DTYPES = {str(value): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
DEVICES = ("cpu", "meta")


@dataclass(frozen=True)
class Foreign:
    """A value that no check expects, and that differs from every one that it does."""

    kind: str

    def __eq__(self, other: object) -> bool:
        return False


class Unreadable(Exception):
    """A text that `dumps` has not written."""


def dumps(outcomes: list[Outcome]) -> str:
    """The outcomes of a check's comparisons, in ASCII and on one line."""
    rows = [
        {"raised": _cut(asdict(one))}
        if isinstance(one, Raised)
        else {"values": [[name, _packed(value)] for name, value in one.values.items()]}
        for one in outcomes
    ]
    return json.dumps(rows)


def loads(text: str) -> list[Outcome]:
    """The same outcomes, without what was printed. Raises Unreadable for any other text."""
    try:
        return [_outcome(row) for row in json.loads(text)]
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, RecursionError, OverflowError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}"[:200]) from error


def _cut(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value[:LONGEST] if isinstance(value, str) else value for name, value in fields.items() if name != "trace"
    }


def _outcome(row: dict[str, Any]) -> Outcome:
    if "values" in row:
        return Observed({str(name): _unpacked(value) for name, value in row["values"]})
    raised = row["raised"]
    place, rank = raised["place"], raised["rank"]
    return Raised(
        str(raised["kind"]),
        str(raised["message"]),
        place and Place(*(str(place["file"]), int(place["line"]), str(place["function"]), str(place["code"]))),
        str(raised["probe_line"]),
        str(raised["unwritten"]),
        "",
        rank=rank if rank is None else int(rank),
        notes=tuple(map(str, raised["notes"])),
    )


def _packed(value: object) -> object:
    """A value as JSON: simple ones as they are, others in a list that begins with their kind."""
    if type(value) in SIMPLE:
        return value
    if isinstance(value, Tensor):
        return _packed_tensor(value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc":
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return [kind, value.dtype.str, list(value.shape), _letters(np.ascontiguousarray(value).tobytes())]
    if isinstance(value, Mapping):
        return ["dict", [[_packed(key), _packed(item)] for key, item in value.items()]]
    if isinstance(value, (list, tuple)):
        return ["list" if isinstance(value, list) else "tuple", [_packed(item) for item in value]]
    if isinstance(value, complex):
        return ["complex", value.real, value.imag]
    if isinstance(value, torch.dtype):
        return ["dtype", str(value)]
    return ["foreign", type(value).__name__]


def _packed_tensor(value: Tensor) -> object:
    if value.layout is not torch.strided or value.is_quantized or value.device.type not in (*DEVICES, "cuda", "mps"):
        return ["foreign", "Tensor"]
    letters = ""
    if not value.is_meta:
        whole = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        letters = _letters(whole.view(torch.uint8).numpy().tobytes())
    return ["tensor", str(value.dtype), list(value.shape), value.device.type, letters]


def _unpacked(value: Any) -> object:
    if type(value) in SIMPLE:
        return value
    kind, *rest = value
    if kind == "dict":
        return {_unpacked(key): _unpacked(item) for key, item in rest[0]}
    if kind in ("list", "tuple"):
        items = [_unpacked(item) for item in rest[0]]
        return items if kind == "list" else tuple(items)
    if kind == "tensor":
        return _unpacked_tensor(*rest)
    if kind in ("array", "number"):
        array = np.frombuffer(base64.b64decode(rest[2]), np.dtype(str(rest[0]))).reshape(rest[1])
        return array.copy() if kind == "array" else array[()]
    if kind == "complex":
        return complex(*map(float, rest))
    return DTYPES[rest[0]] if kind == "dtype" else Foreign(str(rest[0]))


def _unpacked_tensor(dtype: str, shape: list[int], device: str, letters: str) -> Tensor:
    if device == "meta":
        return torch.empty(shape, dtype=DTYPES[dtype], device="meta")
    content = bytearray(base64.b64decode(letters))
    flat = torch.frombuffer(content, dtype=DTYPES[dtype]) if content else torch.empty(0, dtype=DTYPES[dtype])
    tensor = flat.reshape(shape)
    return tensor if device in DEVICES else tensor.to(device)


def _letters(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
