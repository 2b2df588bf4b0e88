r"""The monotone marginal curve of a numeric column: $u = F(z)$ in [0, 1] and back.

The interval [0, 1] is cut into pieces, in the order of $z$: "missing" first, then point masses
(*atoms*), linear pieces, and an exponential tail at each end that has no declared bound. An atom
is one point of [0, 1], the middle of its mass interval; a linear piece maps evenly. All ends are
single-precision numbers, so that a network that works in float32 finds atoms and bins again bit
for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["ATOM", "LINEAR", "LOWER_TAIL", "UPPER_TAIL", "MarginalCurve"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

LINEAR: Final = 0
ATOM: Final = 1
LOWER_TAIL: Final = 2
UPPER_TAIL: Final = 3

# The spacing of single-precision numbers just below 1.
_SINGLE: Final = 2.0**-24
_FARTHEST: Final = 1e300  # scales: a log density stays finite


@final
@dataclass(frozen=True, eq=False)
class MarginalCurve:
    r"""A piecewise cdf with P pieces in the order of $z$.

    Args:
        z: The ends of the pieces, shape (P, 2): equal at an atom, infinite at a tail.
        u: The ends of their mass intervals, shape (P, 2), increasing.
        kind: LINEAR, ATOM, LOWER_TAIL or UPPER_TAIL for each piece, shape (P,).
        bin: The number of the bin that each piece belongs to, shape (P,), increasing.
        scales: The scales of the two tails, shape (2,).
        gridded: Whether $z$ is an index of a grid; linear pieces then end half way between
            indices.
        missing: The mass of "missing", which is placed first; 0 without missing values.
    """

    z: Floats
    u: Floats
    kind: Whole
    bin: Whole
    scales: Floats
    gridded: bool
    missing: float
    # Worked out once, for speed: sampling decodes ten thousand rows at a time.
    _middle: Floats = field(init=False)
    _starts: Floats = field(init=False)
    _atoms: Floats = field(init=False)
    _atom_pieces: Whole = field(init=False)
    _lines: Whole = field(init=False)
    _line_starts: Floats = field(init=False)
    _log_slope: Floats = field(init=False)
    _mass: Floats = field(init=False)
    _width: Floats = field(init=False)
    _first: Floats = field(init=False)
    _last: Floats = field(init=False)

    def __post_init__(self) -> None:
        z, u, atom = self.z, self.u, self.kind == ATOM
        middle = (0.5 * (u[:, 0] + u[:, 1])).astype(np.float32).astype(np.float64)
        lines = ~atom
        # A level on the border of an atom belongs to the linear piece beside it.
        starts = np.where(atom, np.nextafter(u[:, 0], 2.0), u[:, 0])
        width = np.where(self.kind == LINEAR, z[:, 1] - z[:, 0], 1.0)
        with np.errstate(divide="ignore"):
            slope = np.where(self.kind == LINEAR, np.log(u[:, 1] - u[:, 0]) - np.log(width), 0.0)
        derived = {
            "_middle": middle,
            "_starts": starts[1:],
            "_atoms": z[atom, 0],
            "_atom_pieces": np.flatnonzero(atom),
            "_lines": np.flatnonzero(lines),
            "_line_starts": z[lines, 0][1:],
            "_log_slope": slope,
            "_mass": u[:, 1] - u[:, 0],
            "_width": width,
            # The first and last index of a piece, where z is an index.
            "_first": np.where(atom, z[:, 0], np.ceil(z[:, 0])),
            "_last": np.where(atom, z[:, 0], np.floor(z[:, 1])),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @property
    def missing_level(self) -> float | None:
        """The point of [0, 1] that stands for "missing"; `None` where nothing is missing."""
        return float(np.float32(0.5 * self.missing)) if self.missing else None

    @property
    def atoms(self) -> Floats:
        """The point masses, shape (A,), increasing."""
        return self._atoms

    @property
    def bins(self) -> tuple[tuple[float, float], ...]:
        """The bins in [0, 1]: (m, m) for an atom or missing, (left, right) for a stretch."""
        first = np.flatnonzero(np.diff(self.bin, prepend=-1))
        last = np.append(first[1:], len(self.bin)) - 1
        atom = self.kind[first] == ATOM
        left = np.where(atom, self._middle[first], self.u[first, 0]).tolist()
        right = np.where(atom, self._middle[first], self.u[last, 1]).tolist()
        level = self.missing_level
        return (*(() if level is None else ((level, level),)), *zip(left, right, strict=True))

    def level(self, z: Floats) -> Floats:
        """The point $u$ of each $z$.

        Args:
            z: Shape (N,), finite.

        Returns:
            Shape (N,), strictly inside (0, 1), also in single precision; at an atom exactly the
            middle of its mass interval.
        """
        if self.gridded:
            z = np.floor(z + 0.5)
        if len(self._lines) == 0:
            return self._nearest_atom(z)
        piece = self._lines[np.searchsorted(self._line_starts, z, side="right")]
        left, right = self.u[piece, 0], self.u[piece, 1]
        kind = self.kind[piece]
        with np.errstate(over="ignore", invalid="ignore"):
            part = (z - self.z[piece, 0]) / self._width[piece]
        part = np.where(kind == LINEAR, part, 0.0)
        level = left + np.clip(part, 0.0, 1.0) * (right - left)
        for tail, at in ((LOWER_TAIL, piece == 0), (UPPER_TAIL, piece == len(self.kind) - 1)):
            at = at & (kind == tail)
            if at.any():
                level[at] = self._tail_level(tail, z[at])
        if len(self._atoms):
            where = np.searchsorted(self._atoms, z)
            where = np.minimum(where, len(self._atoms) - 1)
            hit = self._atoms[where] == z
            level = np.where(hit, self._middle[self._atom_pieces[where]], level)
        found: Floats = level
        return found

    def _nearest_atom(self, z: Floats) -> Floats:
        cuts = 0.5 * (self._atoms[1:] + self._atoms[:-1])
        return self._middle[np.searchsorted(cuts, z)]

    def _tail_level(self, tail: int, z: Floats) -> Floats:
        lower = tail == LOWER_TAIL
        piece = 0 if lower else len(self.kind) - 1
        left, right = self.u[piece]
        with np.errstate(over="ignore"):
            far = (
                (self.z[0, 1] - z) / self.scales[0]
                if lower
                else (z - self.z[-1, 0]) / self.scales[1]
            )
        rest = np.maximum(np.exp(-np.maximum(far, 0.0)) * (right - left), _SINGLE)
        tail_level: Floats = left + rest if lower else right - rest
        return tail_level

    def beyond(self, z: Floats) -> Floats:
        """How many scales of its tail a place (N,) lies beyond where its level is cut off.

        The level of a place far out is cut at a single-precision step from the end; the density of
        the tail is not.
        """
        found = np.zeros(len(z))
        for piece, kind in ((0, LOWER_TAIL), (-1, UPPER_TAIL)):
            if self.kind[piece] == kind:
                left, right = self.u[piece]
                end = self.z[0, 1] if kind == LOWER_TAIL else self.z[-1, 0]
                with np.errstate(over="ignore"):
                    far = np.abs(z - end) / self.scales[0 if kind == LOWER_TAIL else 1]
                outside = z < end if kind == LOWER_TAIL else z > end
                told = -np.log(_SINGLE / (right - left))
                found += np.where(outside, np.clip(far - told, 0.0, _FARTHEST), 0.0)
        return found

    def _piece(self, u: Floats) -> Whole:
        return np.searchsorted(self._starts, u, side="right")

    def value(self, u: Floats) -> tuple[Floats, NDArray[np.bool_] | None]:
        """The $z$ of each level, and which are missing.

        Args:
            u: Shape (N,), in [0, 1].

        Returns:
            z of shape (N,), 0 where missing, and a mask of shape (N,), or `None` where the column
            has no missing values.
        """
        missing = u < self.missing if self.missing else None
        piece = self._piece(u)
        z = self.place(u)
        if self.gridded:
            z = np.clip(np.floor(z + 0.5), self._first[piece], self._last[piece])
        if missing is not None:
            z = np.where(missing, 0.0, z)
        return z, missing

    def place(self, u: Floats) -> Floats:
        """The $z$ of each level before it is rounded to the grid.

        Args:
            u: Shape (N,), in [0, 1]; what is missing counts as the smallest value.

        Returns:
            Shape (N,).
        """
        piece = self._piece(u)
        kind = self.kind[piece]
        lines = kind == LINEAR
        left, right = self.z[piece, 0], self.z[piece, 1]
        part = np.clip((u - self.u[piece, 0]) / self._mass[piece], 0.0, 1.0)
        with np.errstate(invalid="ignore"):
            z = np.where(lines, np.minimum(left + part * self._width[piece], right), left)
        for tail in (LOWER_TAIL, UPPER_TAIL):
            at = kind == tail
            if at.any():
                z[at] = self._tail_value(tail, u[at])
        place: Floats = z
        return place

    def _tail_rest(self, tail: int, u: Floats) -> Floats:
        left, right = self.u[0 if tail == LOWER_TAIL else -1]
        rest = u - left if tail == LOWER_TAIL else right - u
        part: Floats = np.clip(rest, _SINGLE, right - left) / (right - left)
        return part

    def _tail_value(self, tail: int, u: Floats) -> Floats:
        far = -np.log(self._tail_rest(tail, u))
        if tail == LOWER_TAIL:
            far, start = -far * self.scales[0], self.z[0, 1]
        else:
            far, start = far * self.scales[1], self.z[-1, 0]
        value: Floats = start + far
        return value

    def log_slope(self, u: Floats) -> Floats:
        r"""$\log dF/dz$ at each level, 0 at atoms and at missing.

        Args:
            u: Shape (N,), in [0, 1].

        Returns:
            Shape (N,), finite.
        """
        piece = self._piece(u)
        slope = np.array(self._log_slope[piece])
        for tail, scale in ((LOWER_TAIL, self.scales[0]), (UPPER_TAIL, self.scales[1])):
            at = self.kind[piece] == tail
            if at.any():
                mass = self._mass[0 if tail == LOWER_TAIL else -1]
                slope[at] = np.log(self._tail_rest(tail, u[at])) + np.log(mass) - np.log(scale)
        if self.missing:
            slope[u < self.missing] = 0.0
        return slope

    def continuous(self, u: Floats) -> NDArray[np.bool_]:
        """Whether each level, shape (N,), lies on a stretch with a density."""
        dense: NDArray[np.bool_] = (self.kind[self._piece(u)] != ATOM) & (u >= self.missing)
        return dense

    def cell(self, u: Floats) -> tuple[Floats, Floats]:
        """The ends of the stretch of levels that decode to the same point of the grid.

        Args:
            u: Levels of points of the grid, shape (N,), as `level` gives them.

        Returns:
            Two arrays of shape (N,): u itself, twice, at atoms, at missing, and without a grid.
        """
        if not self.gridded:
            return u, u
        piece = self._piece(u)
        kind, mass = self.kind[piece], self._mass[piece]
        left, right = self.u[piece, 0], self.u[piece, 1]
        half = np.where(kind == LINEAR, 0.5 * mass / self._width[piece], 0.0)
        low, high = u - half, u + half
        for tail, scale in ((LOWER_TAIL, self.scales[0]), (UPPER_TAIL, self.scales[1])):
            at = kind == tail
            if at.any():
                rest = self._tail_rest(tail, u[at]) * mass[at]
                near, far = rest * np.exp(0.5 / scale), rest * np.exp(-0.5 / scale)
                if tail == LOWER_TAIL:
                    low[at], high[at] = left[at] + far, left[at] + near
                else:
                    low[at], high[at] = right[at] - near, right[at] - far
        exact = (kind == ATOM) | (u < self.missing)
        low = np.where(exact, u, np.maximum(low, left))
        high = np.where(exact, u, np.minimum(high, right))
        return low, high

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-able data; the infinite ends of tails are written as `None`."""
        ends = [[None if math.isinf(e) else e for e in pair] for pair in self.z.tolist()]
        data = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        lists = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in data.items()}
        return lists | {"z": ends}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> MarginalCurve:
        """The curve that `to_json` wrote, bit for bit."""
        ends = [
            (-np.inf if low is None else low, np.inf if high is None else high)
            for low, high in data["z"]
        ]
        return cls(
            z=np.array(ends, np.float64).reshape(-1, 2),
            u=np.array(data["u"], np.float64).reshape(-1, 2),
            kind=np.array(data["kind"], np.int64),
            bin=np.array(data["bin"], np.int64),
            scales=np.array(data["scales"], np.float64),
            gridded=data["gridded"],
            missing=data["missing"],
        )
