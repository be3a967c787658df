"""The tables of the page: rows of words, from what was gathered."""

import dataclasses
import inspect
import json
import re
from typing import Any

from ..config import Config, flag
from ..curve import column
from ..pieces import BY_NAME
from .gather import Gathered, stopped_by_guard

PARTS = {
    "preparing": "text, model, preflight",
    "steps": "training steps",
    "data": "waiting for data",
    "validation": "validation",
    "checkpoints": "checkpoints",
}
ABOUT = {
    "machine": "machine",
    "processes": "processes",
    "threads": "threads of each",
    "precision": "precision",
    "torch": "PyTorch",
    "python": "Python",
    "system": "system",
    "commit": "commit of the course",
}


def state(run: Gathered) -> tuple[str, str]:
    """How far the run has come: in a word or two, and in a sentence."""
    steps, seen = run.config["steps"], f"{tokens_seen(run):,} tokens seen"
    if run.finished:
        return "finished", f"{run.step:,} steps, {seen}"
    event = stopped_by_guard(run)
    if event:
        return "stopped by the guard", f"at step {event['step']:,} of {steps:,}: {event.get('reason', '')}"
    if not run.step:
        return "not begun", "it has not taken a step yet"
    return "not finished", f"{run.step:,} of {steps:,} steps, {seen}"


def tokens_seen(run: Gathered) -> int:
    """How many tokens the run has trained on."""
    return run.values.get("tokens_seen") or max((record["tokens"] for record in run.records), default=0)


def summary(run: Gathered) -> str:
    """What was trained, in a sentence."""
    config, parameters = run.config, run.values.get("parameters") or run.latest.get("parameters")
    size = f" with {in_millions(parameters)} parameters" if parameters else ""
    return (
        f"A GPT{size}: {counted(config['n_layer'], 'block')}, {counted(config['n_head'], 'head')}, "
        f"{counted(config['n_embd'], 'channel')}, {counted(config['block_size'], 'token')} of context."
    )


def tiles(run: Gathered) -> list[tuple[str, str]]:
    """The few numbers to see first."""
    values = run.evaluations[0] if run.evaluations else {}
    found = [
        (f"{values[key]:.{digits}f}", what)
        for key, what, digits in (
            ("ppl_word", "perplexity per word", 2),
            ("ppl_token", "perplexity per token", 2),
            ("bits_per_byte", "bits per byte", 4),
        )
        if key in values
    ]
    seen = tokens_seen(run)
    found.append((f"{seen / 1e6:.3g} M", "tokens seen"))
    seconds = run.values.get("seconds") or sum(seconds_of(run).get(part, 0) for part in ("steps", "data"))
    if seconds:
        found.append((in_time(seconds), "of training"))
    (rates,) = column(run.records, "tokens_per_second")
    rate = run.values.get("tokens_per_second") or (sum(rates) / len(rates) if rates else 0)
    if rate:
        found.append((f"{rate:,.0f}", "tokens per second"))
    return found


def units(run: Gathered) -> list[tuple[str, list[str]]]:
    """Every score in every unit, and what it depends on: a column for each split."""
    shown = {
        "loss, nats per token": lambda each: f"{each['loss']:.4f}",
        "perplexity per token": lambda each: f"{each['ppl_token']:.2f}",
        "perplexity per word": lambda each: f"{each['ppl_word']:.2f}",
        "bits per byte": lambda each: f"{each['bits_per_byte']:.4f}",
        "tokens": lambda each: f"{each['tokens']:,}",
        "words and ends of lines": lambda each: f"{each['words']:,}",
        "bytes": lambda each: f"{each['bytes']:,}",
        "tokenizer": lambda each: each["tokenizer"],
        "text": lambda each: f"{each['text']} ({each['kind']})",
        "stride of the window": lambda each: f"{each['stride']} of {run.config['block_size']} tokens",
    }
    return [(what, [show(each) for each in run.evaluations]) for what, show in shown.items()]


def seconds_of(run: Gathered) -> dict[str, float]:
    """Where the time went: at the end, or at the latest validation; old runs know but a part of it."""
    looks = [record["seconds_of"] for record in run.records if "seconds_of" in record]
    found = run.values.get("seconds_of") or (looks[-1] if looks else {})
    if not found and "progress" in run.values:
        progress = run.values["progress"]
        found = {"steps": progress["seconds"], "checkpoints": progress.get("saving", 0.0)}
    preparing = sum(session.get("preparing", 0.0) for session in run.sessions)
    return {**({"preparing": preparing} if preparing else {}), **found}


def times(run: Gathered) -> list[dict[str, Any]]:
    """A bar and a row for each part of the time."""
    found = {part: seconds for part, seconds in seconds_of(run).items() if seconds > 0}
    total = sum(found.values())
    return [
        {"part": part, "name": PARTS.get(part, part), "time": in_time(seconds), "share": 100 * seconds / total}
        for part, seconds in found.items()
        if len(found) > 1
    ]


def pieces(run: Gathered) -> list[dict[str, str]]:
    """Whose pieces the run was made of, by day."""
    chosen = run.values.get("pieces") or run.latest.get("pieces", {})
    days: dict[int, dict[str, list[str]]] = {}
    for name, whose in chosen.items():
        day = BY_NAME[name].day if name in BY_NAME else 0  # of a piece that is no longer one
        days.setdefault(day, {}).setdefault("yours" if whose == "mine" else whose, []).append(name)
    return [{"day": str(day or "?"), **_whose(found)} for day, found in sorted(days.items())]


def _whose(found: dict[str, list[str]]) -> dict[str, str]:
    if len(found) == 1:
        ((whose, names),) = found.items()
        return {"whose": whose, "names": ", ".join(names)}
    return {"whose": "both", "names": "; ".join(f"{whose}: {', '.join(names)}" for whose, names in found.items())}


def whose(rows: list[dict[str, str]]) -> str:
    """Whose pieces, in a few words."""
    days = {kind: [row["day"] for row in rows if row["whose"] == kind] for kind in ("yours", "both", "reference")}
    if not rows:
        return ""
    if not days["yours"] and not days["both"]:
        return "Every piece is the reference's."
    if not days["reference"] and not days["both"]:
        return "Every piece is yours."
    mine = [*days["yours"], *(f"{day} (in part)" for day in days["both"])]
    return f"Yours are the pieces of day {', '.join(mine)}; the rest are the reference's."


def settings(run: Gathered) -> list[tuple[str, list[dict[str, Any]]]]:
    """The whole configuration by group; what is not the default is marked with it."""
    defaults = dataclasses.asdict(Config())
    groups: dict[str, list[dict[str, Any]]] = {}
    told = {name: (group, meaning) for group, name, meaning in meanings()}
    for name, value in run.config.items():
        group, meaning = told.get(name, ("Of another version of the course", ""))
        default = defaults.get(name)
        row = {"flag": flag(name), "value": shown(value), "meaning": meaning, "changed": value != default}
        groups.setdefault(group, []).append(row | {"default": shown(default) if name in defaults else ""})
    return list(groups.items())


def meanings() -> list[tuple[str, str, str]]:
    """(group, field, meaning) of every field, as config.py says it in its comments."""
    found, group = [], ""
    for line in inspect.getsource(Config).splitlines():
        heading = re.match(r"    # (.+)", line)
        field = re.match(r"    (\w+): .*?  # (.+)", line)
        group = heading[1] if heading else group
        found += [(group, field[1], field[2])] if field else []
    return found


def environment(run: Gathered) -> list[tuple[str, str]]:
    """The machine and the programs, of the latest session; of an old run what is known."""
    known = {**{name: run.values.get(name) for name in ABOUT}, **run.latest}
    known["precision"] = known.get("precision") or run.config.get("precision")
    rows = [(what, str(known[name])) for name, what in ABOUT.items() if known.get(name)]
    sources = {**run.latest, **run.values}
    for key, what in (("train_source", "train split"), ("source", "validation split")):
        rows += [(what, sources[key])] if key in sources else []
    for key, what in (("data_digest", "sha256 of the text"), ("tokenizer_digest", "sha256 of the tokenizer")):
        rows += [(what, run.values[key])] if key in run.values else []
    return rows


def sessions(run: Gathered) -> list[dict[str, Any]]:
    """Every time that the run was begun or gone on with, if that was more than once."""
    return run.sessions if len(run.sessions) > 1 else []


def in_time(seconds: float) -> str:
    """Seconds, minutes or hours, as a person says them."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.2f} h"


def counted(number: int, what: str) -> str:
    """1 block, 2 blocks."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def in_millions(number: int) -> str:
    """A count of parameters."""
    return f"{number / 1e6:.2f} million" if number >= 1e5 else f"{number:,}"


def shown(value: Any) -> str:
    """A value as it is written in a file of settings."""
    return json.dumps(value, ensure_ascii=False)
