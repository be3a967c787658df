"""Of a crash that passes through files of the course, the line is shown that the learner can mend."""

from grader.outcome import Place, deepest_of


def place(file, line):
    return Place(str(file), line, "f", "f()")


def test_the_line_in_a_file_that_the_learner_wrote(tmp_path):
    for side, answer in (("curriculum", "mine"), ("solutions", "reference")):
        unit = tmp_path / side / "week01_sums"
        unit.mkdir(parents=True)
        (unit / "given.py").write_text("whole", encoding="utf-8")
        (unit / "written.py").write_text(answer, encoding="utf-8")
    unit = tmp_path / "curriculum" / "week01_sums"
    outer, called, given = place(unit / "written.py", 1), place(unit / "written.py", 2), place(unit / "given.py", 3)
    alone = place(unit / "their_own.py", 4)
    assert deepest_of([outer, called, given]) == called
    assert deepest_of([outer, alone, given]) == alone
    assert deepest_of([given, outer]) == outer
    assert deepest_of([given]) == given
    assert deepest_of([]) is None
