"""The codec of a whole table: a frame of any make to a tensor of numbers and codes, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from qdist.arguments import instance, keywords, number, rows_of
from qdist.backbones import Coordinate
from qdist.codecs.coded import CodedColumn
from qdist.codecs.columns import AbstractColumn, ConstantColumn, IdColumn
from qdist.codecs.conform import table_of
from qdist.codecs.curved import CurvedColumn
from qdist.codecs.fitting import Fineness
from qdist.codecs.given import Given, check_nan, read_given
from qdist.codecs.infer import fit_column, levels_of
from qdist.codecs.schema import Column, Schema
from qdist.data.frames import canonical, describe, has_intervals, keep_levels, restore, to_arrow
from qdist.data.makes.arrow_tables import to_dictionary
from qdist.errors import FileFormatError, InputError, UnknownNameError

__all__ = ["TableCodec"]

_CLASSES = {c.name: c for c in (ConstantColumn, IdColumn, CodedColumn, CurvedColumn)}


@final
class TableCodec:
    r"""Rows of a table as points that a network can model, and back.

    A row becomes $y \in \mathbb{R}^D$: a column of numbers gives a level in [0, 1] of its own
    marginal distribution, a column of levels a code, and constants and ids give nothing. Make one
    with [`fit`][qdist.codecs.table.TableCodec.fit].

    Args:
        columns: The codecs of the columns, in order.
        note: What is needed to build a frame like the one fitted.

    Raises:
        InputError: If these are no codecs of columns, or the note is no dict.

    Example:
        >>> frame = {"size": [1.5, 2.5, 2.5, 9.0], "colour": ["red", "blue", "red", None]}
        >>> codec = TableCodec.fit(frame)
        >>> codec.coordinates[1]
        Coordinate(name='colour', levels=3, ordered=False, bins=())
        >>> codec.decode(codec.encode(frame)) == frame
        True
    """

    def __init__(self, columns: tuple[AbstractColumn, ...], note: dict[str, Any]) -> None:
        remedy = "Make a codec of a frame by TableCodec.fit(frame)."
        for column in instance("columns", columns, of=tuple, remedy=remedy):
            instance("each column", column, of=AbstractColumn, remedy=remedy)  # type: ignore[type-abstract]
        self.columns = columns
        self._note = instance("note", note, of=dict, remedy=remedy)
        self._schema = Schema(tuple(column.schema for column in columns))
        made = [(c, k) for c in columns if (k := c.coordinate) is not None]  # bins are checked
        self._modelled = tuple(column for column, _ in made)
        self._coordinates = tuple(coordinate for _, coordinate in made)
        self._index = {column.schema.name: i for i, column in enumerate(self._modelled)}
        self._names = tuple(self._index)
        self._by_name = {column.schema.name: column for column in columns}

    @classmethod
    def fit(
        cls,
        frame: Any,
        *,
        columns: Mapping[str, Column] | None = None,
        n_bins: int = 256,
        n_knots: int = 256,
        atom_share: float = 0.01,
        atom_count: int = 10,
        max_atoms: int = 256,
        max_codes: int = 50,
        few_values: int = 128,
        min_level_count: int = 1,
    ) -> TableCodec:
        """Finds out what the columns are and fits their marginals. Keeps no row.

        Args:
            frame: N >= 1 rows of any make that [`to_arrow`][qdist.data.frames.to_arrow] takes.
            columns: What is known beforehand of some columns, by name.
            n_bins: The number of continuous bins of a numeric column; fewer for few rows.
            n_knots: The number of linear pieces of its marginal curve.
            atom_share: A value that holds at least this share of the rows is kept exactly ...
            atom_count: ... if it holds at least so many rows; among few values that suffices.
            few_values: A column has few values if it has at most so many distinct ones.
            max_atoms: At most so many values of a column are kept so, unless all are.
            max_codes: A numeric column of at most so many distinct values, half of them seen
                twice, is one of codes.
            min_level_count: A level of a nominal column that fewer rows hold is not kept: it
                becomes "(other)", or missing where levels are no text, and so then does any level
                that is met later. Declared categories, ordered levels and numbers are kept.

        Returns:
            The codec.

        Raises:
            InputError: If the frame is empty or a column cannot be modelled.
            UnknownNameError: If `columns` names a column that the frame lacks.
        """
        table = to_arrow(frame)
        if table.num_rows == 0 or table.num_columns == 0:
            raise InputError(
                f"Expected a frame with rows and columns; got {table.num_rows} rows and "
                f"{table.num_columns} columns. Give at least one of each."
            )
        declared = {str(name): each for name, each in keywords("columns", columns).items()}
        unknown = [name for name in declared if name not in table.schema.names]
        if unknown:
            known = ", ".join(map(repr, table.schema.names))
            raise UnknownNameError(f"Expected columns out of {known}; got {unknown[0]!r}.")
        for name, column in declared.items():
            if not isinstance(column, Column):
                raise InputError(
                    f"Expected qdist.Column(...) for column {name!r}; got {column!r}."
                )
        fineness = Fineness(
            n_bins=n_bins,
            n_knots=n_knots,
            atom_share=atom_share,
            atom_count=atom_count,
            max_atoms=max_atoms,
            max_codes=max_codes,
            few_values=few_values,
        )
        least = number("min_level_count", min_level_count, least=1, whole=True)
        note = describe(frame)
        fitted = []
        for i, (name, cells) in enumerate(zip(table.schema.names, table.columns, strict=True)):
            said, array = declared.get(name, Column()), canonical(cells)
            levels = pa.types.is_dictionary(array.type)
            if levels and has_intervals(note, i) and said == Column():
                # Intervals are text to the codec: stating `ordered` keeps them from being taken
                # for ids.
                said = Column(ordered=array.type.ordered)
            column = fit_column(name, array, said, fineness=fineness, min_level_count=least)
            nominal = column.schema.kind == "nominal" and said.categories is None
            if levels and (isinstance(column, IdColumn) or (least > 1 and nominal)):
                note = keep_levels(note, i, levels_of(column))
            fitted.append(column)
        return cls(tuple(fitted), note)

    @property
    def schema(self) -> Schema:
        """What was made out of the columns."""
        return self._schema

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The D coordinates, in the order of the columns that have one."""
        return self._coordinates

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the D modelled columns."""
        return self._names

    @property
    def kinds(self) -> dict[str, pa.DataType]:
        """The Arrow types of all columns by name."""
        return {name: column.kind for name, column in self._by_name.items()}

    def index(self, name: str) -> int:
        """The number of the coordinate of a column.

        Raises:
            UnknownNameError: If no column of that name is modelled.
        """
        found = self._index.get(name) if isinstance(name, str) else None
        if found is None:
            known = ", ".join(map(repr, self.names))
            raise UnknownNameError(f"Expected one of the modelled columns {known}; got {name!r}.")
        return found

    def column(self, name: str) -> AbstractColumn:
        """The codec of one column.

        Raises:
            UnknownNameError: If there is no column of that name.
        """
        if not isinstance(name, str) or name not in self._by_name:
            self.schema[name]  # says which there are
        return self._by_name[name]

    def encode(self, frame: Any) -> Tensor:
        """Rows to points.

        Args:
            frame: N rows with the fitted columns, in any order and of any make; others are left
                out.

        Returns:
            float64 of shape (N, D).

        Raises:
            InputError: If a cell is not one that its column can hold.
            UnknownNameError: If a column is lacking.
        """
        table = table_of(frame, self.kinds)
        lacking = [n for n in self.schema.names if n not in table.schema.names]
        if lacking:
            raise UnknownNameError(
                f"Expected the columns that the codec was fitted with; {lacking[0]!r} is lacking. "
                "Add it, or give the known columns as a condition instead."
            )
        y = np.empty((table.num_rows, len(self._modelled)))
        for i, column in enumerate(self._modelled):
            y[:, i] = column.encode(canonical(table.column(column.schema.name)))
        for column in self.columns:
            if isinstance(column, ConstantColumn):
                column.encode(canonical(table.column(column.schema.name)))  # checks
        return torch.from_numpy(y)

    def encode_given(
        self, given: Any, *, nan: Literal["unknown", "value"] = "unknown"
    ) -> tuple[Tensor, Tensor]:
        """Conditions to points of which some coordinates are known.

        Args:
            given: A dict of single values (one condition; `None` is unknown, and
                [`MISSING`][qdist.codecs.schema.MISSING] says that the value is missing), a frame
                of N rows with some of the columns, or either as `read_given` read it.
            nan: What a missing cell of a frame says: that the value is unknown, or that it is
                known to be missing.

        Returns:
            y of shape (N, D), 0 where unknown, and the mask of known coordinates, shape (N, D).

        Raises:
            UnknownNameError: If a column is not one of the fitted ones.
            InputError: If a level is unknown, a value lies outside the declared bounds (beyond
                the training range is fine), or is missing where no training cell was.
        """
        return self.encode_condition(given, nan=nan)[:2]

    def encode_condition(
        self, given: Any, *, nan: Literal["unknown", "value"] = "unknown"
    ) -> tuple[Tensor, Tensor, dict[str, int]]:
        """What `encode_given` makes of conditions, and what they say of the other columns.

        Args:
            given: A dict of single values or a frame; see `encode_given`.
            nan: What a missing cell of a frame says.

        Returns:
            y of shape (N, D), the mask of known coordinates, and in how many conditions each
            given column without a coordinate has a value, by name.

        Raises:
            UnknownNameError: If a column is not one of the fitted ones.
            InputError: If a value cannot be known; see `encode_given`.
        """
        check_nan(nan)
        read = self._read(given)
        y = np.zeros((read.n_rows, len(self._modelled)))
        visible = np.zeros(y.shape, bool)
        for name, array in read.arrays.items():
            column = self.column(name)
            known = read.present[name] | read.missing[name]
            if nan == "value" and not read.single:
                known = np.ones(read.n_rows, bool)
            codes = column.encode(array.filter(pa.array(known)))
            i = self._index.get(name)
            if i is not None:
                y[known, i] = codes
                visible[:, i] = known
        others = {n: int(mask.sum()) for n, mask in read.present.items() if n not in self._index}
        return torch.from_numpy(y), torch.from_numpy(visible), others

    def _read(self, given: Any) -> Given:
        return given if isinstance(given, Given) else read_given(given, self.kinds)

    def decode(
        self, y: Tensor, *, given: Any = None, visible: Tensor | None = None, like: Any = None
    ) -> Any:
        """Points to rows of the make, the dtypes and the kind of index of the fitted frame.

        Args:
            y: Shape (N, D).
            given: The conditions that y was drawn under, of N rows or one; what they know comes
                back exactly, also where it is beyond what a level in [0, 1] can hold.
            visible: Which coordinates are known, shape (N, D); default all that are given.
            like: The frame that `given` was read from, if it was; its index comes back.

        Returns:
            A frame of N rows.

        Raises:
            InputError: If a shape or a dtype is another one, or y is NaN.
        """
        points = self._points(y)
        if np.isnan(points).any():
            raise InputError("Expected numbers to decode; got NaN. Fill unknown cells first.")
        if visible is not None:
            rows_of("visible", visible, width=len(self._modelled), like=y, mask=True)
        read = None if given is None else self._read(given)
        if read is not None and read.n_rows not in {1, len(points)}:
            raise InputError(
                f"Expected conditions of one row or of {len(points)}; got {read.n_rows} rows."
            )
        nothing = np.zeros(len(points))
        arrays = []
        for column in self.columns:
            name = column.schema.name
            i = self._index.get(name)
            codes = nothing if i is None else np.ascontiguousarray(points[:, i])
            if isinstance(column, IdColumn):
                array = column.decode(codes, taken=read and read.arrays.get(name))
            else:
                array = column.decode(codes)
            if read is not None and name in read.arrays:
                shown = None if i is None or visible is None else visible[:, i].cpu().numpy()
                array = _overwrite(array, read, name, column.kind, shown)
            arrays.append(array)
        table = pa.table(arrays, names=list(self.schema.names))
        same_length = read is not None and not read.single and read.n_rows == len(points)
        like = given if like is None else like
        return restore(table, self._note, like=like if same_length else None)

    def log_jacobian(self, y: Tensor) -> Tensor:
        r"""$\log |du / dx|$ of each cell, so that $\log p(x) = \log p(u) + \log |du/dx|$.

        Args:
            y: Shape (N, D).

        Returns:
            float64 of shape (N, D): 0 at codes, atoms and "missing", which have probabilities.
            Elsewhere the density is against length in the column's own unit (seconds for times,
            days for dates); for a gridded column it is the probability of a grid value divided by
            the step.

        Raises:
            InputError: If y is not of shape (N, D).
        """
        points = self._points(y)
        out = np.empty(points.shape)
        for i, column in enumerate(self._modelled):
            out[:, i] = column.log_jacobian(np.ascontiguousarray(points[:, i]))
        return torch.from_numpy(out)

    def _points(self, y: Tensor) -> NDArray[np.float64]:
        points = rows_of("y", y, width=len(self._modelled)).detach()
        return points.to("cpu", torch.float64).numpy()

    def to_json(self) -> dict[str, Any]:
        """All there is, as JSON-able data; floats survive bit for bit."""
        return {
            "codec": "table",
            "version": 1,
            "columns": [column.to_json() for column in self.columns],
            "frame": self._note,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TableCodec:
        """The codec that `to_json` wrote.

        Raises:
            FileFormatError: If the data are not those of a table codec of version 1.
        """
        wanted = "Expected what `to_json` of a table codec of version 1 gives; got "
        fits = isinstance(data, Mapping) and {"columns", "frame"} <= set(data)
        if not fits or data.get("codec") != "table" or data.get("version") != 1:
            raise FileFormatError(f"{wanted}{data!r:.80}. Write it again.")
        parts = data["columns"]
        try:
            columns = tuple(_CLASSES[part["codec"]].from_json(part) for part in parts)
        except (LookupError, TypeError, ValueError, pa.ArrowException) as error:
            raise FileFormatError(f"{wanted}columns {parts!r:.80}. Write it again.") from error
        return cls(columns, data["frame"])

    def __repr__(self) -> str:
        return f"TableCodec: {len(self._modelled)} coordinates\n{self.schema!r}"


def _overwrite(array: pa.Array, read: Given, name: str, kind: pa.DataType, shown: Any) -> pa.Array:
    """Puts the known cells over the decoded ones."""
    known = read.present[name]
    values = read.arrays[name]
    if len(values) != len(array):
        values = values.take(pa.array(np.zeros(len(array), np.int64)))
        known = np.broadcast_to(known, len(array))
    if shown is not None:
        known = known & shown
    mask = pa.array(np.ascontiguousarray(known))
    if not pa.types.is_dictionary(array.type):
        return pc.if_else(mask, values, array)
    # Levels that the codec does not keep, as they are rare or new, join the others.
    whole = pc.if_else(mask, values, array.cast(kind.value_type))
    return to_dictionary(whole, array.dictionary, array.type)
