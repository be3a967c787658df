"""One page of HTML with everything in it: pictures as SVG, no script, no other file."""

import base64
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import plot
from ..comparison import levels, remarks, rivals
from . import tables
from .gather import Gathered, guard_events

MARK = "capstone.report"  # in every page: a file without it is somebody's own, and is not written over
EVENTS = 50  # of the guard, that are listed
LARGE, SMALL = (4.9, 3.3), (2.8, 2.0)


def page(run: Gathered) -> str:
    """The page of a run."""
    places = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return places.get_template("page.html").render(mark=MARK, **everything(run))


def everything(run: Gathered) -> dict[str, Any]:
    """What the template fills in."""
    word, sentence = tables.state(run)
    rows, events = tables.pieces(run), guard_events(run)
    return {
        "name": run.name,
        "state": word,
        "state_in_words": sentence,
        "finished": run.finished,
        "summary": tables.summary(run),
        "whose": tables.whose(rows),
        "text": run.sizes.get("text") or run.config.get("text", ""),
        "tiles": tables.tiles(run),
        "units": tables.units(run) if run.evaluations else [],
        "splits": [each["split"] for each in run.evaluations],
        "rivals": rivals(run.evaluations, run.known),
        "remarks": remarks(run.evaluations),
        "curves": curves(run),
        "picture": base64.b64encode(run.picture).decode(),
        "samples": run.samples,
        "times": tables.times(run),
        "profile": run.profile,
        "guard": run.config.get("guard", ""),
        "events": events[-EVENTS:],
        "events_left_out": len(events[:-EVENTS]),
        "pieces": rows,
        "settings": tables.settings(run),
        "environment": tables.environment(run),
        "sessions": tables.sessions(run),
        "commands": run.commands,
        "place": place(run),
    }


def curves(run: Gathered) -> list[str]:
    """The loss, and what else was recorded in every step, each as an <svg>; nothing of a run without records."""
    if not run.records:
        return []
    known = levels(run.sizes, run.vocab_size, run.known)
    looks = [record for record in run.records if "val_loss" in record]
    final = None
    if run.finished and looks:
        best = min(looks, key=lambda record: record["val_loss"])
        final = best["tokens"], run.values["loss"]
    resumed = [tokens_at(run, session["step"]) for session in run.sessions[1:] if session["step"]]
    return [
        plot.as_svg(partial(plot.loss, records=run.records, levels=known, final=final), "loss", LARGE),
        plot.as_svg(partial(plot.learning_rate, records=run.records), "learning rate", SMALL),
        plot.as_svg(
            partial(plot.gradient_norm, records=run.records, max_norm=run.config.get("max_norm")), "gradients", SMALL
        ),
        plot.as_svg(partial(plot.throughput, records=run.records, resumed=resumed), "tokens per second", SMALL),
    ]


def tokens_at(run: Gathered, step: int) -> int:
    """How many tokens had been seen after a step."""
    return max((record["tokens"] for record in run.records if record["step"] <= step), default=0)


def place(run: Gathered) -> str:
    """The run's folder as a command names it: a record's is in the repository, wherever that is."""
    return f"docs/runs/{run.name}" if (run.folder / "metrics.json").is_file() else run.folder.as_posix()
