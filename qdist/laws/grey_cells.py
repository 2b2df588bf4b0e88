"""What a law of grey values says of a code: the mass of its cell, and the levels at its ends."""

import torch
from torch import Tensor

from qdist.quantile import Categorical, QuantileFunction
from qdist.quantile.masses import mass_within

__all__ = ["cell_ends", "cell_mass"]


def cell_mass(law: QuantileFunction, code: Tensor, *, top: int) -> Tensor:
    r"""The probability of codes, $F(k + 1/2) - F(k - 1/2)$; the outer cells have no outer end.

    Args:
        law: Laws of batch shape (...), over codes or over reals.
        code: Whole numbers 0 ... top, shape (...).
        top: The highest code.

    Returns:
        Masses, shape (...), above 0: a mass too small for the dtype counts as its least number.

    Example:
        >>> from qdist.quantile import PiecewiseLinear
        >>> law = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 4.0]))
        >>> cell_mass(law.expand((5,)), torch.arange(5.0), top=4)
        tensor([0.1250, 0.2500, 0.2500, 0.2500, 0.1250])
    """
    if isinstance(law, Categorical):  # its logs keep what differences of levels lose
        mass = law.log_prob(code).exp()
    else:
        mass = mass_within(law, code - 0.5, code + 0.5, first=code <= 0, last=code >= top)
    return mass.clamp(min=torch.finfo(mass.dtype).tiny)


def cell_ends(law: QuantileFunction, code: Tensor, *, top: int) -> tuple[Tensor, Tensor]:
    """The levels F(k-) and F(k) between which a code is drawn.

    Args:
        law: Laws of batch shape (...), over codes or over reals.
        code: Whole numbers 0 ... top, shape (...).
        top: The highest code.

    Returns:
        The lower and the upper level, each of shape (...).
    """
    if isinstance(law, Categorical):
        return law.cdf_left(code), law.cdf(code)
    left = law.cdf(code - 0.5).masked_fill(code <= 0, 0.0)
    return left, law.cdf(code + 0.5).masked_fill(code >= top, 1.0)
