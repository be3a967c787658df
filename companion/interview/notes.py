"""What is filled in into notes/interview.md: the numbers of the run, and how the mock interviews went."""

from companion.course import Course
from companion.errors import CompanionError
from companion.interview.memory import Memory, TopicScore, by_topic
from companion.report.facts import Facts, facts_of
from companion.report.figures import NO_RUN, table

TEXT = "notes/interview.md"


def run_numbers(course: Course) -> str:
    """The numbers of the run that one should know by heart."""
    try:
        return _numbers(facts_of(course))
    except CompanionError:
        return NO_RUN


def _numbers(run: Facts) -> str:
    values = run.values
    rows = [
        ("parameters", f"{run.parameters:,}"),
        ("tokens seen", f"{values['tokens_seen']:,}"),
        ("tokens for each parameter", f"{run.tokens_a_parameter:.2f}"),
        ("tokens in a step", f"{run.tokens_a_step:,}"),
        ("loss at the start, ln V", f"{run.first_loss:.2f}"),
        ("validation loss, nats per token", f"{values['loss']:.4f}"),
        ("perplexity per token", f"{values['ppl_token']:.2f}"),
        ("tokens in a word", f"{run.tokens_a_word:.3f}"),
        ("perplexity per word", f"{values['ppl_word']:.2f}"),
        ("bits per byte", f"{values['bits_per_byte']:.4f}"),
    ]
    if run.epochs:
        rows.insert(2, ("times that the text was read", f"{run.epochs:.2f}"))
    if values.get("baseline_ppl_word"):
        rows.append((f"perplexity per word, {values['baseline']}", f"{values['baseline_ppl_word']:.2f}"))
    if values.get("tokens_per_second"):
        rows.append(("tokens per second", f"{values['tokens_per_second']:,.0f}"))
    return table((f"run `{run.name}`", "number"), rows)


def interviews(course: Course) -> str:
    """How the mock interviews went, topic by topic, and the questions to look at."""
    memory = Memory.read(course.records)
    if not memory.answers:
        return "No interview yet: `python -m curriculum interview`."
    rows = [row(score) for score in by_topic(memory.answers)]
    weak = [key for key, card in memory.cards.items() if card.box == 0]
    lines = [
        f"{memory.sessions} interviews, {len(memory.answers)} answers.\n"
        if memory.sessions > 1
        else f"One interview, {len(memory.answers)} answers.\n",
        table(("topic", "answers", "points said", "time for an answer"), rows),
    ]
    if weak:
        lines.append("\nTo be answered better: " + ", ".join(sorted(weak)) + ".")
    return "\n".join(lines)


def row(score: TopicScore) -> tuple[str, ...]:
    """A line of the summary."""
    spent = round(score.seconds)
    return score.topic, str(score.questions), f"{100 * score.share:.0f} %", f"{spent // 60}:{spent % 60:02}"
