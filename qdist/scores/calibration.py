"""Whether levels mean what they say."""

import numpy as np

from qdist.errors import InputError
from qdist.scores.edge import ArrayLike, Floats, check_batch, floats

__all__ = ["calibration_curve", "calibration_error", "pit_distance"]


def pit_distance(pit: ArrayLike) -> float:
    r"""The Kolmogorov distance of PIT values $F(y)$ from the uniform law.

    A calibrated forecast of a continuous observation has uniform PIT; where the law has atoms use
    the randomised PIT (`law.pit(y)`), for plain $F(y)$ is then not uniform. Under calibration the
    distance of N independent values exceeds $1.63 / \sqrt N$ once in a hundred times.

    Args:
        pit: PIT values in [0, 1], any shape.

    Returns:
        The largest difference of the two cdfs.

    Raises:
        InputError: If something is NaN or outside [0, 1], or there are no values.

    Example:
        >>> pit_distance([0.25, 0.75])
        0.25
    """
    u = np.sort(floats(pit, "PIT values").ravel())
    if u.size == 0 or u[0] < 0 or u[-1] > 1:
        span = f"values in [{u[0]}, {u[-1]}]" if u.size else "no values"
        raise InputError(f"Expected PIT values in [0, 1]; got {span}. Use the cdf, not its log.")
    steps = np.arange(u.size + 1) / u.size
    return float(max((steps[1:] - u).max(), (u - steps[:-1]).max()))


def calibration_curve(y: ArrayLike, quantiles: ArrayLike) -> Floats:
    r"""The share of observations at or below each of their quantiles, for a reliability plot.

    Args:
        y: Observations, shape (...).
        quantiles: Quantiles at T levels, shape (..., T).

    Returns:
        Shares, shape (T,), which calibration makes equal to the levels. (At an atom the share is
        larger by right: judge such a law by its randomised PIT.)

    Raises:
        InputError: If the shapes do not fit, or something is NaN.

    Example:
        >>> calibration_curve([0.2, 0.6], [[0.1, 0.5, 0.9], [0.1, 0.5, 0.9]])
        array([0. , 0.5, 1. ])
    """
    at, q = floats(y, "observations"), floats(quantiles, "quantiles")
    check_batch(at, q, name="quantiles", trailing=1)
    if not at.size:
        raise InputError("Expected observations; got none.")
    return np.asarray((at[..., None] <= q).reshape(-1, q.shape[-1]).mean(0))


def calibration_error(y: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> float:
    r"""The mean over the levels of $|\mathrm{share}(y \le Q(\tau)) - \tau|$.

    Args:
        y: Observations, shape (...).
        quantiles: Quantiles at T levels, shape (..., T).
        levels: The levels, shape (T,).

    Returns:
        0 for perfect calibration.

    Raises:
        InputError: If the shapes do not fit, or something is NaN.

    Example:
        >>> calibration_error([0.2, 0.6], [[0.1, 0.5, 0.9], [0.1, 0.5, 0.9]], [0.1, 0.5, 0.9])
        0.0666...
    """
    shares, tau = calibration_curve(y, quantiles), floats(levels, "levels")
    if tau.shape != shares.shape or not ((tau >= 0) & (tau <= 1)).all():
        raise InputError(f"Expected {shares.size} levels in [0, 1]; got {levels!r:.60}.")
    return float(np.abs(shares - tau).mean())
