"""What users hand to an image model, as what it works with: limits, rows, hidden cells."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from qdist.arguments import number
from qdist.codecs.image import ImageCodec
from qdist.codecs.labels import Label, by_text
from qdist.data.images import read_images
from qdist.errors import InputError, UnsupportedError
from qdist.laws import ImageLaw
from qdist.laws.classes import draw_classes, log_joint
from qdist.training import Recipe, Rows

__all__ = [
    "classes_of",
    "fitted_codec",
    "masked",
    "recipe_of",
    "training_rows",
    "with_classes",
    "with_labels",
]


def recipe_of(batch_size: Any, learning_rate: Any) -> Recipe:
    """How images are trained on, checked."""
    return Recipe(
        batch_size=number("batch_size", batch_size, least=1, whole=True, optional=True) or 64,
        learning_rate=number("learning_rate", learning_rate, above=0),
        weight_decay=0.01,  # pixels that share their weights do not need the 0.3 of tables
        epochs=40,
        least_steps=2000,
        validations=20,  # forty would take a tenth of the time
        patience=8,
        check_rows=128,
    )


def with_labels(images: Any, labels: Any, *, classes: tuple[Label, ...] = ()) -> tuple[Any, Any]:
    """Images and labels, read from a folder or a file if that is what was given.

    Args:
        images: Images, or a path.
        labels: Labels, which go before those that were read.
        classes: Those that were fitted, to which those that are read belong by their text.
    """
    if not isinstance(images, str | os.PathLike):
        return images, labels
    found, known = read_images(images, check_labels=labels is None)
    if labels is None and known is not None:
        labels = by_text(known, classes) if classes else known
    return found, labels


def fitted_codec(
    images: Any, labels: Any, *, grey_levels: int | None
) -> tuple[ImageCodec, Any, Any]:
    """A codec of images, and these and their labels, read where a folder or a file was given."""
    stacked = isinstance(images, str | os.PathLike)  # what is read from files is no single picture
    images, labels = with_labels(images, labels)
    codec = ImageCodec.fit(images, labels, grey_levels=grey_levels, stacked=stacked)
    return codec, images, labels


def training_rows(
    codec: ImageCodec, images: Any, labels: Any, device: torch.device, *, suffix: str = ""
) -> Rows:
    """Rows of codes (N, D), the class in front where there are classes, of equal weight."""
    if images is None:
        raise InputError(
            f"Expected images{suffix}, whose labels y{suffix} are; got none. Give both, or "
            "neither."
        )
    codes = codec.encode(images, what=f"images{suffix}")
    if not len(codes):
        raise InputError(
            f"Expected at least one image in images{suffix}; got none. Give some, or leave it out."
        )
    if codec.schema.classes:
        if labels is None:
            raise InputError(
                f"Expected y{suffix}, the labels of images{suffix}; got none. Give one a row."
            )
        label = codec.encode_labels(labels, len(codes), what=f"y{suffix}")
        codes = _behind(label, codes, n_classes=len(codec.schema.classes))
    elif labels is not None:
        codec.encode_labels(labels, what=f"y{suffix}")  # says that there should be none
    # A stated dtype: the caller's default must not change the numbers.
    return Rows(codes.to(device), torch.ones(len(codes), device=device, dtype=torch.float32))


def masked(codec: ImageCodec, images: Any, mask: Any) -> tuple[npt.NDArray[np.uint8], Tensor]:
    """Images whose hidden pixels hold a value that is known to the codec, and what is hidden.

    Args:
        codec: What the images are coded by.
        images: Images as those that were fitted.
        mask: True where a pixel is hidden, shape (H, W) or (N, H, W), bool.

    Returns:
        A copy of the images, and hidden cells, shape (N, H * W * C), bool.

    Raises:
        InputError: If the images or the mask are of another shape or dtype.
    """
    stack, schema = codec.check(images).copy(), codec.schema
    n, size = len(stack), (schema.height, schema.width)
    try:
        hidden = np.asarray(mask)
    except ValueError as error:
        raise InputError(
            f"Expected a mask of shape {size} or {(n, *size)}; got rows of different lengths. "
            "Give one value a pixel."
        ) from error
    if hidden.shape not in (size, (n, *size)):
        raise InputError(
            f"Expected a mask of shape {size} or {(n, *size)}, one value a pixel; got "
            f"{hidden.shape if hidden.ndim else repr(mask)[:80]}. {_mask_remedy(hidden, n, size)}"
        )
    if hidden.dtype != np.bool_:
        raise InputError(
            f"Expected a mask of dtype bool, True where a pixel is hidden; got {hidden.dtype}. "
            "Compare, or call .astype(bool)."
        )
    if np.ma.is_masked(mask):
        raise InputError(
            "Expected a mask that says of each pixel whether it is hidden; got a masked array. "
            "Fill it: mask.filled(True)."
        )
    hidden = np.broadcast_to(hidden, (n, *size))
    stack[hidden] = schema.first
    cells = np.repeat(hidden.reshape(n, size[0] * size[1]), schema.channels, axis=1)
    return stack, torch.from_numpy(cells.copy())


def _mask_remedy(mask: npt.NDArray[Any], n: int, size: tuple[int, int]) -> str:
    """What to do with a mask of a shape that fits no n images of a size (H, W)."""
    if mask.dtype.kind == "U":
        return (
            f"Hide a half by qdist.data.pictures.half({size}, 'lower'), or read a file by "
            "qdist.data.images.read_mask."
        )
    if mask.shape == (1, *size):
        return "Give mask[0], which hides the same pixels in all images."
    if mask.shape[:-1] in (size, (n, *size)):
        one = "mask[..., 0]" if mask.shape[-1] == 1 else "mask.any(-1)"
        return f"A hidden pixel is hidden in all its channels: give {one}."
    if mask.shape[1:] == size:
        return f"Give one for each of the {n} images, or one of shape {size} for all."
    return "Give True for each pixel that is hidden, False for the others."


def with_classes(codec: ImageCodec, codes: Tensor, given: Any) -> Tensor:
    """Codes (N, H * W * C) with the class in front, where there is one.

    Raises:
        InputError: If there are classes and none is given.
    """
    if given is None and not codec.schema.classes:
        return codes
    if given is None:
        raise InputError(
            "Expected given, the labels of the images, as the model was fitted with labels; "
            "got none. Give one label, or one for each image."
        )
    label = codec.encode_labels(given, len(codes))
    return _behind(label, codes, n_classes=len(codec.schema.classes))


def _behind(label: Tensor, codes: Tensor, *, n_classes: int) -> Tensor:
    """Codes (N, D) behind a class (N,), in the shortest type that holds both."""
    wide = torch.int16 if n_classes <= 2**15 else torch.int32
    kind = torch.uint8 if n_classes <= 2**8 else wide
    return torch.cat([label.to(kind)[:, None], codes], 1)


def classes_of(law: ImageLaw, codes: Tensor, hidden: Tensor, *, draws: int, seed: int) -> Tensor:
    """Draws a class for each image from its law given the pixels before the first hidden one.

    Args:
        law: A law with classes.
        codes: Grey values, shape (N, H * W * C).
        hidden: Which of them are not known, of the same shape.
        draws: How many classes to draw for each image.
        seed: Where they come from.

    Returns:
        Classes, shape (draws * N,), all images of the first draw first.

    Raises:
        UnsupportedError: If the network reads the levels of other pixels.
    """
    if law.backbone.sees_levels == "past":
        raise UnsupportedError(
            "Expected given, the labels of the images; got none, and a network that reads the "
            "levels of all pixels before cannot tell classes apart. Pass given=... (--given in a "
            "shell)."
        )
    before = hidden.cumsum(1) == 0  # known, and nothing hidden yet
    log_p = log_joint(law, codes, where=before)
    return draw_classes(log_p.repeat(draws, 1), seed=seed)
