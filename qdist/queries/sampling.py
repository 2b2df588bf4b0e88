"""Rows drawn from the model, given what is known."""

from typing import Any

import torch

from qdist import arguments
from qdist.codecs.given import check_nan, is_condition
from qdist.codecs.table import TableCodec
from qdist.data.frames import repeat_rows
from qdist.laws import TableLaw
from qdist.queries.condition import Nan, check_order
from qdist.queries.conditional import draw_ranged
from qdist.queries.ranges import split_range
from qdist.rng import seed_of

__all__ = ["sample"]


def sample(
    codec: TableCodec,
    law: TableLaw | None,
    n: int | None,
    *,
    given: Any = None,
    nan: Nan = "unknown",
    tau_range: tuple[float, float] = (0.0, 1.0),
    random_state: Any = None,
) -> Any:
    """Draws rows; see [`TabularModel.sample`][qdist.estimators.TabularModel.sample].

    Args:
        codec: The model's codec.
        law: Its law; None where there is nothing to model.
        n: Number of rows, or of draws for each condition; 1 for None.
        given: What is known: a dict, of which one column may be a
            [`Range`][qdist.queries.Range], or a frame.
        nan: What a missing cell of a frame means.
        tau_range: Range of the levels of all drawn cells.
        random_state: Seed.

    Returns:
        A frame of the type that was fitted.
    """
    tau_range = arguments.level_range(tau_range)
    seed = seed_of(random_state)
    draws = arguments.row_count(n)
    check_nan(nan)
    if split_range(given)[1] is not None:  # the ranged column comes first, the rest follows
        given = draw_ranged(codec, law, given, n=draws, seed=seed, tau_range=tau_range)
        draws, nan = 1, "value"
    if given is None:
        y = torch.zeros(draws, len(codec.names))
        visible = torch.zeros_like(y, dtype=torch.bool)
    else:
        y, visible = codec.encode_given(given, nan=nan)
        check_order(codec, law, visible)
        y, visible = y.repeat_interleave(draws, 0), visible.repeat_interleave(draws, 0)
    if law is not None and len(y):
        y = torch.cat(list(law.fill(y, visible, seed=seed, tau_range=tau_range)))
    if given is None:
        return codec.decode(y)
    if not is_condition(given):
        given = repeat_rows(given, draws)
    return codec.decode(y, given=given, visible=visible)
