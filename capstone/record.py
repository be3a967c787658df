"""python -m capstone.record runs/NAME docs/runs/NAME: keep a finished run, small enough to commit."""

import base64
import html
import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from course_data.ngram import baseline

from .config import Config
from .data import read_text
from .errors import CapstoneError, run
from .folder import told_in_a_sentence, write_json
from .options import run_folder, saved_config

NEEDED = ("config.json", "evaluation.json", "curve.png", "samples.txt", "command.txt")
RENAMED = {
    "loss": "val_loss",
    "ppl_token": "val_ppl_token",
    "ppl_word": "val_ppl_word",
    "bits_per_byte": "val_bits_per_byte",
}


@dataclass(frozen=True)
class Options:
    """Make the record of a finished run: config.json, metrics.json, curve.png, samples.txt, index.html, README.md."""

    run: tyro.conf.Positional[str]  # the run: its folder, or its name under runs/
    to: tyro.conf.Positional[str]  # the folder of the record, docs/runs/NAME
    baseline: bool = True  # score a trigram model of words on the same text, to compare with


def main(arguments: list[str]) -> int:
    """Write the record."""
    options = tyro.cli(Options, args=arguments, prog="python -m capstone.record")
    source, target = run_folder(options.run), Path(options.to)
    missing = [name for name in NEEDED if not (source / name).is_file()]
    if missing:
        raise CapstoneError(f"{source} is no finished run: it has no {', '.join(missing)}.")
    metrics = recorded(json.loads((source / "evaluation.json").read_text(encoding="utf-8")))
    if options.baseline:
        metrics |= trigram(saved_config(source))
    with told_in_a_sentence(target):
        target.mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "curve.png", "samples.txt"):
            shutil.copy(source / name, target / name)
        command = (source / "command.txt").read_text(encoding="utf-8").strip()
        command += f"\npython -m capstone.record {source.name} docs/runs/{target.name}"
        (target / "README.md").write_text(readme(target.name, command, metrics), encoding="utf-8")
        samples = (source / "samples.txt").read_text(encoding="utf-8")
        curve = (source / "curve.png").read_bytes()
        (target / "index.html").write_text(page(target.name, command, metrics, samples, curve), encoding="utf-8")
    write_json(target / "metrics.json", metrics)
    print(f"The record is in {target}/.", file=sys.stderr)
    return 0


def recorded(evaluation: dict[str, Any]) -> dict[str, Any]:
    """The evaluation under the names that records use; of files on this machine only their names."""
    metrics = {RENAMED.get(key, key): value for key, value in evaluation.items()}
    for key in ("train_source", "source"):
        metrics[key] = re.sub(r"\S*[/\\]([^/\\\s]+)", r"\1", metrics[key])
    return metrics


def trigram(config: Config) -> dict[str, Any]:
    """What a trigram of words makes of the same validation text, fitted on the same train split."""
    result = baseline(read_text(config, "train"), read_text(config, "validation"), 3)
    return {
        "baseline": "interpolated trigram of words (Kneser–Ney)",
        "baseline_ppl_word": result.entropy.perplexity_per_word,
        "baseline_bits_per_byte": result.entropy.bits_per_byte,
    }


def rows(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """The numbers that a person compares, with what they depend on."""
    found = [
        ("validation loss, nats per token", f"{metrics['val_loss']:.4f}"),
        ("perplexity per token", f"{metrics['val_ppl_token']:.2f}"),
        ("perplexity per word", f"{metrics['val_ppl_word']:.2f}"),
        ("bits per byte", f"{metrics['val_bits_per_byte']:.4f}"),
    ]
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
        "`config.json` is the whole configuration (train again with `--config`), `metrics.json` has every number, "
        "`samples.txt` what the model writes.\n"
    )


def page(name: str, command: str, metrics: dict[str, Any], samples: str, curve: bytes) -> str:
    """index.html of a record: one file with everything in it."""
    table = "\n".join(f"<tr><th>{html.escape(a)}</th><td>{html.escape(b)}</td></tr>" for a, b in rows(metrics))
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{html.escape(name)}</title>
<style>
body {{ max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }}
th {{ text-align: left; font-weight: normal; padding-right: 2rem; vertical-align: top; color: #555; }}
pre {{ white-space: pre-wrap; background: #f4f4f4; padding: 1rem; }}
img {{ max-width: 100%; }}
</style>
<h1>{html.escape(name)}</h1>
<pre>{html.escape(command)}</pre>
<table>
{table}
</table>
<img alt="loss against tokens seen" src="data:image/png;base64,{base64.b64encode(curve).decode()}">
<h2>Samples</h2>
<pre>{html.escape(samples)}</pre>
</html>
"""


if __name__ == "__main__":
    run(main)
