"""Checks of task 11.4, kv_cache.py."""

import math
from types import SimpleNamespace

import torch
from torch import nn

from grader import raised
from grader.devices import DeviceWatch
from grader.inputs import generator


def numbered(batch, heads, length, size, start=1):
    """(B, H, T, D) of different numbers."""
    count = batch * heads * length * size
    return torch.arange(start, start + count, dtype=torch.float32).view(batch, heads, length, size)


def filled(kv_cache):
    cache = kv_cache.KVCache(6)
    k, v = numbered(2, 3, 3, 2), -numbered(2, 3, 3, 2)
    first = cache.extend(0, k, v, torch.tensor([[0, 1, 2], [0, 1, 2]]))
    seen = {"keys": first[0].clone(), "values": first[1].clone()}
    # Row 0 goes on at position 3; row 1 was shorter, and overwrites its padding at position 1.
    more = cache.extend(0, 100 * k[:, :, :1], 100 * v[:, :, :1], torch.tensor([[3], [1]]))
    seen |= {"keys, one more": more[0].clone(), "values, one more": more[1].clone()}
    other = cache.extend(1, v, k, torch.tensor([[0, 1, 2], [0, 1, 2]]))
    seen["another layer's keys"] = other[0].clone()
    again = cache.extend(0, 100 * k[:, :, :1], 100 * v[:, :, :1], torch.tensor([[3], [1]]))
    seen["the first layer's keys, once more"] = again[0].clone()
    cache.clear()
    seen["keys after clear"] = cache.extend(0, k[:, :, :1], v[:, :, :1], torch.tensor([[1], [0]]))[0]
    return seen


def by_hand():
    k, v = numbered(2, 3, 3, 2), -numbered(2, 3, 3, 2)

    def one_more(kept):
        grown = torch.cat((kept, torch.zeros(2, 3, 1, 2)), dim=2)
        grown[0, :, 3], grown[1, :, 1] = 100 * kept[0, :, 0], 100 * kept[1, :, 0]
        return grown

    after = torch.zeros(2, 3, 2, 2)
    after[0, :, 1], after[1, :, 0] = k[0, :, 0], k[1, :, 0]
    return {
        "keys": k,
        "values": v,
        "keys, one more": one_more(k),
        "values, one more": one_more(v),
        "another layer's keys": v,
        "the first layer's keys, once more": one_more(k),
        "keys after clear": after,
    }


def test_cache(lesson, compare):
    """Two rows of different length: each key stands at its own position, padding is overwritten, layers are apart."""
    compare(filled, lesson("kv_cache"), expected=by_hand, shapes={"keys": "B H S D", "values": "B H S D"})


def too_far(kv_cache):
    k = numbered(1, 1, 2, 2)
    cache = kv_cache.KVCache(4)
    keys, _ = cache.extend(0, k.double(), k.double(), torch.tensor([[2, 3]]))
    return {
        "the last position that fits": keys,
        "one beyond": raised(lambda: cache.extend(0, k, k, torch.tensor([[3, 4]]))),
    }


def test_capacity(lesson, compare):
    """A cache of 4 positions takes position 3, in the dtype of the keys, and refuses position 4."""
    keys = torch.tensor([[[[0.0, 0], [0, 0], [1, 2], [3, 4]]]], dtype=torch.float64)
    expected = {"the last position that fits": keys, "one beyond": "ValueError"}
    compare(too_far, lesson("kv_cache"), expected=expected)


POSITIONS = torch.tensor([[0, 1, 2], [1, 3, 4]])


def some(*shape, seed):
    return torch.randn(*shape, generator=generator(seed))


def attended(kv_cache):
    q, keys, values = some(2, 2, 3, 4, seed=1), some(2, 2, 5, 4, seed=2), some(2, 2, 5, 4, seed=3)
    one = kv_cache.cached_attention(q[:, :, :1], keys, values, torch.tensor([[4], [2]]))
    return {"output": kv_cache.cached_attention(q, keys, values, POSITIONS), "one position of each row": one}


def row_by_row():
    q, keys, values = some(2, 2, 3, 4, seed=1), some(2, 2, 5, 4, seed=2), some(2, 2, 5, 4, seed=3)

    def mixed(row, head, query, position):
        scores = [(q[row, head, query] @ keys[row, head, place]).item() / 2 for place in range(position + 1)]
        weights = [math.exp(score) for score in scores]
        return sum(w * values[row, head, place] for place, w in enumerate(weights)) / sum(weights)

    def all_of(positions):
        return torch.stack(
            [
                torch.stack(
                    [torch.stack([mixed(b, h, t, p) for t, p in enumerate(row)]) for h in range(2)],
                )
                for b, row in enumerate(positions)
            ]
        )

    return {"output": all_of(POSITIONS.tolist()), "one position of each row": all_of([[4], [2]])}


def test_attention(lesson, compare):
    """Each query sees the keys up to its own position in its own row: computed query by query."""
    compare(attended, lesson("kv_cache"), expected=row_by_row, shapes={"output": "B H T D"})


class Watch(DeviceWatch):
    """Two devices must not meet; but an index may come from the CPU, as PyTorch allows it."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        before = self.mixed
        result = super().__torch_function__(func, types, args, kwargs)
        self.mixed = self.mixed and (before or func.__name__ not in ("__getitem__", "__setitem__"))
        return result


V, C, HEADS, CONTEXT = 11, 8, 2, 6


class TinyGPT(nn.Module):
    """Two layers of attention, token and position embeddings, weights from a seed. Attends by itself, or by a cache."""

    def __init__(self, kv_cache=None):
        super().__init__()
        self.kv_cache, self.calls, self.graph = kv_cache, [], False
        self.config = SimpleNamespace(block_size=CONTEXT)
        self.token, self.position = some(V, C, seed=1), some(CONTEXT, C, seed=2)
        self.head = some(C, V, seed=7)
        self.layers = [(1.5 * some(C, 3 * C, seed=3 + n), some(C, C, seed=5 + n)) for n in range(2)]
        self.dropout, self.frozen = nn.Dropout(0.5), nn.Dropout(0.5).eval()

    def forward(self, idx, positions, cache=None):
        self.calls.append([*idx.shape])
        self.graph = self.graph or torch.is_grad_enabled()
        x = self.token[idx] + self.position[positions]
        for layer, (qkv, project) in enumerate(self.layers):
            q, k, v = (x @ qkv / math.sqrt(C)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)  # (B, H, T, D)
            if cache is None:
                scores = q @ k.transpose(-2, -1) / math.sqrt(C // HEADS)  # (B, H, T, T)
                later = torch.ones(idx.size(1), idx.size(1), dtype=torch.bool).triu(1)
                mixed = scores.masked_fill(later, float("-inf")).softmax(dim=-1) @ v
            else:
                mixed = self.kv_cache.cached_attention(q, *cache.extend(layer, k, v, positions), positions)
            x = x + mixed.transpose(1, 2).flatten(2) @ project / math.sqrt(C)
        return self.dropout(x) @ self.head, "not the loss"

    def continued(self, tokens, count, stop=None):
        """A prompt and its greedy continuation, each step from the whole window, without a cache."""
        tokens, prompt = list(tokens), len(tokens)
        self.eval()
        while len(tokens) < prompt + count and not (stop is not None and stop in tokens[prompt:]):
            window = torch.tensor([tokens[-CONTEXT:]])
            logits, _ = self(window, torch.arange(window.size(1))[None])
            tokens.append(logits[0, -1].argmax().item())
        return tokens


PROMPTS = ([3, 1], [0, 5, 2, 6], [4])


def as_tensors(prompts):
    return [torch.tensor(prompt) for prompt in prompts]


def within(kv_cache):
    model = TinyGPT(kv_cache)
    rows = kv_cache.generate_with_cache(model, as_tensors(PROMPTS), 3, temperature=0)
    return {"rows": [row.tolist() for row in rows], "what the model reads": model.calls}


def test_equal_to_no_cache(lesson, compare):
    """Three prompts of unequal length within block_size: the rows of a model without a cache, from one token a step."""
    expected = lambda: {  # noqa: E731
        "rows": [TinyGPT().continued(prompt, 3) for prompt in PROMPTS],
        "what the model reads": [[3, 4], [3, 1], [3, 1]],
    }
    compare(within, lesson("kv_cache"), expected=expected)


def beyond(kv_cache):
    model, long = TinyGPT(kv_cache), TinyGPT(kv_cache)
    rows = kv_cache.generate_with_cache(model, as_tensors(PROMPTS), 8, temperature=0)
    longer = kv_cache.generate_with_cache(long, as_tensors([[1, 2, 3, 4, 5, 6, 7, 8], [9]]), 3, temperature=0)
    return {
        "rows": [row.tolist() for row in rows],
        "what the model reads": model.calls,
        "a prompt beyond it": [row.tolist() for row in longer],
    }


def test_beyond_block_size(lesson, compare):
    """Rows grow beyond the six tokens that the model reads: the window moves, and the rows are still the same."""
    expected = lambda: {  # noqa: E731
        "rows": [TinyGPT().continued(prompt, 8) for prompt in PROMPTS],
        "what the model reads": [[3, 4], [3, 1], [3, 1], *[[3, 6]] * 5],
        "a prompt beyond it": [TinyGPT().continued(prompt, 3) for prompt in ([1, 2, 3, 4, 5, 6, 7, 8], [9])],
    }
    compare(beyond, lesson("kv_cache"), expected=expected)


STOP = 7


def stopped(kv_cache):
    prompts = [[3, 1], [7, 2], [4]]
    model = TinyGPT(kv_cache)
    rows = kv_cache.generate_with_cache(model, as_tensors(prompts), 9, temperature=0, stop_token=STOP)
    single = TinyGPT(kv_cache)
    kv_cache.generate_with_cache(single, as_tensors(prompts[:1]), 9, temperature=0, stop_token=STOP)
    return {
        "rows": [row.tolist() for row in rows],
        "calls": len(model.calls),
        "calls for one row alone": len(single.calls),
    }


def test_stop_token(lesson, compare):
    """Each row ends with the first stop token that it draws; one in its prompt does not count."""

    def expected():
        rows = [TinyGPT().continued(prompt, 9, STOP) for prompt in ([3, 1], [7, 2], [4])]
        calls = [len(row) - size for row, size in zip(rows, (2, 2, 1), strict=True)]
        return {"rows": rows, "calls": max(calls), "calls for one row alone": calls[0]}

    compare(stopped, lesson("kv_cache"), expected=expected)


class Uncached(nn.Module):
    """TinyGPT as generate_batch calls a model."""

    def __init__(self):
        super().__init__()
        self.model, self.config = TinyGPT(), SimpleNamespace(block_size=CONTEXT)

    def forward(self, idx):
        return self.model(idx, torch.arange(idx.size(1)).expand_as(idx))


def drawn(kv_cache, sampling):
    settings = {"temperature": 3.0, "top_k": 6, "top_p": 0.9, "stop_token": STOP}
    seed = lambda: torch.Generator().manual_seed(4)  # noqa: E731
    with_cache = kv_cache.generate_with_cache(
        TinyGPT(kv_cache), as_tensors(PROMPTS * 4), 7, generator=seed(), **settings
    )
    without = sampling.generate_batch(Uncached(), as_tensors(PROMPTS * 4), 7, generator=seed(), **settings)
    again = kv_cache.generate_with_cache(TinyGPT(kv_cache), as_tensors(PROMPTS * 4), 7, generator=seed(), **settings)
    plain = kv_cache.generate_with_cache(TinyGPT(kv_cache), as_tensors(PROMPTS), 7, generator=seed())
    uncached = sampling.generate_batch(Uncached(), as_tensors(PROMPTS), 7, generator=seed())
    return {
        "the rows of generate_batch": [a.tolist() == b.tolist() for a, b in zip(with_cache, without, strict=True)],
        "without settings": [a.tolist() == b.tolist() for a, b in zip(plain, uncached, strict=True)],
        "the same seed, the same rows": [a.tolist() for a in with_cache] == [a.tolist() for a in again],
        "not one row only for each prompt": len({tuple(row.tolist()) for row in with_cache}) > 3,
    }


def test_draws(lesson, compare):
    """With a seed, temperature, top-k and top-p: the very rows that generate_batch draws without a cache."""
    expected = {
        "the rows of generate_batch": [True] * 12,
        "without settings": [True] * 3,
        "the same seed, the same rows": True,
        "not one row only for each prompt": True,
    }
    compare(drawn, lesson("kv_cache", "sampling"), expected=expected)


def handling(kv_cache):
    model, prompts = TinyGPT(kv_cache), as_tensors(PROMPTS)
    with Watch(
        model.token, model.position, model.head, *prompts, *(part for pair in model.layers for part in pair)
    ) as watch:
        kv_cache.generate_with_cache(model, prompts, 2)
    rows = kv_cache.generate_with_cache(TinyGPT(kv_cache), prompts, 0)
    empty = torch.tensor([], dtype=torch.long)
    return {
        "graph": model.graph,
        "tensors of two devices meet": watch.mixed,
        "modes": {"model": model.training, "dropout": model.dropout.training, "frozen": model.frozen.training},
        "nothing new": [row.tolist() for row in rows],
        "an empty prompt": raised(lambda: kv_cache.generate_with_cache(TinyGPT(kv_cache), [prompts[0], empty], 2)),
        **after_an_error(kv_cache, prompts),
    }


def after_an_error(kv_cache, prompts):
    """A model that says it could read one token more than it can."""
    model = TinyGPT(kv_cache)
    model.config.block_size += 1
    error = raised(lambda: kv_cache.generate_with_cache(model, prompts, 9))
    return {"a model that fails": error, "its mode afterwards": model.training}


def test_model_is_left_as_it_was(lesson, compare):
    """No graph, one device, all modules in their modes; no token to add gives the prompts, an empty one is refused."""
    expected = {
        "graph": False,
        "tensors of two devices meet": False,
        "modes": {"model": True, "dropout": True, "frozen": False},
        "nothing new": list(PROMPTS),
        "an empty prompt": "ValueError",
        "a model that fails": "IndexError",
        "its mode afterwards": True,
    }
    compare(handling, lesson("kv_cache"), expected=expected)
