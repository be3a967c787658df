"""The recorded bits are the text's own information: against brute force, by hand, and read back from the text."""

import re
from collections import Counter, defaultdict
from math import log2

import pytest

from course_data import load_text
from course_data.encyclopedia import Reader, Writer, article, bits_of, draw
from course_data.encyclopedia import words as lexicon
from course_data.encyclopedia.choice import Choice, among, even, falling
from course_data.encyclopedia.phrases import Person, Stated, aside, clause, person, recall

from .derivations import derivations

VALIDATION_DIGEST = "14c5281e8f594b29dcec2c6f007806effef5f52d137e1b280a5d881ae6856824"
STATED = Stated(["Tarby", "Corby", "Tarby"], ["Esk"], ["1200"], [Person("King", "Aurus", "Novak")])


def agreement(pen):
    """A noun, some phrases and a verb in the noun's number: 1/2 each for one more phrase."""
    number = pen.pick(even("mill mills"))
    verb = "turns" if number == "mill" else "turn"
    following = pen.pick(Choice({"near": 2, verb: 2}))
    while following == "near":
        pen.pick(Choice({"mill": 1, "mills": 2}))
        following = pen.pick(Choice({"near": 1, verb: 3}))
    pen.say(".")


def brackets(pen):
    """Brackets of two kinds, nested to any depth."""
    opened = [pen.pick(even("( ["))]
    while opened:
        closing = {"(": ")", "[": "]"}[opened[-1]]
        following = pen.pick(Choice({closing: 3, "x": 1, "(": 1, "[": 1}))
        if following == closing:
            opened.pop()
        elif following != "x":
            opened.append(following)


def recurring(pen):
    """Two names made of syllables, which may turn out alike; then one of them again."""
    names = [pen.pick(even("Ta Tar", glue="-")) + pen.pick(even("a by")) for _ in range(2)]
    pen.say(":")
    recall(pen, names)


def drawn(grammar, seed):
    pen = Writer(seed)
    grammar(pen)
    return "".join(pen.written), pen.bits


@pytest.mark.parametrize("grammar", [agreement, brackets, recurring])
def test_every_text_has_one_derivation_and_the_probabilities_sum_to_one(grammar):
    longest = 7
    found = list(derivations(grammar, longest=longest))
    assert max(Counter(text for text, _ in found).values()) == 1
    whole = float(sum(probability for _, probability in found))
    assert whole <= 1
    assert whole == pytest.approx(1, abs={agreement: 0.04, brackets: 0.4, recurring: 1e-12}[grammar])


@pytest.mark.parametrize("grammar", [agreement, brackets, recurring])
@pytest.mark.parametrize("seed", range(8))
def test_recorded_bits_are_the_information_of_the_text(grammar, seed):
    text, bits = drawn(grammar, seed)
    assert bits == pytest.approx(-log2(sum(probability for _, probability in derivations(grammar, text))), abs=1e-9)
    reader = Reader(text)
    grammar(reader)
    assert reader.bits == pytest.approx(bits, abs=1e-9)


def test_bits_by_hand():
    # A name is one of 2 × 2, twice: 4 bits. Then: 1 bit between two names, none if they are the same.
    for seed in range(12):
        text, bits = drawn(recurring, seed)
        first, second, _, _ = text.split()
        assert bits == (4.0 if first == second else 5.0)


def test_draws_have_the_probabilities_that_they_record():
    often = Counter(drawn(agreement, seed)[0] for seed in range(4000))
    expected = defaultdict(float, {text: float(p) for text, p in derivations(agreement, longest=6)})
    for text, times in often.most_common(12):
        spread = (expected[text] * (1 - expected[text]) / 4000) ** 0.5
        assert abs(times / 4000 - expected[text]) < 4 * spread, text


@pytest.mark.parametrize(
    "part",
    [
        lambda pen: clause(pen, STATED, lexicon.ANY_BUILDING, lexicon.STAND),
        lambda pen: clause(pen, STATED, lexicon.ANY_WORK, lexicon.TELL),
        lambda pen: aside(pen, STATED, "("),
        lambda pen: person(pen),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_the_real_phrases_against_brute_force(part, seed):
    text, bits = drawn(part, seed)
    [(found, probability)] = derivations(part, text, longest=200)
    assert found == text
    assert bits == pytest.approx(-log2(probability), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_an_article_read_back_has_the_same_choices_and_bits(seed):
    text, bits = draw(4, seed)
    assert bits_of(text, 4) == pytest.approx(bits, rel=1e-12)
    with pytest.raises(ValueError, match="goes on after 3 articles"):
        bits_of(text, 3)


def test_a_reader_refuses_what_the_grammar_cannot_write():
    text, _ = draw(1, 1)
    with pytest.raises(ValueError, match="where the grammar allows"):
        bits_of(text.replace(" .", " !", 1), 1)


def test_the_whole_validation_text_is_worth_the_bits_that_it_states():
    text = load_text("encyclopedia", "validation")
    assert text.entropy is not None
    assert bits_of(text.text, 200) == pytest.approx(text.entropy.bits, rel=1e-12)
    assert (text.entropy.words, text.entropy.bytes) == (text.words, text.bytes)


def test_prefixes_are_refused():
    with pytest.raises(ValueError, match="beginning"):
        Choice({"Tar": 1, "Tara": 1}, glue="")
    Choice({"Tar": 1, "Tara": 1})  # the space after a word tells them apart
    with pytest.raises(ValueError, match="beginning"):
        Choice({"the": 1, "the river": 1})
    with pytest.raises(ValueError, match="weight"):
        Choice({"a": 1, "b": 0})
    with pytest.raises(ValueError, match="at least one"):
        Choice({})


def test_a_choice_divides_the_unit_interval_by_weight():
    choice = Choice({"a": 1, "b": 2, "c": 1})
    assert [choice.at(number / 8) for number in range(8)] == list("aabbbbcc")
    assert choice.at(1 - 2**-53) == "c"
    assert choice.bits == {"a": 2.0, "b": 1.0, "c": 2.0}
    assert falling("x y z").weights == {"x": 3, "y": 2, "z": 1}
    assert among("x", "y", "x").bits["y"] == pytest.approx(log2(3))


def test_draws_are_the_same_everywhere_and_the_splits_are_not():
    assert draw(3, 7) == draw(3, 7)
    texts = {split: load_text("encyclopedia", split) for split in ("validation", "test")}
    assert texts["validation"].digest != texts["test"].digest
    assert draw(2, 1)[0] != draw(2, 2)[0]
    assert load_text("encyclopedia", "validation").digest == VALIDATION_DIGEST


def test_brackets_close_in_order():
    opened: list[str] = []
    text = load_text("encyclopedia", "validation").text
    for mark in re.findall(r"[()\[\]]", text):
        if mark in "([":
            opened.append(mark)
        else:
            assert opened.pop() + mark in ("()", "[]")
        assert len(opened) <= 2
    assert not opened
    assert re.search(r"\([^()]*\[[^()]*\][^()]*\)", text), "none is nested"


def test_verbs_agree_where_nothing_stands_between():
    text, _ = draw(800, 4)
    assert not re.search(r"\b(All|Most) \w+ (faces|overlooks|adjoins|shelters)\b", text)
    assert not re.search(r"\bNo \w+ (face|overlook|adjoin|shelter)\b", text)
    assert re.search(r"\bAll \w+s (near|behind) the \w+[^s] (face|overlook)\b", text)
    assert re.search(r"\bNo \w+ (near|behind) the \w+s (faces|overlooks)\b", text)


def test_facts_come_back():
    """What stands in a section was stated before: years, families and rivers."""
    text, _ = draw(60, 11)
    recalled = 0
    for one in re.split(r"\n = (?!=)", text)[1:]:
        for fact in re.finditer(r"Since (\d{4})|In (\d{4}) ,|the (\w+) family|, the ([A-Z]\w+) ", one):
            name = next(group for group in fact.groups() if group)
            assert name in one[: fact.start()], f"{name} was never stated in {one}"
            recalled += 1
    assert recalled > 100


def test_articles_are_of_every_kind():
    pen = Writer(5)
    for _ in range(150):
        article(pen)
    titles = re.findall(r"\n = (\w+)", " " + "".join(pen.written))
    assert set(titles) == set(lexicon.SUBJECTS.options)
