"""Stubs mirror solutions, hints fit the stubs, and nobody imports what the house forbids. Nothing is imported here."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

from grader.units import load_units

ROOT = Path(__file__).parents[1]
UNITS = [unit for unit in load_units(ROOT / "curriculum" / "days.toml") if unit.written]
WORKS_AT_IMPORT = {"grader/loading.py": "hangs its finder into the import system, once"}
GIVEN = {"day04_data/download.py": {"report", "main"}}  # functions of stubs that the learner gets whole: plumbing
HOUSE = {"curriculum", "solutions", "capstone", "companion", "course_data", "grader", "tests"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def stubs_of(task):
    """The files that a task asks for, and those that it offers."""
    return [*task.files, *(file for file in task.optional if not file.startswith("test_"))]


each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.id)
each_stub = pytest.mark.parametrize(
    ("unit", "task", "file"),
    [
        pytest.param(unit.id, task.id, file, id=f"{unit.id}-{file}")
        for unit in UNITS
        for task in unit.tasks
        for file in stubs_of(task)
    ],
)


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def definitions(body):
    """Name → function, class or assignment of a module's or class's body."""
    found = {}
    for node in body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {
                name.id: node for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)
            }
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


def is_public(name):
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def contract(node):
    """What a stub and its solution must have in common: all of an assignment, all but the body of a function."""
    if isinstance(node, FUNCTIONS):
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        return ast.unparse(node.args), node.returns and ast.unparse(node.returns), decorators, ast.get_docstring(node)
    if isinstance(node, ast.ClassDef):
        outside = [ast.unparse(part) for part in [*node.decorator_list, *node.bases, *node.keywords]]
        return outside, ast.get_docstring(node)
    return ast.unparse(node)


def members(tree):
    """Qualified name → node: what stands in the module, and what stands in its classes."""
    found = definitions(tree.body)
    inside = {
        f"{name}.{member}": inner
        for name, node in found.items()
        if isinstance(node, ast.ClassDef)
        for member, inner in definitions(node.body).items()
    }
    return found | inside


def is_public_path(name):
    return all(is_public(part) for part in name.split("."))


def needed_in_stub(name, node, solution):
    """Public functions, classes, constants, fields of dataclasses. Other fields may be the solution's own business."""
    if not is_public_path(name):
        return False
    if "." not in name or isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return True
    owner = solution[name.split(".")[0]]
    return any("dataclass" in ast.unparse(decorator) for decorator in owner.decorator_list)


@each_stub
def test_stub_and_solution_have_the_same_contract(unit, task, file):
    stub = members(tree_of(ROOT / "curriculum" / unit / file))
    solution = members(tree_of(ROOT / "solutions" / unit / file))
    needed = {name: contract(node) for name, node in solution.items() if needed_in_stub(name, node, solution)}
    there = {name: contract(node) for name, node in stub.items()}
    also_needed = {name: contract(solution[name]) for name in there if name in solution}
    assert there == needed | also_needed
    docstrings = [ast.get_docstring(tree_of(ROOT / side / unit / file)) for side in ("curriculum", "solutions")]
    assert docstrings[0] == docstrings[1] != None  # noqa: E711 (one chain says it all)


each_whole_stub = pytest.mark.parametrize(
    ("unit", "task", "file"),
    [
        pytest.param(unit.id, task.id, file, id=f"{unit.id}-{file}")
        for unit in UNITS
        for task in unit.tasks
        for file in stubs_of(task)
        if file not in task.repair
    ],
)


def unwritten(tree, solution):
    """(function, text of its NotImplementedError) for each function that the learner writes; the rest is given."""
    whole = {name: ast.dump(node) for name, node in members(solution).items()}
    for name, node in members(tree).items():
        if isinstance(node, FUNCTIONS) and whole.get(name) != ast.dump(node):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            text = re.fullmatch(r"raise NotImplementedError\('([^']*)'\)", "\n".join(map(ast.unparse, body)))
            yield name, text and text[1]


@each_whole_stub
def test_a_stub_holds_nothing_that_solves_it(unit, task, file):
    tree, solution = tree_of(ROOT / "curriculum" / unit / file), tree_of(ROOT / "solutions" / unit / file)
    faults = [
        f"{name}: {text or 'more than a docstring and one NotImplementedError'}"
        for name, text in unwritten(tree, solution)
        if text not in {f"{task} {name}", f"{task} {name.split('.')[0]}"}
    ]
    assert faults == []
    functions = {name for name, node in members(tree).items() if isinstance(node, FUNCTIONS) and not is_ellipsis(node)}
    assert functions - {name for name, _ in unwritten(tree, solution)} == GIVEN.get(f"{unit}/{file}", set())


def is_ellipsis(node):
    """The body of a protocol's method."""
    return ast.unparse(node.body[-1]) == "..."


@each_unit
def test_given_files_are_the_same_on_both_sides(unit):
    stubs, solutions = ROOT / "curriculum" / unit.id, ROOT / "solutions" / unit.id
    listed = {file for task in unit.tasks for file in stubs_of(task)}
    mine = {path.name for path in stubs.glob("*.py") if not path.name.startswith("test_")} - listed
    theirs = {path.name for path in solutions.glob("*.py")} - listed - {"mistakes.py"}
    assert mine == theirs
    assert [name for name in mine if (stubs / name).read_bytes() != (solutions / name).read_bytes()] == []


@each_unit
def test_three_hints_for_everything_unwritten(unit):
    stubs, solutions = ROOT / "curriculum" / unit.id, ROOT / "solutions" / unit.id
    wanted = {
        text
        for task in unit.tasks
        for file in stubs_of(task)
        for _, text in unwritten(tree_of(stubs / file), tree_of(solutions / file))
        if file not in task.repair
    } | {f"{task.id} {Path(file).stem}" for task in unit.tasks for file in (*task.repair, *task.writes)}
    sections = re.split(r"^## +(.+?)[ \t]*$", (stubs / "hints.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    numbers = {
        title: re.findall(r"^(\d+)\. \S", text, re.MULTILINE)
        for title, text in zip(sections[::2], sections[1::2], strict=True)
    }
    assert numbers == {text: ["1", "2", "3"] for text in wanted}


@each_unit
def test_tasks_name_what_they_build_on(unit):
    """builds_on is what the solutions' imports of siblings say."""
    owner = {Path(file).stem: task.id for task in unit.tasks for file in stubs_of(task)}
    for task in unit.tasks:
        imported = {
            owner[module]
            for file in stubs_of(task)
            for module in siblings(tree_of(ROOT / "solutions" / unit.id / file))
            if module in owner
        }
        assert set(task.builds_on) == imported - {task.id}, f"task {task.id}"


def imports(tree):
    """(level, module) of every import in a file, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


def siblings(tree):
    return {module.split(".")[0] for level, module in imports(tree) if level == 1}


def house_imports(tree):
    return {module.split(".")[0] for level, module in imports(tree) if level == 0} & HOUSE


def sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def allowed(path):
    """The packages of the house that a file may import, besides its own."""
    folder = path.relative_to(ROOT).parts[0]
    if path == ROOT / "curriculum" / "__main__.py":
        return {"companion"}  # python -m curriculum
    if folder in ("curriculum", "solutions"):
        return {"grader"} if path.name.startswith("test_") or path.name == "mistakes.py" else {"course_data"}
    return {"grader": set(), "course_data": set(), "capstone": {"curriculum", "solutions", "course_data"}}[folder]


@pytest.mark.parametrize("folder", ["grader", "course_data", "capstone", "curriculum", "solutions"])
def test_who_imports_whom(folder):
    faults = []
    for path in sources(folder):
        own = set() if folder in ("curriculum", "solutions") else {folder}
        wrong = house_imports(tree_of(path)) - own - allowed(path)
        faults += [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(wrong)]
    assert faults == []


@pytest.mark.parametrize("folder", ["curriculum", "solutions"])
def test_days_import_only_siblings(folder):
    faults = []
    for path in sources(folder):
        for level, module in imports(tree_of(path)):
            is_check = path.name.startswith("test_") or path.name == "mistakes.py"
            is_sibling = level == 1 and (path.parent / f"{module}.py").is_file()
            if level and (is_check or not is_sibling):
                faults.append(f"{path.relative_to(ROOT)} imports {'.' * level}{module}")
    assert faults == []


PUTS_BACK = "surroundings.py"  # of the grader: what a learner's file did to sys.path is undone


def may_fake_modules(path):
    """The grader keeps versions of a day apart; a check stands in for a package that need not be installed."""
    return path.relative_to(ROOT).parts[0] == "grader" or path.name.startswith("test_")


def tricks(path):
    """What the house rules call import tricks, and work at import time."""
    tree = tree_of(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield "a star import"
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path" and path.name != PUTS_BACK:
            yield "sys.path"
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.modules" and not may_fake_modules(path):
            yield "sys.modules"
        if isinstance(node, ast.ExceptHandler) and any(
            isinstance(inner, (ast.Import, ast.ImportFrom)) for inner in ast.walk(node)
        ):
            yield "another import when the first one fails"
    if path.relative_to(ROOT).as_posix() in WORKS_AT_IMPORT:
        return
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.If) and re.search("__name__|TYPE_CHECKING|sys.version_info", ast.unparse(node.test)):
            continue
        if not is_text and isinstance(node, (ast.Expr, ast.If, ast.For, ast.While, ast.With, ast.Try)):
            yield f"work at import time, line {node.lineno}"


@pytest.mark.parametrize("folder", ["grader", "course_data", "capstone", "curriculum", "solutions"])
def test_no_import_tricks(folder):
    faults = [f"{path.relative_to(ROOT)}: {trick}" for path in sources(folder) for trick in tricks(path)]
    assert faults == []


def test_third_party_packages_are_declared():
    """Whatever is imported comes with Python, from the house, or from pyproject.toml."""
    declared = set(
        re.findall(r'^    "([a-z0-9_]+)', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    )
    declared |= HOUSE | set(sys.stdlib_module_names)
    declared |= {"tomllib"}  # comes with Python 3.11; before it, tomli does
    declared |= {"pyarrow"}  # comes with datasets
    declared |= {"wandb", "transformers"}  # imported only when asked for, with a sentence if they are missing
    faults = [
        f"{path.relative_to(ROOT)} imports {module}"
        for folder in ("grader", "course_data", "capstone", "curriculum", "solutions")
        for path in sources(folder)
        for level, module in imports(tree_of(path))
        if level == 0 and module.split(".")[0] not in declared
    ]
    assert faults == []
