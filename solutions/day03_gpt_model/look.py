"""Look at your GPT: where its parameters are, what it thinks before it has learned anything, and who sees whom.

Run `python -m curriculum.day03_gpt_model.look` when task 3.5 is done.
"""

import math

import torch
from torch import Tensor, nn

from .anatomy import count_parameters
from .config import GPT2_SIZES, GPTConfig
from .gpt import GPT


def influence(model: nn.Module, length: int) -> Tensor:
    """How much each token moves each position's logits: (length, length), row = position, column = token changed."""
    vocab_size = model(torch.zeros(1, 1, dtype=torch.long))[0].size(-1)
    idx = torch.randint(vocab_size, (1, length))
    changed = (idx + torch.eye(length, dtype=torch.long)) % vocab_size  # row j: token j is another one
    with torch.no_grad():
        moved = model(changed)[0] - model(idx)[0]  # (token, position, V)
    return moved.abs().amax(dim=-1).T


def sizes_table() -> str:
    """The four GPT-2 models, part by part, in millions of parameters."""
    counts = {name: count_parameters(GPTConfig(**sizes)) for name, sizes in GPT2_SIZES.items()}
    rows = [f"{'millions of parameters':24}" + "".join(f"{name:>10}" for name in counts)]
    rows += [
        f"{part:24}" + "".join(f"{count[part] / 1e6:10.1f}" for count in counts.values()) for part in counts["small"]
    ]
    return "\n".join(rows)


def main() -> None:
    torch.manual_seed(0)
    print(sizes_table(), end="\n\n")
    config = GPTConfig(vocab_size=1000, block_size=16, n_layer=4, n_head=4, n_embd=64)
    model = GPT(config).eval()
    built = sum(parameter.numel() for parameter in model.parameters())
    print(f"A small one, built: {built:,} parameters; counted: {count_parameters(config)['total']:,}.")
    idx, targets = torch.randint(1000, (2, 8, 16))
    print(f"Its first loss is {model(idx, targets)[1].item():.3f}; ln 1000 is {math.log(1000):.3f}.\n")
    print("Whose token (column) moves whose logits (row)? ■ clearly, ▪ a little, · not at all.")
    seen = influence(model, 16)
    for row in seen:
        print(" ", " ".join("■" if value > seen.max() / 20 else "▪" if value > 1e-6 else "·" for value in row.tolist()))


if __name__ == "__main__":
    main()
