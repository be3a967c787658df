"""python -m capstone.bench WHAT: measure the capstone beside what people would use instead."""

from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from ..errors import ConfigError, run
from ..folder import write_json
from ..machine import read_json
from . import generation, loader, processes, start, tokens, training

WHAT = {
    module.__name__.rpartition(".")[2]: module for module in (training, generation, tokens, loader, start, processes)
}
Options = (
    Annotated[training.Options, tyro.conf.subcommand("training")]
    | Annotated[generation.Options, tyro.conf.subcommand("generation")]
    | Annotated[tokens.Options, tyro.conf.subcommand("tokens")]
    | Annotated[loader.Options, tyro.conf.subcommand("loader")]
    | Annotated[start.Options, tyro.conf.subcommand("start")]
    | Annotated[processes.Options, tyro.conf.subcommand("processes")]
)


def main(arguments: list[str]) -> int:
    """Measure, and show the table."""
    options: Any = tyro.cli(Options, args=arguments, prog="python -m capstone.bench")
    check(options)
    module: Any = next(module for module in WHAT.values() if isinstance(options, module.Options))
    table, values = module.main(options)
    table.caption, table.caption_justify = values["machine"], "left"
    Console(highlight=False).print(table)
    if options.json:
        write_json(Path(options.json), values)
    return 0


def check(options: Any) -> None:
    """See before the work that the figures can be written, and that nothing else is lost by it.

    Raises:
        ConfigError: they cannot, or a number is too small.
    """
    faults = [
        f"--{name} is {value}: it must be at least 1"
        for name, value in vars(options).items()
        if name in ("rounds", "steps", "tokens") and value < 1
    ]
    path = Path(options.json)
    if options.json and (path.is_dir() or not path.absolute().parent.is_dir()):
        faults.append(f"--json {path}: it must be a file in a folder that is there")
    elif options.json and path.exists() and "machine" not in read_json(path):
        faults.append(f"--json {path} is a file that holds something else: choose another name")
    if faults:
        raise ConfigError("\n".join(faults))


if __name__ == "__main__":
    run(main)
