"""What the scripts of this day share: reading a run's curves, and ending on an error with one sentence. Given whole."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_data.errors import CourseDataError

from .gpt_of_run import NotARun


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a metrics.jsonl, as far as they are whole.

    Raises:
        NotARun: there is no such file, or nothing in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise NotARun(
            f"{path} cannot be read ({error.strerror}): name the folder of a run of capstone.train (records under "
            "docs/runs have no metrics.jsonl)."
        ) from error
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            break  # a run that was killed may have cut its last line short
    if not records:
        raise NotARun(f"{path} is empty: train first.")
    return records


def kind_of(text: str) -> str:
    """ "real" for a text that people wrote, "stand-in" for the one that is drawn from a grammar."""
    return "stand-in" if text == "encyclopedia" else "real"


def end_well(action: Callable[[], None]) -> int:
    """Run a script: an error that the person can mend is one sentence, and the exit code says so."""
    try:
        action()
    except NotImplementedError as error:
        print(f"{error} is still to be written: do that first, until its checks pass.", file=sys.stderr)
        return 1
    except (CourseDataError, NotARun, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was written before is still there.", file=sys.stderr)
        return 130
    return 0
