"""The law of targets given features, behind a scikit-learn face."""

from collections.abc import Sequence
from typing import Any, Self, final

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from torch import Tensor

from qdist import arguments, files
from qdist.errors import InputError, NotFittedError
from qdist.estimators.fitting import fit_parts
from qdist.estimators.inputs import check_sizes, read_features, read_targets
from qdist.estimators.join import join
from qdist.estimators.parts import Parts
from qdist.estimators.planning import plan_of
from qdist.estimators.skill import marginal_crps, skill
from qdist.quantile import QuantileFunction
from qdist.quantile.edge import checking
from qdist.training import Callback, Checkpoint, Resume, with_gradients

__all__ = ["DistributionRegressor"]

Floats = NDArray[np.float64]


@final
class DistributionRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    r"""The whole law of a target given features: mean, quantiles, intervals, density, draws.

    Boosted trees of two kinds and a network that reads their guess, and a network that reads the
    features alone, each of them an ensemble of members; and a forest that remembers, which serves
    rows that occur again. The average of their quantile functions is the forecast. Both networks
    are trained by the exact CRPS on the data's own scale (on which a value that many rows hold is
    given room); of few rows several copies are, each with other rows held out.
    Quantiles never cross, and a target of few values keeps to them.

    Missing features are values like others. A number beyond the range of training counts as at
    its end; a level that was not seen, or only once, counts as missing. With several targets
    each has its own law given the features; how they depend on each other beyond these is not
    modelled (take [`TabularModel`][qdist.TabularModel] for that).

    Args:
        max_time: Longest time to fit, in seconds or as "5m". It becomes a number of steps; the
            trees are not cut short, and the networks share what is left.
        max_epochs: At most so many passes of each network over the rows.
        max_steps: At most so many steps of each network, or one number for each (as in
            `n_steps_`). Without these two: 600 to 2,000 and 2,000 to 4,000, by the number of rows.
        batch_size: Rows a step; by default a twentieth of the rows, between 64 and 512.
        learning_rate: Peak learning rate of AdamW of the larger network; half of it serves the
            smaller.
        trees: Number of boosted symmetric trees; five for every three of them grow leaf by leaf
            besides. 0 leaves both out, and the network that reads them.
        depth: Depth of the symmetric trees.
        forest: Number of trees of the forest that remembers; 0 leaves it out. Without held-out
            rows to choose its share by there is none.
        folds: Parts of the cross-fitting by which training rows get guesses.
        copies: Copies of the networks and of the trees, which are averaged; those of the networks
            hold out different rows. By default 3 below 2,000 rows, where a tenth of them is little
            to judge by, else 1.
        few_values: A target of at most so many values, each held by several rows, keeps to them;
            0 takes every target for one that may have others too.
        validation_fraction: Share of the rows that each copy holds out, for early stopping and for
            the shares in the average and its width; 0 for none.
        network_args: Arguments of [`RegressionLaw`][qdist.laws.RegressionLaw], such as `members`,
            `width`, `knots`.
        callbacks: Called with a record after each validation; training stops if one returns True.
        device: Where the networks live, for example "cpu" or "cuda".
        random_state: Seed; on a CPU the same one gives the same model, bit for bit, with the same
            number of threads (`torch.get_num_threads()`).

    Attributes:
        n_steps_: Planned steps of each network, of the first copy; as `max_steps` they repeat a
            fit in which the clock has cut no network short and given no later copy fewer steps.
        shares_: For each target the shares in the average: of the network with trees (if any), of
            the one without, and of the forest.
        history_: One record for each validation: network, step, epoch, losses, seconds.
        profile_: Seconds spent on each part of the fit.
        n_features_in_: Number of features.
        feature_names_in_: Their names, if X was a frame.

    Example:
        >>> import numpy as np, qdist
        >>> rng = np.random.default_rng(0)
        >>> X = rng.uniform(size=(300, 1))
        >>> y = X[:, 0] + (0.1 + X[:, 0]) * rng.normal(size=300)
        >>> model = qdist.DistributionRegressor(max_steps=100, random_state=0).fit(X, y)
        >>> low, high = model.predict_interval([[0.1], [0.9]], coverage=0.9).T
        >>> bool((high - low)[1] > (high - low)[0])  # wider where the noise is
        True
    """

    _parts: Parts
    _flat: bool

    def __init__(
        self,
        *,
        max_time: float | str | None = None,
        max_epochs: float | None = None,
        max_steps: int | Sequence[int] | None = None,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        trees: int = 300,
        depth: int = 8,
        forest: int = 50,
        folds: int = 5,
        copies: int | None = None,
        few_values: int = 128,
        validation_fraction: float = 0.1,
        network_args: dict[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        device: str = "cpu",
        random_state: Any = None,
    ) -> None:
        self.max_time = max_time
        self.max_epochs = max_epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.trees = trees
        self.depth = depth
        self.forest = forest
        self.folds = folds
        self.copies = copies
        self.few_values = few_values
        self.validation_fraction = validation_fraction
        self.network_args = network_args
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state

    @with_gradients
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        checkpoint: Any = None,
        resume: Resume = "auto",
    ) -> Self:
        """Fit the law of targets given features; forgets an earlier fit.

        Args:
            X: A frame of any make (numbers, booleans, levels, dates), or an array (N, F).
            y: Targets, shape (N,) or (N, T).
            sample_weight: Weights of the rows, shape (N,), not negative.
            X_val: Features of rows for early stopping; by default a part of X is held out.
            y_val: Their targets.
            checkpoint: Folder in which the fit is kept; the same call goes on from there.
            resume: True: there must be something to go on from; False: start anew.

        Returns:
            The model itself.

        Raises:
            InputError: If the data or a parameter cannot be worked with, or kept in a file.
            TrainingError: If training diverges.
            OutOfMemoryError: If not even one row a step fits.
        """
        plan = plan_of(self, Checkpoint(checkpoint, resume=resume))
        names = ("_parts", "n_features_in_", "feature_names_in_")
        earlier = {k: self.__dict__.pop(k) for k in names if k in self.__dict__}
        try:
            table = read_features(self, X)
            targets, flat = read_targets(y, table.num_rows)
            check_sizes(targets)
            weight = arguments.row_weights(sample_weight, len(targets)).double().numpy()
            seen = weight > 0  # what weighs nothing might as well not be there
            if not seen.all():
                table, targets, weight = table.filter(pa.array(seen)), targets[seen], weight[seen]
                weight = weight / weight.mean()
            if len(targets) < 2:
                raise InputError(
                    f"Expected at least 2 rows that weigh something; got n_samples = "
                    f"{len(targets)}. Give more rows."
                )
            held_out = None
            if (X_val is None) != (y_val is None):
                raise InputError("Expected X_val and y_val together; got one. Give both.")
            if X_val is not None:
                features = read_features(self, X_val, like=table.schema)
                values, _ = read_targets(y_val, features.num_rows)
                if values.shape[1] != targets.shape[1]:
                    raise InputError(
                        f"Expected y_val with {targets.shape[1]} targets; got {values.shape[1]}."
                    )
                held_out = features, values
            parts = fit_parts(table, targets, weight, plan, held_out=held_out)
        except BaseException:
            for name in names:
                self.__dict__.pop(name, None)
            self.__dict__.update(earlier)  # a fit that fails leaves an earlier one whole
            raise
        self._summary = files.start_summary(len(targets))
        self._note(parts, flat=flat)
        return self

    def predict(self, X: Any) -> Floats:
        """The mean of each target.

        Args:
            X: Features of N rows, as in `fit`.

        Returns:
            Means, shape (N,), or (N, T) where y had an axis of targets.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If X is not like the X of `fit`.
        """
        return self._ask(X, lambda law: law.mean)

    def predict_quantiles(self, X: Any, quantiles: Any = (0.05, 0.5, 0.95)) -> Floats:
        """Quantiles of each target; for two levels the higher one is never below the lower one.

        Args:
            X: Features of N rows, as in `fit`.
            quantiles: Levels in [0, 1], in any order: a list of L of them, or one number.

        Returns:
            Quantiles, shape (N, L) or, with an axis of targets, (N, T, L); without the last axis
            where the level was one number.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If X is not like the X of `fit`, or a level lies outside [0, 1].
        """
        self._fitted()
        levels = arguments.levels("quantiles", quantiles)
        found = self._ask(X, lambda law: law.quantiles(levels.reshape(-1)))
        return found if levels.dim() else found[..., 0]

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Floats:
        """The central interval that holds a share of the mass.

        Args:
            X: Features of N rows, as in `fit`.
            coverage: The share, in [0, 1].

        Returns:
            Lower and upper ends, shape (N, 2) or, with an axis of targets, (N, T, 2).

        Raises:
            NotFittedError: Before `fit`.
            InputError: If X is not like the X of `fit`, or the share lies outside [0, 1].
        """
        self._fitted()
        share = arguments.levels("coverage", coverage)
        if share.dim():
            raise InputError(f"Expected one coverage; got {coverage!r}. Ask for each by itself.")
        return self.predict_quantiles(X, [0.5 - share / 2, 0.5 + share / 2])

    def predict_dist(self, X: Any) -> QuantileFunction | list[QuantileFunction]:
        """The law of each target: `icdf`, `cdf`, `log_prob`, `crps`, `mean`, `sample` and others.

        Args:
            X: Features of N rows, as in `fit`.

        Returns:
            A [`QuantileFunction`][qdist.quantile.QuantileFunction] of batch shape (N,), float64,
            on the data's own scale; with an axis of targets a list of T of them. Of a target of
            few values, those that single precision cannot tell apart, such as 0.3 and 0.1 + 0.2,
            are one: all their mass is on the one of most weight, and at the others `log_prob` is
            minus infinity. Round such a target before the fit.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If X is not like the X of `fit`.
        """
        parts = self._fitted()
        table = read_features(self, X, like=parts.features.schema)
        columns = zip(*parts.laws(table), strict=True)
        laws = [checking(join(list(column))) for column in columns]
        return laws[0] if self._flat else laws

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        r"""The CRPS skill, $1 - \mathrm{CRPS} / \mathrm{CRPS}_0$; 1 is perfect.

        $\mathrm{CRPS}_0$ is that of one law for all rows, the marginal law of the given y: as in
        $R^2$, of which this is the counterpart for laws. A mean over the targets.

        Args:
            X: Features of N rows, as in `fit`.
            y: Targets, shape (N,) or (N, T).
            sample_weight: Weights of the rows, shape (N,).

        Returns:
            The skill; 0 where y does not vary and the forecast is perfect all the same, else
            minus infinity there.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If X or y is not like that of `fit`.
        """
        parts = self._fitted()
        table = read_features(self, X, like=parts.features.schema)
        targets, _ = read_targets(y, table.num_rows)
        if targets.shape[1] != len(parts.targets):
            raise InputError(
                f"Expected y with {len(parts.targets)} targets; got {targets.shape[1]}."
            )
        weight = arguments.row_weights(sample_weight, len(targets)).double().numpy()
        laws = [join(list(column)) for column in zip(*parts.laws(table), strict=True)]
        skills = []
        for law, column in zip(laws, targets.T, strict=True):
            got = float(np.average(law.crps(torch.tensor(column)).numpy(), weights=weight))
            skills.append(skill(got, marginal_crps(column, weight)))
        return float(np.mean(skills))

    def save(self, path: Any, *, layout: files.Layout = "file") -> None:
        """Write the model to one file, `name.qdist`, or to a folder; see [`load`][qdist.load].

        Args:
            path: Where to; a model that is there is replaced, whole or not at all.
            layout: "file", or "folder" for a folder of the file's parts.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If a parameter is nothing that JSON can hold.
            FileAccessError: If the folder is missing or read-only; nothing is overwritten.
        """
        parts = self._fitted()
        params = files.saved_params(self.get_params(deep=False))
        if isinstance(self.max_steps, Sequence):
            params["max_steps"] = [None if n is None else int(n) for n in self.max_steps]
        names = getattr(self, "feature_names_in_", None)
        meta = {
            "estimator": "DistributionRegressor",
            "params": params,
            "parts": parts.to_json(),
            "flat": self._flat,
            "n_features": self.n_features_in_,
            "names": None if names is None else list(names),
            **files.training_summary(self._summary, self),
        }
        files.write_model(arguments.file_path(path), meta, parts.tensors(), layout=layout)

    @classmethod
    def _from_file(cls, meta: dict[str, Any], weights: dict[str, Tensor]) -> Self:
        model = cls(**meta["params"])
        parts = Parts.from_file(meta["parts"], weights)
        model._summary, shown = files.split_summary(meta)
        parts.n_steps, parts.history, parts.profile = shown
        model.n_features_in_ = int(meta["n_features"])
        if meta["names"] is not None:
            model.feature_names_in_ = np.asarray(meta["names"], dtype=object)
        model._note(parts, flat=bool(meta["flat"]))
        return model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        tags.non_deterministic = self.random_state is None
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "_parts" in vars(self)

    def _fitted(self) -> Parts:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                "Expected a fitted DistributionRegressor; got one that is not. "
                "Call fit(X, y) first."
            )
        parts: Parts = self._parts
        return parts

    def _ask(self, X: Any, question: Any) -> Floats:
        """Answers of all laws, (N, ...) or (N, T, ...)."""
        parts = self._fitted()
        table = read_features(self, X, like=parts.features.schema)
        found: Floats | None = None
        start = 0
        for laws in parts.laws(table):
            for t, law in enumerate(laws):
                answer = question(law).numpy()
                if found is None:
                    found = np.empty((table.num_rows, len(laws), *answer.shape[1:]))
                found[start : start + len(answer), t] = answer
            start += len(answer)
        assert found is not None  # there is at least one batch
        return found[:, 0] if self._flat else found

    def _note(self, parts: Parts, *, flat: bool) -> None:
        self._parts, self._flat = parts, flat
        self.n_steps_, self.shares_ = parts.n_steps, parts.shares
        self.history_, self.profile_ = parts.history, parts.profile
