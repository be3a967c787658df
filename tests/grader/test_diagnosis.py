"""Which known mistakes give what the learner's files give; the catalogue; the published proof."""

from pathlib import Path

import pytest

from grader import matrix, raised
from grader.bench import Bench
from grader.catalogue import CatalogueError, alternatives_in, change
from grader.diagnosis import Diagnosis, diagnose
from grader.loading import load_file
from grader.proof import row
from grader.verdict import judge, plain, steady

UNIT = "week01_sums"
check_source = load_file(Path(__file__).with_name("course.py")).check
MIXED = "return x.mean(-1) if (x > 0).all() else x.sum(-1)"


@pytest.fixture
def bench(course):
    with Bench(course.root / "curriculum" / UNIT, course.root / "solutions" / UNIT) as bench:
        yield bench


def check_of(bench, name):
    return next(check for check in bench.checks if check.name == f"test_{name}")


@pytest.mark.parametrize(
    ("check", "stem", "body", "names", "narrowed_by", "partly"),
    [
        pytest.param("twice_the_input", "scale", "return 3 * x", ["tripled"], "", False, id="named"),
        pytest.param("twice_the_input", "scale", "return x + 2 * x", ["tripled"], "", False, id="written otherwise"),
        pytest.param("twice_the_input", "scale", "return 3.01 * x", [], "", True, id="near is not enough"),
        pytest.param("twice_the_input", "scale", "return (3 * x).double()", [], "", True, id="another dtype"),
        pytest.param("sums_of_rows", "rows", "return x.sum(0)", ["columns", "turned"], "", False, id="either"),
        pytest.param(
            "positive_numbers", "length", "return x.abs().mean(-1)", ["mean_taken"], "Negative numbers too", False,
            id="told apart by another check",
        ),
        pytest.param(
            "positive_numbers", "length", "return x.mean(-1)", ["mean_with_sign"], "Negative numbers too", False,
            id="the other of the two",
        ),
        pytest.param(
            "positive_numbers", "length", MIXED, ["mean_taken", "mean_with_sign"], "", False,
            id="another check fits neither",
        ),
        pytest.param(
            "mean_and_spread", "both", "return x.mean(0), x.var(-1)", ["mean_of_columns"], "", True,
            id="a second mistake",
        ),
        pytest.param("mean_and_spread", "both", "return x.mean(-1), x.var(-1)", [], "", True, id="unknown"),
        pytest.param("one_more_than_the_input", "shift", "return x @ x[:2]", ["crossed"], "", False, id="same error"),
        pytest.param("one_more_than_the_input", "shift", "return x @ x[:1]", [], "", True, id="another error"),
        pytest.param("one_more_than_the_input", "shift", "return None", [], "", True, id="nothing"),
    ],
)  # fmt: skip
def test_diagnosis(course, bench, check, stem, body, names, narrowed_by, partly):
    course.answer(stem, body)
    check = check_of(bench, check)
    failure = bench.failure(check, bench.learners)
    found = diagnose(bench, check, bench.learners, failure)
    assert found == Diagnosis(tuple(m for m in bench.mistakes if m.name in names), narrowed_by, partly)
    assert [mistake.name for mistake in found.mistakes] == names


ANOTHER_MEAN = """

@mistake("both", says="The mean of a square runs down the columns.", why="A square has rows, too.", read="#both")
def mean_of_columns_of_squares(source):
    return change(source, "x.mean(-1)", "x.mean(0 if len(x) == x.size(-1) else -1)")
"""


@pytest.mark.parametrize(
    ("mean", "names"),
    [("x.mean(0)", ["mean_of_columns"]), ("x.mean(0 if len(x) == 5 else -1)", ["mean_of_columns_of_squares"])],
)
def test_other_checks_tell_what_a_second_mistake_hides(course, bench, mean, names):
    """Both known mistakes give the first observation, and the second one, of the spread, shows everywhere."""
    catalogue, checks = f"solutions/{UNIT}/mistakes.py", f"curriculum/{UNIT}/test_both.py"
    wide = check_source("both", "both", "(x.mean(-1), x.std(-1))", "Wide ones", "torch.randn(4, 5)", "mean,std")
    course.write({catalogue: course.read(catalogue) + ANOTHER_MEAN, checks: course.read(checks) + wide})
    course.answer("both", f"return {mean}, x.var(-1)")
    check = check_of(bench, "mean_and_spread")
    found = diagnose(bench, check, bench.learners, bench.failure(check, bench.learners))
    assert ([mistake.name for mistake in found.mistakes], found.partly) == (names, True)


def test_a_check_that_another_mistake_would_pass_still_names_only_what_fits(course, bench):
    course.answer("rows", "return x.T.sum(-1)")
    verdict = judge(bench, check_of(bench, "sums_of_rows"), bench.learners)
    assert verdict.mistakes == ("columns", "turned")
    assert "It could be either of:" in plain(verdict)


def test_every_generator_is_seeded_before_a_probe(course, bench):
    """Whatever a learner's file draws when it is loaded, and whichever check ran before."""
    course.write(
        {f"curriculum/{UNIT}/scale.py": "import torch\n\ntorch.randn(5)\n\n\ndef scale(x):\n    return 2 * x\n"}
    )
    assert bench.failure(check_of(bench, "twice_the_input"), bench.learners) is None


def test_what_a_check_printed_is_its_own(course, bench, capsys):
    """Not what was printed when another check of the same file was run to tell two mistakes apart."""
    course.answer("length", 'print(f"of {x.max() > 1}")\nreturn x.abs().mean(-1)')
    for name, printed in (("positive_numbers", "of False\n"), ("negative_numbers_too", "of True\n")):
        assert judge(bench, check_of(bench, name), bench.learners).printed == printed
    assert capsys.readouterr().out == "of False\nof True\n"


def test_no_more_than_the_beginning_of_what_is_printed_is_kept(course, bench):
    course.answer("scale", 'print("a" * 9_000)\nprint("b")\nreturn x')
    assert judge(bench, check_of(bench, "twice_the_input"), bench.learners).printed == "a" * 4_000


def test_a_stub_is_not_started_and_not_diagnosed(bench):
    verdict = judge(bench, check_of(bench, "twice_the_input"), bench.learners, "1.1")
    assert (verdict.state, verdict.mistakes, verdict.unwritten) == ("not started", (), "1.1 scale")
    assert verdict.summary == "scale in scale.py is not written yet"


def test_a_not_implemented_error_that_is_no_stubs_is_a_crash(course, bench):
    course.answer("scale", "raise NotImplementedError")
    assert judge(bench, check_of(bench, "twice_the_input"), bench.learners).state == "crashed"


def test_change_wants_the_text_exactly_once():
    assert change("a = 2 * x\n", "2 * x", "3 * x") == "a = 3 * x\n"
    for source, count in (("a = x\n", 0), ("2 * x + 2 * x", 2)):
        with pytest.raises(CatalogueError, match=f"stands {count} times in the reference, not once"):
            change(source, "2 * x", "3 * x")


def test_raised_names_the_exception():
    def unwritten():
        raise NotImplementedError("1.1 scale")

    assert raised(lambda: int("one")) == "ValueError"
    assert raised(lambda: 3) == "nothing"
    with pytest.raises(NotImplementedError):
        raised(unwritten)


def test_message_has_its_fractions_masked():
    assert steady("0.25 times, at [3]: -1.5e-07, expected 1e+20 of 12") == "#.# times, at [3]: #.#, expected #.# of 12"


def test_rows_of_the_proof(bench):
    marks = {
        entry.name: [row(bench, entry).mark(check) for check in bench.checks if check.file.stem == f"test_{entry.file}"]
        for entry in bench.mistakes
    }
    assert marks == {
        "tripled": ["●"],
        "columns": ["◐"],
        "turned": ["◐"],
        "mean_taken": ["●", "●"],
        "mean_with_sign": ["●", "●"],
        "mean_of_columns": ["●"],
        "crossed": ["●"],
    }
    assert not any(row(bench, entry).misnamed() for entry in bench.mistakes)


ALTERNATIVE = """
from grader.catalogue import alternative


@alternative("week01_sums", "scale", "scale")
def added(x):
    return x + x
"""


def test_an_alternative_takes_its_place(course, bench):
    course.write({f"tests/alternatives/{UNIT}.py": ALTERNATIVE})
    (entry,) = alternatives_in(course.root / "tests" / "alternatives" / f"{UNIT}.py")
    version = bench.alternative(entry)
    assert version.module("scale").scale is entry.value
    assert not any(bench.failure(check, version) for check in bench.checks)


def test_matrix_writes_table_and_messages(course):
    course.write(
        {f"tests/alternatives/{UNIT}.py": ALTERNATIVE, f"tests/snapshots/{UNIT}/old.txt": "of a mistake that is gone"}
    )
    assert matrix.write(course.root, UNIT) == []
    table = course.read(f"docs/proof/{UNIT}.md")
    assert (
        "7 mistakes, of which 7 fail and 7 are named as themselves wherever they fail; 6 checks; 1 alternatives"
        in table
    )
    assert "| tripled | · | · | · | · | ● | · |" in table
    assert "| c5 | test_scale.py | Twice the input |" in table
    assert "- columns and turned: a matrix turned over has its columns as rows" in table
    messages = sorted(file.stem for file in (course.root / "tests" / "snapshots" / UNIT).iterdir())
    assert messages == ["columns", "crossed", "mean_of_columns", "mean_taken", "mean_with_sign", "tripled", "turned"]
    message = course.read(f"tests/snapshots/{UNIT}/tripled.txt")
    assert message.startswith("Twice the input\nwrong values: It is three times.\nx agrees; out: 9 of 9 values differ")
    assert "every value is #.# times the expected one" in message


def test_matrix_reports_what_is_not_proved(course):
    catalogue = f"solutions/{UNIT}/mistakes.py"
    harmless = (
        '\n\n@mistake("scale", says="a", why="b", read="#c")\ndef harmless(source):\n    return source + "# longer"\n'
    )
    source = course.read(catalogue).replace("twins={", "twins={} and {")
    course.write({catalogue: source + harmless})
    assert matrix.write(course.root, UNIT) == [
        f"{UNIT}: columns at test_rows.py::test_sums_of_rows is named columns, turned",
        f"{UNIT}: turned at test_rows.py::test_sums_of_rows is named columns, turned",
        f"{UNIT}: harmless passes every check",
    ]


def test_matrix_of_a_unit_without_a_catalogue(course):
    assert matrix.write(course.root, "week02_faults") == []
    assert "0 mistakes" in course.read("docs/proof/week02_faults.md")
