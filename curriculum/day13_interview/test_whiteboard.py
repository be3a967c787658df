"""Checks of task 13.2, whiteboard.py."""

import math

import torch
import torch.nn.functional as F

from grader import raised
from grader.devices import DeviceWatch
from grader.inputs import generator

# rotate


def quarter_turns(whiteboard):
    """base = 1 makes every pair turn by its position in radians; a quarter turn needs no cosine."""
    quarter = math.pi / 2
    x = torch.tensor([[1.0, 0.0, 3.0, 4.0]])
    return {f"position {n}": whiteboard.rotate(x, torch.tensor([n * quarter]), base=1.0) for n in (0, 1, 2)}


def test_quarter_turns(lesson, compare):
    """A quarter turn anticlockwise: (1, 0) becomes (0, 1), and (3, 4) becomes (-4, 3)."""
    turned = ([1.0, 0.0, 3.0, 4.0], [0.0, 1.0, -4.0, 3.0], [-1.0, 0.0, -3.0, -4.0])
    compare(
        quarter_turns,
        lesson("whiteboard"),
        expected={f"position {n}": torch.tensor([row]) for n, row in enumerate(turned)},
    )


def queries(*shape):
    return torch.randn(*shape, generator=generator(7))


def turned_by_rotate(whiteboard):
    x = queries(2, 3, 5, 6)
    return {
        "base 10,000": whiteboard.rotate(x, torch.tensor([0, 1, 2, 10, 60])),
        "base 100": whiteboard.rotate(x, torch.arange(5), base=100.0),
        "odd D": raised(lambda: whiteboard.rotate(x[..., :5], torch.arange(5))),
    }


def turned_as_complex_numbers():
    x = torch.view_as_complex(queries(2, 3, 5, 6).double().unflatten(-1, (3, 2)))

    def turn(positions, base):
        angles = [[position * base ** (-2 * i / 6) for i in range(3)] for position in positions]
        lengths = torch.ones(len(positions), 3, dtype=torch.float64)
        turned = x * torch.polar(lengths, torch.tensor(angles, dtype=torch.float64))
        return torch.view_as_real(turned).flatten(-2).float()

    return {
        "base 10,000": turn((0, 1, 2, 10, 60), 10_000.0),
        "base 100": turn(range(5), 100.0),
        "odd D": "ValueError",
    }


def test_rotate(lesson, compare):
    """Each pair turns at its own frequency, as a complex number does that is multiplied by e^(i·angle)."""
    compare(turned_by_rotate, lesson("whiteboard"), expected=turned_as_complex_numbers, shapes={"base 100": "B H T D"})


def far_out(whiteboard):
    x = torch.tensor([[1.0, 0.0, 1.0, 0.0]], dtype=torch.bfloat16)
    turned = whiteboard.rotate(x, torch.tensor([997]), base=30.0)  # in bfloat16: position 996
    return {"dtype": str(turned.dtype), "position 997": turned.float()}


def test_in_float32(lesson, compare):
    """A bfloat16 head stays bfloat16, but its angles are exact at position 997."""
    angles = (997.0, 997 / math.sqrt(30))
    row = [value for angle in angles for value in (math.cos(angle), math.sin(angle))]
    compare(
        far_out,
        lesson("whiteboard"),
        expected={"dtype": "torch.bfloat16", "position 997": torch.tensor([row]).bfloat16().float()},
        atol=0.004,  # a step of bfloat16 below 1
    )


def elsewhere(whiteboard):
    x, positions, (q, k, v) = queries(2, 3, 5, 6), torch.arange(5), heads(3, 5)
    with DeviceWatch(x, positions) as turning:
        whiteboard.rotate(x, positions)
    with DeviceWatch(q, k, v) as attending:
        whiteboard.grouped_query_attention(q, k, v)
    return {"in rotate": turning.mixed, "in grouped_query_attention": attending.mixed}


def test_devices(lesson, compare):
    """On a GPU: no tensor that was made on the CPU meets one that was handed in"""
    compare(elsewhere, lesson("whiteboard"), expected={"in rotate": False, "in grouped_query_attention": False})


# grouped_query_attention


def heads(groups, keys):
    drawn = generator(11)
    q = torch.randn(2, 6, 3, 4, generator=drawn) * 2
    k = torch.randn(2, groups, keys, 4, generator=drawn) * 2
    return q, k, torch.randn(2, groups, keys, 4, generator=drawn)


def grouped(whiteboard):
    q, k, v = heads(6, 3)
    found = {"six heads of keys": whiteboard.grouped_query_attention(q, k, v)}
    for groups in (1, 2):
        found[f"{groups} of keys"] = whiteboard.grouped_query_attention(*heads(groups, 3))
    found["a cache of 5"] = whiteboard.grouped_query_attention(*heads(3, 5))
    q, k, v = heads(4, 3)
    found["6 on 4 heads"] = raised(lambda: whiteboard.grouped_query_attention(q, k, v))
    q, k, v = heads(2, 2)
    found["3 queries on 2 keys"] = raised(lambda: whiteboard.grouped_query_attention(q, k, v))
    return found


def head_after_head():
    def attention(groups, keys):
        q, k, v = heads(groups, keys)
        mask = torch.ones(3, keys, dtype=torch.bool).tril(diagonal=keys - 3)
        share = 6 // groups
        each = [F.scaled_dot_product_attention(q[:, h], k[:, h // share], v[:, h // share], mask) for h in range(6)]
        return torch.stack(each, dim=1)

    return {
        "six heads of keys": attention(6, 3),
        "1 of keys": attention(1, 3),
        "2 of keys": attention(2, 3),
        "a cache of 5": attention(3, 5),
        "6 on 4 heads": "ValueError",
        "3 queries on 2 keys": "ValueError",
    }


def test_grouped_query_attention(lesson, compare):
    """PyTorch's attention, one query head after another, each with the keys and values of its group."""
    compare(grouped, lesson("whiteboard"), expected=head_after_head, shapes={"2 of keys": "B H T D"})


# attend_in_parts


def keys_and_values():
    drawn = generator(3)
    q = torch.randn(4, generator=drawn) * 3
    return q, torch.randn(9, 4, generator=drawn) * 2, torch.randn(9, 4, generator=drawn)


def tiles(k, v, sizes):
    """The same two tensors again and again, filled anew: what a part held is gone when the next one comes."""
    begin = 0
    for size in sizes:
        tile = (k[begin : begin + size].clone(), v[begin : begin + size].clone())
        yield tile
        for tensor in tile:
            tensor.fill_(float("nan"))
        begin += size


def in_parts(whiteboard):
    q, k, v = keys_and_values()
    order = (k @ q).argsort()  # the highest score comes last
    found = {
        f"parts of {sizes}": whiteboard.attend_in_parts(q, tiles(k[order], v[order], sizes))
        for sizes in ((9,), (4, 5), (1, 2, 6), (3, 3, 3))
    }
    found["highest first"] = whiteboard.attend_in_parts(q, tiles(k[order.flip(0)], v[order.flip(0)], (2, 4, 3)))
    found["scores of 1,000"] = whiteboard.attend_in_parts(1000 * q, tiles(k[order.flip(0)], v[order.flip(0)], (5, 4)))
    low = far_below(q, k)
    order = (low @ q.sign()).argsort()
    found["scores below -1,000"] = whiteboard.attend_in_parts(1000 * q.sign(), tiles(low[order], v[order], (2, 7)))
    return found


def far_below(q, k):
    """Keys of which every feature pulls against the query."""
    return -q.sign() * (k.abs() + 1)


def all_at_once():
    q, k, v = (tensor.double() for tensor in keys_and_values())
    whole = ((k @ q / 2).softmax(dim=0) @ v).float()
    sizes = ((9,), (4, 5), (1, 2, 6), (3, 3, 3))
    found = {f"parts of {each}": whole for each in sizes} | {"highest first": whole}
    found["scores of 1,000"] = v[(k @ q).argmax()].float()
    found["scores below -1,000"] = v[(far_below(q, k) @ q.sign()).argmax()].float()
    return found


def test_in_parts(lesson, compare):
    """However the keys are cut, and wherever the highest score stands, the result is that of one softmax."""
    compare(in_parts, lesson("whiteboard"), expected=all_at_once, shapes={"highest first": "D"})


# verify_draft: three tokens in the vocabulary, the large model's p and the small one's q chosen for easy fractions

Q = ((0.5, 0.25, 0.25), (0.25, 0.5, 0.25))
P = ((0.25, 0.5, 0.25), (0.5, 0.375, 0.125), (0.1, 0.2, 0.7))


def verified(whiteboard):
    found = {}
    for name, drafted, uniforms in (
        ("both accepted", (1, 0), (0.9, 0.9)),
        ("0.4 against 1/2", (0, 0), (0.4, 0.0)),
        ("0.6 against 1/2", (0, 0), (0.6, 0.0)),
        ("0.7 against 3/4", (1, 1), (0.99, 0.7)),
        ("0.8 against 3/4", (2, 1), (0.99, 0.8)),
        ("0.5 against 1/2", (0, 0), (0.5, 0.0)),
    ):
        accepted, after = whiteboard.verify_draft(
            torch.tensor(drafted), torch.tensor(Q), torch.tensor(P), torch.tensor(uniforms)
        )
        found[name] = {"accepted": accepted, "then from": after}
    return found


def test_verify_draft(lesson, compare):
    """Token 0 is drafted with 1/2 where the large model has 1/4: half of such drafts stay."""
    first, second, last = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0]), torch.tensor(P[2])
    compare(
        verified,
        lesson("whiteboard"),
        expected={
            "both accepted": {"accepted": 2, "then from": last},
            "0.4 against 1/2": {"accepted": 2, "then from": last},
            "0.6 against 1/2": {"accepted": 0, "then from": first},
            "0.7 against 3/4": {"accepted": 2, "then from": last},
            "0.8 against 3/4": {"accepted": 1, "then from": second},
            "0.5 against 1/2": {"accepted": 0, "then from": first},
        },
    )


def drafts_and_tokens(whiteboard):
    """One drafted token over four, its uniform number on a fine grid: what comes out must be p, whatever q is."""
    q, p = torch.tensor([[0.4, 0.3, 0.2, 0.1]]), torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]])
    drawn, steps = torch.zeros(4), 60
    for token in range(4):
        for step in range(steps):
            uniform = torch.tensor([(step + 0.5) / steps])
            accepted, after = whiteboard.verify_draft(torch.tensor([token]), q, p, uniform)
            drawn += q[0, token] / steps * (F.one_hot(torch.tensor(token), 4) if accepted else after)
    return {"distribution of the first token": drawn}


def test_speculation_changes_nothing(lesson, compare):
    """Accepted drafts and replacements together have exactly the large model's distribution."""
    compare(
        drafts_and_tokens,
        lesson("whiteboard"),
        expected={"distribution of the first token": torch.tensor([0.1, 0.2, 0.3, 0.4])},
    )


# zero_bytes


def shared_out(whiteboard):
    found = {f"stage {stage}": whiteboard.zero_bytes(7_000_000_000, 64, stage) for stage in (0, 1, 2, 3)}
    found["one rank"] = {stage: whiteboard.zero_bytes(1000, 1, stage) for stage in (0, 3)}
    found["a single parameter on 64 ranks, stage 3"] = whiteboard.zero_bytes(1, 64, 3)
    found["stage 4"] = raised(lambda: whiteboard.zero_bytes(1000, 8, 4))
    found["stage -1"] = raised(lambda: whiteboard.zero_bytes(1000, 8, -1))
    return found


def test_zero_bytes(lesson, compare):
    """Seven billion parameters on 64 GPUs: 112 GB each with DDP, 1.75 GB with stage 3."""
    expected = {"stage 0": 112e9, "stage 1": 29.3125e9, "stage 2": 15.53125e9, "stage 3": 1.75e9}
    expected |= {
        "one rank": {0: 16_000.0, 3: 16_000.0},
        "a single parameter on 64 ranks, stage 3": 0.25,
        "stage 4": "ValueError",
        "stage -1": "ValueError",
    }
    compare(shared_out, lesson("whiteboard"), expected=expected)
