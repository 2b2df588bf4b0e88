"""Checks of the codec of a table, before and after it is made from a file's description."""

from contextlib import suppress
from types import NoneType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import torch

from qdist.codecs.coded import CodedColumn
from qdist.codecs.columns import AbstractColumn
from qdist.codecs.conform import value_type
from qdist.codecs.curved import CurvedColumn
from qdist.codecs.marginal import ATOM, LINEAR, LOWER_TAIL, UPPER_TAIL, MarginalCurve
from qdist.codecs.raw import is_numeric, to_raw
from qdist.codecs.schema import KINDS
from qdist.codecs.table import TableCodec
from qdist.data.makes.types import unpack_type
from qdist.errors import FileFormatError
from qdist.files.frames import arrow_type, check_frame, levels
from qdist.files.specs import (
    Checker,
    are_numbers,
    flag,
    items,
    maybe,
    number,
    one_of,
    record,
    refuse,
    text,
    whole,
)  # fmt: skip

__all__ = ["check_table", "read_table"]

_MOST_COLUMNS: Final = 100_000
_MOST_PIECES: Final = 100_000  # of a curve

_SCHEMA: Final = record(
    {
        "name": text(10_000),
        "kind": one_of(*KINDS),
        "dtype": text(300),
        "missing": number(0, 1),
        "levels": maybe(whole(1)),
        "ordered": flag,
        "integer": flag,
        "step": maybe(number(above=0)),
        "lower": maybe(number()),
        "upper": maybe(number()),
        "atoms": whole(0),
        "modelled": flag,
    }
)
_HEAD: Final[dict[str, Checker]] = {"codec": text(), "schema": _SCHEMA, "type": arrow_type}
_AXIS: Final = record(
    {
        "gridded": flag,
        "base": number(),
        "step": number(above=0),
        "decimals": whole(0, 20),
        "whole": flag,
        "single": flag,
        "least": number(),
        "greatest": number(),
    }
)
_HEAPS: Final = record(
    {"stride": whole(2, 2**20), "offset": whole(-(2**40), 2**40), "share": number(1e-9, 1 - 1e-9)}
)


def _pieces(inner: Checker, *kinds: type, **bounds: Any) -> Checker:
    return items(inner, least=1, most=_MOST_PIECES, sure=are_numbers(*kinds, **bounds))


def _pair(inner: Checker) -> Checker:
    return items(inner, least=2, most=2)


_CURVE: Final = record(
    {
        "z": _pieces(_pair(maybe(number())), float, int, NoneType, width=2),
        "u": _pieces(_pair(number(0, 1)), float, int, least=0, most=1, width=2),
        "kind": _pieces(whole(0, 3), int, least=0, most=3),
        "bin": _pieces(whole(0, _MOST_PIECES), int, least=0, most=_MOST_PIECES),
        "scales": items(number(above=0), least=2, most=2),
        "gridded": flag,
        "missing": number(0, 1),
    }
)


def _raw_or_packed(value: Any, where: str) -> None:
    (items(number(), least=1) if isinstance(value, list) else levels)(value, where)


_COLUMNS: Final[dict[str, Checker]] = {
    "constant": record({**_HEAD, "missing": flag, "value": levels}),
    "id": record(_HEAD),
    "coded": record({**_HEAD, "levels": _raw_or_packed, "missing": flag, "rest": maybe(whole(0))}),
    "curved": record({**_HEAD, "axis": _AXIS, "curve": _CURVE, "heaps": maybe(_HEAPS)}),
}


def _column(value: Any, where: str) -> None:
    codec = value.get("codec") if isinstance(value, dict) else None
    one_of(*_COLUMNS)(codec, f"{where}.codec")
    _COLUMNS[str(codec)](value, where)


_TABLE: Final = record(
    {
        "codec": one_of("table"),
        "version": one_of(1),
        "columns": items(_column, least=1, most=_MOST_COLUMNS),
        "frame": check_frame,
    }
)


def check_table(value: Any, where: str) -> None:
    """The description of a table codec: its entries, their types and sizes.

    Raises:
        FileFormatError: If it is none.
    """
    _TABLE(value, where)
    seen: set[str] = set()
    for k, column in enumerate(value["columns"]):
        at, name = f"{where}.columns[{k}]", column["schema"]["name"]
        if name in seen:
            raise refuse("columns of different names", at, name)
        seen.add(name)
        kind = unpack_type(column["type"])
        numeric = is_numeric(kind) and not pa.types.is_dictionary(kind)
        if column["codec"] == "curved":
            if not numeric:
                raise refuse("a type of numbers, dates or times", f"{at}.type", column["type"])
            _check_axis(column["axis"], kind, f"{at}.axis")
            _check_curve(column["curve"], f"{at}.curve")
        if column["codec"] == "coded" and isinstance(column["levels"], list) != is_numeric(
            value_type(kind)
        ):
            raise refuse("levels of the column's type", f"{at}.levels", column["type"])
        lower, upper = column["schema"]["lower"], column["schema"]["upper"]
        if lower is not None and upper is not None and lower > upper:
            raise refuse("a lower bound below the upper one", at, [lower, upper])


def _check_axis(axis: dict[str, Any], kind: pa.DataType, where: str) -> None:
    if axis["whole"] == pa.types.is_floating(kind):
        raise refuse("whole numbers where the type has them", f"{where}.whole", axis["whole"])
    if axis["least"] > axis["greatest"]:
        raise refuse("a least value below the greatest", where, axis["least"])
    if axis["whole"]:
        top = 2**64 if pa.types.is_uint64(kind) else 2**63
        for name in ("base", "step", "least", "greatest"):
            whole(-(2**63), top - 1)(axis[name], f"{where}.{name}")
        if not axis["least"] <= axis["base"] <= axis["greatest"]:
            raise refuse("a base within the range", f"{where}.base", axis["base"])


def _check_curve(curve: dict[str, Any], where: str) -> None:
    """Refuses what is no cdf: pieces in order, each of some mass, infinite only at the ends."""
    n = len(curve["z"])
    for name in ("u", "kind", "bin"):
        if len(curve[name]) != n:
            raise refuse(f"{n} entries", f"{where}.{name}", len(curve[name]))
    kind, bins = np.array(curve["kind"]), np.array(curve["bin"])
    u = np.array(curve["u"], np.float64)
    z = np.array(curve["z"], np.float64)  # None becomes NaN
    inf = np.isnan(z)
    tails = np.zeros((n, 2), bool)
    tails[:, 0], tails[:, 1] = kind == LOWER_TAIL, kind == UPPER_TAIL
    steps = np.diff(bins)
    own = kind == ATOM
    facts = {
        "levels that increase from the mass of missing values to 1": (
            bool((u[:, 0] < u[:, 1]).all() and (u[1:, 0] == u[:-1, 1]).all())
            and u[0, 0] == curve["missing"]
            and u[-1, 1] == 1.0
        ),
        "tails at the ends, and nowhere else": bool(
            (inf == tails).all()
            and not (kind[1:] == LOWER_TAIL).any()
            and not (kind[:-1] == UPPER_TAIL).any()
        ),
        "knots that increase": bool(
            (z[kind == LINEAR, 0] < z[kind == LINEAR, 1]).all()
            and (z[own, 0] == z[own, 1]).all()
            and (z[:-1, 1] <= z[1:, 0]).all()
        ),
        "bins that are numbered without gaps, each atom in its own": bool(
            bins[0] == 0
            and ((steps == 0) | (steps == 1)).all()
            and not (own[1:] & (steps == 0)).any()
            and not (own[:-1] & (steps == 0)).any()
        ),
    }
    for what, holds in facts.items():
        if not holds:
            raise refuse(what, where, "others")


def read_table(data: dict[str, Any]) -> TableCodec:
    """The codec of a table out of a description that has been checked.

    Args:
        data: What `TableCodec.to_json` wrote.

    Returns:
        The codec, which has decoded some rows: what does not hold together is found now.

    Raises:
        FileFormatError: If its parts do not fit each other.
    """
    codec = TableCodec.from_json(data)
    modelled = set(codec.names)
    for column in codec.columns:
        _check_made(column)
        if (column.schema.name in modelled) != column.schema.modelled:
            raise FileFormatError(
                "Expected a schema that says whether the column is modelled; got another at "
                f"column {column.schema.name!r:.60}."
            )
    middle = torch.full((3, len(codec.coordinates)), 0.5, dtype=torch.float64)
    middle[0], middle[2] = 0.0, 1.0
    with suppress(ImportError):  # the frame's library is missing: drawing rows says so
        codec.decode(middle)
    return codec


def _check_made(column: AbstractColumn) -> None:
    where = f"column {column.schema.name!r:.60}"
    if isinstance(column, CurvedColumn):
        if not np.isfinite(column.curve.log_slope(column.curve.u.mean(1))).all():
            raise refuse("a curve with a finite density", where, "another")
        _check_range(column.curve, where)
    if isinstance(column, CodedColumn):
        made = column.levels
        made.validate(full=True)
        fits = made.type == value_type(column.kind) and not made.null_count
        if not fits or len(made) != column.schema.levels or len(made.unique()) != len(made):
            raise refuse("as many levels as the schema says, each once", where, len(made))
        if column.on_line:
            raw, _ = to_raw(made, column.schema.name)
            if not (raw[:-1] < raw[1:]).all():
                raise refuse("levels that increase", where, "others")
        if column.rest is not None and column.rest >= len(made) + column.missing:
            raise refuse("a code for other levels", where, column.rest)


def _check_range(curve: MarginalCurve, where: str) -> None:
    if not np.isfinite(curve.value(curve.u.ravel())[0]).all():
        raise refuse("finite values at the knots", where, "others")
