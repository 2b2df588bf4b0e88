"""Contexts one coordinate at a time, as a sampler asks for them."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor

__all__ = ["AbstractStepper", "BranchingStepper"]


class AbstractStepper(ABC):
    """Contexts one coordinate at a time, for sampling: what is known grows at each step."""

    @abstractmethod
    def context(self, i: int, *, rows: Tensor | None = None) -> Tensor:
        """The context (or content) of coordinate i given all that is now known.

        Args:
            i: A coordinate that is hidden in each row asked for.
            rows: Row numbers, shape (R,), int64; None means all rows.

        Returns:
            Contexts, shape (B, C), or (R, C) where rows are given.
        """

    @abstractmethod
    def set(self, i: int, value: Tensor, *, rows: Tensor | None = None) -> None:
        """Makes coordinate i known.

        Args:
            i: The coordinate.
            value: Its values, shape (B,), or (R,) where rows are given.
            rows: Row numbers, shape (R,), int64; None means all rows.
        """

    def steps(self) -> AbstractContextManager[None]:
        """A context around a run of steps: a hook, to set a number of threads, say."""
        return nullcontext()


class BranchingStepper(AbstractStepper):
    """A stepper that can go on with other rows, so that rows which know the same are held once.

    All rows of a sample begin alike, and so do draws for one condition that stand side by side;
    they branch as their cells differ. A joint asks such a stepper once for all rows that know the
    same, where the backbone serves any visible set (`serves` is "two_level") and no level enters
    it. Any other stepper is asked for each row.
    """

    @abstractmethod
    def take(self, rows: Tensor) -> None:
        """Goes on with these rows in place of all.

        Args:
            rows: Numbers of present rows, shape (R,), int64. One may be named more than once, or
                not at all; the k-th one is row k from now on.
        """
