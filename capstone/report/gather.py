"""What a run has left behind, in its folder or in its record: gathered, and nothing computed that it does not say."""

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..curve import FILE as CURVE
from ..curve import Records, from_lines, is_step, thinned
from ..errors import CapstoneError
from ..metrics import scores
from ..options import run_folder
from ..pieces import ROOT
from ..sessions import read_sessions

RECORDS = ROOT / "docs" / "runs"
# What a record calls the scores of the validation split, and what an evaluation calls them.
RENAMED = {"loss": "val_loss", "ppl_token": "val_ppl_token", "ppl_word": "val_ppl_word"}
RENAMED |= {"bits_per_byte": "val_bits_per_byte"}
BETWEEN_SAMPLES = "\n\n----\n\n"
SCORES = "scores.json"  # of other splits, if somebody has had capstone.evaluate write them there


@dataclass(frozen=True)
class Gathered:
    """A run: finished, stopped or still going; old ones lack some of this."""

    folder: Path
    config: dict[str, Any]  # as it was saved
    records: Records  # thinned
    finished: bool
    values: dict[str, Any]  # the evaluation at the end and how it was trained; empty before the end
    evaluations: list[dict[str, Any]]  # of the validation split, and of others that were scored
    known: dict[str, Any]  # a trigram's scores, if they are known
    sessions: list[dict[str, Any]]
    commands: list[str]
    samples: list[str]
    profile: str
    picture: bytes  # curve.png

    @property
    def name(self) -> str:
        """Its own, which is its folder's."""
        return self.folder.resolve().name

    @property
    def step(self) -> int:
        """How far it has come."""
        return self.values.get("steps") or max((record["step"] for record in self.records), default=0)

    @property
    def latest(self) -> dict[str, Any]:
        """The latest session; of an old run nothing is known."""
        return self.sessions[-1] if self.sessions else {}

    @property
    def sizes(self) -> dict[str, Any]:
        """Of the validation split: text, tokens, words, bytes and the entropy of its source."""
        return self.values or self.latest.get("validation", {})

    @property
    def vocab_size(self) -> int | None:
        """V: the tokenizer may have fewer than the configuration asks for."""
        said = re.search(r"([\d,]+) tokens", self.values.get("tokenizer", ""))
        return int(said[1].replace(",", "")) if said else self.latest.get("vocab_size")


def find(name: str) -> Path:
    """The folder of a run, or of a record in docs/runs, by its path or by its name.

    Raises:
        CapstoneError: there is none.
    """
    folder = run_folder(name)
    if folder.is_dir():
        return folder
    if name and (RECORDS / name).is_dir():
        return RECORDS / name
    there = [path.name for runs in (folder.parent, RECORDS) if runs.is_dir() for path in runs.iterdir()]
    near = difflib.get_close_matches(Path(name).name, there, n=1, cutoff=0.5)
    hint = f" Is it {near[0]}?" if near else ""
    raise CapstoneError(f"There is no run {name}: no folder of this name, and none in runs/ or docs/runs/.{hint}")


def gather(folder: Path) -> Gathered:
    """Read everything.

    Raises:
        CapstoneError: the folder is no run of the capstone, or a file of it is damaged.
    """
    config = _config(folder)
    values = _values(folder)
    records = _records(folder)
    sessions = read_sessions(folder)
    evaluations = [values] if values else _until_now(config, records, sessions)
    return Gathered(
        folder=folder,
        config=config,
        records=records,
        finished=bool(values),
        values=values,
        evaluations=[*evaluations, *_other_splits(folder, evaluations)],
        known={key: value for key, value in values.items() if key.startswith("baseline")},
        sessions=sessions,
        commands=_commands(folder, values, sessions),
        samples=[sample for sample in _text(folder / "samples.txt").split(BETWEEN_SAMPLES) if sample.strip()],
        profile=_text(folder / "profile.txt"),
        picture=(folder / "curve.png").read_bytes() if (folder / "curve.png").is_file() else b"",
    )


def stopped_by_guard(run: Gathered) -> dict[str, Any] | None:
    """The record in which the guard ended the run, if it did."""
    last = max((record for record in run.records if is_step(record)), key=lambda record: record["step"], default={})
    events = [record for record in guard_events(run) if record["guard"] == "stop"]
    return events[-1] if events and not run.finished and events[-1]["step"] >= last["step"] else None


def guard_events(run: Gathered) -> Records:
    """Every step that the guard left out."""
    return [record for record in run.records if "guard" in record]


def _config(folder: Path) -> dict[str, Any]:
    config = _json(folder / "config.json")
    if config is None:
        raise CapstoneError(f"{folder} is no run: there is no config.json in it.")
    if not isinstance(config, dict) or not {"steps", "block_size", "n_layer"} <= config.keys():
        raise CapstoneError(f"{folder} is no run of the capstone; a run of a day is told in its own README.md.")
    return config


def _values(folder: Path) -> dict[str, Any]:
    """What the run wrote at its end; of a record, what it has kept of that."""
    recorded = _json(folder / "metrics.json")
    if recorded is None:
        return _json(folder / "evaluation.json") or {}
    names = {new: old for old, new in RENAMED.items()}
    return {names.get(key, key): value for key, value in recorded.items()}


def _records(folder: Path) -> Records:
    kept = folder / CURVE
    return thinned(from_lines(_text(kept if kept.is_file() else folder / "metrics.jsonl")))


def _until_now(config: dict[str, Any], records: Records, sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The latest validation of a run that has not come to its end, in every unit; nothing before the first."""
    looks = [record for record in records if "val_loss" in record]
    if not looks or not sessions:
        return []
    sizes = sessions[-1]["validation"]
    found = scores(looks[-1]["val_loss"], sizes["tokens"], sizes["words"], sizes["bytes"])
    tokenizer = f"byte-level BPE, {sessions[-1]['vocab_size']} tokens"
    return [{**sizes, **vars(found), "tokenizer": tokenizer, "stride": config["block_size"]}]


def _other_splits(folder: Path, evaluations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Scores of the same text that capstone.evaluate has written, of splits that are not there yet."""
    there = {(each["text"], each["split"]) for each in evaluations}
    texts = {text for text, _ in there}
    found = (_json(folder / SCORES) or {}).get("evaluations", [])
    return [each for each in found if each["text"] in texts and (each["text"], each["split"]) not in there]


def _commands(folder: Path, values: dict[str, Any], sessions: list[dict[str, Any]]) -> list[str]:
    """What was typed, in order."""
    if sessions:
        return list(dict.fromkeys(session["command"] for session in sessions))
    if "commands" in values:
        return list(values["commands"])
    if (folder / "command.txt").is_file():
        return _text(folder / "command.txt").splitlines()
    quoted = re.search(r"^```\n(.*?)\n```", _text(folder / "README.md"), re.DOTALL | re.MULTILINE)  # an old record's
    return [line for line in quoted[1].splitlines() if "capstone.record" not in line] if quoted else []


def _json(path: Path) -> Any:
    """The values in a file; None if there is none."""
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CapstoneError(f"{path} cannot be read: {error}.") from None


def _text(path: Path) -> str:
    """What is in a file; nothing if there is none."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
