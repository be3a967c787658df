"""python -m course_data: what it prints, and how it fails."""

import re

import pytest

from course_data.__main__ import main


def test_show(capsys):
    assert main(["show", "encyclopedia", "--characters", "60"]) == 0
    said = capsys.readouterr().out
    assert "encyclopedia, validation:" in said
    assert "200 articles, seed 2" in said
    assert re.search(r"own entropy: +1\.\d+ bits per word", said)
    assert " = Siege of " in said


def test_baseline_of_a_file(tmp_path, capsys):
    (tmp_path / "book.txt").write_text("The mill of Tarby .\nThe mills of Corby .\n" * 100)
    assert main(["baseline", str(tmp_path / "book.txt"), "--split", "test"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[3:]] == ["bigram", "trigram"]
    assert all(
        re.search(r"bits per word +perplexity per word +[\d.]+ +[\d.]+ bits per byte", line) for line in lines[3:]
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "encylopedia"], "Did you mean 'encyclopedia'?"),
        (["show", "encyclopedia", "--split", "training"], "Did you mean 'train'?"),
        (["baseline", "wikitext2-raw"], "COURSE_DATA="),
        (["show", "nowhere.txt"], "There is no file or folder nowhere.txt"),
        (["show", "wikitext2-raw", "--data-dir", "nowhere"], "does not exist"),
    ],
)
def test_errors_are_one_sentence_and_exit_with_1(arguments, said, capsys):
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert said in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""


def test_a_misspelt_option_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["show", "encyclopedia", "--splitt", "train"])
    assert stopped.value.code == 2
