"""What a fitted table can be asked, as methods."""

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
    """The questions of [`qdist.queries`][qdist.queries.conditional.quantile] to a fitted table."""

    @abstractmethod
    def _asked(self) -> tuple[TableCodec, TableLaw]:
        """Return codec and law; raises where there is nothing to ask."""

    @abstractmethod
    def _parted(self) -> tuple[TableCodec, TableLaw | None]:
        """Return codec and law, which is None where all columns are constants or ids."""

    def quantile(
        self, column: str | Sequence[str], levels: Any, *, given: Any = None, nan: Nan = "unknown"
    ) -> NDArray[Any]:
        """Quantiles of a column given what is known: one row per condition, levels last.

        All about it: [`queries.quantile`][qdist.queries.conditional.quantile].
        """
        return queries.quantile(*self._parted(), column, levels, given=given, nan=nan)

    def cdf(
        self, column: str, values: Any, *, given: Any = None, nan: Nan = "unknown"
    ) -> NDArray[np.float64]:
        """P(column <= value) given what is known: one row per condition, values last.

        All about it: [`queries.cdf`][qdist.queries.conditional.cdf].
        """
        return queries.cdf(*self._parted(), column, values, given=given, nan=nan)

    def predict_dist(
        self, column: str, *, given: Any = None, nan: Nan = "unknown"
    ) -> QuantileFunction:
        """The law of a column given what is known and that it is present, as one object.

        All about it: [`queries.predict_dist`][qdist.queries.conditional.predict_dist].
        """
        return queries.predict_dist(*self._parted(), column, given=given, nan=nan)

    def prob_missing(
        self, column: str, *, given: Any = None, nan: Nan = "unknown"
    ) -> NDArray[np.float64]:
        """The probability that a cell is missing given what is known, shape (N,).

        All about it: [`queries.prob_missing`][qdist.queries.conditional.prob_missing].
        """
        return queries.prob_missing(*self._parted(), column, given=given, nan=nan)

    def impute(self, X: Any, *, n_draws: int = 1, random_state: Any = None) -> Any:
        """A frame like X with its missing cells drawn; a list of them for several draws.

        All about it: [`queries.impute`][qdist.queries.imputation.impute].
        """
        return queries.impute(*self._parted(), X, n_draws=n_draws, random_state=random_state)

    def score_samples(self, X: Any, **options: Any) -> NDArray[np.float64]:
        """Joint log density of each row, shape (N,); higher is more normal.

        All about it, and the options `order`, `n_orders`, `nan` and `random_state`:
        [`queries.score_samples`][qdist.queries.density.score_samples].
        """
        return queries.score_samples(*self._asked(), X, **options)

    def rosenblatt(
        self, X: Any, *, order: Sequence[str] | None = None, random_state: Any = None
    ) -> NDArray[np.float64]:
        """Rows to levels, (N, D), independent and uniform where rows follow the model.

        All about it: [`queries.rosenblatt`][qdist.queries.rosenblatt.rosenblatt].
        """
        return queries.rosenblatt(*self._asked(), X, order=order, random_state=random_state)

    def inverse_rosenblatt(self, levels: Any, *, order: Sequence[str] | None = None) -> Any:
        """Levels, (N, D), to a frame of rows: the inverse of `rosenblatt`.

        All about it: [`queries.inverse_rosenblatt`][qdist.queries.rosenblatt.inverse_rosenblatt].
        """
        return queries.inverse_rosenblatt(*self._asked(), levels, order=order)

    def explain_outliers(self, X: Any, *, threshold: float = 0.01, nan: Nan = "value") -> Any:
        """A frame of the cells that lie in a tail of their law given the rest of their row.

        All about it: [`queries.explain_outliers`][qdist.queries.outliers.explain_outliers].
        """
        return queries.explain_outliers(*self._asked(), X, threshold=threshold, nan=nan)
