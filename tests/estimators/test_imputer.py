"""The imputer as a step of a pipeline."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

import qdist
from qdist.errors import InputError, NotFittedError


def test_it_fills_and_keeps(small, frame):
    model = small()
    imputer = qdist.QuantileImputer(model, random_state=0).fit(frame)
    filled = imputer.transform(frame)
    assert not filled.isna().any().any()
    assert filled["gap"][frame["gap"].notna()].equals(frame["gap"].dropna())
    assert list(imputer.get_feature_names_out()) == list(frame)
    with pytest.raises(InputError, match=r"6 names, one a column; got \['a', 'b'\]"):
        imputer.get_feature_names_out(["a", "b"])
    assert not hasattr(model, "schema_")  # the model that was given is left as it is
    expected = imputer.model_.impute(frame, random_state=0)
    pd.testing.assert_frame_equal(filled, expected)


def test_it_is_a_step_of_a_pipeline(small):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = X.sum(1)
    X[rng.random(X.shape) < 0.2] = np.nan
    steps = make_pipeline(qdist.QuantileImputer(small(), random_state=0), LinearRegression())
    assert np.isfinite(clone(steps).fit(X, y).predict(X)).all()


def test_it_has_the_choices_of_impute(small, frame):
    model = small(max_steps=2, members=1)
    choices = {"n_draws": 3, "agg": "median", "unseen": "missing", "random_state": 0}
    imputer = clone(qdist.QuantileImputer(model, **choices)).fit(frame)
    rows = frame.head(6).assign(colour="mauve")
    filled = imputer.transform(rows)
    pd.testing.assert_frame_equal(filled, imputer.model_.impute(rows, **choices))
    assert (filled["colour"] == "mauve").all()


def test_mistakes(frame):
    with pytest.raises(NotFittedError, match="Expected a fitted QuantileImputer"):
        qdist.QuantileImputer().transform(frame)
    with pytest.raises(InputError, match="model to be a TabularModel or None; got 'mlp'"):
        qdist.QuantileImputer("mlp").fit(frame)


@pytest.mark.parametrize("wrong", [{"unseen": "drop"}, {"agg": "mean"}, {"n_draws": 2}])
def test_parameters_are_checked_before_training(frame, wrong, monkeypatch):
    monkeypatch.setattr(qdist.TabularModel, "fit", lambda *_: pytest.fail("trained"))
    with pytest.raises(InputError, match="Expected"):
        qdist.QuantileImputer(**wrong).fit(frame)
