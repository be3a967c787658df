"""What a run shows and keeps when it is trained: curve, scores, samples, and the next command to type."""

import dataclasses
from typing import Any

from rich.console import Console
from torch import nn

from .checkpoints import load_weights, open_checkpoint
from .comparison import levels
from .evaluation import about, compared, evaluate_tokens, record, table, with_a_bar
from .folder import told_in_a_sentence, write_json
from .loop import Run
from .machine import describe, in_precision
from .metrics import flops_per_token, tokens_per_second
from .samples import sample
from .together import from_main, on_main

SAMPLES = 3


def draw(run: Run) -> None:
    """Draw the curve as far as it goes."""
    from .plot import draw_curve  # here: to import matplotlib takes as long as many a step

    path, data = run.keeper.folder / "curve.png", run.data
    known = levels(about(data.validation_text, len(data.validation) - 1), data.vocab_size)
    with told_in_a_sentence(path):
        draw_curve(run.metrics.read(), path, known, run.keeper.folder.name)


def finish(run: Run, console: Console) -> None:
    """Take the best weights and score the validation split, all processes together; one draws, writes and shows."""
    config, data, best = run.config, run.data, run.keeper.folder / "best.pt"
    load_weights(run.model, from_main(lambda: open_checkpoint(run.pieces, best)), best)
    model = in_precision(run.model, config.precision)
    text, stride = data.validation_text, max(1, config.block_size // 4)
    bar = with_a_bar("The last score")
    result = evaluate_tokens(run.pieces, config, model, data.validation, text, stride, run.device, run.world, bar)
    values = record(result, text, data.vocab_size, stride)
    on_main(run.pieces, lambda: show(run, model, values, console))


def show(run: Run, model: nn.Module, values: dict[str, Any], console: Console) -> None:
    """Write the scores, draw the curve, and let the model write samples."""
    folder, config, data = run.keeper.folder, run.config, run.data
    write_json(folder / "evaluation.json", values | how_it_was_trained(run))
    draw(run)
    texts = sample(run.pieces, data.tokenizer, model, config.prompt, config.sample_tokens, run.device, count=SAMPLES)
    with told_in_a_sentence(folder / "samples.txt"):
        (folder / "samples.txt").write_text("\n\n----\n\n".join(texts) + "\n", encoding="utf-8")
    console.print(table(values))
    console.print(compared(values))
    if run.guard.skipped:
        console.print(f"The guard left out {run.guard.skipped} of {run.progress.step:,} steps; metrics.jsonl says why.")
    if config.profile:
        console.print(f"What a step does: {folder}/profile.txt; profile.json (.gz) is for https://ui.perfetto.dev.")
    console.print(f"A sample:\n\n{texts[0].strip()} …\n")
    console.print(f"Curve, samples, metrics and checkpoints are in {folder}/. Next:")
    beginning = data.validation_text.text
    console.print(f"  python -m capstone.report {folder} --open")
    console.print(f"  python -m capstone.generate {folder} --prompt '{beginning[:40].strip().splitlines()[0]}'")


def how_it_was_trained(run: Run) -> dict[str, Any]:
    """Cost, machine and origin."""
    progress, config = run.progress, run.config
    parameters = sum(p.numel() for p in run.model.parameters())
    rate = tokens_per_second(progress.tokens, progress.seconds)
    flops = flops_per_token(parameters, config.n_layer, config.n_embd, config.block_size)
    return {
        "parameters": parameters,
        "steps": progress.step,
        "tokens_seen": progress.tokens,
        "seconds": round(progress.seconds, 1),
        "tokens_per_second": round(rate, 1),
        "seconds_of": progress.seconds_of(),
        "checkpoint_share": round(progress.saving / progress.seconds, 4) if progress.seconds else None,
        "model_gflops_per_second": round(rate * flops / 1e9, 1),
        "machine": describe(run.device),
        "processes": run.world.size,
        "skipped_steps": run.guard.skipped,
        "train_source": run.data.train_source,
        "source": run.data.validation_text.source,
        "data_digest": run.data.digest,
        "tokenizer_digest": run.data.tokenizer_digest,
        "pieces": {choice.piece.key: "mine" if choice.mine else "reference" for choice in run.keeper.choices},
        "progress": dataclasses.asdict(progress),
    }
