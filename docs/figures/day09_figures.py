"""Draw the figures of day 9's lesson, tasks 9.1 and 9.5: `python -m docs.figures.day09_figures`."""
