"""Tables in files and streams: CSV (gzipped or not), Parquet and Feather, told by the ending."""

import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq

from qdist.data.atomic import replacing
from qdist.data.csv_text import csv_bytes, read_csv
from qdist.data.frames import to_arrow
from qdist.errors import FileAccessError, FileFormatError, InputError

__all__ = ["check_table_place", "read_table", "to_standard_output", "write_table"]

Types = Mapping[str, pa.DataType]
_ENDINGS: Final = (".csv", ".csv.gz", ".parquet", ".feather")
_NAMELESS: Final = re.compile(r"__index_level_\d+__")  # what pandas calls an index in a file


def read_table(
    source: str | os.PathLike[str] | IO[bytes],
    *,
    types: Types | None = None,
) -> pa.Table:
    r"""Reads a table.

    Args:
        source: A path ending in `.csv`, `.csv.gz`, `.parquet` or `.feather`; `"-"` for standard
            input; or a stream of bytes. The format of a stream is told by its first bytes: CSV,
            gzipped CSV, Parquet or Feather.
        types: Arrow types of columns of CSV, where they are known: in a column of text "010" is
            not 10, and whole numbers of 64 bits, decimals, times and durations (in seconds) are
            read to the last digit. A column that holds other cells is typed by them.

    Returns:
        The table. In CSV an empty cell, `NA`, `NaN` and `null` are missing, and numbers,
        booleans, dates and times in ISO form are recognised. An index that pandas wrote is left
        out unless it has a name; in CSV, which does not say what is one, it is a first column
        without a name that counts the rows: 0, 1, 2, ... (or, where `types` are those of a model
        that has no such column, some of them).

    Raises:
        InputError: If the ending is none of these.
        FileAccessError: If the file cannot be read.
        FileFormatError: If the file is damaged, or not what its ending says; or if it is CSV that
            is not in UTF-8, or has semicolons or tabs in place of commas.

    Example:
        >>> import io
        >>> read_table(io.BytesIO(b"a,b\n1,x\n2,\n")).to_pydict()
        {'a': [1, 2], 'b': ['x', None]}
    """
    types = {} if types is None else types
    if not isinstance(source, str | os.PathLike):
        if not callable(getattr(source, "read", None)):
            raise InputError(f"Expected a path or a stream of bytes; got {source!r:.80}.")
        return _parse(source.read(), None, "the stream", types)
    if source == "-":
        return _parse(sys.stdin.buffer.read(), None, "standard input", types)
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
    return _parse(content, ending, repr(str(path)), types)


def _ending_of(path: Path) -> str | None:
    return next((end for end in _ENDINGS if path.name.lower().endswith(end)), None)


def _ending(path: Path) -> str:
    if (ending := _ending_of(path)) is not None:
        return ending
    raise InputError(
        f"Expected a file ending in {', '.join(_ENDINGS)}; got {str(path)!r}. "
        "Convert the file, or read it with pandas or polars and give the frame; of pictures give "
        "their folder."
    )


def _reason(err: OSError) -> str:
    return (err.strerror or type(err).__name__).lower()


def _parse(content: bytes, ending: str | None, what: str, types: Types) -> pa.Table:
    if ending is None:
        ending = next((e for magic, e in _MAGIC.items() if content.startswith(magic)), ".csv")
    try:
        return _READERS[ending](content, types, what)
    except (pa.ArrowException, EOFError, OSError, zlib.error, UnicodeDecodeError) as err:
        first = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise FileFormatError(
            f"Expected {ending[1:]} in {what}; got bytes that do not read as such ({first}). "
            "Check that the file is whole and that its ending is right."
        ) from err


_MAGIC: Final = {b"PAR1": ".parquet", b"ARROW1": ".feather", b"\x1f\x8b": ".csv.gz"}
_READERS: Final[dict[str, Callable[[bytes, Types, str], pa.Table]]] = {
    ".csv": lambda content, types, what: _csv(content, types, what),
    ".csv.gz": lambda content, types, what: _csv(gzip.decompress(content), types, what),
    ".parquet": lambda content, *_: _without_index(pq.read_table(pa.BufferReader(content))),
    ".feather": lambda content, *_: _without_index(pf.read_table(pa.BufferReader(content))),
}


def _csv(content: bytes, types: Types, what: str) -> pa.Table:
    """Reads CSV, but for the index that `DataFrame.to_csv` writes of plain rows.

    Where types are known, of columns that a model has, it may be that of some of the rows.
    """
    table = read_csv(content, types, what=what)
    if table.num_columns < 2 or table.schema.names[0] != "" or "" in types:
        return table
    index = table.column(0).combine_chunks()
    plain = index.equals(pa.array(range(table.num_rows), pa.int64()))
    some = bool(types) and pa.types.is_int64(index.type) and index.null_count == 0
    return table.remove_column(0) if plain or some else table


def _without_index(table: pa.Table) -> pa.Table:
    """Leaves out columns in which pandas kept an unnamed index: none of them was a column."""
    try:
        note = table.schema.pandas_metadata
    except (ValueError, RecursionError):  # no JSON: of another writer
        return table
    index = note.get("index_columns") if isinstance(note, dict) else None
    if not isinstance(index, list):
        return table
    return table.drop_columns(
        [name for name in table.schema.names if name in index and _NAMELESS.fullmatch(name)]
    )


def check_table_place(target: str | os.PathLike[str]) -> None:
    """Checks what can be known of a place for a table before there is one.

    Args:
        target: The path, or `"-"`, as of `write_table`.

    Raises:
        InputError: If the ending is none of those that `write_table` knows.
        FileAccessError: If a folder has the path.

    Example:
        >>> check_table_place("rows.csv")
    """
    if target == "-":
        return
    path = Path(target)
    if path.is_dir():
        raise FileAccessError(
            f"Expected a place to write; got {str(path)!r}, which is a directory. Name a file "
            f"ending in {', '.join(_ENDINGS)}."
        )
    if _ending_of(path) is None:
        raise InputError(
            f"Expected a place to write, ending in {', '.join(_ENDINGS)}; got {str(path)!r}. "
            "Choose one of these endings."
        )


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
        target.write(csv_bytes(table))
        return
    if target == "-":
        content = csv_bytes(table)
        with to_standard_output():
            if not hasattr(sys.stdout, "buffer"):  # a stream of text that stands in for it
                sys.stdout.write(content.decode())
                return
            rest = memoryview(content)
            while rest:  # with PYTHONUNBUFFERED a write may take a part, and say so only here
                rest = rest[sys.stdout.buffer.write(rest) or 0 :]
            sys.stdout.buffer.flush()
        return
    path = Path(target)
    check_table_place(path)
    content = _WRITERS[_ending(path)](table)
    try:
        with replacing(path) as file:
            file.write(content)
    except FileAccessError:
        raise
    except OSError as err:
        raise FileAccessError(
            f"Expected a place to write; got {str(path)!r}: {_reason(err)}. "
            "Check the folder and its permissions."
        ) from err


@contextmanager
def to_standard_output() -> Iterator[None]:
    """Says what is wrong with standard output where a block cannot write to it.

    Raises:
        FileAccessError: If it is full, or the like.
        BrokenPipeError: If the reader has closed the pipe, which is no error of ours.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as err:
        raise FileAccessError(
            f"Expected a place to write; got standard output: {_reason(err)}. Make room, or name "
            "a file elsewhere."
        ) from err


def _binary(write: Callable[[pa.Table, Any], None]) -> Callable[[pa.Table], bytes]:
    def to_bytes(table: pa.Table) -> bytes:
        sink = io.BytesIO()
        write(table, sink)
        return sink.getvalue()

    return to_bytes


_WRITERS: Final[dict[str, Callable[[pa.Table], bytes]]] = {
    ".csv": csv_bytes,
    # No time stamp: the same rows make the same bytes.
    ".csv.gz": lambda table: gzip.compress(csv_bytes(table), mtime=0),
    ".parquet": _binary(pq.write_table),
    ".feather": _binary(pf.write_feather),
}
