"""What a table's columns are: what the user may say of them, and what was made out of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, Final, final

from qdist.arguments import instance
from qdist.codecs.conform import present
from qdist.data.makes.vectors import from_values, python_days
from qdist.errors import FileFormatError, InputError, UnknownNameError

__all__ = ["KINDS", "MISSING", "OTHER", "Column", "ColumnSchema", "Schema"]

KINDS: Final = (
    "number",
    "ordered",
    "nominal",
    "boolean",
    "datetime",
    "timedelta",
    "date",
    "time",
    "id",
)


OTHER: Final = "(other)"
"""Stands for all rare levels of a column; see `min_level_count`."""


@final
class _Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()
"""Stands for "this value is missing" in a condition given as a dict."""


@final
@dataclass(frozen=True)
class Column:
    """What is known of a column beforehand; `None` leaves it to the data.

    Args:
        kind: One of `"number"`, `"ordered"`, `"nominal"`, `"boolean"`, `"datetime"`,
            `"timedelta"`, `"date"`, `"time"` and `"id"`.
        lower: No value is, or will be drawn, below. A number, or a date or ISO text where the
            column holds dates or times (numpy's are in UTC, others without a zone in the
            column's own).
        upper: No value is, or will be drawn, above.
        integer: Whether a number is whole. `False` also switches the detection of a rounding
            grid off.
        categories: The levels, in order where the column is ordered. Levels that the data lack
            can be given and drawn. What is missing is no level: it is modelled in any case.
            They are of the column's own type, as what is drawn is; a column that has none, such
            as one of `None` alone, is of theirs.
        ordered: Whether the levels have an order.

    Raises:
        InputError: If the kind is none of these, a category is missing or no value of a
            column, or the parts contradict each other.

    Example:
        >>> Column(kind="number", lower=0).lower
        0
        >>> Column(kind="real")
        Traceback (most recent call last):
        ...
        qdist.errors.InputError: Expected a kind out of number, ordered, nominal, boolean, ...
    """

    kind: str | None = None
    lower: Any = None
    upper: Any = None
    integer: bool | None = None
    categories: Sequence[Any] | None = None
    ordered: bool | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise InputError(f"Expected a kind out of {', '.join(KINDS)}; got {self.kind!r}.")
        # Those of numpy are Real, though most are neither an int nor a float.
        plain = all(isinstance(end, Real) for end in (self.lower, self.upper))
        if plain and not self.lower <= self.upper:
            raise InputError(
                f"Expected lower <= upper; got {self.lower!r} and {self.upper!r}. Swap them."
            )
        if self.categories is not None:
            try:
                levels = list(self.categories)
                distinct = set(levels)
                cells = (from_values(python_days([v]), "categories") for v in levels)
                gone = [v for v, cell in zip(levels, cells, strict=True) if not present(cell)[0]]
            except (TypeError, InputError) as error:  # no sequence, or one of lists
                raise InputError(
                    "Expected a list of categories that are text, numbers, dates, true or false; "
                    f"got {self.categories!r:.80}. Name each level by one value."
                ) from error
            if len(distinct) != len(levels) or not levels:
                raise InputError(
                    f"Expected at least one category, each once; got {levels[:10]!r}."
                )
            if gone:
                raise InputError(
                    f"Expected categories that are values; got {gone[0]!r}, which is a missing "
                    "one. Leave it out: missing cells are modelled in any case."
                )
            object.__setattr__(self, "categories", tuple(levels))
        if self.ordered is not None and self.kind == ("nominal" if self.ordered else "ordered"):
            raise InputError(
                f"Expected a kind that goes with ordered={self.ordered}; got {self.kind!r}. "
                "Give one of the two and leave the other out."
            )
        coded = self.categories is not None or self.ordered is not None
        if coded and self.kind not in {None, "ordered", "nominal"}:
            raise InputError(
                "Expected categories and ordered only for kind 'ordered' or 'nominal'; "
                f"got kind {self.kind!r}. Leave the kind out."
            )
        bounded = self.lower is not None or self.upper is not None
        if bounded and (coded or self.kind in {"ordered", "nominal", "boolean", "id"}):
            raise InputError(
                "Expected bounds only for numbers, dates and times; got bounds for a column of "
                "codes. Leave lower and upper out."
            )


@final
@dataclass(frozen=True)
class ColumnSchema:
    """What was made out of a column.

    Args:
        name: The column's name.
        kind: One of the kinds of [`Column`][qdist.codecs.schema.Column].
        dtype: The Arrow type of its values, as text.
        missing: The share of missing cells in the training data.
        levels: The number of levels of a coded column, missing left out; else `None`.
        ordered: Whether the levels have an order.
        integer: Whether the values are whole numbers.
        step: The rounding grid of a number: a step in the column's own unit; `None` without one.
        lower: The declared lower bound.
        upper: The declared upper bound.
        atoms: The number of point masses that are kept exactly.
        modelled: Whether the model sees the column (constants and ids it does not).

    Raises:
        InputError: If the name is no text, or the kind is none of these.
    """

    name: str
    kind: str
    dtype: str
    missing: float = 0.0
    levels: int | None = None
    ordered: bool = False
    integer: bool = False
    step: float | None = None
    lower: float | None = None
    upper: float | None = None
    atoms: int = 0
    modelled: bool = True

    def __post_init__(self) -> None:
        instance("the name of a column", self.name, of=str, remedy="Name it by text.")
        if self.kind not in KINDS:
            raise InputError(
                f"Expected a kind out of {', '.join(KINDS)}; got {self.kind!r}. Choose one."
            )

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-able data."""
        return asdict(self)

    def _words(self) -> str:
        parts = [self.kind]
        if self.levels is not None:
            parts.append(f"{self.levels} levels" + (", in order" if self.ordered else ""))
        elif self.modelled:
            parts.append("whole" if self.integer else "real")
            if self.step is not None and (not self.integer or self.step != 1):
                parts.append(f"step {self.step:g}")
            if self.atoms:
                parts.append(f"{self.atoms} atoms")
        elif self.kind != "id":
            parts.append("constant")
        if self.lower is not None or self.upper is not None:
            parts.append(f"in [{self.lower}, {self.upper}]")
        if self.missing:
            parts.append(f"{100 * self.missing:.3g} % missing")
        return ", ".join(parts)


@final
@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order.

    Raises:
        InputError: If they are no schemas of columns.

    Example:
        >>> schema = Schema((ColumnSchema("age", "number", "int64", integer=True, step=1.0),))
        >>> schema
        Schema
          age  number, whole
        >>> schema["age"].integer
        True
    """

    columns: tuple[ColumnSchema, ...]

    def __post_init__(self) -> None:
        columns = self.columns if isinstance(self.columns, Sequence) else (self.columns,)
        for column in columns:
            remedy = "Give a tuple of them, as the `schema` of a model is made."
            instance("each column of a schema", column, of=ColumnSchema, remedy=remedy)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(column.name for column in self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __iter__(self) -> Iterator[ColumnSchema]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> ColumnSchema:
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(map(repr, self.names))
        raise UnknownNameError(f"Expected one of the columns {known}; got {name!r}.")

    def to_json(self) -> list[dict[str, Any]]:
        """The columns as JSON-able data."""
        return [column.to_json() for column in self.columns]

    @classmethod
    def from_json(cls, data: list[dict[str, Any]]) -> Schema:
        """The schema that `to_json` wrote.

        Raises:
            FileFormatError: If it wrote something else.
        """
        try:
            return cls(tuple(ColumnSchema(**column) for column in data))
        except (TypeError, InputError) as error:
            raise FileFormatError(
                f"Expected the list that `to_json` of a schema gives; got {data!r:.80}: {error}. "
                "Write it again."
            ) from error

    def __repr__(self) -> str:
        width = max((len(column.name) for column in self.columns), default=0)
        lines = [f"  {c.name:<{width}}  {c._words()}" for c in self.columns]
        return "\n".join(["Schema", *lines])
