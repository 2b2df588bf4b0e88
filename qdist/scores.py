r"""Scores of forecasts against what was observed: tensors or arrays in, float64 numbers out.

The score of a forecast comes back unreduced, one number for each observation; a property of many
forecasts together (a coverage, a calibration) is a single number. All are lower-is-better except
`coverage` and `calibration_curve`, which are compared with what they should be.

**Missing values.** The score of a missing observation, or of a forecast with holes, is not
defined: NaN anywhere raises `InputError`, and is never dropped in silence.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from qdist.arguments import number
from qdist.errors import InputError

__all__ = [
    "calibration_curve",
    "calibration_error",
    "coverage",
    "crps_ensemble",
    "crps_quantiles",
    "energy_distance",
    "energy_score",
    "interval_score",
    "interval_width",
    "midpoint_levels",
    "pit_distance",
]

Floats = npt.NDArray[np.float64]
ArrayLike = Tensor | npt.ArrayLike
Estimator = Literal["fair", "plain"]


def _floats(x: ArrayLike, name: str) -> Floats:
    if isinstance(x, Tensor):
        x = x.detach().cpu().double().numpy()
    try:
        array = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Expected {name} as an array of numbers; got {x!r:.80}. Convert them, and give lists "
            "of one length."
        ) from error
    holes = int(np.isnan(array).sum())
    if holes:
        raise InputError(
            f"Expected {name} without NaN; got {holes} of {array.size}. Drop those rows from the "
            "observations and the forecasts alike, or score missingness as an event of its own."
        )
    return array


def _together(**parts: Floats) -> list[Floats]:
    """Arrays of one shape, to which they broadcast.

    Raises:
        InputError: If they do not, or nothing is left.
    """
    try:
        found = list(np.broadcast_arrays(*parts.values()))
    except ValueError:
        found = []
    own = parts.get("observations", np.empty(())).shape  # (N,) beside (N, 1): N x N pairs
    if not found or not found[0].size or (own and found[0].shape != own):
        shapes = ", ".join(f"{name} {part.shape}" for name, part in parts.items())
        raise InputError(
            "Expected arrays that broadcast to one shape, that of the observations, not empty; "
            f"got {shapes}. Give one interval for each observation."
        )
    return found


def _check_batch(y: Floats, forecast: Floats, name: str, trailing: int) -> None:
    if forecast.ndim < trailing or forecast.shape[: forecast.ndim - trailing] != y.shape:
        axes = ", S, D)" if trailing == 2 else ", number of levels or draws)"
        raise InputError(
            f"Expected {name} of shape ({', '.join(map(str, y.shape))}{axes} for observations of "
            f"shape {y.shape}; got {forecast.shape}. Move the levels or draws to the last axes."
        )


def _pairs(draws: int, estimator: str) -> int:
    """The number of ordered pairs of draws that E|X - X'| is averaged over."""
    if estimator not in ("fair", "plain"):
        raise InputError(f"Expected estimator 'fair' or 'plain'; got {estimator!r}.")
    fair = estimator == "fair"
    if draws < 1 + fair:
        raise InputError(
            f"Expected at least {1 + fair} draws for the {estimator} estimator; got {draws}. "
            "Draw more."
        )
    return draws * (draws - fair)


def midpoint_levels(n: int = 200) -> Floats:
    r"""The levels $\tau_k = (k - 1/2) / n$ that `crps_quantiles` expects, shape (n,).

    Example:
        >>> midpoint_levels(4)
        array([0.125, 0.375, 0.625, 0.875])
    """
    count: int = number("n", n, least=1, whole=True)
    return (np.arange(count) + 0.5) / count


def crps_quantiles(y: ArrayLike, quantiles: ArrayLike) -> Floats:
    r"""The CRPS from quantiles at the midpoint levels, by the midpoint rule.

    $$\mathrm{CRPS}(Q, y) = 2 \int_0^1 \rho_\tau(y - Q(\tau))\,d\tau \approx
    \frac 2 K \sum_k \rho_{\tau_k}(y - Q(\tau_k))$$

    The factor 2 is part of it (many a "mean pinball loss" omits it). Use K of 200 or more: the
    rule is exact only where Q is constant within each of the K cells. Where the object has a
    closed form, as [`PiecewiseLinear`][qdist.quantile.PiecewiseLinear] does, prefer that.

    Args:
        y: Observations, shape (...).
        quantiles: Quantiles at [`midpoint_levels(K)`][qdist.scores.midpoint_levels], shape
            (..., K).

    Returns:
        One score for each observation, shape (...).

    Raises:
        InputError: If the shapes do not fit, or something is NaN.

    Example:
        >>> from scipy.stats import norm
        >>> quantiles = norm.ppf(midpoint_levels(2000))
        >>> round(float(crps_quantiles(0.0, quantiles)), 4)  # (sqrt(2) - 1) / sqrt(pi)
        0.2337
    """
    at, q = _floats(y, "observations"), _floats(quantiles, "quantiles")
    _check_batch(at, q, "quantiles", 1)
    residual = at[..., None] - q
    pinball = residual * (midpoint_levels(q.shape[-1]) - (residual <= 0))
    return np.asarray(2 * pinball.mean(-1))[()]


def crps_ensemble(y: ArrayLike, samples: ArrayLike, *, estimator: Estimator = "fair") -> Floats:
    r"""The CRPS from draws, $E|X - y| - \tfrac12 E|X - X'|$.

    "plain" is the CRPS of the empirical law of the draws; as an estimate of the forecast's own it
    is too large by $E|X - X'| / (2S)$. "fair" divides the second sum by $S (S - 1)$ instead, and
    is unbiased, but may be negative for a single observation.

    Args:
        y: Observations, shape (...).
        samples: Draws, shape (..., S).
        estimator: "fair" or "plain".

    Returns:
        One score for each observation, shape (...).

    Raises:
        InputError: If the shapes do not fit, something is NaN, or "fair" is asked of one draw.

    References:
        Estimation of the Continuous Ranked Probability Score with Limited Information (Zamo and
        Naveau, 2018). <https://doi.org/10.1007/s11004-017-9709-7>

    Example:
        >>> float(crps_ensemble(0.0, [1.0, 3.0], estimator="plain"))  # 2 - (2 * 2) / (2 * 4)
        1.5
        >>> float(crps_ensemble(0.0, [1.0, 3.0]))  # 2 - (2 * 2) / (2 * 2)
        1.0
    """
    at, x = _floats(y, "observations"), _floats(samples, "samples")
    _check_batch(at, x, "samples", 1)
    draws = x.shape[-1]
    pairs = _pairs(draws, estimator)
    # In sorted order the k-th draw is the larger one of k - 1 pairs, the smaller one of S - k.
    weights = 2 * np.arange(draws) - (draws - 1)
    spread = 2 * (np.sort(x, -1) * weights).sum(-1) / pairs
    return np.asarray(np.abs(x - at[..., None]).mean(-1) - spread / 2)[()]


def energy_score(y: ArrayLike, samples: ArrayLike, *, estimator: Estimator = "fair") -> Floats:
    r"""The energy score, $E\|X - y\| - \tfrac12 E\|X - X'\|$: the CRPS of vectors.

    Args:
        y: Observations, shape (..., D).
        samples: Draws, shape (..., S, D).
        estimator: "fair" (unbiased) or "plain", as in
            [`crps_ensemble`][qdist.scores.crps_ensemble].

    Returns:
        One score for each observation, shape (...).

    Raises:
        InputError: If the shapes do not fit, something is NaN, or "fair" is asked of one draw.

    References:
        Strictly Proper Scoring Rules, Prediction, and Estimation (Gneiting and Raftery, 2007),
        equation 22. <https://doi.org/10.1198/016214506000001437>

    Example:
        >>> float(energy_score([0.0, 0.0], [[3.0, 4.0], [0.0, 0.0]]))  # (5 + 0) / 2 - 5 / 2
        0.0
    """
    at, x = _floats(y, "observations"), _floats(samples, "samples")
    if at.ndim < 1 or x.ndim < 2 or x.shape[-1] != at.shape[-1]:
        raise InputError(
            f"Expected observations (..., D) and samples (..., S, D); got {at.shape} and "
            f"{x.shape}. For one coordinate use crps_ensemble."
        )
    _check_batch(at[..., 0], x, "samples", 2)
    draws = x.shape[-2]
    pairs = _pairs(draws, estimator)
    spread = np.zeros(at.shape[:-1])
    for s in range(draws):  # one draw against the rest at a time: memory stays that of the samples
        spread += np.linalg.norm(x - x[..., s : s + 1, :], axis=-1).sum(-1)
    near = np.linalg.norm(x - at[..., None, :], axis=-1).mean(-1)
    return np.asarray(near - spread / pairs / 2)[()]


def energy_distance(x: ArrayLike, y: ArrayLike) -> float:
    r"""The energy distance $2 E\|X - Y\| - E\|X - X'\| - E\|Y - Y'\|$ of two samples.

    The unbiased estimate: zero on average for equal laws, so it may come out slightly negative.

    Args:
        x: One sample, shape (N, D).
        y: The other, shape (M, D).

    Returns:
        The distance (not its root).

    Raises:
        InputError: If the shapes do not fit, something is NaN, or a sample has fewer than 2 rows.

    Example:
        >>> energy_distance([[0.0], [2.0]], [[5.0], [5.0]])  # 2 * 4 - 2 - 0
        6.0
    """
    from scipy.spatial.distance import cdist, pdist

    a, b = _floats(x, "the first sample"), _floats(y, "the second sample")
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise InputError(
            f"Expected two samples (N, D) and (M, D) of at least 2 rows; got {a.shape} and "
            f"{b.shape}."
        )
    return float(2 * cdist(a, b).mean() - pdist(a).mean() - pdist(b).mean())


def coverage(y: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """The share of observations within [lower, upper], both ends included.

    Args:
        y: Observations, shape (...).
        lower: Lower ends, broadcastable.
        upper: Upper ends, broadcastable.

    Returns:
        A share in [0, 1], to be compared with the nominal one. At atoms it is larger by right.

    Raises:
        InputError: If something is NaN.

    Example:
        >>> coverage([0.0, 1.0, 2.0, 3.0], 1.0, 2.5)
        0.5
    """
    at = _floats(y, "observations")
    low, high = _floats(lower, "lower ends"), _floats(upper, "upper ends")
    at, low, high = _together(observations=at, lower=low, upper=high)
    return float(((low <= at) & (at <= high)).mean())


def interval_width(lower: ArrayLike, upper: ArrayLike) -> float:
    """The mean width of intervals.

    Raises:
        InputError: If something is NaN.

    Example:
        >>> interval_width([0.0, 1.0], [2.0, 5.0])
        3.0
    """
    low, high = _floats(lower, "lower ends"), _floats(upper, "upper ends")
    low, high = _together(lower=low, upper=high)
    return float((high - low).mean())


def interval_score(y: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, nominal: float) -> Floats:
    r"""The interval score: width, plus a fine of $2 / \alpha$ times the distance to a miss.

    With $\alpha = 1 - $ `nominal` it is $2 / \alpha$ times the sum of the pinball losses of the
    two ends at the levels $\alpha / 2$ and $1 - \alpha / 2$.

    Args:
        y: Observations, shape (...).
        lower: Lower ends of central intervals, broadcastable.
        upper: Upper ends, broadcastable.
        nominal: The coverage that the intervals aim at, in (0, 1).

    Returns:
        One score for each observation, shape (...).

    Raises:
        InputError: If something is NaN, or `nominal` is not in (0, 1).

    References:
        Strictly Proper Scoring Rules, Prediction, and Estimation (Gneiting and Raftery, 2007),
        equation 43. <https://doi.org/10.1198/016214506000001437>

    Example:
        >>> interval_score([0.5, 3.0], 0.0, 1.0, nominal=0.5)  # 1, and 1 + (2 / 0.5) * 2
        array([1., 9.])
    """
    if not 0 < nominal < 1:
        raise InputError(f"Expected a nominal coverage in (0, 1); got {nominal}.")
    at = _floats(y, "observations")
    low, high = _floats(lower, "lower ends"), _floats(upper, "upper ends")
    at, low, high = _together(observations=at, lower=low, upper=high)
    miss = np.maximum(low - at, 0) + np.maximum(at - high, 0)
    return np.asarray(high - low + 2 / (1 - nominal) * miss)[()]


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
    u = np.sort(_floats(pit, "PIT values").ravel())
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
    at, q = _floats(y, "observations"), _floats(quantiles, "quantiles")
    _check_batch(at, q, "quantiles", 1)
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
    shares, tau = calibration_curve(y, quantiles), _floats(levels, "levels")
    if tau.shape != shares.shape or not ((tau >= 0) & (tau <= 1)).all():
        raise InputError(f"Expected {shares.size} levels in [0, 1]; got {levels!r:.60}.")
    return float(np.abs(shares - tau).mean())
