"""Checks of task 2.5, self_attention.py."""

import torch
import torch.nn.functional as F


def masks_of_several_lengths(self_attention):
    return {f"T = {length}": self_attention.causal_mask(length) for length in (4, 1)}


def test_causal_mask(lesson, compare):
    """Position i may look at positions 0 to i."""
    four = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]], dtype=torch.bool)
    expected = {"T = 4": four, "T = 1": torch.tensor([[True]])}
    compare(masks_of_several_lengths, lesson("self_attention"), expected=expected, shapes={"T = 4": "T T"})


def mask_beside_another_device(self_attention):
    """While "meta" is the default, what is made without naming a device lands there, and holds no numbers."""
    with torch.device("meta"):
        mask = self_attention.causal_mask(3, device="cpu")
    return {"device": mask.device.type, "mask": mask}


def test_causal_mask_on_a_device(lesson, compare):
    """The mask is made on the device that was asked for."""
    three = torch.tensor([[1, 0, 0], [1, 1, 0], [1, 1, 1]], dtype=torch.bool)
    compare(mask_beside_another_device, lesson("self_attention"), expected={"device": "cpu", "mask": three})


def matrices(module):
    """The weights in the order in which they were registered: three of (C, C), or one of (3C, C)."""
    return [parameter for parameter in module.parameters() if parameter.dim() == 2]


def set_projections(module, stacked):
    """Give the module the rows of `stacked` (3C, C): query, key, value; biases become 0."""
    row = 0
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        for matrix in matrices(module):
            rows = stacked[row : row + matrix.size(0)]
            matrix[: len(rows)] = rows
            row += matrix.size(0)
    return module


def projections(self_attention):
    return {"rows of all projections together": sum(m.size(0) for m in matrices(self_attention.SelfAttention(5)))}


def test_projections(lesson, compare):
    """Three projections from C = 5 to 5 channels: 15 rows of weights, and no more."""
    compare(projections, lesson("self_attention"), expected={"rows of all projections together": 15})


def worked_example(self_attention):
    """The lesson's example; its weights are written as x W, and nn.Linear keeps Wᵀ."""
    w_q = torch.tensor([[1.0, 0, 0, 0], [0, 1, 1, 1], [1, 1, 0, 0], [0, 0, -1, 0]])
    w_k = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 2], [1, 0, 0, 1], [0, 1, 0, 0]])
    w_v = torch.tensor([[1.0, 0, 0, 2], [1, 0, 2, 0], [0, 2, 0, 2], [1, 0, 0, 0]])
    head = set_projections(self_attention.SelfAttention(4), torch.cat([w_q.T, w_k.T, w_v.T]))
    x = torch.tensor([[[1.0, 0, 1, 0], [0, 1, 0, 2]]])
    return {"all see all": head(x), "causal": head(x, self_attention.causal_mask(2))}


def worked_out_by_hand():
    """The weights are 0.7311 to 0.2689 and 0.1192 to 0.8808; under the causal mask the first position sees itself."""
    values = torch.tensor([[1.0, 2, 0, 4], [3, 0, 2, 0]])
    scaled = torch.tensor([[2.0, 1], [0, 2]])
    weights = scaled.exp() / scaled.exp().sum(-1, keepdim=True)
    causal = torch.stack([torch.tensor([1.0, 0.0]), weights[1]])
    return {"all see all": (weights @ values)[None], "causal": (causal @ values)[None]}


def test_worked_example(lesson, compare):
    """The lesson's example, now as a module."""
    compare(worked_example, lesson("self_attention"), expected=worked_out_by_hand, shapes={"all see all": "B T C"})


def random_case(batch=2, length=5, channels=3):
    """x (B, T, C), stacked weights (3C, C), and how much each number of the output counts in a loss (B, T, C).

    All are drawn before a module is made: how many numbers its initialisation draws is its own affair.
    """
    shape = (batch, length, channels)
    return torch.randn(shape), torch.randn(3 * channels, channels), torch.randn(shape)


def pytorch_head(x, stacked, mask=None):
    q, k, v = F.linear(x, stacked).chunk(3, dim=-1)
    return F.scaled_dot_product_attention(q, k, v, mask)


def several_lengths(self_attention):
    x, stacked, _ = random_case(length=6)
    head = set_projections(self_attention.SelfAttention(3), stacked)
    return {f"T = {length}": head(x[:, :length]) for length in (6, 3, 1)}


def pytorch_several_lengths():
    x, stacked, _ = random_case(length=6)
    return {f"T = {length}": pytorch_head(x[:, :length], stacked) for length in (6, 3, 1)}


def test_several_lengths(lesson, compare):
    """The same module takes sequences of any length."""
    compare(several_lengths, lesson("self_attention"), expected=pytorch_several_lengths, shapes={"T = 6": "B T C"})


def masks():
    """(T, T) for both sequences, (B, T, T) for each its own, (B, 1, T) to hide the padding of each."""
    window = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 0, 1, 1]]).bool()
    past = torch.ones(5, 5).tril().bool()
    padding = torch.tensor([[[1, 1, 1, 1, 1]], [[1, 1, 1, 0, 0]]]).bool()
    return {"(T, T) mask": window, "(B, T, T) mask": torch.stack([past, window]), "(B, 1, T) mask": padding}


def several_masks(self_attention):
    x, stacked, _ = random_case()
    head = set_projections(self_attention.SelfAttention(3), stacked)
    return {name: head(x, mask) for name, mask in masks().items()}


def pytorch_several_masks():
    x, stacked, _ = random_case()
    return {name: pytorch_head(x, stacked, mask) for name, mask in masks().items()}


def test_masks(lesson, compare):
    """A mask for all sequences alike, one for each, and one that hides the padding."""
    compare(several_masks, lesson("self_attention"), expected=pytorch_several_masks)


def influence(head, mask):
    """How every position of x moves the output of position 1, and so its gradient."""
    x, stacked, counts = random_case(batch=1)
    x.requires_grad_()
    (head(x, stacked, mask) * counts)[0, 1].sum().backward()
    return {"gradient of x": x.grad}


def test_no_gradient_from_the_future(lesson, compare):
    """Under the causal mask, position 1 depends on positions 0 and 1 alone."""
    compare(
        lambda module: influence(
            lambda x, stacked, mask: set_projections(module.SelfAttention(3), stacked)(x, mask), module.causal_mask(5)
        ),
        lesson("self_attention"),
        expected=lambda: influence(pytorch_head, torch.ones(5, 5).tril().bool()),
    )


def gradient_of_weights(self_attention):
    x, stacked, counts = random_case()
    head = set_projections(self_attention.SelfAttention(3), stacked)
    (head(x) * counts).sum().backward()
    gradients = [torch.zeros_like(matrix) if matrix.grad is None else matrix.grad for matrix in matrices(head)]
    return {"gradient of the projections": torch.cat([torch.zeros(0, 3), *gradients])}


def pytorch_gradient_of_weights():
    x, stacked, counts = random_case()
    stacked.requires_grad_()
    (pytorch_head(x, stacked) * counts).sum().backward()
    return {"gradient of the projections": stacked.grad}


def test_gradients(lesson, compare):
    """Queries, keys and values all learn."""
    compare(gradient_of_weights, lesson("self_attention"), expected=pytorch_gradient_of_weights, atol=5e-5)


def saved_and_loaded(self_attention):
    x, stacked, _ = random_case()
    first = set_projections(self_attention.SelfAttention(3), stacked)
    first(x)
    second = self_attention.SelfAttention(3)
    second.load_state_dict(first.state_dict())
    return {"output of the copy": second(x)}


def pytorch_saved_and_loaded():
    x, stacked, _ = random_case()
    return {"output of the copy": pytorch_head(x, stacked)}


def test_state_dict(lesson, compare):
    """A second module that loads the first one's state_dict gives the same output."""
    compare(saved_and_loaded, lesson("self_attention"), expected=pytorch_saved_and_loaded)
