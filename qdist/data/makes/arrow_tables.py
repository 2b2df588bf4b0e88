"""pyarrow Tables."""

from typing import Any

import pyarrow as pa

from qdist.data.frames import canonical
from qdist.data.makes.levels import pack_levels, unpack_levels
from qdist.data.makes.types import pack_type, unpack_type
from qdist.data.makes.vectors import to_half

__all__ = ["columns", "describe", "restore"]


def columns(frame: pa.Table) -> tuple[list[str], list[pa.ChunkedArray]]:
    """Labels and arrays."""
    return list(frame.schema.names), list(frame.columns)


def describe(frame: pa.Table) -> dict[str, Any]:
    """The schema, and the dictionaries of dictionary columns."""
    notes: list[dict[str, Any]] = []
    for field, column in zip(frame.schema, frame.columns, strict=True):
        note: dict[str, Any] = {"type": pack_type(field.type)}
        if pa.types.is_dictionary(field.type):
            note["levels"] = pack_levels(canonical(column).dictionary)
        notes.append(note)
    return {"labels": list(frame.schema.names), "columns": notes}


def to_dictionary(array: pa.Array, levels: pa.Array, kind: pa.DataType) -> pa.DictionaryArray:
    """Values as an array of a dictionary type: the given levels, then the others that they hold.

    Args:
        array: N values, a dictionary or not.
        levels: The levels that come first, each once.
        kind: The dictionary type; its indices are widened where there are too many levels.

    Returns:
        The same N values.

    Example:
        >>> kind = pa.dictionary(pa.int8(), pa.string())
        >>> to_dictionary(pa.array(["c", "a"]), pa.array(["a", "b"]), kind).dictionary.to_pylist()
        ['a', 'b', 'c']
    """
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    if pa.types.is_null(levels.type):
        levels = levels.cast(array.type.value_type)
    held = array.dictionary.cast(levels.type)
    where = pc.index_in(held, value_set=levels)
    if where.null_count:
        # A level that no value has stays out.
        used = held.take(array.indices.drop_null().unique())
        more = used.filter(pc.invert(pc.is_in(used, value_set=levels)))
        levels = pa.concat_arrays([levels, more.unique()])
        where = pc.index_in(held, value_set=levels)
    index = kind.index_type
    if len(levels) > 2 ** (index.bit_width - pa.types.is_signed_integer(index)):
        index = pa.int32()
    return pa.DictionaryArray.from_arrays(
        where.take(array.indices).cast(index), levels, ordered=kind.ordered
    )


def restore(arrays: list[pa.Array], note: dict[str, Any], n_rows: int, index: Any) -> pa.Table:
    """A table of the noted schema; levels that it lacks come after its own."""
    del n_rows, index
    built, fields = [], []
    for name, array, column in zip(note["labels"], arrays, note["columns"], strict=True):
        kind = unpack_type(column["type"])
        if pa.types.is_dictionary(kind):
            levels = unpack_levels(column["levels"]).cast(kind.value_type)
            built.append(to_dictionary(array, levels, kind))
            kind = built[-1].type
        elif pa.types.is_null(kind):  # values that were given for it keep their own type
            built.append(array)
            kind = array.type
        elif isinstance(kind, pa.BaseExtensionType):
            built.append(pa.ExtensionArray.from_storage(kind, array.cast(kind.storage_type)))
        else:
            built.append(to_half(array) if pa.types.is_float16(kind) else array.cast(kind))
        fields.append(pa.field(name, kind))
    return pa.table(built, schema=pa.schema(fields))
