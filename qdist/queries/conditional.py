"""One column given any others: quantiles, probabilities, and the law itself.

All answers are given that the cell is present; the probability that it is missing stands beside
them, in `prob_missing`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from qdist.arguments import levels as read_levels
from qdist.codecs.given import is_unknown, read_given
from qdist.codecs.table import TableCodec
from qdist.errors import InputError, UnsupportedError
from qdist.laws import TableLaw
from qdist.quantile import QuantileFunction
from qdist.quantile.edge import checking
from qdist.queries.columns import AskedColumn, column_of, columns_of, is_one
from qdist.queries.condition import Condition, Nan, read_condition
from qdist.queries.ranges import split_range
from qdist.queries.scales import data_law, missing_mass
from qdist.queries.values import cells_at, probabilities_of, values_at
from qdist.rng import uniforms

__all__ = ["cdf", "draw_ranged", "predict_dist", "prob_missing", "quantile"]

_ROWS = 4096


def quantile(
    codec: TableCodec,
    law: TableLaw | None,
    column: str | Sequence[str],
    levels: Any,
    *,
    given: Any = None,
    nan: Nan = "unknown",
) -> npt.NDArray[Any]:
    r"""Quantiles of a column given what is known.

    The smallest value x with $P(X \le x \mid \text{given, present}) \ge \tau$, on the column's own
    scale and grid.

    Args:
        codec: The model's codec.
        law: Its law; None where there is nothing to model.
        column: The name of a column whose values have an order, or several names. Each of several
            is answered by itself, given what is known, not given the others.
        levels: Levels in [0, 1], a number or shape (T,).
        given: What is known: None, a dict (one condition, of which the asked column may be a
            [`Range`][qdist.queries.Range]), or a frame (one condition a row; each may know other
            columns; the columns asked for are left out, so that whole rows will do).
        nan: What a missing cell of a frame means: "unknown", or the known "value" missing.

    Returns:
        One row per condition, levels last: shape (N, T), or (N,) for a single level; with a list
        of names (N, C, T) or (N, C). N is 1 for a dict or None. Numbers are float64, infinite
        where the law has no end; dates and times are numpy's (zones in UTC), and the end of their
        type where the law has none; ordered levels are objects, as are all answers where columns
        of several types are asked for together. A constant column has the one law that it can
        have.

    Raises:
        UnknownNameError: If a column is not known.
        UnsupportedError: If the column has no order, or a range is given for another column.
        InputError: If a level is not in [0, 1], a condition cannot be, or the column asked for is
            known by a dict, or was missing in all training rows.

    Example:
        >>> import qdist
        >>> from qdist.data.datasets import load_penguins
        >>> model = qdist.TabularModel(max_steps=20, random_state=0).fit(load_penguins())
        >>> model.quantile("body_mass_g", [0.05, 0.5, 0.95], given={"species": "Gentoo"}).shape
        (1, 3)
    """
    tau = read_levels("levels", levels)
    rest, ranged = split_range(given)
    named, bounds = ranged or (None, None)
    columns = columns_of(codec, column)
    names = {asked.name for asked in columns}
    condition = read_condition(codec, law, rest, nan=nan, asked=names)
    found = []
    for asked in columns:
        _check_asked(asked, condition, named, law)
        _check_present(asked)
        parts = []
        for chunk in condition.chunks(_ROWS):
            base = asked.law(law, chunk)
            parts.append(values_at(asked.coder, base, tau.flatten(), bounds=bounds))
        answer = np.concatenate(parts)[: len(condition)]
        found.append(answer if tau.dim() else answer[:, 0])
    return found[0] if is_one(column) else _side_by_side(found)


def cdf(
    codec: TableCodec,
    law: TableLaw | None,
    column: str,
    values: Any,
    *,
    given: Any = None,
    nan: Nan = "unknown",
) -> npt.NDArray[np.float64]:
    r"""Probabilities that a column is at most a value, given what is known.

    Args:
        codec: The model's codec.
        law: Its law; None where there is nothing to model.
        column: The name of a column whose values have an order.
        values: Values of the column: one, or shape (V,), asked of each condition; or shape (N, V),
            a row for each condition. Numbers need not lie on the column's grid or in its bounds.
            Of a column with a time zone, times of numpy are in UTC, as `quantile` gives them, and
            others without a zone in the column's.
        given: What is known; see [`quantile`][qdist.queries.conditional.quantile].
        nan: What a missing cell of a frame means.

    Returns:
        $P(X \le x \mid \text{given, present})$, one row per condition, values last: shape (N, V),
        or (N,) for a single value.

    Raises:
        UnknownNameError: If a column is not known.
        UnsupportedError: If the column has no order, or a range is given for another column.
        InputError: If a value is not one of the column's type, a level is unknown, a condition
            cannot be, or the column asked for is known by a dict, or was missing in all training
            rows.
    """
    rest, ranged = split_range(given)
    named, bounds = ranged or (None, None)
    asked = column_of(codec, column)
    condition = read_condition(codec, law, rest, nan=nan, asked={asked.name})
    _check_asked(asked, condition, named, law)
    _check_present(asked)
    shape = _shape_of(values, len(condition))
    if len(shape) == 2 and not shape[0]:
        return np.empty(shape)  # no value that could stand in for one of the column's type
    parts, start = [], 0
    for chunk in condition.chunks(_ROWS):
        mine = values
        if len(shape) == 2 and shape[0] != 1:
            mine = values[start : start + len(chunk)]
        start += len(chunk)
        base = asked.law(law, chunk)
        parts.append(probabilities_of(asked.coder, base, mine, bounds=bounds))
    answer = np.concatenate(parts)[: len(condition)]
    return answer if shape else answer[:, 0]


def predict_dist(
    codec: TableCodec,
    law: TableLaw | None,
    column: str,
    *,
    given: Any = None,
    nan: Nan = "unknown",
) -> QuantileFunction:
    """The law of a column given what is known, as one object.

    Args:
        codec: The model's codec.
        law: Its law; None where there is nothing to model.
        column: The name of a column.
        given: What is known; see [`quantile`][qdist.queries.conditional.quantile]. No range.
        nan: What a missing cell of a frame means.

    Returns:
        A quantile function of batch shape (N,), float64, on the column's own scale, given
        presence. Real numbers are [`PiecewiseLinear`][qdist.quantile.PiecewiseLinear] with the
        column's atoms and exponential tails; numbers on a grid
        [`Rounded`][qdist.quantile.Rounded]; levels
        [`Categorical`][qdist.quantile.Categorical] with their `names` and `probs`, and without
        quantiles, moments and CRPS unless they are ordered; numbers of which there are few
        `Categorical` with their values, booleans with 0 and 1. Times count in seconds since 1970,
        dates in days. Heaps of a column are spread over their strides, which `quantile` and `cdf`
        do not do. All N laws are in memory at once.

    Raises:
        UnknownNameError: If a column is not known.
        UnsupportedError: If the column is an id, or a range is given.
        InputError: If a condition cannot be, or the column asked for is known by a dict, or was
            missing in all training rows.
    """
    rest, ranged = split_range(given)
    if ranged is not None:
        raise UnsupportedError(
            f"Expected conditions without a range in predict_dist; got one for {ranged[0]!r}. "
            "Ask for its quantile or cdf, or cut the levels of the law yourself."
        )
    asked, condition = _single(codec, law, column, rest, nan)
    _check_present(asked)
    return checking(data_law(asked.coder, asked.law(law, condition)))


def prob_missing(
    codec: TableCodec,
    law: TableLaw | None,
    column: str,
    *,
    given: Any = None,
    nan: Nan = "unknown",
) -> npt.NDArray[np.float64]:
    """The probability that a cell is missing, given what is known.

    Args:
        codec: The model's codec.
        law: Its law; None where there is nothing to model.
        column: The name of a column.
        given: What is known; see [`quantile`][qdist.queries.conditional.quantile]. No range.
        nan: What a missing cell of a frame means.

    Returns:
        Shape (N,); 0 where no training cell was missing.

    Raises:
        UnknownNameError: If a column is not known.
        UnsupportedError: If a range is given.
        InputError: If a condition cannot be, or the column asked for is known by a dict.
    """
    rest, ranged = split_range(given)
    if ranged is not None:
        raise UnsupportedError(
            f"Expected conditions without a range in prob_missing; got one for {ranged[0]!r}, "
            "which says that it is present."
        )
    asked, condition = _single(codec, law, column, rest, nan)
    chunks = condition.chunks(_ROWS)
    parts = [missing_mass(asked.coder, asked.law(law, c)) for c in chunks]
    return np.asarray(torch.cat(parts).numpy())[: len(condition)]


def draw_ranged(
    codec: TableCodec,
    law: TableLaw | None,
    given: Any,
    *,
    n: int,
    seed: int,
    tau_range: tuple[float, float] = (0.0, 1.0),
) -> pa.Table:
    """Draws the ranged column of a condition, from its law given the rest cut to the range.

    Args:
        codec: The model's codec.
        law: Its law; None where there is nothing to model.
        given: A dict with one [`Range`][qdist.queries.Range].
        n: How many values to draw.
        seed: Where the levels come from, with row and column.
        tau_range: The range into which levels are mapped.

    Returns:
        A frame of n conditions, in which the ranged column has values; what is missing in it is
        known to be missing.

    Raises:
        InputError: If the model gives the range no probability.
        UnsupportedError: If the column has no order, or a law of a fixed order does not draw it
            next.
    """
    rest, ranged = split_range(given)
    assert ranged is not None
    named, bounds = ranged
    asked, condition = _single(codec, law, named, rest, "unknown")
    _check_present(asked)
    low, high = tau_range
    column = asked.index or 0
    drawn = uniforms(seed, range(n), columns=range(column, column + 1))[:, 0]
    tau = low + (high - low) * drawn
    values = cells_at(asked.coder, asked.law(law, condition), tau, bounds=bounds)
    known = {name: value for name, value in rest.items() if not is_unknown(value, name)}
    # An Arrow table, as numpy would lose zones, and floats whole numbers beyond 2^53.
    drawn_rows = pa.table({named: values})
    for name, cell in read_given(known, codec.kinds).arrays.items():
        drawn_rows = drawn_rows.append_column(name, cell.take(pa.array(np.zeros(n, np.int64))))
    return drawn_rows


def _shape_of(values: Any, n: int) -> tuple[int, ...]:
    """The shape of values that are asked of n conditions."""
    wanted = f"Expected values of shape (V,), or ({n}, V) with a row for each condition; got "
    try:
        shape: tuple[int, ...] = np.shape(values)
    except ValueError as error:
        raise InputError(f"{wanted}rows of several lengths.") from error
    if len(shape) > 2 or (len(shape) == 2 and shape[0] not in {1, n}):
        raise InputError(f"{wanted}{shape}.")
    return shape


def _side_by_side(answers: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Answers (N, ...) of C columns as one array (N, C, ...); objects where types differ."""
    # Days as nanoseconds would end in 2262.
    if len({answer.dtype for answer in answers}) == 1:
        return np.stack(answers, axis=1)
    boxed = np.empty((len(answers[0]), len(answers), *answers[0].shape[1:]), object)
    for k, answer in enumerate(answers):
        for at, value in np.ndenumerate(answer):  # scalars of numpy: dates stay dates
            boxed[(at[0], k, *at[1:])] = value
    return boxed


def _single(
    codec: TableCodec, law: TableLaw | None, column: Any, given: Any, nan: Nan
) -> tuple[AskedColumn, Condition]:
    asked = column_of(codec, column)
    condition = read_condition(codec, law, given, nan=nan, asked={asked.name})
    _check_asked(asked, condition, None, law)
    return asked, condition


def _check_asked(
    asked: AskedColumn, condition: Condition, ranged: str | None, law: TableLaw | None
) -> None:
    if ranged is not None and ranged != asked.name:
        raise UnsupportedError(
            f"Expected a range for the column asked for, {asked.name!r}; got one for {ranged!r}, "
            "over which the model would have to integrate. Sample under the range, and count."
        )
    known = asked.known(condition)
    if known:
        raise InputError(
            f"Expected conditions that leave {asked.name!r} open; got its value in {known} of "
            f"{len(condition)} rows. Drop it from what is given."
        )
    if law is not None and law.order is not None and asked.index is not None:
        place = law.order.tolist().index(asked.index)
        if bool((condition.visible.sum(1) != place).any()):
            raise UnsupportedError(
                f"Expected the columns before {asked.name!r} in the order of this model to be "
                "given: it was trained for each column given those before it, and nothing else. "
                "Give them all, or fit with order='any'."
            )


def _check_present(asked: AskedColumn) -> None:
    """Raises where no cell of the training data was present."""
    if asked.index is None and asked.coder.missing_value == 0:
        raise InputError(
            f"Expected a column with values; {asked.name!r} was missing in all training rows. "
            "prob_missing is all that is known of it."
        )
