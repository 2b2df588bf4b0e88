"""Heads: modules that turn a context (..., C) into a quantile-function object."""

from qdist.heads.base import AbstractHead, readout
from qdist.heads.binned import BinnedHead
from qdist.heads.categorical import CategoricalHead
from qdist.heads.columns import ColumnHeads
from qdist.heads.factored import FactoredCategorical
from qdist.heads.implicit import ImplicitHead
from qdist.heads.spline import SplineHead

__all__ = [
    "AbstractHead",
    "BinnedHead",
    "CategoricalHead",
    "ColumnHeads",
    "FactoredCategorical",
    "ImplicitHead",
    "SplineHead",
    "readout",
]
