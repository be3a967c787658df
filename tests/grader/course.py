"""A course in miniature, made in a temporary folder: two units, neither of which is called a day.

`week01_sums` has a catalogue of mistakes and one answer for every kind of diagnosis. `week02_faults` has one function,
`double`, in a file for every way in which an answer can be broken.
"""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path

SUMS, FAULTS = "week01_sums", "week02_faults"


def text(block: str) -> str:
    return textwrap.dedent(block).lstrip("\n")


def function(name: str, number: str, body: str = "", doc: str = "Say what comes out.") -> str:
    """The source of a stub, or with a body of an answer."""
    body = body or f'raise NotImplementedError("{number} {name}")'
    return f'import torch\n\n\ndef {name}(x):\n    """{doc}"""\n' + textwrap.indent(text(body), "    ").rstrip() + "\n"


def check(stem: str, name: str, expected: str, title: str, inputs: str = "torch.randn(3, 3)", seen: str = "out") -> str:
    """The source of one check: what `name` of the file `stem` gives for `inputs`, compared with `expected`."""
    names = seen.split(",")
    values = [f"module.{name}(x.clone())", expected]
    observed, known = (
        f'{{"x": x, "{seen}": {value}}}' if len(names) == 1 else f"dict(zip({names}, {value}))" for value in values
    )
    this = "_".join(title.lower().split())
    limit = "" if "loop" in stem or "forever" in stem else "@pytest.mark.time_limit(60)\n"
    return f'''
def {this}_of_theirs(module):
    x = {inputs}
    return {observed}


def {this}_expected():
    x = {inputs}
    return {known}


{limit}def test_{this}(lesson, compare):
    """{title}."""
    compare({this}_of_theirs, lesson("{stem}"), expected={this}_expected, shapes={{"{names[-1]}": "B C"}})
'''


def checks(*sources: str) -> str:
    return "import pytest\nimport torch\n\n" + "\n".join(sources)


# week01_sums: function, the reference's body, a learner's body.
SUM_PIECES = {
    "scale": ("2 * x", "3 * x"),
    "rows": ("x.sum(-1)", "x.sum(0)"),
    "length": ("x.abs().sum(-1)", "x.abs().mean(-1)"),
    "shift": ("x + 1", "x * x * 7"),
    "both": ("(x.mean(-1), x.std(-1))", "(x.mean(0), x.var(-1))"),
}
SUM_CHECKS = {
    "scale": checks(check("scale", "scale", "2 * x", "Twice the input")),
    "rows": checks(check("rows", "rows", "x.sum(-1)", "Sums of rows")),
    "length": checks(
        check("length", "length", "x.abs().sum(-1)", "Positive numbers", "torch.rand(3, 4)"),
        check("length", "length", "x.abs().sum(-1)", "Negative numbers too", "torch.randn(3, 4)"),
    ),
    "shift": checks(check("shift", "shift", "x + 1", "One more than the input")),
    "both": checks(
        check("both", "both", "(x.mean(-1), x.std(-1))", "Mean and spread", "torch.randn(5, 5)", "mean,std")
    ),
}
SUM_MISTAKES = """
    from grader.catalogue import change, mistake


    @mistake("scale", says="It is three times.", why="Twice is two times.", read="#scale")
    def tripled(source):
        return change(source, "2 * x", "3 * x")


    @mistake("rows", says="The columns are summed.", why="A row has one sum.", read="#rows",
             twins={"turned": "a matrix turned over has its columns as rows"})
    def columns(source):
        return change(source, "x.sum(-1)", "x.sum(0)")


    @mistake("rows", says="The matrix is turned first.", why="A row has one sum.", read="#rows",
             twins={"columns": "a matrix turned over has its columns as rows"})
    def turned(source):
        return change(source, "x.sum(-1)", "x.T.sum(-1)")


    @mistake("length", says="A mean is taken.", why="Lengths add up.", read="#length")
    def mean_taken(source):
        return change(source, "x.abs().sum(-1)", "x.abs().mean(-1)")


    @mistake("length", says="A mean is taken, and the sign stays.", why="Lengths add up.", read="#length")
    def mean_with_sign(source):
        return change(source, "x.abs().sum(-1)", "x.mean(-1)")


    @mistake("shift", says="The sizes do not fit.", why="They cross.", read="#shift")
    def crossed(source):
        return change(source, "x + 1", "x @ x[:2]")


    @mistake("both", says="The mean runs down the columns.", why="Each row is normalised alone.", read="#both")
    def mean_of_columns(source):
        return change(source, "x.mean(-1)", "x.mean(0)")
"""

# week02_faults: how `double` is broken. The first two pieces are the tasks 2.1 and 2.2, which builds on it.
BASE = function("base", "2.1", doc="Give back the input.")
ABOVE = "from .base import base\n\n\ndef above(x):\n    return 2 * base(x)\n"
DOUBLES = {
    "right": "return 2 * x",
    "unwritten": "",
    "shape": "return 2 * x[:, :2]",
    "dtype": "return (2 * x).double()",
    "device": 'return (2 * x).to("meta")',
    "nothing": "x = 2 * x",
    "wrong_type": 'return "2 * x"',
    "pair": "return 2 * x, x",
    "nan": 'return 2 * x * float("nan")',
    "crash": "half = x[:, :2]\nreturn 2 * half @ x",
    "missing_module": "import nowhere\nreturn 2 * x",
    "exits": "raise SystemExit(0)",
    "quits": "import os\nos._exit(0)",
    "segfault": "import faulthandler\nfaulthandler._sigsegv()",
    "loop": "while True:\n    pass",
    "prints_forever": 'while True:\n    print("again")',
    "recursion": "return double(x)",
    "hungry": "return [0] * 10**13",
    "asks": 'return float(input("Factor? ")) * x',
    "prints": 'print("x is", x.shape)\nprint("warm", flush=True)\nreturn x',
    "warns": 'import warnings\nwarnings.warn("old", DeprecationWarning)\nreturn 2 * x',
}
WHOLE_FILES = {
    "syntax": "import torch\n\n\ndef double(x):\n    return 2 * (x\n",
    "renamed": function("twice", "2.3", "return 2 * x"),
    "sibling": "from .right import triple\n\n\ndef double(x):\n    return triple(x) - x\n",
    "loop_on_import": "def double(x):\n    return 2 * x\n\n\nwhile True:\n    pass\n",
    "utf16": function("double", "2.3", "return 2 * x").encode("utf-16"),
    "gone": None,
}
NAMES = [*DOUBLES, *WHOLE_FILES]

TASK = """
[[unit.task]]
id = "{id}"
title = "{title}"
title_zh = "题"
minutes = 5
kind = ["code"]
files = {files}
checks = {checks}
builds_on = {builds_on}
learned = "You have learned {title}."
"""
UNIT = """
[[unit]]
id = "{id}"
label = "{label}"
title = "{title}"
title_zh = "课"
hours = 1
breaks = "One."
advice = "None."
"""


def task(number: str, title: str, stems: list[str], builds_on: tuple[str, ...] = ()) -> str:
    files, tests = [f"{stem}.py" for stem in stems], [f"test_{stem}.py" for stem in stems]
    lists = {"files": files, "checks": tests, "builds_on": list(builds_on)}
    return TASK.format(id=number, title=title, **{name: json.dumps(value) for name, value in lists.items()})


def days() -> str:
    return (
        UNIT.format(id=SUMS, label="Week 1", title="Sums")
        + task("1.1", "Scaling", ["scale"])
        + task("1.2", "Adding up", ["rows", "length", "shift"])
        + task("1.3", "Two at once", ["both"])
        + UNIT.format(id=FAULTS, label="Week 2", title="Faults")
        + task("2.1", "The base", ["base"])
        + task("2.2", "What stands on it", ["above"], ("2.1",))
        + "".join(task(f"2.{number}", f"Doubling, {stem}", [stem]) for number, stem in enumerate(NAMES, 3))
    )


SETTINGS = """
    [tool.pytest.ini_options]
    testpaths = ["curriculum"]
    pythonpath = ["."]
    addopts = ["--import-mode=importlib", "-q"]
"""
HINTS = """
    # Hints

    ## 2.1 base

    1. It is what
       came in.
    2. x

    ## 2.3 double

    1. Add it to itself.
    2. Or multiply.
"""


class Course:
    """The course under `root`, as a learner gets it: stubs, and nothing ticked."""

    def __init__(self, root: Path):
        self.root = root
        self.write(course_files())

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write files under root; None takes a file away."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def read(self, name: str) -> str:
        return (self.root / name).read_text("utf-8")

    def answer(self, stem: str, body: str, unit: str = SUMS) -> None:
        """Write the body of a function of the learner's."""
        name = "double" if unit == FAULTS else stem
        self.write({f"curriculum/{unit}/{stem}.py": function(name, "1.2", body)})

    def answer_right(self, *stems: str, unit: str = SUMS) -> None:
        """Copy the reference of these files, or of a whole unit, over the learner's."""
        for file in (self.root / "solutions" / unit).glob("*.py"):
            if file.stem != "mistakes" and (not stems or file.stem in stems):
                self.write({f"curriculum/{unit}/{file.name}": file.read_bytes()})

    def answer_wrong(self) -> None:
        """Write every answer of the collection, with all that is wrong in it."""
        for stem, (_, wrong) in SUM_PIECES.items():
            self.answer(stem, f"return {wrong}")
        for stem, body in DOUBLES.items():
            self.answer(stem, body, FAULTS)
        self.write({f"curriculum/{FAULTS}/above.py": ABOVE})
        self.write({f"curriculum/{FAULTS}/{stem}.py": source for stem, source in WHOLE_FILES.items()})


def course_files() -> dict[str, str]:
    shared = {"hints.md": text(HINTS), "README.md": "# Scale\n\n# Rows\n"}
    files = {
        "pyproject.toml": text(SETTINGS),
        "conftest.py": 'pytest_plugins = ["grader.plugin"]\n',
        "curriculum/days.toml": days(),
        f"solutions/{SUMS}/mistakes.py": text(SUM_MISTAKES),
        **{f"curriculum/{unit}/{name}": content for unit in (SUMS, FAULTS) for name, content in shared.items()},
    }
    for stem, (reference, _) in SUM_PIECES.items():
        number = {"scale": "1.1", "both": "1.3"}.get(stem, "1.2")
        answer = function(stem, number, f"return {reference}")
        files |= piece(SUMS, stem, function(stem, number), answer, SUM_CHECKS[stem])
    same, twice = check("base", "base", "x", "The same"), check("above", "above", "2 * x", "Twice the base")
    files |= piece(FAULTS, "base", BASE, function("base", "2.1", "return x"), checks(same))
    files |= piece(FAULTS, "above", function("above", "2.2"), ABOVE, checks(twice))
    for number, stem in enumerate(NAMES, 3):
        answer = function("double", f"2.{number}", DOUBLES["right"])
        titles = [f"{stem.replace('_', ' ').capitalize()} makes twice"] + ["And again"] * (stem == "loop")
        source = checks(*(check(stem, "double", "2 * x", title, seen="doubled") for title in titles))
        files |= piece(FAULTS, stem, function("double", f"2.{number}"), answer, source)
    return files


def piece(unit: str, stem: str, stub: str, answer: str, test: str) -> dict[str, str]:
    return {
        f"curriculum/{unit}/{stem}.py": stub,
        f"curriculum/{unit}/test_{stem}.py": test,
        f"solutions/{unit}/{stem}.py": answer,
    }
