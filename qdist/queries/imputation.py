"""Missing cells filled from their joint law given the row's known cells."""

from dataclasses import replace
from typing import Any, Literal

import pyarrow as pa
import torch
from torch import Tensor

from qdist.arguments import number
from qdist.codecs.given import read_given
from qdist.codecs.table import TableCodec
from qdist.data.frames import describe, in_make_of, make_of, restore, to_arrow
from qdist.errors import InputError, UnknownNameError
from qdist.laws import TableLaw
from qdist.queries.condition import check_order
from qdist.queries.drawing import PresentOnly
from qdist.queries.unseen import unseen_cells
from qdist.rng import seed_of

__all__ = ["Agg", "Unseen", "check_agg", "check_unseen", "impute"]

Agg = Literal["median"]
Unseen = Literal["raise", "missing"]


def impute(
    codec: TableCodec,
    law: TableLaw | None,
    X: Any,
    *,
    n_draws: int = 1,
    agg: Agg | None = None,
    unseen: Unseen = "raise",
    random_state: Any = None,
) -> Any:
    """Fills missing cells; known ones come back as they are.

    A row's missing cells are drawn together, one after the other, each given the known ones and
    those already drawn. So the draws of a row fit together, and several draws show how much is not
    known. A draw is never a missing value; only a column that was missing in all training rows
    stays so, as nothing is known of its values.

    Args:
        codec: The model's codec.
        law: Its law; None where there is nothing to model.
        X: A frame with the fitted columns, of any make.
        n_draws: How many completed frames to make.
        agg: "median" makes one frame of several draws: in each missing cell the median draw of
            values that have an order (of two in the middle the lower one), and the most frequent
            draw of others. So a cell holds one of its draws; but cells are taken one by one: they
            no longer agree with each other, and do not have the spread of draws.
        unseen: What a level is that the column did not have in training: an error ("raise"), or
            "missing" to the model, which then knows nothing of it; it comes back as it was.
        random_state: Seed; the first of several draws is that of `n_draws=1`, up to rounding.

    Returns:
        A frame of the make of X, with its index. Where the fitted frame is of the same make, it
        has the columns, dtypes and categories of that frame, else the dtypes that the make of X
        has for such values. With `n_draws` above 1 a list of such frames, as each is to be
        analysed by itself, unless `agg` makes one of them.

    Raises:
        UnknownNameError: If a column is lacking or unknown.
        InputError: If a known cell is not one that its column can hold, or there is one draw to
            take the median of.

    Example:
        >>> import qdist
        >>> from qdist.data.datasets import load_penguins
        >>> birds = load_penguins()
        >>> model = qdist.TabularModel(max_steps=20, random_state=0).fit(birds)
        >>> int(birds.isna().sum().sum()), int(model.impute(birds).isna().sum().sum())
        (19, 0)
    """
    n_draws = number("n_draws", n_draws, least=1, whole=True)
    check_agg(agg, n_draws)
    check_unseen(unseen)
    seed = seed_of(random_state)
    have = to_arrow(X).schema.names
    lacking = [name for name in codec.schema.names if name not in have]
    if lacking:
        raise UnknownNameError(
            f"Expected the columns that the model was fitted with; {lacking[0]!r} is lacking. "
            "Add it, or draw whole columns by sample(given=...)."
        )
    given = read_given(X, codec.kinds)  # once for all draws
    strange = unseen_cells(codec, given.arrays)
    if strange and unseen == "raise":
        name, mask = next(iter(strange.items()))
        got = given.arrays[name].filter(pa.array(mask)).unique().slice(0, 5).to_pylist()
        raise InputError(
            f"Expected known levels in column {name!r}; got {', '.join(map(repr, got))}. Declare "
            "them with Column(categories=...) before fitting, or leave such cells as they are: "
            "unseen='missing'."
        )
    there = dict(given.present)
    for name, mask in strange.items():
        there[name] = there[name] & ~mask
    y, visible = codec.encode_given(replace(given, present=there))
    check_order(codec, law, visible)
    filled = y.repeat(n_draws, 1)
    if law is not None and len(y):
        known = visible.repeat(n_draws, 1)
        draw = PresentOnly(codec)
        filled = torch.cat(list(law.fill(filled, known, seed=seed, draw=draw))).to(y)
        filled = torch.where(known, y.repeat(n_draws, 1), filled)
    parts = list(filled.chunk(n_draws)) if len(y) else [filled] * n_draws
    if agg is not None:
        parts = [_middle(codec, torch.stack(parts))]
    for name in set(strange) & set(
        codec.names
    ):  # what the law did not see comes back all the same
        visible[:, codec.index(name)] |= torch.from_numpy(strange[name])
    frames = [
        _in_make_of_rows(codec.decode(part, given=given, visible=visible, like=X), X)
        for part in parts
    ]
    return frames[0] if len(frames) == 1 else frames


def check_agg(agg: Any, n_draws: int) -> None:
    """Checks how several draws become one.

    Raises:
        InputError: If no such way is known, or there is one draw.
    """
    if agg not in (None, "median"):
        raise InputError(
            f"Expected agg to be 'median' or None; got {agg!r}. Of several draws, n_draws=20, you "
            "have all that there is to aggregate."
        )
    if agg is not None and n_draws == 1:
        raise InputError(
            "Expected n_draws above 1 with agg='median'; got 1, of which it is the median. Say "
            "how many draws to make, such as n_draws=20."
        )


def _middle(codec: TableCodec, draws: Tensor) -> Tensor:
    """Of draws (K, N, D) the median of each cell, or the most frequent one where none is first.

    Encoded cells lie in the order of their values.
    """
    middle = draws.median(0).values  # the lower one of two
    for i, coordinate in enumerate(codec.coordinates):
        if coordinate.levels is not None and not coordinate.ordered:
            middle[:, i] = draws[:, :, i].mode(0).values
    return middle


def _in_make_of_rows(frame: Any, X: Any) -> Any:
    """Completed rows of X, a frame of the fitted make, as one of the make of X."""
    make = make_of(X)
    if make_of(frame) == make:
        return frame
    table = to_arrow(frame)
    if make == "numpy":  # whose columns have no names but their places, and dtypes of their own
        note = describe(X)
        return restore(table.select([str(label) for label in note["labels"]]), note)
    new = in_make_of(table, X)
    return new.set_axis(X.index) if make == "pandas" else new


def check_unseen(unseen: Any) -> None:
    """Checks what a level is that was not there in training.

    Raises:
        InputError: If it is neither of the two.
    """
    if unseen not in ("raise", "missing"):
        raise InputError(
            f"Expected unseen to be 'raise' or 'missing'; got {unseen!r}. Say what a level is "
            "that was not there in training."
        )
