"""The face of qdist: scikit-learn estimators that take and give data as they come."""

from qdist.estimators.choose import fit, load
from qdist.estimators.imputer import QuantileImputer
from qdist.estimators.tabular import TabularModel

__all__ = ["QuantileImputer", "TabularModel", "fit", "load"]
