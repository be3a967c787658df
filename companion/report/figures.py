"""The marked places of the report, as Markdown: architecture, configuration, curves, results, samples."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from companion.course import Course
from companion.errors import CompanionError
from companion.report.facts import TARGET_PPL_WORD, Facts, facts_of
from grader.progress import write_whole

PICTURE = "notes/report-curve.png"
SAMPLES, LINES = 2, 12
PARTS = {
    "token_embedding": "token embedding, which is the head as well",
    "position_embedding": "position embedding",
    "attention": "attention: q, k, v and the output projection",
    "feed_forward": "feed-forward",
    "norms": "layer norms",
}
SETTINGS = (
    "n_layer", "n_head", "n_embd", "block_size", "dropout", "positions", "steps", "batch_size", "accumulate", "lr",
    "floor_lr", "warmup_fraction", "beta2", "weight_decay", "max_norm", "precision", "seed",
)  # fmt: skip
NO_RUN = "No finished run yet: `python -m curriculum report NAME` fills this in."


def architecture(course: Course) -> str:
    """The parameters of each component, and the sizes."""
    return _of_the_run(course, _architecture)


def configuration(course: Course) -> str:
    """The settings, the data, the machine, and whose pieces these were."""
    return _of_the_run(course, _configuration)


def curves(course: Course) -> str:
    """The picture of the run, copied beside the report."""

    def copied(run: Facts) -> str:
        picture = run.folder / "curve.png"
        if not picture.is_file():
            return f"{run.name} has no curve.png."
        target = course.root / PICTURE
        if not target.is_file() or target.read_bytes() != picture.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, picture.read_bytes())
        return f"![Loss of {run.name} against the tokens seen]({Path(PICTURE).name})"

    return _of_the_run(course, copied)


def results(course: Course) -> str:
    """The scores in every unit, and what they can be compared with."""
    return _of_the_run(course, _results)


def samples(course: Course) -> str:
    """What the model wrote at the end of its training."""
    return _of_the_run(course, _samples)


def _of_the_run(course: Course, made: Callable[[Facts], str]) -> str:
    """A text without a run is made as well: its places say how to fill them."""
    try:
        return made(facts_of(course))
    except CompanionError as error:
        return f"{NO_RUN} ({error})" if "no finished run" not in str(error) else NO_RUN


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table whose columns but the first are aligned to the right."""
    bars = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, tuple(bars), *rows))


def _architecture(run: Facts) -> str:
    sizes = run.config
    rows = [
        (PARTS.get(name, name), f"{many:,}", f"{100 * many / run.parameters:.1f} %")
        for name, many in run.components.items()
    ]
    rows.append(("**in all**", f"**{run.parameters:,}**", ""))
    return (
        f"{sizes['n_layer']} blocks, {sizes['n_head']} heads, C = {sizes['n_embd']}, "
        f"D = {sizes['n_embd'] // sizes['n_head']}, context T = {sizes['block_size']}, V = {run.vocab_size:,}.\n\n"
        + table(("component", "parameters", "share"), rows)
    )


def _configuration(run: Facts) -> str:
    values = run.values
    rows = [(f"`{name}`", str(run.config[name])) for name in SETTINGS if name in run.config]
    mine = [name for name, whose in (values.get("pieces") or {}).items() if whose == "mine"]
    many = len(values.get("pieces") or {})
    lines = [
        table(("setting", "value"), rows),
        "",
        f"- run: `{run.name}`, {values['steps']:,} steps of {run.tokens_a_step:,} tokens",
        f"- text: {values.get('text', '')} ({values.get('tokenizer', '')}); {values.get('train_source', '')}",
        f"- machine: {values.get('machine', 'unknown')}, {values.get('processes', 1)} "
        + ("process" if values.get("processes", 1) == 1 else "processes"),
    ]
    if values.get("seconds"):
        lines.append(f"- time: {values['seconds'] / 60:.1f} minutes, {values['tokens_per_second']:,.0f} tokens/s")
    if many:
        lines.append(f"- pieces: {len(mine)} of {many} are mine" + (f" ({', '.join(mine)})" if mine else ""))
    return "\n".join(lines)


def _results(run: Facts) -> str:
    values = run.values
    names = ["this model"]
    words = [f"{values['ppl_word']:.2f}"]
    sizes = [f"{values['bits_per_byte']:.4f}"]
    if values.get("baseline_ppl_word"):
        names.append(values["baseline"])
        words.append(f"{values['baseline_ppl_word']:.2f}")
        sizes.append(f"{values['baseline_bits_per_byte']:.4f}")
    if values.get("source_ppl_word"):
        names.append("the source itself, which no model can beat")
        words.append(f"{values['source_ppl_word']:.2f}")
        sizes.append(f"{values['source_bits_per_byte']:.4f}")
    if run.on_the_target_text:
        names.append("the plan's target, 55 per GPT-2 token")
        words.append(f"{TARGET_PPL_WORD:.0f}")
        sizes.append("1.333")
    rows = list(zip(names, words, sizes, strict=True))
    return "\n".join(
        [
            table(("on the validation split", "perplexity per word", "bits per byte"), rows),
            "",
            f"Loss {values['loss']:.4f} nats per token, perplexity {values['ppl_token']:.2f} per token of its own "
            f"tokenizer ({run.tokens_a_word:.2f} tokens a word); an untrained model has ln V = {run.first_loss:.2f}. "
            f"It has seen {values['tokens_seen']:,} tokens, {run.tokens_a_parameter:.1f} for each parameter"
            + (f", and its text {run.epochs:.1f} times." if run.epochs else "."),
        ]
    )


def _samples(run: Facts) -> str:
    file = run.folder / "samples.txt"
    if not file.is_file():
        return f"{run.name} has no samples.txt."
    found = [text.strip("\n") for text in file.read_text(encoding="utf-8", errors="replace").split("\n----\n")]
    shown = ["\n".join(text.splitlines()[:LINES]).rstrip() for text in found if text.strip()][:SAMPLES]
    longest = max((len(marks) for text in shown for marks in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n\n".join(f"{fence}text\n{text}\n{fence}" for text in shown) or f"{run.name} has no samples."
