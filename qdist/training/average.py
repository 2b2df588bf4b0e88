"""Averaged weights, and the best of them."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn

from qdist.errors import TrainingError

__all__ = ["Average", "Best"]


@final
class Average:
    """Exponential average of the weights, with a shorter memory in the first steps."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._current = [p for p in module.parameters() if p.requires_grad]
        self.weights = [p.detach().clone() for p in self._current]
        self._decay = decay

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights of a step, counted from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.weights, [p.detach() for p in self._current], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The module with the averaged weights, for a while."""
        own = [p.data for p in self._current]
        for p, averaged in zip(self._current, self.weights, strict=True):
            p.data = averaged
        try:
            yield
        finally:
            for p, data in zip(self._current, own, strict=True):
                p.data = data


@final
class Best:
    """The averaged weights with the best score; the latest, where there is no score."""

    def __init__(self) -> None:
        self.score, self.step = math.inf, 0
        self.weights: list[Tensor] | None = None

    def offer(self, score: float, step: int, weights: list[Tensor]) -> None:
        """Take weights if they are better, or if their score is NaN: then none has a score."""
        if score < self.score or math.isnan(score):
            copies = [w.clone() for w in weights]
            # At once, as the user may interrupt between two lines.
            self.score, self.step, self.weights = (
                math.inf if math.isnan(score) else score,
                step,
                copies,
            )

    @torch.no_grad()
    def restore(self, module: nn.Module) -> None:
        """Give the module the best weights.

        Raises:
            TrainingError: If there are none.
        """
        if self.weights is None:
            raise TrainingError(
                "Expected a finite score on the held-out rows; got none in the whole run. "
                "Lower learning_rate, or look at the data for extreme values."
            )
        trained = [p for p in module.parameters() if p.requires_grad]
        for p, w in zip(trained, self.weights, strict=True):
            p.copy_(w)
