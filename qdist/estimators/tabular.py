"""The joint law of a table, behind a scikit-learn face that takes and gives frames."""

from collections.abc import Sequence
from typing import Any, Literal, Self, final

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from qdist import arguments, files, queries, registry
from qdist.codecs.schema import Column, Schema
from qdist.codecs.table import TableCodec
from qdist.errors import InputError, NotFittedError
from qdist.estimators.asked_rows import AskedRows
from qdist.estimators.calibration import but_for_calibration, calibrate
from qdist.estimators.limits import asked, limits_of, rows_that_count
from qdist.joint import Autoregressive, Ensemble
from qdist.laws import TableLaw, build, sampling_order
from qdist.queries import Nan
from qdist.training import (
    Callback,
    Checkpoint,
    Recipe,
    Result,
    Resume,
    Rows,
    split,
    train,
    with_gradients,
)

__all__ = ["TabularModel"]


@final
class TabularModel(AskedRows, BaseEstimator):  # type: ignore[misc]
    r"""The joint law of a table's columns, any of them given any others.

    Networks are trained on random sets of visible columns, and so answer for every condition
    directly; the laws of several are mixed. Missing values, point masses, dates, levels and
    numbers are modelled together. A fit that is long enough ends by calibrating samples to the
    marginals of the rows.

    Args:
        backbone: Registered name of the network: what is known of a row -> context.
        head: Registered name of the head of numeric columns: context -> law of a cell.
        members: Number of networks whose conditional laws are mixed: more are more accurate, and
            cost as much more in fitting and in queries; samples over the full `tau_range` cost
            little more.
        order: "any", or the names of the columns in the order in which they are drawn; then the
            network is trained for that order alone, and conditions must be its first columns.
            Under "any" the order of sampling follows from the rows: see `order_`.
        max_time: Longest time to fit, in seconds or as "5m"; turned into a number of steps.
        max_epochs: At most so many passes over the rows.
        max_steps: At most so many steps. Without these two: 60 epochs, but at least 3,500 steps,
            and at most 6,000 where `max_time` is not given either.
        batch_size: Rows a step for each member; by default a twentieth of the rows, between 64
            and 512.
        learning_rate: Peak learning rate of AdamW.
        validation_fraction: Share of the rows held out for early stopping; 0 for none.
        columns: What is known beforehand of some columns, by name: `qdist.Column(...)`.
        min_level_count: A nominal level that fewer rows hold counts as "(other)" (as missing where
            levels are no text): its name is not kept, nor saved.
        codec_args: Arguments of [`TableCodec.fit`][qdist.codecs.table.TableCodec.fit], such as
            `n_bins`.
        backbone_args: Arguments of the backbone.
        head_args: Arguments of the head.
        callbacks: Called with a record after each validation; training stops if one returns True.
        device: Where the network lives, for example "cpu" or "cuda".
        random_state: Seed; on a CPU the same one gives the same model, bit for bit, with the same
            number of threads (`torch.get_num_threads()`).

    Attributes:
        schema_: What was made out of the columns.
        module_: The joint law, a torch module over encoded rows.
        order_: The modelled columns in the order in which samples are drawn. Under "any" those of
            few values come first, as rows that are alike so far are drawn
            [for the price of one](../how-to/sample-faster.md).
        n_steps_: Planned steps; as `max_steps` it repeats a fit that the clock has not cut short.
        history_: One record for each validation: step, epoch, losses, seconds.
        profile_: Seconds spent on each part of training.
        n_features_in_: Number of columns.
        feature_names_in_: Their names.

    Example:
        >>> import qdist
        >>> from qdist.data.datasets import load_penguins
        >>> model = qdist.TabularModel(max_steps=20, random_state=0).fit(load_penguins())
        >>> birds = model.sample(3, given={"species": "Gentoo"}, random_state=0)
        >>> list(birds["species"])
        ['Gentoo', 'Gentoo', 'Gentoo']
    """

    def __init__(
        self,
        *,
        backbone: str = "mlp",
        head: str = "binned",
        members: int = 2,
        order: Literal["any"] | Sequence[str] = "any",
        max_time: float | str | None = None,
        max_epochs: float | None = None,
        max_steps: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        validation_fraction: float = 0.1,
        columns: dict[str, Column] | None = None,
        min_level_count: int = 1,
        codec_args: dict[str, Any] | None = None,
        backbone_args: dict[str, Any] | None = None,
        head_args: dict[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        device: str = "cpu",
        random_state: Any = None,
    ) -> None:
        self.backbone = backbone
        self.head = head
        self.members = members
        self.order = order
        self.max_time = max_time
        self.max_epochs = max_epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.columns = columns
        self.min_level_count = min_level_count
        self.codec_args = codec_args
        self.backbone_args = backbone_args
        self.head_args = head_args
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state

    @with_gradients
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        X_val: Any = None,
        sample_weight: Any = None,
        checkpoint: Any = None,
        resume: Resume = "auto",
    ) -> Self:
        """Fit the law of the rows of a frame; forgets an earlier fit.

        Args:
            X: A frame: pandas, polars, pyarrow, numpy, or a dict of columns.
            y: Ignored; there for pipelines.
            X_val: Rows for early stopping; by default a part of X is held out.
            sample_weight: Weights of the rows, shape (N,), not negative.
            checkpoint: Folder in which the fit is kept; the same call goes on from there.
            resume: True: there must be something to go on from; False: start anew.

        Returns:
            The model itself.

        Raises:
            InputError: If the frame or a parameter cannot be worked with, or no file could hold
                what there is to know of a column.
            TrainingError: If training diverges.
            OutOfMemoryError: If not even one row a step fits.
        """
        del y
        limits = limits_of(self.max_time, self.max_epochs, self.max_steps)
        recipe = self._recipe()
        fraction = arguments.number(
            "validation_fraction", self.validation_fraction, least=0, below=1
        )
        kept = Checkpoint(checkpoint, resume=resume)
        seed = kept.seed(self.random_state)
        codec_args = arguments.keywords("codec_args", self.codec_args, of=TableCodec.fit)
        stated = {"columns": self.columns, "min_level_count": self.min_level_count}
        X, weight = rows_that_count(X, sample_weight)
        codec = TableCodec.fit(X, **{**stated, **codec_args})
        files.check_codec(codec)  # what cannot be saved is not trained first
        encoded = codec.encode(X)
        weight = torch.ones(len(encoded)) if weight is None else weight

        settings, result = self._parts(codec, encoded), Result()
        law: TableLaw | None = None
        if codec.coordinates:  # otherwise there are constants and ids only: nothing to learn
            law = build(lambda: TableLaw(codec, **settings), seed=seed, device=self.device)
            y_train = encoded.to(law.device, law.dtype)
            rows = Rows(y_train, weight.to(y_train))
            if X_val is None:
                rows, held_out = split(rows, fraction, seed)
            else:
                y_val = codec.encode(X_val).to(y_train)
                held_out = Rows(y_val, y_val.new_ones(len(y_val)))
            law.joint.start(rows.y, weight=rows.weight)
            kept.claim(rows, held_out, codec=codec.to_json(), **asked(self, limits))
            result = train(
                law,
                rows,
                held_out,
                limits=but_for_calibration(limits),
                recipe=recipe,
                seed=seed,
                callbacks=arguments.functions("callbacks", self.callbacks),
                checkpoint=kept,
            )
            calibrate(law, Rows(y_train, weight.to(y_train)), result, trained=len(rows), seed=seed)
        # Only now: a fit that fails leaves an earlier one whole.
        self._codec, self._settings, self._law = codec, settings, law
        self._summary = files.start_summary(len(encoded), backbone=self.backbone, head=self.head)
        self._note(codec, result.n_steps, result.history, result.profile)
        return self

    def sample(
        self,
        n: int | None = None,
        *,
        given: Any = None,
        nan: Nan = "unknown",
        tau_range: tuple[float, float] = (0.0, 1.0),
        random_state: Any = None,
    ) -> Any:
        """Draw rows given what is known. Nothing is rejected; what was given comes back as it was.

        Args:
            n: Number of rows; with a frame of conditions, draws for each of its rows (then a
                row's draws are adjacent and its index is repeated). 1 by default.
            given: What is known: a dict (one condition; `qdist.MISSING` says that a value is
                missing, and for one column `qdist.Range(40, None)` that it lies between two
                ends), or a frame with some of the columns (one condition a row). A dict of lists
                is such a frame: `sample(100, given={"species": ["Adelie", "Gentoo"]})` gives 200
                rows.
            nan: What a missing cell of a frame means: "unknown", to be drawn, or "value", known to
                be missing.
            tau_range: Range of the levels of all drawn cells; (0.05, 0.95) cuts off tails. Where
                cells can be missing, "missing" comes first in a column of many numbers, dates or
                times, so that the lower cut takes from it; in a coded column (text, booleans, few
                numbers) it comes last, so that the upper cut does.
            random_state: Seed; a cell's number depends on (seed, row, column) only.

        Returns:
            A frame of the type that was fitted, with its columns, dtypes and levels.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If n is negative, or a condition is not possible.
            UnknownNameError: If a condition names an unknown column.
            UnsupportedError: If more than one column has a range.
        """
        parts, seed = self._parted(), random_state
        return queries.sample(
            *parts, n, given=given, nan=nan, tau_range=tau_range, random_state=seed
        )

    def loss(self, batch: Any, *, generator: torch.Generator) -> Tensor:
        """The training loss of a batch, for those who bring their own loop.

        Args:
            batch: A frame like the fitted one, or encoded rows (B, D).
            generator: Draws which cells are visible, and which are asked for.

        Returns:
            A number with a gradient: the mean over rows, in nats for heads with a log score.
        """
        codec, law = self._asked()
        y = batch if isinstance(batch, Tensor) else codec.encode(batch)
        y = y.to(law.device, law.dtype)
        questions = law.questions(len(y), generator=generator)
        loss: Tensor = law(y, questions, generator=generator).mean()
        return loss

    def encode(self, X: Any) -> Tensor:
        """Encoded rows, as `module_` and `loss` take them.

        Args:
            X: A frame like the fitted one.

        Returns:
            float32 of shape (N, D).
        """
        return self._fitted().encode(X).to(torch.float32)

    @property
    def schema_(self) -> Schema:
        """What was made out of the columns."""
        return self._fitted().schema

    @property
    def order_(self) -> list[str]:
        """The modelled columns, in the order in which samples are drawn."""
        codec, law = self._parted()
        return [] if law is None else [codec.names[i] for i in law.joint.order]

    @property
    def module_(self) -> Autoregressive | Ensemble:
        """The joint law: a torch module over encoded rows."""
        return self._asked()[1].joint

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
        codec = self._fitted()
        meta = {
            "estimator": "TabularModel",
            # The codec knows what was said of the columns.
            "params": files.saved_params(self.get_params(deep=False), skip=("columns",)),
            "parts": self._settings,
            "codec": codec.to_json(),
            **files.training_summary(self._summary, self),
        }
        weights = {} if self._law is None else self._law.state_dict()
        files.write_model(arguments.file_path(path), meta, weights, layout=layout)

    @classmethod
    def _from_file(cls, meta: dict[str, Any], weights: dict[str, Tensor]) -> Self:
        model = cls(**meta["params"])
        model._codec = codec = files.read_table(meta["codec"])
        model._settings = meta["parts"]
        model._summary, shown = files.split_summary(meta)
        model._note(codec, *shown)
        model._law = law = None
        if codec.coordinates:
            with files.budget(weights):
                law = build(lambda: TableLaw(codec, **model._settings), seed=0, device="cpu")
            model._law = law
        files.fill_weights(nn.Module() if law is None else law, weights)
        if law is not None:
            law.eval()
        return model

    def _note(
        self,
        codec: TableCodec,
        n_steps: int,
        history: list[dict[str, Any]],
        profile: dict[str, float],
    ) -> None:
        self.n_steps_, self.history_, self.profile_ = n_steps, history, profile
        self.n_features_in_ = len(codec.schema)
        self.feature_names_in_ = np.asarray(codec.schema.names, dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return "_codec" in vars(self)

    def _fitted(self) -> TableCodec:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                "Expected a fitted TabularModel; got one that is not. Call fit(X) first."
            )
        return self._codec

    def _parted(self) -> tuple[TableCodec, TableLaw | None]:
        return self._fitted(), self._law

    def _asked(self) -> tuple[TableCodec, TableLaw]:
        codec = self._fitted()
        if self._law is None:
            raise InputError(queries.NOTHING)
        return codec, self._law

    def _parts(self, codec: TableCodec, y: Tensor) -> dict[str, Any]:
        """What is needed, besides the codec, to build the network again: trained by rows y."""
        order = arguments.column_order(self.order, codec.names)
        any_set = order is None and registry.backbone(self.backbone).serves == "two_level"
        return {
            "backbone": self.backbone,
            "backbone_args": arguments.keywords("backbone_args", self.backbone_args),
            "head": self.head,
            "head_args": arguments.keywords("head_args", self.head_args),
            "members": arguments.number("members", self.members, least=1, whole=True),
            "order": order,
            "along": sampling_order(y, codec.coordinates) if any_set else None,
        }

    def _recipe(self) -> Recipe:
        check = arguments.number
        return Recipe(
            batch_size=check("batch_size", self.batch_size, least=1, whole=True, optional=True),
            learning_rate=check("learning_rate", self.learning_rate, above=0),
        )
