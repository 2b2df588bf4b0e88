"""Images on their way in: arrays, folders of PNG or JPEG files, `.npz` and `.npy` files."""

import os
import tokenize
import zipfile
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from qdist.arguments import file_path
from qdist.data.folders import read_folder, read_picture
from qdist.errors import FileAccessError, FileFormatError, InputError

__all__ = ["as_images", "read_images", "read_mask"]

Bytes = npt.NDArray[np.uint8]

_ARRAYS: Final = (".npz", ".npy")
# What numpy and zipfile raise over bytes that are no arrays.
_DAMAGE: Final = (
    ValueError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # an archive with a password
    tokenize.TokenError,  # a header that does not parse
)
# The names under which an .npz may hold images, and with each of them the usual one of labels.
_NAMES: Final = {"images": "labels", "x": "y", "x_train": "y_train"}
_MOST_CHANNELS = 4  # beyond, the last axis is no channel axis but somebody's mistake


def as_images(images: Any, *, what: str = "images") -> Bytes:
    """Checks that something is a stack of images.

    Args:
        images: Grey values 0 ... 255, shape (N, H, W) or (N, H, W, C), uint8.
        what: Its name, for the message.

    Returns:
        The same as a numpy array.

    Raises:
        InputError: If the shape or the dtype is another one, an image has no pixel, or some are
            masked.

    Example:
        >>> as_images([[[0.5]]])
        Traceback (most recent call last):
        ...
        qdist.errors.InputError: Expected images of dtype uint8, grey values 0 ... 255; got float64
        with values in [0.5, 0.5]. Convert them: (255 * images).round().astype('uint8') for values
        in [0, 1].
    """
    if isinstance(images, str | os.PathLike):
        raise InputError(
            f"Expected {what} as an array; got the path {os.fspath(images)!r}. Read it first: "
            "qdist.data.images.read_images(path)[0]."
        )
    try:
        found = np.asarray(images)
    except (TypeError, RuntimeError) as error:  # a tensor on another device, or with gradients
        raise InputError(
            f"Expected {what} that numpy can read; got {type(images).__name__}: {error}. "
            "For a tensor: images.detach().cpu().numpy()."
        ) from error
    except ValueError as error:  # images of different sizes in a list
        raise InputError(
            f"Expected {what} of one size; got others: {error}. Crop or resize them first."
        ) from error
    if found.ndim not in (3, 4) or (found.ndim == 4 and not 1 <= found.shape[3] <= _MOST_CHANNELS):
        raise InputError(
            f"Expected {what} of shape (N, H, W) or (N, H, W, C) with at most {_MOST_CHANNELS} "
            f"channels; got {found.shape if found.ndim else type(images).__name__}."
            f"{_remedy_for_shape(found)}"
        )
    if found.dtype != np.uint8:
        raise InputError(
            f"Expected {what} of dtype uint8, grey values 0 ... 255; got {_values(found)}. "
            f"{_remedy_for_dtype(found)}"
        )
    if np.ma.is_masked(images):
        raise InputError(
            f"Expected {what} of which all pixels are known; got a masked array. Fill it, or "
            "leave those images out; `inpaint` takes a mask of its own."
        )
    if 0 in found.shape[1:]:
        raise InputError(
            f"Expected {what} of at least one pixel; got shape {found.shape}. "
            "Check how they were cut."
        )
    return found


def _values(found: npt.NDArray[Any]) -> str:
    if found.dtype.kind not in "biuf" or not found.size:
        return str(found.dtype)
    return f"{found.dtype} with values in [{found.min()}, {found.max()}]"


def _remedy_for_shape(found: npt.NDArray[Any]) -> str:
    if found.ndim == 0:
        return " Give an array, or a list of arrays."
    if found.ndim == 2:
        return " Give a single image as images[None]; unfold flat rows with reshape(-1, H, W)."
    if found.ndim == 4 and found.shape[1] <= _MOST_CHANNELS:
        return " Move the channels last: images.transpose(0, 2, 3, 1)."
    return " Put the images along the first axis."


def _remedy_for_dtype(found: npt.NDArray[Any]) -> str:
    if found.dtype.kind == "f" and found.size and found.min() >= 0 and found.max() <= 1:
        return "Convert them: (255 * images).round().astype('uint8') for values in [0, 1]."
    if found.dtype.kind in "biuf" and found.size and found.min() >= 0 and found.max() <= 255:
        return "Convert them: images.astype('uint8')."
    return "Bring them to whole numbers in 0 ... 255, then .astype('uint8')."


def read_images(
    source: str | os.PathLike[str], *, check_labels: bool = True
) -> tuple[Bytes, npt.NDArray[Any] | None]:
    """Reads images, and their labels where there are some.

    Args:
        source: One of

            - a folder of `.png`, `.jpg` and `.jpeg` files, all of one size and all grey or all
              colour, taken in the order of their names;
            - a folder of such folders, whose names are the labels of the images within, and
              which have no further folders of pictures in them;
            - an `.npz` file with an array `images`, `x` or `x_train` and, if there are labels,
              `labels`, `y` or `y_train`; or with one array only;
            - an `.npy` file.
        check_labels: Whether an `.npz` without labels is refused if another array of it may be
            the labels.

    Returns:
        Images, shape (N, H, W) or (N, H, W, C), uint8, and labels, shape (N,), or None.

    Raises:
        FileAccessError: If there is nothing of that name, or it cannot be read.
        FileFormatError: If a file is damaged, or not what its ending says.
        InputError: If the images are not alike, or there are none; or if an `.npz` without labels
            holds another array of N, and labels are checked.
        ExtraMissingError: If a folder is to be read and Pillow is not installed.
    """
    path = file_path(source)
    if path.is_dir():
        try:
            return read_folder(path)
        except PermissionError as error:
            raise FileAccessError(
                f"Expected a folder to read; got {str(path)!r}: permission denied for "
                f"{str(error.filename)!r}. Check its permissions."
            ) from error
    if not path.suffix and not path.exists():
        raise FileAccessError(
            f"Expected a folder or a file to read; got {str(path)!r}, which is not there. Check "
            "the path."
        )
    if path.suffix.lower() not in _ARRAYS:
        raise InputError(
            f"Expected a folder of images, or a file ending in {' or '.join(_ARRAYS)}; got "
            f"{str(path)!r}. Put single pictures into a folder."
        )
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return as_images(loaded, what=f"images in {path.name}"), None
        with loaded:
            return _from_archive(loaded, path.name, check_labels=check_labels)
    except OSError as error:
        raise FileAccessError(
            f"Expected a file to read; got {str(path)!r}: "
            f"{(error.strerror or type(error).__name__).lower()}. Check the path."
        ) from error
    except _DAMAGE as error:
        if isinstance(error, InputError):
            raise
        raise FileFormatError(
            f"Expected arrays of numbers in {str(path)!r}; got bytes that do not read as such "
            f"({_why(error)}). Check that the file is whole, and that labels were saved as text "
            "or numbers."
        ) from error


def _why(error: Exception) -> str:
    """What was wrong; where numpy advises to unpickle, which may run any code, other words."""
    return "no array, or one of Python objects" if "pickle" in str(error) else str(error)


def read_mask(source: str | os.PathLike[str]) -> npt.NDArray[np.bool_]:
    """Reads what is hidden: all that is not 0 in a picture or an array.

    Args:
        source: A `.png` or `.npy` file of shape (H, W), or (N, H, W) in `.npy`. No JPEG, which
            surrounds what is hidden with a rim of values that are nearly 0.

    Returns:
        The mask, bool.

    Raises:
        FileAccessError: If there is no such file, or it cannot be read.
        FileFormatError: If it is damaged, or not what its ending says.
        InputError: If the ending is another one.
        ExtraMissingError: If it is a picture and Pillow is not installed.
    """
    path = file_path(source)
    ending = path.suffix.lower()
    if ending not in (".png", ".npy"):
        raise InputError(
            f"Expected a mask ending in .png or .npy; got {str(path)!r}. Draw it as a PNG: a JPEG "
            "is not exact, and would hide pixels around the mask."
        )
    if not path.is_file():
        raise FileAccessError(f"Expected a file to read; got {str(path)!r}. Check the path.")
    if ending == ".npy":
        try:
            found = np.load(path, allow_pickle=False)
        except (OSError, *_DAMAGE) as error:
            raise FileFormatError(
                f"Expected an array in {str(path)!r}; got bytes that do not read as such "
                f"({_why(error)}). Check that the file is whole."
            ) from error
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "biuf":
            raise FileFormatError(
                f"Expected an array of numbers in {str(path)!r}; got "
                f"{getattr(found, 'dtype', type(found).__name__)}. Save one of bool."
            )
        return np.asarray(found != 0)
    picture = read_picture(path) != 0
    return np.asarray(picture.any(2) if picture.ndim == 3 else picture)


def _from_archive(
    loaded: Any, name: str, *, check_labels: bool
) -> tuple[Bytes, npt.NDArray[Any] | None]:
    for images, usual in _NAMES.items():
        if images in loaded:
            found = as_images(loaded[images], what=f"{images!r} in {name}")
            labels = [label for label in (usual, *_NAMES.values()) if label in loaded]
            if check_labels and not labels:
                _check_unread(loaded, len(found), name)
            return found, loaded[labels[0]] if labels else None
    if len(loaded.files) != 1:
        raise InputError(
            f"Expected an array {', '.join(map(repr, _NAMES))} or a single array in {name}; got "
            f"{loaded.files}. Rename it: numpy.savez(path, images=..., labels=...)."
        )
    (only,) = loaded.files
    return as_images(loaded[only], what=f"{only!r} in {name}"), None


def _check_unread(loaded: Any, n: int, name: str) -> None:
    """Refuses an archive with n numbers or texts that may be the labels of its n images."""
    for member in loaded.zip.namelist():
        if not member.endswith(".npy"):
            continue
        with loaded.zip.open(member) as file:  # its shape alone, as the rest may be large
            if np.lib.format.read_magic(file) != (1, 0):
                continue  # a header of many fields: neither numbers nor text
            shape = np.lib.format.read_array_header_1_0(file)[0]
        if shape in ((n,), (n, 1)):
            usual = ", ".join(map(repr, _NAMES.values()))
            raise InputError(
                f"Expected labels under one of the names {usual} in {name}; got an array "
                f"{member.removesuffix('.npy')!r} of {n}, one for each image. Rename it, or leave "
                "it out: numpy.savez(path, images=...)."
            )
