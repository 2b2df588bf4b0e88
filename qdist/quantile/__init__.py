"""Quantile-function objects: tensors in, tensors out, no parameters."""

from qdist.quantile.affine import Affine as Affine
from qdist.quantile.base import QuantileFunction as QuantileFunction
from qdist.quantile.categorical import Categorical as Categorical
from qdist.quantile.empirical import Empirical as Empirical
from qdist.quantile.frozen import Frozen as Frozen
from qdist.quantile.implicit import Implicit as Implicit
from qdist.quantile.mixture import Mixture as Mixture
from qdist.quantile.mixture import mixture as mixture
from qdist.quantile.piecewise import PiecewiseLinear as PiecewiseLinear
from qdist.quantile.rounded import Rounded as Rounded

__all__ = [
    "Affine",
    "Categorical",
    "Empirical",
    "Frozen",
    "Implicit",
    "Mixture",
    "PiecewiseLinear",
    "QuantileFunction",
    "Rounded",
    "mixture",
]
