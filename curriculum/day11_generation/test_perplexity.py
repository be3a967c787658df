"""Checks of task 11.2, perplexity.py."""

import math

import torch
from torch import nn

from grader import raised
from grader.inputs import generator


def cut(perplexity):
    each = lambda *sizes: [list(window) for window in perplexity.windows(*sizes)]  # noqa: E731
    return {
        "10 tokens, context 4, stride 2": each(10, 4, 2),
        "11 tokens, context 4, stride 4": each(11, 4, 4),
        "9 tokens, context 4, stride 4": each(9, 4, 4),
        "8 tokens, context 3, stride 1": each(8, 3, 1),
        "3 tokens, context 4, stride 2": each(3, 4, 2),
        "2 tokens": each(2, 4, 4),
    }


def test_windows(lesson, compare):
    """Where each window begins and ends, and how many of its predictions count: worked by hand."""
    expected = {
        "10 tokens, context 4, stride 2": [[0, 5, 4], [2, 7, 2], [4, 9, 2], [6, 10, 1]],
        "11 tokens, context 4, stride 4": [[0, 5, 4], [4, 9, 4], [8, 11, 2]],
        "9 tokens, context 4, stride 4": [[0, 5, 4], [4, 9, 4]],
        "8 tokens, context 3, stride 1": [[0, 4, 3], [1, 5, 1], [2, 6, 1], [3, 7, 1], [4, 8, 1]],
        "3 tokens, context 4, stride 2": [[0, 3, 2]],
        "2 tokens": [[0, 2, 1]],
    }
    compare(cut, lesson("perplexity"), expected=expected)


def refused(perplexity):
    return {
        "one token": raised(lambda: perplexity.windows(1, 4, 2)),
        "stride 0": raised(lambda: perplexity.windows(10, 4, 0)),
        "stride above the context": raised(lambda: perplexity.windows(10, 4, 5)),
    }


def test_refused(lesson, compare):
    """Nothing to predict, a window that never moves, and one that leaves tokens out."""
    expected = dict.fromkeys(("one token", "stride 0", "stride above the context"), "ValueError")
    compare(refused, lesson("perplexity"), expected=expected)


VOCABULARY = 5


class Rememberer(nn.Module):
    """Its logits depend on all tokens that it has read, and on how many these are; in train mode it is noisy."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.table = nn.Parameter(2 * torch.randn(11, VOCABULARY, generator=generator(3)))
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.Dropout(0.5).eval()
        self.dtype, self.calls = dtype, []

    def forward(self, idx):
        if idx.size(1) > 4:
            raise IndexError("more tokens than the model can read")
        self.calls.append({"rows": idx.size(0), "train mode": self.training, "graph": torch.is_grad_enabled()})
        steps = torch.arange(1, idx.size(1) + 1)
        states = (idx * steps + steps).cumsum(dim=1) % 11  # (B, T)
        return self.dropout(self.table[states]).to(self.dtype), "not the loss"


def text(length=14):
    return torch.arange(length) * 7 % 13 % VOCABULARY


def surprise(tokens, begin, place):
    """-ln p of tokens[place], for a model that has read tokens[begin : place]; in plain Python."""
    state = sum(token * step + step for step, token in enumerate(tokens[begin:place], 1)) % 11
    scores = [math.exp(value) for value in Rememberer().table[state].tolist()]
    return -math.log(scores[tokens[place]] / sum(scores))


def total(begins):
    """The surprise of text(), token by token from the second on, if the window of each begins there."""
    tokens = text().tolist()
    return sum(surprise(tokens, begin, place) for place, begin in enumerate(begins, 1))


def sliding(perplexity):
    seen = {}
    for stride in (4, 3, 1):
        found = perplexity.score(Rememberer(), text(), 4, stride)
        seen[f"stride {stride}"] = {"tokens": found.tokens, "nats": found.nats}
    return seen


BEGINS = {
    4: [0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12],
    3: [0, 0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9],
    1: [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
}


def test_each_token_once(lesson, compare):
    """14 tokens, a model that reads 4: all but the first are scored once, each with the past of its own window."""
    expected = {f"stride {stride}": {"tokens": 13, "nats": total(begins)} for stride, begins in BEGINS.items()}
    compare(sliding, lesson("perplexity"), expected=expected)


def in_batches(perplexity):
    seen = {}
    for size in (1, 2, 100):
        model = Rememberer()
        found = perplexity.score(model, text(), 4, 3, batch_size=size)
        at_most = max(call["rows"] for call in model.calls) <= size
        seen[f"batches of {size}"] = {"tokens": found.tokens, "nats": found.nats, "no larger ones": at_most}
    return seen


def test_batches(lesson, compare):
    """How many windows the model reads at once changes the time, not the score."""
    each = {"tokens": 13, "nats": total(BEGINS[3]), "no larger ones": True}
    compare(in_batches, lesson("perplexity"), expected={f"batches of {size}": each for size in (1, 2, 100)})


def handling(perplexity):
    model = Rememberer()
    perplexity.score(model, text(), 4, 4)
    modes = {"model": model.training, "dropout": model.dropout.training, "frozen": model.frozen.training}
    failing = Rememberer()
    return {
        "train mode while scoring": any(call["train mode"] for call in model.calls),
        "graph while scoring": any(call["graph"] for call in model.calls),
        "modes afterwards": modes,
        "a model that fails": raised(lambda: perplexity.score(failing, text(), 5, 5)),
        "its mode afterwards": failing.training,
    }


def test_model_is_left_as_it_was(lesson, compare):
    """Scored in eval mode and without a graph; afterwards every module is in the mode it was in."""
    expected = {
        "train mode while scoring": False,
        "graph while scoring": False,
        "modes afterwards": {"model": True, "dropout": True, "frozen": False},
        "a model that fails": "IndexError",
        "its mode afterwards": True,
    }
    compare(handling, lesson("perplexity"), expected=expected)


def in_bfloat16(perplexity):
    found = perplexity.score(Rememberer(torch.bfloat16), text(), 4, 1)
    return {"nats": found.nats}


def rounded_logits():
    tokens = text().tolist()
    table, nats = Rememberer().table.detach().bfloat16().double(), 0.0
    for place, begin in enumerate(BEGINS[1], 1):
        state = sum(token * step + step for step, token in enumerate(tokens[begin:place], 1)) % 11
        nats -= table[state].log_softmax(dim=0)[tokens[place]].item()
    return {"nats": nats}


def test_bfloat16_logits(lesson, compare):
    """Logits in bfloat16: the loss is computed in float32 all the same."""
    compare(in_bfloat16, lesson("perplexity"), expected=rounded_logits, rtol=1e-5)


class Surprised(nn.Module):
    """After token 1 it is sure of token 0, by 2²⁴ nats; after token 0 both are equally likely."""

    def forward(self, idx):
        return torch.stack((idx * 2.0**24, torch.zeros(idx.shape)), dim=-1), "not the loss"


def one_great_surprise(perplexity):
    found = perplexity.score(Surprised(), torch.tensor([0, 0, 0, 1, 1, 0, 0, 0]), 7, 7)
    return {
        "nats, without those of the great surprise": found.nats - 2.0**24,
        "a float and a whole number": [isinstance(found.nats, float), isinstance(found.tokens, int)],
    }


def test_great_and_small(lesson, compare):
    """Of seven tokens one is a surprise of 2²⁴ nats, and five of ln 2 each: none of these is lost beside it."""
    expected = {
        "nats, without those of the great surprise": 5 * math.log(2),
        "a float and a whole number": [True, True],
    }
    compare(one_great_surprise, lesson("perplexity"), expected=expected)


TEXT = " \n = Zoë = \n The game was over .\nNo  end"  # ë has two bytes; the last line has no end


def units(perplexity):
    found = perplexity.in_every_unit(perplexity.Score(nats=20 * math.log(3), tokens=20), TEXT)
    closed = perplexity.in_every_unit(perplexity.Score(nats=20 * math.log(3), tokens=20), TEXT + "\n")
    return {
        "loss": found.loss,
        "per token": found.per_token,
        "per word": found.per_word,
        "bits per byte": found.bits_per_byte,
        "per word, with a last end of line": closed.per_word,
        "far off": perplexity.in_every_unit(perplexity.Score(9000.0, 3), "a b").per_token,
        "a single token": perplexity.in_every_unit(perplexity.Score(math.log(3), 1), "a").per_token,
        "nothing scored": raised(lambda: perplexity.in_every_unit(perplexity.Score(0.0, 0), "a")),
        "no text": raised(lambda: perplexity.in_every_unit(perplexity.Score(1.0, 1), "")),
    }


def test_units(lesson, compare):
    """20 tokens at ln 3 nats, of a text of 10 words, 4 lines and 41 bytes."""
    nats = 20 * math.log(3)
    expected = {
        "loss": math.log(3),
        "per token": 3.0,
        "per word": math.exp(nats / 14),
        "bits per byte": nats / math.log(2) / 41,
        "per word, with a last end of line": math.exp(nats / 14),
        "far off": math.inf,
        "a single token": 3.0,
        "nothing scored": "ValueError",
        "no text": "ValueError",
    }
    compare(units, lesson("perplexity"), expected=expected)


def what_the_run_says(run):
    return {
        "data": run["data"]["kind"],
        "split": run["split"],
        "tokens scored, minus tokens of the text": run["tokens"] - run["tokens_of_text"],
        "per word": run["per_word"] - math.exp(run["loss"] * run["tokens"] / run["words"]),
        "more than one stride": len(run["strides"]) > 1,
        "reached, as it says, minus as it is": int(run["reached"]) - int(run["per_token"] < 55),
        "says why, in at least five words": len(run["because"].split()) >= 5,
    }


def test_your_run(record, compare):
    """Your run on WikiText-2: its validation perplexity in every unit, and why it stands there"""
    command = 'python -m curriculum.day11_generation.evaluate_run runs/wikitext2-cpu --because "…"'
    expected = {
        "data": "real",
        "split": "validation",
        "tokens scored, minus tokens of the text": 0,
        "per word": 0.0,
        "more than one stride": True,
        "reached, as it says, minus as it is": 0,
        "says why, in at least five words": True,
    }
    compare(what_the_run_says, record("day11-perplexity", command=command), expected=expected)
