"""Checks of task 11.3, fine_tuning.py."""

from grader import raised


def plans(fine_tuning):
    plan = lambda steps, share: [int(old) for old in fine_tuning.replay(steps, share)]  # noqa: E731
    return {
        "8 steps, a quarter": plan(8, 0.25),
        "7 steps, a half": plan(7, 0.5),
        "5 steps, two thirds": plan(5, 2 / 3),
        "none": plan(3, 0.0),
        "all": plan(3, 1.0),
        "no steps": plan(0, 0.5),
        "a tenth of 200: how many": sum(plan(200, 0.1)),
        "0.29 of 100: how many": sum(plan(100, 0.29)),
        "one step, a share that is less than 1 by more than a rounding error": plan(1, 1 - 1.5e-9),
        "share above 1": raised(lambda: fine_tuning.replay(5, 1.1)),
        "share below 0": raised(lambda: fine_tuning.replay(5, -0.1)),
        "steps below 0": raised(lambda: fine_tuning.replay(-1, 0.5)),
    }


def test_replay(lesson, compare):
    """Old batches are spread evenly over the steps, and there are exactly as many as were asked for."""
    expected = {
        "8 steps, a quarter": [0, 0, 0, 1, 0, 0, 0, 1],
        "7 steps, a half": [0, 1, 0, 1, 0, 1, 0],
        "5 steps, two thirds": [0, 1, 1, 0, 1],
        "none": [0, 0, 0],
        "all": [1, 1, 1],
        "no steps": [],
        "a tenth of 200: how many": 20,
        "0.29 of 100: how many": 29,
        "one step, a share that is less than 1 by more than a rounding error": [0],
        "share above 1": "ValueError",
        "share below 0": "ValueError",
        "steps below 0": "ValueError",
    }
    compare(plans, lesson("fine_tuning"), expected=expected)


def trials(fine_tuning):
    """The model before, and five attempts: in eighths of a bit, so that sums are exact."""
    before = fine_tuning.Trial("before", 3.0, 1.5)
    made = {
        "greedy": (1.0, 2.5),
        "careful": (2.0, 1.625),
        "as good": (2.0, 1.5),
        "timid": (2.875, 1.375),
        "useless": (3.25, 1.25),
    }
    return before, [fine_tuning.Trial(name, *values) for name, values in made.items()]


def changes(fine_tuning):
    before, made = trials(fine_tuning)
    return {trial.name: list(fine_tuning.change(before, trial)) for trial in made}


def test_change(lesson, compare):
    """Learned is what the new text lost, forgotten what the old one gained; both may be negative."""
    expected = {
        "greedy": [2.0, 1.0],
        "careful": [1.0, 0.125],
        "as good": [1.0, 0.0],
        "timid": [0.125, -0.125],
        "useless": [-0.25, -0.25],
    }
    compare(changes, lesson("fine_tuning"), expected=expected)


def chosen(fine_tuning):
    before, made = trials(fine_tuning)
    name = lambda trial: trial.name if trial is not None else "none"  # noqa: E731
    best = lambda allowed, some=made: name(fine_tuning.best_trial(before, some, allowed))  # noqa: E731
    return {
        "a whole bit may be forgotten": best(1.0),
        "an eighth may be": best(0.125),
        "nothing may be": best(0.0),
        "an eighth must come back": best(-0.125),
        "even more must": best(-0.25),
        "the other way round": best(0.125, made[::-1]),
        "no attempt": best(1.0, []),
        "one that learned nothing, and forgot nothing": best(1.0, [fine_tuning.Trial("idle", 3.0, 1.5)]),
        "one that made the old text easier by a whole bit": best(0.125, [fine_tuning.Trial("both", 2.5, 0.5)]),
    }


def test_best_trial(lesson, compare):
    """The attempt that learned most, among those that learned at all and forgot no more than is allowed."""
    expected = {
        "a whole bit may be forgotten": "greedy",
        "an eighth may be": "careful",
        "nothing may be": "as good",
        "an eighth must come back": "timid",
        "even more must": "none",
        "the other way round": "as good",
        "no attempt": "none",
        "one that learned nothing, and forgot nothing": "none",
        "one that made the old text easier by a whole bit": "both",
    }
    compare(chosen, lesson("fine_tuning"), expected=expected)


def what_the_run_says(run):
    before, made = run["before"], run["trials"]
    off = [abs(trial["learned"] - (before["new"] - trial["new"])) for trial in made]
    kept = [trial for trial in made if trial["name"] == run["kept"]]
    return {
        "attempts, at least three": len(made) >= 3,
        "one of them learned something": max(trial["learned"] for trial in made) > 0.01,
        "learned, as it says, is as it is": max(off) < 1e-9,
        "what is kept has not forgotten too much": all(trial["forgotten"] <= run["allowed"] for trial in kept),
        "says why, in at least five words": len(run["because"].split()) >= 5,
    }


def test_your_run(record, compare):
    """Your attempts at a small text: what they learned, what they forgot, and which one you would keep"""
    command = 'python -m curriculum.day11_generation.finetune runs/wikitext2-cpu --because "…"'
    expected = {
        "attempts, at least three": True,
        "one of them learned something": True,
        "learned, as it says, is as it is": True,
        "what is kept has not forgotten too much": True,
        "says why, in at least five words": True,
    }
    compare(what_the_run_says, record("day11-finetune", command=command), expected=expected)
