"""A small search over settings: drawn from a seed, written down trial by trial, taken up again where it stopped."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Value = float | int | str | bool
Settings = dict[str, Value]


@dataclass(frozen=True)
class LogUniform:
    """A range from which every order of magnitude is drawn equally often: the logarithm is uniform."""

    low: float  # larger than 0
    high: float  # larger than low


@dataclass(frozen=True)
class Trial:
    """One setting that was tried, and what came of it."""

    settings: Settings
    val_loss: float  # the lower, the better; infinite if the run diverged


def grid(space: Mapping[str, Sequence[Value]]) -> list[Settings]:
    """Every combination of the values of a space, the last name changing fastest.

    grid({"lr": [1, 2], "width": [8, 16]}) is [{"lr": 1, "width": 8}, {"lr": 1, "width": 16}, {"lr": 2, "width": 8}, …].
    """
    # TODO 1: every combination: itertools has it.
    raise NotImplementedError("6.2 grid")


def draw(space: Mapping[str, Sequence[Value] | LogUniform], number: int, seed: int = 0) -> list[Settings]:
    """Random search: draw `number` settings, each value on its own.

    Args:
        space: by name, the values to choose from, each equally likely, or a LogUniform.
        number: how many settings.
        seed: the same seed, the same settings, whatever random numbers were drawn elsewhere before; and no random
            number of anybody else is used up. Asking for more settings later gives the same ones first.

    Returns:
        The settings, in the order in which they were drawn; names in the order of the space.
    """
    # TODO 1: a generator of your own, made from the seed.
    # TODO 2: setting by setting, name by name: choose a value, or draw from the logarithms' range.
    raise NotImplementedError("6.2 draw")


def search(
    settings: Iterable[Settings], run: Callable[[Settings, int], float], file: Path, seed: int = 0
) -> list[Trial]:
    """Try each setting, and write each result down at once. What stands in the file already is not run again.

    The file has one line of JSON for each trial, in the order in which they were run, such as
    {"settings": {"lr": 0.001, "width": 16}, "val_loss": 1.5}; val_loss is null where the run diverged. A trial's line
    is in the file before the next trial begins. If the search was killed while it wrote, the last line is torn: it is
    dropped, and that trial is run again.

    Args:
        settings: what to try, in this order. One that comes twice is run once.
        run: called as run(settings, seed), it trains and returns the validation loss. Every trial gets the same seed,
            so that trials differ in their settings alone. It may raise FloatingPointError, or return what is not
            finite: then it has diverged, which is a result too.
        file: where the results are. Its folder is made if need be.
        seed: handed to each run.

    Returns:
        One trial for each of `settings`, in their order, whether it was run now or before.

    Raises:
        Whatever else `run` raises: it ends the search, and what is in the file stays there.
    """
    # TODO 1: what is in the file already? A torn last line must not stay there.
    # TODO 2: for each setting: known, or run now with the seed.
    # TODO 3: a run that diverged is a result as well.
    # TODO 4: write each result before the next trial begins.
    raise NotImplementedError("6.2 search")


def best_of(trials: Sequence[Trial]) -> Trial:
    """The trial with the lowest validation loss; the first of several equal ones.

    Raises:
        ValueError: there is no trial, or all have diverged.
    """
    # TODO 1: the lowest loss that is finite.
    raise NotImplementedError("6.2 best_of")


def table(trials: Sequence[Trial]) -> str:
    """The trials as a Markdown table, the best one first (equal ones in the order given).

    | lr | width | val loss | perplexity |
    | --- | --- | --- | --- |
    | 0.001 | 16 | 1.5 | 4.48 |
    | 0.3 | 16 | diverged | |

    Numbers have up to four significant digits (the format .4g, perplexity .3g); other values stand as they are. Every
    line ends with a newline. The columns are the names in the first trial's settings; all trials have the same.
    """
    # TODO 1: the header and the line below it.
    # TODO 2: sorted by validation loss, a row for each; format numbers as said.
    raise NotImplementedError("6.2 table")
