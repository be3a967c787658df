"""The commands of the learner's README, really run in a fresh environment.

words         a line, as words; what is refused, and why      fresh     a copy of the repository, a new environment
running       one command after another, with a time limit    command   `try-readme`
"""
