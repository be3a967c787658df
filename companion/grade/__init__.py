"""`grade`: many submissions, each run behind a fence and judged by this course's own checks.

submissions.py and sources.py find them, tree.py lays out a course with one submission's files in it. nursery.py starts
the processes: a runner for each submission (runner.py), which goes behind the fence (fence.py) and has a process below
it in which the submission's code runs, and one judge for all (judge.py), which compares what came out and runs none of
it. What goes between them is JSON (line.py, plain.py). apart.py asks them, grading.py makes marks of the answers,
marks.py counts, files.py keeps, screen.py shows, command.py is the verb.
"""
