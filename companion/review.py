"""The figures of a stretch of days, as Markdown: what `write 7.2` and `write 14.1` fill in."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from companion.course import Course
from companion.figures import TaskFigures, figures_of
from companion.history import everything
from companion.records import load
from companion.results import Trained, best, of_days, trained
from grader.catalogue import mistakes_of
from grader.progress import boxes
from grader.units import Unit

HARDEST, CHECKS, MOST_NAMED = 5, 3, 6  # tasks, checks of each, mistakes: the first of each are told
NOTHING = "Nothing else is recorded yet: no check has run on something that you wrote, and no training run is finished."


@dataclass(frozen=True)
class Stretch:
    """Some units of a course, with everything that is recorded of them."""

    units: tuple[Unit, ...]
    tasks: tuple[TaskFigures, ...]
    runs: tuple[Trained, ...]
    day_runs: tuple[tuple[str, str], ...]  # name, its number in words
    quiz: tuple[int, int]  # questions answered, and answered right at once
    until: int  # when the last check ran; 0 if none did

    @property
    def empty(self) -> bool:
        """Whether nothing but boxes is known."""
        return not (self.runs or self.day_runs or self.quiz[0] or any(task.runs for task in self.tasks))

    def of(self, unit: Unit) -> list[TaskFigures]:
        """The figures of one unit's tasks."""
        return [task for task in self.tasks if task.task.unit == unit.id]

    @property
    def hardest(self) -> list[TaskFigures]:
        """Tasks that did not pass at once, hardest first."""
        tried = [task for task in self.tasks if task.runs > 1 or (task.runs and not task.passed)]
        return sorted(tried, key=lambda task: task.difficulty, reverse=True)


def stretch(course: Course, units: Iterable[Unit]) -> Stretch:
    """What is recorded of these units."""
    units = tuple(units)
    tasks = [task for unit in units for task in unit.tasks]
    history = everything(course.root)
    hints = {heading: many for heading, many in load(course, "hints").items() if isinstance(many, int)}
    names = [unit.id for unit in units]
    return Stretch(
        units,
        tuple(figures_of(tasks, history, boxes(course.root, tasks), hints)),
        tuple(trained(course.root)),
        tuple(of_days(course.root, names)),
        _quiz(course, units),
        max((outcome.time for outcome in history), default=0),
    )


def week_1(course: Course) -> str:
    """The figures of the first week: of all units up to the one that reviews it."""
    return as_markdown(course, stretch(course, up_to(course, "notes/week1_review.md")))


def two_weeks(course: Course) -> str:
    """The figures of both weeks, as far as the summary that closes the work: of all units up to it."""
    return as_markdown(course, stretch(course, up_to(course, "notes/two_weeks.md")))


def fourteen_days(course: Course) -> str:
    """The figures of everything, for the last look back."""
    return as_markdown(course, stretch(course, up_to(course, "notes/fourteen_days.md")))


def up_to(course: Course, text: str) -> tuple[Unit, ...]:
    """The units up to and with the one that asks for this text; all of them if none does."""
    last = next((n for n, unit in enumerate(course.units) if any(text in task.writes for task in unit.tasks)), None)
    return course.units if last is None else course.units[: last + 1]


def as_markdown(course: Course, found: Stretch) -> str:
    """Tables and lists: done and time, what was hard, mistakes that were named, runs, quiz."""
    done = sum(task.done for task in found.tasks)
    hours = sum(task.task.minutes for task in found.tasks if task.done) / 60
    until = "" if found.empty or not found.until else f" As of {datetime.fromtimestamp(found.until):%d %B %Y}."
    parts = [f"{done} of {len(found.tasks)} tasks are done, which the plan gives {hours:g} hours.{until}"]
    if found.empty:
        return "\n\n".join([*parts, NOTHING])
    parts += [_days(found), _hard(found), _mistakes(course, found), _runs(found)]
    if found.quiz[0]:
        parts.append(f"Quiz: {found.quiz[1]} of {found.quiz[0]} questions answered right the first time.")
    return "\n\n".join(part for part in parts if part)


def _days(found: Stretch) -> str:
    rows = ["| | done | planned | at it | runs of checks | hints |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for unit in found.units:
        tasks = found.of(unit)
        numbers = (sum(task.runs for task in tasks), sum(task.hints for task in tasks))
        cells = [
            f"{unit.label} · {unit.title}",
            f"{sum(task.done for task in tasks)} of {len(tasks)}",
            duration(60 * sum(task.task.minutes for task in tasks)),
            duration(sum(task.seconds for task in tasks)),
            *(str(number or "") for number in numbers),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    note = (
        "*At it* is the time from one run of checks to the next, pauses above half an hour left out: what you only "
        "read is not in it."
    )
    return "\n".join(rows) + "\n\n" + note


def _hard(found: Stretch) -> str:
    lines = [f"- {one.task.id} {one.task.title}: {_how_hard(one)}" for one in found.hardest[:HARDEST]]
    seen = [one.task.id for one in found.tasks if one.solution]
    if seen:
        lines.append(f"- The solution was looked at in {', '.join(seen)}.")
    return "What took the most attempts:\n\n" + "\n".join(lines) if lines else ""


def _how_hard(one: TaskFigures) -> str:
    runs = f"{one.runs} {'run' if one.runs == 1 else 'runs'} of its checks"
    parts = [f"passed after {runs}" if one.passed else f"not passed in {runs}"]
    hard = sorted((check for check in one.checks if check.runs > 1), key=lambda check: -check.runs)[:CHECKS]
    if hard:
        parts.append("attempts by check: " + ", ".join(f"{_name(check.check)} {check.runs}" for check in hard))
    named = one.mistakes.total()
    if named:
        parts.append(f"{named} {'mistake' if named == 1 else 'mistakes'} named")
    return "; ".join(parts)


def _name(check: str) -> str:
    """A check's name in words."""
    return check.partition("::")[2].removeprefix("test_").replace("_", " ")


def named_mistakes(course: Course, found: Stretch) -> list[tuple[int, str, str]]:
    """(number of runs, the sentence that names it, task) for each mistake that was named, most often first."""
    counted: Counter[tuple[str, str]] = Counter()
    for one in found.tasks:
        for name, many in one.mistakes.items():
            counted[one.task.id, name] += many
    says = sayings(course, found)
    return [(many, says[key], key[0]) for key, many in counted.most_common()]


def _mistakes(course: Course, found: Stretch) -> str:
    named = named_mistakes(course, found)[:MOST_NAMED]
    if not named:
        return ""
    lines = [f"- {many} × {says} ({task})" for many, says, task in named]
    return "Mistakes that were named, with the number of runs in which they were:\n\n" + "\n".join(lines)


def sayings(course: Course, found: Stretch) -> dict[tuple[str, str], str]:
    """(task, mistake) → the sentence that names it, or its name if the catalogue of today does not have it."""
    said: dict[tuple[str, str], str] = {}
    for unit in found.units:
        named = [(one.task.id, name) for one in found.of(unit) for name in one.mistakes]
        folder = course.root / "solutions" / unit.id
        says = {mistake.name: mistake.says for mistake in mistakes_of(folder)} if named else {}
        said |= {(task, name): says.get(name, name.replace("_", " ")) for task, name in named}
    return said


def _runs(found: Stretch) -> str:
    lines = [f"- {name}: {number}" for name, number in found.day_runs]
    run = best(list(found.runs))
    if run:
        many = len(found.runs)
        lines.append(f"- {many} {'run' if many == 1 else 'runs'} of the capstone; the best, {run.name}: {scores(run)}")
    return "Runs:\n\n" + "\n".join(lines) if lines else ""


def scores(run: Trained) -> str:
    """The scores of a run in all units, and what they were measured on."""
    return (
        f"perplexity {run.ppl_word:.1f} per word, {run.ppl_token:.1f} per token, {run.bits_per_byte:.3f} bits per "
        f"byte, on {run.text}, after {run.tokens_seen:,} tokens in {duration(run.seconds) or 'less than a minute'}"
    )


def duration(seconds: float) -> str:
    """`45 min`, `2 h 05`; nothing for less than a minute."""
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min" if minutes else ""
    return f"{hours} h {minutes:02}" if minutes else f"{hours} h"


def _quiz(course: Course, units: Sequence[Unit]) -> tuple[int, int]:
    cards = load(course, "quiz").get("cards", {})
    if not isinstance(cards, dict):
        return 0, 0
    names = {unit.id for unit in units} | {unit.id.partition("_")[0] for unit in units}
    mine = [card for key, card in cards.items() if Path(key).parts[0] in names and isinstance(card, dict)]
    return sum(bool(card.get("asked")) for card in mine), sum(card.get("first") is True for card in mine)
