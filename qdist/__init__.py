"""Whole distributions, not point predictions, from tables and images.

A distribution is described by its quantile function; a multivariate one by a chain of
conditional quantile functions, one for each coordinate, each fitted by a proper scoring rule. A
*head* is a module whose forward pass returns a quantile function; a *backbone* turns what is
already known of a row into the context that the head reads.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from qdist.codecs.schema import MISSING as MISSING
from qdist.codecs.schema import Column as Column
from qdist.errors import QdistError as QdistError
from qdist.estimators import DistributionRegressor as DistributionRegressor
from qdist.estimators import ImageModel as ImageModel
from qdist.estimators import QuantileImputer as QuantileImputer
from qdist.estimators import TabularModel as TabularModel
from qdist.estimators import fit as fit
from qdist.estimators import load as load
from qdist.evaluate import Report as Report  # `qdist.evaluate` is the function, not the module
from qdist.evaluate import evaluate as evaluate
from qdist.hookspecs import hookimpl as hookimpl
from qdist.queries import Range as Range
from qdist.registry import register_backbone as register_backbone
from qdist.registry import register_head as register_head

if TYPE_CHECKING:
    from qdist import plots as plots
else:  # type checkers would take any name for one of ours

    def __getattr__(name: str) -> ModuleType:
        """Imports `qdist.plots` where it is first used, as few processes draw anything."""
        if name == "plots":
            return import_module("qdist.plots")
        raise AttributeError(f"module 'qdist' has no attribute {name!r}")


__version__ = "0.1.0"

__all__ = [
    "MISSING",
    "Column",
    "DistributionRegressor",
    "ImageModel",
    "QdistError",
    "QuantileImputer",
    "Range",
    "Report",
    "TabularModel",
    "evaluate",
    "fit",
    "hookimpl",
    "load",
    "plots",
    "register_backbone",
    "register_head",
]
