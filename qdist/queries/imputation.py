"""Missing cells filled from their joint law given the row's known cells."""

from typing import Any

import torch

from qdist.arguments import number
from qdist.codecs.given import read_given
from qdist.codecs.table import TableCodec
from qdist.data.frames import describe, in_make_of, make_of, restore, to_arrow
from qdist.errors import UnknownNameError
from qdist.laws import TableLaw
from qdist.queries.condition import check_order
from qdist.queries.drawing import PresentOnly
from qdist.rng import seed_of

__all__ = ["impute"]


def impute(
    codec: TableCodec,
    law: TableLaw | None,
    X: Any,
    *,
    n_draws: int = 1,
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
        random_state: Seed; the first of several draws is that of `n_draws=1`, up to rounding.

    Returns:
        A frame of the make of X, with its index. Where the fitted frame is of the same make, it
        has the columns, dtypes and categories of that frame, else the dtypes that the make of X
        has for such values. With `n_draws` above 1 a list of such frames, as each is to be
        analysed by itself.

    Raises:
        UnknownNameError: If a column is lacking or unknown.
        InputError: If a known cell is not one that its column can hold.

    Example:
        >>> import qdist
        >>> from qdist.data.datasets import load_penguins
        >>> birds = load_penguins()
        >>> model = qdist.TabularModel(max_steps=20, random_state=0).fit(birds)
        >>> int(birds.isna().sum().sum()), int(model.impute(birds).isna().sum().sum())
        (19, 0)
    """
    n_draws = number("n_draws", n_draws, least=1, whole=True)
    seed = seed_of(random_state)
    have = to_arrow(X).schema.names
    lacking = [name for name in codec.schema.names if name not in have]
    if lacking:
        raise UnknownNameError(
            f"Expected the columns that the model was fitted with; {lacking[0]!r} is lacking. "
            "Add it, or draw whole columns by sample(given=...)."
        )
    given = read_given(X, codec.kinds)  # once for all draws
    y, visible = codec.encode_given(given)
    check_order(codec, law, visible)
    filled = y.repeat(n_draws, 1)
    if law is not None and len(y):
        known = visible.repeat(n_draws, 1)
        draw = PresentOnly(codec)
        filled = torch.cat(list(law.fill(filled, known, seed=seed, draw=draw))).to(y)
        filled = torch.where(known, y.repeat(n_draws, 1), filled)
    frames = [
        _in_make_of_rows(codec.decode(part, given=given, visible=visible, like=X), X)
        for part in (filled.chunk(n_draws) if len(y) else [filled] * n_draws)
    ]
    return frames[0] if n_draws == 1 else frames


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
