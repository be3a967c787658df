"""Muon for the hidden matrices beside day 5's AdamW for the rest (Jordan et al. 2024; torch.optim.Muon)."""

from typing import Any

import torch
from torch import nn


class Together:
    """Two optimizers that are used like one.

    Muon makes the update of a matrix orthogonal, so that every direction moves alike. That has no meaning for a table
    of embeddings, nor for gains and biases: these stay with AdamW. Muon's update is scaled to the size of AdamW's (Liu
    et al. 2025, "Muon is scalable for LLM training", section 2.2), so both take the same learning rate.
    """

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of all parts."""
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        """Each part takes its step."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for part, kept in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(kept)


def with_muon(adamw: torch.optim.Optimizer, model: nn.Module, momentum: float = 0.95) -> Together:
    """Take the hidden matrices out of day 5's AdamW, and give them to Muon with the decay that they had.

    Args:
        adamw: over the parameters of model.
        model: its embeddings, and a head that is tied to them, stay with AdamW.
    """
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    groups = []
    for group in adamw.param_groups:
        hidden = [p for p in group["params"] if p.dim() == 2 and id(p) not in tables]
        group["params"] = [p for p in group["params"] if p.dim() != 2 or id(p) in tables]
        if hidden:
            groups.append({"params": hidden, "weight_decay": group["weight_decay"]})
    lr = adamw.param_groups[0]["lr"]
    return Together(adamw, torch.optim.Muon(groups, lr=lr, momentum=momentum, adjust_lr_fn="match_rms_adamw"))
