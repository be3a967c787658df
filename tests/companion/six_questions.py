"""A quiz with one question of each kind, for the tests of the engine."""

import json

from companion.quiz.questions import quiz_from

UNIT = "week01_sums"


def tables(**changes):
    """One question of each kind, as they stand in a file."""
    common = {"task": "1.1", "read": "#sums", "why": "So it is."}
    pairs = [["first", "because"], ["second", "then"], ["third", "at last"]]
    made = {
        "one": {"kind": "one", "ask": "Which?", "right": "this", "wrong": [["that", "not it"], ["these", "too many"]]},
        "several": {"kind": "several", "ask": "Which ones?", "right": ["this", "that"], "wrong": [["those", "no"]]},
        "word": {"kind": "word", "ask": "Its name?", "right": ["reduce-scatter"], "slips": [["all-gather", "other"]]},
        "order": {"kind": "order", "ask": "In order?", "steps": pairs},
        "line": {"kind": "line", "ask": "Which line?", "code": pairs, "bug": 2},
        "number": {
            "kind": "number", "ask": "{n} twice?", "answer": "2 * n", "unit": "MB", "draw": {"n": [100, 150, 200]},
            "slips": [["n", "{n} once"]],
        },
    }  # fmt: skip
    return [{"id": name, **common, **table, **changes.get(name, {})} for name, table in made.items()]


QUIZ = quiz_from(tables(), UNIT, "quiz.toml")


def as_toml():
    """The text of its file."""
    lines = []
    for table in tables():
        lines.append("[[question]]")
        for key, value in table.items():
            inline = (
                ", ".join(f"{name} = {values}" for name, values in value.items()) if isinstance(value, dict) else ""
            )
            lines.append(f"{key} = {{ {inline} }}" if inline else f"{key} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"
