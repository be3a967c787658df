"""The curves of a run, as a picture in a file and as pictures in a page."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from .comparison import Level
from .curve import Records, column, is_step, smoothed, thinned

# The colours on paper. A page takes them from its style sheet, by these names, and has others in the dark.
COLOURS = {"ink": "#1a1a1b", "train": "#2a6fbb", "validation": "#d9730d", "quiet": "#8a8a8c", "good": "#2e8b57"}
STYLES = {"guess": ("quiet", ":"), "trigram": ("quiet", "-."), "source": ("good", "--"), "published": ("good", "--")}
DASHES = ((0, (6, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)))
INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")


def draw_curve(records: Records, path: Path, levels: list[Level], title: str) -> None:
    """Draw loss against tokens seen into a PNG file.

    Args:
        records: the lines of metrics.jsonl.
        levels: losses that are known without this model.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot(title=title)
    loss(axes, thinned(records), levels)
    figure.savefig(path, dpi=110)


def as_svg(draw: Callable[[Axes], None], label: str, size: tuple[float, float]) -> str:
    """One drawing as an <svg> for a page: its letters are the page's, its colours the style sheet's variables.

    Args:
        draw: puts everything on the axes.
        label: what the picture shows, in words.
        size: in inches of 72 points, at which letters have 8.5.
    """
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": label,
        "font.size": 8.5,
        "axes.linewidth": 0.6,
        **dict.fromkeys(INKED, COLOURS["ink"]),
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _for_a_page(file.getvalue(), label)


def loss(axes: Axes, records: Records, levels: list[Level], final: tuple[int, float] | None = None) -> None:
    """Train and validation loss, and the losses that are known.

    Args:
        final: (tokens seen, loss) of the score at the end, whose window moves in smaller steps.
    """
    steps = [record for record in records if is_step(record)]
    tokens, losses = column(steps, "tokens", "loss")
    spread, low, high = column(steps, "tokens", "loss_low", "loss_high")
    if spread:
        axes.fill_between(spread, low, high, color=COLOURS["train"], alpha=0.25, linewidth=0)
    else:
        axes.plot(tokens, losses, color=COLOURS["train"], alpha=0.3, linewidth=0.7)
    axes.plot(tokens, smoothed(losses), color=COLOURS["train"], linewidth=1.4, label="train, running mean")
    looks = column(records, "tokens", "val_loss")
    label = "validation" if looks[0] else None
    axes.plot(*looks, "o-", color=COLOURS["validation"], markersize=3.5, linewidth=1.4, label=label)
    if final:
        axes.plot(*final, "*", color=COLOURS["validation"], markersize=9, label="validation, sliding window")
    for place, level in enumerate(levels):
        colour, dash = STYLES[level.kind]
        style = DASHES[place % len(DASHES)] if level.kind == "published" else dash
        axes.axhline(level.nats, color=COLOURS[colour], linestyle=style, linewidth=1, label=level.label)
    against_tokens(axes, "loss (nats per token)")
    axes.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.95))  # below the guess


def learning_rate(axes: Axes, records: Records) -> None:
    """The learning rate of each step."""
    axes.plot(*column(records, "tokens", "lr"), color=COLOURS["train"], linewidth=1.4)
    axes.set_ylim(bottom=0)
    against_tokens(axes, "learning rate")
    axes.ticklabel_format(axis="y", scilimits=(-3, 3), useMathText=False)


def gradient_norm(axes: Axes, records: Records, max_norm: float | None) -> None:
    """The norm of the gradients before they were clipped, and where they were; a logarithmic scale."""
    tokens, norms = column(records, "tokens", "grad_norm")
    axes.plot(tokens, norms, color=COLOURS["train"], linewidth=0.9)
    if max_norm:
        axes.axhline(max_norm, color=COLOURS["quiet"], linestyle=":", linewidth=1, label=f"clipped at {max_norm:g}")
        axes.legend(frameon=False)
    if any(norm > 0 for norm in norms):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    against_tokens(axes, "norm of the gradients")


def throughput(axes: Axes, records: Records, resumed: list[int]) -> None:
    """Tokens per second, and where the run was stopped and gone on with.

    Args:
        resumed: tokens seen at these places.
    """
    axes.plot(*column(records, "tokens", "tokens_per_second"), color=COLOURS["train"], linewidth=1.4)
    for place, tokens in enumerate(resumed):
        axes.axvline(tokens, color=COLOURS["quiet"], linestyle=":", linewidth=1, label=None if place else "resumed")
    if resumed:
        axes.legend(frameon=False)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    against_tokens(axes, "tokens per second")


def against_tokens(axes: Axes, what: str) -> None:
    """What every curve has."""
    unit, name = (1e6, "million") if axes.get_xlim()[1] >= 1e6 else (1e3, "thousand")
    axes.set(xlabel=f"tokens seen, {name}", ylabel=what)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / unit:g}")
    axes.grid(alpha=0.25, color=COLOURS["quiet"], linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _for_a_page(svg: str, label: str) -> str:
    """Without what a page has already, with names that are its own, and with colours from its style sheet."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", svg)
    own = re.sub(r"\W+", "-", label)
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{own}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1).strip()
