"""A small search over settings: drawn from a seed, written down trial by trial, taken up again where it stopped."""

import itertools
import json
import math
import random
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
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]


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
    generator = random.Random(seed)
    return [{name: _draw_one(choices, generator) for name, choices in space.items()} for _ in range(number)]


def _draw_one(choices: Sequence[Value] | LogUniform, generator: random.Random) -> Value:
    if isinstance(choices, LogUniform):
        return math.exp(generator.uniform(math.log(choices.low), math.log(choices.high)))
    return generator.choice(choices)


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
    file.parent.mkdir(parents=True, exist_ok=True)
    done = _read(file)
    trials = []
    for setting in settings:
        known = next((trial for trial in done if trial.settings == setting), None)
        if known is None:
            known = Trial(dict(setting), _run_one(run, setting, seed))
            done.append(known)
            with open(file, "a", encoding="utf-8") as results:
                results.write(_line(known))
        trials.append(known)
    return trials


def _run_one(run: Callable[[Settings, int], float], setting: Settings, seed: int) -> float:
    try:
        val_loss = float(run(dict(setting), seed))
    except FloatingPointError:
        return math.inf
    return val_loss if math.isfinite(val_loss) else math.inf


def _read(file: Path) -> list[Trial]:
    """The trials in the file. A torn last line is cut off, so that the next one does not continue it."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole, encoding="utf-8")
    results = map(json.loads, whole.splitlines())
    return [Trial(result["settings"], _loss_from_json(result["val_loss"])) for result in results]


def _loss_from_json(val_loss: float | None) -> float:
    return math.inf if val_loss is None else val_loss


def _line(trial: Trial) -> str:
    val_loss = trial.val_loss if math.isfinite(trial.val_loss) else None
    return json.dumps({"settings": trial.settings, "val_loss": val_loss}) + "\n"


def best_of(trials: Sequence[Trial]) -> Trial:
    """The trial with the lowest validation loss; the first of several equal ones.

    Raises:
        ValueError: there is no trial, or all have diverged.
    """
    best = min(trials, key=lambda trial: trial.val_loss, default=None)
    if best is None or not math.isfinite(best.val_loss):
        raise ValueError("no trial has a finite validation loss: try smaller learning rates")
    return best


def table(trials: Sequence[Trial]) -> str:
    """The trials as a Markdown table, the best one first (equal ones in the order given).

    | lr | width | val loss | perplexity |
    | --- | --- | --- | --- |
    | 0.001 | 16 | 1.5 | 4.48 |
    | 0.3 | 16 | diverged | |

    Numbers have up to four significant digits (the format .4g, perplexity .3g); other values stand as they are. Every
    line ends with a newline. The columns are the names in the first trial's settings; all trials have the same.
    """
    names = [*trials[0].settings] if trials else []
    rows = [[*names, "val loss", "perplexity"], ["---"] * (len(names) + 2)]
    for trial in sorted(trials, key=lambda trial: trial.val_loss):
        finite = math.isfinite(trial.val_loss)
        results = [_shown(trial.val_loss), f"{math.exp(trial.val_loss):.3g}"] if finite else ["diverged", ""]
        rows.append([*(_shown(trial.settings[name]) for name in names), *results])
    return "".join(_row(cells) for cells in rows)


def _shown(value: Value) -> str:
    is_number = isinstance(value, float | int) and not isinstance(value, bool)
    return f"{value:.4g}" if is_number else str(value)


def _row(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n"
