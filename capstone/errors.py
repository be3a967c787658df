"""What goes wrong for a reason that the person at the keyboard can put right."""

import sys
import traceback
from collections.abc import Callable


class CapstoneError(Exception):
    """One sentence that says what is wrong and what to do; shown without a traceback.

    If another exception caused it (`raise … from error`), that one comes from a chosen piece and is shown whole, first.
    """

    exit_code = 1


class ConfigError(CapstoneError):
    """The options, or the file they come from, ask for something that cannot be."""

    exit_code = 2


class Elsewhere(CapstoneError):
    """Another process of this run has failed, and says why; this one has nothing to add."""


def run(main: Callable[[list[str]], int]) -> None:
    """Run a command and leave with its exit code; a CapstoneError is told in its sentence."""
    try:
        code = main(sys.argv[1:])
    except CapstoneError as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        print(f"\n{error}", file=sys.stderr)
        code = error.exit_code
    sys.exit(code)
