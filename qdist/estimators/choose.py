"""From data to the model that suits it, and from a file to the model that it holds."""

from typing import Any

from qdist.checkpoint import read_model
from qdist.errors import FileFormatError, QdistError
from qdist.estimators.regressor import DistributionRegressor
from qdist.estimators.tabular import TabularModel

__all__ = ["fit", "load"]

_ESTIMATORS = {cls.__name__: cls for cls in (TabularModel, DistributionRegressor)}


def fit(data: Any, **params: Any) -> TabularModel:
    """Fit the model that suits the data: for a frame, a [`TabularModel`][qdist.TabularModel].

    Args:
        data: A frame of any make.
        **params: Parameters of the model.

    Returns:
        The fitted model.

    Example:
        >>> import qdist
        >>> model = qdist.fit({"a": [1.0, 2.0, 4.0], "b": ["x", "y", "x"]}, max_steps=2)
        >>> model.n_steps_
        2
    """
    return TabularModel(**params).fit(data)


def load(path: Any) -> Any:
    """Load a model that `save` wrote. Executes nothing that the file holds.

    Args:
        path: The file.

    Returns:
        The fitted model.

    Raises:
        FileAccessError: If there is no such file.
        FileFormatError: If it is not a whole model file of a known format.
        UnknownNameError: If it needs a plugin that is not installed.
    """
    meta, weights = read_model(path)
    estimator = _ESTIMATORS.get(str(meta.get("estimator")))
    if estimator is None:
        raise FileFormatError(
            f"Expected one of {', '.join(_ESTIMATORS)} in {path}; got {meta.get('estimator')!r}. "
            "Install a newer qdist."
        )
    try:
        return estimator._from_file(meta, weights)
    except QdistError:  # a plugin is missing, say: it has its own words
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise FileFormatError(
            f"Expected a whole description of a model in {path}; got one that does not hold "
            f"together ({type(error).__name__}: {error}). Save the model again."
        ) from error
