"""Ways to run the checks: options, selections, folders and exit codes."""

import pytest

SCALE = "curriculum/week01_sums/test_scale.py"


def test_all_right(course, run):
    course.answer_right()
    done = run(course.root, "curriculum/week01_sums")
    assert done.code == 0
    lines = done.text.splitlines()
    assert lines[-1].startswith("6 passed in ")
    assert "✔ 1.2 Adding up · 4 of 4 checks" in lines
    assert "  You have learned Adding up." in lines
    assert "Next: 2.1 The base · pytest curriculum/week02_faults" in lines


def test_the_reference_passes_whatever_the_learner_wrote(course, run):
    course.answer_wrong()
    done = run(course.root, "--reference")
    assert done.code == 0
    assert done.text.splitlines()[-1].startswith("36 passed in ")
    assert not (course.root / "progress.md").exists() and not (course.root / ".course").exists()


def test_nothing_is_started(course, run):
    done = run(course.root, "curriculum/week01_sums")
    assert done.code == 1
    assert done.text.count("Write scale in") == 1 and done.text.count("Write ") == 1
    assert done.text.splitlines()[-1].startswith("6 not started in ")


def test_trace_shows_the_traceback(course, run):
    course.answer("crash", "half = x[:, :2]\nreturn 2 * half @ x", "week02_faults")
    arguments = ["curriculum/week02_faults/test_crash.py"]
    assert "Traceback" not in run(course.root, *arguments).text
    done = run(course.root, *arguments, "--trace")
    assert "Traceback (most recent call last):" in done.text
    assert 'crash.py", line 7, in double' in done.text
    assert "(Pdb)" not in done.text


def test_colour_on_demand(course, run):
    course.answer("scale", "return 3 * x")
    done = run(course.root, SCALE, "--color=yes")
    assert "\x1b[31m  ✘ " in done.text
    assert "\x1b[33m  ▸ It is three times. (scale.py)" in done.text


@pytest.mark.parametrize(
    ("arguments", "inside", "passed"),
    [
        ([SCALE], ".", 1),
        ([SCALE + "::test_twice_the_input"], ".", 1),
        (["-k", "scale"], ".", 1),
        ([], "curriculum/week01_sums", 6),
        (["test_rows.py"], "curriculum/week01_sums", 1),
    ],
)
def test_a_part_of_the_checks(course, run, arguments, inside, passed):
    course.answer_right()
    done = run(course.root, *arguments, inside=inside)
    assert done.code == 0
    assert done.text.splitlines()[-1].startswith(f"{passed} passed")


def test_a_part_of_a_task_says_so(course, run):
    course.answer_right()
    done = run(course.root, "curriculum/week01_sums", "-k", "length and positive")
    assert "· 1.2 Adding up · 1 of 1 checks (not all of its checks ran)" in done.text
    assert "You have learned" not in done.text and "Next:" not in done.text


@pytest.mark.parametrize(
    ("arguments", "code"), [(["-k", "no_such_check"], 5), (["curriculum/week03_gone"], 4), (["--time-limit", "ten"], 4)]
)
def test_a_run_without_checks_is_no_success(course, run, arguments, code):
    assert run(course.root, *arguments).code == code


def test_checks_that_are_all_skipped_are_no_success(course, run):
    course.answer_right("scale")
    course.write({SCALE: course.read(SCALE).replace("time_limit(60)", "skip")})
    done = run(course.root, SCALE)
    assert done.code == 5
    assert "No check ran, so nothing is known." in done.text
    assert not (course.root / ".course").exists()


def test_a_task_that_builds_on_an_unfinished_one(course, run):
    course.write(
        {"curriculum/week02_faults/above.py": "from .base import base\n\n\ndef above(x):\n    return base(x)\n"}
    )
    done = run(course.root, "curriculum/week02_faults/test_above.py")
    assert done.story("Twice the base").startswith("2.2 builds on 2.1, which comes first. Write base in")
    course.write({"curriculum/week02_faults/base.py": "def base(x):\n    return -x\n"})
    done = run(course.root, "curriculum/week02_faults", "-k", "base")
    assert "2.2 builds on 2.1, not passed yet: begin there." in done.text


def test_a_task_tells_three_stories_at_most(course, run):
    course.answer("scale", "return x * x * 7")
    source = course.read(SCALE)
    more = [source.replace("twice_the_input", f"input_{n}").replace("3, 3", f"{n}, 3") for n in (4, 5, 6, 7)]
    course.write({SCALE: source + "".join(more).replace("Twice the input", "Another input")})
    done = run(course.root, SCALE)
    assert done.text.count("No known mistake gives this result") == 3
    assert "2 more went wrong in other ways. First things first; --trace shows all." in done.text
    assert run(course.root, SCALE, "--trace").text.count("No known mistake gives this result") == 5


def test_a_faulty_list_of_tasks_is_told_in_a_sentence(course, run):
    course.write(
        {"curriculum/days.toml": course.read("curriculum/days.toml").replace("minutes = 5", "minutes = 'five'")}
    )
    done = run(course.root)
    assert done.code == 4
    assert "task 1.1: 'minutes' should be a number above 0, not 'five'" in done.text
    assert "Traceback" not in done.text and "INTERNALERROR" not in done.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("expected=twice_the_input_expected", "expected={'x': 1}"), "observes ['out', 'x'], but expected has ['x']"),
        (("(lesson, compare)", "(lesson, compare, monkeypatch)"), "::test_twice_the_input asks for monkeypatch"),
        (("    compare(", "    dict(compare=compare) or print("), "::test_twice_the_input compares nothing"),
        (('{"x": x, "out": module.scale(x.clone())}', "3"), "must return a dict of named observations, not int"),
    ],
)
def test_a_check_that_is_itself_wrong_does_not_blame_the_learner(course, run, change, said):
    course.answer_right("scale")
    source = course.read(SCALE)
    assert source.count(change[0]) == 1
    source = source.replace(*change)
    course.write({SCALE: source.replace("print(", "print(*") if "print" in change[1] else source})
    done = run(course.root, SCALE)
    assert done.code == 1
    assert done.state("Twice the input") == "broken check"
    assert said in done.story("Twice the input") and "which is not your fault" in done.story("Twice the input")


def test_other_tests_run_as_ever(course, run):
    course.answer_right("scale")
    course.write({"curriculum/week01_sums/test_own.py": "def test_mine():\n    assert [1] == [2]\n"})
    done = run(course.root, "curriculum/week01_sums/test_own.py", SCALE)
    assert done.code == 1
    assert "assert [1] == [2]" in done.text and "1 failed, 1 passed" in done.text


def test_help_names_the_options(course, run):
    text = " ".join(run(course.root, "--help").text.split())
    for sentence in (
        "run the checks on the reference solutions; ticks nothing",
        "how long one check may take (default 10)",
        "show the full traceback of every check that does not pass",
    ):
        assert sentence in text
