"""What a fitted table can be asked of one column, as methods."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdist import queries
from qdist.codecs.table import TableCodec
from qdist.laws import TableLaw
from qdist.quantile import QuantileFunction
from qdist.queries import Nan

__all__ = ["Asked"]


class Asked(ABC):
    """Questions about a column of a fitted table, given any others."""

    @abstractmethod
    def _asked(self) -> tuple[TableCodec, TableLaw]:
        """Return codec and law; raises where there is nothing to ask."""

    @abstractmethod
    def _parted(self) -> tuple[TableCodec, TableLaw | None]:
        """Return codec and law, which is None where all columns are constants or ids."""

    def quantile(
        self, column: str | Sequence[str], levels: Any, *, given: Any = None, nan: Nan = "unknown"
    ) -> NDArray[Any]:
        """Quantiles of a column given what is known, and that the cell is not missing.

        All about it: [`queries.quantile`][qdist.queries.conditional.quantile].

        Args:
            column: The name of a column whose values have an order, or several names, each of
                which is answered by itself.
            levels: Levels in [0, 1]: a number, or shape (T,).
            given: What is known: None, a dict (one condition, of which the asked column may be a
                `qdist.Range`), or a frame (one condition a row; the columns asked for are left
                out, so that whole rows will do).
            nan: What a missing cell of a frame means: "unknown", or the known "value" missing.

        Returns:
            One row per condition, levels last: shape (N, T), or (N,) for a single level; with
            several names (N, C, T) or (N, C).

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is not known.
            UnsupportedError: If the column has no order, or a range is given for another column.
            InputError: If a level is not in [0, 1], or a condition cannot be.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> model.quantile("size", [0.1, 0.9], given={"kind": "x"}).shape
            (1, 2)
        """
        return queries.quantile(*self._parted(), column, levels, given=given, nan=nan)

    def cdf(
        self, column: str, values: Any, *, given: Any = None, nan: Nan = "unknown"
    ) -> NDArray[np.float64]:
        """P(column <= value) given what is known, and that the cell is not missing.

        All about it: [`queries.cdf`][qdist.queries.conditional.cdf].

        Args:
            column: The name of a column whose values have an order.
            values: Values of the column: one, or shape (V,), asked of each condition; or shape
                (N, V), a row for each condition.
            given: What is known: None, a dict, or a frame, as for `quantile`.
            nan: What a missing cell of a frame means: "unknown", or the known "value" missing.

        Returns:
            Probabilities, one row per condition, values last: shape (N, V), or (N,) for a single
            value.

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is not known.
            UnsupportedError: If the column has no order, or a range is given for another column.
            InputError: If a value is not one of the column's type, or a condition cannot be.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> model.cdf("size", 3.0, given={"kind": ["x", "y"]}).shape
            (2,)
        """
        return queries.cdf(*self._parted(), column, values, given=given, nan=nan)

    def predict_dist(
        self, column: str, *, given: Any = None, nan: Nan = "unknown"
    ) -> QuantileFunction:
        """The law of a column given what is known and that it is present, as one object.

        All about it: [`queries.predict_dist`][qdist.queries.conditional.predict_dist].

        Args:
            column: The name of a column.
            given: What is known: None, a dict without a range, or a frame, as for `quantile`.
            nan: What a missing cell of a frame means: "unknown", or the known "value" missing.

        Returns:
            A quantile function of batch shape (N,) on the column's own scale, with `icdf`, `cdf`,
            `mean`, `crps`, `sample`, ...; that of a column of levels has their `names` and
            `probs`.

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is not known.
            UnsupportedError: If the column is an id, or a range is given.
            InputError: If a condition cannot be.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> model.predict_dist("kind", given={"size": 4.0}).names
            ('x', 'y')
        """
        return queries.predict_dist(*self._parted(), column, given=given, nan=nan)

    def prob_missing(
        self, column: str, *, given: Any = None, nan: Nan = "unknown"
    ) -> NDArray[np.float64]:
        """The probability that a cell is missing given what is known.

        All about it: [`queries.prob_missing`][qdist.queries.conditional.prob_missing].

        Args:
            column: The name of a column.
            given: What is known: None, a dict without a range, or a frame, as for `quantile`.
            nan: What a missing cell of a frame means: "unknown", or the known "value" missing.

        Returns:
            Probabilities, shape (N,); 0 where no cell was missing in training.

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is not known.
            UnsupportedError: If a range is given.
            InputError: If a condition cannot be.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> model.prob_missing("size", given={"kind": "x"})
            array([0.])
        """
        return queries.prob_missing(*self._parted(), column, given=given, nan=nan)
