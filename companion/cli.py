"""The command line: `python -m curriculum VERB`, also installed as `course VERB`.

A verb is a function in a module of its own, with typer's annotations and a docstring that is its help. Those modules are
light: what takes long to import (torch, the grader's worker) is imported inside the functions.
"""

import sys

import typer

app = typer.Typer(
    help="Fourteen days from an empty file to a GPT of your own.",
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the verb on the command line."""
    app(prog_name="course" if sys.argv[0].endswith(("course", "course.exe")) else "python -m curriculum")
