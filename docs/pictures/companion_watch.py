"""Draw companion_watch.svg: the watcher's screen, after a save and a press of h. Run it from the course's root.

The picture is the true screen of the true command on a terminal, in the copy of the course that the other screens have.
"""

import fcntl
import io
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

from docs.pictures.companion_screens import COLUMNS, DAY2, ROOT, learners_copy

LINES = 25
HOME = b"\x1b[H"
NOTICED = "8 other checks show the same."
HINT = "Hint 1 of 3"


def screen(folder: Path) -> str:
    """The last screen, colours and all."""
    theirs, ours = pty.openpty()
    variables = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(folder), "CI": "true"}
    variables |= {"COLUMNS": str(COLUMNS), "LINES": str(LINES)}
    program = "import sys; sys.argv = ['course', 'watch', '2.3']\nfrom companion.cli import main; main()"
    command = [sys.executable, "-c", program]
    ends = {"stdin": ours, "stdout": ours, "stderr": ours}
    watching = subprocess.Popen(command, cwd=folder, env=variables, start_new_session=True, preexec_fn=_control, **ends)
    _until(theirs, b"", "checks pass · ")
    file = folder / "curriculum" / DAY2 / "attention.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    said = _until(theirs, b"", NOTICED)
    os.write(theirs, b"h")
    said = _until(theirs, said, HINT)
    watching.terminate()
    watching.wait()
    return re.sub(r"\x1b\[[KJ]", "", said.rpartition(HOME)[2].decode("utf-8"))


def _control() -> None:
    """Make the terminal the one that rules the process."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _until(theirs: int, said: bytes, words: str) -> bytes:
    """Read until the last whole screen has these words and nothing is being checked."""
    while True:
        last = said.rpartition(HOME)[2].decode("utf-8", "replace")
        if words in re.sub(r"\x1b\[[0-9;]*m", "", last) and last.endswith("\x1b[J") and "checking" not in last:
            return said
        if not select.select([theirs], [], [], 120)[0]:
            raise TimeoutError(last)
        said += os.read(theirs, 1 << 16)


def main() -> None:
    """Draw the picture."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        learners_copy(folder)
        console.print(Text.from_ansi(screen(folder).replace("\r", "")))
    svg = console.export_svg(title="course watch 2.3", unique_id="companion-watch")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # a picture fetches nothing
    (ROOT / "docs/pictures/companion_watch.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
