"""Rows to independent uniform levels, and levels to rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from qdist.codecs.curved import CurvedColumn
from qdist.codecs.table import TableCodec
from qdist.errors import InputError
from qdist.laws import TableLaw
from qdist.queries.density import order_of_names
from qdist.queries.drawing import OnGrid
from qdist.rng import seed_of

__all__ = ["cells_of", "inverse_rosenblatt", "rosenblatt"]

_ROWS = 4096


def rosenblatt(
    codec: TableCodec,
    law: TableLaw,
    X: Any,
    *,
    order: Sequence[str] | None = None,
    random_state: Any = None,
) -> npt.NDArray[np.float64]:
    r"""The levels of each row: independent and uniform on (0, 1) where rows follow the model.

    Level i is $F_i(x_i \mid \text{the columns before})$. Where a value has a probability of its
    own (levels, atoms, numbers on a grid, missing cells) it is drawn uniformly between $F(x-)$
    and $F(x)$. On rows that the model has not seen this tests all of it at once: what is not
    uniform, or depends on another level, is what the model has wrong.

    Levels carry the precision of the network's float32, so that the inverse gives a number of
    many digits back up to one part in some millions only.

    Source: "Remarks on a multivariate transformation" (Rosenblatt, 1952).

    Args:
        codec: The model's codec.
        law: Its law.
        X: A frame with the fitted columns.
        order: The order of the chain, by the names of the modelled columns; by default the
            model's own.
        random_state: Seed of the levels at atoms.

    Returns:
        Levels, shape (N, D), a column for each modelled column in the order of the frame.

    Raises:
        UnknownNameError: If a column is lacking or not known.
        InputError: If a cell is not one that its column can hold, or the order is no order.
    """
    y = codec.encode(X)
    generator = torch.Generator(law.device).manual_seed(seed_of(random_state))
    numbers = order_of_names(codec, law, order)
    tau = law.rosenblatt(y, ends=cells_of(codec, y), order=numbers, generator=generator)
    return np.asarray(tau.to(torch.float64).numpy())


def inverse_rosenblatt(
    codec: TableCodec, law: TableLaw, levels: Any, *, order: Sequence[str] | None = None
) -> Any:
    """Rows from levels: a sample whose randomness is yours, such as a low-discrepancy sequence.

    Args:
        codec: The model's codec.
        law: Its law.
        levels: Levels in [0, 1], shape (N, D), a column for each modelled column.
        order: The order of the chain, as for `rosenblatt`, whose inverse this is: exactly for
            levels, atoms and missing cells, and up to the single precision of networks (one part
            in some millions of the rows) for numbers. What has a probability of less than that,
            given the columns before, may have no level of its own: it comes back as what lies
            beside it.

    Returns:
        A frame of the type that was fitted.

    Raises:
        InputError: If the shape, a level or the order is wrong.
    """
    try:
        tau = torch.as_tensor(np.asarray(levels, dtype=np.float64))
    except (TypeError, ValueError):
        tau = torch.tensor(torch.nan)
    width = len(codec.names)
    if tau.dim() != 2 or tau.shape[1] != width:
        raise InputError(
            f"Expected levels in [0, 1] of shape (N, {width}), a column for each modelled column; "
            f"got shape {tuple(tau.shape)}. Give levels for all of {', '.join(codec.names[:8])}."
        )
    outside = tau[~((tau >= 0) & (tau <= 1))]
    if len(outside):
        raise InputError(
            f"Expected levels in [0, 1]; got {float(outside[0])}. A level is a probability: "
            "`rosenblatt` turns rows into levels."
        )
    numbers = order_of_names(codec, law, order)
    draw = OnGrid(codec)
    hidden = torch.zeros(tau.shape, dtype=torch.bool)
    y = torch.zeros_like(tau)
    parts = [
        law.fill_at(y[k], hidden[k], tau=tau[k], order=numbers, draw=draw)
        for k in (slice(s, s + _ROWS) for s in range(0, len(tau), _ROWS))
    ]
    return codec.decode(torch.cat(parts) if parts else y)


def cells_of(codec: TableCodec, y: Tensor) -> tuple[Tensor, Tensor]:
    """The ends of what each encoded value stands for, each of shape (N, D)."""
    low, high = y.clone(), y.clone()
    for i, name in enumerate(codec.names):
        column = codec.column(name)
        if isinstance(column, CurvedColumn) and column.axis.gridded:
            ends = column.cell(np.ascontiguousarray(y[:, i].numpy()))
            low[:, i], high[:, i] = map(torch.from_numpy, ends)
    return low, high
