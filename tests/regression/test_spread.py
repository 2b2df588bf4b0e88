"""Laws made wider or narrower by the factor that held-out rows want."""

import pytest
import torch

from qdist.quantile import PiecewiseLinear
from qdist.regression import sharpened, spread_of, stretched

TAIL = torch.tensor(0.2)


def laws(n, width):
    return PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-width, width])).expand([n])


@pytest.mark.parametrize("width", [0.4, 0.5, 0.8])
def test_laws_that_are_too_narrow_are_mended(width, generator):
    y = 2 * torch.rand(2000, generator=generator) - 1
    # The CRPS of a law that is off by a factor c of its width is flat near c = 1; the factors
    # that are tried are five per cent apart.
    factor = spread_of(laws(2000, width), y, torch.ones(2000))
    assert factor == pytest.approx(1 / width, rel=0.08)


def test_laws_that_are_clearly_too_wide_are_narrowed(generator):
    y = 2 * torch.rand(2000, generator=generator) - 1
    law = laws(2000, 1.5)
    factor = spread_of(law, y, torch.ones(2000))
    # Down to where intervals hold 0.9 and 1.5 standard errors, or the CRPS allows no more; the
    # next factor is five per cent wider.
    held = 0.9 * 1.5 * factor
    assert held <= 0.9 + 1.5 * (0.09 / 2000) ** 0.5 + 0.01 < held * 1.06
    assert factor < 0.72


def test_a_few_rows_narrow_nothing():
    # 56 of 60 rows within the 90 % interval: 0.933, of 0.9 and 1.5 errors of 0.039.
    y = torch.cat([torch.linspace(-0.89, 0.89, 56), torch.tensor([-1.0, -0.95, 0.95, 1.0])])
    assert spread_of(laws(60, 1.0), y, torch.ones(60)) == 1.0


def test_coverage_decides_where_the_crps_hardly_does(generator):
    y = torch.randn(500, generator=generator)
    law = laws(500, 0.7)
    factor = spread_of(law, y, torch.ones(500))
    scores = {s: float(stretched(law, s).crps(y).mean()) for s in (factor, 1.0, 1.5, 2.0, 2.5)}
    assert scores[factor] <= 1.005 * min(scores.values())
    # 90 % of a uniform law s times 0.7 to either side is 0.63 s; of a normal one 1.645. The CRPS
    # wants less than that, so the factor is the largest that it allows.
    assert factor * 0.63 < 1.645
    wider = stretched(law, factor * 1.06).crps(y).mean()
    assert float(wider) > 1.005 * min(scores.values())


def on_values(logits):
    levels = logits.softmax(-1).cumsum(-1)
    levels = torch.nn.functional.pad(levels / levels[..., -1:], (1, 0))
    values = torch.arange(logits.shape[-1], dtype=logits.dtype).repeat_interleave(2)
    return PiecewiseLinear(levels.repeat_interleave(2, -1)[..., 1:-1], values)


@pytest.mark.parametrize("blur", [0.5, 1.0, 2.0])
def test_masses_that_are_too_flat_or_too_sharp_are_mended(blur, generator):
    """Logits times b are masses to the power of b, so that s = b^(1/2) undoes them."""
    logits = 2 * torch.randn(4000, 5, generator=generator, dtype=torch.float64)
    y = torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(-1).double()
    factor = spread_of(on_values(blur * logits), y, torch.ones(4000), few=True)
    assert factor == pytest.approx(blur**0.5, rel=0.08)


def test_masses_by_hand():
    # 0.2 and 0.8 to the power of 2 are 0.04 and 0.64: of 0.68 in all.
    law = on_values(torch.tensor([0.2, 0.8], dtype=torch.float64).log())
    levels = sharpened(law, 0.5**0.5).levels
    torch.testing.assert_close(levels[1:3], torch.full((2,), 0.04 / 0.68, dtype=torch.float64))
    assert sharpened(law, 1.0) is law
    # What has no mass gets none.
    gone = on_values(torch.tensor([0.2, 0.0, 0.8], dtype=torch.float64).log())
    steps = sharpened(gone, 0.7).levels
    assert steps[1] == steps[4]


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
