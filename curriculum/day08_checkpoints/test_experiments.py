"""Checks of task 8.2, experiments.py."""

from grader import raised

BASE = {"name": "base", "runs": "runs", "lr": 0.004, "dropout": 0.0, "steps": 1300, "text": "encyclopedia", "seed": 1}


def differences(experiments):
    other = {**BASE, "name": "other", "runs": "elsewhere", "dropout": 0.1, "lr": 0.001}
    older = {key: value for key, value in BASE.items() if key != "seed"}
    zero = {**BASE, "dropout": None, "steps": 0}
    what = experiments.what_changed
    shown = lambda changes: [[name, list(pair)] for name, pair in changes.items()]  # noqa: E731
    return {
        "two settings": shown(what(BASE, other)),
        "the other way round": shown(what(other, BASE)),
        "a setting that one of them has not": shown(what(older, BASE)),
        "to 0 and to None": shown(what(BASE, zero)),
        "the same": shown(what(BASE, dict(BASE))),
        "names count and seeds do not": shown(what(BASE, {**other, "seed": 2, "lr": 0.004}, ignore=("seed", "runs"))),
    }


def test_what_changed(lesson, compare):
    """The settings in which two configurations differ, before and after; names of runs do not count."""
    expected = {
        "two settings": [["dropout", [0.0, 0.1]], ["lr", [0.004, 0.001]]],
        "the other way round": [["dropout", [0.1, 0.0]], ["lr", [0.001, 0.004]]],
        "a setting that one of them has not": [["seed", [None, 1]]],
        "to 0 and to None": [["dropout", [0.0, None]], ["steps", [1300, 0]]],
        "the same": [],
        "names count and seeds do not": [["dropout", [0.0, 0.1]], ["name", ["base", "other"]]],
    }
    compare(differences, lesson("experiments"), expected=expected)


LOG = r"""# Experiments

| not | this |
| --- | --- |
| one | 1 |

Against `base`.

  | run | changed | expected | came |
  | --- | --- | --- | --- |
  | dropout | `dropout` 0 → 0.1 | It hampers a model that overfits nothing. | It did: 0.651 against 0.638. |
  |  lower-lr|lr \| floor  |A slower fall.||
| larger | batch 8 → 16 | … |

| run again | when | there is | time |
"""
LOG = LOG.replace("| … |\n", "| … |  |\n")


def rows_of(log):
    return [[row.run, row.changed, row.expected, row.came] for row in log]


def log_read(experiments):
    head = "| run | changed | expected | came |\n| --- | --- | --- | --- |\n"
    return {
        "rows": rows_of(experiments.read_log(LOG)),
        "a table without rows": rows_of(experiments.read_log(head)),
        "text right below a row": rows_of(experiments.read_log(head + "| a | b | c | d |\nAnd so on.\n")),
        "written close": rows_of(experiments.read_log(head + "|a|b|c|d|\n")),
        "no bar at the end": rows_of(experiments.read_log(head + "|a|b|c|d\n| a | b | c | d \\|\n")),
        "no table": raised(lambda: experiments.read_log("# Experiments\n\nnone yet\n")),
        "columns of no table": raised(lambda: experiments.read_log("* run | changed | expected | came |\n")),
        "three cells": raised(lambda: experiments.read_log(head + "| a | b | c |\n")),
        "five cells": raised(lambda: experiments.read_log(head + "| a | b | c | d | e |\n")),
    }


def test_log_is_read(lesson, compare):
    """Three rows among other text and another table, one with an empty cell, one with a | in a cell."""
    rows = [
        ["dropout", "`dropout` 0 → 0.1", "It hampers a model that overfits nothing.", "It did: 0.651 against 0.638."],
        ["lower-lr", "lr | floor", "A slower fall.", ""],
        ["larger", "batch 8 → 16", "…", ""],
    ]
    expected = {
        "rows": rows,
        "a table without rows": [],
        "text right below a row": [["a", "b", "c", "d"]],
        "written close": [["a", "b", "c", "d"]],
        "no bar at the end": [["a", "b", "c", "d"], ["a", "b", "c", "d |"]],
        "no table": "ValueError",
        "columns of no table": "ValueError",
        "three cells": "ValueError",
        "five cells": "ValueError",
    }
    compare(log_read, lesson("experiments"), expected=expected)


START = "# Mine\n\n| run | changed | expected | came |\n| --- | --- | --- | --- |\n\nNotes, and | a bar.\n"


def log_grows(experiments):
    first = experiments.Experiment("a", "lr | floor", "up\nand down", "")
    second = experiments.Experiment("b", "dropout", "worse", "better")
    one = experiments.add_row(START, first)
    two = experiments.add_row(one, second)
    bare = experiments.add_row(START.split("\n\nNotes")[0], second)
    return {
        "rows": rows_of(experiments.read_log(two)),
        "what stands above it": two.startswith(START.split("\n\nNotes")[0]),
        "what stands below it": two.endswith("\n\nNotes, and | a bar.\n"),
        "lines": len(two.splitlines()),
        "a file that ends with the table's head": rows_of(experiments.read_log(bare)),
        "what stands above the row in it": bare.startswith(START.split("\n\nNotes")[0]),
        "no table": raised(lambda: experiments.add_row("# Mine\n", first)),
    }


def test_log_grows(lesson, compare):
    """A row is added at the table's end, whatever is written in its cells; the rest of the file stays as it is."""
    expected = {
        "rows": [["a", "lr | floor", "up and down", ""], ["b", "dropout", "worse", "better"]],
        "what stands above it": True,
        "what stands below it": True,
        "lines": 8,
        "a file that ends with the table's head": [["b", "dropout", "worse", "better"]],
        "what stands above the row in it": True,
        "no table": "ValueError",
    }
    compare(log_grows, lesson("experiments"), expected=expected)


SAYS = ("It will fall more slowly.", "It fell more slowly, to 0.66.")


def what_is_missing(experiments):
    of = lambda *cells: experiments.Experiment(*cells)  # noqa: E731
    complete = of("lower-lr", "lr 0.004 → 0.001", *SAYS)
    logs = {
        "complete": [complete],
        "nothing came yet": [complete, of("dropout", "dropout 0.1", SAYS[0])],
        "dots and dashes": [of("dropout", "…", "???", "--")],
        "too short": [of("dropout", "dropout", "It gets worse", "worse by 2 %")],
        "copied": [of("dropout", "dropout 0.1", SAYS[0], SAYS[0])],
        "without a name": [complete, of(" ", "dropout 0.1", *SAYS)],
    }
    found = {name: [place_of(sentence) for sentence in experiments.gaps(log)] for name, log in logs.items()}
    found["none at all"] = len(experiments.gaps([]))
    found["one of two"] = len(experiments.gaps([complete], least=2))
    return found


def place_of(sentence):
    """[run, column] with which a sentence begins, whatever it says then."""
    run, _, rest = sentence.partition(":")
    return [run.strip(), *rest.split()[:1]]


def test_gaps(lesson, compare):
    """What is still missing: empty cells, dots, words that are no sentence, an outcome copied from the expectation."""
    expected = {
        "complete": [],
        "nothing came yet": [["dropout", "came"]],
        "dots and dashes": [["dropout", column] for column in ("changed", "expected", "came")],
        "too short": [["dropout", "expected"]],
        "copied": [["dropout", "came"]],
        "without a name": [["row 2", "run"]],
        "none at all": 1,
        "one of two": 1,
    }
    compare(what_is_missing, lesson("experiments"), expected=expected)


def what_the_run_says(run):
    return {
        "still missing": run["missing"],
        "at least one experiment": len(run["experiments"]) >= 1,
        "each changes a setting": all(row["settings"] for row in run["experiments"]),
        "each was scored": all(row["val_bits_per_byte"] > 0 for row in run["experiments"]),
    }


def test_your_log(record, compare):
    """Your experiment log, complete, held against the runs"""
    expected = {
        "still missing": [],
        "at least one experiment": True,
        "each changes a setting": True,
        "each was scored": True,
    }
    command = "python -m curriculum.day08_checkpoints.tune report --base runs/base"
    compare(what_the_run_says, record("day08-experiments", command=command), expected=expected)
