"""The grader: runs a day's checks on somebody's files and says what is wrong, and why.

It knows nothing of the course but the shape of its folders (see CONTRIBUTING.md). What a check's file may import
stands here.
"""

from collections.abc import Callable

__all__ = ["NotVerified", "raised"]


class NotVerified(Exception):
    """A probe raises it, with the reason in a sentence, where this machine or this run cannot tell right from wrong."""


def raised(call: Callable[[], object]) -> str:
    """Name the exception that a call raises, as an observation: `"ValueError"`, or `"nothing"`.

    NotImplementedError passes through: a stub that is not written yet is *not started*, not wrong.
    """
    try:
        call()
    except NotImplementedError:
        raise
    except Exception as error:
        return type(error).__name__
    return "nothing"
