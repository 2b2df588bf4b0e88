"""Small tables whose comparison has a known answer."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


def draw(n: int, seed: int) -> pd.DataFrame:
    """Numbers, levels and holes that depend on one another."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    group = np.where(x + 0.3 * rng.standard_normal(n) > 0, "high", "low")
    y = np.where(rng.random(n) < 0.3, 0.0, np.exp(x + 0.3 * rng.standard_normal(n)))
    y[rng.random(n) < np.where(group == "high", 0.5, 0.0)] = np.nan
    return pd.DataFrame({"x": x, "y": y, "group": group, "flag": rng.random(n) < 0.2})


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same columns, each in an order of its own: same marginals, no dependence."""
    rng = np.random.default_rng(seed)
    columns = {name: frame[name].to_numpy()[rng.permutation(len(frame))] for name in frame}
    return pd.DataFrame(columns)


@pytest.fixture(scope="session")
def table() -> Callable[[int, int], pd.DataFrame]:
    """`table(n, seed)` draws n rows."""
    return draw


@pytest.fixture(scope="session")
def shuffle() -> Callable[[pd.DataFrame, int], pd.DataFrame]:
    """`shuffle(frame, seed)` permutes each column on its own."""
    return shuffled
