"""Checks of task 10.5, chunked_loss.py: against F.cross_entropy of the whole logits, in float64."""

import weakref

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from grader import raised
from grader.devices import DeviceWatch

B, T, C, V = 2, 5, 3, 7
NOT = -100


def inputs(dtype=torch.float32):
    """Hidden states that are no contiguous tensor, a head, and targets of which three do not count: always the same."""
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(B, C, T, generator=generator).to(dtype).transpose(1, 2)  # (B, T, C)
    weight = (2 * torch.randn(V, C, generator=generator)).to(dtype)
    targets = torch.randint(V, (B, T), generator=generator)
    targets[0, 1] = targets[1, 0] = targets[1, 3] = NOT
    return hidden, weight, targets


def whole(hidden, weight, targets, ignore_index=NOT):
    """The loss by the whole logits, and its gradients, in float64; 0 if nothing counts."""
    hidden, weight = (tensor.detach().double().requires_grad_() for tensor in (hidden, weight))
    logits = (hidden @ weight.T).flatten(0, 1)
    total = F.cross_entropy(logits, targets.flatten(), ignore_index=ignore_index, reduction="sum")
    loss = total / max((targets != ignore_index).sum().item(), 1)
    loss.backward()
    return loss.detach(), hidden.grad, weight.grad


def told(loss, for_hidden, for_weight, dtype=torch.float32):
    return {"loss": loss.detach().float(), "for hidden": for_hidden.to(dtype), "for the weight": for_weight.to(dtype)}


def mine(chunked_loss, given, times=1.0, **settings):
    hidden, weight, targets = given
    hidden, weight = (tensor.detach().requires_grad_() for tensor in (hidden, weight))
    loss = chunked_loss.chunked_cross_entropy(hidden, weight, targets, **settings)
    (loss * times).backward()
    return {"loss": loss.detach(), "for hidden": hidden.grad, "for the weight": weight.grad}


def in_chunks(chunked_loss):
    return {f"chunk {chunk}": mine(chunked_loss, inputs(), chunk=chunk) for chunk in (4, 1, 10, 1000)}


def test_loss_and_gradients(lesson, compare):
    """Loss and gradients for chunks that divide the tokens and that do not"""
    compare(
        in_chunks, lesson("chunked_loss"), expected=lambda: dict.fromkeys(in_chunks_names(), told(*whole(*inputs())))
    )


def in_chunks_names():
    return [f"chunk {chunk}" for chunk in (4, 1, 10, 1000)]


def one_of(targets):
    alone = torch.full((B, T), NOT)
    alone[1, 2] = targets[1, 2]
    return alone


def with_other_settings(chunked_loss):
    hidden, weight, targets = inputs()
    with_2 = targets.masked_fill(targets == NOT, 2)
    return {
        "the loss times 3": mine(chunked_loss, (hidden, weight, targets), times=3.0, chunk=4),
        "targets of 2 do not count": mine(chunked_loss, (hidden, weight, with_2), chunk=4, ignore_index=2),
        "nothing counts": mine(chunked_loss, (hidden, weight, torch.full((B, T), NOT)), chunk=4),
        "one target counts": mine(chunked_loss, (hidden, weight, one_of(targets)), chunk=4),
    }


def other_settings_by_hand():
    hidden, weight, targets = inputs()
    loss, for_hidden, for_weight = whole(hidden, weight, targets)
    with_2 = targets.masked_fill(targets == NOT, 2)
    return {
        "the loss times 3": told(loss, 3 * for_hidden, 3 * for_weight),
        "targets of 2 do not count": told(*whole(hidden, weight, with_2, ignore_index=2)),
        "nothing counts": told(torch.zeros(()), torch.zeros(B, T, C), torch.zeros(V, C)),
        "one target counts": told(*whole(hidden, weight, one_of(targets))),
    }


def test_settings(lesson, compare):
    """A loss that is multiplied before backward, another ignore_index, and no target that counts"""
    compare(with_other_settings, lesson("chunked_loss"), expected=other_settings_by_hand)


def tied(function):
    """The head's weight is the embedding, too: both of its gradients come together. And the loss is part of a sum."""
    _, weight, targets = inputs()
    weight = weight.detach().requires_grad_()
    hidden = torch.tanh(weight[targets.clamp(min=0)].flip(1))
    (function(hidden, weight, targets) + 0.01 * weight.square().sum()).backward()
    return {"for the embedding and head": weight.grad}


def tied_by_hand():
    def loss(hidden, weight, targets):
        return F.cross_entropy((hidden @ weight.T).flatten(0, 1), targets.flatten())

    return tied(loss)


def test_tied(lesson, compare):
    """A head that is the embedding: gradients from both ends, added up"""

    def probe(chunked_loss):
        return tied(lambda *given: chunked_loss.chunked_cross_entropy(*given, chunk=3))

    compare(probe, lesson("chunked_loss"), expected=tied_by_hand)


class Largest(TorchDispatchMode):
    """The most numbers that a newly made tensor has."""

    def __init__(self):
        super().__init__()
        self.most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = [
            one for one in (result if isinstance(result, (tuple, list)) else [result]) if isinstance(one, torch.Tensor)
        ]
        self.most = max([self.most, *(one.numel() for one in made)])
        return result


def memory(chunked_loss):
    """40 tokens, 50 words, 2 channels, 4 tokens at a time."""
    hidden, weight = torch.randn(5, 8, 2).requires_grad_(), torch.randn(50, 2).requires_grad_()
    targets = torch.randint(50, (5, 8))
    saved = []

    def note(tensor):
        saved.append(weakref.ref(tensor))
        return tensor

    with Largest() as largest, torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = chunked_loss.chunked_cross_entropy(hidden, weight, targets, chunk=4)
        kept = sum(tensor().numel() for tensor in saved if tensor() is not None)
        loss.backward()
    with Largest() as without, torch.no_grad():
        chunked_loss.chunked_cross_entropy(hidden, weight, targets, chunk=4)
    many, some = torch.randn(10, 110, 2).requires_grad_(), torch.randint(50, (10, 110))
    with Largest() as usual:
        chunked_loss.chunked_cross_entropy(many, weight, some).backward()
    with DeviceWatch(hidden, weight, targets) as watch:
        chunked_loss.chunked_cross_entropy(hidden, weight, targets, chunk=4)
    return {
        "largest tensor, in rows of V": -(-largest.most // 50),
        "largest without gradients, in rows of V": -(-without.most // 50),
        "all logits are kept from forward to backward": kept >= 40 * 50,
        "hidden and weight as they were": [hidden.shape[0], weight.is_leaf],
        "largest of 1,100 tokens, chunk left out": -(-usual.most // 50),
        "a tensor is made on another device": watch.mixed,
    }


def test_memory(lesson, compare):
    """No tensor is larger than the logits of one chunk, and no logits are kept"""
    expected = {
        "largest tensor, in rows of V": 4,
        "largest without gradients, in rows of V": 4,
        "all logits are kept from forward to backward": False,
        "hidden and weight as they were": [5, True],
        "largest of 1,100 tokens, chunk left out": 1024,
        "a tensor is made on another device": False,
    }
    compare(memory, lesson("chunked_loss"), expected=expected)


def needs(chunked_loss):
    hidden, weight, targets = inputs()
    first = hidden.clone().requires_grad_()
    chunked_loss.chunked_cross_entropy(first, weight, targets, chunk=4).backward()
    second = weight.clone().requires_grad_()
    chunked_loss.chunked_cross_entropy(hidden, second, targets, chunk=4).backward()
    return {
        "for hidden, of a frozen head": first.grad,
        "for the weight, of a frozen model": second.grad,
        "loss of both frozen": chunked_loss.chunked_cross_entropy(hidden, weight, targets, chunk=4),
        "other targets than hidden": raised(lambda: chunked_loss.chunked_cross_entropy(hidden, weight, targets.T)),
        "targets laid out flat": raised(lambda: chunked_loss.chunked_cross_entropy(hidden, weight, targets.flatten())),
        "chunk 0": raised(lambda: chunked_loss.chunked_cross_entropy(hidden, weight, targets, chunk=0)),
        "chunk -5": raised(lambda: chunked_loss.chunked_cross_entropy(hidden, weight, targets, chunk=-5)),
    }


def needs_by_hand():
    loss, for_hidden, for_weight = whole(*inputs())
    return {
        "for hidden, of a frozen head": for_hidden.float(),
        "for the weight, of a frozen model": for_weight.float(),
        "loss of both frozen": loss.float(),
        "other targets than hidden": "ValueError",
        "targets laid out flat": "ValueError",
        "chunk 0": "ValueError",
        "chunk -5": "ValueError",
    }


def test_what_is_needed(lesson, compare):
    """A frozen head, a frozen model, and what is refused"""
    compare(needs, lesson("chunked_loss"), expected=needs_by_hand)


SMALL = 2.0**-20  # of a head whose gradient, not scaled, is below what float16 holds
TIMES = 2.0**14  # the loss scale that brings it into range


def half_inputs(dtype):
    """Numbers that float16 holds, in any dtype."""
    hidden, weight, targets = inputs()
    return hidden.half().to(dtype), (weight * SMALL).half().to(dtype), targets


def one_large_and_many_small():
    """A head of zeros: p is 1/2 everywhere, the first position adds 1024 to its gradient, the others 1/2 each."""
    hidden = torch.ones(1, 129, 1, dtype=torch.float16)
    hidden[0, 0] = 2048
    return hidden, torch.zeros(2, 1, dtype=torch.float16), torch.zeros(1, 129, dtype=torch.int64)


def in_half(chunked_loss):
    scaled = mine(chunked_loss, half_inputs(torch.float16), times=TIMES, chunk=4)
    with torch.autocast("cpu", dtype=torch.float16):
        under_autocast = mine(chunked_loss, half_inputs(torch.float32), times=TIMES, chunk=4)
    added = mine(chunked_loss, one_large_and_many_small(), chunk=1)
    return {"float16": scaled, "float32 under autocast to float16": under_autocast, "a large part and 128 small": added}


def in_half_by_hand():
    loss, for_hidden, for_weight = whole(*half_inputs(torch.float32))
    scaled = TIMES * for_hidden, TIMES * for_weight
    return {
        "float16": told(loss, *scaled, torch.float16),
        "float32 under autocast to float16": told(loss, *scaled),
        "a large part and 128 small": told(*whole(*one_large_and_many_small()), torch.float16),
    }


def test_float16(lesson, compare):
    """In float16 with a loss scale: gradients that only the scale brings into range are not lost before it"""
    compare(in_half, lesson("chunked_loss"), expected=in_half_by_hand, rtol=5e-3, atol=1e-5)


class LogitsSeen(TorchDispatchMode):
    """The dtypes of all products with V columns."""

    def __init__(self):
        super().__init__()
        self.dtypes = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in ("mm", "addmm", "linear", "bmm", "matmul") and result.shape[-1] == V:
            self.dtypes.add(str(result.dtype))
        return result


def in_bfloat16(chunked_loss):
    hidden, weight, targets = inputs()
    with torch.autocast("cpu", dtype=torch.bfloat16), LogitsSeen() as seen, torch.no_grad():
        under_autocast = chunked_loss.chunked_cross_entropy(hidden, weight, targets, chunk=4)
    rounded = chunked_loss.chunked_cross_entropy(hidden.bfloat16(), weight.bfloat16(), targets, chunk=4)
    return {
        "dtype of the logits under autocast": sorted(seen.dtypes),
        "loss under autocast": under_autocast,
        "loss of bfloat16": rounded,
        "autocast afterwards": torch.is_autocast_enabled("cpu"),
    }


def bfloat16_by_hand():
    hidden, weight, targets = inputs()
    logits = (hidden.bfloat16() @ weight.bfloat16().T).double().flatten(0, 1)  # rounded once, and exact from then on
    loss = F.cross_entropy(logits, targets.flatten()).float()
    return {
        "dtype of the logits under autocast": ["torch.bfloat16"],
        "loss under autocast": loss,
        "loss of bfloat16": loss,
        "autocast afterwards": False,
    }


def test_bfloat16(lesson, compare):
    """In bfloat16: the product is rounded, and the loss is float32 from the logits on"""
    compare(in_bfloat16, lesson("chunked_loss"), expected=bfloat16_by_hand, rtol=8e-5, atol=3e-5)


def gradients_in_bfloat16(chunked_loss):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = mine(chunked_loss, inputs(), chunk=4)
    return {name: seen[name] for name in ("for hidden", "for the weight")}


def gradients_by_hand():
    _, for_hidden, for_weight = whole(*inputs())
    return {"for hidden": for_hidden.float(), "for the weight": for_weight.float()}


def test_gradients_in_bfloat16(lesson, compare):
    """Under autocast to bfloat16, gradients come in the dtype of what they belong to, and about right"""
    compare(gradients_in_bfloat16, lesson("chunked_loss"), expected=gradients_by_hand, rtol=2e-2, atol=2.5e-2)
