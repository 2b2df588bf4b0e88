"""Images of another shape than those that were fitted: what they are likely to be, what to do."""

from typing import Final

__all__ = ["like_one_picture", "remedy_for_shape"]

Shape = tuple[int, ...]

# The weights of red, green and blue in a grey value, by ITU-R BT.601, as Pillow has them.
_TO_GREY: Final = "(images[..., :3] @ [0.299, 0.587, 0.114]).round().astype('uint8')"


def like_one_picture(shape: Shape) -> bool:
    """Whether (H, W, C) is more likely than (N, H, W): few channels last, and more of all else.

    Args:
        shape: The shape of an array.

    Example:
        >>> like_one_picture((28, 28, 3)), like_one_picture((3, 28, 28))
        (True, False)
    """
    return len(shape) == 3 and shape[2] in (1, 3, 4) and min(shape[:2]) > shape[2]


def remedy_for_shape(got: Shape, wanted: Shape) -> str:
    """What to do with images of a shape that was not fitted: a sentence, with code to follow.

    Args:
        got: The shape of the stack, (N, H, W) or (N, H, W, C).
        wanted: The shape of an image that was fitted, (H, W) or (H, W, C).

    Example:
        >>> remedy_for_shape((2, 28, 28), (28, 28, 1))
        'Give them an axis of channels: images[..., None].'
    """
    if got == wanted:
        return "Give a single image as images[None]."
    if got[1:3] == wanted[:2]:
        return _remedy_for_channels(got[3:], wanted[2:])
    if got[1:] == wanted[2:] + wanted[:2]:
        return "Move the channels last: images.transpose(0, 2, 3, 1)."
    if like_one_picture(got):
        kind = " in grey" if len(wanted) == 2 else ""
        return f"Give a single image{kind}, of that size, as images[None]."
    return "Crop or resize them first."


def _remedy_for_channels(got: Shape, wanted: Shape) -> str:
    """The same where only channels differ; of each shape its channels alone, () or (C,)."""
    many, most = sum(got) or 1, sum(wanted) or 1
    if many == most:
        as_fitted = "images[..., None]" if wanted else "images[..., 0]"
        what = "Give them an axis of channels" if wanted else "Drop the axis of channels"
        return f"{what}: {as_fitted}."
    if (many, most) == (1, 3):
        grey = "images" if got else "images[..., None]"
        return f"The model is of colour images: repeat grey ones, np.repeat({grey}, 3, -1)."
    last = "[..., None]" if wanted else ""
    if most == 1 and many in (3, 4):
        return f"The model is of grey images: convert colour to grey, {_TO_GREY}{last}."
    if many == most + 1 and most in (1, 3):
        alpha_less = f"images[..., :{most}]" if wanted else "images[..., 0]"
        return f"The last channel is likely to be alpha: drop it, {alpha_less}."
    return f"Give images of {most} channels, as fitted."
