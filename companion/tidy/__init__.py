"""The linter on the learner's own files, each finding explained.

rules     what is looked for, and why      looking   which files, what ruff finds, what changed in a contract
command   `tidy`
"""
