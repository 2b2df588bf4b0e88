"""The score on held-out rows, by which a run is stopped and its best weights are chosen."""

import math
from typing import final

import torch

from qdist.errors import InputError
from qdist.laws import AbstractLaw
from qdist.training.recipe import CHECK_ROWS, Rows

__all__ = ["Validation"]


@final
class Validation:
    """Held-out rows with questions that are drawn once.

    Args:
        law: The law that is asked.
        rows: The rows; None for none.
        seed: Draws the questions.
        asked: About how many questions there are of a small table, whatever the memory.
        at_once: How many rows go through the law at a time.
    """

    def __init__(
        self,
        law: AbstractLaw,
        rows: Rows | None,
        seed: int,
        *,
        asked: int = CHECK_ROWS,
        at_once: int = CHECK_ROWS,
    ) -> None:
        self._rows = rows
        self.at_once = at_once
        if rows is None:
            return
        if not len(rows):
            raise InputError("Expected X_val with rows; got none. Give some, or leave it out.")
        copies = max(1, min(16, asked // len(rows)))
        self._y, self._weight = rows.y.repeat(copies, 1), rows.weight.repeat(copies)
        self._seed = seed + 1
        generator = torch.Generator().manual_seed(self._seed)
        self._questions = law.questions(len(self._y), generator=generator)

    @torch.no_grad()
    def score(self, law: AbstractLaw) -> float:
        """The mean loss; NaN without held-out rows."""
        if self._rows is None:
            return math.nan
        was_training = law.training
        law.eval()
        generator = torch.Generator().manual_seed(self._seed)
        total = 0.0
        for start in range(0, len(self._y), self.at_once):
            at = slice(start, start + self.at_once)
            loss = law.score(self._y[at], self._questions[at], generator=generator)
            total += float((loss * self._weight[at]).sum())
        law.train(was_training)
        return total / float(self._weight.sum())
