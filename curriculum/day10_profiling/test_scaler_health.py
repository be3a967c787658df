"""Checks of task 10.2, scaler_health.py."""

from grader import raised


def falls(start, *steps):
    """A history: "-" skips (the scale is halved), "+" grows, "." leaves it."""
    scales = [start]
    for step in "".join(steps):
        scales.append(scales[-1] * {"-": 0.5, "+": 2.0, ".": 1.0}[step])
    return scales


def skips(scaler_health):
    return {
        "search and growth and two skips": scaler_health.skipped_steps(falls(64.0, "--..+..-.+-.")),
        "nothing skipped": scaler_health.skipped_steps(falls(4.0, "..+")),
        "all skipped": scaler_health.skipped_steps(falls(4.0, "--")),
        "one step": scaler_health.skipped_steps(falls(4.0, "-")),
        "no step": raised(lambda: scaler_health.skipped_steps([4.0])),
        "nothing at all": raised(lambda: scaler_health.skipped_steps([])),
    }


def test_skipped_steps(lesson, compare):
    """Which steps were skipped, from the scales alone"""
    expected = {
        "search and growth and two skips": [0, 1, 7, 10],
        "nothing skipped": [],
        "all skipped": [0, 1],
        "one step": [0],
        "no step": "ValueError",
        "nothing at all": "ValueError",
    }
    compare(skips, lesson("scaler_health"), expected=expected)


def verdicts(scaler_health):
    def health(scales, **settings):
        return scaler_health.scaler_health(scales, **settings)

    return {
        "a search and 100 steps": health(falls(65536.0, "---------", "." * 100)),
        "a skip after 60 of 100 steps": health(falls(65536.0, "." * 60, "+-", "." * 40)),
        "two skips in 100 steps": health(falls(65536.0, "." * 48, "-", "." * 49, "+-")),
        "three skips in 100 steps": health(falls(65536.0, "." * 47, "+-", "." * 48, "+-", "+-")),
        "three in 150 after a search of 50": health(falls(2.0**70, "-" * 50, "." * 90, "--", "." * 57, "-")),
        "three in 100 after a search of 50": health(falls(2.0**70, "-" * 50, "." * 40, "--", "." * 57, "-")),
        "20 skips at the end": health(falls(2.0**40, "." * 50, "-" * 20)),
        "19 skips at the end": health(falls(2.0**40, "." * 50, "-" * 19)),
        "20 skips and a step at the end": health(falls(2.0**40, "." * 50, "-" * 20, ".")),
        "20 skips down to below 1": health(falls(16.0, "." * 50, "-" * 20)),
        "20 skips from the beginning": health(falls(2.0**40, "-" * 20)),
        "12 skips from the beginning": health(falls(2.0**40, "-" * 12)),
        "a scale of 1/2": health(falls(4.0, "---", "." * 100)),
        "a scale of 1": health(falls(4.0, "--", "." * 100)),
        "a scale of 1/2 that has grown again": health(falls(4.0, "---", "." * 100, "+")),
        "4 skips for a patience of 4": health(falls(1024.0, "." * 9, "----"), patience=4),
        "1 skip in 5 where most is 0.2": health(falls(1024.0, "..-.."), most=0.2),
        "no step": raised(lambda: health([1.0])),
    }


def test_scaler_health(lesson, compare):
    """Eighteen histories, and what they mean"""
    expected = {
        "a search and 100 steps": "healthy",
        "a skip after 60 of 100 steps": "healthy",
        "two skips in 100 steps": "healthy",
        "three skips in 100 steps": "restless",
        "three in 150 after a search of 50": "healthy",
        "three in 100 after a search of 50": "restless",
        "20 skips at the end": "diverged",
        "19 skips at the end": "restless",
        "20 skips and a step at the end": "restless",
        "20 skips down to below 1": "diverged",
        "20 skips from the beginning": "diverged",
        "12 skips from the beginning": "healthy",
        "a scale of 1/2": "below one",
        "a scale of 1": "healthy",
        "a scale of 1/2 that has grown again": "healthy",
        "4 skips for a patience of 4": "diverged",
        "1 skip in 5 where most is 0.2": "healthy",
        "no step": "ValueError",
    }
    compare(verdicts, lesson("scaler_health"), expected=expected)
