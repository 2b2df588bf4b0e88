"""Targets of a regression: their unit, and the values that they take or many rows hold."""

from dataclasses import dataclass
from typing import Any, Final, Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from qdist.quantile import Categorical, PiecewiseLinear, QuantileFunction
from qdist.regression.spikes import Spikes

__all__ = ["TargetCodec"]

Floats = NDArray[np.float64]

# A target is one of few values only if each is held by so many rows on average.
_ROWS_A_VALUE: Final = 10
_ROWS_A_COUNT: Final = 3  # of whole numbers, which are no measurements that happen to repeat
_TOLD_APART: Final = 8 * float(np.finfo(np.float32).eps)  # in units of the spread


@final
@dataclass(frozen=True)
class TargetCodec:
    """One target in units of its own spread, and back.

    Args:
        loc: Where it lies.
        scale: How widely it spreads.
        values: The values that it takes, increasing, if these are few; else None.
        spikes: Those of its values that many rows hold, if they are not all there are; else None.

    Example:
        >>> TargetCodec.fit(np.repeat([3.0, 4.0], 20), np.ones(40)).values
        (3.0, 4.0)
    """

    loc: float
    scale: float
    values: tuple[float, ...] | None
    spikes: Spikes | None = None

    @classmethod
    def fit(cls, y: Floats, weight: Floats, *, few_values: int = 128) -> Self:
        """Find unit and values of a target.

        Args:
            y: The target, shape (N,).
            weight: What its rows count, shape (N,).
            few_values: At most so many values are few; a single one always is.
        """
        loc = float(np.average(y, weights=weight))
        scale = float(np.sqrt(np.average((y - loc) ** 2, weights=weight)))
        values, at = np.unique(y, return_inverse=True)
        whole = bool((values == np.round(values)).all())
        rows = _ROWS_A_COUNT if whole else _ROWS_A_VALUE
        few = len(values) <= few_values and len(values) * rows <= len(y)
        few |= len(values) == 1
        # A spread that is nothing but rounding is none; but no unit is less than rounding is.
        rounding = 8 * float(np.finfo(np.float64).eps) * max(1e-300, float(np.abs(y).max()))
        if scale <= rounding:
            scale = max(1.0, rounding) if few else rounding
        if few:
            mass = np.asarray(np.bincount(at, weight), np.float64)
            values = _told_apart(values, mass, places=(values - loc) / scale)
            return cls(loc, scale, tuple(values.tolist()))
        spikes = Spikes.fit(y, weight, loc=loc, scale=scale)
        return cls(loc, scale, None, spikes if spikes.values else None)

    @property
    def atoms(self) -> list[float] | None:
        """The values in units of the spread."""
        return None if self.values is None else self.encode(np.array(self.values)).tolist()

    def encode(self, y: Floats) -> Floats:
        """Targets in units of the spread; what lies beyond a spike makes room for it."""
        if self.spikes is not None:
            return self.spikes.encode(y)
        return np.asarray((y - self.loc) / self.scale)

    def decode(self, law: PiecewiseLinear) -> QuantileFunction:
        """The law of the target in its own unit, float64; one of values keeps to them exactly.

        Args:
            law: The law in units of the spread, batch shape (...).

        Returns:
            `PiecewiseLinear`, or `Categorical` on the values.
        """
        levels = law.levels.cpu().double()
        if self.values is not None:
            mass = levels[..., 1::2] - levels[..., ::2]
            values = torch.tensor(self.values, dtype=torch.float64)
            return Categorical(mass.log(), values=values, validate_args=False)
        values = law.values.cpu().double()
        left, right = (None if t is None else t.cpu().double() for t in law.tails)
        if self.spikes is not None:
            roomy = PiecewiseLinear(levels, values, tails=(left, right), validate_args=False)
            return self.spikes.decode(roomy)
        left, right = (None if t is None else t * self.scale for t in (left, right))
        values = self.loc + self.scale * values
        return PiecewiseLinear(levels, values, tails=(left, right), validate_args=False)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-able data."""
        values = None if self.values is None else list(self.values)
        spikes = None if self.spikes is None else self.spikes.to_json()
        return {"loc": self.loc, "scale": self.scale, "values": values, "spikes": spikes}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The codec that `to_json` wrote."""
        values = data["values"]
        values = None if values is None else tuple(map(float, values))
        loc, scale, spikes = float(data["loc"]), float(data["scale"]), data.get("spikes")
        if spikes is not None:
            frequent = tuple(map(float, spikes["values"]))
            spikes = Spikes(frequent, loc, scale, bool(spikes["least"]), bool(spikes["greatest"]))
        return cls(loc, scale, values, spikes)


def _told_apart(values: Floats, mass: Floats, *, places: Floats) -> Floats:
    """Values (V,), only that of most weight of each group that a network cannot tell apart.

    0.3 and 0.1 + 0.2 are one value; so are 0 and 1 where the target spreads over 1e8. The mass
    (V,) of a group is then on the one that is kept, and the law has none at the others.
    """
    least = _TOLD_APART * np.maximum(1.0, np.abs(places[1:]))
    group = np.append(0, (np.diff(places) > least).cumsum())
    commonest = np.lexsort((-mass, group))  # the first of each group
    return values[commonest[np.unique(group, return_index=True)[1]]]
