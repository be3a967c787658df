"""Every ailment that the doctor knows, on a machine that has it; and nothing on a healthy one."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from companion.course import the_course
from companion.doctor import command, files, hardware, software
from companion.doctor.finding import FAULT, OK, WARNING
from companion.doctor.machine import Machine

HEALTHY = {
    "versions": {"torch": "2.14.1", "cuda": None, "hip": None, "file": ""},
    "vision": "0.29.1",
    "cuda": {"devices": [], "mps": False},
    "processor": {"amx_tile": False, "avx512_bf16": True, "threads": 2},
    "compiler_headers": True,
    "gloo": 3,
}
GIT = {"git rev-parse --is-inside-work-tree": "true", "git rev-parse --absolute-git-dir": "/nowhere/.git",
       "git config user.email": "a@b", "git config merge.mine.driver": "true"}  # fmt: skip
CARD = "nvidia-smi --query-gpu=name,driver_version --format=csv,noheader"
BROKEN = {"error": "OSError: libtorch.so: cannot open"}


@dataclass
class Patient(Machine):
    """A healthy machine, but for what a test says."""

    system: str = "Linux"
    python: tuple[int, ...] = (3, 12, 1)
    environment: str = "/home/a/.venv"
    variables: dict = field(default_factory=dict)
    encoding: str = "utf-8"
    cores: int = 8
    memory: float = 16e9
    probes: dict | None = field(default_factory=lambda: dict(HEALTHY))
    programs: tuple[str, ...] = ("c++", "git", "cl")
    prints: dict = field(default_factory=lambda: dict(GIT))
    packages: dict = field(default_factory=lambda: {"torch": "2.14.1", "torchvision": "0.29.1", "pytest": "9.0"})
    needs: dict = field(default_factory=lambda: {"torchvision": ["numpy", "torch==2.14.1"]})
    folder: Path | None = None
    knows: frozenset[str] = frozenset()
    taken: tuple[int, ...] = ()
    free: float = 50e9
    closed: tuple[str, ...] = ()

    def which(self, *commands):
        return next((name for name in commands if name in self.programs), "")

    def said(self, *command, folder=None):
        return self.prints.get(" ".join(command), "")

    def version(self, package):
        return self.packages.get(package, "")

    def requires(self, package):
        return self.needs.get(package, [])

    def installed_from(self):
        return self.folder

    def mapped(self):
        return set(self.knows)

    def port_is_free(self, port):
        return port not in self.taken

    def free_bytes(self, folder):
        return int(self.free)

    def can_write(self, folder):
        return not str(folder).endswith(self.closed) if self.closed else True


def probes(**changed):
    return {**HEALTHY, **changed}


def examine(check, patient, course=None):
    return check(patient, course or the_course())


@pytest.fixture
def healthy(course, monkeypatch, tmp_path):
    """A course that lacks nothing, with a data folder and a cache of its own."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / "cifar-10-batches-py").mkdir()
    project = '[project]\ndependencies = ["torch>=2.11", "pytest", "tomli; python_version < \'3\'"]\n'
    course.write({"pyproject.toml": project, "progress.md": "# Progress\n"})
    for unit in ("week01_sums", "week02_faults"):
        for solution in (course.root / "solutions" / unit).glob("*.py"):
            stub = course.root / "curriculum" / unit / solution.name
            if solution.stem != "mistakes" and not stub.exists():
                course.write({f"curriculum/{unit}/{solution.name}": "x = 1\n"})
    return course


def test_nothing_is_found_on_a_healthy_machine(healthy):
    course = the_course()
    patient = Patient(folder=course.root)
    for checks in command.GROUPS.values():
        assert [(found.name, found.says) for check in checks if (found := check(patient, course)).state != OK] == []


AILMENTS = [
    (software.python, {"python": (3, 9, 2)}, FAULT, "3.9.2 is too old", "Install Python 3.10"),
    (software.python, {"bits": 32}, FAULT, "32 bits", "64-bit"),
    (software.python, {"environment": ""}, WARNING, "no virtual environment", "source .venv/bin/activate"),
    (software.python, {"environment": "", "system": "Windows"}, WARNING, "no virtual", r".venv\Scripts\Activate.ps1"),
    (software.packages, {"packages": {"torch": "2.14.1"}}, FAULT, "pytest not installed", "pip install -e ."),
    (software.packages, {"packages": {"torch": "2.9.0", "pytest": "9"}}, FAULT,
     "too old: torch>=2.11 (you have 2.9.0)", "pip"),
    (software.torch, {"packages": {}, "probes": probes(versions=BROKEN)}, FAULT, "not installed", "pip install -e ."),
    (software.torch, {"probes": probes(versions=BROKEN)}, FAULT, "libtorch.so: cannot open", "--force-reinstall"),
    (software.torch, {"probes": probes(versions=BROKEN), "system": "Windows"}, FAULT,
     "cannot be imported", "Visual C++"),
    (software.torch, {"probes": {"died": "Illegal instruction"}}, FAULT, "Illegal instruction", "torch"),
    (software.torchvision, {"packages": {"torch": "2.14.1"}}, FAULT, "not installed", "torch torchvision"),
    (software.torchvision, {"needs": {"torchvision": ["torch (==2.13.0)"]}}, FAULT,
     "made for torch 2.13.0", "torch torchvision"),
    (software.torchvision, {"probes": probes(vision={"error": "operator torchvision::nms does not exist"})}, FAULT,
     "nms does not exist", "torch torchvision"),
    (software.compiler, {"programs": ()}, WARNING, "no C++ compiler", "sudo apt install g++"),
    (software.compiler, {"programs": (), "system": "Darwin"}, WARNING, "no C++ compiler", "xcode-select"),
    (software.compiler, {"programs": (), "system": "Windows"}, WARNING, "no C++ compiler", "Build Tools"),
    (software.compiler, {"probes": probes(compiler_headers=False)}, WARNING, "Python.h is missing", "python3-dev"),
    (software.installation, {}, WARNING, "no command `course`", "pip install -e ."),
    (software.installation, {"folder": Path("/elsewhere")}, WARNING, "come from", "pip install -e ."),
    (software.plugin, {"variables": {"PYTEST_ADDOPTS": "-p no:grader"}}, FAULT,
     "keeps the grader out", "PYTEST_ADDOPTS"),
    (software.git, {"prints": {**GIT, "git config user.email": ""}}, WARNING, "who commits", "git config user.name"),
    (software.git, {"prints": {**GIT, "git config merge.mine.driver": ""}}, WARNING,
     "run into your answer", "merge.mine.driver"),
    (hardware.processor, {"memory": 2e9}, WARNING, "2 GB of memory", "small presets"),
    (hardware.gpu, {"probes": probes(cuda={"error": "RuntimeError: no kernel image"})}, FAULT,
     "no kernel image", "pytorch.org"),
    (hardware.gpu, {"prints": {CARD: "H100, 500"}}, WARNING,
     "H100, 500: torch is the build for processors", "pytorch.org"),
    (hardware.gpu, {"prints": {CARD: "K80, 300"},
     "probes": probes(versions={"torch": "2", "cuda": "13.0"})}, WARNING, "driver is too old for CUDA 13.0", "driver"),
    (hardware.gloo, {"probes": probes(gloo={"error": "Connection refused"})}, FAULT,
     "Connection refused", "GLOO_SOCKET_IFNAME=lo,"),
    (hardware.gloo, {"probes": probes(gloo={"error": "x"}), "system": "Windows"}, FAULT, "days 6 and 9", "firewall"),
    (hardware.gloo, {"probes": probes(gloo=2)}, FAULT, "1 + 2 gave 2", "GLOO"),
    (hardware.ports, {"taken": (29500,)}, WARNING, "listens on 29500", "--standalone"),
    (hardware.disk, {"free": 1e8}, FAULT, "100 MB are left", "Make room"),
    (hardware.disk, {"free": 1e9}, WARNING, "1.0 GB are left", "2 GB"),
    (hardware.shared_memory, {"free": 64e6}, WARNING, "/dev/shm has 64 MB", "--shm-size"),
    (hardware.terminal, {"encoding": "cp1252"}, WARNING, "cp1252, lacks", "PYTHONUTF8"),
    (hardware.terminal, {"encoding": "cp1252", "system": "Windows"}, WARNING, "cp1252", "$env:PYTHONUTF8"),
    (files.folder, {"closed": ("course",)}, FAULT, "Nothing can be written in", "folder of your own"),
    (files.folder, {"closed": (".course",)}, FAULT, ".course", "right to write"),
    (files.data, {"variables": {"COURSE_DATA": "/nowhere/data"}}, FAULT, "/nowhere/data", "Correct the variable"),
    (files.data, {"closed": ("cache",)}, FAULT, "cache", "COURSE_CACHE"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "changed", "state", "says", "do"), AILMENTS)
def test_an_ailment_is_found_and_told_with_what_to_do(healthy, check, changed, state, says, do):
    found = examine(check, Patient(**changed))
    assert (found.state, says in found.says, do in found.do) == (state, True, True), found
    assert found.says[-1] in ".", "a sentence ends with a full stop"


STUB = "curriculum/week01_sums/rows.py"
WOUNDS = [
    (files.missing, {STUB: None}, FAULT, f"{STUB} is missing.", "course reset rows.py"),
    (files.missing, {"curriculum/week01_sums/rows.new.py": "x = 1\n"}, WARNING,
     "rows.new.py came with an update", "delete it"),
    (files.text, {STUB: "def rows(x): …".encode("utf-16")}, FAULT, f"{STUB} is UTF-16", "UTF-8"),
    (files.text, {STUB: b"a = 1\nb = '\xe9'\n"}, FAULT, "is not UTF-8: look at line 2", "UTF-8"),
    (files.text, {STUB: b"\xef\xbb\xbfa = 1\n"}, WARNING, "byte order mark", "without BOM"),
    (files.text, {STUB: b"a = 1\r\nb = 2\n"}, WARNING, "mixes the ends of lines", "one kind"),
    (files.text, {STUB: "a = 1\n<<<<<<< HEAD\n"}, FAULT, "marks of a conflict", "git checkout --ours"),
    (software.plugin, {"conftest.py": "\n"}, FAULT, "does not load the grader", "pytest_plugins"),
    (software.packages, {"pyproject.toml": "[project"}, FAULT, "cannot be read", "anew"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "written", "state", "says", "do"), WOUNDS)
def test_a_wound_of_the_folder_is_found(healthy, check, written, state, says, do):
    healthy.write(written)
    found = examine(check, Patient())
    assert (found.state, says in found.says, do in found.do) == (state, True, True), found


@pytest.mark.parametrize(("system", "do"), [("Linux", "chmod u+w"), ("Windows", "attrib -R")])
def test_a_read_only_file_is_found(healthy, system, do):
    (healthy.root / STUB).chmod(0o444)
    found = examine(files.permissions, Patient(system=system))
    assert (found.state, found.says, found.do) == (FAULT, f"{STUB} is read-only.", f"{do} {STUB}")


def test_windows_own_line_ends_are_no_ailment(healthy):
    healthy.write({STUB: b"a = 1\r\nb = 2\r\n"})
    assert examine(files.text, Patient()).state == OK


@pytest.mark.parametrize("name", ["OneDrive", "a" * 120])
def test_a_folder_where_windows_gets_in_the_way(healthy, name):
    course = the_course()
    moved = type(course)(course.root / name, course.units)
    assert examine(files.folder, Patient(system="Windows"), moved).state == WARNING


def test_no_data_at_all_is_a_warning(healthy, tmp_path):
    (tmp_path / "cifar-10-batches-py").rmdir()
    assert examine(files.data, Patient()).state == WARNING


def test_an_installation_that_is_older_than_a_package(healthy):
    for name in ("grader", "companion"):
        healthy.write({f"{name}/__init__.py": ""})
    patient = Patient(folder=the_course().root, knows=frozenset({"grader", "curriculum"}))
    assert "older than companion" in examine(software.installation, patient).says


def test_an_unfinished_merge_is_found(healthy, tmp_path):
    (tmp_path / "MERGE_HEAD").write_text("")
    patient = Patient(prints={**GIT, "git rev-parse --absolute-git-dir": str(tmp_path)})
    assert "not finished" in examine(software.git, patient).says


def test_without_git_nothing_is_wrong(healthy):
    assert examine(software.git, Patient(programs=())).state == OK
    assert examine(software.git, Patient(prints={})).state == OK


def test_what_cannot_be_asked_without_torch_is_no_second_fault(healthy):
    patient = Patient(probes={"died": "ImportError"})
    states = [
        examine(check, patient).state
        for check in (hardware.gpu, hardware.gloo, hardware.processor, software.torchvision)
    ]
    assert states == [OK, OK, OK, OK]


def test_a_gpu_is_named(healthy):
    card = {"devices": ["H100"], "gigabytes": [80], "bf16": True, "mps": False}
    assert examine(hardware.gpu, Patient(probes=probes(cuda=card))).says == "H100, 80 GB, with bfloat16"
    assert "Apple's" in examine(hardware.gpu, Patient(probes=probes(cuda={"devices": [], "mps": True}))).says
