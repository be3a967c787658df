"""Checks of task 5.6, validation.py."""

import math

import torch
from torch import nn

from grader import raised
from grader.devices import DeviceWatch

TABLE = torch.tensor([[0.5, -1.0, 0.2], [0.0, 2.5, -0.3], [1.5, 0.1, -0.6]])


class Bigram(nn.Module):
    """Logits for the next token from this one alone; with dropout, and a frozen part that stays in eval mode."""

    def __init__(self, table=TABLE):
        super().__init__()
        self.table = nn.Parameter(table.clone())
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.Dropout(0.5).eval()
        self.calls = []

    def forward(self, x):
        if x.numel() and x.max() > 2:
            raise IndexError("a token that the model does not know")
        logits = self.frozen(self.dropout(self.table[x]))
        self.calls.append({"train mode": self.training, "graph": logits.requires_grad})
        return logits, "not the loss"

    def modes(self):
        return {"model": self.training, "dropout": self.dropout.training, "frozen": self.frozen.training}


def batches():
    """Three batches of 2 × 3, 2 × 3 and 1 × 3 tokens, of which 6, 0 and 1 are scored."""
    yield torch.tensor([[0, 1, 2], [2, 2, 0]]), torch.tensor([[1, 1, 0], [0, 2, 1]])
    yield torch.tensor([[1, 1, 1], [1, 1, 1]]), torch.full((2, 3), -100)
    yield torch.tensor([[1, 0, 2]]), torch.tensor([[2, -100, -100]])


def scored_tokens(validation):
    model = Bigram()
    model.dropout.train()
    result = validation.validate(model, batches(), "cpu")
    return {
        "tokens": result.tokens,
        "loss": result.loss,
        "perplexity": result.perplexity,
        "kinds": [type(value).__name__ for value in (result.loss, result.perplexity, result.tokens)],
    }


def token_by_token():
    losses = []
    for x, y in batches():
        for token, right in zip(x.flatten().tolist(), y.flatten().tolist(), strict=True):
            if right != -100:
                scores = [math.exp(score) for score in TABLE[token].tolist()]
                losses.append(-math.log(scores[right] / sum(scores)))
    mean = sum(losses) / len(losses)
    return {"tokens": 7, "loss": mean, "perplexity": math.exp(mean), "kinds": ["float", "float", "int"]}


def test_every_token_counts_the_same(lesson, compare):
    """Batches of unequal size, with targets that are not scored: the mean is over the seven tokens that are."""
    compare(scored_tokens, lesson("validation"), expected=token_by_token)


class Watch(DeviceWatch):
    """Of a model on a second device: what is taken there is a copy, and so is what `.cpu()` brings back."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ == "cpu":
            return func(*args, **(kwargs or {})).clone()
        if func.__name__ == "to" and not self.is_home(args[0]):
            args = (args[0].clone(), *args[1:])
        return super().__torch_function__(func, types, args, kwargs)


def where_the_batches_go(validation):
    model, loader = Bigram(), list(batches())
    with Watch(model.table) as watch:
        validation.validate(model, loader, "cpu")
    return {"a batch from elsewhere meets the model": watch.mixed}


def test_device(lesson, compare):
    """Every batch is taken to the device, both parts of it."""
    compare(where_the_batches_go, lesson("validation"), expected={"a batch from elsewhere meets the model": False})


def how_the_model_is_called(validation):
    model = Bigram()
    validation.validate(model, batches(), "cpu")
    return {"calls": model.calls}


def test_eval_mode_and_no_graph(lesson, compare):
    """Three batches are scored, each in eval mode, and no graph is built."""
    calls = [{"train mode": False, "graph": False}] * 3
    compare(how_the_model_is_called, lesson("validation"), expected={"calls": calls})


def modes_afterwards(validation):
    seen = {}
    for name, mode in (("was in train mode", True), ("was in eval mode", False)):
        model = Bigram().train(mode)
        model.frozen.eval()
        validation.validate(model, batches(), "cpu")
        seen[name] = model.modes()
    model = Bigram()
    unknown = [(torch.tensor([[3]]), torch.tensor([[0]]))]
    seen["exception"] = raised(lambda: validation.validate(model, unknown, "cpu"))
    seen["after an exception"] = model.modes()
    seen["a graph is built afterwards"] = torch.is_grad_enabled()
    return seen


def test_model_is_left_as_it_was(lesson, compare):
    """Every module is in the mode that it was in, after an exception too."""
    in_train = {"model": True, "dropout": True, "frozen": False}
    expected = {
        "was in train mode": in_train,
        "was in eval mode": dict.fromkeys(in_train, False),
        "exception": "IndexError",
        "after an exception": in_train,
        "a graph is built afterwards": True,
    }
    compare(modes_afterwards, lesson("validation"), expected=expected)


def hopeless(validation):
    model = Bigram(torch.tensor([[0.0, 900.0, 0.0]] * 3))
    result = validation.validate(model, [(torch.tensor([[0]]), torch.tensor([[2]]))], "cpu")
    return {"loss": result.loss, "perplexity": result.perplexity}


def test_hopeless_model(lesson, compare):
    """A loss of 900 nats: the perplexity is infinite, and nothing crashes."""
    compare(hopeless, lesson("validation"), expected={"loss": 900.0, "perplexity": math.inf})


def nothing_to_score(validation):
    padding = [(torch.tensor([[0, 1]]), torch.full((1, 2), -100))]
    return {
        "an empty loader": raised(lambda: validation.validate(Bigram(), [], "cpu")),
        "padding alone": raised(lambda: validation.validate(Bigram(), padding, "cpu")),
    }


def test_nothing_to_score(lesson, compare):
    """Not one token to score is an error with a reason, not NaN and not a perfect model."""
    expected = {"an empty loader": "ValueError", "padding alone": "ValueError"}
    compare(nothing_to_score, lesson("validation"), expected=expected)
