"""Laws stretched about their medians by the factor that serves held-out rows best."""

import pytest
import torch

from qdist.quantile import PiecewiseLinear
from qdist.regression import spread_of, stretched

TAIL = torch.tensor(0.2)


def laws(n, width):
    return PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-width, width])).expand([n])


@pytest.mark.parametrize("width", [0.4, 0.5, 0.8, 1.5])
def test_laws_of_the_wrong_width_are_mended(width, generator):
    y = 2 * torch.rand(2000, generator=generator) - 1
    # The CRPS of a law that is off by a factor c of its width is flat near c = 1; the factors
    # that are tried are five per cent apart.
    factor = spread_of(laws(2000, width), y, torch.ones(2000))
    assert factor == pytest.approx(1 / width, rel=0.08)


def test_the_crps_of_the_rows_falls(generator):
    y = torch.randn(500, generator=generator)
    law = laws(500, 0.7)
    factor = spread_of(law, y, torch.ones(500))
    best = stretched(law, factor).crps(y).mean()
    for other in (factor * 0.9, factor * 1.1, 1.0):
        assert best < stretched(law, other).crps(y).mean()


def test_rows_that_weigh_nothing_do_not_count():
    y = torch.cat([torch.linspace(-1, 1, 100), torch.full((100,), 7.0)])
    weight = torch.cat([torch.ones(100), torch.zeros(100)])
    assert spread_of(laws(200, 1.0), y, weight) == pytest.approx(1.0, rel=0.06)


def test_the_median_stays_and_levels_keep_their_order(generator):
    values = torch.randn(7, 9, generator=generator).sort(-1).values
    law = PiecewiseLinear(torch.linspace(0.05, 0.95, 9), values, tails=(TAIL, TAIL))
    wide = stretched(law, 1.7)
    torch.testing.assert_close(wide.icdf(0.5), law.icdf(0.5))
    q = wide.quantiles(torch.linspace(0.001, 0.999, 99))
    assert bool((q[:, 1:] >= q[:, :-1]).all())
    torch.testing.assert_close(q - wide.icdf(0.5)[:, None],
                               1.7 * (law.quantiles(torch.linspace(0.001, 0.999, 99))
                                      - law.icdf(0.5)[:, None]))  # fmt: skip


def test_few_rows_say_nothing():
    assert spread_of(laws(49, 1.0), torch.full((49,), 9.0), torch.ones(49)) == 1.0
    law = laws(3, 1.0)
    assert stretched(law, 1.0) is law
