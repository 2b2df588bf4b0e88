"""Small tables and small models for the tests of the estimator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import qdist

SMALL = {"backbone_args": {"width": 16, "blocks": 1}, "batch_size": 64, "random_state": 0}


def mixed(n: int = 200) -> pd.DataFrame:
    """Numbers, whole numbers, levels, times and missing cells; b follows a."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=n)
    return pd.DataFrame(
        {
            "a": a,
            "b": 2 * a + 0.1 * rng.normal(size=n),
            "age": rng.integers(18, 500, n),
            "colour": pd.Categorical(np.where(a > 0, "red", "blue"), ["red", "blue", "green"]),
            "gap": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
            "day": pd.date_range("2024-01-01", periods=n, freq="h", tz="Europe/Paris"),
        }
    )


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """200 rows of six columns."""
    return mixed()


@pytest.fixture(scope="session")
def small() -> Callable[..., qdist.TabularModel]:
    """Makes a model that fits within a second."""

    def make(**params: Any) -> qdist.TabularModel:
        return qdist.TabularModel(**{"max_steps": 10, **SMALL, **params})

    return make


@pytest.fixture(scope="session")
def model(frame: pd.DataFrame) -> qdist.TabularModel:
    """A model of the mixed table; for looking at, not for changing."""
    return qdist.TabularModel(max_steps=30, **SMALL).fit(frame)
