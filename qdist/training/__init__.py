"""The training loop, and what it needs: limits, data order, validation, averages, checkpoints."""

from qdist.training.checkpoint import Checkpoint, Resume
from qdist.training.gradients import with_gradients
from qdist.training.loop import train
from qdist.training.recipe import Callback, Limits, Recipe, Result, Rows, split

__all__ = [
    "Callback",
    "Checkpoint",
    "Limits",
    "Recipe",
    "Result",
    "Resume",
    "Rows",
    "split",
    "train",
    "with_gradients",
]
