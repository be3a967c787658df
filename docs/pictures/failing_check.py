"""Draw failing_check.svg: what a learner sees who forgot the √D. Run it from the course's root.

The picture is the true output of the true command, in a copy of the course where one thing of the solution is changed.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.catalogue import change

ROOT = Path(__file__).parents[2]
COMMAND = ["pytest", "curriculum/day02_attention", "-k", "queries_and_keys"]
COLUMNS = 96


def learners_copy(folder: Path) -> None:
    """The course, with an attention.py that is right but for the scaling."""
    for name in ("curriculum", "grader", "solutions"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "pyproject.toml", "progress.md"):
        shutil.copy(ROOT / name, folder)
    right = (ROOT / "solutions/day02_attention/attention.py").read_text(encoding="utf-8")
    wrong = change(right, " / math.sqrt(q.size(-1))", "")
    (folder / "curriculum/day02_attention/attention.py").write_text(wrong, encoding="utf-8")


def screen(folder: Path) -> str:
    """What the command writes to a terminal, colours and all."""
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", *COMMAND, "--color=yes"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    return done.stdout.rstrip()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        learners_copy(Path(name))
        output = screen(Path(name))
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(f"$ {' '.join(COMMAND)}", style="bold"))
    console.print(Text.from_ansi(output))
    svg = console.export_svg(title="attention without the √D", unique_id="screen")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # a picture fetches nothing
    (ROOT / "docs/pictures/failing_check.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
