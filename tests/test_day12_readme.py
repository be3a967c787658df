"""Day 12: which commands a README has, what is refused, and how they are run in a fresh place."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from capstone.config import Config
from companion.try_readme.command import in_markdown
from companion.try_readme.fresh import copy_repository
from companion.try_readme.running import FAILED, LATE, LEFT_OUT, RAN, REFUSED, Trial
from companion.try_readme.words import TINY, asked, shortened
from grader.commands import Command, commands_of, digest_of, read_report

README = """\
# Mine

```bash
python not_under_a_heading.py
```

## Installation

```console
$ git clone https://example.org/mine.git
Cloning into 'mine'...
$ cd mine
```

```powershell
.venv\\Scripts\\Activate.ps1
```

## How to train

<!--
```bash
python in_a_comment.py
```
-->

~~~sh
# the small one
python train.py \\
    --steps 3
~~~

### Training on a GPU

```
python train.py
```

## Licence

```bash
python after_a_heading_without_a_part.py
```

## Generating

    python indented.py

```bash
  python generate.py   # says something
```
"""


def test_the_commands_of_a_readme():
    assert [(command.part, command.line, command.text) for command in commands_of(README)] == [
        ("install", 10, "git clone https://example.org/mine.git"),
        ("install", 12, "cd mine"),
        ("train", 30, "python train.py --steps 3"),
        ("train", 36, "python train.py"),
        ("generate", 50, "python generate.py   # says something"),
    ]


def test_the_digest_is_of_the_commands_alone():
    digest = digest_of(commands_of(README))
    assert digest_of(commands_of(README.replace("Mine", "Ours").replace("# says", "  # says"))) == digest
    assert digest_of(commands_of(README.replace("--steps 3", "--steps 4"))) != digest
    assert digest_of(commands_of(README.replace("## Generating", "## Training more"))) != digest


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("rm -rf ~", "rm is never run from a README: it deletes."),
        ("sudo apt install git", "sudo is never run from a README: it needs an administrator."),
        ("curl https://x.org/a.sh | sh", "curl is never run from a README: it fetches what nobody has looked at."),
        ("python a.py && rm -rf build", "rm is never run from a README: it deletes."),
        ("/bin/rm x", "rm is never run from a README: it deletes."),
        ("python a.py; rm x", "“;” needs a shell, and rm deletes: write one plain command a line."),
        ("python a.py > log.txt", "“>” needs a shell: write one plain command a line."),
        ("python a.py &", "“&” needs a shell: write one plain command a line."),
        ("echo $(python a.py)", "needs a shell: write one plain command a line."),
        ("`python a.py`", "needs a shell: write one plain command a line."),
        ("python a.py $HOME", "a variable of the shell is in it: write what stands for it."),
        ("X=1 rm x", "rm is never run from a README: it deletes."),
        ("make train", "make is not run: it sets up an environment of its own: write the commands that it runs."),
        ("bash train.sh", "bash is not run: only python, pip, torchrun, pytest, git clone, cd and source are."),
        ("git push --force", "git is not run: only python, pip, torchrun, pytest, git clone, cd and source are."),
        ("python", "python alone waits for somebody."),
        ('python "a.py', "it cannot be read as a command: No closing quotation"),
    ],
)
def test_what_is_refused(line, says):
    refused = [each.refused for each in asked(Command("train", 1, line)) if each.refused]
    assert refused and says in refused[0]


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("python3 -m capstone.train --name mine  # an hour", "python", "-m capstone.train --name mine"),
        ("py -3 train.py", "python", "train.py"),
        ("pip install -e '.[dev]'", "python", "-m pip install -e .[dev]"),
        ("torchrun --standalone -m a.b", "python", "-m torch.distributed.run --standalone -m a.b"),
        ("course data get", "python", "-m curriculum data get"),
        ("python -m venv --clear .venv", "venv", ".venv"),
        ("source .venv/bin/activate", "activate", ".venv/bin/activate"),
        (". .venv/bin/activate", "activate", ".venv/bin/activate"),
        ("git clone --depth 1 https://x.org/a.git b", "clone", "https://x.org/a.git b"),
        ("cd a/b", "cd", "a/b"),
        ("export COURSE_DATA=/data", "set", ""),
        ('python g.py --prompt "a | b; c"', "python", "g.py --prompt a | b; c"),
    ],
)  # fmt: skip
def test_what_is_run(line, kind, words):
    (only,) = asked(Command("train", 1, line))
    assert (only.kind, " ".join(only.words), only.refused) == (kind, words, "")


def test_two_commands_in_a_line_and_a_variable():
    both = asked(Command("train", 1, "COURSE_DATA=/data python a.py && cd b"))
    assert [(each.kind, dict(each.settings)) for each in both] == [("python", {"COURSE_DATA": "/data"}), ("cd", {})]


def test_what_makes_a_training_tiny_are_options_of_the_capstone():
    options = {word.removeprefix("--").partition("=")[0].replace("-", "_") for word in TINY}
    assert options <= {field.name for field in fields(Config)}
    tiny = {
        name.removeprefix("--").replace("-", "_"): value for name, _, value in (word.partition("=") for word in TINY)
    }
    kinds = {field.name: field.type for field in fields(Config)}
    assert Config(**{name: int(value) if kinds[name] is int else value for name, value in tiny.items()}).faults() == []


@pytest.mark.parametrize(
    ("words", "added"),
    [
        ("-m capstone.train --name a", TINY),
        ("-m capstone.train --preset wikitext2-cpu", (*TINY, "--text=encyclopedia")),
        ("-m torch.distributed.run -m capstone.train --text mine.txt", TINY),
        ("-m capstone.train --resume a", ()),
        ("-m capstone.generate a", ("--tokens=12",)),
        ("train.py", ()),
    ],
)
def test_what_is_added(words, added):
    assert shortened(tuple(words.split())) == added


# really run


HELLO = """\
import os, sys
from pathlib import Path
print("hello from", Path.cwd().name, os.environ["TRY_README"], os.environ.get("MINE"))
print("prefix", sys.prefix)
Path("made.txt").write_text("x")
"""


@pytest.fixture
def repository(tmp_path):
    home = tmp_path / "home"
    (home / "repository").mkdir(parents=True)
    for name, text in {
        "hello.py": HELLO,
        "fail.py": "raise SystemExit('no such run')",
        "sleep.py": "import time; time.sleep(600)",
    }.items():
        (home / "repository" / name).write_text(text, encoding="utf-8")
    (tmp_path / "logs").mkdir()
    return home


def tried(home, text, limit=60.0):
    trial = Trial(home, home / "repository", home.parent / "logs", limit)
    return list(trial.run(commands_of(text)))


def in_blocks(install="", train="", generate=""):
    parts = (("Install", install), ("Train", train), ("Generate", generate))
    return "\n".join(f"## {name}\n\n```bash\n{lines}\n```\n" for name, lines in parts)


def test_a_stranger_gets_through(repository):
    text = in_blocks(
        "git clone https://example.org/mine.git\ncd mine\npython -m venv .venv\nsource .venv/bin/activate",
        "MINE=1 python hello.py",
        "python hello.py",
    )
    if sys.platform == "win32":
        text = text.replace(".venv/bin", ".venv/Scripts")
    outcomes = tried(repository, text)
    assert [outcome.state for outcome in outcomes] == [RAN] * 6
    assert outcomes[0].says == "a copy of your files stands for the clone"
    log = (repository.parent / "logs" / "05-train.log").read_text(encoding="utf-8")
    assert "hello from mine 1 1" in log
    assert f"prefix {repository / 'mine' / '.venv'}" in log
    assert (repository / "mine" / "made.txt").is_file()
    markdown = in_markdown(outcomes, digest_of(commands_of(text)), False)
    assert read_report(markdown) == (
        digest_of(commands_of(text)),
        dict.fromkeys(("install", "train", "generate"), "ran"),
    )


def test_packages_are_borrowed_and_what_fails_is_told(repository):
    text = in_blocks('python -c "import pytest"', "python fail.py", "python hello.py")
    borrowed, failed, left = tried(repository, text)
    assert (borrowed.state, failed.state, left.state) == (RAN, FAILED, LEFT_OUT)
    assert (failed.says, failed.output) == ("exit code 1", ("no such run",))
    assert left.says == f"line {failed.command.line} has to work first"
    states = read_report(in_markdown([borrowed, failed, left], "0123456789ab", False))[1]
    assert states == {"install": "ran", "train": "failed", "generate": "was not tried"}


def test_a_command_that_does_not_end_is_ended(repository):
    (late,) = tried(repository, in_blocks(train="python sleep.py"), limit=0.5)
    assert (late.state, late.says) == (LATE, "it was stopped after 0 seconds")


@pytest.mark.parametrize(
    ("line", "state", "says"),
    [
        ("rm -rf /", REFUSED, "rm is never run from a README"),
        ("cd ..", RAN, ""),
        ("cd ../..", FAILED, "there is no such folder"),
        ("cd nowhere", FAILED, "there is no such folder"),
        ("source .venv/bin/activate", FAILED, "it does not activate an environment that was made before"),
        ("git clone", FAILED, "git clone: what?"),
    ],
)
def test_places_and_refusals(repository, line, state, says):
    (outcome,) = tried(repository, in_blocks(line))
    assert outcome.state == state and says in outcome.says
    assert (repository / "repository" / "hello.py").exists() or state == RAN


def test_a_copy_has_what_git_would_take(tmp_path):
    root = tmp_path / "root"
    (root / "runs").mkdir(parents=True)
    for name in ("kept.py", "new.py", "runs/big.pt", ".venv.txt"):
        (root / name).write_text(name, encoding="utf-8")
    without = copy_repository(root, tmp_path / "without")
    assert (without.by_git, without.files) == (False, 3)  # runs/ is no part of a repository
    (root / ".gitignore").write_text("runs/\n", encoding="utf-8")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "kept.py", ".gitignore", ".venv.txt"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    copied = copy_repository(root, tmp_path / "copy")
    assert (copied.by_git, copied.files, copied.unseen) == (True, 4, ("new.py",))
    assert not (tmp_path / "copy" / "runs").exists()
    assert (tmp_path / "copy" / "new.py").read_text(encoding="utf-8") == "new.py"


def test_the_model_readme_was_really_tried():
    """Its table is what try-readme wrote: of these very commands."""
    text = (Path(__file__).parents[1] / "solutions/day12_report/README.md").read_text(encoding="utf-8")
    digest, states = read_report(text)
    assert digest == digest_of(commands_of(text))
    assert set(states.values()) == {"ran"}
    assert re.search(r"Tried on \d{4}-\d\d-\d\d with Python", text)
