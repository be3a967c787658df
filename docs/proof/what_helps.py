"""Change one setting at a time of a small run on WikiText-2, and write what each change did.

    python -m docs.proof.what_helps

A model of three layers makes a short run, less than one pass over the text, again and again: as it is, with other seeds
(how far apart runs are that differ in nothing but luck), and with one thing changed. Two or three minutes each, on one
thread. The result is docs/proof/what_helps.md, and what_helps.json beside it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).with_suffix(".md")
BASE: dict[str, Any] = {
    "text": "wikitext2-tokens",
    "pieces": "reference",
    "vocab-size": 8192,
    "block-size": 256,
    "n-layer": 3,
    "n-head": 4,
    "n-embd": 128,
    "dropout": 0.0,
    "positions": "rotary",
    "attention": "day03",
    "steps": 600,
    "batch-size": 8,
    "optimizer": "muon",
    "lr": 2.5e-3,
    "warmup-fraction": 0.05,
    "weight-decay": 0.1,
    "eval-every": 600,
    "save-every": 600,
    "log-every": 50,
    "sample-tokens": 1,
    "device": "cpu",
    "threads": 1,
    "board": "none",
}
AS_IT_IS = "as it is"
CHANGES: dict[str, dict[str, Any]] = {
    AS_IT_IS: {},
    "another seed": {"seed": 2},
    "positions: learned": {"positions": "learned"},
    "positions: sinusoidal": {"positions": "sinusoidal"},
    "optimizer: AdamW, 0.0025": {"optimizer": "adamw"},
    "vocabulary: 4,096": {"vocab-size": 4096},
    "dropout: 0.1": {"dropout": 0.1},
    "noise: 0.05": {"noise": 0.05},
    "mean of the weights: 0.98": {"average": 0.98},
    "weight decay: 0.5": {"weight-decay": 0.5},
}


def main() -> None:
    """Run what is asked for, and write the page."""
    parser = argparse.ArgumentParser(description="Change one setting at a time of a small run.")
    parser.add_argument("--only", default="", help="part of a change's name: run these anew, and keep the others")
    parser.add_argument("--runs", default="", help="a folder for the runs (otherwise a temporary one)")
    options = parser.parse_args()
    kept = PAGE.with_suffix(".json")
    found: dict[str, Any] = json.loads(kept.read_text("utf-8")) if options.only and kept.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(options.runs or folder)
        for name, change in CHANGES.items():
            if options.only in name:
                found[name] = measured(runs, name, BASE | change)
                print(f"{name}: {found[name]['ppl_word']:.1f}", flush=True)
    found = {name: found[name] for name in CHANGES if name in found}
    kept.write_text(json.dumps(found, indent=2) + "\n", "utf-8", newline="\n")
    PAGE.write_text(page(found), "utf-8", newline="\n")


def measured(runs: Path, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """One run: what its evaluation.json says at the end."""
    folder = "-".join("".join(c if c.isalnum() else " " for c in name).split())
    words = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
    command = [sys.executable, "-m", "capstone.train", "--runs", str(runs), "--name", folder, *words]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    said = json.loads((runs / folder / "evaluation.json").read_text("utf-8"))
    return {key: said[key] for key in ("ppl_word", "ppl_token", "bits_per_byte")}


def page(found: dict[str, Any]) -> str:
    """The table, with the change against the run as it is in percent."""
    base = found[AS_IT_IS]["ppl_word"]
    lines = [
        "# What helps: one setting changed at a time",
        "",
        "A model of three layers and 128 channels, trained on WikiText-2 for 600 steps of 2,048 tokens, which is not",
        "half of the text. All of it is decided by [the script](what_helps.py): `python -m docs.proof.what_helps`.",
        "Differences as small as between seeds mean nothing.",
        "",
        "| changed | perplexity per word | against it as it is | bits per byte |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, values in found.items():
        against = f"{values['ppl_word'] / base - 1:+.1%}" if name != AS_IT_IS else ""
        lines.append(f"| {name} | {values['ppl_word']:.1f} | {against} | {values['bits_per_byte']:.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
