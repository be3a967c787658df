"""Checks of task 12.2, the linter on your own files."""


def what_it_says(record):
    return {"tidy_up.py was looked at": record["tidy_up_was_looked_at"], "things left to mend": record["to_mend"]}


def test_tidied(record, compare):
    """The linter has nothing to mend in the files that you have written, tidy_up.py among them"""
    expected = {"tidy_up.py was looked at": True, "things left to mend": 0}
    compare(what_it_says, record("day12-tidy", command="python -m curriculum tidy"), expected=expected)
