"""What `tidy` looks for: ruff's rules, and for each why it matters and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One of ruff's rules, in words. `must`: the check of task 12.2 waits for it; otherwise it is advice."""

    says: str
    why: str
    do: str
    must: bool = True


_PRINT = Rule(
    "a print is left in",
    "Whoever calls the function gets your notes on their screen, and cannot switch them off.",
    "Delete it. What should stay visible belongs into a log, or into what the function returns.",
)
_NOTE = Rule(
    "a note to yourself is left in",
    "A reader cannot tell whether it still holds. A TODO step of a stub says that something is missing, and it is not.",
    "Delete it if it is done; do it if it is quick; else write it where you keep your tasks.",
)
_BUILTIN = Rule(
    "a name hides one of Python's own",
    "From there on `min`, `sum` or `input` is your variable, and the error comes up somewhere else.",
    "Call it what it is: lowest, total, text.",
)
_TWO_IN_A_LINE = Rule(
    "two statements in one line",
    "A debugger stops at lines, and a diff shows lines: the second statement is easily missed.",
    "Give each its own line.",
)
_COMPARE = Rule(
    "a comparison with None, True or False by ==",
    "A tensor compares each of its numbers, and None == x asks x what it thinks of it. `is` asks what is meant.",
    "Write `is None`, `is not None`; for a truth value just `if x:` or `if not x:`.",
)
_SIMPLER = Rule(
    "branches that could be flatter",
    "Each level of indentation is something to remember while reading.",
    "Leave out an else after a return; write elif; join two ifs by `and`.",
    must=False,
)

RULES: dict[str, Rule] = {
    "F401": Rule(
        "an import that nothing uses",
        "A reader looks for its use, and does not find it. It may also take time at every start.",
        "Delete the line.",
    ),
    "F811": Rule(
        "a name is defined twice",
        "The first definition is gone, though it still stands there: perhaps you edit the wrong one.",
        "Delete one of them, or rename it.",
    ),
    "F821": Rule(
        "a name that is not defined",
        "It fails as soon as somebody comes by this line: in the one branch, perhaps, that no check has tried.",
        "Import it, define it, or correct its spelling.",
    ),
    "F841": Rule(
        "a variable that is never used",
        "Either something has been forgotten, or the work was for nothing.",
        "Use it, or delete the line (but keep a call that does something).",
    ),
    "F541": Rule(
        "an f-string with nothing to fill in", "The f promises something that does not come.", "Leave the f out."
    ),
    "F632": Rule(
        "`is` between values",
        "It asks whether two objects are one, and not whether they are equal; for numbers that is luck.",
        "Write ==.",
    ),
    "E711": _COMPARE,
    "E712": _COMPARE,
    "E721": Rule(
        "types compared by ==",
        "A subclass is of the type as well, and the comparison says no.",
        "Write isinstance(x, T), or `type(x) is T` if you mean exactly this one.",
    ),
    "E722": Rule(
        "an except that catches everything",
        "It hides misspelt names, and Ctrl-C as well: the next fault will be silent.",
        "Name the errors that you expect: except (KeyError, ValueError):",
    ),
    "E741": Rule(
        "a name that looks like 1 or 0",
        "l, O and I cannot be told from digits in many fonts.",
        "Take a word: line, layer, index.",
    ),
    "E701": _TWO_IN_A_LINE,
    "E702": _TWO_IN_A_LINE,
    "E501": Rule(
        "a line of more than 120 characters",
        "It wraps on other screens and in a review, and its end is not read.",
        "Break it after a comma, or give a part of it a name.",
        must=False,
    ),
    "B006": Rule(
        "a default argument that can change",
        "It is made once, when the function is defined, and what one call appends the next one finds.",
        "Take None as the default, and make the list inside.",
    ),
    "B023": Rule(
        "a function in a loop that reads the loop's variable",
        "All of these functions see the variable's last value.",
        "Hand the value over: lambda x, i=i: …, or functools.partial.",
    ),
    "B007": Rule(
        "a loop variable that the loop does not use",
        "A reader looks for it.",
        "Call it _.",
        must=False,
    ),
    "S101": Rule(
        "an assert where people can be wrong",
        "python -O leaves asserts out, and an AssertionError without a word does not say what to do.",
        "raise ValueError with a sentence. (In tests, assert is right.)",
    ),
    "T201": _PRINT,
    "T203": _PRINT,
    "ERA001": Rule(
        "code that is switched off, in a comment",
        "Nobody knows whether it still works, and nobody dares to delete it.",
        "Delete it: git remembers. A comment is for why, in words.",
    ),
    "A001": _BUILTIN,
    "A002": _BUILTIN,
    "FIX001": _NOTE,
    "FIX002": _NOTE,
    "FIX003": _NOTE,
    "FIX004": _NOTE,
    "C901": Rule(
        "a function with more than ten branches",
        "Nobody can hold all the ways through it in their head, and few checks go all of them.",
        "Take a part out, under a name that says what it does.",
        must=False,
    ),
    "RET505": _SIMPLER,
    "SIM102": _SIMPLER,
    "PLR5501": _SIMPLER,
}

CONTRACT = Rule(
    "a signature or a docstring is not what the stub had",
    "The checks, the other files and the capstone call the function as the contract says.",
    "Compare with `python -m curriculum solution`, or take the line from the stub in companion/stubs/.",
)
BROKEN = Rule(
    "it cannot be read as Python",
    "Everything else has to wait.",
    "Run the file's checks: they show the line.",
)
