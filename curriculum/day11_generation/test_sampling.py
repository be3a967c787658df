"""Checks of task 11.4, sampling.py."""

import math
from types import SimpleNamespace

import torch
from torch import nn

from grader import raised
from grader.devices import DeviceWatch

P = (0.1, 0.4, 0.05, 0.25, 0.2)  # of five tokens; in the order of their probability they are 1, 3, 4, 0, 2


def logits_of(*rows):
    """Logits with these probabilities; each row is shifted by another number, which must not matter."""
    return torch.stack([torch.tensor(row, dtype=torch.float64).log() + 3 * i for i, row in enumerate(rows)]).float()


def by_temperature(sampling):
    logits = logits_of(P, P[::-1])
    each = {t: sampling.next_token_probabilities(logits, temperature=t) for t in (1.0, 0.5, 2.0)}
    return {f"temperature {t}": values for t, values in each.items()}


def powers(t):
    """p^(1/t), made to sum to 1: what a division of the logits by t does."""
    raised_p = [p ** (1 / t) for p in P]
    row = [p / sum(raised_p) for p in raised_p]
    return torch.tensor([row, row[::-1]])


def test_temperature(lesson, compare):
    """0.5 squares the probabilities, 2 takes their roots, before their sum is made 1 again."""
    expected = {f"temperature {t}": powers(t) for t in (1.0, 0.5, 2.0)}
    compare(by_temperature, lesson("sampling"), expected=expected)


def greedy(sampling):
    logits = logits_of(P, P[::-1])
    return {
        "temperature 0": sampling.next_token_probabilities(logits, temperature=0),
        "and top-k and top-p": sampling.next_token_probabilities(logits, 0, top_k=3, top_p=0.9),
        "two tokens are equally likely": sampling.next_token_probabilities(torch.tensor([[2.0, 5.0, 5.0]]), 0).max(),
    }


def test_greedy(lesson, compare):
    """Temperature 0 puts everything on one token, the most likely."""
    one = torch.tensor([[0.0, 1, 0, 0, 0], [0, 0, 0, 1, 0]])
    expected = {"temperature 0": one, "and top-k and top-p": one, "two tokens are equally likely": 1.0}
    compare(greedy, lesson("sampling"), expected=expected)


def the_k_best(sampling):
    logits = logits_of(P, P[::-1])
    each = {k: sampling.next_token_probabilities(logits, top_k=k) for k in (1, 2, 3, 5, 9)}
    tied = sampling.next_token_probabilities(torch.tensor([[1.0, 1.0, 1.0, 0.0]]), top_k=2)
    return {**{f"k = {k}": values for k, values in each.items()}, "of three equal ones, two": (tied > 0).sum()}


def test_top_k(lesson, compare):
    """The k most likely tokens stay, in their places; a k above V keeps all."""

    def kept(*tokens):
        row = [P[token] / sum(P[t] for t in tokens) if token in tokens else 0.0 for token in range(5)]
        return torch.tensor([row, row[::-1]])

    expected = {"k = 1": kept(1), "k = 2": kept(1, 3), "k = 3": kept(1, 3, 4), "k = 5": kept(*range(5))}
    expected |= {"k = 9": kept(*range(5)), "of three equal ones, two": 2}
    compare(the_k_best, lesson("sampling"), expected=expected)


def the_nucleus(sampling):
    logits = logits_of(P, P[::-1])
    each = {p: sampling.next_token_probabilities(logits, top_p=p) for p in (0.3, 0.5, 0.7, 0.96, 1.0)}
    kept = lambda logits, p: (sampling.next_token_probabilities(logits, top_p=p) > 0).sum(dim=1)  # noqa: E731
    flat_and_sharp = torch.zeros(2, 2048)
    flat_and_sharp[1, 77] = 50.0
    return {
        **{f"p = {p}": values for p, values in each.items()},
        "p = 0.5, four equal tokens: how many stay": kept(torch.zeros(1, 4), 0.5),
        "p = 1, one token nearly certain: how many stay": kept(torch.tensor([[20.0, 0.0, 1.0, 0.0, 0.0]]), 1.0),
        "p = 1/8, of 2048 equal tokens, and of one that is certain": kept(flat_and_sharp, 0.125),
        "p = 1/8, of 2048 equal tokens": kept(torch.zeros(1, 2048), 0.125),
        "p = 3/4, in each of 100 rows of 128 equal tokens": kept(torch.zeros(100, 128), 0.75),
    }


def test_top_p(lesson, compare):
    """The smallest set that reaches p: with p = 0.5 the tokens of 0.4 and of 0.25, for the second one crosses it."""

    def kept(*tokens):
        row = [P[token] / sum(P[t] for t in tokens) if token in tokens else 0.0 for token in range(5)]
        return torch.tensor([row, row[::-1]])

    expected = {"p = 0.3": kept(1), "p = 0.5": kept(1, 3), "p = 0.7": kept(1, 3, 4)}
    expected |= {"p = 0.96": kept(*range(5)), "p = 1.0": kept(*range(5))}
    expected |= {
        "p = 0.5, four equal tokens: how many stay": torch.tensor([2]),
        "p = 1, one token nearly certain: how many stay": torch.tensor([5]),
        "p = 1/8, of 2048 equal tokens, and of one that is certain": torch.tensor([256, 1]),
        "p = 1/8, of 2048 equal tokens": torch.tensor([256]),
        "p = 3/4, in each of 100 rows of 128 equal tokens": torch.full((100,), 96),
    }
    compare(the_nucleus, lesson("sampling"), expected=expected)


def together(sampling):
    flat, sharp = logits_of(P), logits_of((0.5, 0.2, 0.15, 0.1, 0.05))
    return {
        "top-k 2 and top-p 0.6": sampling.next_token_probabilities(flat, top_k=2, top_p=0.6),
        "temperature 0.5 and top-p 0.7": sampling.next_token_probabilities(sharp, 0.5, top_p=0.7),
        "temperature 2 and top-p 0.5": sampling.next_token_probabilities(sharp, 2.0, top_p=0.5),
        "all three": sampling.next_token_probabilities(sharp, 0.5, 2, 0.9),
    }


def test_in_this_order(lesson, compare):
    """First the temperature, then top-k, then top-p: of two tokens with 0.615 and 0.385, the first reaches 0.6."""
    squares = [0.25, 0.04, 0.0225, 0.01, 0.0025]  # sum 0.325: the first has 0.769
    roots = [math.sqrt(p) for p in (0.5, 0.2, 0.15, 0.1, 0.05)]  # sum 2.081: 0.340, 0.215; the second crosses 0.5
    expected = {
        "top-k 2 and top-p 0.6": torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0]]),
        "temperature 0.5 and top-p 0.7": torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0]]),
        "temperature 2 and top-p 0.5": torch.tensor([[r / sum(roots[:2]) for r in roots[:2]] + [0.0] * 3]),
        "all three": torch.tensor([[squares[0] / 0.29, squares[1] / 0.29, 0.0, 0.0, 0.0]]),
    }
    compare(together, lesson("sampling"), expected=expected)


def awkward(sampling):
    logits = logits_of(P)
    before = logits.clone()
    half = sampling.next_token_probabilities(logits.bfloat16(), 0.7, 4, 0.9)
    sampling.next_token_probabilities(logits, 0.7, 2, 0.5)
    call = lambda **settings: raised(lambda: sampling.next_token_probabilities(logits, **settings))  # noqa: E731
    return {
        "dtype for bfloat16 logits": str(half.dtype),
        "their sum": half.sum(),
        "the logits stay as they are": torch.equal(logits, before),
        "temperature -1": call(temperature=-1.0),
        "top-k 0": call(top_k=0),
        "top-p 0": call(top_p=0.0),
        "top-p 1.1": call(top_p=1.1),
    }


def test_awkward(lesson, compare):
    """bfloat16 logits give float32 probabilities with sum 1; settings that cannot be are refused."""
    expected = {
        "dtype for bfloat16 logits": "torch.float32",
        "their sum": 1.0,
        "the logits stay as they are": True,
        **dict.fromkeys(("temperature -1", "top-k 0", "top-p 0", "top-p 1.1"), "ValueError"),
    }
    compare(awkward, lesson("sampling"), expected=expected)


VOCABULARY, CONTEXT = 7, 5


class Rememberer(nn.Module):
    """Causal: what comes next depends on all tokens that it reads, and on where they stand. Noisy in train mode."""

    def __init__(self, sharp=20.0):
        super().__init__()
        self.config = SimpleNamespace(block_size=CONTEXT)
        self.table = sharp * torch.randn(13, VOCABULARY, generator=torch.Generator().manual_seed(11))
        self.dropout, self.frozen = nn.Dropout(0.5), nn.Dropout(0.5).eval()
        self.calls, self.graph = [], False

    def forward(self, idx):
        if idx.size(1) > CONTEXT:
            raise IndexError("more tokens than the model can read")
        self.calls.append([*idx.shape])
        self.graph = self.graph or torch.is_grad_enabled()
        steps = torch.arange(1, idx.size(1) + 1, device=idx.device)
        return self.dropout(self.table[(idx * steps + steps).cumsum(dim=1) % 13]), "not the loss"

    def logits_after(self, tokens):
        """What comes after these tokens, (V,); in plain Python."""
        seen = tokens[-CONTEXT:]
        return self.table[sum(token * step + step for step, token in enumerate(seen, 1)) % 13]

    def continued(self, tokens, count, stop=None):
        """A prompt and its greedy continuation, in plain Python."""
        tokens, prompt = list(tokens), len(tokens)
        while len(tokens) < prompt + count and not (stop is not None and stop in tokens[prompt:]):
            tokens.append(self.logits_after(tokens).argmax().item())
        return tokens


PROMPTS = ([3, 1], [0, 5, 2, 6], [4], [1, 2, 3, 4, 5, 6, 0, 1])


def continued(sampling):
    model = Rememberer()
    rows = sampling.generate(model, torch.tensor([PROMPTS[0], [6, 6]]), 9, temperature=0)
    long = sampling.generate(Rememberer(), torch.tensor([PROMPTS[3]]), 3, temperature=0)
    return {
        "how much it reads each time": [length for _, length in model.calls],
        "two rows": rows,
        "a prompt beyond block_size": long,
        "nothing new": sampling.generate(Rememberer(), torch.tensor([[2, 4]]), 0),
    }


def test_generate(lesson, compare):
    """Greedy, token by token, with the last five tokens in view: the same as in plain Python."""
    model = Rememberer()
    expected = {
        "how much it reads each time": [2, 3, 4, 5, 5, 5, 5, 5, 5],
        "two rows": torch.tensor([model.continued(PROMPTS[0], 9), model.continued([6, 6], 9)]),
        "a prompt beyond block_size": torch.tensor([model.continued(PROMPTS[3], 3)]),
        "nothing new": torch.tensor([[2, 4]]),
    }
    compare(continued, lesson("sampling"), expected=expected)


def drawn(sampling):
    prompt = torch.tensor([[3, 1]]).repeat(40_000, 1)

    def shares(**settings):
        model = Rememberer(sharp=1.0)
        rows = sampling.generate(model, prompt, 1, generator=torch.Generator().manual_seed(5), **settings)
        return torch.bincount(rows[:, -1], minlength=VOCABULARY) / len(rows)

    model, same = Rememberer(sharp=0.3), torch.tensor([[3, 1]])
    with_seed = lambda seed: sampling.generate(model, same, 40, generator=torch.Generator().manual_seed(seed))  # noqa: E731
    return {
        "shares": shares(),
        "shares with temperature 0.5 and top-k 3": shares(temperature=0.5, top_k=3),
        "shares with top-p 0.6": shares(top_p=0.6),
        "the same seed, the same text": torch.equal(with_seed(1), with_seed(1)),
        "another seed, another text": not torch.equal(with_seed(1), with_seed(2)),
    }


def exact_shares():
    state = (3 * 1 + 1 + 1 * 2 + 2) % 13
    p = Rememberer(sharp=1.0).table[state].double().softmax(dim=0)
    order = p.argsort(descending=True).tolist()
    sharp = p.square().where(torch.isin(torch.arange(VOCABULARY), torch.tensor(order[:3])), 0.0)
    reached, nucleus = 0.0, torch.zeros_like(p)
    for token in order:
        if reached < 0.6:
            nucleus[token] = p[token]
            reached += p[token].item()
    return {
        "shares": p.float(),
        "shares with temperature 0.5 and top-k 3": (sharp / sharp.sum()).float(),
        "shares with top-p 0.6": (nucleus / nucleus.sum()).float(),
        "the same seed, the same text": True,
        "another seed, another text": True,
    }


def test_draws(lesson, compare):
    """Of 40,000 rows each token gets its share, within one part in a hundred; a seed gives the same text again."""
    compare(drawn, lesson("sampling"), expected=exact_shares, atol=0.011)  # 4.4 deviations of a share of a half


class Watch(DeviceWatch):
    """Two devices must not meet; but an index may come from the CPU, as PyTorch allows it."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        before = self.mixed
        result = super().__torch_function__(func, types, args, kwargs)
        self.mixed = self.mixed and (before or func.__name__ not in ("__getitem__", "__setitem__"))
        return result


def modes(sampling):
    seen = {}
    for name in ("generate", "generate_batch"):
        model, prompts = Rememberer(), torch.tensor([[3, 1], [6, 6]])
        handed_over = prompts if name == "generate" else list(prompts)
        with Watch(model.table, *handed_over, prompts) as watch:
            getattr(sampling, name)(model, handed_over, 2, top_k=4, top_p=0.9, stop_token=STOP)
        seen[name] = {"model": model.training, "dropout": model.dropout.training, "frozen": model.frozen.training}
        seen[name] |= {"graph while sampling": model.graph, "tensors of two devices meet": watch.mixed}
        seen[name] |= after_an_error(getattr(sampling, name), handed_over)
    return seen


def after_an_error(function, prompts):
    """A model that says it could read one token more than it can."""
    model = Rememberer()
    model.config.block_size += 1
    error = raised(lambda: function(model, prompts, 9))
    return {"a model that fails": error, "its mode afterwards": model.training}


def test_model_is_left_as_it_was(lesson, compare):
    """No graph, all on one device, and afterwards every module is in the mode that it was in."""
    each = {"model": True, "dropout": True, "frozen": False}
    each |= {"graph while sampling": False, "tensors of two devices meet": False}
    each |= {"a model that fails": "IndexError", "its mode afterwards": True}
    compare(modes, lesson("sampling"), expected={"generate": each, "generate_batch": each})


def stopped(sampling):
    model = Rememberer()
    rows = sampling.generate(model, torch.tensor([[3, 1], [6, 6], [0, 2]]), 12, temperature=0, stop_token=STOP)
    return {"rows": rows, "calls": len(model.calls)}


STOP = 3  # in the first prompt already; greedy continuations reach it after 3, 3 and 9 tokens


def all_stopped():
    model = Rememberer()
    rows = [model.continued(prompt, 12, STOP) for prompt in ([3, 1], [6, 6], [0, 2])]
    longest = max(map(len, rows))
    return {"rows": torch.tensor([row + [STOP] * (longest - len(row)) for row in rows]), "calls": longest - 2}


def test_stop_token(lesson, compare):
    """After its stop token a row holds nothing else; when all have stopped, the model is not asked again."""
    compare(stopped, lesson("sampling"), expected=all_stopped)


def unequal(sampling):
    prompts = [torch.tensor(prompt) for prompt in PROMPTS]
    rows = sampling.generate_batch(Rememberer(), prompts, 7, temperature=0)
    model = Rememberer()
    ends = sampling.generate_batch(model, prompts, 7, temperature=0, stop_token=STOP)
    few, more = Rememberer(), Rememberer()
    for model, count in ((few, 7), (more, 20)):
        sampling.generate_batch(model, prompts[::3], count, temperature=0, stop_token=STOP)
    return {
        "rows": [row.tolist() for row in rows],
        "with a stop token": [row.tolist() for row in ends],
        "asked again after all have stopped": len(more.calls) > len(few.calls),
        "prompts stay as they are": [prompt.tolist() for prompt in prompts],
        "nothing new": [row.tolist() for row in sampling.generate_batch(Rememberer(), prompts[:2], 0)],
        "an empty prompt": raised(
            lambda: sampling.generate_batch(Rememberer(), [*prompts, torch.tensor([], dtype=torch.long)], 2)
        ),
    }


def each_alone():
    model = Rememberer()
    return {
        "rows": [model.continued(prompt, 7) for prompt in PROMPTS],
        "with a stop token": [model.continued(prompt, 7, STOP) for prompt in PROMPTS],
        "asked again after all have stopped": False,
        "prompts stay as they are": list(PROMPTS),
        "nothing new": list(PROMPTS[:2]),
        "an empty prompt": "ValueError",
    }


def test_prompts_of_unequal_length(lesson, compare):
    """Four prompts of 2, 4, 1 and 8 tokens at once: each row goes on as it would alone."""
    compare(unequal, lesson("sampling"), expected=each_alone)


DRAWN_PROMPTS = ([3, 1], [2], [0, 0, 6], [2], [5, 1, 4, 4])


def batch_drawn(sampling):
    prompts = [torch.tensor(prompt) for prompt in DRAWN_PROMPTS]
    generator = torch.Generator().manual_seed(5)
    rows = sampling.generate_batch(Rememberer(sharp=0.5), prompts, 6, 0.5, 5, generator=generator)
    generator.manual_seed(5)
    plain = sampling.generate_batch(Rememberer(sharp=0.5), prompts, 6, generator=generator)
    return {"rows": [row.tolist() for row in rows], "without settings": [row.tolist() for row in plain]}


def one_multinomial(factor, keep):
    """Each step one multinomial over the rows' distributions, which are computed one by one."""
    model, rows = Rememberer(sharp=0.5), [list(prompt) for prompt in DRAWN_PROMPTS]
    generator = torch.Generator().manual_seed(5)
    for _ in range(6):
        logits = torch.stack([model.logits_after(row) for row in rows])  # (B, V)
        p = (factor * logits).softmax(dim=1)
        p = p.where(p >= p.sort(dim=1, descending=True).values[:, keep - 1 : keep], 0.0)
        tokens = torch.multinomial(p / p.sum(dim=1, keepdim=True), 1, generator=generator)
        for row, token in zip(rows, tokens[:, 0].tolist(), strict=True):
            row.append(token)
    return rows


def test_batch_draws(lesson, compare):
    """Prompts of unequal length with a seed, temperature 0.5 and top-k 5: the draws of one multinomial a step."""
    expected = lambda: {"rows": one_multinomial(2, 5), "without settings": one_multinomial(1, VOCABULARY)}  # noqa: E731
    compare(batch_drawn, lesson("sampling"), expected=expected)
