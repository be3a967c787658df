"""The ways in which day 7's texts can be left unfinished: each is the model answer with one thing changed."""

from grader.written import usual_mistakes

NOTES = usual_mistakes(
    "cs224n_notes.md",
    "BERT and GPT, side by side",
    other="In three sentences",
    question=(
        "Both are stacks of the block that you built on day 3. What may a position see in the one, and what in the "
        "other? What does each of them predict, and at how many positions of a text?"
    ),
    read="#71-watch-the-cs224n-lecture-on-transformers-and-bert",
)

REVIEW = usual_mistakes(
    "week1_review.md",
    "What is still shaky",
    other="Next week",
    question=(
        "What passed its checks although you could not explain it? Which mistake was named more than once, and do you "
        "know by now why it is one? Where did you look at the solution?"
    ),
    read="#72-the-weeks-summary-and-a-plan",
    figures=True,
)
