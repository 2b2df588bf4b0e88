"""The regressor among scikit-learn's own: its checks, pipelines, searches."""

import inspect

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import qdist
from qdist.errors import QdistError

SMALL = {
    "trees": 40,
    "forest": 8,
    "depth": 4,
    "folds": 2,
    "copies": 1,
    "max_steps": 20,
    "network_args": {"width": 16, "layers": 1, "members": 2, "embedding": 4},
    "random_state": 0,
}

REASONS = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a row of weight two is drawn once where two copies are drawn twice: minibatches, folds "
        "and the held-out part are random"
    ),
}


def expected_failures(estimator):
    return REASONS


@parametrize_with_checks(
    [qdist.DistributionRegressor(**SMALL)], expected_failed_checks=expected_failures
)
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def line():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(120, 2))
    return x, x[:, 0] + 0.1 * rng.normal(size=120)


def test_it_works_in_pipelines_and_searches(line):
    x, y = line
    search = GridSearchCV(
        make_pipeline(StandardScaler(), qdist.DistributionRegressor(**SMALL)),
        {"distributionregressor__trees": [0, 40]},
        cv=2,
    ).fit(x, y)
    assert search.best_params_ == {"distributionregressor__trees": 40}
    held_out = cross_val_predict(qdist.DistributionRegressor(**SMALL), x, y, cv=2)
    assert np.corrcoef(held_out, y)[0, 1] > 0.8


def test_parameters_are_stored_as_they_are():
    names = set(inspect.signature(qdist.DistributionRegressor).parameters)
    params = {name: object() for name in names}
    model = qdist.DistributionRegressor(**params)
    assert model.get_params(deep=False) == params
    assert clone(qdist.DistributionRegressor(trees=3)).trees == 3


@pytest.mark.parametrize("error", [QdistError, NotFittedError])
@pytest.mark.parametrize(
    "use", ["predict", "predict_quantiles", "predict_interval", "predict_dist"]
)
def test_use_before_fit(use, error):
    with pytest.raises(error, match=r"Expected a fitted DistributionRegressor"):
        getattr(qdist.DistributionRegressor(), use)([[1.0]])


def test_arrays_that_follow_a_frame_with_a_constant_are_read_by_place(line):
    x, y = line
    frame = pd.DataFrame({"a": x[:, 0], "still": 1.0, "b": x[:, 1]})
    model = qdist.DistributionRegressor(**SMALL).fit(frame, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = model.predict(frame.to_numpy())
    assert np.array_equal(found, model.predict(frame))


def test_frames_that_follow_an_array_are_read_by_place(line):
    x, y = line
    model = qdist.DistributionRegressor(**SMALL).fit(pd.DataFrame(x, columns=["a", "b"]), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = model.predict(x)
    assert np.array_equal(found, model.predict(pd.DataFrame(x, columns=["a", "b"])))
