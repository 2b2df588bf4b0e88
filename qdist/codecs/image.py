"""Images as rows of codes: one code a pixel and channel, and one for the class."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from math import gcd
from typing import Any, Final, Self, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from qdist.arguments import instance, number, rows_of
from qdist.codecs.labels import Label, classes_in, label_array, label_codes
from qdist.codecs.shapes import like_one_picture, remedy_for_shape
from qdist.data.images import as_images
from qdist.errors import FileFormatError, InputError

__all__ = ["ImageCodec", "ImageSchema"]

Bytes = npt.NDArray[np.uint8]

# Up to so many evenly spaced grey values are codes of their own; else all 256 are.
_FEW_LEVELS: Final = 64
_COUNTED: Final = 1024  # images whose grey values are counted at once


@final
@dataclass(frozen=True)
class ImageSchema:
    """What was made out of a stack of images.

    Attributes:
        height: Rows of an image.
        width: Pixels of a row.
        channels: Values of a pixel: 1 for grey, 3 for red, green and blue.
        channel_axis: Whether arrays have an axis of channels, (N, H, W, C), or not, (N, H, W).
        first: The lowest grey value.
        step: The distance between neighbouring grey values.
        levels: How many grey values there are.
        classes: The labels that were fitted, sorted; none without labels.
        counts: How many images of each class were fitted.

    Raises:
        InputError: If a number is out of its range, or classes and counts do not go together.

    Example:
        >>> print(ImageSchema(height=8, width=8, levels=17, classes=(0, 1), counts=(178, 182)))
        8 x 8 pixels, grey, 17 values: 0, 1, ..., 16
        2 classes: 0 (178), 1 (182)
    """

    height: int
    width: int
    channels: int = 1
    channel_axis: bool = False
    first: int = 0
    step: int = 1
    levels: int = 256
    classes: tuple[Label, ...] = ()
    counts: tuple[int, ...] = field(default=())

    def __post_init__(self) -> None:
        for name in ("height", "width", "channels", "step", "levels"):
            number(name, getattr(self, name), least=1, whole=True)
        last = number("first", self.first, least=0, whole=True) + self.step * (self.levels - 1)
        if last > 255:
            raise InputError(
                f"Expected grey values up to 255; got {self.levels} from {self.first} on in steps "
                f"of {self.step}, up to {last}. Lower one of these."
            )
        if len(self.classes) != len(self.counts):
            raise InputError(
                f"Expected a count for each class; got {len(self.classes)} classes and "
                f"{len(self.counts)} counts. Give as many of both."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an image: (H, W), or (H, W, C)."""
        size = (self.height, self.width)
        return (*size, self.channels) if self.channel_axis else size

    @property
    def dim(self) -> int:
        """The number of grey values in an image."""
        return self.height * self.width * self.channels

    def __str__(self) -> str:
        kind = {1: "grey", 3: "colour"}.get(self.channels, f"{self.channels} channels")
        grey = [self.first + self.step * k for k in range(self.levels)]
        ends = map(str, grey if self.levels < 4 else [*grey[:2], "...", grey[-1]])
        values = ", ".join(ends)
        lines = [f"{self.height} x {self.width} pixels, {kind}, {self.levels} values: {values}"]
        if self.classes:
            shown = [f"{c} ({n})" for c, n in zip(self.classes, self.counts, strict=True)]
            more = f", and {len(shown) - 12} more" if len(shown) > 12 else ""
            one = "1 class" if len(shown) == 1 else f"{len(shown)} classes"
            lines.append(f"{one}: {', '.join(shown[:12])}{more}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able description."""
        return asdict(self)

    @classmethod
    def from_json(cls, description: dict[str, Any]) -> Self:
        """The schema that a description came from.

        Raises:
            FileFormatError: If it came from none.
        """
        try:
            lists = {name: tuple(description[name]) for name in ("classes", "counts")}
            return cls(**{**description, **lists})
        except (LookupError, TypeError, ValueError) as error:
            raise FileFormatError(
                "Expected the description that `to_json` of a schema of images gives; got "
                f"{description!r:.80}: {error}. Write it again."
            ) from error


@final
class ImageCodec:
    """Images (N, H, W) or (N, H, W, C) of uint8 to rows of codes and back, without loss.

    The coordinates run over rows, columns, then channels. A code is the place of a grey value on
    an even grid. The grid is that of the values met in fitting where there are at most 64 of
    them (binary images have 2 levels, 0 and 255; scikit-learn's digits 17), else all of 0 ... 255.

    Args:
        schema: What is known of the images.

    Raises:
        InputError: If it is no schema.

    Example:
        >>> import numpy as np
        >>> codec = ImageCodec.fit(np.array([[[0, 255]], [[0, 0]]], np.uint8))
        >>> codec.encode(np.array([[[255, 0]]], np.uint8))
        tensor([[1, 0]], dtype=torch.uint8)
        >>> codec.decode(torch.tensor([[1.0, 0.0]]))
        array([[[255,   0]]], dtype=uint8)
    """

    def __init__(self, schema: ImageSchema) -> None:
        self.schema = instance(
            "schema", schema, of=ImageSchema, remedy="Make a codec of images by ImageCodec.fit."
        )

    @classmethod
    def fit(
        cls,
        images: Any,
        labels: Any = None,
        *,
        grey_levels: int | None = None,
        stacked: bool = False,
    ) -> Self:
        """Look at the images, and their labels where there are some.

        Args:
            images: Images, shape (N, H, W) or (N, H, W, C), uint8.
            labels: Labels, shape (N,): whole numbers, text or booleans.
            grey_levels: 256 for all grey values 0 ... 255, whatever these images hold; by default
                an even grid of those that they hold, where these are few.
            stacked: Whether the first axis is known to be that of images, as where they were read
                from files; else what looks like one picture is refused.

        Returns:
            The codec.

        Raises:
            InputError: If these are no images, there are none, or the labels are not one for each;
                or if they look like one picture, (H, W, C), and not like grey images; or if
                grey_levels is another number.
        """
        if grey_levels is not None and (isinstance(grey_levels, bool) or grey_levels != 256):
            raise InputError(
                "Expected grey_levels to be 256, for all values, or None; got "
                f"{grey_levels!r:.80}. Leave it out: few grey values are found in the images."
            )
        stack = as_images(images)
        # Where there are as many labels as rows, the rows are images after all.
        told = labels is not None and label_array(labels, "y").shape == (len(stack),)
        if like_one_picture(stack.shape) and not (told or stacked):
            raise InputError(
                f"Expected images of shape (N, H, W) or (N, H, W, C); got {stack.shape}, which "
                "looks like one picture, (H, W, C). Give a picture as images[None]; give grey "
                "images as narrow as this as images[..., None]."
            )
        if not len(stack):
            raise InputError("Expected at least one image; got none. Give some.")
        first, step, levels = _grid(stack) if grey_levels is None else (0, 1, 256)
        classes, counts = classes_in(labels, len(stack))
        return cls(
            ImageSchema(
                height=stack.shape[1],
                width=stack.shape[2],
                channels=stack.shape[3] if stack.ndim == 4 else 1,
                channel_axis=stack.ndim == 4,
                first=first,
                step=step,
                levels=levels,
                classes=classes,
                counts=counts,
            )
        )

    def check(self, images: Any, *, what: str = "images") -> Bytes:
        """Images as an array, if they are of the fitted size and kind.

        Args:
            images: Images, shape (N, H, W) or (N, H, W, C), uint8.
            what: Their name, for messages.

        Returns:
            The array.

        Raises:
            InputError: If they are of another size, kind or dtype.
        """
        stack, wanted = as_images(images, what=what), self.schema.shape
        if stack.shape[1:] != wanted:
            raise InputError(
                f"Expected {what} of shape (N, {', '.join(map(str, wanted))}), as fitted; "
                f"got {stack.shape}. {remedy_for_shape(stack.shape, wanted)}"
            )
        return stack

    def encode(self, images: Any, *, what: str = "images") -> Tensor:
        """Images as codes.

        Args:
            images: Images of the fitted size, shape (N, H, W) or (N, H, W, C), uint8.
            what: Their name, for messages.

        Returns:
            Codes, shape (N, H * W * C), uint8.

        Raises:
            InputError: If they are of another size, kind or dtype, or hold a grey value that the
                codec does not know.
        """
        stack, schema = self.check(images, what=what), self.schema
        flat = stack.reshape(len(stack), schema.dim)
        if schema.levels == 256:
            return torch.from_numpy(flat.copy())
        shifted = flat.astype(np.int16) - schema.first
        codes, rest = np.divmod(shifted, schema.step)
        unknown = (rest != 0) | (codes < 0) | (codes >= schema.levels)
        if unknown.any():
            row, column = np.argwhere(unknown)[0]
            grey, last = flat[row, column], schema.first + schema.step * (schema.levels - 1)
            within = schema.first <= grey <= last
            remedy = "Round it to that grid" if within else f"Clip it to {schema.first} ... {last}"
            raise InputError(
                f"Expected the grey values that were fitted in {what}: {schema.levels} from "
                f"{schema.first} on in steps of {schema.step}; got {grey} in {what}[{row}]. "
                f"{remedy}, leave that image out, or fit by ImageModel(grey_levels=256), which "
                "allows all values."
            )
        return torch.from_numpy(codes.astype(np.uint8))

    def decode(self, codes: Tensor) -> Bytes:
        """Images of codes, in the shape that was fitted.

        Args:
            codes: Codes, shape (N, H * W * C); the outer ones stand for all that lies beyond.

        Returns:
            Images, shape (N, H, W) or (N, H, W, C), uint8.

        Raises:
            InputError: If the shape is another one, or there is a NaN.
        """
        schema = self.schema
        rows_of("codes", codes, width=schema.dim)
        if bool(codes.isnan().any()):
            raise InputError("Expected codes that are numbers; got NaN. Fill hidden pixels first.")
        place = self.nearest(codes.detach().cpu())
        grey = place.numpy().astype(np.int64) * schema.step + schema.first
        return grey.astype(np.uint8).reshape(len(codes), *schema.shape)

    def nearest(self, codes: Tensor) -> Tensor:
        """The codes that `decode` takes numbers for: whole, and on the grid.

        A head without bounds can draw beyond the grid, where bytes would begin again at black.

        Args:
            codes: Numbers, of any shape.

        Returns:
            Whole numbers 0 ... levels - 1, of the same shape and dtype; NaN stays NaN.
        """
        return codes.round().clamp(0, self.schema.levels - 1)

    def encode_labels(self, labels: Any, n: int | None = None, *, what: str = "given") -> Tensor:
        """Labels as codes.

        Args:
            labels: One label, or one for each of n images.
            n: How many are wanted; by default as many as there are labels.
            what: Their name, for messages.

        Returns:
            Codes, shape (n,), int64.

        Raises:
            InputError: If a label was not among those fitted, or there are not n.
        """
        classes = self.schema.classes
        if not classes:
            raise InputError(
                f"Expected no {what}, as the model was fitted without labels; got some. "
                "Fit it with labels: fit(images, y)."
            )
        return torch.tensor(label_codes(labels, classes, n, what=what), dtype=torch.int64)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able description."""
        return {"codec": "image", "schema": self.schema.to_json()}

    @classmethod
    def from_json(cls, description: dict[str, Any]) -> Self:
        """The codec that a description came from.

        Raises:
            FileFormatError: If it came from none.
        """
        fits = isinstance(description, Mapping) and description.get("codec") == "image"
        if not fits or "schema" not in description:
            raise FileFormatError(
                "Expected the description that `to_json` of a codec of images gives; got "
                f"{description!r:.80}. Write it again."
            )
        return cls(ImageSchema.from_json(description["schema"]))


def _grid(stack: Bytes) -> tuple[int, int, int]:
    """The first value, the step and the number of grey values."""
    met = np.zeros(256, np.bool_)
    for start in range(0, len(stack), _COUNTED):  # as a count of bytes makes eight of each
        met |= np.bincount(stack[start : start + _COUNTED].reshape(-1), minlength=256) > 0
    values = np.flatnonzero(met).tolist()
    step = gcd(*(b - a for a, b in pairwise(values)))
    levels = (values[-1] - values[0]) // step + 1 if step else 0
    # One value alone says nothing of the grid; many are likely to have gaps by chance.
    if not 2 <= levels <= _FEW_LEVELS:
        return 0, 1, 256
    return values[0], step, levels
