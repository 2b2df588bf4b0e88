"""How likely a row is: the log density that anomaly scores are made of."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from qdist.arguments import column_order, number
from qdist.codecs.coded import CodedColumn
from qdist.codecs.columns import ConstantColumn
from qdist.codecs.conform import table_of
from qdist.codecs.curved import CurvedColumn
from qdist.codecs.given import check_nan
from qdist.codecs.table import TableCodec
from qdist.data.frames import canonical
from qdist.errors import InputError
from qdist.laws import TableLaw
from qdist.orders import random_order
from qdist.queries.condition import Nan, check_order
from qdist.queries.unseen import Unseen, known_instead, unseen_cells
from qdist.rng import seed_of

__all__ = ["encode_rows", "order_of_names", "score_samples"]


def score_samples(
    codec: TableCodec,
    law: TableLaw,
    X: Any,
    *,
    order: Sequence[str] | None = None,
    n_orders: int = 1,
    nan: Nan = "value",
    random_state: Any = None,
) -> npt.NDArray[np.float64]:
    r"""Joint log density of each row; higher is more normal.

    The base measure is a product over the columns. For levels, atoms, numbers of which there are
    few, and missing cells it counts: such a cell adds a log probability. For all other numbers it
    is length in the column's own unit (seconds for times, days for dates); a value on a grid adds
    the log of its probability divided by the grid's step. Another unit for a column changes the
    scores of all rows that have a density there by the same constant, and no others.

    A number that is none of the few that its column had in training is impossible under the law.
    It scores as the nearest of them, less one nat for each median gap between them that it is away
    (in a column of one number, for each time the size of that number). A column without any value
    in training does not count. A row with a level that its column did not have in training has no
    density: its score is minus infinity.

    Args:
        codec: The model's codec.
        law: Its law.
        X: A frame with the fitted columns.
        order: The order of the chain, by the names of the modelled columns; by default the model's
            own, which "any" stands for too in a model of any order. The laws of different orders
            need not agree.
        n_orders: Over how many orders, drawn at random, densities are averaged (the result is a
            log-mean-exp). Steadier than one order, at as many times the cost.
        nan: What a missing cell is: a "value" with a probability of its own, or "unknown", left
            out of the sum; then a row's score is the density of what is known of it.
        random_state: Seed of the random orders.

    Returns:
        Log densities in nats, shape (N,), never exponentiated: below -745 they would be 0. Those
        of rows with an unseen level are `-inf`.

    Raises:
        UnknownNameError: If a column is lacking; with nan="unknown", which makes it unknown,
            if one is not known.
        InputError: If a cell is not one that its column can hold, an order is no order, or one is
            asked of a model that was trained for another.
        UnsupportedError: If a head has no density.

    Example:
        >>> import qdist
        >>> from qdist.data.datasets import load_penguins
        >>> birds = load_penguins()
        >>> model = qdist.TabularModel(max_steps=20, random_state=0).fit(birds)
        >>> model.score_samples(birds.head(3)).shape
        (3,)
    """
    y, known, table, unseen = encode_rows(codec, law, X, nan)
    cells = codec.log_jacobian(y) - _beyond(codec, table)
    jacobian = (cells * known).sum(-1) - _off_constants(codec, table)
    n_orders = number("n_orders", n_orders, least=1, whole=True)
    if n_orders == 1:
        orders = [order_of_names(codec, law, order)]
    else:
        if order is not None:
            raise InputError("Expected an order or n_orders above 1; got both. Leave one out.")
        if law.order is not None:
            raise InputError(
                "Expected n_orders of 1 for a model that was trained for one order; got "
                f"{n_orders}. Leave it out, or fit with order='any'."
            )
        generator = torch.Generator().manual_seed(seed_of(random_state))
        dim = len(codec.names)
        orders = [random_order(dim, generator=generator).tolist() for _ in range(n_orders)]
    whole = bool(known.all())
    scores = torch.stack(
        [
            law.log_prob(y, order=o).to(torch.float64) if whole else _known_part(law, y, known, o)
            for o in orders
        ]
    )
    found = np.asarray((scores.logsumexp(0) - math.log(len(scores)) + jacobian).numpy())
    for mask, _ in unseen.values():
        found[mask] = -np.inf
    return found


def order_of_names(
    codec: TableCodec, law: TableLaw, order: Sequence[str] | None
) -> list[int] | None:
    """An order as column numbers; None for the law's own, and for "any" in a law of any order.

    Raises:
        InputError: If it is no order of the columns, or not the one of a law that has one.
    """
    if order is None:
        return None
    numbers = column_order(order, codec.names)
    if law.order is not None and numbers != law.order.tolist():
        raise InputError(
            "Expected the order that the model was trained for; got another. "
            "Leave it out, or fit with order='any'."
        )
    return numbers


def encode_rows(
    codec: TableCodec, law: TableLaw, X: Any, nan: Nan
) -> tuple[Tensor, Tensor, pa.Table, dict[str, Unseen]]:
    """Encoded rows and what is in them.

    Returns:
        y, shape (N, D); which of its cells count (all, or the known ones); the rows; and of
        columns in which some cells hold a level that was not there in training, where and what. In
        y and in the rows a known level stands in for it.
    """
    check_nan(nan)
    table = table_of(X, codec.kinds)
    there = [name for name in table.schema.names if name in codec.kinds]
    cells = {name: canonical(table.column(name)) for name in there}
    unseen = {}
    for name, mask in unseen_cells(codec, cells).items():
        unseen[name] = (mask, cells[name])
        instead = known_instead(codec, name, cells[name], mask)
        table = table.set_column(table.schema.get_field_index(name), name, instead)
    if nan == "unknown":
        y, known = codec.encode_given(table)
        check_order(codec, law, known)
        return y, known, table, unseen
    y = codec.encode(table)
    return y, torch.ones_like(y, dtype=torch.bool), table, unseen


def _beyond(codec: TableCodec, table: pa.Table) -> Tensor:
    """What to take off the log density of cells (N, D) that are far from all that was seen.

    For numbers with a density, what their tails have beyond the last level; for columns of few
    values, the distance from the nearest.
    """
    far = torch.zeros(table.num_rows, len(codec.names), dtype=torch.float64)
    for i, name in enumerate(codec.names):
        column = codec.column(name)
        if name not in table.schema.names:
            continue
        if isinstance(column, CurvedColumn) or (
            isinstance(column, CodedColumn) and column.on_line
        ):
            far[:, i] = torch.from_numpy(column.distance(canonical(table.column(name))))
    return far


def _off_constants(codec: TableCodec, table: pa.Table) -> Tensor:
    """What numbers cost that differ from the only one of their column, for each row, (N,)."""
    total = torch.zeros(table.num_rows, dtype=torch.float64)
    for column in codec.columns:
        name = column.schema.name
        if isinstance(column, ConstantColumn) and name in table.schema.names:
            away = np.abs(column.sides(canonical(table.column(name))))
            total += torch.from_numpy(np.where(np.isfinite(away), away, 0.0))
    return total


def _known_part(law: TableLaw, y: Tensor, known: Tensor, order: list[int] | None) -> Tensor:
    """The chain over each row's known cells alone; the others are never seen."""
    total = torch.zeros(len(y), dtype=torch.float64)
    visible = torch.zeros_like(known)
    for i in law.joint.order if order is None else order:
        for rows in known[:, i].nonzero().squeeze(1).split(4096):
            base = law.conditional(i, y[rows], visible[rows])
            term = base.log_prob(y[rows, i].to(base.device, base.dtype))
            total[rows] += term.to(total)
        visible[:, i] = known[:, i]
    return total
