"""Quantile-function objects: tensors in, tensors out, no parameters."""

from qdist.quantile.base import QuantileFunction as QuantileFunction
from qdist.quantile.categorical import Categorical as Categorical
from qdist.quantile.implicit import Implicit as Implicit
from qdist.quantile.piecewise import PiecewiseLinear as PiecewiseLinear

__all__ = [
    "Categorical",
    "Implicit",
    "PiecewiseLinear",
    "QuantileFunction",
]
