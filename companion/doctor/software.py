"""Checks of what is installed: Python, torch and torchvision, the compiler, the course itself, git."""

import re
import sys
from pathlib import Path

from companion.course import Course
from companion.doctor.finding import Finding, fault, ok, warning
from companion.doctor.machine import Machine

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OLDEST = (3, 10)
TOGETHER = "python -m pip install --upgrade torch torchvision (both in one command, from the same index)"
AGAIN = "python -m pip install -e ."
COMPILERS = {
    "Linux": (("c++", "g++", "clang++"), "sudo apt install g++ (or your system's package of it)"),
    "Darwin": (("c++", "clang++"), "xcode-select --install"),
    "Windows": (("cl",), "install Visual Studio's Build Tools with C++, and work in their developer prompt"),
}


def python(machine: Machine, course: Course) -> Finding:
    """Python is new enough, has 64 bits, and the environment is a virtual one."""
    version = ".".join(map(str, machine.python))
    if machine.python[:2] < OLDEST:
        return fault("Python", f"{version} is too old.", "Install Python 3.10 or newer, and make .venv with it anew.")
    if machine.bits < 64:
        return fault(
            "Python", f"{version} has {machine.bits} bits, for which there is no torch.", "Install the 64-bit one."
        )
    if not machine.environment:
        return warning("Python", f"{version}, and no virtual environment is active.", activate(machine))
    return ok("Python", f"{version}, in {Path(machine.environment).name}")


def activate(machine: Machine) -> str:
    """How to activate the environment."""
    return r".venv\Scripts\Activate.ps1" if machine.system == "Windows" else "source .venv/bin/activate"


def packages(machine: Machine, course: Course) -> Finding:
    """Everything that pyproject.toml asks for is installed, and new enough."""
    from packaging.requirements import Requirement

    try:
        project = tomllib.loads((course.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        wanted = [Requirement(text) for text in project.get("dependencies", [])]
    except (OSError, ValueError, KeyError) as error:
        return fault("packages", f"pyproject.toml cannot be read: {error}.", "Take it anew from the course.")
    wanted = [item for item in wanted if item.marker is None or item.marker.evaluate()]
    have = {item.name: machine.version(item.name) for item in wanted}
    missing = [name for name, version in have.items() if not version]
    old = [
        f"{item} (you have {have[item.name]})"
        for item in wanted
        if have[item.name] and not item.specifier.contains(have[item.name], True)
    ]
    if missing or old:
        lacking = [f"{', '.join(missing)} not installed"] * bool(missing) + [f"too old: {', '.join(old)}"] * bool(old)
        return fault("packages", "; ".join(lacking) + ".", AGAIN)
    return ok("packages", f"all {len(wanted)} that the course needs")


def torch(machine: Machine, course: Course) -> Finding:
    """torch can be imported."""
    said = machine.probe("versions")
    if "error" in said:
        version = machine.version("torch")
        if not version:
            return fault("torch", "It is not installed.", AGAIN)
        return fault("torch", f"{version} cannot be imported: {said['error']}.", _repair(machine))
    built = f"for CUDA {said['cuda']}" if said["cuda"] else "for ROCm" if said["hip"] else "for processors"
    return ok("torch", f"{said['torch']}, built {built}")


def _repair(machine: Machine) -> str:
    if machine.system == "Windows":
        return "Install Microsoft's Visual C++ Redistributable (x64); if that is no help: " + TOGETHER
    return "python -m pip install --force-reinstall torch torchvision"


def torchvision(machine: Machine, course: Course) -> Finding:
    """torchvision was made for this torch."""
    version, base = machine.version("torchvision"), machine.version("torch").partition("+")[0]
    if not version:
        return fault("torchvision", "It is not installed.", TOGETHER)
    pins = [
        found[1] for text in machine.requires("torchvision") if (found := re.match(r"torch\s*\(?==\s*([\w.]+)", text))
    ]
    if pins and base and pins[0].partition("+")[0] != base:
        return fault("torchvision", f"{version} was made for torch {pins[0]}, and you have torch {base}.", TOGETHER)
    said = machine.probe("vision")
    if isinstance(said, dict) and "error" not in machine.probe("versions"):
        return fault("torchvision", f"{version} does not fit torch {base}: {said['error']}.", TOGETHER)
    return ok("torchvision", f"{version}, made for this torch")


def compiler(machine: Machine, course: Course) -> Finding:
    """torch.compile finds a compiler and Python's headers."""
    names, install = COMPILERS.get(machine.system, COMPILERS["Linux"])
    chosen = machine.variables.get("CXX", "")
    found = machine.which(*([chosen] if chosen else []), *names)
    if not found:
        return warning("compiler", "There is no C++ compiler: torch.compile (day 10) will not work.", install)
    if machine.probe("compiler_headers") is False:
        return warning(
            "compiler", f"{found}, but Python.h is missing, which torch.compile needs.", "sudo apt install python3-dev"
        )
    return ok("compiler", f"{found}, for torch.compile")


def installation(machine: Machine, course: Course) -> Finding:
    """The course is installed from this folder, and as it is now."""
    folder = machine.installed_from()
    if folder is None:
        return warning("installation", "The course is not installed, so there is no command `course`.", AGAIN)
    if folder != course.root:
        return warning(
            "installation", f"`course` and imports come from {folder}, not from this copy.", f"Here: {AGAIN}"
        )
    have = {path.parent.name for path in course.root.glob("*/__init__.py")} | {"curriculum", "solutions"}
    mapped = machine.mapped()
    late = sorted(name for name in ("grader", "companion", "course_data", "capstone") if name in have - mapped)
    if mapped and late:
        return warning("installation", f"It is older than {', '.join(late)}, which came with an update.", AGAIN)
    return ok("installation", "editable, from this folder")


def plugin(machine: Machine, course: Course) -> Finding:
    """pytest loads the grader's plugin."""
    try:
        line = "grader.plugin" in (course.root / "conftest.py").read_text(encoding="utf-8")
    except OSError:
        line = False
    if not line:
        return fault(
            "pytest", "conftest.py does not load the grader.", 'It has one line: pytest_plugins = ["grader.plugin"]'
        )
    options = machine.variables.get("PYTEST_ADDOPTS", "")
    if "no:grader" in options or "noconftest" in options:
        return fault("pytest", f"PYTEST_ADDOPTS={options} keeps the grader out.", "Unset the variable PYTEST_ADDOPTS.")
    return ok("pytest", f"{machine.version('pytest')}, with the grader")


def git(machine: Machine, course: Course) -> Finding:
    """git keeps the learner's files when an update changes them too, and no merge is unfinished."""
    if (
        not machine.which("git")
        or machine.said("git", "rev-parse", "--is-inside-work-tree", folder=course.root) != "true"
    ):
        return ok("git", "not in use; reset and undo keep their own backups")
    folder = Path(machine.said("git", "rev-parse", "--absolute-git-dir", folder=course.root))
    if (folder / "MERGE_HEAD").exists() or any(folder.glob("rebase-*")):
        return warning("git", "A merge or rebase is not finished.", "git status says how to go on, or to take it back.")
    if not machine.said("git", "config", "user.email", folder=course.root):
        return warning("git", "It does not know who commits.", 'git config user.name "…" and git config user.email "…"')
    if machine.said("git", "config", "merge.mine.driver", folder=course.root) != "true":
        return warning(
            "git", "An update that changes a stub would run into your answer.", "git config merge.mine.driver true"
        )
    return ok("git", "it keeps your files when an update changes them too")


CHECKS = (python, packages, torch, torchvision, compiler, installation, plugin, git)
