"""The law of a column given presence: no mass for a present cell, many codes, laws below 0."""

import numpy as np
import pytest
import torch

from qdist.codecs.schema import Column
from qdist.codecs.table import TableCodec
from qdist.heads.factored import FactoredCategorical
from qdist.quantile import Implicit, Mixture, PiecewiseLinear
from qdist.queries.scales import data_law, missing_mass

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


def factored(slope):
    """Three like laws of 2000 codes, in float32, whose logits fall with the code."""
    inner = -slope * torch.arange(2000, dtype=torch.float32).view(40, 50)
    outer = inner.logsumexp(-1).expand(3, -1)
    return FactoredCategorical(outer, lambda block: inner[block], 2000, 50)


def test_a_mixture_over_many_codes_keeps_the_digits_of_rare_ones():
    """Against the same sums in float64. Differences of a cdf in float32 have none left."""
    slopes = (0.01, 0.02)
    codec = TableCodec.fit(
        {"x": ["a", "b", None] * 5},
        columns={"x": Column(categories=["a", "b", *map(str, range(1997))])},
    )
    column = codec.column("x")
    assert column.missing_value == 1999
    base = Mixture([factored(slope) for slope in slopes])
    logits = torch.stack([-slope * torch.arange(2000.0) for slope in slopes])
    exact = logits.softmax(-1).mean(0)
    torch.testing.assert_close(
        missing_mass(column, base), exact[-1].expand(3), rtol=1e-4, atol=0.0
    )
    probs = data_law(column, base).probs
    torch.testing.assert_close(
        probs, (exact[:-1] / exact[:-1].sum()).expand(3, -1), rtol=1e-4, atol=0.0
    )


@pytest.mark.parametrize(
    "said", [Column(), Column(lower=-9, upper=9)], ids=["two tails", "two ends"]
)
def test_mass_below_the_levels_is_not_missing_where_nothing_is(said):
    values = np.random.default_rng(0).normal(size=N)
    column = TableCodec.fit({"x": values}, columns={"x": said}).column("x")
    base = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-0.25, 1.0])).expand([1])
    assert missing_mass(column, base).tolist() == [0.0]
    # F(0-) is 0.2 and F(1/2) 0.6, in the middle of the data.
    middle = float(np.median(values))
    torch.testing.assert_close(
        data_law(column, base).cdf(middle), torch.tensor([0.6]), rtol=0.0, atol=0.01
    )
