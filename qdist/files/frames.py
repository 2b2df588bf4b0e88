"""Checks of the note that says what kind of frame a model was fitted on."""

import re
from typing import Any, Final

from qdist.data.makes.types import unpack_type
from qdist.files.specs import (
    Checker,
    flag,
    items,
    maybe,
    number,
    one_of,
    plain,
    record,
    refuse,
    text,
    whole,
)  # fmt: skip

__all__ = ["arrow_type", "check_frame", "label", "levels"]

_LABELS: Final = 100_000
_UNITS: Final = ("s", "ms", "us", "ns")


def matching(pattern: str, what: str) -> Checker:
    """Text that matches a pattern."""
    compiled = re.compile(pattern)

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise refuse(what, where, value)

    return check


def arrow_type(value: Any, where: str) -> None:
    """An Arrow type as text."""
    text(300)(value, where)
    unpack_type(value)


def label(value: Any, where: str) -> None:
    """A column's label: text or a whole number."""
    (whole() if isinstance(value, int) else text())(value, where)


def _level(value: Any, where: str) -> None:
    if isinstance(value, bool):
        return
    (text() if isinstance(value, str) else number())(value, where)


_PACKED: Final = {"type": text(300), "values": items(_level)}
levels: Final = record(_PACKED)

_ZONE = r"[A-Za-z0-9_+\-/:.()]{1,64}"
_PANDAS_DTYPE: Final = matching(
    r"object|bool|boolean|[uU]?[iI]nt(8|16|32|64)|[fF]loat(16|32|64)|str|string"
    r"|[<>][iuf][248]"
    rf"|(datetime64|timedelta64)\[(s|ms|us|ns)(, {_ZONE})?\]"
    r"|Sparse\[[a-z0-9]+(\[(s|ms|us|ns)\])?(, [A-Za-z0-9.]+)?\]",
    "a dtype of pandas",
)
_NUMPY_DTYPE: Final = matching(
    r"[<>|=]?([biufO][0-9]{0,2}|[US][0-9]{1,5}|[mM]8(\[[0-9]{0,6}[a-zA-Z]{1,2}\])?)",
    "a dtype of numpy",
)


def _end(value: Any, where: str) -> None:
    (one_of("-inf", "inf") if isinstance(value, str) else number())(value, where)


def _list_or_dtype(value: Any, where: str) -> None:
    if value != "list":
        _NUMPY_DTYPE(value, where)


def _pandas_column(value: Any, where: str, *, depth: int = 2) -> None:
    keys = set(value) if isinstance(value, dict) else set()
    if "categories" in keys:
        if depth == 0:
            raise refuse("less depth", where, value)

        def categories(value: Any, where: str) -> None:
            if isinstance(value, dict) and "ends" in value:
                closed = one_of("left", "right", "both", "neither")
                ends = items(items(_end), least=2, most=2)
                record({"closed": closed, "ends": ends})(value, where)
                return
            inner: Checker = lambda v, w: _pandas_column(v, w, depth=depth - 1)  # noqa: E731
            record({"dtype": inner, **_PACKED})(value, where)

        record({"categories": categories, "ordered": flag})(value, where)
    elif "arrow" in keys:
        record({"arrow": arrow_type})(value, where)
    elif "string" in keys:
        stored = one_of("python", "pyarrow", "pyarrow_numpy")
        record({"string": stored, "nan": flag})(value, where)
    else:
        gaps = one_of("None", "NA", "NaT", "nan")
        fields = {"dtype": _PANDAS_DTYPE, "missing": gaps, "fill": _level}
        if "fill" in keys and not str(value.get("dtype")).startswith("Sparse["):
            raise refuse("a fill value of a sparse dtype alone", where, value)
        record(fields, may=["missing", "fill"])(value, where)


def _pandas_index(value: Any, where: str, *, depth: int = 1) -> None:
    kind = value.get("kind") if isinstance(value, dict) else None
    fields: dict[str, Checker] = {
        "kind": one_of("multi", "range", "datetime", "timedelta", "number", "text"),
        "names": items(maybe(label), least=1, most=100),
    }
    if kind == "multi" and depth:
        inner: Checker = lambda v, w: _pandas_index(v, w, depth=depth - 1)  # noqa: E731
        fields["levels"] = items(inner, least=1, most=100)
    elif kind in {"datetime", "timedelta", "number"}:
        fields["dtype"] = _PANDAS_DTYPE
    elif kind == "text":
        fields["object"] = flag
    elif kind != "range":
        raise refuse("a kind of index", where, kind)
    record(fields)(value, where)


_POLARS: Final = (
    "Boolean", "Int8", "Int16", "Int32", "Int64", "Int128", "UInt8", "UInt16", "UInt32", "UInt64",
    "Float16", "Float32", "Float64", "Decimal", "String", "Categorical", "Enum", "Date",
    "Datetime", "Duration", "Time", "Null",
)  # fmt: skip
_POLARS_COLUMN: Final[dict[str, Checker]] = {
    # Not any name: it is looked up in the module.
    "type": one_of(*_POLARS),
    "precision": maybe(whole(1, 38)),
    "scale": whole(0, 38),
    "unit": one_of(*_UNITS),
    "zone": maybe(matching(_ZONE, "a time zone")),
    "levels": items(text()),
    "missing": one_of("nan"),
}
_MAKES: Final[dict[str, dict[str, Checker]]] = {
    "pandas": {
        "label_name": maybe(text()),
        "columns": items(_pandas_column, most=_LABELS),
        "index": _pandas_index,
    },
    "polars": {
        "columns": items(record(_POLARS_COLUMN, may=[*_POLARS_COLUMN][1:]), most=_LABELS),
    },
    "pyarrow": {
        "columns": items(record({"type": arrow_type, "levels": levels}, may=["levels"])),
    },
    "numpy": {
        "fields": flag,
        "types": items(_NUMPY_DTYPE, least=1, most=_LABELS),
        "masked": flag,
    },
    "columns": {
        "types": items(_list_or_dtype, most=_LABELS),
        "masked": items(flag, most=_LABELS),
    },
}


def check_frame(value: Any, where: str) -> None:
    """The note of a frame; see [`describe`][qdist.data.frames.describe].

    Raises:
        FileFormatError: If it is none.
    """
    plain(8)(value, where)
    make = value.get("make") if isinstance(value, dict) else None
    one_of(*_MAKES)(make, f"{where}.make")
    shared: dict[str, Checker] = {"make": text(), "labels": items(label, most=_LABELS)}
    record({**shared, **_MAKES[str(make)]}, may=["masked"])(value, where)
