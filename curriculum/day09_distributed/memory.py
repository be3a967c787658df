"""How much memory a training needs, predicted from the GPT's configuration: nothing is built, nothing is run.

The GPT is that of day 3, without dropout, its head tied to the token embedding. In what follows P is its number of
parameters, V vocab_size, S block_size, L n_layer, H n_head, C n_embd, B the batch, T the length of its sequences.
"""

from dataclasses import dataclass
from typing import Protocol

PRECISIONS = ("float32", "bfloat16")  # bfloat16: under autocast, the parameters stay float32


class GPTShape(Protocol):
    """What is used of a configuration: day 3's GPTConfig has it."""

    @property
    def vocab_size(self) -> int: ...  # V
    @property
    def block_size(self) -> int: ...  # S, the longest sequence; it has learned positions
    @property
    def n_layer(self) -> int: ...  # L
    @property
    def n_head(self) -> int: ...  # H
    @property
    def n_embd(self) -> int: ...  # C


@dataclass(frozen=True)
class Memory:
    """Bytes that a training needs, by what they are for."""

    parameters: int
    gradients: int
    optimizer: int
    activations: int  # what the forward pass keeps for the backward pass
    passing: int  # what is there only for a moment, at the worst one, besides all activations

    def peak(self, gradients_kept: bool = False) -> int:
        """The most that is there at one time.

        Parameters and the optimizer's state are always there. Activations are freed while gradients come, so a step has
        two high points, and the peak is the higher one: at the turn from forward to backward all activations are there,
        and what passes; at the end of backward all gradients are.

        Args:
            gradients_kept: there are gradients already when the forward pass begins, as in every micro-batch of an
                accumulation but the first. Then they count at the turn, too. False: zero_grad has set them to None.
        """
        # TODO 1: add up what is there at the turn.
        # TODO 2: take the higher one of the two high points, and add what is always there.
        raise NotImplementedError("9.6 Memory")


def parameter_count(config: GPTShape) -> int:
    """P, the trained numbers: V·C + S·C for the embeddings, 12·C² + 13·C for each block, 2·C for the last norm.

    A block's 12·C² are the matrices (3 + 1 of attention, 4 + 4 of the feed-forward), its 13·C the biases (3 + 1 and
    4 + 1) and two norms with a weight and a bias each. The head has none of its own. GPT-2 small: 124,439,808.
    """
    # TODO: count a block, then put embeddings, blocks and the last norm together.
    raise NotImplementedError("9.6 parameter_count")


def parameter_bytes(config: GPTShape) -> int:
    """4·P: one float32 each. Autocast keeps them so, and makes bfloat16 copies when it needs them."""
    # TODO: count the parameters, and multiply by the bytes of one.
    raise NotImplementedError("9.6 parameter_bytes")


def gradient_bytes(config: GPTShape) -> int:
    """4·P: one float32 for each parameter, of its dtype, whatever the precision of the forward pass."""
    # TODO: count the gradients, and multiply by the bytes of one.
    raise NotImplementedError("9.6 gradient_bytes")


def optimizer_bytes(config: GPTShape) -> int:
    """8·P: AdamW keeps two running means for each parameter, m and v, float32 each.

    (It also counts its steps, 4 bytes for each tensor of parameters: they are left out.)
    """
    # TODO: count what AdamW remembers, and multiply by the bytes of one.
    raise NotImplementedError("9.6 optimizer_bytes")


def activation_bytes(
    config: GPTShape, batch: int, length: int, precision: str = "float32", fused: bool = False
) -> dict[str, int]:
    """Bytes of what the forward pass keeps for the backward pass, by part. The loss is cross-entropy in float32.

    With s bytes for a number that went through a matrix product (4; in bfloat16 2) and n = B·T positions:

    - "norms": 2·L + 1 of them; each keeps its input, n·C float32 numbers (the stream is float32 in either precision),
      and for each position the mean and 1 / the deviation, float32.
    - "linear inputs": each Linear keeps its input, of s bytes a number: C for q, k and v together, C for the projection
      after attention, C and 4·C for the feed-forward's two, in each of L blocks; C once for the head.
    - "qkv": 3·C numbers of s bytes for each position and block.
    - "gelu": its input, 4·C numbers of s bytes for each position and block.
    - "attention": for each block, if not fused: B·H·T² weights of 4 bytes each, the softmax's result in float32; in
      bfloat16 another 2 bytes each, a copy for the product with v; and the mask, T² of 1 byte. If fused
      (scaled_dot_product_attention): a float32 number for each head and position, n·H of them.
    - "log-probabilities": n·V numbers, float32.
    - "copies of weights": in bfloat16 each matrix that a Linear multiplies by, 2 bytes a number: 12·C² for each block,
      V·C for the head. In float32 none: 0.

    Token numbers are left out: 8 bytes for each of the n, against thousands.

    Args:
        batch: B.
        length: T.
        precision: "float32", or "bfloat16" for autocast.
        fused: how attention is computed.

    Raises:
        ValueError: the precision is none of PRECISIONS; batch or length is below 1; length is above block_size.
    """
    # TODO 1: refuse an unknown precision, and a batch or a length that cannot be.
    # TODO 2: write the seven parts down, one after another, as the list above says.
    raise NotImplementedError("9.6 activation_bytes")


def predict(config: GPTShape, batch: int, length: int, precision: str = "float32", fused: bool = False) -> Memory:
    """All of it together: the parts as their functions say, the activations all of theirs.

    What passes at the worst moment is the larger one of these two, with n = B·T:

    - 8·n·V bytes: backward begins at the loss, with a gradient of the log-probabilities and from it one of the logits,
      n·V float32 numbers each;
    - if not fused, two tables of B·H·T² numbers while the last block's attention goes back, one for the gradient that
      comes in and one for that which goes out: 4 bytes a number each; in bfloat16 one has 4, the other 2.

    Raises:
        ValueError: as activation_bytes.
    """
    # TODO 1: call the four functions; of the activations, add all parts up.
    # TODO 2: what passes: two candidates, and the larger one counts.
    raise NotImplementedError("9.6 predict")


def largest_batch(
    config: GPTShape, length: int, available: int, precision: str = "float32", fused: bool = False
) -> int:
    """The largest batch whose predicted peak, gradients not kept, is at most `available` bytes; 0 if none fits.

    The mask and the copies of weights do not grow with the batch; all other activations and what passes do, in
    proportion.

    Raises:
        ValueError: as activation_bytes.
    """
    # TODO 1: if not even one sequence fits, the answer is 0.
    # TODO 2: find out what each further sequence adds to the turn's high point.
    # TODO 3: divide what one sequence leaves free by it, rounding down.
    raise NotImplementedError("9.6 largest_batch")
