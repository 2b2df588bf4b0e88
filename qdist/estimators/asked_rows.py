"""What a fitted table can be asked of whole rows, as methods."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdist import queries
from qdist.errors import InputError
from qdist.estimators.asked import Asked
from qdist.queries import Nan
from qdist.queries.imputation import Agg, Unseen

__all__ = ["AskedRows"]


class AskedRows(Asked):
    """Questions about rows of a fitted table: their gaps, their density, their odd cells."""

    def impute(
        self,
        X: Any,
        *,
        n_draws: int = 1,
        agg: Agg | None = None,
        unseen: Unseen = "raise",
        random_state: Any = None,
    ) -> Any:
        """Draw the missing cells of a frame; known ones come back as they are.

        All about it: [`queries.impute`][qdist.queries.imputation.impute].

        Args:
            X: A frame with the fitted columns, of any make.
            n_draws: How many completed frames to make.
            agg: "median" makes one frame of several: of each cell the median draw, or the most
                frequent one of values without an order.
            unseen: What a level is that the column did not have in training: an error ("raise"),
                or, for the model, "missing"; it comes back as it was.
            random_state: Seed; the first of several draws is that of one, up to rounding.

        Returns:
            A frame of the make of X, with its index; without `agg` a list of them for several
            draws.

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is lacking or unknown.
            InputError: If a known cell is not one that its column can hold, or one draw is to be
                aggregated.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> sizes = model.impute({"size": [None, 3.0], "kind": ["x", "y"]})["size"]
            >>> sizes[1]
            3.0
        """
        how = {"n_draws": n_draws, "agg": agg, "unseen": unseen, "random_state": random_state}
        return queries.impute(*self._parted(), X, **how)

    def score_samples(
        self,
        X: Any,
        *,
        order: Sequence[str] | None = None,
        n_orders: int = 1,
        nan: Nan = "value",
        random_state: Any = None,
    ) -> NDArray[np.float64]:
        """Joint log density of each row; higher is more normal.

        All about it, and against what the density is:
        [`queries.score_samples`][qdist.queries.density.score_samples].

        Args:
            X: A frame with the fitted columns, of any make.
            order: The order of the chain, by the names of the modelled columns; by default the
                model's own.
            n_orders: Over how many orders, drawn at random, densities are averaged.
            nan: What a missing cell is: a "value" with a probability of its own, or "unknown",
                left out of the sum.
            random_state: Seed of the random orders.

        Returns:
            Log densities in nats, shape (N,); `-inf` of rows with a level that was not there in
            training.

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is lacking; with nan="unknown", which makes it unknown,
                if one is not known.
            InputError: If a cell is not one that its column can hold, or an order is no order.
            UnsupportedError: If a head has no density.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> model.score_samples(table, n_orders=2, random_state=0).shape
            (4,)
        """
        return queries.score_samples(
            *self._asked(), X, order=order, n_orders=n_orders, nan=nan, random_state=random_state
        )

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`: by it `GridSearchCV` and the like choose.

        A mean, so that tables of other lengths compare; `KernelDensity` has the total.

        Args:
            X: A frame with the fitted columns, of any make.
            y: Ignored; there for pipelines.

        Returns:
            The mean log density of a row in nats; higher is better. `-inf` where a row holds a
            level that was not there in training.

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is lacking or not known.
            InputError: If there is no row, or a cell is not one that its column can hold.
            UnsupportedError: If a head has no density.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> bool(model.score(table) == model.score_samples(table).mean())
            True
        """
        del y
        scores = self.score_samples(X)
        if not len(scores):
            raise InputError("Expected rows to score; got none. Give at least one.")
        return float(scores.mean())

    def rosenblatt(
        self, X: Any, *, order: Sequence[str] | None = None, random_state: Any = None
    ) -> NDArray[np.float64]:
        """Rows to levels: independent and uniform where rows follow the model.

        All about it: [`queries.rosenblatt`][qdist.queries.rosenblatt.rosenblatt].

        Args:
            X: A frame with the fitted columns, of any make.
            order: The order of the chain, by the names of the modelled columns; by default the
                model's own.
            random_state: Seed of the levels of values that have a probability of their own.

        Returns:
            Levels, shape (N, D), a column for each modelled column in the order of the frame.

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is lacking or not known.
            InputError: If a cell is not one that its column can hold, or the order is no order.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> model.rosenblatt(table, random_state=0).shape
            (4, 2)
        """
        return queries.rosenblatt(*self._asked(), X, order=order, random_state=random_state)

    def inverse_rosenblatt(self, levels: Any, *, order: Sequence[str] | None = None) -> Any:
        """Levels to rows: the inverse of `rosenblatt`.

        All about it: [`queries.inverse_rosenblatt`][qdist.queries.rosenblatt.inverse_rosenblatt].

        Args:
            levels: Levels in [0, 1], shape (N, D), a column for each modelled column.
            order: The order of the chain, as for `rosenblatt`.

        Returns:
            A frame of the type that was fitted.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If the shape, a level or the order is wrong.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> list(model.inverse_rosenblatt([[0.5, 0.1]]))
            ['size', 'kind']
        """
        return queries.inverse_rosenblatt(*self._asked(), levels, order=order)

    def explain_outliers(self, X: Any, *, threshold: float = 0.01, nan: Nan = "value") -> Any:
        """A frame of the cells that lie in a tail of their law given the rest of their row.

        All about it: [`queries.explain_outliers`][qdist.queries.outliers.explain_outliers].

        Args:
            X: A frame with the fitted columns, of any make.
            threshold: Cells of at most this probability are reported.
            nan: What a missing cell is: a "value", which may be odd itself, or "unknown", neither
                judged nor used.

        Returns:
            A frame of the make of X, the most improbable cell first: "row" (its number, from 0),
            "column", "value", "tail", "probability" and "expected"; of pandas with the index of
            the rows of X.

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is lacking; with nan="unknown", which makes it unknown,
                if one is not known.
            InputError: If a cell is not one that its column can hold.
            UnsupportedError: If the model was trained for one order.

        Example:
            >>> import qdist
            >>> table = {"size": [1.5, 2.5, 4.0, 7.5], "kind": ["x", "y", "x", "y"]}
            >>> model = qdist.fit(table, max_steps=2, random_state=0)
            >>> odd = model.explain_outliers({"size": [99.0], "kind": ["x"]})
            >>> odd["column"], odd["tail"]
            (['size'], ['upper'])
        """
        return queries.explain_outliers(*self._asked(), X, threshold=threshold, nan=nan)
