"""Which pieces a run is put together from: yours or the reference's, and why."""

import hashlib
import importlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from rich import box
from rich.table import Table

from .alone import STAND_INS
from .errors import CapstoneError

ROOT = Path(__file__).parent.parent
# Which runs need a piece. One process takes day 5's step on whole batches, and day 8's with --accumulate; several
# processes, under torchrun, take day 9's.
When = Literal["always", "whole batches", "parts of batches", "several processes", "fast kernels"]
STEPS = ("train_step", "accumulated_step", "accumulated_ddp_step")


@dataclass(frozen=True)
class Piece:
    """A function or class of a day that the capstone uses."""

    name: str
    task: str
    folder: str
    file: str
    when: When = "always"
    known_as: str = ""  # to the capstone, where another piece has the same name

    @property
    def key(self) -> str:
        """What the capstone calls it."""
        return self.known_as or self.name

    @property
    def day(self) -> int:
        """The number of its day."""
        return int(self.folder[3:5])

    def __str__(self) -> str:
        return f"{self.name} (day {self.day}, task {self.task}, {self.folder}/{self.file}.py)"


TABLE = (
    Piece("scaled_dot_product_attention", "2.3", "day02_attention", "attention"),
    Piece("sinusoidal_positions", "2.4", "day02_attention", "positional"),
    Piece("LayerNorm", "2.4", "day02_attention", "layer_norm"),
    Piece("causal_mask", "2.5", "day02_attention", "self_attention"),
    Piece("GPTConfig", "3.2", "day03_gpt_model", "config"),
    Piece("causal_attention", "3.4", "day03_gpt_model", "block"),
    Piece("GPT", "3.5", "day03_gpt_model", "gpt"),
    Piece("train_bpe", "4.2", "day04_data", "tokenizer"),
    Piece("save", "4.2", "day04_data", "tokenizer"),
    Piece("load", "4.2", "day04_data", "tokenizer"),
    Piece("encode", "4.2", "day04_data", "tokenizer"),
    Piece("decode", "4.2", "day04_data", "tokenizer"),
    Piece("write_tokens", "4.3", "day04_data", "dataset"),
    Piece("open_tokens", "4.3", "day04_data", "dataset"),
    Piece("BlockDataset", "4.3", "day04_data", "dataset"),
    Piece("train_loader", "4.4", "day04_data", "loaders"),
    Piece("eval_loader", "4.4", "day04_data", "loaders"),
    Piece("build_optimizer", "5.2", "day05_training", "optimizer"),
    Piece("warmup_cosine", "5.3", "day05_training", "schedule"),
    Piece("train_step", "5.4", "day05_training", "train_step", "whole batches"),
    Piece("TokenRate", "5.5", "day05_training", "running_log"),
    Piece("RunningMean", "5.5", "day05_training", "running_log"),
    Piece("progress_bar", "5.5", "day05_training", "running_log"),
    Piece("status_line", "5.5", "day05_training", "running_log"),
    Piece("validate", "5.6", "day05_training", "validation"),
    Piece("start", "6.3", "day06_ddp", "hello_ddp", "several processes"),
    Piece("stop", "6.3", "day06_ddp", "hello_ddp", "several processes"),
    Piece("wrap", "6.4", "day06_ddp", "ddp", "several processes"),
    Piece("unwrap", "6.4", "day06_ddp", "ddp", "several processes"),
    Piece("ShardedBatches", "6.4", "day06_ddp", "ddp", "several processes"),
    Piece("mean_over_ranks", "6.4", "day06_ddp", "ddp", "several processes"),
    Piece("on_main", "6.4", "day06_ddp", "ddp", "several processes"),
    Piece("accumulated_step", "8.3", "day08_checkpoints", "accumulation", "parts of batches"),
    Piece("Board", "8.4", "day08_checkpoints", "board"),
    Piece("save_checkpoint", "8.5", "day08_checkpoints", "checkpoint"),
    Piece("load_checkpoint", "8.5", "day08_checkpoints", "checkpoint"),
    Piece("capture_rng", "8.5", "day08_checkpoints", "checkpoint"),
    Piece("restore_rng", "8.5", "day08_checkpoints", "checkpoint"),
    Piece("CheckpointFolder", "8.5", "day08_checkpoints", "checkpoint_folder"),
    Piece("Monitor", "8.6", "day08_checkpoints", "monitor"),
    Piece("accumulated_ddp_step", "9.5", "day09_distributed", "accumulate_ddp", "several processes"),
    Piece("causal_attention", "10.5", "day10_profiling", "fast_attention", "fast kernels", known_as="fast_attention"),
    Piece("chunked_cross_entropy", "10.5", "day10_profiling", "chunked_loss", "fast kernels"),
    Piece("generate", "11.4", "day11_generation", "sampling"),
    Piece("generate_batch", "11.4", "day11_generation", "sampling"),
    Piece("KVCache", "11.4", "day11_generation", "kv_cache"),
    Piece("cached_attention", "11.4", "day11_generation", "kv_cache"),
    Piece("generate_with_cache", "11.4", "day11_generation", "kv_cache"),
)
BY_NAME = {piece.key: piece for piece in TABLE}


@dataclass(frozen=True)
class Choice:
    """Where one piece comes from."""

    piece: Piece
    mine: bool
    reason: str
    digest: str

    @property
    def module(self) -> str:
        """The module to import."""
        return f"{'curriculum' if self.mine else 'solutions'}.{self.piece.folder}.{self.piece.file}"


def needed(processes: int, accumulate: int, kernels: str = "fast") -> list[Piece]:
    """The pieces of a run with so many processes, and so many micro-batches in a step of each."""
    if processes > 1:
        kinds = {"always", "several processes"}
    else:
        kinds = {"always", "parts of batches" if accumulate > 1 else "whole batches"}
    if kernels == "fast":
        kinds.add("fast kernels")
    return [piece for piece in TABLE if piece.when in kinds]


def choose(
    mode: str, root: Path = ROOT, processes: int = 1, accumulate: int = 1, kernels: str = "fast"
) -> list[Choice]:
    """Choose every piece that the run needs, before anything is imported.

    Args:
        mode: "finished", "mine" or "reference".
        root: the folder with curriculum/, solutions/ and .course/.
        processes, accumulate, kernels: what decides which pieces are needed.

    Raises:
        CapstoneError: mode is "mine", and pieces are unfinished; the message names them all.
    """
    passed = _passed_tasks(root)
    choices, unfinished = [], []
    for piece in needed(processes, accumulate, kernels):
        path = root / "curriculum" / piece.folder / f"{piece.file}.py"
        if mode == "reference":
            mine, reason = False, "asked for"
        elif not path.is_file():
            mine, reason = False, "no exercise yet"
        elif mode == "finished":
            mine, reason = _finished(piece, path, passed)
        else:
            mine, reason = True, "asked for"
            if is_stub(piece, path):
                unfinished.append(piece)
        source = path if mine else root / "solutions" / piece.folder / f"{piece.file}.py"
        choices.append(Choice(piece, mine, reason, _digest(source, *_siblings(source))))
    if unfinished:
        raise CapstoneError(
            "--pieces mine needs pieces that you have not written yet:\n"
            + "\n".join(f"  - {piece}" for piece in unfinished)
            + "\nWrite them, or take the reference for what is missing: --pieces finished"
        )
    return choices


def load(choices: list[Choice]) -> Any:
    """Import the chosen pieces: a namespace with one attribute for each. One process alone gets stand-ins of day 6's.

    Raises:
        CapstoneError: a file cannot be imported, or does not define the piece.
    """
    pieces = SimpleNamespace(**STAND_INS)
    for choice in choices:
        where = f"{choice.module.replace('.', '/')}.py"
        try:
            module = importlib.import_module(choice.module)
        except (Exception, SystemExit) as error:
            raise CapstoneError(f"{where} cannot be imported; repair day {choice.piece.day}'s piece.") from error
        if not hasattr(module, choice.piece.name):
            raise CapstoneError(f"{where} does not define {choice.piece.name} (task {choice.piece.task}).")
        setattr(pieces, choice.piece.key, getattr(module, choice.piece.name))
    return pieces


def digests(choices: list[Choice]) -> dict[str, str]:
    """What a checkpoint remembers: for each file of pieces whose it is and the digest of its text."""
    return {f"{c.piece.folder}/{c.piece.file}.py": f"{'mine' if c.mine else 'reference'} {c.digest}" for c in choices}


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """In words, for each file that is another one than before. One that only one of the two needs is no other model."""
    found = []
    for file in sorted(before.keys() & now.keys()):
        old, new = before[file], now[file]
        if old != new:
            whose = old.split()[0], new.split()[0]
            found.append(f"{file}: " + (f"{whose[0]} → {whose[1]}" if whose[0] != whose[1] else "changed since"))
    return found


def table(choices: list[Choice]) -> Table:
    """The choice, to be read: a line for each file."""
    result = Table(box=box.SIMPLE_HEAD, title="Pieces", title_justify="left", pad_edge=False)
    for column in ("task", "file", "pieces", "whose", "why"):
        result.add_column(column, no_wrap=column in ("task", "file", "whose"))
    files: dict[tuple[str, str], list[Choice]] = {}
    for choice in choices:
        files.setdefault((choice.piece.folder, choice.piece.file), []).append(choice)
    for group in files.values():
        first, names = group[0], ", ".join(choice.piece.name for choice in group)
        whose = "yours" if first.mine else "reference"
        result.add_row(first.piece.task, f"{first.piece.file}.py", names, whose, first.reason)
    return result


def is_stub(piece: Piece, path: Path) -> bool:
    """Whether the learner's file still raises NotImplementedError for this piece."""
    raises = rf"""NotImplementedError\(\s*["']{re.escape(piece.task)} {piece.name}\b"""
    return re.search(raises, path.read_text(encoding="utf-8", errors="replace")) is not None


def _finished(piece: Piece, path: Path, passed: dict[str, dict[str, str]]) -> tuple[bool, str]:
    """Whether to take the learner's file: its checks passed, and neither it nor a sibling it uses changed since."""
    recorded = passed.get(piece.task, {})
    if path.name not in recorded:
        return False, "not passed yet"
    if recorded[path.name] != _digest(path):
        return False, "changed since it passed: run its checks"
    same_day = [files for task, files in passed.items() if task.split(".")[0] == piece.task.split(".")[0]]
    for sibling in _siblings(path):
        if not any(files.get(sibling.name) == _digest(sibling) for files in same_day):
            return False, f"it uses {sibling.name}, which is not finished"
    return True, "its checks passed"


def _siblings(path: Path) -> list[Path]:
    """The files of the same day that this file imports, and those that they import."""
    found: list[Path] = []
    waiting = [path]
    while waiting:
        text = waiting.pop().read_text(encoding="utf-8", errors="replace")
        for name in re.findall(r"^from \.(\w+) import", text, flags=re.MULTILINE):
            sibling = path.with_name(f"{name}.py")
            if sibling.is_file() and sibling not in (path, *found):
                found.append(sibling)
                waiting.append(sibling)
    return found


def _passed_tasks(root: Path) -> dict[str, dict[str, str]]:
    """What the grader remembers: task → file → digest of the file when the task's checks passed."""
    try:
        record = json.loads((root / ".course" / "passed.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(record, dict):
        return {}
    return {task: files for task, files in record.items() if isinstance(files, dict)}


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
