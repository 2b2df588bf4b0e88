"""A table with every kind of column, and a small model of it, for all questions."""

import numpy as np
import pandas as pd
import pytest

import qdist

KINDS = ("number", "whole", "cents", "rain", "count", "size", "colour", "gap", "day", "flag")


def table(n: int = 400) -> pd.DataFrame:
    """All columns follow `number`."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=n)
    noise = rng.normal(size=(4, n))
    return pd.DataFrame(
        {
            "number": a,
            "whole": (1000 + 300 * a + 100 * noise[0]).round().astype(int),
            "cents": np.exp(3 + a / 2 + noise[1] / 2).round(2),
            "rain": np.where(rng.random(n) < 0.4, 0.0, np.exp(a + noise[2])),
            "count": rng.poisson(3, n),
            "size": pd.Categorical(rng.choice(["S", "M", "L"], n), ["S", "M", "L"], ordered=True),
            "colour": np.where(rng.random(n) < 0.2, None, np.where(a > 0, "red", "blue")),
            "gap": np.where(rng.random(n) < 0.3, np.nan, a + noise[3]),
            "day": pd.date_range("2024-01-01", periods=n, freq="h")[rng.permutation(n)],
            "flag": rng.random(n) < 0.3,
        }
    )


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """400 rows of ten columns."""
    return table()


@pytest.fixture(scope="session")
def model(frame: pd.DataFrame) -> qdist.TabularModel:
    """A model that has learnt something; for looking at, not for changing."""
    model = qdist.TabularModel(
        max_steps=60,
        batch_size=64,
        learning_rate=5e-3,
        backbone_args={"width": 16, "blocks": 1},
        random_state=0,
    )
    return model.fit(frame)
