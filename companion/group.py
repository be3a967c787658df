"""What the help of a verb that has verbs of its own looks like, and how one is made."""

from typing import Any

import typer
from typer.core import TyperGroup

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Group(TyperGroup):
    """Verbs, each with the whole first line of its help; `sections` names them under one heading or several."""

    def sections(self, ctx: Any) -> dict[str, list[str]]:
        """Heading → verbs, in the order of the help."""
        return {"Commands": self.list_commands(ctx)}

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for heading, verbs in self.sections(ctx).items():
            rows = [(f"{verb:<{width}}", self._title(ctx, verb)) for verb in verbs]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def _title(self, ctx: Any, verb: str) -> str:
        command = self.get_command(ctx, verb)
        return ((command and command.help) or "").partition("\n")[0]


def group(help: str) -> typer.Typer:
    """An app for a verb that has verbs of its own, `@app.command("list")`, with a help for the whole of it."""
    return typer.Typer(
        help=help,
        cls=Group,
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,
        context_settings=CONTEXT,
    )
