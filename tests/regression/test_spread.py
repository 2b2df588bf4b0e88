"""Laws stretched about their medians until held-out rows are covered."""

import pytest
import torch

from qdist.quantile import PiecewiseLinear
from qdist.regression import spread_of, stretched

TAIL = torch.tensor(0.2)


def laws(n, width):
    return PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-width, width])).expand([n])


@pytest.mark.parametrize("width", [0.4, 0.5, 0.8])
def test_stretched_laws_cover_what_they_should(width, generator):
    y = 2 * torch.rand(2000, generator=generator) - 1
    law = laws(2000, width)
    factor = spread_of(law, y)
    assert factor == pytest.approx(1 / width, rel=0.03)
    fresh = 2 * torch.rand(2000, generator=generator) - 1
    low, high = stretched(law, factor).interval(0.9)
    # Five standard errors of a share of 2,000, twice: the factor is estimated too.
    assert ((low <= fresh) & (fresh <= high)).double().mean().item() == pytest.approx(
        0.9, abs=0.05
    )


def test_the_factor_by_hand():
    # 59 targets k / 10: the interval ends at 0.9, so factors are k / 9; the 54th of 59 counts.
    y = torch.arange(1, 60) / 10
    assert spread_of(laws(59, 1.0), y) == pytest.approx(4.0)  # 54 / 9 = 6, cut to 4
    assert spread_of(laws(59, 2.0), y) == pytest.approx(3.0)  # 54 / 18


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
    assert spread_of(laws(49, 1.0), torch.full((49,), 9.0)) == 1.0
    law = laws(3, 1.0)
    assert stretched(law, 1.0) is law
