"""The face of qdist: scikit-learn estimators that take and give data as they come."""

from qdist.estimators.choose import fit, load
from qdist.estimators.regressor import DistributionRegressor
from qdist.estimators.tabular import TabularModel

__all__ = ["DistributionRegressor", "TabularModel", "fit", "load"]
