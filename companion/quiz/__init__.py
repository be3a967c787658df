"""The quizzes: questions of each day, asked in the terminal, explained, and asked again where they were not right.

    questions   a day's questions, read and checked         formula   a small language for numbers
    sealed      the form in which a learner's copy has them  numbers   what a person types for a number
    drawing     fresh values and a fresh order of choices    judging   an answer, and what it shows
    schedule    when a question comes back                   store     .course/quiz.json
    choosing    which questions a session asks               session   the conversation
    screen      what it looks like                           statistics, command

`python -m companion.quiz seal` makes curriculum/…/quiz.toml from solutions/…/quiz.toml, the one that people edit.
"""
