"""A multi-layer perceptron of any depth, with first weights that suit its activation."""

from collections.abc import Sequence

from torch import Tensor, nn

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class MLP(nn.Module):
    """Linear layers with an activation, then dropout, after each of them but the last.

    Its parameters in order: weight (out, in) and bias (out,) of each layer, from the first to the last, as nn.Linear
    makes them and filled by `initialise`.

    Args:
        sizes: the widths, from the input's to the output's: [784, 256, 10] has two layers.
        activation: "relu" or "tanh", after every layer but the last.
        dropout: the probability with which each number after an activation becomes 0; in train mode only.

    Raises:
        ValueError: there are fewer than two sizes, or the activation is not one of ACTIVATIONS.
    """

    def __init__(self, sizes: Sequence[int], activation: str = "relu", dropout: float = 0.0):
        # TODO 1: refuse what the docstring says.
        # TODO 2: the layers, in a container that registers them; the activation; the dropout.
        # TODO 3: first weights: by the activation for all layers but the last, "linear" for that one (your initialise).
        raise NotImplementedError("1.3 MLP")

    def forward(self, x: Tensor) -> Tensor:
        """(B, sizes[-1]) of x (B, sizes[0])."""
        # TODO 1: layer, activation, dropout: for every layer but the last.
        # TODO 2: the last layer alone.
        raise NotImplementedError("1.3 MLP")


def initialise(layer: nn.Linear, activation: str) -> None:
    """Fill a layer's first weights so that signals keep their size through the activation that follows it.

    - "relu": Kaiming, normal: mean 0, standard deviation √(2 / fan_in).
    - "tanh": Xavier, uniform: between ±b, b = 5/3 · √(6 / (fan_in + fan_out)).
    - "linear", for a layer that no activation follows: Xavier, uniform: b = √(6 / (fan_in + fan_out)).

    fan_in is the number of the layer's inputs, fan_out of its outputs. The bias becomes 0.
    """
    # TODO 1: which rule goes with this activation? torch.nn.init has both, and the gains.
    # TODO 2: the bias becomes 0.
    raise NotImplementedError("1.3 initialise")
