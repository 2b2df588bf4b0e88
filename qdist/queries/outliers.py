"""Which cells of a row are odd, given all its others."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from qdist.arguments import number
from qdist.codecs.coded import CodedColumn
from qdist.codecs.columns import AbstractColumn, ConstantColumn
from qdist.codecs.curved import CurvedColumn
from qdist.codecs.table import TableCodec
from qdist.data.frames import canonical, in_make_of, make_of
from qdist.errors import UnsupportedError
from qdist.laws import TableLaw
from qdist.quantile import QuantileFunction
from qdist.queries.condition import Nan
from qdist.queries.density import encode_rows
from qdist.queries.scales import code_law, missing_mass
from qdist.queries.values import law_on_axis, place_of_cells

__all__ = ["explain_outliers"]

_ROWS = 4096
_TAILS = ("lower", "upper", "rare", "missing", "present")
_RARE = 2


def explain_outliers(
    codec: TableCodec, law: TableLaw, X: Any, *, threshold: float = 0.01, nan: Nan = "value"
) -> Any:
    r"""The cells that lie in a tail of their law given all other cells of the row.

    A number's probability is twice that of the smaller side, $2 \min(P(X \le x), P(X \ge x))$, at
    most 1, given presence; so is that of a level with an order. Another level's is the sum of the
    probabilities of all levels that are no more probable. Where it is less probable that the cell
    is missing, or that it is present, this is reported instead. One cell in a hundred is below
    0.01 by chance: look at the smallest first. A cell that differs from the only value of its
    column has probability 0, and so has a level that the column did not have in training; the
    other cells of its row are judged as if it were unknown.

    Args:
        codec: The model's codec.
        law: Its law, trained for any order.
        X: A frame with the fitted columns.
        threshold: Cells of at most this probability are reported.
        nan: What a missing cell is: a "value", which may be odd itself, or "unknown", neither
            judged nor used.

    Returns:
        A frame of the make of X, the most improbable cell first: "row" (its number, from 0),
        "column", "value" (as text), "tail" ("lower", "upper", "rare", "missing" or "present"),
        "probability", and "expected": the median given the other cells, or the likeliest level.
        Its index is, for pandas, that of the rows of X: `X.loc[found.index]` are the odd ones.

    Raises:
        UnknownNameError: If a column is lacking; with nan="unknown", which makes it unknown,
            if one is not known.
        InputError: If a cell is not one that its column can hold.
        UnsupportedError: If the model was trained for one order: then it cannot give a column all
            the others.

    Example:
        >>> import qdist
        >>> from qdist.data.datasets import load_penguins
        >>> birds = load_penguins()
        >>> model = qdist.TabularModel(max_steps=20, random_state=0).fit(birds)
        >>> list(model.explain_outliers(birds, threshold=0.02).columns)
        ['row', 'column', 'value', 'tail', 'probability', 'expected']
    """
    threshold = number("threshold", threshold, above=0)
    if law.order is not None:
        raise UnsupportedError(
            "Expected a model that gives a column all the others; got one that was trained for a "
            "single order. Fit with order='any'."
        )
    y, known, table, unseen = encode_rows(codec, law, X, nan)
    told = known.clone()  # what other cells of the row may be judged by
    for name in set(unseen) & set(codec.names):
        told[:, codec.index(name)] &= torch.from_numpy(~unseen[name][0])
    found: dict[str, list[Any]] = {name: [] for name in ("row", "column", "tail", "probability")}
    shown: list[str | None] = []
    expected: list[str | None] = []
    for i, name in enumerate(codec.names):
        if name not in table.schema.names:  # all of it is unknown
            continue
        column = codec.column(name)
        cells = canonical(table.column(name))
        strange, as_given = unseen.get(name, (np.zeros(len(cells), bool), cells))
        for rows in known[:, i].nonzero().squeeze(1).split(_ROWS):
            if not len(rows):  # what is split into one part without rows
                continue
            visible = told[rows].clone()
            visible[:, i] = False
            base = law.conditional(i, y[rows], visible)
            mine = cells.take(pa.array(rows.numpy()))
            probability, tail, middle = _judge(column, base, y[rows, i], mine)
            new = torch.from_numpy(strange)[rows]
            probability, tail = probability.where(~new, 0.0), tail.where(~new, _RARE)
            odd = (probability <= threshold).nonzero().squeeze(1)
            found["row"] += rows[odd].tolist()
            found["column"] += [name] * len(odd)
            found["tail"] += [_TAILS[k] for k in tail[odd].tolist()]
            found["probability"] += probability[odd].tolist()
            shown += _text(as_given.take(pa.array(rows[odd].numpy())))
            expected += _text(column.decode(middle[odd].numpy()))
    for constant in codec.columns:
        name = constant.schema.name
        if isinstance(constant, ConstantColumn) and name in table.schema.names:
            cells = canonical(table.column(name))
            odd_rows, tails = _differing(constant, cells)
            if name in unseen:  # levels have no sides
                odd_rows, cells = np.flatnonzero(unseen[name][0]), unseen[name][1]
                tails = [_TAILS[_RARE]] * len(odd_rows)
            found["row"] += odd_rows.tolist()
            found["column"] += [name] * len(odd_rows)
            found["tail"] += tails
            found["probability"] += [0.0] * len(odd_rows)
            shown += _text(cells.take(pa.array(odd_rows)))
            expected += _text(constant.decode(np.zeros(len(odd_rows))))
    order = np.argsort(found["probability"], kind="stable")
    columns = {
        "row": pa.array(found["row"], pa.int64()),
        "column": pa.array(found["column"], pa.large_string()),
        "value": pa.array(shown, pa.large_string()),
        "tail": pa.array(found["tail"], pa.large_string()),
        "probability": pa.array(found["probability"], pa.float64()),
        "expected": pa.array(expected, pa.large_string()),
    }
    listed = in_make_of(pa.table(columns).take(pa.array(order.astype(np.int64))), X)
    if make_of(X) == "pandas":
        index = X.index.take(listed["row"].to_numpy())
        # A name that a column has too would be ambiguous.
        taken = [None if name in columns else name for name in index.names]
        return listed.set_axis(index.set_names(taken))
    return listed


def _differing(column: ConstantColumn, cells: pa.Array) -> tuple[npt.NDArray[Any], list[str]]:
    """The rows of the cells that are not the column's one value, and on which side they lie."""
    away = column.sides(cells)
    rows = np.flatnonzero(away)
    return rows, ["present" if np.isinf(d) else _TAILS[int(d > 0)] for d in away[rows]]


def _judge(
    column: AbstractColumn, base: QuantileFunction, y: Tensor, cells: pa.Array
) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities, tails and encoded expectations, each of shape (N,)."""
    gone = missing_mass(column, base)
    is_gone = torch.zeros(len(y), dtype=torch.bool)
    if column.missing_value is not None:
        is_gone = (
            y < column.curve.missing
            if isinstance(column, CurvedColumn)
            else (y == column.missing_value)
        )
    presence = torch.where(is_gone, gone, 1 - gone)
    if isinstance(column, CodedColumn | CurvedColumn):
        probability, tail, middle = _value(column, base, y, cells)
    else:  # of an id only presence is known
        probability, tail = torch.ones_like(presence), torch.zeros(len(y), dtype=torch.long)
        middle = torch.zeros_like(presence)
    instead = is_gone | (presence < probability)
    probability = torch.where(instead, presence, probability)
    tail = torch.where(instead, torch.where(is_gone, 3, 4), tail)
    if column.missing_value is not None:  # a present cell where a missing one was expected
        middle = torch.where(tail == 4, column.missing_value, middle)
    return probability, tail, middle


def _value(
    column: CodedColumn | CurvedColumn, base: QuantileFunction, y: Tensor, cells: pa.Array
) -> tuple[Tensor, Tensor, Tensor]:
    if isinstance(column, CodedColumn) and not column.on_line and column.schema.kind != "ordered":
        mass = code_law(column, base).probs
        own = mass.gather(-1, y.long().clamp(max=mass.shape[-1] - 1)[:, None])
        rare = (mass * (mass <= own)).sum(-1).clamp(max=1)
        return rare, torch.full((len(y),), _RARE), mass.argmax(-1).to(torch.float64)
    law = law_on_axis(column, base)
    place = place_of_cells(column, cells)
    upto, below = law.cdf(place), law.cdf_left(place)
    beyond = law.sf(place) + (upto - below)
    probability = (2 * torch.minimum(upto, beyond)).clamp(max=1)
    middle = law.icdf(0.5).expand(len(y))
    if isinstance(column, CurvedColumn):
        middle = torch.from_numpy(column.level(middle.numpy().copy()))
    return probability, (beyond < upto).long(), middle


def _text(cells: pa.Array) -> list[str | None]:
    return [None if value is None or value != value else str(value) for value in cells.to_pylist()]
