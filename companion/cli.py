"""The command line: `python -m curriculum VERB`, also installed as `course VERB`. README.md says how to add a verb."""

import errno
import importlib
import sys
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperGroup

from companion.console import complain
from companion.course import find_root
from companion.errors import CompanionError
from companion.stubs import note_beginning
from grader.units import UnitsError

# In the order of the help: section → verb → module:function, or module:app for a verb that has verbs of its own.
SECTIONS = {
    "Learn": {
        "status": "companion.status:status",
        "check": "companion.check:check",
        "hint": "companion.hint:hint",
        "solution": "companion.solution:solution",
    },
    "Write": {
        "write": "companion.written:write",
    },
    "Course": {
        "reset": "companion.reset:reset",
        "undo": "companion.reset:undo",
        "backups": "companion.reset:backups",
        "new-stubs": "companion.new_stubs:new_stubs",
    },
    "Instructors": {},
}
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Verbs(TyperGroup):
    """The verbs of the table: a verb's module is imported when it is called, and all of them for the help."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [verb for verbs in SECTIONS.values() for verb in verbs]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        place = next((verbs[cmd_name] for verbs in SECTIONS.values() if cmd_name in verbs), None)
        return None if place is None else command(cmd_name, place)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(name, known, n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise CompanionError(f"There is no verb {name}.{guess} {ctx.command_path} --help lists them all.", code=2)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for section, verbs in SECTIONS.items():
            rows = [(f"{verb:<{width}}", _title(self.get_command(ctx, verb))) for verb in verbs]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        """Run a verb. What a person can put right becomes a sentence and an exit code, whichever verb raised it."""
        try:
            return super().invoke(ctx)
        except (CompanionError, UnitsError) as error:
            complain(str(error))
            raise typer.Exit(getattr(error, "code", 1)) from error
        except OSError as error:
            if error.errno == errno.EPIPE or not error.filename:
                raise
            complain(f"{error.filename}: {error.strerror}.")
            raise typer.Exit(1) from error


def _title(verb: Any) -> str:
    """The first line of a verb's help."""
    return (verb.help or "").partition("\n")[0]


def command(name: str, place: str) -> Any:
    """A verb of the table, as a command."""
    module, _, attribute = place.partition(":")
    verb = getattr(importlib.import_module(module), attribute)
    if not isinstance(verb, typer.Typer):
        verb, function = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=CONTEXT), verb
        verb.command(name)(function)
    found = typer.main.get_command(verb)
    found.name = name
    return found


app = typer.Typer(cls=Verbs, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=CONTEXT)


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
    app(prog_name="course" if installed else "python -m curriculum")
