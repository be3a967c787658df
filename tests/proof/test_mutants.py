"""The mutator: each kind makes what it says, ids stay when lines move, and nothing else is touched."""

import ast
import textwrap

import pytest

from proof.mutants import mutants_of
from proof.mutants_kinds import KINDS

MADE = {  # kind → a function's body → what its lines become
    "arithmetic": {
        "return a + b": ["return a - b"],
        "return a / b": ["return a * b"],
        "return (a - b) * c": ["return (a - b) / c", "return (a + b) * c"],
        "return a // b": ["return a * b"],
        "a += b": ["a -= b", "a = b"],
        "return 'text' + b": [],
    },
    "sign": {"return -a": ["return a"], "return ~a": ["return a"], "return -1": []},
    "comparison": {
        "return a < b": ["return a <= b", "return a > b"],
        "return a == b": ["return a != b"],
        "return 0 <= a in b": ["return 0 < a in b", "return 0 >= a in b", "return 0 <= a not in b"],
    },
    "boolean": {
        "return a and b": ["return a or b", "return a", "return b"],
        "return a or b or c": ["return a and b and c", "return b or c", "return a or c", "return a or b"],
        "return not a": ["return a"],
        "return True": ["return False"],
    },
    "condition": {
        "return a if b else c": ["return a if not b else c"],
        "return a if not b else c": [],
        "return [a for a in b if a > c]": ["return [a for a in b if not a > c]"],
        "return a if b == c else a": [],  # `comparison` makes b != c
    },
    "number": {
        "return a[2]": ["return a[3]", "return a[1]"],
        "return 0": ["return 1", "return -1"],
        "return -1": ["return 0", "return -2"],
        "return 0.5": ["return 1.0"],
        "return 0.0": ["return 1.0"],
        "return 1.0": ["return 2.0", "return 0.0"],
        "manual_seed(1)": [],
        "return rand(seed=1)": [],
    },
    "index": {
        "return a[:b]": ["return a[:]", "return a[:b + 1]", "return a[:b - 1]"],
        "return a[1:]": ["return a[:]"],
        "return a[0::2]": [],
        "return a[b]": ["return a[b + 1]"],
    },
    "swap": {
        "return f(a, b, c)": ["return f(b, a, c)", "return f(a, c, b)"],
        "return f(a, a)": [],
        "return max(a, b)": [],
    },
    "keyword": {
        "return f(a, b=1, c=2)": ["return f(a, c=2)", "return f(a, b=1)"],
        "return zip(a, b, strict=True)": [],
    },
    "call": {
        "return f(a)": ["return a"],
        "return a.detach().sum()": ["return a.detach()", "return a.sum()"],
        "return torch.exp(a)": ["return a"],
        "return self.norm(a)": ["return a"],
        "return range(a)": [],
        "return int(a)": [],
        "f(a)": [],
    },
    "result": {"return a": ["return None"], "return None": [], "return": []},
    "statement": {
        "f(a)": ["pass"],
        "a[0] = b": ["pass"],
        "a = b": ["pass"],  # a is an argument, too
        "new = b": [],  # without it, all that follows crashes
        "'text'": [],
        "raise ValueError('text')": ["pass"],
        "raise NotImplementedError('2.3 f')": [],
    },
}


def made(kind, body, function="def f(a, b, c):"):
    source = f"import torch\n\n\n{function}\n{textwrap.indent(body, '    ')}\n"
    return [mutant for mutant in mutants_of("file", source) if mutant.kind == kind]


CASES = [(kind, body, lines) for kind, cases in MADE.items() for body, lines in cases.items()]


@pytest.mark.parametrize(("kind", "body", "lines"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_each_kind_makes_what_it_says(kind, body, lines):
    assert [mutant.source.splitlines()[4].strip() for mutant in made(kind, body)] == lines


def test_loops_are_left_and_gone_on_with():
    body = "for a in b:\n    if a:\n        break\n    continue"
    assert [mutant.after for mutant in made("statement", body)] == ["continue", "pass", "break", "pass"]


def test_a_with_is_left_out():
    (mutant,) = made("context", "with torch.no_grad():\n    f(a)")
    assert mutant.source.splitlines()[4:] == ["    with __import__('contextlib').nullcontext():", "        f(a)"]
    assert mutant.before == "with torch.no_grad():"


def test_a_decorator_is_left_out():
    (mutant,) = made("decorator", "return a", function="@torch.no_grad()\ndef f(a):")
    assert mutant.source.splitlines()[3] == "@lambda it: it" and mutant.function == "f"


def test_every_kind_is_shown_here():
    assert {*MADE, "context", "decorator"} == set(KINDS)


WHOLE = '''"""Text with 1 and a + b."""

import math

WIDTH: "int | None" = 3


class Box:
    """Two numbers, 1 and 2."""

    size: int = 1

    def area(self, by: int = 2) -> "int | None":
        """Gives 2."""
        if by < 0:
            raise ValueError(f"{by + 1} is below 0")
        print(by + 1)
        assert by, f"{by + 1}"
        return math.prod(
            [self.size, by]  # é, and a comment
        )


if __name__ == "__main__":
    print(Box().area(3))
'''


def texts_and_types(source):
    nodes = list(ast.walk(ast.parse(source)))
    texts = [ast.get_docstring(node) for node in nodes if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    types = [
        ast.unparse(node.annotation) for node in nodes if isinstance(node, (ast.AnnAssign, ast.arg)) if node.annotation
    ]
    return texts, types, [ast.unparse(node.returns) for node in nodes if isinstance(node, ast.FunctionDef)]


def test_texts_types_and_the_main_part_are_left_alone():
    mutants = mutants_of("box", WHOLE)
    assert len(mutants) > 15
    for mutant in mutants:
        assert texts_and_types(mutant.source) == texts_and_types(WHOLE), mutant.change
        assert mutant.source.endswith(WHOLE[WHOLE.index("if __name__") :]), mutant.change
        assert mutant.after == "pass" or mutant.after.count("by + 1") == mutant.before.count("by + 1"), mutant.change


def test_what_the_stub_holds_is_left_alone():
    stub = WHOLE[: WHOLE.index("        if by")] + '        raise NotImplementedError("1.1 Box.area")\n'
    mutants = mutants_of("box", WHOLE, stub)
    assert {mutant.function for mutant in mutants} == {"Box.area"}
    assert not any(mutant.before.startswith("def ") for mutant in mutants)
    assert {"def area"} == {m.before[:8] for m in mutants_of("box", WHOLE) if m.before.startswith("def ")}


def test_a_change_in_several_lines_leaves_the_rest_as_it_is():
    before = WHOLE.splitlines()
    for mutant in mutants_of("box", WHOLE):
        after = mutant.source.splitlines()
        same = next(number for number, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
        assert before[same + 4 :] == after[same + 4 - (len(before) - len(after)) :], mutant.change


def test_ids_stay_when_lines_move():
    moved = "# a comment\n\n\n" + WHOLE.replace("        if by < 0:", "        # why\n\n        if by < 0:  # below")
    before, after = mutants_of("box", WHOLE), mutants_of("box", moved)
    assert [(mutant.id, mutant.change) for mutant in before] == [(mutant.id, mutant.change) for mutant in after]
    assert all(one.line < other.line for one, other in zip(before, after, strict=True))


def test_ids_are_made_of_file_function_kind_and_change():
    ids = [mutant.id for mutant in mutants_of("box", WHOLE)]
    assert len(set(ids)) == len(ids)
    assert "box.Box.area.comparison" in {name.rsplit(".", 1)[0] for name in ids}
    twice = mutants_of("box", "def f(a):\n    f(a)\n    f(a)\n")
    assert [mutant.id for mutant in twice] == [twice[0].id, f"{twice[0].id}-2"]


def test_an_f_string_is_written_anew_as_a_whole():
    (mutant,) = made("arithmetic", """return "a" f'{a + b:.1f}'""")
    assert eval(mutant.source.splitlines()[4].split("return ")[1], {"a": 3, "b": 1}) == "a2.0"
