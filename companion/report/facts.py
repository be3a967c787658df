"""A finished run of the capstone, and the numbers that follow from its record."""

import json
import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from companion.course import Course
from companion.errors import CompanionError
from companion.records import load
from companion.results import best, trained
from solutions.day03_gpt_model.anatomy import count_parameters

# The plan's target, 55 per token of GPT-2's tokenizer, in the other units (day 8): WikiText-2's text with <unk> alone.
TARGET_PPL_WORD, TARGET_TEXT = 117.0, "wikitext2-tokens"
RENAMED = {"val_loss": "loss", "val_ppl_token": "ppl_token", "val_ppl_word": "ppl_word"}
RENAMED |= {"val_bits_per_byte": "bits_per_byte"}
NEEDED = ("loss", "ppl_token", "ppl_word", "bits_per_byte", "tokens", "words", "parameters", "steps", "tokens_seen")
REMEMBERED = "report"  # .course/report.json: the run that the learner's report is about


@dataclass(frozen=True)
class Facts:
    """One run.

    Args:
        config: its configuration, as saved.
        values: its evaluation and how it was trained, by the names of evaluation.json.
    """

    folder: Path
    config: dict[str, Any]
    values: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def parameters(self) -> int:
        return int(self.values["parameters"])

    @cached_property
    def vocab_size(self) -> int:
        """V: the tokenizer may have fewer tokens than the configuration asks for."""
        said = re.search(r"([\d,]+) tokens", str(self.values.get("tokenizer", "")))
        return int(said[1].replace(",", "")) if said else int(self.config["vocab_size"])

    @cached_property
    def components(self) -> dict[str, int]:
        """Component → its parameters, without the total; empty if they do not add up to what the run counted."""
        found = count_parameters(SimpleNamespace(**{**self.config, "vocab_size": self.vocab_size}))  # type: ignore[arg-type]
        total = found.pop("total")
        return {name: many for name, many in found.items() if many} if total == self.parameters else {}

    def parameters_with(self, **changes: Any) -> int:
        """The parameters of a model with other settings."""
        shape = {**self.config, "vocab_size": self.vocab_size, **changes}
        return count_parameters(SimpleNamespace(**shape))["total"]  # type: ignore[arg-type]

    @property
    def tokens_a_step(self) -> int:
        return int(self.config["batch_size"]) * int(self.config["block_size"])

    @property
    def tokens_a_word(self) -> float:
        return self.values["tokens"] / self.values["words"]

    @property
    def tokens_a_parameter(self) -> float:
        return self.values["tokens_seen"] / self.parameters

    @cached_property
    def epochs(self) -> float | None:
        """How often the training text was read; None if the run has not come to its end once."""
        progress = self.values.get("progress") or {}
        whole, rest = progress.get("epoch", 0), progress.get("batches", 0)
        steps = progress.get("step", 0)
        return steps / ((steps - rest) / whole) if whole and steps > rest else None

    @property
    def flops_a_token(self) -> int:
        """Forward and backward: 6 for each parameter, and 12·L·T·C for attention."""
        sizes = self.config
        return 6 * self.parameters + 12 * sizes["n_layer"] * sizes["block_size"] * sizes["n_embd"]

    @property
    def flops(self) -> float:
        """Of the whole training."""
        return float(self.flops_a_token) * self.values["tokens_seen"]

    @property
    def first_loss(self) -> float:
        """What an untrained model's loss is about: ln V."""
        return math.log(self.vocab_size)

    @property
    def on_the_target_text(self) -> bool:
        return self.values.get("text") == TARGET_TEXT


def facts_of(course: Course, name: str = "") -> Facts:
    """The run of that name or path; without one, the run of the report, or else the best one.

    Raises:
        CompanionError: there is none, or it has not come to its end, or its record is damaged.
    """
    name = name or str(load(course, REMEMBERED).get("run", ""))
    if name:
        return read(course, _find(course, name))
    found = best(trained(course.root))
    if found is None:
        raise CompanionError(
            "There is no finished run in runs/ yet. Train one (make train takes a minute or two), or name a recorded "
            "one of docs/runs: default, wikitext2-cpu."
        )
    return read(course, found.folder)


def _find(course: Course, name: str) -> Path:
    runs = [course.root / "runs", course.root / "docs" / "runs"]
    for folder in (Path.cwd() / name, course.root / name, *(parent / name for parent in runs)):
        if folder.is_dir():
            return folder.resolve()
    there = [path.name for parent in runs if parent.is_dir() for path in parent.iterdir() if path.is_dir()]
    near = get_close_matches(Path(name).name, there, n=1, cutoff=0.5)
    hint = f" Is it {near[0]}?" if near else ""
    raise CompanionError(f"There is no run {name}, neither in runs/ nor in docs/runs/.{hint}")


def read(course: Course, folder: Path) -> Facts:
    """The run in a folder: config.json, and evaluation.json, or metrics.json of a recorded one."""
    shown = course.shown(folder)
    config = _json(folder / "config.json", shown)
    values = _json(folder / "evaluation.json", shown) or _json(folder / "metrics.json", shown)
    values = {RENAMED.get(key, key): value for key, value in values.items()}
    if not config or not {"n_layer", "n_head", "n_embd", "block_size", "batch_size"} <= config.keys():
        raise CompanionError(f"{shown} is no run of the capstone: its config.json has no model in it.")
    missing = [key for key in NEEDED if not isinstance(values.get(key), (int, float))]
    if missing:
        raise CompanionError(f"{shown} has not come to its end: it has no {missing[0]} yet. Go on with --resume.")
    return Facts(folder, config, values)


def _json(file: Path, shown: str) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CompanionError(f"{shown}/{file.name} cannot be read: {error}.") from error
    return values if isinstance(values, dict) else {}
