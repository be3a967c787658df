"""The ways in which day 14's page can be left unfinished: each is the model answer with one thing changed."""

from grader.written import usual_mistakes

PAGE = usual_mistakes(
    "fourteen_days.md",
    "The next nine weeks",
    other="The first step",
    question=(
        "Which of the nine weeks will you do, in which order, and which not? How many hours a week do you truly have? "
        "What will there be to show at the end of each?"
    ),
    read="#141-summary-and-plan",
    figures=True,
)
