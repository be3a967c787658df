"""What grading shows: a line for each submission as it is done, the table, and what the class found hard."""

from rich.table import Table
from rich.text import Text

from companion.console import console, line, say
from companion.grade.marks import CHEATS, Class, Graded, common_mistakes, hardest

ROWS = 8  # of the mistakes, and of the tasks
ACROSS = 8  # more tasks than this are too many columns for 80


def show_progress(one: Graded, place: int, of: int, most: int) -> None:
    width = len(str(of))
    say((f"{place:>{width}}/{of} ", "dim"), one.name, f"  {one.points()} of {most}")


def show(graded: Class) -> None:
    """The table of the class, the notes, and the summary."""
    console().print()
    console().print(_table(graded))
    for one in sorted(graded.submissions, key=lambda one: one.name):
        for note in one.notes:
            say((f"{one.name}: ", "bold"), (note, "advice"))
    _summary(graded)


def _table(graded: Class) -> Table:
    columns = _columns(graded)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("submission", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    for one in sorted(graded.submissions, key=lambda one: one.name):
        cells = [_cell(one, tasks, graded) for tasks in columns.values()]
        total = f"{one.points()}/{sum(graded.most.values())}"
        table.add_row(line(one.name), *cells, line((total, "bold")))
    return table


def _columns(graded: Class) -> dict[str, list[str]]:
    """A column for each task, or, of many tasks, for each unit: heading → tasks."""
    if len(graded.tasks) <= ACROSS:
        return {task: [task] for task in graded.tasks}
    units: dict[str, list[str]] = {}
    for task in graded.tasks:
        units.setdefault(task.partition(".")[0], []).append(task)
    return units


def _cell(one: Graded, tasks: list[str], graded: Class) -> Text:
    got, most = (sum(points) for points in zip(*((one.points(task), graded.most[task]) for task in tasks), strict=True))
    cheats = any(one.state(task) in CHEATS for task in tasks)
    style = "wrong" if cheats else "good" if got == most else "dim" if not got else ""
    return line(
        (f"{got}{'!' if cheats else ''}" if len(graded.tasks) > ACROSS else f"{got}/{most}{'!' * cheats}", style)
    )


def _summary(graded: Class) -> None:
    mistakes, tasks = common_mistakes(graded), hardest(graded)
    if mistakes:
        say()
        say(("The most common mistakes", "bold"))
        for task, name, count in mistakes[:ROWS]:
            say(f"{count:>4} × {task}  ", (name, "code"))
    hard = [row for row in tasks if row[1] < 1]
    if hard:
        say()
        say(("The hardest tasks", "bold"), (" (share of the points, of those who started)", "dim"))
        for task, share, started in hard[:ROWS]:
            say(f"{share:>5.0%}  {task}  ", (f"started by {started} of {len(graded.submissions)}", "dim"))
    say()
    say((f"Seed {graded.seed}: ", "bold"), f"--seed {graded.seed} draws the same inputs again. Checks whose numbers ",
        "were worked out by hand have the same ones always.")  # fmt: skip
