"""Five samples of a trained model, and what you and the numbers say of them.

    python -m curriculum.day11_generation.generate_samples write runs/wikitext2-cpu
    python -m curriculum.day11_generation.generate_samples report

`write` continues five prompts with your kv_cache.py and makes samples.md: read it, and fill in what stands behind each
colon, with your editor. `report` reads your judgements, prints what is still missing in them, holds them against
repetition and distinct-n (samples.py), and writes runs/day11-samples/.
"""

import argparse
import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from course_data.runs import new_run_folder

from .gpt_of_run import NotARun, open_run
from .kv_cache import generate_with_cache
from .plumbing import end_well, kind_of
from .samples import distinct_n, rank_correlation, repetition

PROMPTS = {
    "encyclopedia": (" \n = Town of", " \n The river", " \n In the", " \n The bridge", " \n A"),
    "": (
        " \n = Robert",
        " \n The game was",
        " In the early morning , the",
        " The song was written by",
        " \n = = History",
    ),
}
# From greedy to wild, so that there is something to judge.
WAYS = ((0.0, 1.0), (0.5, 1.0), (0.8, 0.95), (1.0, 0.95), (1.5, 1.0))  # temperature, top-p
QUESTIONS = ("grammar (1 to 5)", "sense (1 to 5)", "what struck you")
HEAD = """# Five samples of {run}

Judge each sample: grammar and sense from 1 (none) to 5 (as a person would write), and a sentence on what struck you.
Write behind the colons, and leave the rest as it is.
"""


def settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="generate_samples", description="Samples, judged (task 11.5).")
    parser.add_argument("--file", default="samples.md", help="the samples with your judgements")
    verbs = parser.add_subparsers(dest="verb", required=True)
    write = verbs.add_parser("write", help="make the samples")
    write.add_argument("run", help="the folder of a run of the capstone")
    write.add_argument("--tokens", type=int, default=120, help="how many to add to each prompt")
    write.add_argument("--seed", type=int, default=1)
    write.add_argument("--prompt", action="append", default=[], help="yours, five times (default: five that fit)")
    report = verbs.add_parser("report", help="read your judgements, and write the record")
    report.add_argument("--runs", default="runs", help="where this run's folder goes")
    return parser.parse_args()


def write(args: argparse.Namespace) -> None:
    """Make samples.md, with room for five judgements.

    Raises:
        NotARun: the file is there already, or there are not five prompts.
    """
    path, run = Path(args.file), open_run(Path(args.run))
    if path.exists():
        raise NotARun(
            f"{path} is there already, perhaps with judgements of yours: move it away, or choose another --file."
        )
    prompts = args.prompt or PROMPTS.get(run.config["text"], PROMPTS[""])
    if len(prompts) != len(WAYS) or not all(prompt.strip() for prompt in prompts):
        raise NotARun(f"There are {len(prompts)} prompts: give {len(WAYS)}, none of them empty.")
    facts = {"run": run.name, "text": Path(run.config["text"]).name, "seed": args.seed}
    parts = [HEAD.format(run=run.name), f"<!-- {json.dumps(facts)} -->\n"]
    for number, (prompt, (temperature, top_p)) in enumerate(zip(prompts, WAYS, strict=True), 1):
        generator = torch.Generator().manual_seed(args.seed)
        ids = torch.tensor(run.encode(prompt))
        (row,) = generate_with_cache(run.model, [ids], args.tokens, temperature, None, top_p, generator)
        shown = run.decode(row[1:].tolist()).strip().replace("```", "'''")
        parts.append(f"## Sample {number}: temperature {temperature:g}, top-p {top_p:g}\n\n```text\n{shown}\n```\n")
        parts.append("".join(f"- {question}:\n" for question in QUESTIONS))
    path.write_text("\n".join(parts), encoding="utf-8")
    print(f"Written: {path}. Read the samples, write behind the colons, then: generate_samples report")


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What samples.md says: where the samples come from, and each with its judgements.

    Raises:
        NotARun: it cannot be read, or it is no file that `write` made.
    """
    try:
        text = path.read_text(encoding="utf-8")
        facts = json.loads(re.search(r"^<!-- (.*) -->$", text, re.MULTILINE)[1])  # type: ignore[index]
    except OSError as error:
        raise NotARun(f"{path} cannot be read ({error.strerror}): make it with generate_samples write RUN.") from error
    except (TypeError, ValueError) as error:
        raise NotARun(f"{path} has no line <!-- … --> that says which run it is of: make it anew.") from error
    samples = []
    for title, body in re.findall(r"^## Sample \d+: (.*?)\n(.*?)(?=^## Sample |\Z)", text, re.MULTILINE | re.DOTALL):
        sample = re.search(r"^```text\n(.*?)\n```$", body, re.MULTILINE | re.DOTALL)
        answers = {q: re.search(rf"^- {re.escape(q)}:[ \t]*(.*)$", body, re.MULTILINE) for q in QUESTIONS}
        said = {question: found[1].strip() if found else "" for question, found in answers.items()}
        samples.append({"way": title, "sample": sample[1] if sample else "", "said": said})
    return facts, samples


def missing(samples: list[dict[str, Any]]) -> list[str]:
    """What is still to be written, one sentence each."""
    found = [] if len(samples) >= len(WAYS) else [f"there are {len(samples)} samples, of {len(WAYS)}"]
    for number, sample in enumerate(samples, 1):
        said = sample["said"]
        found += [
            f"sample {number}: {q} is no number from 1 to 5" for q in QUESTIONS[:2] if said[q] not in tuple("12345")
        ]
        if len(said[QUESTIONS[2]].split()) < 4:
            found.append(f"sample {number}: {QUESTIONS[2]} is no sentence yet")
    return found


def picture(rows: list[dict[str, Any]]) -> Figure:
    """Your eye beside the numbers."""
    figure = Figure(figsize=(8.5, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = [row["way"].replace(", ", "\n").replace("temperature", "temp.") for row in rows]
    left.bar(names, [row["repetition"] for row in rows], color="#b2182b", width=0.55)
    left.set(title="repetition (4 words in a row)", ylim=(0, 1))
    for key, mark in (("grammar", "o-"), ("sense", "s--")):
        right.plot(names, [row[key] for row in rows], mark, label=key)
    right.set(title="what you said", ylim=(0.5, 5.5))
    right.legend(frameon=False)
    for axis in (left, right):
        axis.tick_params(axis="x", labelsize=7)
    return figure


def report(args: argparse.Namespace) -> None:
    """Hold the judgements against the numbers, and write the record."""
    facts, samples = read(Path(args.file))
    faults = missing(samples)
    if faults:
        raise NotARun("\n".join(["Still missing in your judgements:", *(f"  - {fault}" for fault in faults)]))
    rows = []
    for sample in samples:
        words, (grammar, sense, remark) = sample["sample"].split(), (sample["said"][q] for q in QUESTIONS)
        rows.append({**sample, "repetition": repetition(words), "grammar": int(grammar), "sense": int(sense)})
        rows[-1] |= {"remark": remark, "words": len(words)}
        del rows[-1]["said"]
    all_words = [row["sample"].split() for row in rows]
    agreement = rank_correlation([-row["repetition"] for row in rows], [row["sense"] for row in rows])
    metrics = {
        "run": facts["run"],
        **{f"distinct_{n}": distinct_n(all_words, n) for n in (1, 2, 3)},
        "agreement": agreement if agreement == agreement else None,  # JSON knows no NaN
        "samples": rows,
        "data": {"name": facts["text"], "kind": kind_of(facts["text"])},
    }
    print(*(f"{row['way']}: repetition {row['repetition']:.2f}, sense {row['sense']}" for row in rows), sep="\n")
    print(f"little repetition and much sense, in the same order? {agreement:.2f} (1: yes, -1: the reverse)")
    run = new_run_folder("day11-samples", args.runs)
    text = Path(args.file).read_text(encoding="utf-8")
    run.finish(config=facts, metrics=metrics, figure=picture(rows), texts={"samples.md": text})
    print(f"Written: {run.path}")


def main() -> int:
    args = settings()
    return end_well(partial(write if args.verb == "write" else report, args))


if __name__ == "__main__":
    sys.exit(main())
