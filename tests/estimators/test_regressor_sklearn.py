"""The regressor among scikit-learn's own: its checks, pipelines, searches."""

from sklearn.utils.estimator_checks import parametrize_with_checks

import qdist

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
