"""Draw companion_*.svg: the companion's main screens. Run it from the course's root; names draw only these.

Each picture is the true output of the true command, in a copy of the course in which somebody is on day 2 and has
forgotten the √D. Only the doctor's machine is made up: it has ailments to show.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.catalogue import change, mistakes_of
from grader.progress import digest

ROOT = Path(__file__).parents[2]
COLUMNS = 88
DAY2, DAY3, MASK = "day02_attention", "day03_gpt_model", ", mask: Tensor | None = None"
# picture: what was typed before, out of sight; what is shown; and the answer to its question
SCREENS: dict[str, tuple[list[str], list[str], str]] = {
    "status": (["check attention.py"], ["course"], ""),
    "check": ([], ["course check attention.py -k key"], ""),
    "hint": (["hint layer_norm.py"], ["course hint layer_norm.py"], ""),
    "solution": ([], ["course solution attention.py"], "y\n"),
    "trace": ([], ["course trace gpt.py"], ""),
    "swap": ([], ["course swap gpt.py"], ""),
    "again": ([], ["course again by_hand.py", "course again --back"], ""),
    "write": ([], ["course write 7.2"], ""),
    "two-weeks": ([], ["course two-weeks"], ""),
    "report": ([], ["course report wikitext2-cpu"], ""),
    "reset": ([], ["course reset attention.py", "course undo", "course backups"], ""),
    "new-stubs": ([], ["course new-stubs"], ""),
    "data": ([], ["course data list"], ""),
    "doctor": ([], ["course doctor"], ""),
    "help": ([], ["course --help"], ""),
    "grade": ([], ["course grade class --days day02 --seed 7"], ""),
}
ILL = """
from companion.doctor import command
from companion.doctor.machine import Machine
well = dict(versions=dict(torch="2.14.1", cuda="13.0", hip=None), vision="0.29.1", cuda=dict(devices=[], mps=False),
            processor=dict(amx_tile=False, avx512_bf16=False, threads=8), compiler_headers=True, gloo=3)
class Ill(Machine):
    def which(self, *commands): return commands[0]
    def said(self, *command, folder=None): return "NVIDIA RTX 3060, 470.57" if "smi" in command[0] else ""
    def version(self, package): return dict(torch="2.14.1", torchvision="0.28.0", pytest="9.2.0").get(package, "99")
    def requires(self, package): return ["torch==2.13.0"]
    def installed_from(self): return command.the_course().root
    def mapped(self): return set()
    def free_bytes(self, folder): return int(41e9)
command.Machine = lambda: Ill(cores=8, memory=16e9, environment="x/.venv", probes=well)
"""


def learners_copy(folder: Path) -> None:
    """The course on somebody's second day: day 1 is ticked, and attention.py is right but for the scaling."""
    for name in ("companion", "course_data", "curriculum", "grader", "solutions"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    text = (ROOT / "progress.md").read_text(encoding="utf-8")
    ticked = re.sub(r"^- \[ \] (1\.\d|2\.[12]) ", r"- [x] \1 ", text, flags=re.MULTILINE)
    (folder / "progress.md").write_text(ticked, encoding="utf-8")
    for file in ("by_hand.py", "attention.py"):
        shutil.copy(ROOT / "solutions" / DAY2 / file, folder / "curriculum" / DAY2 / file)
    right = (ROOT / "solutions" / DAY2 / "attention.py").read_text(encoding="utf-8")
    wrong = change(right, " / math.sqrt(q.size(-1))", "")
    (folder / "curriculum" / DAY2 / "attention.py").write_text(wrong, encoding="utf-8")
    (folder / ".course").mkdir()
    files = {"by_hand.py": digest(folder / "curriculum" / DAY2 / "by_hand.py")}
    (folder / ".course" / "passed.json").write_text(json.dumps({"2.3": files}), encoding="utf-8")


def update(folder: Path) -> None:
    """An update of the course: the learner began with a stub that had no argument `mask`, and answered that one."""
    begun = folder / ".course" / "stubs" / DAY2 / "attention.py.txt"
    begun.parent.mkdir(parents=True, exist_ok=True)
    text = (folder / "companion" / "stubs" / DAY2 / "attention.py.txt").read_text(encoding="utf-8")
    begun.write_text(text.replace(MASK, ""), encoding="utf-8")
    mine = folder / "curriculum" / DAY2 / "attention.py"
    mine.write_text(mine.read_text(encoding="utf-8").replace(MASK, ""), encoding="utf-8")


def third_day(folder: Path) -> None:
    """Day 3 is answered, but for the √D and the kind of GELU."""
    for file in (ROOT / "solutions" / DAY3).glob("*.py"):
        if file.stem != "mistakes":
            shutil.copy(file, folder / "curriculum" / DAY3)
    block = folder / "curriculum" / DAY3 / "block.py"
    text = change(block.read_text(encoding="utf-8"), " / math.sqrt(head_size)", "")
    block.write_text(change(text, 'nn.GELU(approximate="tanh")', "nn.GELU()"), encoding="utf-8")


def recorded_run(folder: Path) -> None:
    """A run that a report can be about."""
    shutil.copytree(ROOT / "docs/runs/wikitext2-cpu", folder / "docs/runs/wikitext2-cpu")


LEARNERS = {"Ada": (), "Bo": ("not_scaled",), "Chen": ("not_scaled", "unbiased_variance"), "Dora": ("mask_added",)}
TRICKS = {  # what stands in attention.py of these, and begins with the reference's
    "Emil": "\n\nfrom solutions.day02_attention.attention import scaled_dot_product_attention  # noqa: E402,F401\n",
    "Fay": "\n\ndef scaled_dot_product_attention(q, k, v, mask=None):\n    while True:\n        pass\n",
}


def a_class(folder: Path) -> None:
    """Day 2 of six learners: one right, three with known mistakes, one with the reference, one with a loop."""
    mistakes = {mistake.name: mistake for mistake in mistakes_of(ROOT / "solutions" / DAY2)}
    for name in (*LEARNERS, *TRICKS):
        mine = folder / "class" / name / "day02"
        shutil.copytree(ROOT / "solutions" / DAY2, mine, ignore=shutil.ignore_patterns("mistakes.py", "__pycache__"))
        for mistake in (mistakes[made] for made in LEARNERS.get(name, ())):
            file = mine / f"{mistake.file}.py"
            file.write_text(mistake.edit(file.read_text(encoding="utf-8")), encoding="utf-8")
        with (mine / "attention.py").open("a", encoding="utf-8") as file:
            file.write(TRICKS.get(name, ""))
    (folder / "class" / "Chen" / "day02" / "positional.py").unlink()


def screen(folder: Path, typed: str, answer: str = "", before: str = "") -> str:
    """What a command writes to a terminal, colours and all."""
    colours = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "CI": ""}
    data = {"COURSE_DATA": "", "COURSE_MIRROR": "", "COURSE_CACHE": str(folder / ".cache")}
    variables = {**os.environ, **colours, **data, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": "--color=yes"}
    program = f"{before}\nimport sys; sys.argv = {typed.split()!r}\nfrom companion.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=variables, capture_output=True, encoding="utf-8", input=answer
    )
    return (done.stdout + done.stderr).replace(str(folder), "~/gpt-by-hand").rstrip()


PREPARED = {"new-stubs": update, "trace": third_day, "swap": third_day, "grade": a_class, "report": recorded_run}


def draw(name: str) -> None:
    """One picture."""
    hidden, shown, answer = SCREENS[name]
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        learners_copy(folder)
        if name in PREPARED:
            PREPARED[name](folder)
        for command in hidden:
            screen(folder, f"course {command}")
        for command in shown:
            output = screen(folder, command, answer, ILL if name == "doctor" else "")
            if answer:
                output = output.replace("[y/N]: ", f"[y/N]: {answer}", 1)
            console.print(Text(f"$ {command}", style="bold"))
            console.print(Text.from_ansi(output), "")
            time.sleep(1)
    svg = console.export_svg(title="GPT by hand", unique_id=f"companion-{name}")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # a picture fetches nothing
    (ROOT / f"docs/pictures/companion_{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    for picture in sys.argv[1:] or SCREENS:
        draw(picture)
