"""pyarrow Tables."""

from typing import Any

import pyarrow as pa

from qdist.data.makes.levels import pack_levels, unpack_levels
from qdist.data.makes.types import pack_type, unpack_type

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
            chunks = column.unify_dictionaries().chunks
            levels = chunks[0].dictionary if chunks else pa.nulls(0, field.type.value_type)
            note["levels"] = pack_levels(levels)
        notes.append(note)
    return {"labels": list(frame.schema.names), "columns": notes}


def to_dictionary(array: pa.Array, levels: pa.Array, kind: pa.DataType) -> pa.Array:
    """Values as an array of a dictionary type over exactly the given levels."""
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        where = pc.index_in(array.dictionary.cast(levels.type), value_set=levels)
        indices = where.take(array.indices)
    else:
        indices = pc.index_in(array.cast(levels.type), value_set=levels)
    return pa.DictionaryArray.from_arrays(
        indices.cast(kind.index_type), levels, ordered=kind.ordered
    )


def restore(arrays: list[pa.Array], note: dict[str, Any], n_rows: int, index: Any) -> pa.Table:
    """A table of the noted schema."""
    del n_rows, index
    built, fields = [], []
    for name, array, column in zip(note["labels"], arrays, note["columns"], strict=True):
        kind = unpack_type(column["type"])
        if pa.types.is_dictionary(kind):
            levels = unpack_levels(column["levels"]).cast(kind.value_type)
            built.append(to_dictionary(array, levels, kind))
        elif isinstance(kind, pa.BaseExtensionType):
            built.append(pa.ExtensionArray.from_storage(kind, array.cast(kind.storage_type)))
        else:
            built.append(array.cast(kind))
        fields.append(pa.field(name, kind))
    return pa.table(built, schema=pa.schema(fields))
