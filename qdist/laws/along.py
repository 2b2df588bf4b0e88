"""In which order the columns of a sample are drawn."""

import torch
from torch import Tensor

from qdist.arguments import rows_of
from qdist.backbones import Coordinate, TableDomain

__all__ = ["sampling_order"]

_ROWS = 4096  # looked at, evenly spaced
_ENOUGH = 0.9  # share of these that differ: from there on there is nothing to save
_COLUMNS = 128  # those of fewest values are put in order, lest wide tables take minutes


def sampling_order(y: Tensor, coordinates: tuple[Coordinate, ...]) -> list[int]:
    """The order of columns in which rows differ as late as can be.

    Rows that know the same so far have one law of the next column, which a sampler computes once.
    So columns of few values come first, and right after them those that follow from them: each
    next column is the one that adds fewest kinds of rows. Once nearly all rows differ, the rest
    keep their order, and so do columns beyond the 128 of fewest values. A number that is on no
    point mass is like no other.

    Args:
        y: Encoded training rows, shape (N, D).
        coordinates: What the columns are, D of them.

    Returns:
        The columns, in the order of drawing.

    Raises:
        InputError: If the coordinates are none, or the rows do not fit them.

    Example:
        Bits come first, of which the last two are equal; the numbers, which all differ, come last.

        >>> bits = torch.arange(8) % 2
        >>> y = torch.stack([torch.arange(8) / 8, torch.arange(8) // 2 % 2, bits, bits], -1)
        >>> sampling_order(y, (Coordinate("x"), *(Coordinate(c, levels=2) for c in "abc")))
        [1, 2, 3, 0]
    """
    coordinates = TableDomain(coordinates).coordinates
    rows_of("y", y, width=len(coordinates))
    looked_at = min(len(y), _ROWS)
    some = torch.arange(looked_at) * (len(y) - 1) // max(looked_at - 1, 1)
    codes = [_codes(column, c) for column, c in zip(y[some].cpu().t(), coordinates, strict=True)]
    sizes = [len(code.unique()) for code in codes]
    left = sorted(sorted(range(len(codes)), key=sizes.__getitem__)[:_COLUMNS])
    kind, kinds, order = torch.zeros(len(some), dtype=torch.long), 1, []
    while left and kinds <= _ENOUGH * len(kind):
        counts = {i: len(_together(kind, codes[i]).unique()) for i in left}
        # Those that follow from what is known add no kind, and so need not wait for each other.
        for i in [i for i in left if counts[i] == kinds] or [min(left, key=counts.__getitem__)]:
            kind = _together(kind, codes[i]).unique(return_inverse=True)[1]
            kinds = counts[i]
            order.append(i)
            left.remove(i)
    return order + [i for i in range(len(codes)) if i not in order]


def _codes(values: Tensor, coordinate: Coordinate) -> Tensor:
    """A number for each cell (N,), the same for the same code or point mass, and for no other."""
    codes: Tensor = values.unique(return_inverse=True)[1]
    if coordinate.levels is not None:
        return codes
    masses = values.new_tensor([low for low, high in coordinate.bins if low == high])
    alone = len(values) + torch.arange(len(values))
    return torch.where(torch.isin(values, masses), codes, alone)


def _together(kind: Tensor, codes: Tensor) -> Tensor:
    """A number for each row (N,) by its kind and its code, which is below 2 N."""
    pair: Tensor = kind * (2 * len(codes)) + codes
    return pair
