"""The command line: `python -m curriculum VERB`, also installed as `course VERB`. README.md says how to add a verb."""

import errno
import importlib
import sys
from difflib import get_close_matches
from typing import Any

import typer

from companion.console import complain
from companion.course import find_root
from companion.errors import CompanionError
from companion.group import CONTEXT, Group
from companion.stubs import note_beginning
from grader.units import UnitsError

# In the order of the help: section → verb → module:function, or module:app for a verb that has verbs of its own.
SECTIONS = {
    "Learn": {
        "status": "companion.status:status",
        "check": "companion.check:check",
        "watch": "companion.watch:watch",
        "hint": "companion.hint:hint",
        "trace": "companion.trace.command:trace",
        "swap": "companion.trace.command:swap",
        "again": "companion.again:again",
        "quiz": "companion.quiz.command:quiz",
        "solution": "companion.solution:solution",
    },
    "Write": {
        "write": "companion.written:write",
        "two-weeks": "companion.two_weeks:two_weeks",
        "report": "companion.report.command:report",
        "tidy": "companion.tidy.command:tidy",
        "try-readme": "companion.try_readme.command:try_readme",
        "interview": "companion.interview.command:interview",
    },
    "Course": {
        "reset": "companion.reset:reset",
        "undo": "companion.reset:undo",
        "backups": "companion.reset:backups",
        "new-stubs": "companion.new_stubs:new_stubs",
        "data": "companion.data:app",
        "doctor": "companion.doctor.command:doctor",
    },
    "Instructors": {"grade": "companion.grade.command:grade"},
}


class Verbs(Group):
    """The verbs of the table: a verb's module is imported when it is called, and all of them for the help."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [verb for verbs in SECTIONS.values() for verb in verbs]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        place = next((verbs[cmd_name] for verbs in SECTIONS.values() if cmd_name in verbs), None)
        return None if place is None else command(cmd_name, place)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            near = [f"check {name}"] if _is_place(name) else get_close_matches(name, known, n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise CompanionError(f"There is no verb {name}.{guess} {ctx.command_path} --help lists them all.", code=2)
        return super().resolve_command(ctx, args)

    def sections(self, ctx: Any) -> dict[str, list[str]]:
        return {section: list(verbs) for section, verbs in SECTIONS.items()}

    def invoke(self, ctx: Any) -> Any:
        """Run a verb. What a person can put right becomes a sentence and an exit code, whichever verb raised it."""
        try:
            return super().invoke(ctx)
        except _for_people() as error:
            complain(str(error))
            raise typer.Exit(getattr(error, "code", 1)) from error
        except OSError as error:
            if error.errno == errno.EPIPE or not error.filename:
                raise
            complain(f"{error.filename}: {error.strerror}.")
            raise typer.Exit(1) from error


def _for_people() -> tuple[type[Exception], ...]:
    """The errors whose message is a sentence for people: the companion's, and those of the packages that are loaded."""
    others = (("course_data.errors", "CourseDataError"), ("capstone.errors", "CapstoneError"))
    loaded = [getattr(sys.modules[module], name) for module, name in others if module in sys.modules]
    return (CompanionError, UnitsError, *loaded)


def _is_place(text: str) -> bool:
    """Whether somebody has typed a day, a task or a file in the place of a verb."""
    from companion.course import the_course
    from companion.find import find

    try:
        return bool(find(the_course(), text))
    except (CompanionError, UnitsError):
        return False


def command(name: str, place: str) -> Any:
    """A verb of the table, as a command. Raises CompanionError if a package that it needs is missing."""
    module, _, attribute = place.partition(":")
    try:
        verb = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise CompanionError(
            f"{name} needs {error.name}, which is not installed: python -m pip install -e ."
        ) from error
    if not isinstance(verb, typer.Typer):
        verb, function = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=CONTEXT), verb
        verb.command(name)(function)
    found = typer.main.get_command(verb)
    found.name = name
    _leave_types_out(found)
    return found


def _leave_types_out(command: Any) -> None:
    """An argument's name in the help says what it is: "FOLDER <list[Path]>" is for programmers."""
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = lambda ctx: ""
    for inner in getattr(command, "commands", {}).values():
        _leave_types_out(inner)


app = typer.Typer(
    cls=Verbs,
    subcommand_metavar="[VERB] ...",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


@app.callback(invoke_without_command=True)
def companion(context: typer.Context) -> None:
    """Fourteen days from an empty file to a GPT of your own. Without a verb: where you are."""
    note_beginning(find_root())
    if context.invoked_subcommand is None:
        from companion.status import status

        status()


def main() -> None:
    """Run the verb on the command line."""
    installed = sys.argv[0].endswith(("course", "course.exe")) or any("-completion" in word for word in sys.argv)
    try:
        app(prog_name="course" if installed else "python -m curriculum")
    except CompanionError as error:  # of the help of all verbs: no verb runs, but each is imported
        complain(str(error))
        sys.exit(error.code)
