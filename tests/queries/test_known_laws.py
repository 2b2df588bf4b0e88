"""A small version of the benchmark of queries: answers near the truth after little training."""

import numpy as np
import pytest

import qdist
from benchmarks.known_laws import LAWS
from benchmarks.queries import kolmogorov, regret

SMALL = {
    "max_steps": 250,
    "batch_size": 256,
    "learning_rate": 5e-3,
    "validation_fraction": 0,
    "backbone_args": {"width": 32, "blocks": 1, "dropout": 0.0},
    "random_state": 0,
}
FEW = {"n_conditions": 250, "n_points": 250}


# One who ignores x pays 3 % and 20 %; the answers must be far better.
@pytest.mark.parametrize(
    ("name", "ignorant", "limit"), [("four modes", 0.025, 0.01), ("zero or log-normal", 0.1, 0.03)]
)
def test_answers_are_near_the_truth(name, ignorant, limit):
    law = LAWS[name]
    rng = np.random.default_rng(0)
    model = qdist.TabularModel(**SMALL).fit(law.draw(rng, 4000))
    rows = law.draw(rng, 2000)
    (question,) = law.questions

    class Marginal:
        """One who ignores the condition, but knows all else."""

        def cdf(self, column, points, *, given):
            upto = np.searchsorted(np.sort(rows[column]), points, side="right") / len(rows)
            return np.broadcast_to(upto, (len(given), len(points)))

    assert regret(Marginal(), question, rows, **FEW)["regret"] > ignorant
    assert regret(model, question, rows, **FEW)["regret"] < limit
    levels = model.rosenblatt(rows, random_state=0)
    # 1.95 / sqrt(2000) is 0.044, beyond which the true law is once in a thousand.
    assert max(kolmogorov(column) for column in levels.T) < 0.06
