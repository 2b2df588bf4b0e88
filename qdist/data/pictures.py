"""Images on their way out: one grid, a folder of PNG files, an `.npz` or an `.npy` file."""

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from qdist.arguments import file_path, number, place_to_write
from qdist.data.atomic import replacing
from qdist.data.folders import folders_in, pictures_in
from qdist.data.images import as_images
from qdist.errors import FileAccessError, InputError
from qdist.extras import require

__all__ = ["check_target", "completions", "half", "image_grid", "write_images"]

Bytes = npt.NDArray[np.uint8]

_FILES: Final = (".png", ".npz", ".npy")  # any other place is a folder


def image_grid(
    images: Any, *, columns: int | None = None, gap: int = 1, zoom: int = 1, shade: int = 128
) -> Bytes:
    """Images side by side, row after row, as one picture.

    Args:
        images: Images, shape (N, H, W) or (N, H, W, C), uint8.
        columns: How many in a row; by default as many as make the picture square.
        gap: Pixels between two images, and around them.
        zoom: Each pixel becomes a square of so many a side.
        shade: Grey value of the gaps.

    Returns:
        The picture, shape (rows, columns) or (rows, columns, C), uint8.

    Raises:
        InputError: If these are no images, there are none, or a number is out of its range.

    Example:
        >>> import numpy as np
        >>> image_grid(np.zeros((3, 1, 2), np.uint8), columns=2, shade=9)
        array([[9, 9, 9, 9, 9, 9, 9],
               [9, 0, 0, 9, 0, 0, 9],
               [9, 9, 9, 9, 9, 9, 9],
               [9, 0, 0, 9, 9, 9, 9],
               [9, 9, 9, 9, 9, 9, 9]], dtype=uint8)
    """
    stack = as_images(images)
    if not len(stack):
        raise InputError("Expected at least one image for a grid; got none.")
    columns = math.ceil(math.sqrt(len(stack))) if columns is None else columns
    columns = number("columns", columns, least=1, whole=True)
    gap, zoom = number("gap", gap, least=0, whole=True), number("zoom", zoom, least=1, whole=True)
    shade = number("shade", shade, least=0, below=256, whole=True)
    if zoom > 1:
        stack = stack.repeat(zoom, 1).repeat(zoom, 2)
    n, height, width = stack.shape[:3]
    rows = math.ceil(n / columns)
    size = (rows * (height + gap) + gap, columns * (width + gap) + gap)
    grid = np.full((*size, *stack.shape[3:]), shade, np.uint8)
    for k, image in enumerate(stack):
        top, left = (gap + place * step for place, step in zip(
            divmod(k, columns), (height + gap, width + gap), strict=True
        ))  # fmt: skip
        grid[top : top + height, left : left + width] = image
    return grid


def half(size: tuple[int, int], which: str) -> npt.NDArray[np.bool_]:
    """A mask that hides one half of an image.

    Args:
        size: Rows and columns.
        which: "lower", "upper", "left" or "right". An odd row or column in the middle counts as
            lower and right.

    Returns:
        The mask, shape (H, W), True where a pixel is hidden.

    Raises:
        InputError: If there is no such half, or this is no size.

    Example:
        >>> half((3, 2), "lower").astype(int)
        array([[0, 0],
               [1, 1],
               [1, 1]])
    """
    if not isinstance(size, Sequence) or len(size) != 2:
        raise InputError(
            f"Expected a size (rows, columns); got {size!r}. Of images, give images.shape[1:3]."
        )
    height, width = (number(f"size[{k}]", n, least=1, whole=True) for k, n in enumerate(size))
    row, column = height // 2, width // 2
    halves: dict[str, tuple[slice, slice]] = {
        "lower": (slice(row, None), slice(None)),
        "upper": (slice(None, row), slice(None)),
        "left": (slice(None), slice(None, column)),
        "right": (slice(None), slice(column, None)),
    }
    if which not in tuple(halves):
        raise InputError(f"Expected one of {', '.join(halves)}; got {which!r}. Choose one.")
    mask = np.zeros((height, width), np.bool_)
    mask[halves[which]] = True
    return mask


def completions(images: Any, drawn: Any, mask: Any, *, shade: int = 128) -> Bytes:
    """What is known of each image, and then its completions: a stack for a grid.

    Args:
        images: Images, shape (N, H, W) or (N, H, W, C), uint8.
        drawn: Their completions, shape (S, N, H, W) or (S, N, H, W, C), uint8.
        mask: What was hidden, shape (H, W) or (N, H, W), bool.
        shade: The grey value of what was hidden.

    Raises:
        InputError: If the completions or the mask are not those of the images, or the shade is no
            grey value.

    Returns:
        Images, shape (N * (S + 1), H, W) or (N * (S + 1), H, W, C); S + 1 make a row of a grid.

    Example:
        >>> image, mask = np.zeros((1, 1, 2), np.uint8), np.array([[False, True]])
        >>> completions(image, np.full((2, 1, 1, 2), 7, np.uint8), mask, shade=9)[:, 0]
        array([[0, 9],
               [7, 7],
               [7, 7]], dtype=uint8)
    """
    known, drawn, mask = as_images(images).copy(), np.asarray(drawn), np.asarray(mask)
    if mask.dtype != np.bool_ or mask.shape not in (known.shape[:3], known.shape[1:3]):
        raise InputError(
            f"Expected a mask of shape {known.shape[1:3]} or {known.shape[:3]}, bool; got "
            f"{mask.dtype} of shape {mask.shape}. Give the one that was completed with."
        )
    if drawn.dtype != np.uint8 or drawn.shape[1:] != known.shape:
        raise InputError(
            f"Expected completions of shape (S, {', '.join(map(str, known.shape))}), uint8; got "
            f"{drawn.dtype} of shape {drawn.shape}. Give what `inpaint` returned."
        )
    shade = number("shade", shade, least=0, below=256, whole=True)
    known[np.broadcast_to(mask, known.shape[:3])] = shade
    rows = np.concatenate([known[:, None], np.swapaxes(drawn, 0, 1)], 1)
    return rows.reshape(-1, *known.shape[1:])


def check_target(target: str | os.PathLike[str], *, channels: int, n: int) -> None:
    """Checks what can be known of a place before there are images to be written.

    Args:
        target: The path, as of `write_images`.
        channels: The channels of the images.
        n: How many there will be.

    Raises:
        InputError: If the ending is another one, pictures have no such channels, there is none
            for a grid, or the folder holds pictures that were not written here.
        FileAccessError: If there is no folder to write into, or the path is that of a folder where
            a file shall be, or the other way round.
        ExtraMissingError: If Pillow is needed and not installed.
    """
    path = place_to_write(target)
    ending = path.suffix.lower()
    if ending not in _FILES:
        if ending and not path.is_dir():
            raise InputError(
                f"Expected a file ending in .png, .npz or .npy, or a folder; got {str(path)!r}. "
                "Choose one of them."
            )
        if os.path.lexists(path) and not path.is_dir():
            raise FileAccessError(
                f"Expected a folder, or a place for a new one; got {str(path)!r}, where a file is "
                f"in the way. Name a file ending in {', '.join(_FILES)}, or another folder."
            )
    elif path.is_dir():
        raise FileAccessError(
            f"Expected a file, or a place for a new one; got {str(path)!r}, which is a folder. "
            "Name a file in it, or a folder without such an ending."
        )
    if ending in (".npz", ".npy"):
        return
    require("PIL.Image", extra="images")
    if channels not in (1, 3):
        raise InputError(f"Expected 1 or 3 channels for a picture; got {channels}. Write an .npz.")
    if ending == ".png" and not n:
        raise InputError("Expected at least one image for a picture; got none. Write an .npz.")
    if path.is_dir():
        if not os.access(path, os.W_OK):
            raise FileAccessError(
                f"Expected a folder that can be written to; got {str(path)!r}, which is "
                "read-only. Choose another place."
            )
        _check_folder(path, _names(n))


def write_images(
    images: Any,
    target: str | os.PathLike[str],
    *,
    labels: Any = None,
    columns: int | None = None,
    gap: int = 1,
) -> None:
    """Writes images. A file is replaced only once the new one is whole.

    Args:
        images: Images, shape (N, H, W) or (N, H, W, C), uint8.
        target: A path ending in

            - `.png`: one picture, the images in a grid;
            - `.npz`: arrays `images` and, if given, `labels`;
            - `.npy`: the array alone;
            - none of these: a folder, made if it is not there, of `00000.png`, `00001.png`, ...,
              without pictures of other names, which would be taken for these later

        labels: Labels, shape (N,), for an `.npz`.
        columns: Images in a row of a grid.
        gap: Pixels between two images of a grid, and around them.

    Raises:
        InputError: If these are no images, the ending is another one, or the folder holds others.
        FileAccessError: If the file or folder cannot be written.
        ExtraMissingError: If a picture is to be written and Pillow is not installed.
    """
    stack, path = as_images(images), file_path(target)
    arrays: dict[str, Any] = {"images": stack}
    if labels is not None:
        arrays["labels"] = _plain(labels, len(stack))
    check_target(path, channels=1 if stack.ndim == 3 else stack.shape[3], n=len(stack))
    ending = path.suffix.lower()
    try:
        if ending == ".png":
            picture = _png(image_grid(stack, columns=columns, gap=gap))
            with replacing(path) as file:
                file.write(picture)
        elif ending == ".npz":
            with replacing(path) as file:
                np.savez_compressed(file, **arrays)
        elif ending == ".npy":
            with replacing(path) as file:
                np.save(file, stack, allow_pickle=False)
        else:
            path.mkdir(exist_ok=True)
            for name, image in zip(_names(len(stack)), stack, strict=True):
                # There may be thousands: none waits for the disk.
                with replacing(path / name, flush=False) as file:
                    file.write(_png(image))
    except FileAccessError:
        raise
    except OSError as error:
        raise FileAccessError(
            f"Expected a place to write; got {str(path)!r}: "
            f"{(error.strerror or type(error).__name__).lower()}. "
            "Check the folder and its permissions."
        ) from error


def _names(n: int) -> list[str]:
    """What n pictures of a folder are called."""
    digits = max(5, len(str(n - 1)))
    return [f"{k:0{digits}}.png" for k in range(n)]


def _check_folder(folder: Path, names: Sequence[str]) -> None:
    """Refuses to write where other pictures would later be taken for those written."""
    old = {p.name for p in pictures_in(folder)} - set(names)
    old |= {f"{inner.name}/{p.name}" for inner in folders_in(folder) for p in pictures_in(inner)}
    if old:
        raise InputError(
            f"Expected a folder without other pictures; got {str(folder)!r} with "
            f"{len(old)} more, {min(old)} among them. Empty it, or name another folder."
        )


def _plain(labels: Any, n: int) -> npt.NDArray[Any]:
    """Labels of n images as an array that numpy writes without pickling."""
    try:
        found = np.asarray(labels)
    except ValueError:  # lists of different lengths
        found = np.empty((n, 0))
    if found.shape != (n,):
        raise InputError(
            f"Expected {n} labels, one for each image; got {labels!r:.80}. Give as many."
        )
    return found.astype(str) if found.dtype.hasobject else found


def _png(picture: Bytes) -> bytes:
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    stream = io.BytesIO()
    require("PIL.Image", extra="images").fromarray(picture).save(stream, format="PNG")
    return stream.getvalue()
