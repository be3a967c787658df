"""Learner files that would harm whoever runs them, and what is to be said of each.

Every case is one file of the unit `week03_hostile`, which should hold `double(x)`, that gives 2 x.
"""

import os
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

UNIT = "week03_hostile"
PASSED, CRASHED, VALUES, TYPE, SHAPE = "passed", "crashed", "wrong values", "wrong type", "wrong shape"
RIGHT = "def double(x):\n    return 2 * x\n"


@dataclass(frozen=True)
class Case:
    """What stands in the learner's file, the state of its check, and phrases that the learner must read.

    Args:
        content: a source, bytes, or a function that puts something else in the file's place.
        endless: nothing but the limit of time ends it.
    """

    content: str | bytes | Callable[[Path], object]
    state: str
    says: tuple[str, ...] = ()
    endless: bool = False

    def put(self, path: Path) -> None:
        if callable(self.content):
            self.content(path)
        else:
            path.write_bytes(self.content if isinstance(self.content, bytes) else self.content.encode())


def importing(source: str, state: str = PASSED, *says: str, endless: bool = False) -> Case:
    """A right function, and something that happens when its file is imported."""
    return Case(f"{_dedent(source)}\n\n{RIGHT}", state, says, endless)


def calling(body: str, state: str, *says: str, before: str = "") -> Case:
    """A function with this body."""
    return Case(f"{_dedent(before)}\n\ndef double(x):\n{textwrap.indent(_dedent(body), '    ')}", state, says)


def _dedent(source: str) -> str:
    return textwrap.dedent(source).strip("\n") + "\n"


NO_TEXT = "the file is not UTF-8 text: save it as UTF-8"
TOO_DEEP = "something is nested too deeply for Python to read it"
FILES: Mapping[str, Case] = {
    "nonsense": Case(bytes(range(256)) * 20, CRASHED, (NO_TEXT,)),
    "latin": Case("# é\n".encode("latin-1") + RIGHT.encode(), CRASHED, (NO_TEXT,)),
    "empty": Case(b"", CRASHED, ("There is no double in empty.py: was it renamed, or deleted?",)),
    "nul": Case(RIGHT.encode() + b"\0\0\0", CRASHED, ("null bytes in the file", "save it anew")),
    "bom": Case(b"\xef\xbb\xbf" + RIGHT.replace("\n", "\r\n").encode(), PASSED),
    "old_mac": Case(RIGHT.replace("\n", "\r").encode(), PASSED),
    "tabs": Case(
        "def double(x):\n        y = x\n\treturn y + x\n", CRASHED, ("TabError", "line 3", "use four spaces everywhere")
    ),
    "enormous": Case(f"# {'as long as a book ' * 1000}\n" * 300 + RIGHT, PASSED),
    "brackets": Case("x = " + "(" * 3000 + ")" * 3000 + "\n" + RIGHT, CRASHED, ("too many nested parentheses",)),
    "minus": Case("x = " + "-" * 10_000 + "1\n" + RIGHT, CRASHED, (TOO_DEEP,)),
    "additions": Case("x = " + "1+" * 10_000 + "1\n" + RIGHT, CRASHED, (TOO_DEEP,)),
    "one_line": Case("x = '" + "a" * 1_000_000 + "'; undefined\n" + RIGHT, CRASHED, ("NameError", "line 1: x = 'aaa")),
    "folder": Case(Path.mkdir, CRASHED, ("folder.py is a folder, and should be a file",)),
    "broken_link": Case(
        lambda path: path.symlink_to("gone.py"), CRASHED, ("broken_link.py is a link that leads to no file (gone.py)",)
    ),
    "link_loop": Case(lambda path: path.symlink_to(path.name), CRASHED, ("is a link that leads to no file",)),
    "pipe": Case(lambda path: os.mkfifo(path), CRASHED, ("pipe.py is not a file that can be read from",)),
    "linked": Case(lambda path: path.symlink_to(f"../../solutions/{UNIT}/{path.name}"), PASSED),
}

SPIN = """
import threading

def spin():
    while True:
        pass

threading.Thread(target=spin, daemon=True).start()
"""
CHILD = """
import os
import time

if os.fork() == 0:
    with open(__file__ + ".pid", "w") as file:
        file.write(str(os.getpid()))
    while True:
        time.sleep(1)
"""
PROGRAM = """
import subprocess

with open(__file__ + ".pid", "w") as file:
    file.write(str(subprocess.Popen(["sleep", "1000"]).pid))
"""
HANDLERS = """
import signal

for name in ("SIGALRM", "SIGPROF", "SIGTERM", "SIGINT"):
    signal.signal(getattr(signal, name), lambda *_: None)
"""
MODE = """
from torch.overrides import TorchFunctionMode

class Nothing(TorchFunctionMode):
    def __torch_function__(self, *_):
        return 0

Nothing().__enter__()
"""
ENDLESS = "No answer after "
IMPORTS: Mapping[str, Case] = {
    "ends": importing("import os\nos._exit(0)", CRASHED, "os._exit() does that"),
    "exits": importing("import sys\nsys.exit('bye')", CRASHED, "sys.exit(bye) was called", "exits.py, line 2"),
    "endless": importing("while True:\n    pass", CRASHED, ENDLESS, "endless.py, line", endless=True),
    "floods": importing("while True:\n    print('la')", CRASHED, ENDLESS, "Your code printed: la la", endless=True),
    "asks": importing("name = input('Who are you? ')", CRASHED, "Nobody answers input()", "asks.py, line 1"),
    "sleeps": importing(
        "import time\ntime.sleep(1000)", CRASHED, "does it wait for something?", "sleeps.py, line 2", endless=True
    ),
    "forks": importing("import os\nos.fork()"),
    "child_stays": importing(CHILD),
    "program_stays": importing(PROGRAM),
    "thread_spins": importing(SPIN),
    "thread_waits": importing("import threading\nthreading.Timer(1000, print).start()"),
    "moves": importing("import os\nos.chdir('/')"),
    "closes_all": importing("import os\nos.closerange(0, 256)", CRASHED, "a file closes what it has not opened"),
    "closes_screen": importing("import os\nos.close(1)\nos.close(2)"),
    "closes_stdout": importing("import sys\nsys.stdout.close()"),
    "no_stdout": importing("import sys\nsys.stdout = sys.stderr = None"),
    "alarm": importing("import signal\nsignal.alarm(1)"),
    "handlers": importing(HANDLERS),
    "no_path": importing("import sys\nsys.path.clear()\nsys.meta_path.clear()"),
    "shallow": importing("import sys\nsys.setrecursionlimit(150)"),
    "too_shallow": importing("import sys\nsys.setrecursionlimit(20)", CRASHED, "the limit is too low", "line 2"),
    "dtype": importing("import torch\ntorch.set_default_dtype(torch.float64)"),
    "device": importing("import torch\ntorch.set_default_device('meta')"),
    "no_grad": importing("import torch\ntorch.set_grad_enabled(False)"),
    "autocast": importing("import torch\ntorch.autocast('cpu').__enter__()"),
    "mode": importing(MODE),
    "threads": importing("import torch\ntorch.set_num_threads(2)"),
    "seeds": importing("import random\nimport torch\nrandom.seed(7)\ntorch.default_generator.manual_seed(7)"),
    "environment": importing("import os\nos.environ.clear()\nos.environ['COURSE_SEED'] = 'x'"),
    "warnings": importing("import warnings\nwarnings.simplefilter('error')"),
    "excepthook": importing("import sys\nsys.excepthook = sys.displayhook = None"),
    "traced": importing(
        "import sys\nsys.settrace(lambda *_: 1 / 0)", CRASHED, "ZeroDivisionError", "traced.py, line 2"
    ),
}

LIES = """
import torch

class Liar(torch.Tensor):
    shape = torch.Size([7])

    @classmethod
    def __torch_function__(cls, *_, **__):
        return True
"""
WRAPPED = """
import torch

class Wrapped(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, *_, **__):
        return torch.ones(3, 3)
"""
ALWAYS = """
class Always:
    __eq__ = lambda *_: True
    __hash__ = None

    def __repr__(self):
        raise ValueError("no")
"""
KEY = """
class Key:
    def __repr__(self):
        raise ValueError("no")
"""
OPAQUE = """
class Opaque:
    def __getattribute__(self, name):
        raise RuntimeError("never")
"""
RESULTS: Mapping[str, Case] = {
    "generator": calling("yield 2 * x", TYPE, "it is an object of the class generator"),
    "lazy": calling("return lambda: 2 * x", TYPE, "it is an object of the class function"),
    "endless_list": calling(
        "kept = []\nkept.append(kept)\nreturn kept", CRASHED, "doubled holds itself, or goes on without an end"
    ),
    "expanded": calling("return (2 * x).expand(10**9, 3, 3)", SHAPE, "its shape is (1000000000, 3, 3)"),
    "parameter": calling("return torch.nn.Parameter(2 * x)", PASSED, before="import torch"),
    "sparse": calling("return (2 * x).to_sparse()", TYPE, "it is a sparse_coo tensor; expected an ordinary one"),
    "nested": calling(
        "return torch.nested.nested_tensor([2 * x, x])", TYPE, "it is a nested tensor", before="import torch"
    ),
    "lies": calling("return (3 * x).as_subclass(Liar)", VALUES, "1.5 times the expected one", before=LIES),
    "lies_of_right": calling("return (2 * x).as_subclass(Liar)", PASSED, before=LIES),
    "wraps": calling(
        "return Wrapped._make_wrapper_subclass(Wrapped, (3, 3))",
        CRASHED,
        "a Wrapped makes its own values up: give a plain tensor",
        before=WRAPPED,
    ),
    "equal": calling("return Always()", TYPE, "it is an object of the class Always", before=ALWAYS),
    "pretends": calling(
        "return Pretends()",
        CRASHED,
        "an object of the class Pretends says that it is a tensor, and is none",
        before="import torch\n\nclass Pretends:\n    __class__ = torch.Tensor",
    ),
    "opaque": calling("return Opaque()", CRASHED, "RuntimeError: never", "in __getattribute__", before=OPAQUE),
    "key": calling("return {Key(): 1}", CRASHED, "ValueError: no", "in __repr__", before=KEY),
}

SPEECHLESS = """
class Speechless(Exception):
    def __str__(self):
        raise ValueError("no")
"""
TEXT = """
class Text(str):
    def __str__(self):
        return self
"""
RAISES: Mapping[str, Case] = {
    "base": calling("raise Own('mine')", CRASHED, "Own: mine", before="class Own(BaseException):\n    pass"),
    "interrupts": calling("raise KeyboardInterrupt", CRASHED, "KeyboardInterrupt", "interrupts.py, line 5"),
    "stops": calling("raise StopIteration('over')", CRASHED, "StopIteration: over"),
    "leaves": calling("raise GeneratorExit", CRASHED, "GeneratorExit"),
    "speechless": calling("raise Speechless", CRASHED, "its __str__ raises ValueError", "in double", before=SPEECHLESS),
    "own_text": calling("raise Exception(Text('mine'))", CRASHED, "Exception: mine", before=TEXT),
    "executed": calling("exec('raise ValueError(1)')", CRASHED, "ValueError: 1", "executed.py, line 5"),
    "no_trace": calling(
        "raise Bare('bare')", CRASHED, "Bare: bare", before="class Bare(Exception):\n    __traceback__ = None"
    ),
    "escapes": calling(
        r"raise ValueError('\x1b[2J\x07\udcff! The screen is gone')", CRASHED, "ValueError: ��! The screen is gone"
    ),
    "paints": calling(
        r"print('\x1b[2J\x1b[31mred\x1b]0;title\x07\udcff!')" + "\nreturn x", VALUES, "Your code printed: red�]0;title�"
    ),
    "talks": calling("raise ValueError('x' * 10**6)", CRASHED, "ValueError: xxx", "talks.py, line 5"),
    "deep": calling(
        "sys.setrecursionlimit(10**9)\nfor _ in range(10**5):\n    x = [x]\nreturn repr(x)",
        CRASHED,
        "The Python interpreter itself went down (SIGSEGV)",
        "deep.py, line 8, in double, was running",
        before="import sys",
    ),
    "check_error": calling(
        "raise CheckError('no')", CRASHED, "CheckError: no", before="from grader.comparison import CheckError"
    ),
}

NOT_ITS_OWN = "One of the files changes what is not its own: "
CHANGES: Mapping[str, Case] = {
    "all_close": importing(
        "import torch\ntorch.allclose = torch.equal = torch.isclose = lambda *_, **__: torch.tensor(True)",
        CRASHED,
        "One of the files changes torch itself: torch.allclose, torch.equal, torch.isclose.",
    ),
    "tensors_equal": importing(
        "import torch\ntorch.Tensor.__eq__ = lambda *_: torch.tensor(True)", CRASHED, "torch.Tensor.__eq__"
    ),
    "unseeded": importing("import torch\ntorch.manual_seed = lambda *_: None", CRASHED, "torch.manual_seed"),
    "linear": importing("import torch\ntorch.nn.Linear.forward = lambda _, x: x", CRASHED, "torch.nn.Linear.forward"),
    "later": calling("import builtins\nbuiltins.len = lambda _: 7\nreturn 3 * x", CRASHED, NOT_ITS_OWN, "builtins.len"),
    "no_builtins": importing("import builtins as b\nb.len = b.zip = b.vars = None", CRASHED, "builtins.len"),
    "silent": importing("import builtins\nbuiltins.print = builtins.open = None", CRASHED, "builtins.print"),
    "clock": importing("import time\ntime.time = lambda: 0", CRASHED, NOT_ITS_OWN + "time.time"),
    "dice": importing("import random\nrandom.seed = lambda *_: 0", CRASHED, NOT_ITS_OWN + "random.seed"),
    "false_torch": importing("import sys\nsys.modules['torch'] = None", CRASHED, NOT_ITS_OWN + "sys.modules['torch']"),
    "grader": importing(
        "import grader.differences\ngrader.differences.difference = lambda *_, **__: None",
        CRASHED,
        NOT_ITS_OWN + "grader.differences.difference",
    ),
    "bench": importing("from grader.bench import Bench\nBench.failure = None", CRASHED, "grader.bench.Bench.failure"),
    "pytest": importing("import pytest\npytest.fail = pytest.main = None"),
}

WRITES: Mapping[str, Case] = {
    "deletes_itself": importing("import os\nos.remove(__file__)"),
    "rewrites_itself": importing("open(__file__, 'w').write('nothing')"),
    "ticks": importing("open('progress.md', 'w').write('- [x] 3.1 [all](curriculum/x)\\n')"),
    "cheats": importing("open(__file__.replace('cheats.py', 'test_after_cheats.py'), 'a').write('\\n')"),
}
ALL = {**FILES, **IMPORTS, **RESULTS, **RAISES, **CHANGES, **WRITES}
