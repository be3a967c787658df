"""What grading shows: a line for each submission as it is done, the table, and what the class found hard."""

from rich.table import Table
from rich.text import Text

from companion.console import console, line, say
from companion.grade.marks import CHEATS, NOT_STARTED, Class, Graded, common_mistakes, hardest

ROWS = 8  # of the mistakes, and of the tasks
ACROSS = 8  # more tasks than this are too many columns for 80


def show_progress(one: Graded, place: int, of: int, most: int) -> None:
    width = len(str(of))
    say((f"{place:>{width}}/{of} ", "dim"), one.name, f"  {one.points()} of {most}")


def show(graded: Class) -> None:
    """The table of the class, the notes, and the summary."""
    console().print()
    console().print(_table(graded))
    _legend(graded)
    for one in graded.submissions:
        for place, note in enumerate(one.notes):
            if place == 0:
                say()
                say((one.name, "bold"))
            say((note, "advice"), indent=2)
    _summary(graded)


def _table(graded: Class) -> Table:
    columns = _columns(graded)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("submission", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    for one in graded.submissions:
        cells = [_cell(one, tasks, graded) for tasks in columns.values()]
        table.add_row(line(one.name), *cells, line((str(one.points()), "bold")))
    if graded.submissions:
        most = [str(sum(graded.most[task] for task in tasks)) for tasks in columns.values()]
        table.add_row(line(("of", "dim")), *(line((text, "dim")) for text in (*most, str(sum(graded.most.values())))))
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
    """The points; - for what was not started, ! for what somebody should look at."""
    got, most = sum(map(one.points, tasks)), sum(graded.most[task] for task in tasks)
    if all(one.state(task) == NOT_STARTED for task in tasks):
        return line(("-", "dim"))
    if any(one.state(task) in CHEATS for task in tasks):
        return line((f"{got}!", "wrong"))
    return line((str(got), "good" if got == most else ""))


def _legend(graded: Class) -> None:
    states = [one.state(task) for one in graded.submissions for task in graded.tasks]
    parts = ["- not started"] * (NOT_STARTED in states)
    parts += ["! look at it, see below"] * any(state in CHEATS for state in states)
    if parts:
        say((" · ".join(parts), "dim"))


def _summary(graded: Class) -> None:
    mistakes, tasks = common_mistakes(graded), hardest(graded)
    if mistakes:
        say()
        say(("The most common mistakes", "bold"))
        for row in mistakes[:ROWS]:
            console().print(_counted(f"{row.count:>3} × {row.task}", row.says))
        if len(mistakes) > ROWS:
            say((f"and {len(mistakes) - ROWS} more, which --json FILE lists", "dim"), indent=2)
    hard = [row for row in tasks if row[1] < 1]
    if hard:
        say()
        say(("The hardest tasks", "bold"), (", by the share of the points of those who started", "dim"))
        for task, share, started in hard[:ROWS]:
            say(f"{share:>5.0%}  {task}  ", (f"started by {started} of {len(graded.submissions)}", "dim"))
    say()
    say((f"Seed {graded.seed}: ", "bold"), f"--seed {graded.seed} draws the same inputs again.")


def _counted(left: str, right: str) -> Table:
    """Two columns, the right one of which wraps."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row(line(left), line(right))
    return table
