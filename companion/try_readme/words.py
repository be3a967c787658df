"""What a line of a README asks for: one plain command, or something that is refused with a sentence."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from grader.commands import Command

DANGEROUS = {
    "rm": "it deletes", "rmdir": "it deletes", "del": "it deletes", "mv": "it moves files", "dd": "it writes to disks",
    "mkfs": "it formats disks", "sudo": "it needs an administrator", "su": "it needs an administrator",
    "chmod": "it changes rights", "chown": "it changes owners", "curl": "it fetches what nobody has looked at",
    "wget": "it fetches what nobody has looked at", "kill": "it ends programs", "shutdown": "it ends everything",
}  # fmt: skip
ELSEWHERE = {
    "make": "it sets up an environment of its own: write the commands that it runs",
    "conda": "an environment is made by python -m venv here",
    "apt": "it installs for the whole machine",
    "brew": "it installs for the whole machine",
    "uv": "the environment is made by python -m venv here",
}
PYTHONS = ("python", "python3", "py", "python.exe")
MODULES = {"pip": "pip", "pip3": "pip", "torchrun": "torch.distributed.run", "pytest": "pytest"}
SIGNS = "|;<>&()`"


@dataclass(frozen=True)
class Asked:
    """A command in words. Kinds: python (words are its arguments), clone, cd, activate, venv, set.

    Args:
        refused: a sentence, if it is not run.
        settings: variables that stand before the command, or that `export` sets.
    """

    kind: str = ""
    words: tuple[str, ...] = ()
    refused: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


def asked(command: Command) -> list[Asked]:
    """What a line asks for: one command, or several that are joined by &&."""
    text = command.text
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=SIGNS)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError as error:
        return [Asked(refused=f"it cannot be read as a command: {error}")]
    found, part = [], list[str]()
    for word in [*words, "&&"]:
        if word == "&&":
            found.append(_one(part))
            part = []
        else:
            part.append(word)
    return [each for each in found if each.kind or each.refused]


def _one(words: list[str]) -> Asked:
    """One command, without the shell's own signs."""
    if not words:
        return Asked()
    sign = next((word for word in words if set(word) <= set(SIGNS)), "")
    program = PurePath(words[0]).name
    if program in DANGEROUS:
        return Asked(refused=f"{program} is never run from a README: {DANGEROUS[program]}.")
    if sign:
        also = next((word for word in words if word in DANGEROUS), "")
        why = f", and {also} {DANGEROUS[also].removeprefix('it ')}" if also else ""
        return Asked(refused=f"“{sign}” needs a shell{why}: write one plain command a line.")
    if any("$" in word for word in words):
        return Asked(refused="a variable of the shell is in it: write what stands for it.")
    settings = {}
    while words and _is_setting(words[0]):
        name, _, value = words.pop(0).partition("=")
        settings[name] = value
    if not words:
        return Asked("set", (), settings=settings)
    return _named(PurePath(words[0]).name or words[0], words, settings)


def _is_setting(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def _named(program: str, words: list[str], settings: Mapping[str, str]) -> Asked:
    rest = tuple(words[1:])
    if program in ("export", "set"):
        return Asked("set", (), settings=dict(word.split("=", 1) for word in rest if "=" in word))
    if program in PYTHONS or program.startswith("python3."):
        rest = rest[1:] if rest and rest[0] in ("-3", "-u") else rest
        if rest[:2] == ("-m", "venv"):
            return Asked("venv", tuple(word for word in rest[2:] if not word.startswith("-")), settings=settings)
        return Asked("python", rest, settings=settings) if rest else Asked(refused="python alone waits for somebody.")
    if program in MODULES:
        return Asked("python", ("-m", MODULES[program], *rest), settings=settings)
    if program == "course":
        return Asked("python", ("-m", "curriculum", *rest), settings=settings)
    if program == "git" and rest[:1] == ("clone",):
        places = [place for place, word in enumerate(rest) if "/" in word]
        return Asked("clone", rest[places[0] :] if places else ())
    if program == "cd" and len(rest) == 1:
        return Asked("cd", rest)
    if program in ("source", "."):
        return Asked("activate", rest)
    if program in DANGEROUS:
        return Asked(refused=f"{program} is never run from a README: {DANGEROUS[program]}.")
    known = ELSEWHERE.get(program, "only python, pip, torchrun, pytest, git clone, cd and source are")
    return Asked(refused=f"{program} is not run: {known}.")


# What is added to a training so that it takes seconds. The last of two equal options counts.
TINY = (
    "--steps=12", "--log-every=4", "--eval-every=12", "--save-every=12", "--vocab-size=512", "--block-size=32",
    "--n-layer=1", "--n-head=2", "--n-embd=32", "--batch-size=4", "--accumulate=1", "--sample-tokens=8", "--board=none",
)  # fmt: skip


def shortened(words: tuple[str, ...]) -> tuple[str, ...]:
    """What is added to these arguments of python: a training of the capstone is made tiny, text is kept short."""
    if "capstone.train" in words and "--resume" not in words:
        fetched = any(word.startswith(("wikitext2", "gpt2")) for word in words)
        return (*TINY, "--text=encyclopedia") if fetched else TINY
    return ("--tokens=12",) if "capstone.generate" in words else ()
