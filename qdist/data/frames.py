"""Frames of any make to Arrow and back: same type in, same type out.

Everything behind this file works on a [`pyarrow.Table`][] of canonical types, so that no other
part of qdist needs to know pandas from polars. A frame is taken apart by `to_arrow`, and the
note that `describe` makes of it (its make, dtypes, categories, zones, index: never its rows) is
what `restore` needs to build frames of the same kind.
"""

from collections.abc import Sized
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qdist.arguments import instance, number
from qdist.data.makes.levels import pack_levels
from qdist.errors import InputError

__all__ = [
    "canonical",
    "describe",
    "in_make_of",
    "keep_levels",
    "n_rows",
    "restore",
    "to_arrow",
]

_MAKES: Final = {
    "pandas": "pandas_frames",
    "polars": "polars_frames",
    "pyarrow": "arrow_tables",
    "numpy": "numpy_arrays",
    "columns": "dicts",
}
_EXPECTED = (
    "Expected a pandas or polars DataFrame, a pyarrow Table, a numpy array of two dimensions or "
    "with named fields, or a dict of columns"
)


def make_of(frame: Any) -> str:
    """Names the make of a frame: pandas, polars, pyarrow, numpy or columns (a dict).

    Raises:
        InputError: If the object is none of these.
    """
    if nw.dependencies.is_pandas_dataframe(frame):
        return "pandas"
    if nw.dependencies.is_polars_dataframe(frame):
        return "polars"
    if nw.dependencies.is_pyarrow_table(frame):
        return "pyarrow"
    if isinstance(frame, np.ndarray):
        return "numpy"
    if isinstance(frame, dict):
        return "columns"
    if nw.dependencies.is_polars_lazyframe(frame):
        raise InputError(f"{_EXPECTED}; got a polars LazyFrame. Call its collect() first.")
    raise InputError(f"{_EXPECTED}; got {type(frame).__name__}. Convert it to one of these.")


def _module(make: str) -> ModuleType:
    # Imported on demand: pandas and polars are optional.
    if make not in _MAKES:
        raise InputError(f"Expected a make of frame out of {', '.join(_MAKES)}; got {make!r}.")
    return import_module(f"qdist.data.makes.{_MAKES[make]}")


def canonical(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array of a canonical type.

    Text becomes `large_string`, dictionaries are unified, name each value once and have `int32`
    indices, half floats become floats; NaN among the values is left to the caller.

    Args:
        array: Any Arrow array.

    Returns:
        The same values.

    Raises:
        InputError: If it is no Arrow array.

    Example:
        >>> import pyarrow as pa
        >>> str(canonical(pa.chunked_array([["a"], ["b", None]])).type)
        'large_string'
    """
    if not isinstance(array, pa.Array | pa.ChunkedArray):
        raise InputError(
            f"Expected an Arrow array; got {type(array).__name__}. "
            "Call to_arrow on the whole frame, or pyarrow.array on the values."
        )
    if isinstance(array, pa.ChunkedArray):
        if pa.types.is_dictionary(array.type) and array.num_chunks > 1:
            # Each chunk by itself first: Arrow unifies no dictionary with a missing level.
            array = pa.chunked_array(map(canonical, array.chunks)).unify_dictionaries()
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # older Arrow keeps a chunked empty array
            array = pa.concat_arrays(array.chunks) if array.chunks else pa.nulls(0, array.type)
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return array.cast(pa.large_string())
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_dictionary(kind):
        indices, levels = _each_once(array.indices, canonical(array.dictionary))
        return pa.DictionaryArray.from_arrays(
            indices.cast(pa.int32()), levels, ordered=kind.ordered
        )
    return array


def _each_once(indices: pa.Array, values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Indices and values of a dictionary, each once: Arrow lets them repeat and be missing."""
    if pa.types.is_nested(values.type):  # which is no column of ours, and has no such kernels
        return indices, values
    levels = values.drop_null().unique()
    if pa.types.is_floating(levels.type):
        levels = levels.filter(pc.invert(pc.is_nan(levels)))
    if len(levels) == len(values):
        return indices, values
    return pc.index_in(values, value_set=levels).take(indices), levels


def to_arrow(frame: Any) -> pa.Table:
    """Takes a frame of any make apart into an Arrow table of canonical types.

    Args:
        frame: A pandas or polars DataFrame, a pyarrow Table, a numpy array of two dimensions or
            with named fields, or a dict of columns.

    Returns:
        A table whose column names are the frame's, as text.

    Raises:
        InputError: If the object is no frame, has duplicated column names, or holds a column of
            mixed types.

    Example:
        >>> to_arrow({"a": [1, 2], "b": ["x", None]}).schema.names
        ['a', 'b']
    """
    labels, arrays = _module(make_of(frame)).columns(frame)
    names = [_name(label) for label in labels]
    seen: set[str] = set()
    twice = sorted({name for name in names if name in seen or seen.add(name)})  # type: ignore[func-returns-value]
    if twice:
        raise InputError(
            f"Expected column names that differ; got {', '.join(map(repr, twice))} more than "
            "once. Rename or drop the duplicates."
        )
    return pa.table([canonical(array) for array in arrays], names=names)


def _name(label: Any) -> str:
    if isinstance(label, str):
        try:
            label.encode()
        except UnicodeEncodeError as err:
            raise InputError(
                f"Expected column names that are text of valid Unicode; got {label!r:.80}. Rename "
                "the column."
            ) from err
        return label
    if isinstance(label, int | np.integer) and not isinstance(label, bool):
        return str(label)
    raise InputError(
        f"Expected column names that are text or whole numbers; got {label!r}. Rename the columns."
    )


def describe(frame: Any) -> dict[str, Any]:
    """Notes, as JSON-able data, what is needed to build such a frame again (no rows).

    Args:
        frame: A frame that `to_arrow` accepts.

    Returns:
        The note that `restore` reads.

    Raises:
        InputError: If the object is no frame.
    """
    make = make_of(frame)
    return {"make": make, **_module(make).describe(frame)}


def has_intervals(note: dict[str, Any], i: int) -> bool:
    """Whether the levels of a column are intervals, of which the codec knows the text only.

    Args:
        note: What `describe` said of the frame.
        i: The number of a column.

    Example:
        >>> has_intervals(describe({"a": [1]}), 0)
        False
    """
    return "columns" in note and "ends" in note["columns"][i].get("categories", {})


def keep_levels(note: dict[str, Any], i: int, levels: pa.Array) -> dict[str, Any]:
    """The note of a frame in which a column has these levels and no others.

    Args:
        note: What `describe` said of the frame.
        i: The number of a column of levels.
        levels: Its levels from now on.

    Returns:
        Another note.

    Raises:
        InputError: If the levels are intervals, which can only be kept as they are, or the frame
            has no such column.

    Example:
        >>> table = pa.table({"a": pa.array(["x", "y"]).dictionary_encode()})
        >>> keep_levels(describe(table), 0, pa.array(["x"]))["columns"][0]["levels"]
        {'type': 'text', 'values': ['x']}
    """
    _check_note(note)
    number("i", i, least=0, below=len(note["labels"]), whole=True)
    instance("levels", levels, of=pa.Array, remedy="Call pyarrow.array on them.")
    if "columns" not in note:
        raise InputError(
            f"Expected a frame whose columns have levels of their own; got make {note['make']!r}. "
            "Make it a pandas or polars DataFrame, or a pyarrow Table."
        )
    column = dict(note["columns"][i])
    if has_intervals(note, i):
        raise InputError(
            f"Expected levels that are text or numbers in column {note['labels'][i]!r}; got "
            "intervals, of which none can be left out. Turn them into text, or order them."
        )
    if "categories" in column:
        column["categories"] = {**column["categories"], **pack_levels(levels)}
    elif note["make"] == "polars" and "levels" in column:
        column["levels"] = levels.to_pylist()
    elif "levels" in column:
        column["levels"] = pack_levels(levels)
    columns = [*note["columns"][:i], column, *note["columns"][i + 1 :]]
    return {**note, "columns": columns}


def n_rows(frame: Any) -> int:
    """The number of rows of a frame of any make.

    Raises:
        InputError: If the object is no frame, or its columns differ in length.
    """
    rows = frame
    if make_of(frame) == "columns":
        rows = next(iter(frame.values()), ())
        sizes = {len(column) for column in frame.values() if isinstance(column, Sized)}
        if len(sizes) > 1:
            listed = ", ".join(map(str, sorted(sizes)))
            raise InputError(f"Expected columns of one length; got lengths {listed}.")
    single = isinstance(rows, str) or not isinstance(rows, Sized)
    if single or (isinstance(rows, np.ndarray) and not rows.ndim):
        raise InputError(f"{_EXPECTED}; got a single value. Put single values into lists.")
    return len(rows)


def repeat_rows(frame: Any, times: int) -> Any:
    """Repeats each row of a frame, its copies adjacent and under the same index.

    Args:
        frame: A frame that `to_arrow` accepts.
        times: How often, at least 0.

    Returns:
        A frame of the same make.

    Example:
        >>> repeat_rows({"a": [1, 2]}, 2)
        {'a': [1, 1, 2, 2]}
    """
    return take_rows(frame, np.repeat(np.arange(n_rows(frame)), times))


def _take_cells(column: Any, rows: npt.NDArray[np.intp]) -> Any:
    """Cells of a column of a dict: arrays and Series stay what they are, all else is a list."""
    if isinstance(column, np.ndarray):
        return column[rows]
    if nw.dependencies.is_pandas_series(column) or nw.dependencies.is_polars_series(column):
        return nw.from_native(column, series_only=True)[rows].to_native()
    if isinstance(column, pa.Array | pa.ChunkedArray):  # whose items are no plain values
        return column.take(pa.array(rows)).to_pylist()
    return [column[i] for i in rows.tolist()]


def take_rows(frame: Any, rows: npt.NDArray[np.intp]) -> Any:
    """Some rows of a frame, as often and in the order that they are named, under their index.

    Args:
        frame: A frame that `to_arrow` accepts.
        rows: Their numbers, shape (R,).

    Returns:
        A frame of the same make.

    Example:
        >>> take_rows({"a": [1, 2, 3]}, np.array([2, 0]))
        {'a': [3, 1]}
    """
    if isinstance(frame, dict):
        return {name: _take_cells(column, rows) for name, column in frame.items()}
    if nw.dependencies.is_pandas_dataframe(frame):
        return frame.iloc[rows]
    if isinstance(frame, pa.Table):
        return frame.take(rows)
    return frame[rows]


def in_make_of(table: pa.Table, frame: Any) -> Any:
    """A new table as a frame of the make of another: pandas, polars, pyarrow, else a dict.

    Args:
        table: The columns.
        frame: A frame that `to_arrow` accepts.

    Returns:
        The frame.

    Raises:
        InputError: If one is no table, or the other no frame.

    Example:
        >>> import pyarrow as pa
        >>> in_make_of(pa.table({"a": [1]}), {"b": ["x", "y"]})
        {'a': [1]}
    """
    _check_table(table)
    make = make_of(frame)
    if make == "pandas":
        return table.to_pandas()
    if make == "polars":
        import polars as pl

        return pl.from_arrow(table)
    return table if make == "pyarrow" else table.to_pydict()


def restore(table: pa.Table, note: dict[str, Any], *, like: Any = None) -> Any:
    """Builds a frame of the noted make from a table of canonical types.

    Args:
        table: The columns, in the order and of the canonical types of the noted frame.
        note: What `describe` said of the frame.
        like: A frame of as many rows whose index is wanted (pandas only); `None` for a new index
            of the noted type.

    Returns:
        A frame with the noted column labels, dtypes, categories and zones. Where cells are missing
        and the dtype has no way to say so, a column of pandas gets a nullable dtype and an array
        of numpy is masked; text of numpy is as long as it has to be.

    Raises:
        InputError: If the table has other columns than the note, or one of them is none.

    Example:
        >>> frame = {"a": [1, 2], "b": ["x", None]}
        >>> restore(to_arrow(frame), describe(frame))
        {'a': [1, 2], 'b': ['x', None]}
    """
    _check_table(table)
    _check_note(note)
    if table.num_columns != len(note["labels"]):
        raise InputError(
            f"Expected a table of the {len(note['labels'])} columns of the noted frame; got "
            f"{table.num_columns}. Give all of them, in the order of the frame."
        )
    arrays = [canonical(column) for column in table.columns]
    index = None
    if like is not None and nw.dependencies.is_pandas_dataframe(like):
        index = like.index
    return _module(note["make"]).restore(arrays, note, table.num_rows, index)


def _check_table(table: Any) -> None:
    instance("table", table, of=pa.Table, remedy="Call to_arrow on the frame.")


def _check_note(note: Any) -> None:
    if not isinstance(note, dict) or not {"make", "labels"} <= set(note):
        raise InputError(
            f"Expected the note that `describe` makes of a frame; got {note!r:.80}. "
            "Call describe(frame)."
        )
