"""Text of the command line: conditions read, columns laid out, control codes spelt out."""

import csv
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import click
import pyarrow as pa

from qdist.codecs.conform import value_type
from qdist.codecs.image import ImageSchema
from qdist.codecs.schema import MISSING, ColumnSchema, Schema
from qdist.data.makes.types import unpack_type
from qdist.errors import FileFormatError, InputError

__all__ = [
    "aligned",
    "images_in_words",
    "in_zone",
    "numbers",
    "parse_given",
    "parse_label",
    "plain",
    "types_for_csv",
]


def plain(text: str) -> str:
    r"""Text from data, safe to show: control characters, ANSI codes included, are spelt out.

    Args:
        text: Any text; newlines stay.

    Example:
        >>> plain("a\x1b[31mb")
        'a\\x1b[31mb'
    """
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1]
        for letter in text
    )


def aligned(pairs: Sequence[tuple[str, str]]) -> str:
    """Two columns of text, the second one flush.

    Args:
        pairs: The lines.

    Example:
        >>> print(aligned([("a", "one"), ("long", "two")]))
        a     one
        long  two
    """
    shown = [(plain(left), plain(right)) for left, right in pairs]
    width = max((len(left) for left, _ in shown), default=0)
    return "\n".join(f"{left:<{width}}  {right}".rstrip() for left, right in shown)


def numbers(text: str, *, hint: str) -> list[float]:
    """Numbers with commas between.

    Args:
        text: As typed.
        hint: The option, for the message.

    Raises:
        click.BadParameter: If it is anything else.

    Example:
        >>> numbers("0.05,0.5", hint="--levels")
        [0.05, 0.5]
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(
            f"expected numbers with commas between; got {plain(text)!r}.", param_hint=hint
        ) from None


def types_for_csv(schema: Schema) -> dict[str, pa.DataType]:
    """How the columns of a file without types are to be read: as those of the fitted table.

    Categories and ids are text: "010" is not 10. Of times and durations text is not taken.

    Args:
        schema: The columns of the fitted table.

    Returns:
        Names to Arrow types.

    Example:
        >>> types_for_csv(Schema((ColumnSchema("at", "time", "time64[us]"),)))
        {'at': Time64Type(time64[us])}
    """
    found = {}
    for column in schema:
        try:
            kind = value_type(unpack_type(column.dtype))
        except FileFormatError:  # written by another Arrow, or by a person
            kind = None
        timed = kind is not None and (pa.types.is_time(kind) or pa.types.is_duration(kind))
        if column.kind in {"nominal", "id"} and not timed:
            found[column.name] = pa.string()
        elif kind is not None:
            found[column.name] = kind
    return found


def in_zone(times: pa.Array, dtype: str) -> pa.Array:
    """Times of numpy, which are in UTC, in the zone of a column; anything else as it is.

    Args:
        times: Cells.
        dtype: The Arrow type of the column, as text.

    Example:
        >>> in_zone(pa.array([0], pa.timestamp("s")), "timestamp[s, tz=Asia/Tokyo]").type
        TimestampType(timestamp[s, tz=Asia/Tokyo])
    """
    _, zoned, rest = dtype.partition("tz=")
    if not zoned:
        return times
    unit = times.type.unit
    return times.cast(pa.timestamp(unit, "UTC")).cast(pa.timestamp(unit, rest.rstrip("]")))


def parse_given(texts: Iterable[str], schema: Schema) -> dict[str, Any]:
    """Conditions as typed on the command line, as values of their columns.

    Args:
        texts: Each `column=value`, or several with commas between; an item that holds a comma is
            quoted as in CSV. An empty value means missing.
        schema: The columns of the fitted table.

    Returns:
        Column names to values, [`MISSING`][qdist.codecs.schema.MISSING] where none was given.

    Raises:
        click.BadParameter: If an item has no `=`, or a column is given twice.
        UnknownNameError: If there is no such column.
        InputError: If the value is not one of the column's kind.

    Example:
        >>> schema = Schema((ColumnSchema("age", "number", "int64"),))
        >>> parse_given(["age=40"], schema)
        {'age': 40}
    """
    found: dict[str, Any] = {}
    for item in next(csv.reader([",".join(texts)]), []):
        name, equals, text = item.partition("=")
        if not equals:
            raise click.BadParameter(
                f"expected COLUMN=VALUE; got {plain(item)!r}.", param_hint="--given"
            )
        column = schema[name]
        if name in found:
            raise click.BadParameter(
                f"expected each column once; got {plain(name)!r} twice.", param_hint="--given"
            )
        found[name] = _value(text, column) if text else MISSING
    return found


def parse_label(texts: Iterable[str], schema: ImageSchema) -> bool | int | str | None:
    """The label of images as typed on the command line.

    Args:
        texts: What was typed; at most one label.
        schema: Of the fitted images.

    Returns:
        The label, or None where none was typed.

    Raises:
        click.BadParameter: If there are several.
        InputError: If no such label was fitted.

    Example:
        >>> parse_label(["3"], ImageSchema(8, 8, classes=(1, 2, 3), counts=(5, 5, 5)))
        3
    """
    typed = list(texts)
    if not typed:
        return None
    if len(typed) > 1:
        raise click.BadParameter(f"expected one label; got {len(typed)}.", param_hint="--given")
    for label in schema.classes:
        # Booleans are typed as in a shell, True and true alike.
        text = typed[0].capitalize() if isinstance(label, bool) else typed[0]
        if str(label) == text:
            return label
    if not schema.classes:
        raise InputError(
            f"Expected no --given, as the model was fitted without labels; got {typed[0]!r}. "
            "Leave it out, or fit images with labels."
        )
    known = ", ".join(map(str, schema.classes[:12])) + (", ..." if schema.classes[12:] else "")
    raise InputError(
        f"Expected a label that was fitted: {known}; got {typed[0]!r}. Correct it, or fit images "
        "of that class."
    )


def images_in_words(schema: ImageSchema, n: int) -> str:
    """What was fitted, in a few words.

    Args:
        schema: Of the fitted images.
        n: How many images there were.

    Example:
        >>> images_in_words(ImageSchema(5, 7, classes=(0, 1), counts=(8, 12)), 20)
        '20 images of 5 x 7, 2 classes'
    """
    k = len(schema.classes)
    classes = "1 class" if k == 1 else f"{k or 'no'} classes"
    size = f"{schema.height} x {schema.width}"
    return f"{n} {'image' if n == 1 else 'images'} of {size}, {classes}"


def _value(text: str, column: ColumnSchema) -> Any:
    reader = _READERS.get(column.kind) or _by_dtype(column.dtype)
    try:
        value = reader(text)
        if isinstance(value, float | Decimal) and value != value:
            raise ValueError  # it would say that nothing is known
        return value
    except (ValueError, ArithmeticError, KeyError):
        raise InputError(
            f"Expected a value of kind {column.kind} ({column.dtype}) for column "
            f"{column.name!r}; got {text!r}."
        ) from None


def _boolean(text: str) -> bool:
    return {"true": True, "false": False, "1": True, "0": False}[text.lower()]


def _by_dtype(dtype: str) -> Callable[[str], Any]:
    for start, reader in _DTYPES.items():
        if dtype.startswith(start):
            return reader
    return str


_DTYPES: Final[dict[str, Callable[[str], Any]]] = {
    "int": lambda text: int(text) if text.lstrip("+-").isdigit() else float(text),
    "uint": lambda text: int(text) if text.isdigit() else float(text),
    "float": float,
    "double": float,
    "halffloat": float,
    "bool": _boolean,
    "decimal": Decimal,
}

_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "boolean": _boolean,
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "timedelta": lambda text: dt.timedelta(seconds=float(text)),
}
