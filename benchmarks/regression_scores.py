"""The scores of forecasts that are given by 200 quantiles."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVELS = (np.arange(200) + 0.5) / 200
"""Midpoint levels: the mean pinball loss at these, twice, is the CRPS."""


def pit_of(quantiles: Floats, y: Floats, seed: int) -> Floats:
    """Randomised PIT (N,) of observations y (N,) under quantiles (N, 200) at the midpoints.

    Between two quantiles y lies anywhere between their levels; where some equal it, in the jump
    that they stand for, half a cell of levels beyond them on either side.
    """
    half = 0.5 / len(LEVELS)
    low = np.maximum((quantiles < y[:, None]).mean(1) - half, 0)
    high = np.minimum((quantiles <= y[:, None]).mean(1) + half, 1)
    return low + np.random.default_rng(seed).random(len(y)) * (high - low)


def crps(quantiles: Floats, y: Floats) -> float:
    """The mean CRPS of quantiles (N, 200) at the midpoint levels."""
    short = y[:, None] - quantiles
    return float(2 * np.maximum(LEVELS * short, (LEVELS - 1) * short).mean())


def scores(quantiles: Floats, y: Floats, seed: int) -> dict[str, float]:
    """The scores of quantiles (N, 200) at the midpoint levels."""
    found = {"crps": crps(quantiles, y)}
    pit = np.sort(pit_of(quantiles, y, seed))
    steps = np.arange(len(y) + 1) / len(y)
    found["pit_distance"] = float(max((steps[1:] - pit).max(), (pit - steps[:-1]).max()))
    for share in (0.5, 0.9, 0.95):
        inside = np.abs(pit - 0.5) <= share / 2
        found[f"coverage_{100 * share:.0f}"] = float(inside.mean())
    low, high = (np.searchsorted(LEVELS, level) for level in (0.05, 0.95))  # midway between two
    ends = (quantiles[:, [low - 1, high - 1]] + quantiles[:, [low, high]]) / 2
    found["width_90"] = float((ends[:, 1] - ends[:, 0]).mean())
    return found
