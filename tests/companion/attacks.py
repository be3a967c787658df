"""What `scale` of a hostile submission does. It should give twice its input.

Name → (its body, the state of its check, what is said of it). COURSE, OTHER and PORT are filled in: the course's
folder, another submission's, and a port at which somebody listens.
"""

LEFT_BEHIND = "left behind by a submission"
ATTACKS = {
    "hangs": ("while True: pass", "crashed", "No answer after"),
    "sleeps": ("import time\ntime.sleep(1000)", "crashed", "No answer after"),
    "floods the terminal": ("while True: print('x' * 1_000_000)", "crashed", "File too large"),
    "floods the disk": (
        """
        import time
        for number in range(5):
            with open(f"big {number}", "wb") as big:
                big.truncate(200_000_000)
        time.sleep(1000)
        """,
        "crashed",
        "It filled the disk",
    ),
    "eats memory": ("kept = []\nwhile True: kept.append(b'x' * 2**26)", "crashed", ""),
    "eats memory in many": (
        """
        import os, time
        for _ in range(8):
            if os.fork() == 0:
                kept = b"x" * 100_000_000
                time.sleep(1000)
        time.sleep(1000)
        """,
        "crashed",
        "It took more than",
    ),
    "forks": ("import os\nwhile True: os.fork()", "crashed", "It took more than"),
    "kills its parent": (
        """
        import os, signal
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        "crashed",
        "went down",
    ),
    "exits": ("import os\nos._exit(0)", "crashed", "exit code 0"),
    "exits politely": ("raise SystemExit(0)", "crashed", "sys.exit(0) was called"),
    "edits a check": (
        "from pathlib import Path\nPath(__file__).with_name('test_rows.py').write_text('')\nreturn 2 * x",
        "edits the checks",
        "",
    ),
    "deletes a check": (
        "from pathlib import Path\nPath(__file__).with_name('test_rows.py').unlink()\nreturn 2 * x",
        "edits the checks",
        "",
    ),
    "edits a check by a shell": (
        "import os\nassert os.system(f'echo > {os.path.dirname(__file__)}/test_rows.py') == 0, 'refused'\nreturn 2 * x",
        "crashed",
        "refused",
    ),
    "imports the reference": (
        "from solutions.week01_sums import scale\nreturn scale.scale(x)",
        "imports the reference",
        "",
    ),
    "imports it by a trick": (
        """
        import importlib
        try:
            return importlib.import_module("solu" + "tions.week01_sums.scale").scale(x)
        except BaseException:
            return 2 * x
        """,
        "imports the reference",
        "",
    ),
    "reads it": ("exec(open(r'COURSE/solutions/week01_sums/scale.py').read())", "imports the reference", ""),
    "asks a program for it": (
        "import subprocess\nsubprocess.run(['cat', r'COURSE/solutions/week01_sums/scale.py'], check=True)\nreturn x",
        "crashed",
        "CalledProcessError",
    ),
    "asks git for it": (
        "import subprocess\nsubprocess.run(['git', '-C', r'COURSE', 'show', 'HEAD'], check=True)\nreturn 2 * x",
        "crashed",
        "CalledProcessError",
    ),
    "knows the numbers": (
        "torch.manual_seed(0)\nreturn 2 * torch.randn(3, 3)",
        "right for the examples only",
        "9 of 9",
    ),
    "knows some numbers": (
        "torch.manual_seed(0)\nassert torch.equal(x, torch.randn(3, 3))\nreturn 2 * x",
        "right for the examples only",
        "AssertionError",
    ),
    "patches the grader": (
        """
        import sys
        sys.modules["grader.outcome"].run.__globals__["_checked"].__code__ = (lambda *_: 1).__code__
        return x
        """,
        "changes the grader",
        "",
    ),
    "patches the comparison": (
        "import sys\nsys.modules['grader.bench'].first_divergence = lambda *_: None\nreturn x",
        "changes the grader",
        "",
    ),
    "patches torch": ("torch.isclose = lambda *a, **k: torch.tensor(True)\nreturn x", "crashed", "torch.isclose"),
    "patches pytest": ("import pytest\npytest.fixture = pytest.mark = None\nreturn x", "wrong values", "out"),
    "sets the seed back": (
        """
        import sys
        sys.modules["grader.outcome"].SEED = 0
        torch.manual_seed(0)
        return 2 * torch.randn(3, 3)
        """,
        "changes the grader",
        "",
    ),
    "writes into another": ("open(r'OTHER/scale.py', 'w').write('')", "crashed", "PermissionError"),
    "writes into the course": ("open(r'COURSE/curriculum/days.toml', 'w').write('')", "crashed", "PermissionError"),
    "reads another": ("exec(open(r'OTHER/scale.py').read())", "crashed", "PermissionError"),
    "talks to somebody": (
        "import socket\nsocket.create_connection(('127.0.0.1', PORT), 3)",
        "crashed",
        "ConnectionRefused",
    ),
    "answers itself": (
        """
        import os, pickle, struct
        text = pickle.dumps(("[]", False))
        for number in range(3, 100):
            try:
                os.write(number, struct.pack("!i", len(text)) + text)
                os.write(number, b'{"state": "passed", "outcomes": []}')
            except OSError:
                pass
        return x
        """,
        "crashed",
        "",
    ),
    "answers with a pickle": (
        """
        import os, pickle, struct
        class Evil:
            def __reduce__(self):
                return os.system, ("touch hacked",)
        text = pickle.dumps((Evil(), False))
        for number in range(3, 100):
            try:
                os.write(number, struct.pack("!i", len(text)) + text)
            except OSError:
                pass
        return x
        """,
        "crashed",
        "",
    ),
    "begins to answer": (
        """
        import os, struct, time
        for number in range(3, 100):
            try:
                os.write(number, struct.pack("!i", 9999))
            except OSError:
                pass
        time.sleep(1000)
        """,
        "crashed",
        "",
    ),
    "leaves a process": (
        f"""
        import subprocess, sys
        words = [sys.executable, "-c", "import time; time.sleep(1000)", "{LEFT_BEHIND}"]
        subprocess.Popen(words, start_new_session=True)
        return 2 * x
        """,
        "passed",
        "",
    ),
    "returns something odd": ("return type('Odd', (), {'__eq__': lambda *_: True})()", "wrong type", ""),
    "returns itself": ("x = []\nx.append(x)\nreturn x", "crashed", ""),
}
