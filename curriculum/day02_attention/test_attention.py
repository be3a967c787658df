"""Checks of task 2.3, attention.py."""

import math

import torch
import torch.nn.functional as F


def worked_example():
    """Queries, keys and values of the lesson's example: one batch, two positions, four channels."""
    q = torch.tensor([[[2.0, 1.0, 0.0, 0.0], [0.0, 1.0, -1.0, 1.0]]])
    k = torch.tensor([[[2.0, 0.0, 1.0, 1.0], [0.0, 2.0, 0.0, 2.0]]])
    v = torch.tensor([[[1.0, 2.0, 0.0, 4.0], [3.0, 0.0, 2.0, 0.0]]])
    return q, k, v


def worked_out_by_hand():
    """The scaled scores are [[2, 1], [0, 2]]: weights of 0.7311 to 0.2689, and 0.1192 to 0.8808."""
    a = math.e / (math.e + 1)
    b = math.e**2 / (math.e**2 + 1)
    weights = torch.tensor([[[a, 1 - a], [1 - b, b]]])
    output = torch.tensor([[[3 - 2 * a, 2 * a, 2 - 2 * a, 4 * a], [1 + 2 * b, 2 - 2 * b, 2 * b, 4 - 4 * b]]])
    return {"weights": weights, "output": output}


def attention_on_worked_example(attention):
    output, weights = attention.scaled_dot_product_attention(*worked_example())
    return {"weights": weights, "output": output}


def test_worked_example(lesson, compare):
    """The worked example of the lesson, number by number."""
    shapes = {"weights": "B T T", "output": "B T D"}
    compare(attention_on_worked_example, lesson("attention"), expected=worked_out_by_hand, shapes=shapes)


def random_inputs():
    """Three queries, five keys, D = 4, D_v = 6: every axis has a length of its own."""
    return torch.randn(2, 3, 4), torch.randn(2, 5, 4), torch.randn(2, 5, 6)


def pytorch_weights(q, k, mask=None):
    """Values that are the rows of the identity give PyTorch's weights themselves."""
    return F.scaled_dot_product_attention(q, k, torch.eye(k.size(-2)).expand(*k.shape[:-2], -1, -1), mask)


def attention_without_mask(attention):
    q, k, v = random_inputs()
    output, weights = attention.scaled_dot_product_attention(q, k, v)
    return {"weights": weights, "output": output, "q, after the call": q}


def pytorch_without_mask():
    q, k, v = random_inputs()
    output = F.scaled_dot_product_attention(q, k, v)
    return {"weights": pytorch_weights(q, k), "output": output, "q, after the call": q}


def test_queries_and_keys_of_different_number(lesson, compare):
    """Three queries look at five keys; PyTorch's own attention gives the same."""
    compare(attention_without_mask, lesson("attention"), expected=pytorch_without_mask)


def square_inputs():
    """As many positions as channels: a matrix that lies on its side does not crash here."""
    return torch.randn(2, 3, 3), torch.randn(2, 3, 3), torch.randn(2, 3, 3)


def attention_on_square_inputs(attention):
    output, weights = attention.scaled_dot_product_attention(*square_inputs())
    return {"weights": weights, "output": output}


def pytorch_on_square_inputs():
    q, k, v = square_inputs()
    return {"weights": pytorch_weights(q, k), "output": F.scaled_dot_product_attention(q, k, v)}


def test_as_many_positions_as_channels(lesson, compare):
    """T = D: every product fits, whichever way round it is written."""
    compare(attention_on_square_inputs, lesson("attention"), expected=pytorch_on_square_inputs)


def inputs_with_heads():
    """(B, H, T, D), as day 3 will hand them in; H = T = D, so that an axis mistaken for another does not crash."""
    return torch.randn(2, 3, 3, 3), torch.randn(2, 3, 3, 3), torch.randn(2, 3, 3, 3)


def attention_with_heads(attention):
    output, weights = attention.scaled_dot_product_attention(*inputs_with_heads())
    return {"weights": weights, "output": output}


def pytorch_with_heads():
    q, k, v = inputs_with_heads()
    return {"weights": pytorch_weights(q, k), "output": F.scaled_dot_product_attention(q, k, v)}


def test_heads(lesson, compare):
    """Two axes before the positions, (B, H, T, D), as day 3 will need."""
    compare(attention_with_heads, lesson("attention"), expected=pytorch_with_heads)


def attention_without_batch(attention):
    output, weights = attention.scaled_dot_product_attention(*(x[0] for x in random_inputs()))
    return {"weights": weights, "output": output}


def pytorch_without_batch():
    q, k, v = (x[0] for x in random_inputs())
    return {"weights": pytorch_weights(q, k), "output": F.scaled_dot_product_attention(q, k, v)}


def test_no_batch(lesson, compare):
    """No axis before the positions: (T, D)."""
    compare(attention_without_batch, lesson("attention"), expected=pytorch_without_batch)


def masks():
    """One mask for both sequences, and one that hides keys (padding) of each sequence by itself."""
    staircase = torch.tensor([[1, 0, 0, 1, 0], [1, 1, 0, 0, 1], [0, 1, 1, 0, 0]], dtype=torch.bool)
    padding = torch.tensor([[[1, 1, 1, 0, 0]], [[0, 1, 1, 1, 1]]], dtype=torch.bool)
    return staircase, padding


def attention_with_masks(attention):
    q, k, v = random_inputs()
    observations = {}
    for name, mask in zip(["(T, T) mask", "(B, 1, T) mask"], masks(), strict=True):
        output, weights = attention.scaled_dot_product_attention(q, k, v, mask)
        observations |= {f"weights, {name}": weights, f"output, {name}": output}
    return observations


def pytorch_with_masks():
    q, k, v = random_inputs()
    observations = {}
    for name, mask in zip(["(T, T) mask", "(B, 1, T) mask"], masks(), strict=True):
        output = F.scaled_dot_product_attention(q, k, v, mask)
        observations |= {f"weights, {name}": pytorch_weights(q, k, mask), f"output, {name}": output}
    return observations


def test_masks(lesson, compare):
    """Masked keys get no weight, and the others still sum to 1."""
    compare(attention_with_masks, lesson("attention"), expected=pytorch_with_masks)


def attention_with_low_scores(attention):
    """D = 1. Two keys may be seen, with scores of -50 (first query) or -20000 (second); the masked third scores 0."""
    q = torch.tensor([[[50.0], [20000.0]]])
    k = torch.tensor([[[-1.0], [-1.0], [0.0]]])
    v = torch.tensor([[[1.0], [3.0], [100.0]]])
    mask = torch.tensor([True, True, False])
    output, weights = attention.scaled_dot_product_attention(q, k, v, mask)
    return {"weights": weights, "output": output}


def test_masked_however_low_the_others(lesson, compare):
    """A masked key gets exactly 0, even where the scores of the others are very low."""
    expected = {
        "weights": torch.tensor([[[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]]),
        "output": torch.tensor([[[2.0], [2.0]]]),
    }
    compare(attention_with_low_scores, lesson("attention"), expected=expected)


def attention_with_high_scores(attention):
    output, weights = attention.scaled_dot_product_attention(
        torch.tensor([[[1.0]]]), torch.tensor([[[1000.0], [999.0]]]), torch.tensor([[[0.0], [1.0]]])
    )
    return {"weights": weights, "output": output}


def test_high_scores(lesson, compare):
    """Scores of 1000 and 999: what counts is the difference."""
    a = math.e / (math.e + 1)
    expected = {"weights": torch.tensor([[[a, 1 - a]]]), "output": torch.tensor([[[1 - a]]])}
    compare(attention_with_high_scores, lesson("attention"), expected=expected)


def attention_in_half_precision(attention):
    """The two keys are alike, so that the weights and the output are numbers that half precision holds exactly."""
    q = torch.tensor([[[2.0, 0.0, 1.0, 1.0], [0.0, 2.0, 1.0, -1.0]]])
    k, v = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]]).expand(1, 2, 4), worked_example()[2]
    mask = torch.tensor([[True, False], [True, True]])
    observations = {}
    for dtype in (torch.bfloat16, torch.float16):
        output, weights = attention.scaled_dot_product_attention(q.to(dtype), k.to(dtype), v.to(dtype), mask)
        observations |= {f"weights in {dtype}": weights, f"output in {dtype}": output}
    return observations


def half_precision_by_hand():
    """The first query sees the first key alone; the second sees both, and mixes their values half and half."""
    by_hand = {
        "weights": torch.tensor([[[1.0, 0.0], [0.5, 0.5]]]),
        "output": torch.tensor([[[1.0, 2.0, 0.0, 4.0], [2.0, 1.0, 1.0, 2.0]]]),
    }
    return {
        f"{name} in {dtype}": by_hand[name].to(dtype)
        for dtype in (torch.bfloat16, torch.float16)
        for name in ("weights", "output")
    }


def test_half_precision(lesson, compare):
    """bfloat16 and float16 go in, and come out again."""
    # A bfloat16 has 8 significant bits: whoever rounds on the way is off by up to 0.4 %.
    module = lesson("attention")
    compare(attention_in_half_precision, module, expected=half_precision_by_hand, rtol=0.01, atol=0.01)


def attention_and_gradients(attend, mask=None):
    """Weights and output, then the gradient of one arbitrary weighted sum of the output."""
    q, k, v = (x.requires_grad_() for x in random_inputs())
    output, weights = attend(q, k, v, mask)
    gradients = torch.autograd.grad((output * torch.randn(2, 3, 6)).sum(), (q, k, v), allow_unused=True)
    return {
        "weights": weights,
        "output": output,
        **{f"gradient of {name}": gradient for name, gradient in zip("qkv", gradients, strict=True)},
    }


def pytorch_attention(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, mask), pytorch_weights(q, k, mask)


def test_gradients(lesson, compare):
    """The gradients reach queries, keys and values."""
    compare(
        lambda attention: attention_and_gradients(attention.scaled_dot_product_attention),
        lesson("attention"),
        expected=lambda: attention_and_gradients(pytorch_attention),
    )


def mask_of_a_blind_query():
    """The second query may look at no key at all."""
    return torch.tensor([[True, False, True, True, False], [False] * 5, [True] * 5])


def pytorch_without_the_blind_query(q, k, v, mask):
    """The other two queries alone; zeros for the blind one."""
    seeing = torch.tensor([0, 2])
    output, weights = pytorch_attention(q[:, seeing], k, v, mask[seeing])
    return torch.zeros(2, 3, 6).index_copy(1, seeing, output), torch.zeros(2, 3, 5).index_copy(1, seeing, weights)


def test_query_that_may_look_at_nothing(lesson, compare):
    """A row of zeros where everything is masked, and no NaN in any gradient."""
    compare(
        lambda attention: attention_and_gradients(attention.scaled_dot_product_attention, mask_of_a_blind_query()),
        lesson("attention"),
        expected=lambda: attention_and_gradients(pytorch_without_the_blind_query, mask_of_a_blind_query()),
    )
