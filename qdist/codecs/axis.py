"""The axis on which a numeric column is modelled: its raw values shifted and scaled.

Most columns of numbers are rounded: to whole numbers, to cents, to multiples of 25. Such a
*gridded* column is modelled by the index $z = (x - b) / s$ of its grid, so that decoding gives
back exact multiples of the step and never 3.0000001. Other columns are shifted and scaled so
that neither 1e300 nor values 1e-12 apart lose their digits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Axis", "fit_axis"]

Array = NDArray[Any]

# Up to so many steps from end to end a grid is worth restoring: float64 levels in [0, 1] can
# still tell its values apart.
_MAX_STEPS: Final = 2.0**44
_MAX_DECIMALS: Final = 12
_FAR: Final = 2.0**62
# Evidence for a grid of floats: one table in a thousand of others would show as much by chance.
_LEAST_BITS: Final = 10


@final
@dataclass(frozen=True)
class Axis:
    r"""Raw values $x$ to $z = (x - b) / s$ and back.

    Args:
        gridded: Whether $z$ is an index, rounded on the way back.
        base: $b$, whole where the raw values are whole.
        step: $s$, whole where the grid is.
        decimals: A gridded column of floats is $x = (b + s z) / 10^d$ with whole $b$ and $s$.
        whole: Whether the raw values are whole numbers (integers, dates, decimals).
        single: Whether the raw values are of single precision.
        least: The smallest raw value of the type.
        greatest: The greatest raw value of the type.
    """

    gridded: bool
    base: float | int
    step: float | int
    decimals: int
    whole: bool
    single: bool
    least: float | int
    greatest: float | int

    @property
    def unit(self) -> float:
        """The width in raw units of one unit of $z$."""
        return float(self.step) / 10.0**self.decimals

    def index(self, raw: Array) -> NDArray[np.float64]:
        """Raw values, shape (N,), to $z$, shape (N,); exact on the grid."""
        if self.whole and raw.dtype.kind in "iu":
            # In whole numbers as far as they reach: 1.7e18 nanoseconds have no exact float. The
            # difference wraps around, which is right whenever the true one fits.
            rough = raw.astype(np.float64) - float(self.base)
            wrapped = raw.view(np.int64) - _wrap(int(self.base))
            near = np.abs(rough) < _FAR
            if self.gridded and self.step > 1:
                quotient, rest = np.divmod(wrapped, int(self.step))
                exact = quotient + rest / float(self.step)
            else:
                exact = wrapped / float(self.step)
            return np.where(near, exact, rough / float(self.step))
        if not self.gridded:
            with np.errstate(over="ignore"):
                return (raw - float(self.base)) / float(self.step)
        with np.errstate(over="ignore"):
            digits = raw * 10.0**self.decimals
        rounded = np.rint(digits)
        # 39.1 * 10 may miss 391: the whole number is taken if it gives the value back.
        same = self._cast(rounded / 10.0**self.decimals) == raw
        return (np.where(same, rounded, digits) - float(self.base)) / float(self.step)

    def value(self, z: NDArray[np.float64]) -> Array:
        """The raw values, shape (N,), of $z$, shape (N,), within the range of the type."""
        if self.gridded:
            z = np.floor(z + 0.5)
        if self.whole:
            steps = z * float(self.step)
            if self.gridded:
                few = np.clip(z, -_FAR / float(self.step), _FAR / float(self.step))
                offset = few.astype(np.int64) * int(self.step)
            else:
                offset = np.rint(np.clip(steps, -_FAR, _FAR)).astype(np.int64)
            room_below = max(int(self.least) - int(self.base), -(2**62))
            room_above = min(int(self.greatest) - int(self.base), 2**62)
            offset = np.clip(offset, room_below, room_above)
            signed = offset + _wrap(int(self.base))
            return self._far(
                steps, signed.view(np.uint64) if self.greatest > 2**63 - 1 else signed
            )
        if self.gridded:
            raw = (float(self.base) + z * float(self.step)) / 10.0**self.decimals
        else:
            with np.errstate(over="ignore"):
                raw = float(self.base) + z * float(self.step)
        return np.clip(self._cast(raw), float(self.least), float(self.greatest))

    def _far(self, steps: NDArray[np.float64], raw: Array) -> Array:
        """Replaces what lies beyond the reach of whole differences by its rounded float."""
        far = np.abs(steps) >= _FAR
        if not far.any():
            return raw
        # The floats next to the type's ends: 2^63 - 1 itself rounds up out of the type, and
        # -(2^63 - 1) down to the number that stands for no time.
        greatest = float(np.nextafter(float(self.greatest) + 1.0, 0.0))
        least = float(self.least)
        if int(least) < self.least:
            least = float(np.nextafter(least, 0.0))
        rough = float(self.base) + steps
        raw[far] = np.clip(rough, least, greatest)[far].astype(raw.dtype)
        # The ends themselves are exact, or a value within reach could lie beyond them.
        raw[far & (rough > greatest)] = int(self.greatest)
        raw[far & (rough < least)] = int(self.least)
        return raw

    def _cast(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.single:
            return raw
        with np.errstate(over="ignore", under="ignore"):
            return raw.astype(np.float32).astype(np.float64)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-able data."""
        return asdict(self)


def _wrap(number: int) -> np.int64:
    return np.int64((number + 2**63) % 2**64 - 2**63)


def fit_axis(
    values: Array, *, single: bool, grid: bool, least: float | int, greatest: float | int
) -> Axis:
    """Finds the axis of a column.

    Args:
        values: The distinct raw values in increasing order, shape (V,), V >= 1.
        single: Whether they are of single precision.
        grid: Whether to look for a rounding grid among floats.
        least: The smallest raw value of the type.
        greatest: The greatest raw value of the type.

    Returns:
        A gridded axis where there is a grid of at most 2^44 steps, else a plain one.

    Example:
        >>> import numpy as np
        >>> axis = fit_axis(np.array([0.25, 0.5, 1.0]), single=False, grid=True,
        ...                 least=-1e308, greatest=1e308)
        >>> axis.gridded, axis.unit, axis.value(np.array([1.0])).tolist()
        (True, 0.25, [0.5])
    """
    whole = values.dtype.kind in "iu"
    rest: dict[str, Any] = {
        "whole": whole, "single": single, "least": least, "greatest": greatest,
    }  # fmt: skip
    if whole:
        base = int(values[0])
        gaps = np.diff(values.view(np.uint64))
        step = int(np.gcd.reduce(gaps)) if len(gaps) else 1
        if int(values[-1]) - base < _FAR and (int(values[-1]) - base) // step <= _MAX_STEPS:
            return Axis(gridded=True, base=base, step=step, decimals=0, **rest)
        span = int(values[-1]) - base
        # At most 2^62, which signed 64 bits hold; the values can span more than they do.
        scale = 2 ** min(span.bit_length() - 1, 62)
        return Axis(gridded=False, base=base, step=scale, decimals=0, **rest)
    if grid:
        found = _decimal_grid(values, single=single)
        if found is not None:
            base, step, decimals = found
            return Axis(gridded=True, base=base, step=step, decimals=decimals, **rest)
    low, high = float(values[0]), float(values[-1])
    largest = max(abs(low), abs(high))
    # Only a far-away narrow range is shifted: a shift costs small values their digits.
    origin = low if low * high > 0 and high / 2 - low / 2 < 5e-4 * largest else 0.0
    extent = max(abs(high - origin), abs(low - origin)) or largest  # of a lone value its size
    exponent = int(np.frexp(extent)[1]) - 1 if extent > 0 else 0
    return Axis(
        gridded=False, base=origin, step=float(np.ldexp(1.0, exponent)), decimals=0, **rest
    )


def _decimal_grid(values: Array, *, single: bool) -> tuple[int, int, int] | None:
    probe = values[:: max(1, len(values) // 512)]
    for decimals in range(_MAX_DECIMALS + 1):
        if all(_on_grid(part, decimals, single=single) for part in (probe, values)):
            if _by_chance(values, decimals, single=single):
                return None
            digits = np.rint(values * 10.0**decimals).astype(np.int64)
            step = int(np.gcd.reduce(np.diff(digits))) if len(digits) > 1 else 1
            if (int(digits[-1]) - int(digits[0])) / step > _MAX_STEPS:
                return None
            return int(digits[0]), step, decimals
    return None


def _on_grid(values: Array, decimals: int, *, single: bool) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        digits = np.rint(values * 10.0**decimals)
        back = digits / 10.0**decimals
    if single:
        back = back.astype(np.float32).astype(np.float64)
    return bool(np.all(np.abs(digits) < 2.0**52) and np.array_equal(back, values))


def _by_chance(values: Array, decimals: int, *, single: bool) -> bool:
    """Whether the grid is so fine that numbers without any grid would lie on it by chance.

    Where one of r floats lies on the grid, a value that does is log2(r) bits of evidence.
    """
    spacing = np.spacing(np.abs(values.astype(np.float32 if single else np.float64)))
    bits = -decimals * np.log2(10.0) - np.log2(spacing.astype(np.float64))
    return bool(np.clip(bits, 0, _LEAST_BITS).sum() < _LEAST_BITS)
