"""`grade`: many submissions, each judged apart by this course's own checks.

submissions.py finds them, tree.py lays out a fresh course with one submission's files in it, apart.py starts a process
for it and watches it, child.py runs in that process, judge.py in the process below it, where the submission's code
runs. marks.py counts and stores, screen.py shows, command.py is the verb.
"""
