"""What goes between a check and its ranks."""

from dataclasses import dataclass

from grader.loading import Recipe
from grader.outcome import Raised

MODULE = "module"
END = b"end"  # of a call: every rank has answered


@dataclass(frozen=True)
class Call:
    """One call of a function of a check's file, on one rank."""

    file: str
    function: str
    arguments: tuple[tuple[str, object], ...]  # ("module", its stem), or ("value", the value)
    recipe: Recipe | None  # of the version whose modules are meant
    group: bool  # whether a process group is wanted ready-made
    rank: int
    size: int
    seed: int  # of outcome.SEED
    port: int  # of the store that torchrun's agent would serve; 0 if the group is ready-made
    meeting: str  # the file by which the ranks of a ready-made group find each other


@dataclass(frozen=True)
class Answer:
    """What a call gave, or what it raised, and when; and what was printed."""

    value: object
    raised: Raised | None
    moment: float  # of the monotonic clock, which all processes of a machine share
    printed: str


@dataclass(frozen=True)
class Stand:
    """Where a rank is at this moment: the innermost frames, the processor's time used so far."""

    stack: tuple[tuple[str, int, str], ...]  # file, line, function; the outermost first
    computed: float  # seconds
