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
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"sizes are {list(sizes)}; an MLP has at least an input's and an output's width")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is {activation!r}; choose one of {', '.join(ACTIVATIONS)}")
        layers = [nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)]
        for layer in layers[:-1]:
            initialise(layer, activation)
        initialise(layers[-1], "linear")
        self.layers = nn.ModuleList(layers)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, sizes[-1]) of x (B, sizes[0])."""
        for layer in self.layers[:-1]:
            x = self.dropout(self.activation(layer(x)))
        return self.layers[-1](x)


def initialise(layer: nn.Linear, activation: str) -> None:
    """Fill a layer's first weights so that signals keep their size through the activation that follows it.

    - "relu": Kaiming, normal: mean 0, standard deviation √(2 / fan_in).
    - "tanh": Xavier, uniform: between ±b, b = 5/3 · √(6 / (fan_in + fan_out)).
    - "linear", for a layer that no activation follows: Xavier, uniform: b = √(6 / (fan_in + fan_out)).

    fan_in is the number of the layer's inputs, fan_out of its outputs. The bias becomes 0.
    """
    if activation == "relu":
        nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
    else:
        gain = nn.init.calculate_gain("tanh") if activation == "tanh" else 1.0
        nn.init.xavier_uniform_(layer.weight, gain=gain)
    nn.init.zeros_(layer.bias)
