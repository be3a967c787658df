"""The mock interview: questions from the bank and about the learner's own run, answered aloud, scored by the learner.

bank      the questions of a course, read and checked      own      questions made from a run's record
drawing   which questions come, and in which order         memory   .course/interview.json
talk      the conversation                                 notes    what goes into notes/interview.md
command   `interview`
"""
