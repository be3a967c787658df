"""Questions about the learner's own run: curriculum/…/project.toml, filled in from its record."""

from companion.course import Course
from companion.errors import CompanionError
from companion.interview.bank import Question, faults_of, read_toml
from companion.quiz.formula import FormulaError, Number, evaluate, fill_in
from companion.report.facts import Facts

TOPIC = "project"


def questions_about(course: Course, run: Facts) -> tuple[Question, ...]:
    """All questions that the record of this run can answer, each of their numbers computed.

    Raises:
        CompanionError: a question or a formula of the file is faulty.
    """
    numbers, texts = numbers_of(run), texts_of(run)
    found = []
    for file in sorted((course.root / "curriculum").glob("*/project.toml")):
        for table in read_toml(course, file):
            try:
                found += _filled_in(dict(table), numbers, texts)
            except FormulaError as error:
                raise CompanionError(f"{course.shown(file)}, {table.get('id')}: {error}.") from error
    return tuple(found)


def _filled_in(table: dict, numbers: dict[str, Number], texts: dict[str, str]) -> list[Question]:
    """The question of a table; none if it is not for this run."""

    def filled(text: str) -> str:
        for name, value in texts.items():
            text = text.replace(f"<{name}>", value)
        return fill_in(text, numbers)

    wanted = evaluate(table.pop("where", "1"), numbers)
    extra = [text for where, text in table.pop("points_where", []) if evaluate(where, numbers)]
    faults = faults_of(table)
    if faults:
        raise CompanionError(f"{TOPIC}, question {table.get('id')}: {faults[0]}")
    if not wanted:
        return []
    points = tuple(filled(text) for text in (*table["points"], *extra))
    wrong, follow = (tuple(map(filled, table[name])) for name in ("wrong", "follow"))
    return [Question(TOPIC, table["id"], table["level"], filled(table["ask"]), points, wrong, follow, table["read"])]


def numbers_of(run: Facts) -> dict[str, Number]:
    """What the formulas may use; 0 stands for what is not known."""
    sizes, values = run.config, run.values
    return {
        "P": run.parameters,
        "V": run.vocab_size,
        "C": sizes["n_embd"],
        "L": sizes["n_layer"],
        "H": sizes["n_head"],
        "T": sizes["block_size"],
        "B": sizes["batch_size"],
        "steps": values["steps"],
        "seen": values["tokens_seen"],
        "epochs": run.epochs or 0,
        "N": values["tokens"],
        "words": values["words"],
        "loss": values["loss"],
        "ppl_token": values["ppl_token"],
        "ppl_word": values["ppl_word"],
        "bits": values["bits_per_byte"],
        "rate": values.get("tokens_per_second") or 0,
        "seconds": values.get("seconds") or 0,
        "flops": run.flops_a_token,
        "lr": sizes.get("lr") or 0,
        "floor_lr": sizes.get("floor_lr") or 0,
        "warm": round((sizes.get("warmup_fraction") or 0) * values["steps"]),
        "beta2": sizes.get("beta2") or 0,
        "decay": sizes.get("weight_decay") or 0,
        "clip": sizes.get("max_norm") or 0,
        "wide": run.parameters_with(n_embd=2 * sizes["n_embd"]),
        "deep": run.parameters_with(n_layer=2 * sizes["n_layer"]),
        "baseline": values.get("baseline_ppl_word") or 0,
        "source": values.get("source_ppl_word") or 0,
        "target": int(run.on_the_target_text),
    }


def texts_of(run: Facts) -> dict[str, str]:
    """What is filled in as it is."""
    said = {"text": "text", "machine": "machine", "baseline": "baseline"}
    return {name: str(run.values.get(key) or "unknown") for name, key in said.items()}
