"""Every number that a quiz asks for has the right answer, whatever is drawn: quiz_answers_….py find it another way."""

from pathlib import Path

import pytest

from companion.quiz.drawing import combinations, with_values
from companion.quiz.judging import EXACT
from companion.quiz.sealed import load_source
from grader.loading import load_file

ROOT = Path(__file__).parents[2]
ANSWERS = {
    name: answer
    for week in ("week1", "week2")
    for name, answer in load_file(Path(__file__).with_name(f"quiz_answers_{week}.py")).WEEK.items()
}
ROUGH = {"day03/residual-projections": 0.02, "day08/cost-of-saving": 0.01}  # drawn at random; in steps
QUESTIONS = {
    f"{path.parent.name.partition('_')[0]}/{question.id}": question
    for path in sorted(ROOT.glob("solutions/*/quiz.toml"))
    for question in load_source(ROOT, path.parent.name).questions
    if question.kind == "number"
}
MOST = 6  # sets of values that are tried of each question, spread over all


def test_every_number_is_computed_another_way():
    assert sorted(ANSWERS) == sorted(QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_right(name):
    found = combinations(QUESTIONS[name])
    for values in found[:: -(-len(found) // MOST)]:
        right = float(ANSWERS[name](**values))
        # what is left to float32 must be far less than what is accepted of a learner
        near = ROUGH.get(name, max(QUESTIONS[name].tolerance / 50, EXACT))
        assert with_values(QUESTIONS[name], values).answer == pytest.approx(right, rel=near), values
