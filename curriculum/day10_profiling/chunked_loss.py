"""The head and the cross-entropy together, so that the logits of all tokens are never there at once."""

from torch import Tensor


def chunked_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int = 1024, ignore_index: int = -100
) -> Tensor:
    """Mean cross-entropy of the logits hidden @ weightᵀ over the targets that count, a few tokens at a time.

    In value and in gradients it equals the loss of the whole logits. But no tensor with more than `chunk` rows of V
    numbers is ever made, neither forward nor backward, and none is kept from one to the other.

    Args:
        hidden: (B, T, C), what the model's last norm gives, float32, bfloat16 or float16.
        weight: (V, C), the head's, which may be the embedding's too.
        targets: (B, T), int64, shifted already; ignore_index marks a position that is not scored.
        chunk: how many tokens at most have their logits at one time, at least 1. B·T need not be a multiple.

    Returns:
        A float32 scalar with its graph: the sum of the losses of the scored positions, divided by their number; 0 with
        gradients of 0 if there is none. The logits are computed in autocast's dtype where it is on, else in that of
        hidden; softmax and loss in float32. What belongs to float16 logits has float32 gradients on the way: they are
        computed before a loss scale can reach them, and would be too small for float16. They end in the dtypes of
        hidden and weight.

    Raises:
        ValueError: the (B, T) of hidden is not that of targets, or chunk is below 1.

    Source: Hsu et al. 2024, Liger Kernel, FusedLinearCrossEntropy.
    """
    # TODO 1: refuse shapes that do not fit, and a chunk below 1.
    # TODO 2: a torch.autograd.Function of your own: its forward goes through the tokens chunk by chunk.
    # TODO 3: for each chunk: logits in float32, the sum of its losses, and while the logits are there, the gradients
    #         of hidden (its rows) and of weight (added up): slope = p - onehot, 0 where nothing is scored.
    # TODO 4: backward multiplies what was computed on the way by the gradient that comes in.
    # TODO 5: divide by the number of scored targets, at least 1, outside of the Function.
    raise NotImplementedError("10.5 chunked_cross_entropy")
