"""The law of a column given presence, where the network leaves no mass for a present cell."""

import numpy as np
import pytest
import torch

from qdist.codecs.schema import Column
from qdist.codecs.table import TableCodec
from qdist.quantile import Implicit, PiecewiseLinear
from qdist.queries.scales import data_law

N = 600
LEVELS = torch.linspace(0.0, 1.0, 101)[1:-1]
COLUMNS = {
    "two tails": (lambda z: z, Column()),
    "two ends": (lambda z: z, Column(lower=-9, upper=9)),
    "a grid": (lambda z: np.round(1000 * z), Column()),
    "an atom": (lambda z: np.maximum(z, 0.0), Column()),
}


@pytest.fixture(params=COLUMNS.values(), ids=COLUMNS)
def column(request):
    make, said = request.param
    rng = np.random.default_rng(0)
    values = make(rng.normal(size=N))
    values[rng.random(N) < 0.2] = np.nan
    return TableCodec.fit({"x": values}, columns={"x": said}).column("x")


def test_the_marginal_stands_in_for_a_law_that_is_missing_for_sure(column):
    """Of two rows the second has the marginal itself. Knots of their own, as splines have."""
    gone = column.curve.missing_level
    base = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([[gone, gone], [0.0, 1.0]]))
    never, marginal = data_law(column, base).quantiles(LEVELS)
    torch.testing.assert_close(never, marginal, rtol=1e-6, atol=1e-6)
    shared = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([gone, gone])).expand([1])
    torch.testing.assert_close(
        data_law(column, shared).quantiles(LEVELS)[0], marginal, rtol=1e-6, atol=1e-6
    )


def test_so_it_does_for_a_law_without_knots(column):
    gone = column.curve.missing_level
    never = data_law(column, Implicit(lambda tau: torch.full_like(tau, gone), (1,)))
    whole = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])).expand([1])
    torch.testing.assert_close(
        never.quantiles(LEVELS), data_law(column, whole).quantiles(LEVELS), rtol=1e-6, atol=1e-6
    )
