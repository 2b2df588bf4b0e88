"""The interface of qdist: scikit-learn estimators that take and give data as they come."""

from qdist.estimators.choose import are_images, fit, load
from qdist.estimators.image import ImageModel
from qdist.estimators.imputer import QuantileImputer
from qdist.estimators.regressor import DistributionRegressor
from qdist.estimators.tabular import TabularModel

__all__ = [
    "DistributionRegressor",
    "ImageModel",
    "QuantileImputer",
    "TabularModel",
    "are_images",
    "fit",
    "load",
]
