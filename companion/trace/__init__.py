"""`trace` and `swap`: where does the learner's code first go another way than the reference?

recording.py  what happens while a probe runs: a tree of the calls of a unit's functions and of torch's modules
meeting.py    two such trees side by side, down to the first value that differs
screen.py     what the learner sees of it
swapping.py   the reference's pieces in the place of the learner's, until the whole passes: which ones does it take?
whole.py      the GPT put together from pieces, held against the one of the reference
child.py      does the work in a process of its own, so that a crash or an endless loop ends that one alone
command.py    the verbs
"""
