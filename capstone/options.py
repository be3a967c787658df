"""One configuration from the command line, a file and a preset: the first wins over the second over the third."""

import argparse
import dataclasses
import difflib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

from .config import Config, flag
from .errors import ConfigError
from .job import begun_before, processes
from .presets import PRESETS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HINTS = get_type_hints(Config)
MAY_CHANGE = {"runs", "data_dir", "pieces", "prompt", "sample_tokens", "device", "threads", "workers", "keep", "board"}
MAY_CHANGE |= {"accumulate", "timeout", "profile"}
AUTO = "auto"


@dataclass(frozen=True)
class Options:
    """Train a GPT that is put together from the pieces of the days."""

    preset: Literal["default", "wikitext2-cpu", "wikitext2-gpu", "gpt2-small"] = "default"  # what to begin with
    config: str = ""  # a TOML or JSON file with any of the settings below, by their names
    resume: str = ""  # the run to go on with: its folder, or its name under runs/; auto: NAME if it is there, else none
    settings: Annotated[Config, tyro.conf.arg(name="")] = field(default_factory=Config)


def read_options(arguments: list[str], begun: Path | None = None) -> Options:
    """Read everything, and tell every fault at once.

    Args:
        begun: the run that this very command has begun before, and goes on with now.

    Raises:
        ConfigError: the file or the values are faulty.
        SystemExit: the command line cannot be read (tyro has then said why, with the nearest option).
    """
    first = _first_look(arguments)
    base, faults = PRESETS.get(first.preset, PRESETS["default"]), list[str]()
    resumed = begun or (run_folder(first.resume, arguments) if first.resume not in ("", AUTO) else None)
    if resumed:
        base = saved_config(resumed)
    if first.config:
        base, faults = _with_file(base, Path(first.config))
    options = tyro.cli(
        Options,
        args=arguments,
        default=Options(settings=base),
        prog="python -m capstone.train",
        config=(tyro.conf.OmitArgPrefixes,),
    )
    if resumed and options.settings.precision == "auto":  # it was resolved when the run began
        options = dataclasses.replace(
            options, settings=dataclasses.replace(options.settings, precision=saved_config(resumed).precision)
        )
    if resumed:
        faults += ["--resume goes on with the run's own configuration: leave --config out"] * (
            not begun and first.config != ""
        )
        faults += _changes(saved_config(resumed), options)
    faults += options.settings.faults(processes())
    if faults:
        raise ConfigError("This configuration cannot be:\n" + "\n".join(f"  - {fault}" for fault in faults))
    return dataclasses.replace(options, resume=str(begun)) if begun else options


def go_on(options: Options, arguments: list[str], restarted: bool) -> Options:
    """After a restart, or with --resume auto: the options with the run to go on with, if it had begun; else without.

    Raises:
        ConfigError: what the command asks for is another run than the one that it began.
    """
    folder = None
    if options.resume == AUTO:
        there = Path(options.settings.runs) / options.settings.name
        folder = there if (there / "config.json").is_file() else None
    elif restarted and not options.resume:
        folder = begun_before(options.settings)
    if folder:
        return read_options(arguments, folder)
    return dataclasses.replace(options, resume="") if options.resume == AUTO else options


def saved_config(folder: Path) -> Config:
    """The resolved configuration of a run."""
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{folder} is no run: there is no config.json in it")
    config, faults = _with_file(Config(), folder / "config.json")
    if faults:
        raise ConfigError("\n".join(faults))
    return config


def run_folder(name: str, arguments: list[str] | None = None) -> Path:
    """The folder of a run that is named by its path or by its name under runs/."""
    if Path(name).is_dir():
        return Path(name)
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--runs", nargs="?", default="runs")
    return Path(parser.parse_known_args(arguments or [])[0].runs or "runs") / name


def _first_look(arguments: list[str]) -> argparse.Namespace:
    """What decides the defaults has to be known before the rest is read."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("preset", "config", "resume"):
        parser.add_argument(f"--{name}", nargs="?", default="")
    return parser.parse_known_args(arguments)[0]


def _with_file(base: Config, path: Path) -> tuple[Config, list[str]]:
    """The configuration with the values of a file, and what is wrong with the others."""
    values: dict[str, Any] = {}
    faults = []
    for key, value in _read(path).items():
        if key not in HINTS:
            near = difflib.get_close_matches(key, HINTS, n=1, cutoff=0.5)
            faults.append(f"{path.name} has the unknown key {key!r}" + (f"; is it {near[0]!r}?" if near else ""))
        elif not _fits(value, HINTS[key]):
            faults.append(f"{path.name}: {key} is {value!r}: it must be {_in_words(HINTS[key])}")
        else:
            values[key] = float(value) if HINTS[key] is float else value
    return Config(**{**dataclasses.asdict(base), **values}), faults


def _read(path: Path) -> dict[str, Any]:
    """The keys and values of a TOML or JSON file."""
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"--config {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"--config {path} is not {'JSON' if path.suffix == '.json' else 'TOML'}: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"--config {path} must hold names and values, such as lr = 0.001")
    return values


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    allowed = (int, float) if hint is float else hint
    return isinstance(value, allowed) and not isinstance(value, bool)


def _in_words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(repr(choice) for choice in get_args(hint))
    return {int: "a whole number", float: "a number", str: "a text in quotes"}[hint]


def _changes(saved: Config, options: Options) -> list[str]:
    """What a resumed run cannot change without becoming another run."""
    faults = []
    for name, before in dataclasses.asdict(saved).items():
        now = getattr(options.settings, name)
        if now != before and name not in MAY_CHANGE:
            faults.append(f"{flag(name)} was {before} and cannot become {now} in a resumed run; start a new one")
    return faults
