r"""Values of a continuous target that many rows hold: no rain, a cap, a round sum.

A network's quantile function is nowhere flat, so it would smear such a value out. Here each of
them gets room of its own on the axis: what lies above it moves up by a gap, and the value itself
to the middle of that. On the roomy axis a law need only be narrower than the gap; back on the
target's own axis all of the gap is the one value, exactly.

The map is monotone, so quantiles move along it, and levels stay as they are. Where the value is
the least or the greatest of all that were seen, it is so in the law too.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from qdist.quantile import PiecewiseLinear

__all__ = ["Spikes"]

Floats = NDArray[np.float64]

# In units of the target's spread. Where members differ in the share of a spike their average is
# partly beyond its room: a narrow room makes shares too small, a wide one too large.
_GAP: Final = 1.0
# Less than a piece of a quantile function of 32 knots, which has no room for it.
_LEAST_SHARE: Final = 0.03
_LEAST_ROWS: Final = 10
_HALVINGS: Final = 12  # of the mass of a tail, at each a knot


@final
@dataclass(frozen=True)
class Spikes:
    """The axis with room, in units of the target's spread.

    Args:
        values: The frequent values in the target's own unit, increasing.
        loc: Where the target lies.
        scale: How widely it spreads.
        least: Whether the first of them is the least value of the target.
        greatest: Whether the last of them is its greatest.

    Example:
        Nothing was seen below 0, where half of the rows are.

        >>> y = np.append(np.zeros(20), np.arange(1.0, 21.0))
        >>> spikes = Spikes.fit(y, np.ones(40), loc=0.0, scale=1.0)
        >>> spikes.values, spikes.least, spikes.greatest
        ((0.0,), True, False)
        >>> spikes.encode(np.array([0.0, 1.0]))
        array([0.5, 2. ])
    """

    values: tuple[float, ...]
    loc: float
    scale: float
    least: bool
    greatest: bool

    @classmethod
    def fit(cls, y: Floats, weight: Floats, *, loc: float, scale: float) -> Self:
        """Find the spikes of a target (N,) with row weights (N,)."""
        values, at, count = np.unique(y, return_inverse=True, return_counts=True)
        share = np.bincount(at, weight) / weight.sum()
        frequent = (share >= _LEAST_SHARE) & (count >= _LEAST_ROWS)
        ends = (bool(frequent[0]), bool(frequent[-1]))
        return cls(tuple(values[frequent].tolist()), loc, scale, *ends)

    def encode(self, y: Floats) -> Floats:
        """Targets on the roomy axis."""
        below = np.searchsorted(self.values, y, side="left")
        upto = np.searchsorted(self.values, y, side="right")
        return np.asarray((y - self.loc) / self.scale + _GAP * (below + upto) / 2)

    def decode(self, law: PiecewiseLinear) -> PiecewiseLinear:
        """The law of the target in its own unit, with its spikes as atoms.

        Args:
            law: The law on the roomy axis, float64, batch shape (N,).

        Returns:
            A law with levels and values (N, K').
        """
        law = _with_knots_in_tails(law)
        edges = torch.cat(self._rooms()).expand(len(law.values), -1)
        if law.tails[0] is None:
            edges = torch.maximum(edges, law.values[:, :1])
        if law.tails[1] is None:
            edges = torch.minimum(edges, law.values[:, -1:])
        # Where a law enters a room and leaves it there is a knot, or a piece would cut a corner.
        crossed = law.cdf(edges.T).T
        levels = torch.cat([law.levels.expand(law.values.shape), crossed], -1).sort(-1).values
        place = torch.cat([law.values, edges], -1).sort(-1).values
        values, (left, right) = self.values_at(place), law.tails
        if self.least:
            values = values.clamp(min=self.values[0])
            if left is not None:  # all of its mass is on the spike
                values, levels, left = (
                    pad(values, (1, 0), value=self.values[0]),
                    pad(levels, (1, 0)),
                    None,
                )
        if self.greatest:
            values = values.clamp(max=self.values[-1])
            if right is not None:
                values, levels, right = (
                    pad(values, (0, 1), value=self.values[-1]),
                    pad(levels, (0, 1), value=1.0),
                    None,
                )
        left, right = (None if t is None else t * self.scale for t in (left, right))
        return PiecewiseLinear(levels, values, tails=(left, right), validate_args=False)

    def values_at(self, place: Tensor) -> Tensor:
        """What places (...) on the roomy axis stand for."""
        starts, ends = self._rooms()
        spikes = torch.tensor([-torch.inf, *self.values, torch.inf], dtype=torch.float64)
        rank = torch.searchsorted(starts, place.contiguous(), right=True)  # spikes at or below
        inside = (rank > 0) & (place <= ends[(rank - 1).clamp(min=0)])
        plain = self.loc + self.scale * (place - _GAP * rank)
        # Rounding must not carry a value over its neighbours.
        plain = torch.minimum(torch.maximum(plain, spikes[rank]), spikes[rank + 1])
        return torch.where(inside, spikes[rank], plain)

    def _rooms(self) -> tuple[Tensor, Tensor]:
        """Where the room of each spike begins and ends, (H,) each."""
        plain = (torch.tensor(self.values, dtype=torch.float64) - self.loc) / self.scale
        starts = plain + _GAP * torch.arange(len(plain))
        return starts, starts + _GAP

    def to_json(self) -> dict[str, Any]:
        """The fields but those of the target's unit, as JSON-able data."""
        return {"values": list(self.values), "least": self.least, "greatest": self.greatest}


def _with_knots_in_tails(law: PiecewiseLinear) -> PiecewiseLinear:
    """A law (N,) with knots where a half, a quarter, ... of the mass of a tail is left.

    A room that begins far out in a tail puts a knot there, and up to that the tail is a line.
    """
    levels, values = law.levels.expand(law.values.shape), law.values
    times = torch.arange(1.0, _HALVINGS + 1, dtype=values.dtype)
    left, right = (
        None if t is None else t.expand(len(values))[:, None] * times * math.log(2)
        for t in law.tails
    )
    if left is not None:
        levels = torch.cat([(levels[:, :1] * 0.5**times).flip(1), levels], 1)
        values = torch.cat([(values[:, :1] - left).flip(1), values], 1)
    if right is not None:
        levels = torch.cat([levels, 1 - (1 - levels[:, -1:]) * 0.5**times], 1)
        values = torch.cat([values, values[:, -1:] + right], 1)
    return PiecewiseLinear(levels, values, tails=law.tails, validate_args=False)
