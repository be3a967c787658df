"""Split a torchrun command into options and program. Given whole."""

from collections.abc import Sequence


def is_int_from(least: int, value: object) -> bool:
    """Whether a value is an int of at least `least`. True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def split_command(command: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Split a command into torchrun's options and the program that it starts.

    Args:
        command: its words, "torchrun" first. An option is one word, `--name=value`, or two, `--name` and `value`.
            Options end at `-m` or at the first word that is none (the program's file): the rest is the program's,
            whatever it looks like.

    Returns:
        (options, program): name → value, names without the dashes before them and with "-" between words, though
        torchrun takes "_", too; and the words of the program, which may be none.

    Raises:
        ValueError: the command does not begin with torchrun, or an option has no value.
    """
    if not command or command[0] != "torchrun":
        raise ValueError("the command must begin with torchrun")
    words, options = list(command[1:]), {}
    while words and words[0].startswith("--"):
        name, equals, value = words.pop(0).removeprefix("--").partition("=")
        if not equals:
            if not words or words[0].startswith("-"):
                raise ValueError(f"--{name} has no value")
            value = words.pop(0)
        options[name.replace("_", "-")] = value
    return options, tuple(words)
