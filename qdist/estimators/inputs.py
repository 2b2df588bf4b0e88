"""What a regressor takes: frames of any make, arrays and lists, checked as scikit-learn does."""

from typing import Any, Final

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, validate_data

from qdist.arguments import unmasked
from qdist.codecs.conform import table_of
from qdist.data.frames import to_arrow
from qdist.errors import InputError

__all__ = ["check_sizes", "read_features", "read_targets"]

Floats = NDArray[np.float64]

_LARGEST: Final = 1e100
# By what scikit-learn says of features: what was expected, what came, what to do.
_SAID: Final = {
    "feature names should match": (
        "the columns of fit, each of them once and in their order; got other columns. Select them "
        "by name, X[names]"
    ),
    "unique column names": "columns of different names; got a name twice. Rename or drop one",
    "features as input": (
        "as many features as in fit; got another number of them. Give those of fit, in their order"
    ),
    "does not contain any features": "features of shape (N, F); got none. Give a row per sample",
    "Expected 2D array": "features of shape (N, F); got another shape. Give a row per sample",
    "Found array with dim": "features of shape (N, F); got more axes. Give a row per sample",
    "feature(s)": "features of shape (N, F) with F >= 1; got none. Give a column at least",
    "sample(s)": "features of shape (N, F) with N >= 1; got no rows. Give a row at least",
    "could not convert string": (
        "an array of numbers; got text. Put it into a DataFrame, whose columns may hold categories"
    ),
}


def read_features(estimator: Any, X: Any, *, like: pa.Schema | None = None) -> pa.Table:
    """Features as an Arrow table; notes (or checks) names and number of columns.

    Args:
        estimator: Where `n_features_in_` and `feature_names_in_` are.
        X: A frame of any make, or something that becomes an array (N, F) of numbers.
        like: The features that it must have; by default their names and number are noted, as
            `fit` does.

    Returns:
        A table; the columns of an array are named "0", "1", ...

    Raises:
        InputError: If X is neither, has no columns or others than in `fit`, or holds infinities.
    """
    reset = like is None
    kinds = {} if like is None else dict(zip(like.names, like.types, strict=True))
    try:
        if nw.dependencies.is_pandas_dataframe(X) or nw.dependencies.is_polars_dataframe(X):
            if reset:
                _refuse_none(X.shape[1])
            validate_data(estimator, X, reset=reset, skip_check_array=True)
            table = to_arrow(X)
            _check_order(table.schema.names, like)
            return _named(table, like)
        columns = isinstance(X, pa.Table | dict) and not issparse(X)  # some of those are dicts
        if columns or (isinstance(X, np.ndarray) and X.dtype.names):
            table = table_of(X, kinds)
            if reset:
                _refuse_none(table.num_columns)
            _note_names(estimator, table.schema.names, like)
            return table
        if nw.dependencies.is_polars_lazyframe(X):
            return to_arrow(X)  # raises, with a word on what to do
        _refuse_sparse("X", X)
        x = validate_data(
            estimator, unmasked(X), reset=reset, dtype=np.float64, ensure_all_finite="allow-nan"
        )
    except ValueError as error:
        raise _features_as_ours(error) from error
    except TypeError as error:
        if "eature names" not in str(error):  # scikit-learn's checks want their own
            raise
        raise InputError(
            f"Expected columns that are all named by text; got names of several types. {error}"
        ) from error
    names = [str(k) for k in range(x.shape[1])]
    table = pa.table([pa.array(column) for column in np.ascontiguousarray(x.T)], names=names)
    return _named(table, like)


def _refuse_none(columns: int) -> None:
    if not columns:
        raise InputError(
            "Expected a frame with a column for each feature; got one without columns. Give one "
            "feature at least; a constant will do."
        )


def _named(table: pa.Table, like: pa.Schema | None) -> pa.Table:
    # A frame may follow an array, or the reverse (scikit-learn warns): then only the place counts.
    known = [] if like is None else list(like.names)
    return table.rename_columns(known) if len(known) == table.num_columns else table


def _check_order(names: list[str], like: pa.Schema | None) -> None:
    """Refuses the names of fit in another order; scikit-learn knows names of text alone."""
    known = [] if like is None else list(like.names)
    if names != known and sorted(names) == sorted(known):
        raise InputError(
            f"Expected columns in the order of fit, {', '.join(known[:8])}; got "
            f"{', '.join(names[:8])}. Select them in that order."
        )


def _note_names(estimator: Any, names: list[str], like: pa.Schema | None) -> None:
    if like is None:
        estimator.feature_names_in_ = np.asarray(names, dtype=object)
        estimator.n_features_in_ = len(names)
    elif names != like.names:  # not by scikit-learn, which knows only names of text
        raise InputError(
            f"Expected the features of fit in their order, {like.names}; got {names}. "
            "Name and order them alike."
        )


def read_targets(y: Any, n: int) -> tuple[Floats, bool]:
    """Targets (N, T), and whether they came as one column without an axis of targets.

    Raises:
        InputError: If y is None, not finite, not numeric, or not one row for each of n.
    """
    if y is None:
        raise InputError(
            "DistributionRegressor requires y to be passed, but the target y is None. "
            "Give one number a row, or one row of numbers."
        )
    if isinstance(y, pa.Table):
        y = y.to_pandas()
    elif isinstance(y, pa.ChunkedArray):
        y = y.to_numpy()
    elif isinstance(y, pa.Array):
        y = y.to_numpy(zero_copy_only=False)  # one of nulls or booleans is copied
    _refuse_sparse("y", y)
    try:
        if (dtype := np.asarray(y).dtype).kind in "mM":
            raise InputError(
                f"Expected targets y that are finite numbers; got {dtype}. Give times as numbers, "
                "such as days since the first one."
            )
        values = check_array(unmasked(y), ensure_2d=False, dtype=np.float64, input_name="y")
    except (OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise _as_ours(error, "targets y that are finite numbers") from error
    if values.ndim not in {1, 2} or len(values) != n or values.size == 0:
        raise InputError(
            f"Expected y of shape ({n},) or ({n}, targets); got {values.shape}. Found input "
            "variables with inconsistent numbers of samples, or too many axes."
        )
    return values.reshape(n, -1), values.ndim == 1


def check_sizes(targets: Floats) -> None:
    """Raises InputError for targets (N, T) whose squares no float holds."""
    for size in np.abs(targets).max(0):
        if size > _LARGEST or 0 < size < 1 / _LARGEST:
            raise InputError(
                f"Expected targets of a size between {1 / _LARGEST:g} and {_LARGEST:g}; got "
                f"{size:g} at most. Give them in another unit."
            )


def _refuse_sparse(name: str, value: Any) -> None:
    if issparse(value):
        raise InputError(
            f"Expected {name} as a dense array or a frame; got a sparse {type(value).__name__}. "
            "Call .toarray() on it."
        )


def _features_as_ours(error: ValueError) -> ValueError:
    """Like `_as_ours`, with words for what is wrong with the features."""
    for sign, words in _SAID.items():
        if sign in str(error) and not isinstance(error, InputError):
            return InputError(f"Expected {words}. {error}")
    return _as_ours(error, "features that are numbers, finite or missing")


def _as_ours(error: Exception, what: str) -> ValueError:
    """An error of scikit-learn: our words first, then its own, which its checks look for."""
    if isinstance(error, InputError):
        return error
    return InputError(f"Expected {what}, one row for each sample, as in fit; got others: {error}")
