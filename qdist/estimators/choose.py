"""From data to the model that suits it, and from a file to the model that it holds."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from qdist import registry
from qdist.arguments import file_path
from qdist.data.files import read_table
from qdist.data.frames import make_of
from qdist.errors import FileFormatError, InputError, QdistError, UnknownNameError
from qdist.estimators.image import ImageModel
from qdist.estimators.regressor import DistributionRegressor
from qdist.estimators.tabular import TabularModel
from qdist.files import read_model
from qdist.laws import AbstractLaw
from qdist.laws.base import to_device

__all__ = ["are_images", "fit", "load"]

_ESTIMATORS: dict[str, Any] = {
    cls.__name__: cls for cls in (TabularModel, ImageModel, DistributionRegressor)
}


def fit(data: Any, y: Any = None, **params: Any) -> Any:
    """Fit the model that suits the data.

    Images are arrays or tensors of three or four axes, lists of arrays, folders, and `.npz` and
    `.npy` files: they get an [`ImageModel`][qdist.ImageModel]. All else is a table, for a
    [`TabularModel`][qdist.TabularModel]: a frame, or a path that ends in `.csv`, `.csv.gz`,
    `.parquet` or `.feather`, whose rows come back as tables of pyarrow.

    Args:
        data: A frame of any make, or images, or the path of either.
        y: Labels of images; a table has none.
        **params: Parameters of the model.

    Returns:
        The fitted model.

    Raises:
        InputError: If the data or a parameter cannot be worked with, or a table comes with y.
        FileAccessError: If a file cannot be read.
        FileFormatError: If a file is not what its ending says.

    Example:
        >>> import qdist
        >>> model = qdist.fit({"a": [1.0, 2.0, 4.0], "b": ["x", "y", "x"]}, max_steps=2)
        >>> model.n_steps_
        2
    """
    if are_images(data):
        return ImageModel(**params).fit(data, y)
    if y is not None:
        raise InputError(
            "Expected a table without y, as a TabularModel learns all columns together; got both. "
            "Put y among the columns, or fit y given the others by DistributionRegressor()"
            ".fit(X, y)."
        )
    if isinstance(data, str | os.PathLike):
        return TabularModel(**params).fit(read_table(data))
    try:
        make_of(data)
    except InputError as error:
        raise InputError(
            f"{error} Images are an array of shape (N, H, W) or (N, H, W, C), or a path."
        ) from error
    return TabularModel(**params).fit(data)


def are_images(data: Any) -> bool:
    """Whether data are images.

    Args:
        data: Images are an array, a tensor or a list of arrays with three or four axes in all, a
            folder, or an `.npz` or `.npy` file. All else is a table.

    Example:
        >>> are_images(np.zeros((2, 8, 8))), are_images("birds.npz"), are_images("birds.csv")
        (True, True, False)
    """
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        return path.is_dir() or path.suffix.lower() in (".npz", ".npy")
    if isinstance(data, list | tuple) and data and isinstance(data[0], np.ndarray | Tensor):
        return data[0].ndim > 1  # images one by one
    return isinstance(data, np.ndarray | Tensor) and data.ndim > 2


def load(path: Any, *, device: str = "cpu") -> Any:
    """Load a model that `save` wrote. Executes nothing that the file holds.

    Args:
        path: The file, or a folder of its parts.
        device: Where the networks shall live, wherever they were fitted; the model's `device`.

    Returns:
        The fitted model.

    Raises:
        InputError: If torch cannot use the device.
        FileAccessError: If there is no such file.
        FileFormatError: If it is not a whole model file of a known format.
        UnknownNameError: If it needs a plugin that is not installed.
    """
    meta, weights = read_model(file_path(path))
    _check_plugins(meta["plugins"])
    try:
        model = _ESTIMATORS[meta["estimator"]]._from_file(meta, weights)
    except QdistError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError,
            MemoryError, AssertionError) as error:  # fmt: skip
        raise FileFormatError(
            f"Expected a whole description of a model in {path}; got one that does not hold "
            f"together ({type(error).__name__}: {error}). Save the model again."
        ) from error
    for law in _laws_of(model):
        to_device(law, device)
    return model.set_params(device=device)


def _laws_of(model: Any) -> list[AbstractLaw]:
    if isinstance(model, DistributionRegressor):
        return [law for copies in model._parts.networks.values() for law in copies]
    return [] if model._law is None else [model._law]


def _check_plugins(plugins: list[dict[str, Any]]) -> None:
    """Names a plugin that is missing, and the package that it came from.

    Raises:
        UnknownNameError: If a backbone or a head is not known here.
    """
    for plugin in plugins:
        backbone = plugin["kind"] == "backbone"
        known: dict[str, Any] = {**(registry.backbones() if backbone else registry.heads())}
        if plugin["name"] in known:
            continue
        source = "a class that was registered by hand: register it again"
        if plugin["package"] is not None:
            source = (
                f"package {plugin['package']!r} {plugin['version']}, as the file says: if you "
                "trust that package, install it"
            )
        raise UnknownNameError(
            f"Expected the {plugin['kind']} {plugin['name']!r} that the model was fitted with; "
            f"got only {', '.join(known)}. It came from {source}."
        )
