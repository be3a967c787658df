"""Checks of task 12.2, tidy_up.py."""

import ast
import builtins
import contextlib
import io
import tokenize

from grader import raised
from grader.loading import version_of


def log(steps):
    """A log whose losses fall, with its head."""
    lines = [f"step={step} loss={9 - step / 40:.3f} tokens=512 lr=0.001\n" for step in range(10, 10 * steps + 1, 10)]
    return ["# a run of mine\n", "\n", *lines]


def long_log(tidy_up):
    records, unreadable = tidy_up.read_log(iter(log(120)))
    return {
        "records": len(records),
        "steps": [records[0].step, records[-1].step],
        "tokens": sum(record.tokens for record in records),
        "unreadable": len(unreadable),
    }


def test_every_line(lesson, compare):
    """A log of 120 steps has 120 records, to the last one"""
    expected = {"records": 120, "steps": [10, 1200], "tokens": 61_440, "unreadable": 0}
    compare(long_log, lesson("tidy_up"), expected=expected)


def damaged_log(tidy_up):
    lines = [
        "tokens=64 loss=4.5 step=1",
        "  step=2 loss=oops tokens=64 ",
        "step=3 loss=4.0 tokens=64 note=a=b",
        "step=4 loss=3.5",
        "#step=5 loss=3.0 tokens=64",
        "killed",
        "   ",
        "step=6 loss=2.5 tokens=128",
        "step=7 loss=2.0 tokens=64 note=#7",
    ]
    records, unreadable = tidy_up.read_log(lines)
    return {
        "records": [[record.step, record.loss, record.tokens] for record in records],
        "unreadable": unreadable,
        "the lines that were handed in": len(lines),
    }


def test_damaged_lines(lesson, compare):
    """Lines that cannot be read come back, in order: a log with holes should not look whole"""
    expected = {
        "records": [[1, 4.5, 64], [3, 4.0, 64], [6, 2.5, 128], [7, 2.0, 64]],
        "unreadable": ["step=2 loss=oops tokens=64", "step=4 loss=3.5", "killed"],
        "the lines that were handed in": 9,
    }
    compare(damaged_log, lesson("tidy_up"), expected=expected)


def the_best(tidy_up):
    records = [tidy_up.Record(step, loss, 64) for step, loss in ((1, 3.0), (2, 2.5), (3, 2.75), (4, 2.5))]
    return {
        "of four": tidy_up.best(records).step,
        "of one": tidy_up.best(records[:1]).step,
        "of none": raised(lambda: tidy_up.best([])),
    }


def test_best(lesson, compare):
    """The first of the lowest losses; and of no record at all a ValueError, which `python -O` does not switch off"""
    compare(the_best, lesson("tidy_up"), expected={"of four": 2, "of one": 1, "of none": "ValueError"})


def smooth(tidy_up):
    losses = [4.0, 2.0, 3.0, 1.0, 5.0]
    found = {f"window {window}": tidy_up.smoothed(list(losses), window) for window in (1, 2, 3, 9)}
    found["no losses"] = tidy_up.smoothed([], 3)
    tidy_up.smoothed(losses, 2)
    return found | {"the list afterwards": losses}


def test_smoothed(lesson, compare):
    """The mean of the last few, fewer at the beginning; and the list is as it was"""
    expected = {
        "window 1": [4.0, 2.0, 3.0, 1.0, 5.0],
        "window 2": [4.0, 3.0, 2.5, 2.0, 3.0],
        "window 3": [4.0, 3.0, 3.0, 2.0, 3.0],
        "window 9": [4.0, 3.0, 3.0, 2.5, 3.0],
        "no losses": [],
        "the list afterwards": [4.0, 2.0, 3.0, 1.0, 5.0],
    }
    compare(smooth, lesson("tidy_up"), expected=expected)


def middle(tidy_up):
    odd, even = [5.0, 1.0, 2.0], [9.0, 1.0, 2.0, 3.0]
    return {"of three": tidy_up.typical(odd), "of four": tidy_up.typical(even), "the lists afterwards": [odd, even]}


def test_typical(lesson, compare):
    """The median, whatever the order; and the list keeps its order"""
    expected = {"of three": 2.0, "of four": 2.5, "the lists afterwards": [[5.0, 1.0, 2.0], [9.0, 1.0, 2.0, 3.0]]}
    compare(middle, lesson("tidy_up"), expected=expected)


def quiet(tidy_up):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        whole = tidy_up.summary(log(3))
        one = tidy_up.summary([*log(4), "killed"])
        two = tidy_up.summary(iter([*log(5), "killed", "again"]))
        none = raised(lambda: tidy_up.summary(["# nothing"]))
    return {
        "a whole log": whole,
        "one line unreadable": one,
        "two lines": two,
        "nothing": none,
        "printed": printed.getvalue().splitlines()[:3],
    }


def test_summary(lesson, compare):
    """One sentence, and nothing on the screen: a function that prints cannot be used by another program"""
    expected = {
        "a whole log": "3 steps, 1,536 tokens; best loss 8.250 at step 30",
        "one line unreadable": "4 steps, 2,048 tokens; best loss 8.000 at step 40; 1 line unreadable",
        "two lines": "5 steps, 2,560 tokens; best loss 7.750 at step 50; 2 lines unreadable",
        "nothing": "ValueError",
        "printed": [],
    }
    compare(quiet, lesson("tidy_up"), expected=expected)


def one_after_another(tidy_up):
    """Two logs of equally many lines."""
    with contextlib.redirect_stdout(io.StringIO()):
        first = tidy_up.summary(["step=1 loss=3.0 tokens=10"] * 11)
        second = tidy_up.summary(["step=2 loss=2.0 tokens=20"] * 11)
    return {"first": first, "second": second}


def test_two_logs(lesson, compare):
    """The second log's summary is about the second log"""
    expected = {
        "first": "11 steps, 110 tokens; best loss 3.000 at step 1",
        "second": "11 steps, 220 tokens; best loss 2.000 at step 2",
    }
    compare(one_after_another, lesson("tidy_up"), expected=expected)


def left_over(tidy_up):
    """What a reader would stumble over, counted in the source."""
    version = version_of(tidy_up)
    source = version.edits.get("tidy_up", str)(version.text("tidy_up.py"))
    tree = ast.parse(source)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", None) != "__future__"
        for alias in node.names
    }
    comments = [
        token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    handlers = [node.type for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    caught = [ast.unparse(kind) if kind else "everything" for kind in handlers]
    return {
        "imports that nothing uses": sorted(imported - {node.id for node in names if isinstance(node.ctx, ast.Load)}),
        "code in comments": [text for text in comments if is_code(text)],
        "notes to oneself": [text for text in comments if text.upper().startswith(("TODO", "FIXME", "XXX", "DEBUG"))],
        "calls of print": sum(node.id == "print" for node in names),
        "excepts that catch everything": [
            text for text in caught if text in ("everything", "Exception", "BaseException")
        ],
        "names that hide a builtin": sorted(name for name in bound if hasattr(builtins, name)),
        "names that look like 1 or 0": sorted(bound & {"l", "O", "I"}),
    }


def is_code(comment):
    """Whether a comment is a statement that somebody has switched off."""
    try:
        (statement,) = ast.parse(comment).body
    except (SyntaxError, ValueError):
        return False
    return not isinstance(statement, ast.Expr) or isinstance(statement.value, (ast.Call, ast.Await, ast.Yield))


def test_nothing_left(lesson, compare):
    """Nothing is left over: no print, no code in comments, no import that nobody uses, no except for everything"""
    expected = {
        "imports that nothing uses": [],
        "code in comments": [],
        "notes to oneself": [],
        "calls of print": 0,
        "excepts that catch everything": [],
        "names that hide a builtin": [],
        "names that look like 1 or 0": [],
    }
    compare(left_over, lesson("tidy_up"), expected=expected)
