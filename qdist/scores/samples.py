"""Scores of forecasts, and of laws, that are samples."""

from typing import Literal

import numpy as np

from qdist.errors import InputError
from qdist.scores.edge import ArrayLike, Floats, check_batch, floats

__all__ = ["crps_ensemble", "energy_distance", "energy_score"]

Estimator = Literal["fair", "plain"]


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
        InputError: If the shapes do not fit, a number is not finite, or "fair" is asked
            of one draw.

    References:
        Estimation of the Continuous Ranked Probability Score with Limited Information (Zamo and
        Naveau, 2018). <https://doi.org/10.1007/s11004-017-9709-7>

    Example:
        >>> float(crps_ensemble(0.0, [1.0, 3.0], estimator="plain"))  # 2 - (2 * 2) / (2 * 4)
        1.5
        >>> float(crps_ensemble(0.0, [1.0, 3.0]))  # 2 - (2 * 2) / (2 * 2)
        1.0
    """
    at, x = floats(y, "observations", finite=True), floats(samples, "samples", finite=True)
    check_batch(at, x, name="samples", trailing=1)
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
            [`crps_ensemble`][qdist.scores.samples.crps_ensemble].

    Returns:
        One score for each observation, shape (...).

    Raises:
        InputError: If the shapes do not fit, a number is not finite, or "fair" is asked
            of one draw.

    References:
        Strictly Proper Scoring Rules, Prediction, and Estimation (Gneiting and Raftery, 2007),
        equation 22. <https://doi.org/10.1198/016214506000001437>

    Example:
        >>> float(energy_score([0.0, 0.0], [[3.0, 4.0], [0.0, 0.0]]))  # (5 + 0) / 2 - 5 / 2
        0.0
    """
    at, x = floats(y, "observations", finite=True), floats(samples, "samples", finite=True)
    if at.ndim < 1 or x.ndim < 2 or x.shape[-1] != at.shape[-1]:
        raise InputError(
            f"Expected observations (..., D) and samples (..., S, D); got {at.shape} and "
            f"{x.shape}. For one coordinate use crps_ensemble."
        )
    check_batch(at[..., 0], x, name="samples", trailing=2)
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
        InputError: If the shapes do not fit, a number is not finite, or a sample has
            fewer than 2 rows.

    Example:
        >>> energy_distance([[0.0], [2.0]], [[5.0], [5.0]])  # 2 * 4 - 2 - 0
        6.0
    """
    from scipy.spatial.distance import cdist, pdist

    a, b = floats(x, "the first sample", finite=True), floats(y, "the second sample", finite=True)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise InputError(
            f"Expected two samples (N, D) and (M, D) of at least 2 rows; got {a.shape} and "
            f"{b.shape}."
        )
    return float(2 * cdist(a, b).mean() - pdist(a).mean() - pdist(b).mean())


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
