"""Some of the laws of a batch: what an index takes of the tensors that describe them."""

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
import torch
from torch import Size, Tensor

from qdist.errors import BatchIndexError

__all__ = ["Part"]


@final
@dataclass(frozen=True)
class Part:
    """A part of a batch.

    Args:
        batch: The batch shape of all laws.
        index: What is taken of it, with an ellipsis.
        shape: The batch shape of the laws that are taken.

    Example:
        >>> part = Part.of(Size((3, 2)), 1)
        >>> part.shape, part.numbers(torch.tensor([[1.0], [2.0], [3.0]]))
        (torch.Size([2]), tensor([2., 2.]))
        >>> part.rows(torch.ones(3, 2, 5)).shape, part.rows(torch.ones(3, 1, 5)).shape
        (torch.Size([2, 5]), torch.Size([1, 5]))
    """

    batch: Size
    index: tuple[Any, ...]
    shape: Size

    @classmethod
    def of(cls, batch: Size, index: Any) -> Self:
        """The part of a batch that an index takes, as it would of a tensor of that shape.

        Args:
            batch: The batch shape.
            index: Numbers, slices, an ellipsis, None, lists or arrays of numbers or booleans.

        Raises:
            BatchIndexError: If there is no such place.
        """
        try:
            entries = [_entry(e) for e in (index if isinstance(index, tuple) else (index,))]
            if not any(e is Ellipsis for e in entries):
                entries.append(Ellipsis)
            shape = torch.empty(()).expand(batch)[tuple(entries)].shape
        except (IndexError, TypeError, ValueError, RuntimeError) as error:
            raise BatchIndexError(
                f"Expected an index into the batch shape {tuple(batch)}; got {index!r:.80}: "
                f"{error}. Index the batch as a tensor of that shape."
            ) from error
        return cls(batch, tuple(entries), shape)

    def numbers(self, x: Tensor) -> Tensor:
        """Those of the part, of its shape, out of numbers that broadcast to the batch."""
        return x.expand(self.batch)[self.index]

    def rows(self, table: Tensor) -> Tensor:
        """Those of the part out of tables (..., K) whose leading axes broadcast to the batch.

        Returns:
            Shape (..., K), whose leading axes broadcast to that of the part: what laws share, by
            an axis that is not there or was expanded, they go on sharing.
        """
        if table.dim() == 1:
            return table
        found = table.expand(*self.batch, table.shape[-1])[(*self.index, slice(None))]
        axes = zip(found.shape[:-1], found.stride()[:-1], strict=True)
        return found[tuple(slice(1) if stride == 0 and n else slice(None) for n, stride in axes)]


def _entry(entry: Any) -> Any:
    """What torch indexes by: it knows no Series, and takes whole numbers of a byte for a mask."""
    if isinstance(entry, Tensor):
        return entry.cpu()  # serves laws on any device
    if not hasattr(entry, "__array__"):
        return entry
    array = np.asarray(entry)
    return torch.from_numpy(array.astype(np.int64) if array.dtype.kind in "iu" else array.copy())
