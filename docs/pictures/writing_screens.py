"""Draw companion_tidy.svg, companion_try-readme.svg and companion_interview.svg: true output, in a copy of the course.

Run it from the course's root, `python -m docs.pictures.writing_screens`; names draw only these.
"""

import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from docs.pictures.companion_screens import COLUMNS, ROOT, screen
from grader.catalogue import change

README = """\
## Install

```bash
git clone https://github.com/me/my-gpt.git
cd my-gpt
python -m venv .venv
source .venv/bin/activate
python -m pip install -e .
```

## Train

```bash
python -m capstone.train --nmae mine
```

## Generate

```bash
python -m capstone.generate mine
```
"""
SAID = "1 2"  # the points of the interview's question


def copy(folder: Path) -> None:
    """What the three verbs need of the course."""
    for name in ("capstone", "companion", "course_data", "curriculum", "grader", "solutions"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs/runs/wikitext2-cpu", folder / "docs/runs/wikitext2-cpu")
    for name in ("conftest.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)


def tidy(folder: Path) -> str:
    """The linter on a loss that still prints."""
    loss = (ROOT / "solutions/day05_training/loss.py").read_text(encoding="utf-8")
    printing = change(
        loss, "    return ", '    # logits = logits[:, :10]\n    print("HERE", logits.shape)\n    return '
    )
    (folder / "curriculum/day05_training/loss.py").write_text(printing, encoding="utf-8")
    return screen(folder, "course tidy day05")


def try_readme(folder: Path) -> str:
    """A README with a slip of the finger in it."""
    (folder / ".github").mkdir()
    (folder / ".github/README.md").write_text(README, encoding="utf-8")
    said = screen(folder, "course try-readme")
    return said[: said.index("○")] + said[said.index("○") :].partition("\n\n")[0]


def interview(folder: Path) -> str:
    """One question about the run, two points of which were said."""
    typed = f"\n{SAID}\n\nq\n"
    said = screen(folder, "course interview --topic project --run wikitext2-cpu --seed 8", typed)
    said = re.sub(r"(Enter: none\) )", rf"\g<1>{SAID}\n", said, count=1)
    return said[: said.index("Answer those too")].rstrip()


SCREENS: dict[str, tuple[str, Callable[[Path], str]]] = {
    "tidy": ("course tidy day05", tidy),
    "try-readme": ("course try-readme", try_readme),
    "interview": ("course interview --topic project", interview),
}


def draw(name: str) -> None:
    """One picture."""
    typed, made = SCREENS[name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        copy(folder)
        output = made(folder)
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(f"$ {typed}", style="bold"))
    console.print(Text.from_ansi(output), "")
    svg = console.export_svg(title="GPT by hand", unique_id=f"companion-{name}")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # a picture fetches nothing
    (ROOT / f"docs/pictures/companion_{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    for picture in sys.argv[1:] or SCREENS:
        draw(picture)
