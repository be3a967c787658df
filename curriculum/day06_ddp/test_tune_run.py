"""The check of task 6.2's run."""

COMMAND = "python -m curriculum.day06_ddp.tune_run"
NAMES = ["batch_size", "dropout", "lr", "width"]


def what_the_run_says(run):
    losses = [trial["val_loss"] for trial in run["trials"]]
    finite = [loss for loss in losses if loss is not None]
    settings = [trial["settings"] for trial in run["trials"]]
    return {
        "text": run["data"]["name"],
        "at least 8 trials": len(losses) >= 8,
        "every trial has its settings": [sorted(one) for one in settings] == [NAMES] * len(settings),
        "the settings differ": len({tuple(sorted(one.items())) for one in settings}) == len(settings),
        "the best one has the lowest validation loss": run["best_val_loss"] == min(finite),
        "its settings are the best": run["best"] == settings[losses.index(min(finite))],
        "it beats the settings that you began with": run["best_val_loss"] < run["first_val_loss"],
        "trained again, it came out the same, to 1 %": abs(run["again_val_loss"] / run["best_val_loss"] - 1) < 0.01,
    }


def test_tuned(record, compare):
    """Your search: at least eight trials, the best one found, and found again when it is trained again"""
    expected = {
        "text": "encyclopedia",
        "at least 8 trials": True,
        "every trial has its settings": True,
        "the settings differ": True,
        "the best one has the lowest validation loss": True,
        "its settings are the best": True,
        "it beats the settings that you began with": True,
        "trained again, it came out the same, to 1 %": True,
    }
    compare(what_the_run_says, record("day06-tune", command=COMMAND), expected=expected)
