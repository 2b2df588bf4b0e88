"""From data to the model that suits it, and from a file to the model that it holds."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from qdist.arguments import file_path
from qdist.checkpoint import read_model
from qdist.errors import FileFormatError, QdistError
from qdist.estimators.image import ImageModel
from qdist.estimators.regressor import DistributionRegressor
from qdist.estimators.tabular import TabularModel

__all__ = ["are_images", "fit", "load"]

_ESTIMATORS: dict[str, Any] = {
    cls.__name__: cls for cls in (TabularModel, ImageModel, DistributionRegressor)
}


def fit(data: Any, y: Any = None, **params: Any) -> Any:
    """Fit the model that suits the data.

    Images are arrays of three or four axes, folders, and `.npz` and `.npy` files: they get an
    [`ImageModel`][qdist.ImageModel]. All else is a table, for a
    [`TabularModel`][qdist.TabularModel].

    Args:
        data: A frame of any make, or images.
        y: Labels of images.
        **params: Parameters of the model.

    Returns:
        The fitted model.

    Raises:
        InputError: If the data or a parameter cannot be worked with.

    Example:
        >>> import qdist
        >>> model = qdist.fit({"a": [1.0, 2.0, 4.0], "b": ["x", "y", "x"]}, max_steps=2)
        >>> model.n_steps_
        2
    """
    model: Any = ImageModel if are_images(data) else TabularModel
    return model(**params).fit(data, y)


def are_images(data: Any) -> bool:
    """Whether data are images: an array of three or four axes, a folder, an `.npz` or `.npy` file.

    Example:
        >>> are_images(np.zeros((2, 8, 8))), are_images("birds.npz"), are_images("birds.csv")
        (True, True, False)
    """
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        return path.is_dir() or path.suffix.lower() in (".npz", ".npy")
    return isinstance(data, np.ndarray) and data.ndim > 2


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
    meta, weights = read_model(file_path(path))
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
