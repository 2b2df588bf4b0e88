"""A column of numbers, dates or times through its marginal curve."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qdist.backbones import Coordinate
from qdist.codecs.axis import Axis
from qdist.codecs.bounds import check_bounds
from qdist.codecs.columns import AbstractColumn, read_head, refuse_missing
from qdist.codecs.conform import conform
from qdist.codecs.heaps import Heaps
from qdist.codecs.marginal import MarginalCurve
from qdist.codecs.raw import from_raw, natural_unit, to_raw, to_whole

__all__ = ["CurvedColumn"]

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class CurvedColumn(AbstractColumn):
    """Numbers to levels $u$ in [0, 1] of the column's own marginal distribution.

    Args:
        schema: What the column is.
        kind: The Arrow type of its cells.
        axis: From raw values to the axis of the curve.
        curve: The marginal curve.
        heaps: Where the values of the grid are rounded further; the curve is then that of the
            stretched axis.
    """

    name: ClassVar[str] = "curved"

    axis: Axis
    curve: MarginalCurve
    heaps: Heaps | None = None

    @property
    def coordinate(self) -> Coordinate:
        """A real coordinate with the bins of the curve."""
        return Coordinate(self.schema.name, bins=self.curve.bins)

    @property
    def missing_value(self) -> float | None:
        """The middle of the mass of "missing"."""
        return self.curve.missing_level

    def encode(self, array: pa.Array) -> Floats:
        """Levels strictly inside (0, 1) unless at a declared bound."""
        name = self.schema.name
        raw, missing = to_raw(conform(array, self.kind, name), name)
        check_bounds(self.schema, raw, ~missing)
        u = self.level(self.axis.index(raw))
        if missing.any():
            if self.missing_value is None:
                refuse_missing(self.schema, int(missing.sum()))
            u[missing] = self.missing_value
        return u

    def decode(self, y: Floats) -> pa.Array:
        """Numbers on the grid, within the bounds."""
        z, missing = self.curve.value(y)
        raw = self.raw(z if self.heaps is None else self.heaps.gather(z))
        return from_raw(raw, missing, self.kind)

    def raw(self, z: Floats) -> NDArray[Any]:
        """The raw values, shape (N,), of places on the axis, shape (N,): whole if they must be."""
        raw = self.axis.value(z)
        if self.schema.integer and not self.axis.gridded:  # as a grid of too many steps is none
            raw = to_whole(raw, self.kind)
        lower, upper = self.schema.lower, self.schema.upper
        if lower is None and upper is None:
            return raw
        return np.clip(raw, lower, upper).astype(raw.dtype, copy=False)

    def distance(self, array: pa.Array) -> Floats:
        """How many scales of its tail a cell (N,) lies beyond where `encode` cuts it off."""
        raw, missing = to_raw(conform(array, self.kind, self.schema.name), self.schema.name)
        z = self.axis.index(raw)
        z = z if self.heaps is None else self.heaps.spread(np.floor(z + 0.5))
        return np.where(missing, 0.0, self.curve.beyond(z))

    def level(self, z: Floats) -> Floats:
        """The levels, shape (N,), of places on the axis, shape (N,)."""
        if self.heaps is not None:
            z = self.heaps.spread(np.floor(z + 0.5))
        return self.curve.level(z)

    def snap(self, u: Floats) -> Floats:
        """Levels, shape (N,), moved to those of the points of the grid that they decode to."""
        if not self.axis.gridded:
            return u
        z, missing = self.curve.value(u)
        snapped = self.level(z if self.heaps is None else self.heaps.gather(z))
        return snapped if missing is None else np.where(missing, u, snapped)

    def cell(self, u: Floats) -> tuple[Floats, Floats]:
        """The ends of the stretch of levels that decode to the same point of the grid.

        Args:
            u: Levels of points of the grid, shape (N,), as `encode` gives them.

        Returns:
            Two arrays of shape (N,): u itself, twice, at atoms, at missing, and without a grid.
        """
        if self.heaps is None:
            return self.curve.cell(u)
        z = np.floor(self.heaps.gather(self.curve.value(u)[0]) + 0.5)
        low, high = (self.curve.level(self.heaps.spread(z + half)) for half in (-0.5, 0.5))
        dense = self.curve.continuous(u)
        return np.where(dense, np.minimum(low, u), u), np.where(dense, np.maximum(high, u), u)

    def log_jacobian(self, y: Floats) -> Floats:
        """Log du/dx on stretches with a density, 0 at atoms and at missing."""
        slope = self.curve.log_slope(y)
        if self.heaps is not None:
            z = np.floor(self.heaps.gather(self.curve.value(y)[0]) + 0.5)
            slope = slope + self.heaps.log_stretch(z)
        unit = np.log(self.axis.unit) + np.log(natural_unit(self.kind))
        return np.where(self.curve.continuous(y), slope - unit, 0.0)

    def to_json(self) -> dict[str, Any]:
        """All there is, as JSON-able data."""
        return {
            **self._head(),
            "axis": self.axis.to_json(),
            "curve": self.curve.to_json(),
            "heaps": None if self.heaps is None else asdict(self.heaps),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CurvedColumn:
        """The column that `to_json` wrote."""
        return cls(
            **read_head(data),
            axis=Axis(**data["axis"]),
            curve=MarginalCurve.from_json(data["curve"]),
            heaps=Heaps(**data["heaps"]) if data.get("heaps") else None,
        )
