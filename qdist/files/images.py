"""Checks of the codec of images in a file's description."""

from itertools import pairwise
from typing import Any, Final

from qdist.files.specs import flag, items, one_of, record, refuse, text, whole

__all__ = ["check_image"]

_MOST_VALUES: Final = 2**22  # grey values of an image
_MOST_CLASSES: Final = 100_000


def _class(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        (text() if isinstance(value, str) else whole())(value, where)


_IMAGE: Final = record(
    {
        "codec": one_of("image"),
        "schema": record(
            {
                "height": whole(1, _MOST_VALUES),
                "width": whole(1, _MOST_VALUES),
                "channels": whole(1, 256),
                "channel_axis": flag,
                "first": whole(0, 255),
                "step": whole(1, 255),
                "levels": whole(1, 256),
                "classes": items(_class, most=_MOST_CLASSES),
                "counts": items(whole(1, 2**48), most=_MOST_CLASSES),
            }
        ),
    }
)


def check_image(value: Any, where: str) -> None:
    """The description of an image codec.

    Raises:
        FileFormatError: If it is none, or of an image that is too large to be modelled.
    """
    _IMAGE(value, where)
    schema = value["schema"]
    size = schema["height"] * schema["width"] * schema["channels"]
    if size > _MOST_VALUES:
        raise refuse(f"an image of at most {_MOST_VALUES} values", where, size)
    if schema["channels"] > 1 and not schema["channel_axis"]:
        raise refuse("an axis of channels", where, schema["channels"])
    if schema["first"] + schema["step"] * (schema["levels"] - 1) > 255:
        raise refuse("grey values up to 255", where, schema["levels"])
    classes = schema["classes"]
    if len(classes) != len(schema["counts"]) or len({type(c) for c in classes}) > 1:
        raise refuse("classes of one type, each with a count", where, classes[:5])
    if any(not a < b for a, b in pairwise(classes)):
        raise refuse("classes in order", where, classes[:5])
