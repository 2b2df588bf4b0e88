"""The optimiser, and its learning rate over the steps of a run."""

import torch

from qdist.laws import AbstractLaw
from qdist.training.recipe import Recipe

__all__ = ["WARM_UP", "make_optimiser", "schedule", "warm_up"]

WARM_UP = 100  # steps of a long run's warm-up


def schedule(step: int, total: int) -> float:
    """The share of the peak learning rate at a step, counted from 1: a line up, a line down."""
    first = warm_up(total)
    return min(step / first, (total - step + 1) / (total - first + 1))


def warm_up(total: int) -> int:
    """The number of steps of a run's warm-up: a tenth of the run, where that is less than 100."""
    return min(WARM_UP, max(1, total // 10))


def make_optimiser(law: AbstractLaw, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; biases and norms are left out of weight decay, as is usual."""
    matrices = [p for p in law.parameters() if p.dim() > 1]
    vectors = [p for p in law.parameters() if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [g for g in groups if g["params"]],
        lr=recipe.learning_rate,
        betas=(0.9, 0.99),
        fused=True,
    )
