"""Missing cells filled as a step of a scikit-learn pipeline."""

from typing import Any, Self, final

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone

from qdist.arguments import number
from qdist.errors import InputError, NotFittedError
from qdist.estimators.tabular import TabularModel
from qdist.queries.imputation import Agg, Unseen, check_agg, check_unseen

__all__ = ["QuantileImputer"]


@final
class QuantileImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer that fits a model of the table and draws missing cells from it.

    One draw, not a mean: relations between columns and their spread stay as they are. For several
    draws, call `model_.impute(X, n_draws=...)`; for the middle of several, give `n_draws` and
    `agg="median"`.

    Args:
        model: The [`TabularModel`][qdist.estimators.TabularModel] to fit, left as it is; a default
            one if None.
        n_draws: Number of draws of which `agg` makes one.
        agg: "median" for the median draw of each cell (of values without an order the most
            frequent one).
        unseen: What a level is that was not there in `fit`: an error ("raise"), or, for the model,
            "missing"; it comes back as it was. Say so where folds of a cross-validation may lack
            rare levels.
        random_state: Seed of the draws, and of the default model.

    Attributes:
        model_: The fitted model.
        n_features_in_: Number of columns.
        feature_names_in_: Their names.

    Example:
        >>> import numpy as np
        >>> import qdist
        >>> X = np.array([[1.0, 2.0], [np.nan, 4.0], [3.0, 6.0], [4.0, 8.0]])
        >>> quick = qdist.TabularModel(max_steps=2)
        >>> filled = qdist.QuantileImputer(quick, random_state=0).fit_transform(X)
        >>> filled.shape, bool(np.isnan(filled).any())
        ((4, 2), False)
    """

    def __init__(
        self,
        model: TabularModel | None = None,
        *,
        n_draws: int = 1,
        agg: Agg | None = None,
        unseen: Unseen = "raise",
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.n_draws = n_draws
        self.agg = agg
        self.unseen = unseen
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the model to the rows of a frame, missing cells included.

        Raises:
            InputError: If the frame or a parameter cannot be worked with.
            TrainingError: If training diverges.
        """
        del y
        if self.model is not None and not isinstance(self.model, TabularModel):
            raise InputError(f"Expected model to be a TabularModel or None; got {self.model!r}.")
        self._check_draws()
        model = TabularModel(random_state=self.random_state) if self.model is None else self.model
        self.model_ = clone(model).fit(X)
        self.n_features_in_ = self.model_.n_features_in_
        self.feature_names_in_ = self.model_.feature_names_in_
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing cells of a frame with one draw, or with `agg` of some; others stay.

        Returns:
            A frame of the type that was fitted.

        Raises:
            NotFittedError: Before `fit`.
            UnknownNameError: If a column is lacking or unknown.
            InputError: If a known cell is not one that its column can hold, or a parameter is
                wrong.
        """
        self._check_fitted()
        self._check_draws()
        return self.model_.impute(
            X,
            n_draws=self.n_draws,
            agg=self.agg,
            unseen=self.unseen,
            random_state=self.random_state,
        )

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """The names of the columns, which are those that came in.

        Args:
            input_features: Their names, of columns that had none in `fit`; by default those of
                `fit`.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If there are more or fewer names than columns.
        """
        self._check_fitted()
        if input_features is None:
            return self.feature_names_in_
        names = np.asarray(input_features, dtype=object)
        if names.shape != (self.n_features_in_,):
            raise InputError(
                f"Expected input_features to be {self.n_features_in_} names, one a column; got "
                f"{input_features!r:.80}. Leave them out."
            )
        return names

    def _check_draws(self) -> None:
        n_draws = number("n_draws", self.n_draws, least=1, whole=True)
        check_agg(self.agg, n_draws)
        check_unseen(self.unseen)
        if n_draws > 1 and self.agg is None:
            raise InputError(
                f"Expected n_draws of 1 without agg, as a transformer gives one table; got "
                f"{n_draws}. Give agg='median', or call model_.impute(X, n_draws=...)."
            )

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                "Expected a fitted QuantileImputer; got one that is not. Call fit(X) first."
            )

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in vars(self)
