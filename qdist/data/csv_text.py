"""CSV, which says nothing of types: read by what is known of its columns, and written exactly."""

import codecs
import io
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from qdist.errors import FileFormatError

__all__ = ["csv_bytes", "read_csv"]

_PIECE: Final = 2**20  # bytes
_HEAD: Final = 2**16
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"?')
_SEPARATORS: Final = {";": "semicolons", "\t": "tabs"}
_POWERS: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def read_csv(content: bytes, types: Mapping[str, pa.DataType], *, what: str) -> pa.Table:
    r"""Reads CSV.

    Args:
        content: The file, not zipped.
        types: Arrow types of columns whose cells are not to be typed by what they look like. Text
            is text; whole numbers of 64 bits, decimals, times and durations are read to the last
            digit. All other columns, and those whose cells are of no such type, are typed by their
            looks.
        what: What is read, for messages.

    Returns:
        The table.

    Raises:
        FileFormatError: If it is no UTF-8, or its cells are not separated by commas.
        pa.ArrowException: If it is damaged otherwise.

    Example:
        >>> read_csv(b"a,b\n010,9007199254740993.0\n", {"a": pa.string()}, what="x").to_pylist()
        [{'a': '010', 'b': 9007199254740992.0}]
        >>> read_csv(b"a\n9007199254740993.0\n", {"a": pa.int64()}, what="x").to_pylist()
        [{'a': 9007199254740993}]
    """
    _check_utf8(content, what)
    _check_separator(content, what)
    text = [name for name, kind in types.items() if _is_text(kind)]
    exact = {name: kind for name, kind in types.items() if _is_exact(kind)}
    table, guessed = _parse(content, [*text, *exact]), None
    for i, name in enumerate(table.schema.names):
        if name not in exact:
            continue
        try:
            cells = _typed(table.column(i), exact[name])
        except pa.ArrowException:
            if pa.types.is_decimal(exact[name]):
                continue  # text, which its column will refuse: a float would fit, but rounded
            guessed = _parse(content, text) if guessed is None else guessed
            cells = guessed.column(i)
        table = table.set_column(i, name, cells)
    return table


def _parse(content: bytes, text: list[str]) -> pa.Table:
    # Column types come from the whole file, so that a text in the last row is text and not an
    # error: one block holds it all.
    return pcsv.read_csv(
        pa.BufferReader(content),  # a reader for which Arrow's threads need no Python
        read_options=pcsv.ReadOptions(block_size=min(max(len(content), 1) + 1, 2**31 - 2)),
        parse_options=pcsv.ParseOptions(newlines_in_values=True),
        convert_options=pcsv.ConvertOptions(
            strings_can_be_null=True, column_types=dict.fromkeys(text, pa.string())
        ),
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_exact(kind: pa.DataType) -> bool:
    """Whether cells of a type lose digits, or their type, where they are typed by their looks."""
    whole = pa.types.is_int64(kind) or pa.types.is_uint64(kind)
    return bool(
        whole or pa.types.is_decimal(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind)
    )


def _typed(cells: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Text as cells of a type, never by way of a float."""
    cells = pc.utf8_trim_whitespace(cells)
    if pa.types.is_time(kind):  # Arrow casts text to a day with a time, but not to a time
        day = pc.binary_join_element_wise("1970-01-01", cells, " ")
        return day.cast(pa.timestamp("ns")).cast(pa.time64("ns")).cast(kind)
    if pa.types.is_duration(kind):
        power = _POWERS[kind.unit]
        ticks = pc.multiply(cells.cast(pa.decimal128(27, power)), _decimal(10**power, power + 1))
        return ticks.cast(pa.int64()).cast(kind)
    if pa.types.is_integer(kind):
        try:
            return cells.cast(kind)
        except pa.ArrowInvalid:  # 5.0 or 5e3, perhaps
            return cells.cast(pa.decimal128(38, 0)).cast(kind)
    return cells.cast(kind)


def _decimal(value: Any, digits: int, *, scale: int = 0) -> pa.Scalar:
    return pa.scalar(Decimal(value), pa.decimal128(digits, scale))


def _check_utf8(content: bytes, what: str) -> None:
    """Checks before Arrow reads: Arrow complains late, and of some cells not at all.

    It decodes by pieces, as all of the text at once would take up to four times the memory.
    """
    if content.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), _PIECE):
        piece = content[start : start + _PIECE]
        try:
            decoder.decode(piece, final=start + _PIECE >= len(content))
        except UnicodeDecodeError as err:
            at = start + err.start - (len(err.object) - len(piece))  # it keeps a cut letter
            line = content.count(b"\n", 0, at) + 1
            raise FileFormatError(
                f"Expected csv in {what}; got bytes that are not UTF-8 (0x{content[at]:02x} in "
                f"line {line}). Save it as UTF-8."
            ) from err


def _check_separator(content: bytes, what: str) -> None:
    """Refuses text that would be read, in silence, as one column of ids."""
    head = content[:_HEAD].decode("utf-8-sig", errors="ignore")
    lines = [line for line in _QUOTED.sub("", head).splitlines() if line]
    if len(content) > _HEAD:
        lines = lines[:-1]  # it may be cut
    if len(lines) < 2 or "," in lines[0]:
        return
    for separator, name in _SEPARATORS.items():
        if all(separator in line for line in lines):
            raise FileFormatError(
                f"Expected cells in {what} with commas between; got {name}. Save it with commas, "
                f"or read it in Python, such as by pandas.read_csv(..., sep={separator!r}), and "
                "give the frame."
            )


def csv_bytes(table: pa.Table) -> bytes:
    r"""A table as CSV.

    Args:
        table: The columns, of canonical types.

    Example:
        >>> csv_bytes(pa.table({"a": [1, 2], "b": ["x", None]}))
        b'"a","b"\n1,"x"\n2,\n'
    """
    columns = [_for_csv(column) for column in table.columns]
    if len(columns) == 1 and columns[0].null_count:
        # An empty line is no row; a line with empty quotes is.
        columns = [columns[0].cast(pa.string()).fill_null("")]
    sink = io.BytesIO()
    pcsv.write_csv(pa.table(columns, names=table.schema.names), sink)
    return sink.getvalue()


def _for_csv(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """What CSV has no notation for: levels as values, decimals as text, durations in seconds."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _for_csv(column.cast(kind.value_type))
    if pa.types.is_decimal(kind):
        return column.cast(pa.string())
    if pa.types.is_duration(kind):
        return _seconds(column.cast(pa.int64()), _POWERS[kind.unit])
    if pa.types.is_time64(kind):
        try:
            return column.cast(pa.time32("s"))  # 01:02:03, which reads again as a time
        except pa.ArrowInvalid:
            return column
    return column


def _seconds(ticks: pa.ChunkedArray, power: int) -> pa.ChunkedArray:
    ends = pc.min_max(ticks)
    if all(end is None or abs(end) < 2**50 for end in ends.as_py().values()):
        return pc.divide(ticks.cast(pa.float64()), 10.0**power)
    tick = _decimal(f"1e-{power}", power + 1, scale=power)
    exact = pc.multiply(ticks.cast(pa.decimal128(19, 0)), tick).cast(pa.string())
    return pc.replace_substring_regex(exact, r"(\..*[1-9])0+$|\.0+$", r"\1")
