"""What training asks of a law: what each row shows, and which of its hidden cells count."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

__all__ = ["Questions"]


@final
@dataclass(frozen=True, eq=False)
class Questions:
    """A question a row: what is known of it, and which cells are scored given that.

    Both are kept, as one set of visible cells can stand for two questions: where the first cell of
    a chain is known, a row of the chain asks for the next cell, and a row whose visible set was
    drawn at random and happens to be the same asks for all others.

    Attributes:
        visible: What is known, shape (B, D), bool.
        asked: The hidden cells whose scores count, shape (B, D), bool.

    Example:
        >>> import torch
        >>> visible = torch.tensor([[True, False, False], [False, True, False]])
        >>> questions = Questions(visible, ~visible)
        >>> len(questions), questions[1:].asked
        (2, tensor([[ True, False,  True]]))
    """

    visible: Tensor
    asked: Tensor

    def __len__(self) -> int:
        """The number of rows B."""
        return len(self.visible)

    def __getitem__(self, rows: slice) -> "Questions":
        """Return the questions of some rows."""
        return Questions(self.visible[rows], self.asked[rows])
