"""`two-weeks`: everything that is recorded on one page of HTML, without a script and without another file."""

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from companion.console import say, say_code
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.figures import TaskFigures
from companion.history import everything
from companion.results import Trained, best, curve
from companion.review import NOTHING, Stretch, duration, named_mistakes, stretch, up_to
from grader.progress import write_whole

MARK = "gpt-by-hand two-weeks"  # in every page: a file without it is somebody's own, and is not written over
PLACE = "notes/two-weeks.html"
HARDEST, NAMED = 5, 5
WIDTH, HEIGHT = 420, 190  # of the plot of the loss, without its margins
POINTS = 300

Points = list[tuple[float, float]]


def two_weeks(
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help=f"Where to write it, not {PLACE}.")] = None,
) -> None:
    """Two weeks on one page: boxes, time, attempts, mistakes, the loss of your best run.

    Call it whenever you like: the page is made anew from your records.
    """
    course = the_course()
    path = Path.cwd() / out if out else course.root / PLACE
    if path.exists() and not is_page(path):
        raise CompanionError(
            f"{course.shown(path)} is not a page of this kind, so it stays as it is: name another, --out"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page(course).encode())
    say((course.shown(path), "bold"), " is made. Open it in a browser; it prints on one sheet.")
    say("The text that goes with it is task 14.1:")
    say_code("course write 14.1")


def is_page(path: Path) -> bool:
    """Whether this verb made the file."""
    return path.is_file() and MARK.encode() in path.read_bytes()[:1000]


def page(course: Course) -> str:
    """The page of a course, as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    places = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found = stretch(course, up_to(course, "notes/fourteen_days.md"))
    return places.get_template("two_weeks.html").render(mark=MARK, **contents(course, found))


def contents(course: Course, found: Stretch) -> dict[str, Any]:
    """What the template fills in."""
    run = best(list(found.runs))
    return {
        "dates": dates(course),
        "empty": NOTHING if found.empty else "",
        "tiles": tiles(found, run),
        "units": rows(found),
        "hard": [(one.task.id, one.task.title, one.runs, one.mistakes.total()) for one in found.hardest[:HARDEST]],
        "named": named_mistakes(course, found)[:NAMED],
        "run": run,
        "plot": plot(*curve(run)) if run else None,
        "day_runs": found.day_runs,
        "quiz": found.quiz,
        "width": WIDTH,
        "height": HEIGHT,
    }


def dates(course: Course) -> str:
    """From the first recorded check to the last: `2 to 15 March 2026`."""
    times = [outcome.time for outcome in everything(course.root)]
    if not times:
        return ""
    first, last = datetime.fromtimestamp(min(times)), datetime.fromtimestamp(max(times))
    end = f"{last.day} {last:%B %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return end if first.day == last.day else f"{first.day} to {end}"
    start = f"{first.day} {first:%B}" + ("" if first.year == last.year else f" {first.year}")
    return f"{start} to {end}"


def tiles(found: Stretch, run: Trained | None) -> list[tuple[str, str]]:
    """(number, what it is), the ones to be proud of first."""
    done = [task for task in found.tasks if task.done]
    planned = 60 * sum(task.task.minutes for task in done)
    result = [
        (f"{len(done)} of {len(found.tasks)}", "tasks done"),
        (f"{planned / 3600:g} h", "planned for them"),
        (duration(sum(task.seconds for task in found.tasks)) or "–", "at it, by the checks"),
        (f"{sum(task.runs for task in found.tasks):,}", "runs of checks"),
        (f"{sum(task.mistakes.total() for task in found.tasks):,}", "mistakes named"),
    ]
    return [*result, (f"{run.ppl_word:.1f}", "best perplexity per word")] if run else result


@dataclass(frozen=True)
class Box:
    """A task as a square: `runs` is shown in it, `shade` from 0 to 3 says how many they are."""

    task: str
    done: bool
    runs: int
    shade: int
    title: str


def rows(found: Stretch) -> list[dict[str, Any]]:
    """A row for each unit: its boxes, and its bars of time as shares of the longest."""
    planned = {unit.id: 60 * sum(task.minutes for task in unit.tasks) for unit in found.units}
    spent = {unit.id: sum(task.seconds for task in found.of(unit)) for unit in found.units}
    longest = max([*planned.values(), *spent.values(), 1])
    return [
        {
            "label": unit.label,
            "name": unit.title,
            "boxes": [_box(one) for one in found.of(unit)],
            "planned": planned[unit.id] / longest,
            "spent": spent[unit.id] / longest,
            "time": duration(spent[unit.id]),
        }
        for unit in found.units
    ]


def _box(one: TaskFigures) -> Box:
    shade = 0 if one.runs < 2 else 1 if one.runs < 4 else 2 if one.runs < 8 else 3
    runs = f", {one.runs} {'run' if one.runs == 1 else 'runs'} of its checks" if one.runs else ""
    return Box(one.task.id, one.done, one.runs, shade, f"{one.task.id} {one.task.title}{runs}")


def plot(steps: Points, validations: Points) -> dict[str, Any] | None:
    """The two curves as SVG paths in a field of WIDTH × HEIGHT, and the ticks of its axes; None without points."""
    steps = thinned(smoothed(steps))
    finite = [point for point in [*steps, *validations] if math.isfinite(point[1])]
    if not finite:
        return None
    most = max(tokens for tokens, _ in finite) or 1.0
    low, high = math.floor(min(loss for _, loss in finite)), math.ceil(max(loss for _, loss in finite))
    high = max(high, low + 1)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return round(point[0] / most * WIDTH, 1), round((high - point[1]) / (high - low) * HEIGHT, 1)

    def path(points: Points) -> str:
        return " ".join(f"{'L' if n else 'M'}{x},{y}" for n, (x, y) in enumerate(map(place, points)))

    return {
        "train": path([point for point in steps if math.isfinite(point[1])]),
        "validation": path([point for point in validations if math.isfinite(point[1])]),
        "dots": [place(point) for point in validations if math.isfinite(point[1])],
        "losses": [(loss, place((0, loss))[1]) for loss in range(low, high + 1)],
        "tokens": [(f"{tokens / 1e6:g} M", place((tokens, high))[0]) for tokens in ticks(most)],
    }


def ticks(most: float) -> list[float]:
    """Three to seven round numbers from above 0 up to `most`."""
    size = 10.0 ** math.floor(math.log10(most))
    step = next(size * part for part in (0.2, 0.5, 1, 2) if most / (size * part) < 8)
    return [step * number for number in range(1, int(most / step + 1e-9) + 1)]


def smoothed(points: Points, decay: float = 0.9) -> Points:
    """The exponential running mean of the losses, without the bias of its first values."""
    total, weight, means = 0.0, 0.0, []
    for tokens, loss in points:
        total, weight = decay * total + (1 - decay) * loss, decay * weight + (1 - decay)
        means.append((tokens, total / weight))
    return means


def thinned(points: Points) -> Points:
    """At most POINTS of them, the last one included."""
    step = math.ceil(len(points) / POINTS) or 1
    return points[::-1][::step][::-1]
