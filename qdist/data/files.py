"""Tables in files and streams: CSV (gzipped or not), Parquet and Feather, told by the ending."""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.feather as pf
import pyarrow.parquet as pq

from qdist.data.atomic import replacing
from qdist.data.frames import to_arrow
from qdist.errors import FileAccessError, FileFormatError, InputError

__all__ = ["read_table", "write_table"]

_ENDINGS: Final = (".csv", ".csv.gz", ".parquet", ".feather")


def read_table(
    source: str | os.PathLike[str] | IO[bytes], *, text: Collection[str] = ()
) -> pa.Table:
    r"""Reads a table.

    Args:
        source: A path ending in `.csv`, `.csv.gz`, `.parquet` or `.feather`; `"-"` for standard
            input; or a stream of bytes. The format of a stream is told by its first bytes: CSV,
            gzipped CSV, Parquet or Feather.
        text: Columns of CSV that are text whatever they look like: "010" is not 10.

    Returns:
        The table. In CSV an empty cell, `NA`, `NaN` and `null` are missing, and numbers,
        booleans, dates and times in ISO form are recognised.

    Raises:
        InputError: If the ending is none of these.
        FileAccessError: If the file cannot be read.
        FileFormatError: If the file is damaged, or not what its ending says.

    Example:
        >>> import io
        >>> read_table(io.BytesIO(b"a,b\n1,x\n2,\n")).to_pydict()
        {'a': [1, 2], 'b': ['x', None]}
    """
    if not isinstance(source, str | os.PathLike):
        if not callable(getattr(source, "read", None)):
            raise InputError(f"Expected a path or a stream of bytes; got {source!r:.80}.")
        return _parse(source.read(), None, "the stream", text)
    if source == "-":
        return _parse(sys.stdin.buffer.read(), None, "standard input", text)
    path = Path(source)
    if not path.suffix and not path.exists():  # perhaps a folder of images that was mistyped
        raise FileAccessError(
            f"Expected a file to read; got {str(path)!r}, which is not there. Check the path."
        )
    ending = _ending(path)
    try:
        content = path.read_bytes()
    except OSError as err:
        raise FileAccessError(
            f"Expected a file to read; got {str(path)!r}: {_reason(err)}. Check the path."
        ) from err
    return _parse(content, ending, repr(str(path)), text)


def _ending(path: Path) -> str:
    for ending in _ENDINGS:
        if path.name.lower().endswith(ending):
            return ending
    raise InputError(
        f"Expected a file ending in {', '.join(_ENDINGS)}; got {str(path)!r}. "
        "Convert the file, or read it with pandas or polars and give the frame; of pictures give "
        "their folder."
    )


def _reason(err: OSError) -> str:
    return (err.strerror or type(err).__name__).lower()


def _parse(content: bytes, ending: str | None, what: str, text: Collection[str]) -> pa.Table:
    if ending is None:
        ending = next((e for magic, e in _MAGIC.items() if content.startswith(magic)), ".csv")
    try:
        return _READERS[ending](content, text)
    except (pa.ArrowException, EOFError, OSError, zlib.error, UnicodeDecodeError) as err:
        first = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise FileFormatError(
            f"Expected {ending[1:]} in {what}; got bytes that do not read as such ({first}). "
            "Check that the file is whole and that its ending is right."
        ) from err


def _read_csv(content: bytes, text: Collection[str]) -> pa.Table:
    # Column types come from the whole file, so that a text in the last row is text and not an
    # error: one block holds it all.
    table = pcsv.read_csv(
        io.BytesIO(content),
        read_options=pcsv.ReadOptions(block_size=min(max(len(content), 1) + 1, 2**31 - 2)),
        parse_options=pcsv.ParseOptions(newlines_in_values=True),
        convert_options=pcsv.ConvertOptions(
            strings_can_be_null=True, column_types=dict.fromkeys(text, pa.string())
        ),
    )
    for name, column in zip(table.schema.names, table.columns, strict=True):
        if pa.types.is_binary(column.type):
            raise pa.ArrowInvalid(f"column {name!r} is not UTF-8 text")
    return table


_MAGIC: Final = {b"PAR1": ".parquet", b"ARROW1": ".feather", b"\x1f\x8b": ".csv.gz"}
_READERS: Final[dict[str, Callable[[bytes, Collection[str]], pa.Table]]] = {
    ".csv": _read_csv,
    ".csv.gz": lambda content, text: _read_csv(gzip.decompress(content), text),
    ".parquet": lambda content, _: pq.read_table(pa.BufferReader(content)),
    ".feather": lambda content, _: pf.read_table(pa.BufferReader(content)),
}


def write_table(frame: Any, target: str | os.PathLike[str] | IO[bytes]) -> None:
    r"""Writes a frame. A file is replaced only once the new one is whole.

    Args:
        frame: A frame of any make that [`to_arrow`][qdist.data.frames.to_arrow] takes.
        target: A path ending in `.csv`, `.csv.gz`, `.parquet` or `.feather`; `"-"` for CSV on
            standard output; or a stream of bytes for CSV.

    Raises:
        InputError: If the ending is none of these, the frame is none, or the target is neither a
            path nor a stream.
        FileAccessError: If the file cannot be written.

    Example:
        >>> import io
        >>> stream = io.BytesIO()
        >>> write_table({"a": [1, 2], "b": ["x", None]}, stream)
        >>> stream.getvalue()
        b'"a","b"\n1,"x"\n2,\n'
    """
    table = to_arrow(frame)
    if not isinstance(target, str | os.PathLike):
        if not callable(getattr(target, "write", None)):
            raise InputError(
                f"Expected a path or a stream of bytes; got {target!r:.80}. Name a file, or '-'."
            )
        target.write(_csv_bytes(table))
        return
    if target == "-":
        sys.stdout.buffer.write(_csv_bytes(table))
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    content = _WRITERS[_ending(path)](table)
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as err:
        raise FileAccessError(
            f"Expected a place to write; got {str(path)!r}: {_reason(err)}. "
            "Check the folder and its permissions."
        ) from err


def _csv_bytes(table: pa.Table) -> bytes:
    columns = [_for_csv(column) for column in table.columns]
    if len(columns) == 1 and columns[0].null_count:
        # An empty line is no row; a quoted nothing is.
        columns = [columns[0].cast(pa.string()).fill_null("")]
    sink = io.BytesIO()
    pcsv.write_csv(pa.table(columns, names=table.schema.names), sink)
    return sink.getvalue()


def _for_csv(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """What CSV has no writing for: levels as values, decimals as text, durations in seconds."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _for_csv(column.cast(kind.value_type))
    if pa.types.is_decimal(kind):
        return column.cast(pa.string())
    if pa.types.is_duration(kind):
        per_second = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
        return pc.divide(column.cast(pa.int64()).cast(pa.float64(), safe=False), per_second)
    if pa.types.is_time64(kind):
        try:
            return column.cast(pa.time32("s"))  # 01:02:03, which reads again as a time
        except pa.ArrowInvalid:
            return column
    return column


def _binary(write: Callable[[pa.Table, Any], None]) -> Callable[[pa.Table], bytes]:
    def to_bytes(table: pa.Table) -> bytes:
        sink = io.BytesIO()
        write(table, sink)
        return sink.getvalue()

    return to_bytes


_WRITERS: Final[dict[str, Callable[[pa.Table], bytes]]] = {
    ".csv": _csv_bytes,
    # No time stamp: the same rows make the same bytes.
    ".csv.gz": lambda table: gzip.compress(_csv_bytes(table), mtime=0),
    ".parquet": _binary(pq.write_table),
    ".feather": _binary(pf.write_feather),
}
