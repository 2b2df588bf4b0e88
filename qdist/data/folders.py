"""Pictures on their way in: single PNG and JPEG files, folders of them, folders of folders."""

import contextlib
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from qdist.errors import FileAccessError, FileFormatError, InputError
from qdist.extras import require

__all__ = ["PICTURES", "folders_in", "pictures_in", "read_folder", "read_picture"]

Bytes = npt.NDArray[np.uint8]

PICTURES: Final = (".png", ".jpg", ".jpeg")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_DEPTH_AT: Final = 24  # signature, length and name of the first chunk, width, height; then this


def read_folder(folder: Path) -> tuple[Bytes, npt.NDArray[Any] | None]:
    """The pictures of a folder, and the names of the folders within as labels.

    Args:
        folder: Holds pictures, or folders of pictures.

    Returns:
        Images, shape (N, H, W) or (N, H, W, 3), uint8, and labels, shape (N,), or None.

    Raises:
        FileAccessError: If a picture cannot be read.
        FileFormatError: If a picture is damaged.
        InputError: If pictures are not alike, lie deeper or side by side with folders of others,
            or there are none.
        ExtraMissingError: If Pillow is not installed.
    """
    files = pictures_in(folder)
    labels: list[str] = []
    for inner in folders_in(folder):
        found = pictures_in(inner)
        for deeper in folders_in(inner):
            if _holds_pictures(deeper):
                raise InputError(
                    f"Expected folders whose names are the labels of the pictures in them; got "
                    f"pictures in {deeper.name} within {inner.name}. Move them up, or name a "
                    "folder further down."
                )
        if found and len(files) > len(labels):
            raise InputError(
                f"Expected pictures in {str(folder)!r}, or in folders whose names are their "
                f"labels; got {files[0].name} beside the folder {inner.name}. Move one of them."
            )
        files += found
        labels += [inner.name] * len(found)
    if not files:
        raise InputError(
            f"Expected files ending in {', '.join(PICTURES)} in {str(folder)!r}; got none. "
            "Check the folder, or convert the pictures."
        )
    first = read_picture(files[0])
    images = np.empty((len(files), *first.shape), np.uint8)
    for k, file in enumerate(files):
        picture = first if k == 0 else read_picture(file)
        if picture.shape != first.shape:
            raise InputError(
                f"Expected pictures that are all of one size and all grey or all colour; got "
                f"{files[0].relative_to(folder)} ({_shape(first)}) and "
                f"{file.relative_to(folder)} ({_shape(picture)}). "
                "Crop, resize or convert them first."
            )
        images[k] = picture
    return images, np.array(labels) if labels else None


def pictures_in(folder: Path) -> list[Path]:
    """The pictures right in a folder, by name; hidden ones do not count."""
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in PICTURES and p.is_file() and not p.name.startswith(".")
    )


def folders_in(folder: Path) -> list[Path]:
    """The folders right in a folder, by name; hidden ones do not count."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _holds_pictures(folder: Path) -> bool:
    return bool(pictures_in(folder)) or any(map(_holds_pictures, folders_in(folder)))


def _shape(picture: Bytes) -> str:
    kind = "grey" if picture.ndim == 2 else "colour"
    return f"{picture.shape[0]} rows of {picture.shape[1]} pixels, {kind}"


def read_picture(path: Path) -> Bytes:
    """The values of one picture, (H, W) if it is grey, else (H, W, 3).

    Raises:
        FileAccessError: If it cannot be read.
        FileFormatError: If it is damaged, or no PNG and no JPEG.
        InputError: If it has transparent parts, or more than 8 bits a channel.
        ExtraMissingError: If Pillow is not installed.
    """
    pillow = require("PIL.Image", extra="images")
    try:
        _check_depth(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of damage beside the pixels
            # A small file that claims a huge picture is refused, not unpacked.
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            with pillow.open(path, formats=("PNG", "JPEG")) as picture:
                return _pixels(picture, path)
    except PermissionError as error:
        raise FileAccessError(
            f"Expected a file to read; got {str(path)!r}: permission denied. Check the path."
        ) from error
    except (
        OSError,
        ValueError,
        SyntaxError,  # Pillow's word for a broken PNG
        zlib.error,
        pillow.DecompressionBombWarning,
        pillow.DecompressionBombError,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise FileFormatError(
            f"Expected a whole PNG or JPEG picture in {str(path)!r}; got bytes that do not read "
            f"as such ({error}). Replace or remove the file."
        ) from error


def _check_depth(path: Path) -> None:
    """Of PNG files with 16 bits a channel Pillow drops the lower ones, but for grey ones."""
    with path.open("rb") as file:
        start = file.read(_DEPTH_AT + 1)
    if start.startswith(_PNG) and start[_DEPTH_AT:] == bytes([16]):
        raise InputError(
            f"Expected pictures of 8 bits a channel; got {str(path)!r} of 16. Convert it first: "
            "values beyond 255 are not modelled."
        )


def _pixels(picture: Any, path: Path) -> Bytes:
    """Grey pictures as (H, W), all others as (H, W, 3), the way up that they are shown."""
    # Damage in what says which way up it is makes many kinds of errors, and leaves pixels whole.
    with contextlib.suppress(struct.error, LookupError, TypeError, ValueError, SyntaxError):
        picture = require("PIL.ImageOps", extra="images").exif_transpose(picture)
    mode = picture.mode
    grey = mode in ("L", "LA", "1") or (mode in ("P", "PA") and _grey_palette(picture))
    if mode in ("LA", "RGBA", "PA") or "transparency" in picture.info:
        alpha = picture.convert("RGBA").getchannel("A")
        if alpha.getextrema()[0] < 255:
            raise InputError(
                f"Expected pictures without transparency; got {str(path)!r}. "
                "Put it on a background first."
            )
    elif mode not in ("L", "1", "RGB", "P", "CMYK", "YCbCr"):
        raise InputError(
            f"Expected pictures of 8 bits a channel; got {str(path)!r} of mode {mode!r}. "
            "Convert it first: grey values beyond 255 are not modelled."
        )
    return np.asarray(picture.convert("L" if grey else "RGB"), dtype=np.uint8)


def _grey_palette(picture: Any) -> bool:
    """Whether red, green and blue agree in all entries of a palette."""
    entries = np.reshape(picture.getpalette("RGB"), (-1, 3))
    return bool((entries == entries[:, :1]).all())
