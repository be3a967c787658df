"""python -m capstone.record runs/NAME docs/runs/NAME: keep a finished run, small enough to commit."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from .comparison import trigram
from .curve import FILE as CURVE
from .curve import as_lines
from .errors import CapstoneError, run
from .folder import told_in_a_sentence, write_json
from .options import saved_config
from .report.gather import RENAMED, SCORES, Gathered, find, gather
from .report.page import page
from .sessions import FILE as SESSIONS

NEEDED = ("config.json", "evaluation.json", "curve.png", "samples.txt")
COPIED = ("curve.png", "samples.txt", "profile.txt")  # as they are, if they are there
OF_THE_MACHINE = ("runs", "data_dir", "tokenizer", "text")  # settings that may be paths
# A path that begins at the root of a disk, and its last part.
PATH = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:[^\s'\"]*[/\\])?([^/\\\s'\"]+)")


@dataclass(frozen=True)
class Options:
    """Make the record of a finished run: its settings, scores, curve and samples, a page and a README."""

    run: tyro.conf.Positional[str]  # the run: its folder, or its name under runs/
    to: tyro.conf.Positional[str]  # the folder of the record, docs/runs/NAME
    baseline: bool = True  # score a trigram model of words on the same text, to compare with


def main(arguments: list[str]) -> int:
    """Write the record."""
    options = tyro.cli(Options, args=arguments, prog="python -m capstone.record")
    source, target = find(options.run), Path(options.to)
    check(source, target)
    found = gather(source)
    metrics = recorded(found)
    if options.baseline:
        metrics |= trigram(saved_config(source))
    with told_in_a_sentence(target):
        target.mkdir(parents=True, exist_ok=True)
        for name in COPIED:
            if (source / name).is_file():
                shutil.copy(source / name, target / name)
        (target / CURVE).write_text(as_lines(found.records), encoding="utf-8")
        (target / SESSIONS).write_text(as_lines(without_paths(found.sessions)), encoding="utf-8")
        commands = [*metrics["commands"], f"python -m capstone.record {source.name} docs/runs/{target.name}"]
        (target / "README.md").write_text(readme(target.name, "\n".join(commands), metrics), encoding="utf-8")
    write_json(target / "config.json", portable(found.config))
    if len(found.evaluations) > 1:
        write_json(target / SCORES, {"evaluations": without_paths(found.evaluations[1:])})
    write_json(target / "metrics.json", metrics)
    with told_in_a_sentence(target):
        (target / "index.html").write_text(page(gather(target)), encoding="utf-8")
    print(f"The record is in {target}/.", file=sys.stderr)
    return 0


def check(source: Path, target: Path) -> None:
    """See that there is something to keep, and that nothing else is lost by it.

    Raises:
        CapstoneError: the run is not finished, or the folder of the record holds something else.
    """
    missing = [name for name in NEEDED if not (source / name).is_file()]
    if missing:
        raise CapstoneError(f"{source} is no finished run: it has no {', '.join(missing)}.")
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (target / "metrics.json").is_file()):
        raise CapstoneError(f"{target} is there and is no record: choose a folder of its own, docs/runs/NAME.")


def recorded(found: Gathered) -> dict[str, Any]:
    """The evaluation under the names that records use, and how the run was made; of paths only their last part."""
    metrics = {RENAMED.get(key, key): value for key, value in found.values.items()}
    for each in found.evaluations[1:]:
        metrics |= {f"{each['split']}_{key}": each[key] for key in RENAMED}
    return without_paths({**metrics, "commands": found.commands})


def portable(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run, for any machine."""
    return {key: without_paths(value) if key in OF_THE_MACHINE else value for key, value in config.items()}


def without_paths(value: Any) -> Any:
    """The same with the last part of each absolute path in place of the path, in every text that it holds."""
    if isinstance(value, str):
        return PATH.sub(r"\1", value)
    if isinstance(value, dict):
        return {key: without_paths(each) for key, each in value.items()}
    return [without_paths(each) for each in value] if isinstance(value, list) else value


def rows(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """The numbers that a person compares, with what they depend on."""
    found = [
        ("validation loss, nats per token", f"{metrics['val_loss']:.4f}"),
        ("perplexity per token", f"{metrics['val_ppl_token']:.2f}"),
        ("perplexity per word", f"{metrics['val_ppl_word']:.2f}"),
        ("bits per byte", f"{metrics['val_bits_per_byte']:.4f}"),
    ]
    if "test_ppl_word" in metrics:
        scores = f"{metrics['test_ppl_word']:.2f} ({metrics['test_ppl_token']:.2f} per token)"
        found.append(("perplexity per word, test split", scores))
    if "baseline_ppl_word" in metrics:
        found.append((f"perplexity per word, {metrics['baseline']}", f"{metrics['baseline_ppl_word']:.2f}"))
    if metrics.get("source_ppl_word"):
        found.append(("perplexity per word, the source itself", f"{metrics['source_ppl_word']:.2f}"))
    return [
        *found,
        ("text", f"{metrics['text']} ({metrics['kind']})"),
        ("train split", metrics["train_source"]),
        ("validation split", metrics["source"]),
        ("tokenizer", metrics["tokenizer"]),
        ("stride of the window", f"{metrics['stride']}"),
        ("parameters", f"{metrics['parameters']:,}"),
        ("tokens seen", f"{metrics['tokens_seen']:,} in {metrics['steps']:,} steps"),
        ("training time", f"{metrics['seconds'] / 60:.1f} min, {metrics['tokens_per_second']:,.0f} tokens/s"),
        *share(metrics),
        ("machine", metrics["machine"]),
    ]


def share(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """What the checkpoints cost, and what the guard left out; older records do not say."""
    if metrics.get("checkpoint_share") is None:
        return []
    return [
        ("checkpoints, for each second of training", f"{metrics['checkpoint_share']:.4f} s"),
        ("steps that the guard left out", f"{metrics.get('skipped_steps', 0):,}"),
    ]


def readme(name: str, command: str, metrics: dict[str, Any]) -> str:
    """README.md of a record."""
    table = "\n".join(f"| {what} | {value} |" for what, value in rows(metrics))
    return (
        f"# {name}\n\nMade by\n\n```\n{command}\n```\n\n"
        f"| | |\n| --- | --- |\n{table}\n\n![loss against tokens seen](curve.png)\n\n"
        "`index.html` is the whole report on one page. `config.json` is the whole configuration (train again with "
        "`--config`), `metrics.json` has every number, `samples.txt` what the model writes.\n"
    )


if __name__ == "__main__":
    run(main)
