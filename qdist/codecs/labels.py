"""Labels of images as codes: whole numbers, text or booleans, in the order of their sorting."""

from typing import Any

import numpy as np
import numpy.typing as npt

from qdist.errors import InputError

__all__ = ["Label", "by_text", "classes_in", "label_array", "label_codes"]

Label = bool | int | str


def label_array(labels: Any, what: str) -> npt.NDArray[Any]:
    """Labels as an array.

    Args:
        labels: One label, or a flat sequence.
        what: Their name, for messages.

    Raises:
        InputError: If they are nested, and not evenly, or some are masked.
    """
    if isinstance(labels, list | tuple):
        labels = [_unboxed(label) for label in labels]
    try:
        found = np.asarray(labels)
    except ValueError as error:
        raise InputError(
            f"Expected one label, or a flat sequence of labels, in {what}; got {labels!r:.80}. "
            "Give one for each image."
        ) from error
    if np.ma.is_masked(labels):
        raise InputError(
            f"Expected labels of which all are known in {what}; got a masked array. Leave images "
            "without a label out."
        )
    if found.ndim == 1 and isinstance(labels, list | tuple):
        # Each as it came: numpy would make text of a missing one among text.
        found = np.fromiter(labels, dtype=object, count=len(labels))
    return found


def classes_in(labels: Any, n: int) -> tuple[tuple[Label, ...], tuple[int, ...]]:
    """The classes among the labels of n images, sorted, and how many images each has.

    Args:
        labels: Labels, shape (n,), or None for none.
        n: How many images there are.

    Raises:
        InputError: If there are not n, they are of several kinds, or no file could hold them.

    Example:
        >>> classes_in(["dog", "cat", "dog"], 3)
        (('cat', 'dog'), (1, 2))
    """
    if labels is None:
        return (), ()
    found = label_array(labels, "y")
    if found.shape != (n,):
        raise InputError(
            f"Expected y of shape ({n},), one label for each image; got {found.shape}. "
            "Give labels in the order of the images."
        )
    plain = [_plain(label) for label in found]
    kinds = {type(label) for label in plain}
    if len(kinds) > 1 or not kinds <= {bool, int, str}:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InputError(
            f"Expected labels in y that are all whole numbers, all text or all booleans; got "
            f"{names}. Convert them, and leave images without a label out."
        )
    for label in set(plain):
        if not _can_be_saved(label):
            raise InputError(
                f"Expected labels in y that are text of unicode or whole numbers of 64 bits, as a "
                f"model file holds them; got {label!r:.80}. Rename it (of a folder: the folder)."
            )
    counts: dict[Label, int] = {}
    for label in plain:
        counts[label] = counts.get(label, 0) + 1
    classes = sorted(counts)
    return tuple(classes), tuple(counts[label] for label in classes)


def by_text(labels: Any, classes: tuple[Label, ...]) -> list[Any]:
    """Labels of a file as the fitted ones of the same text: names of folders are always text.

    Args:
        labels: A flat sequence.
        classes: The classes that were fitted.

    Returns:
        Classes; a label that is the text of no class stays as it is.

    Raises:
        InputError: If some are masked.

    Example:
        >>> by_text(["1", "0", "cat"], (0, 1))
        [1, 0, 'cat']
    """
    of = {str(label): label for label in classes}
    plain = [_plain(label) for label in label_array(labels, "the labels")]
    return [of.get(str(label), label) for label in plain]


def label_codes(
    labels: Any, classes: tuple[Label, ...], n: int | None = None, *, what: str
) -> list[int]:
    """The places of labels among the classes.

    Args:
        labels: One label, or one for each of n images.
        classes: The classes that were fitted.
        n: How many codes are wanted; by default as many as there are labels.
        what: The labels' name, for messages.

    Raises:
        InputError: If a label is none of the classes, or there are not n.
    """
    found = label_array(labels, what)
    if found.ndim == 0:
        found = found.reshape(1).repeat(1 if n is None else n)
    if found.ndim != 1 or (n is not None and len(found) != n):
        wanted = "one label a row" if n is None else f"one label, or one for each of {n}"
        raise InputError(
            f"Expected {wanted} in {what}; got shape {found.shape}. Give one for each."
        )
    # True equals 1 but is another label. What cannot be a label may have no hash.
    code_of = {(type(label), label): code for code, label in enumerate(classes)}
    plain = [_plain(label) for label in found]
    codes = [
        code_of.get((type(x), x), -1) if isinstance(x, bool | int | str) else -1 for x in plain
    ]
    if -1 in codes:
        known = ", ".join(map(repr, classes[:12])) + (", ..." if len(classes) > 12 else "")
        raise InputError(
            f"Expected labels that were fitted in {what}: {known}; got "
            f"{plain[codes.index(-1)]!r:.80}. Correct it, or fit images of that class."
        )
    return codes


def _can_be_saved(label: Label) -> bool:
    if isinstance(label, str):
        try:
            label.encode()
        except UnicodeEncodeError:  # a name of a folder in bytes that are no text
            return False
        return True
    return -(2**63) <= label < 2**63


def _unboxed(label: Any) -> Any:
    """The value in an array or a tensor without dimensions."""
    boxed = getattr(label, "ndim", None) == 0 and not isinstance(label, np.generic)
    return label.item() if boxed and not np.ma.is_masked(label) else label


def _plain(label: Any) -> Any:
    """A label as a value of Python; whole floats as whole numbers."""
    value = label.item() if isinstance(label, np.generic) else label
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return str(value) if isinstance(value, str) else value
