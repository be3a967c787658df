"""A class of submissions that do what they should not: each costs its own mark, and nothing else."""

import csv
import io
import json
import os
import re
import shutil
import socket
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from companion import cli
from companion.grade import apart, nursery
from companion.grade.fence import Fence
from grader.loading import load_file

MINI = load_file(Path(__file__).parents[1] / "grader" / "course.py")
UNIT = MINI.SUMS
HOSTILE = load_file(Path(__file__).with_name("attacks.py"))
ATTACKS, LEFT_BEHIND = HOSTILE.ATTACKS, HOSTILE.LEFT_BEHIND


def tree(folder):
    """Every file below a folder, and what is in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def answers(**others):
    """The right answers of the unit, by file, with others in their places."""
    right = {f"{stem}.py": MINI.function(stem, "1.2", f"return {body}") for stem, (body, _) in MINI.SUM_PIECES.items()}
    return {**right, **others}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


class Graded:
    """A grading that was made: what was said, and what was kept."""

    def __init__(self, said, document):
        self.said, self.document = said, document
        self.of = {row["name"]: row for row in document["submissions"]}

    def marks(self, name):
        return {mark["check"]: mark for mark in self.of[name]["marks"]}


@pytest.fixture(scope="module")
def shared():
    """The process from which all others come, started once."""
    with pytest.MonkeyPatch.context() as patch:
        started = nursery.nursery(False)
        if not isinstance(started, nursery.Nursery):
            pytest.skip("here every process is started afresh, which takes minutes for two classes")
        close, started.close = started.close, lambda: None
        patch.setattr(apart, "nursery", lambda compiler: started)
        yield started
        close()


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return MINI.Course(tmp_path_factory.mktemp("home") / "course").root


def grade(course, folder, out, *options):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(course)
        patch.setenv("COLUMNS", "80")
        patch.setenv("NO_COLOR", "1")
        words = ["grade", folder, "--days", "week01", "--json", out, *options]
        done = CliRunner().invoke(cli.app, [str(word) for word in words], prog_name="course")
    assert done.exit_code == 0, done.output
    return Graded(done.stdout, json.loads(out.read_text("utf-8")))


@pytest.fixture(scope="module")
def graded(shared, course, tmp_path_factory):
    """The class, graded, and what the folders were like before and after. Where there is no fence, nobody tries."""
    if not Fence(**nursery.said_of(shared)).whole:
        pytest.skip("this system has no whole fence")
    folder = tmp_path_factory.mktemp("class")
    server = socket.create_server(("127.0.0.1", 0))
    places = {"COURSE": course, "OTHER": folder / "a good one" / UNIT, "PORT": server.getsockname()[1]}
    for name, (body, _, _) in ATTACKS.items():
        filled_in = re.sub("|".join(places), lambda word: str(places[word[0]]), body)
        write(folder / name / UNIT, answers(**{"scale.py": MINI.function("scale", "1.1", filled_in)}))
    write(folder / "a good one" / UNIT, answers())
    if shutil.which("git"):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "a")):
            subprocess.run(["git", *words], cwd=course, check=True)
    before, out = (tree(course), tree(folder)), tmp_path_factory.mktemp("out") / "marks.json"
    found = grade(course, folder, out, "--seed", 11, "--time", 2, "--memory", 512, "--jobs", 6)
    server.setblocking(False)
    with server, pytest.raises(BlockingIOError):
        server.accept()
    found.before, found.after = before, (tree(course), tree(folder))
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_it_costs_its_own_mark(graded, name):
    _, state, says = ATTACKS[name]
    marks = graded.marks(name)
    scale = marks.pop("test_twice_the_input")
    assert (scale["state"], says in scale["says"]) == (state, True), scale
    assert {mark["state"] for mark in marks.values()} == {"passed"}


def test_nobody_else_pays(graded):
    assert graded.of["a good one"]["points"] == graded.of["a good one"]["of"] == 6
    assert graded.before == graded.after


def test_nothing_is_left_running(graded):
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not [line for line in lines if LEFT_BEHIND.encode() in line]


def archive_of(files, way):
    """A zip or a tar with these files in it."""
    held = io.BytesIO()
    if way == "zip":
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    else:
        with tarfile.open(fileobj=held, mode="w:gz") as archive:
            for name, text in files.items():
                content = text.encode()
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()


def in_folder(name, files=None):
    return {f"{name}/{file}": text for file, text in (files or answers()).items()}


LATIN = MINI.function("scale", "1.1", "return 2 * x  # größer").encode("latin-1")
BOMB = "#" * 50_000_000
# What is handed in: below a folder of that name, or as an archive. Then the points, and what is noted.
HANDED_IN = {
    "spaces and Ümläute 学生": (in_folder(UNIT), 6, ""),
    "two\nlines": (in_folder(UNIT), 6, ""),
    "=SUM(A1)": (in_folder(UNIT), 6, ""),
    "red \x1b[31m": (in_folder(UNIT), 6, ""),
    "short names": (in_folder("week01"), 6, ""),
    "further below": (in_folder(f"mine/gpt-main/curriculum/{UNIT}"), 6, ""),
    "a whole course": (
        in_folder(f"curriculum/{UNIT}") | in_folder(f"solutions/{UNIT}", answers(**{"scale.py": "x"})) | {".git/x": ""},
        6,
        "",
    ),
    "two copies": (in_folder(UNIT) | {f"old/{UNIT}/scale.py": "x"}, 6, "There are 2 copies of the course in it"),
    "loose files": (answers(), 6, ""),
    "says that it is Latin-1": (in_folder(UNIT, answers(**{"scale.py": b"# coding: latin-1\n" + LATIN})), 6, ""),
    "does not say it": (in_folder(UNIT, answers(**{"scale.py": LATIN})), 5, ""),
    "deep": (in_folder(UNIT, answers(**{"scale.py": "x = " + "-" * 200_000 + "1"})), 5, ""),
    "zeros": (in_folder(UNIT, answers(**{"scale.py": b"\0" * 100})), 5, ""),
    "large": (in_folder(UNIT, answers(**{"scale.py": "#" * 1_000_001})), 5, "is larger than 1,000,000 bytes"),
    "one file": ({f"{UNIT}/rows.py": answers()["rows.py"]}, 1, ""),
    "nothing": ({}, 0, "There is nothing of the course in it"),
    "zipped.zip": (archive_of(in_folder(f"gpt-main/{UNIT}"), "zip"), 6, ""),
    "packed.tar.gz": (archive_of(in_folder(f"curriculum/{UNIT}"), "tar"), 6, ""),
    "from a platform": ({"answer.zip": archive_of(in_folder(UNIT), "zip")}, 6, ""),
    "leads out.zip": (
        archive_of(in_folder(UNIT) | in_folder("../../class/good/" + UNIT) | {"/tmp/scale.py": "x"}, "zip"),
        6,
        "6 of the names in its archive lead out of it",
    ),
    "bomb.zip": (archive_of(in_folder(UNIT, answers(**{"scale.py": BOMB})), "zip"), 5, "is larger than 1,000,000"),
    "broken.zip": (b"PK\3\4 and then nothing", 0, "broken.zip cannot be opened"),
}


def name_of(handed_in):
    return handed_in.removesuffix(".zip").removesuffix(".tar.gz").replace("\n", "\\n").replace("\x1b", "\\x1b")


@pytest.fixture(scope="module")
def odd(shared, course, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    for name, (files, _, _) in HANDED_IN.items():
        if isinstance(files, bytes):
            write(folder, {name: files})
        else:
            (folder / name).mkdir()
            write(folder / name, files)
    write(folder / "linked" / UNIT, {**answers(), "scale.py": ""})
    (folder / "linked" / UNIT / "scale.py").unlink()
    (folder / "linked" / UNIT / "scale.py").symlink_to(course / "solutions" / UNIT / "scale.py")
    (folder / "all linked").mkdir()
    (folder / "all linked" / UNIT).symlink_to(course / "solutions" / UNIT, target_is_directory=True)
    out = tmp_path_factory.mktemp("out") / "marks.json"
    found = grade(course, folder, out, "--seed", 11, "--csv", out.with_suffix(".csv"), "--jobs", 2)
    found.table = list(csv.reader(out.with_suffix(".csv").read_text("utf-8-sig").splitlines(keepends=True)))
    return found


@pytest.mark.parametrize("name", HANDED_IN)
def test_what_is_handed_in_is_found(odd, name):
    _, points, note = HANDED_IN[name]
    one = odd.of[name_of(name)]
    assert (one["points"], note in " ".join(one["notes"]), bool(one["notes"])) == (points, True, bool(note)), one


def test_links_out_of_a_submission_are_left_out(odd):
    assert (odd.of["linked"]["points"], odd.of["all linked"]["points"]) == (5, 0)
    assert odd.of["linked"]["notes"] == [f"curriculum/{UNIT}/scale.py is no file of its own, and was left out."]
    assert odd.of["all linked"]["notes"][0] == f"{UNIT} is a link, and what it leads to was left out."


def test_no_name_paints_on_the_terminal_or_is_a_formula(odd):
    assert "\x1b" not in odd.said and "red \\x1b[31m" in odd.said
    assert max(map(len, odd.said.splitlines())) <= 80
    rows = {row[0] for row in odd.table[1:]}
    assert "'=SUM(A1)" in rows and "two\\nlines" in rows
    assert all(len(row) == len(odd.table[0]) for row in odd.table)


@pytest.fixture(scope="module")
def unfenced(shared, course, tmp_path_factory):
    """Some of them, on a system that has no fence."""
    folder = tmp_path_factory.mktemp("open")
    for name in ("imports it by a trick", "edits a check by a shell", "kills its parent", "knows the numbers"):
        write(folder / name / UNIT, answers(**{"scale.py": MINI.function("scale", "1.1", ATTACKS[name][0])}))
    write(folder / "a good one" / UNIT, answers())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apart, "said_of", lambda starter: {})
        return grade(course, folder, tmp_path_factory.mktemp("out") / "marks.json", "--seed", 11, "--time", 1)


@pytest.mark.parametrize(
    ("name", "state", "points"),
    [
        ("imports it by a trick", "imports the reference", 5),
        ("edits a check by a shell", "edits the checks", 0),
        ("kills its parent", "crashed", 5),
        ("knows the numbers", "right for the examples only", 5),
        ("a good one", "passed", 6),
    ],
)
def test_without_a_fence_much_is_still_noticed(unfenced, name, state, points):
    assert "Within reach of submissions on this system: the network, your processes" in unfenced.said
    assert (unfenced.marks(name)["test_twice_the_input"]["state"], unfenced.of[name]["points"]) == (state, points)
