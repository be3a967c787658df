"""Draw the figures of day 14: `python -m docs.figures.day14_figures`. The picture of the page needs Chromium."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from companion.course import the_course
from companion.two_weeks import page
from docs.figures.example_record import ROOT, write_example
from grader.units import load_units

FIGURES = Path(__file__).parent
BLUE, GREEN, DIM = "#2166ac", "#1b7837", "#bbbbbb"

# The nine weeks around the fourteen days (the plan's programme), each with the units whose pieces it goes on with.
WEEKS = [
    ("Neural networks", "MNIST again, from the formula", [1]),
    ("Convolutions", "ResNet-18, CIFAR-10 above 85 %", [1, 8]),
    ("Recurrent networks", "LSTM and GRU, IMDB above 88 %", [4, 5]),
    ("Hugging Face", "BERT fine-tuned on AG News, served", [4, 7, 11]),
    ("A whole Transformer", "English to German, BLEU above 25", [2, 3, 11]),
    ("Mixed precision and ZeRO", "GPT-2 fine-tuned with DeepSpeed", [6, 9, 10]),
    ("LoRA and quantisation", "a 7-billion model on a small GPU", [2, 9, 11]),
    ("Megatron", "tensor parallelism on 2 to 4 GPUs", [3, 6, 9]),
    ("Open source", "a pull request that is merged", [3, 12]),
]


def outlook():
    """Fourteen days on the left, nine weeks on the right, and what leads from the one to the other."""
    units = load_units(ROOT / "curriculum" / "days.toml")
    figure, axis = plt.subplots(figsize=(10.5, 6.4), layout="constrained")
    heights = [-number * 8 / 13 for number in range(14)]
    used = {number for *_, numbers in WEEKS for number in numbers}
    for number, (unit, y) in enumerate(zip(units[:14], heights, strict=True), 1):
        colour = "black" if number in used else DIM
        axis.text(-0.02, y, f"{unit.title}  {number:>2}", ha="right", va="center", fontsize=10, color=colour)
    for week, (title, result, numbers) in enumerate(WEEKS):
        for number in numbers:
            start, end = heights[number - 1], -week
            axis.annotate(
                "",
                (1, end),
                (0, start),
                arrowprops={
                    "arrowstyle": "-",
                    "color": BLUE,
                    "alpha": 0.45,
                    "lw": 1.6,
                    "connectionstyle": "arc3,rad=0",
                },
            )
        axis.plot(1, -week, "o", color=BLUE, ms=6)
        axis.text(1.03, -week + 0.16, f"{week + 1}  {title}", va="center", fontsize=11, weight="bold")
        axis.text(1.03, -week - 0.2, f"     {result}", va="center", fontsize=9.5, color="#444444")
    axis.text(-0.02, 0.75, "the days behind you", ha="right", fontsize=11, color=GREEN)
    axis.text(1.03, 0.75, "the weeks ahead", fontsize=11, color=GREEN)
    axis.set(xlim=(-0.72, 1.85), ylim=(-8.6, 1.1))
    axis.axis("off")
    figure.savefig(FIGURES / "day14_outlook.png", dpi=100)
    plt.close(figure)


def two_weeks():
    """The page of the learner who does not exist, as a browser shows it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("day14_page.png was not drawn: there is no Chromium or Chrome to draw it.")
    with tempfile.TemporaryDirectory() as folder:
        write_example(Path(folder) / "course")
        html = Path(folder) / "page.html"
        html.write_text(page(the_course(Path(folder) / "course")), encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1000,1150",
        ]
        subprocess.run(
            [*command, f"--screenshot={FIGURES / 'day14_page.png'}", html.as_uri()], check=True, capture_output=True
        )


if __name__ == "__main__":
    outlook()
    two_weeks()
