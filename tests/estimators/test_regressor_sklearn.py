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
    "depth": 4,
    "folds": 2,
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
