"""The mass of the cell of a code, however far from the middle it lies."""

import pytest
import torch

from qdist.heads import SplineHead
from qdist.heads.censoring import on_grid
from qdist.laws.grey_cells import cell_ends, cell_mass
from qdist.quantile import Categorical, PiecewiseLinear

TOP = 120
CODES = torch.arange(TOP + 1)


def law(dtype):
    """Mirrored at the middle of the codes, with exponential tails of scale 3."""
    values = torch.tensor([55.0, 60.0, 65.0], dtype=dtype)
    scale = torch.tensor(3.0, dtype=dtype)
    levels = torch.tensor([0.25, 0.5, 0.75], dtype=dtype)
    return PiecewiseLinear(levels, values, tails=(scale, scale))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_both_ends_keep_their_digits(dtype):
    code = CODES.to(dtype)
    mass = cell_mass(law(dtype).expand(code.shape), code, top=TOP)
    torch.testing.assert_close(mass, mass.flip(0), rtol=1e-4, atol=0)
    # Below, the difference of the levels of an exponential tail has all its digits.
    left, right = cell_ends(law(torch.float64).expand(CODES.shape), CODES.double(), top=TOP)
    torch.testing.assert_close(mass[:60].double(), (right - left)[:60], rtol=1e-4, atol=0)
    torch.testing.assert_close(mass.sum(), torch.ones((), dtype=dtype))


def test_heads_and_images_have_the_same_masses():
    code = CODES.float()
    expected = cell_mass(law(torch.float32).expand(code.shape), code, top=TOP)
    rounded = on_grid(law(torch.float32), code)
    torch.testing.assert_close(rounded.log_prob(code).exp(), expected, rtol=1e-4, atol=0)
    head = SplineHead(1, lower=0.0, upper=float(TOP), step=1.0, score="log").float()
    found = head._log_cell(law(torch.float32).expand(code.shape), CODES).exp()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)


def test_codes_that_have_masses_of_their_own_give_these():
    logits = torch.randn(TOP + 1, generator=torch.Generator().manual_seed(0))
    coded = Categorical(logits)
    code = CODES.to(logits.dtype)
    torch.testing.assert_close(
        cell_mass(coded.expand(code.shape), code, top=TOP), logits.softmax(-1)
    )
