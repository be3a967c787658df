"""AdamW (Loshchilov and Hutter 2019, "Decoupled weight decay regularization"), with decay on matrices only."""

from typing import Any

import torch
from torch import nn

FUSED_DEVICES = ("cuda", "cpu")


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Split the parameters into those that decay and those that do not.

    Args:
        model: any module. A parameter used in two places (a tied head) is one parameter.
        weight_decay: the decay of the first group.

    Returns:
        Two groups in the form that torch.optim takes, `{"params": [...], "weight_decay": ...}`: first the parameters of
        two or more dimensions (the matrices of linear layers and embeddings), with `weight_decay`; then the others
        (biases, gains of norms), with 0.0. Every parameter that requires a gradient is in exactly one of the groups,
        exactly once, in the model's order. Frozen parameters (requires_grad False) are in neither.
    """
    trained = [p for p in model.parameters() if p.requires_grad]  # parameters() gives a tied one once
    return [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]


def build_optimizer(
    model: nn.Module, lr: float = 6e-4, betas: tuple[float, float] = (0.9, 0.999), weight_decay: float = 0.1
) -> torch.optim.AdamW:
    """Make the AdamW of this course for the parameters of `model`, where they are now.

    Args:
        model: the model, already on its device.
        lr: the learning rate of every group; the schedule replaces it before each step.
        betas: how slowly the running means of the gradient and of its square move.
        weight_decay: each step first shrinks a matrix by the factor 1 - lr · weight_decay.

    Returns:
        torch.optim.AdamW over `parameter_groups(model, weight_decay)`, with eps 1e-8. It is fused (one kernel for all
        parameters) on CUDA and on the CPU; on a device without such a kernel it works all the same, not fused.
    """
    groups = parameter_groups(model, weight_decay)
    fused = all(p.device.type in FUSED_DEVICES for group in groups for p in group["params"])
    return torch.optim.AdamW(groups, lr=lr, betas=betas, fused=fused)
