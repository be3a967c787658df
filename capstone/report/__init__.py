"""python -m capstone.report RUN: all that is known of a run, on one page."""
