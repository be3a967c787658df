"""What a stub asks for, and its hints."""

import pytest

from grader.hints import hints_for, purpose

HINTS = """\
# Hints

## 1.1 scale

1. A nudge
   over two lines.
2. Use `2 * x`: see 3. below.
3. Nearly the answer.

## 1.1 scale_more

1. Another.

## 1.2 empty
"""


@pytest.mark.parametrize(
    ("unwritten", "hints"),
    [
        ("1.1 scale", ["A nudge over two lines.", "Use `2 * x`: see 3. below.", "Nearly the answer."]),
        ("1.1 scale_more", ["Another."]),
        ("1.2 empty", []),
        ("1.1 s.*e", []),
        ("9.9 nothing", []),
    ],
)
def test_hints(tmp_path, unwritten, hints):
    (tmp_path / "hints.md").write_text(HINTS)
    assert hints_for(tmp_path, unwritten) == hints


def test_no_hints_without_a_file(tmp_path):
    assert hints_for(tmp_path, "1.1 scale") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f", "Do this, and that."),
        ("C", "A class."),
        ("C.forward", "Go."),
        ("bare", ""),
        ("missing", ""),
    ],
)
def test_purpose(tmp_path, name, text):
    file = tmp_path / "stub.py"
    file.write_text(
        'def f():\n    """Do this,\n    and that.\n\n    More."""\n\n\nclass C:\n    """A class."""\n\n'
        '    def forward(self):\n        """Go."""\n\n\ndef bare():\n    pass\n'
    )
    assert " ".join(purpose(file, name).split()) == text


def test_no_purpose_in_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "half.py").write_text("def f(:\n")
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe")
    assert (
        purpose(tmp_path / "half.py", "f")
        == purpose(tmp_path / "bytes.py", "f")
        == purpose(tmp_path / "no.py", "f")
        == ""
    )
