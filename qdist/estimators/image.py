"""The law of images, behind a scikit-learn face that takes and gives arrays."""

from collections.abc import Sequence
from typing import Any, Self, final

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from qdist import arguments, files
from qdist.codecs.image import ImageCodec, ImageSchema
from qdist.codecs.labels import label_array
from qdist.errors import InputError, NotFittedError
from qdist.estimators.image_asked import AskedImages
from qdist.estimators.image_rows import (
    classes_of,
    fitted_codec,
    masked,
    recipe_of,
    training_rows,
    with_labels,
)
from qdist.estimators.limits import asked, limits_of
from qdist.joint import Autoregressive
from qdist.laws import ImageLaw, build
from qdist.laws.classes import classes_by_share
from qdist.rng import seed_of
from qdist.training import Callback, Checkpoint, Resume, split, train, with_gradients

__all__ = ["ImageModel"]

Bytes = npt.NDArray[np.uint8]

_MOST_HELD_OUT = 1024  # images: enough to stop by, few enough to look at forty times


@final
class ImageModel(AskedImages, BaseEstimator):  # type: ignore[misc]
    r"""The law of images, grey value by grey value in raster order, given a class or not.

    Args:
        backbone: Registered name of the network: what comes before a pixel -> context.
        head: Registered name of the head: context -> law of a grey value. "binned" (a softmax
            whose logits are smooth in the grey value), "categorical" (the softmax of the original
            PixelCNN), "spline" or "implicit".
        max_time: Longest time to fit, in seconds or as "5m"; turned into a number of steps.
        max_epochs: At most so many passes over the images.
        max_steps: At most so many steps. Without these two: 40 epochs, but at least 2,000 steps,
            and at most 6,000 where `max_time` is not given either.
        batch_size: Images a step; 64 by default.
        learning_rate: Peak learning rate of AdamW.
        validation_fraction: Share of the images held out for early stopping, at most 1,024 of
            them; 0 for none.
        backbone_args: Arguments of the backbone, such as `{"features": 32, "layers": 6}`.
        head_args: Arguments of the head.
        grey_levels: 256 where images to come may hold any grey value; by default images of few,
            evenly spaced ones have a law on these alone, and others are refused.
        callbacks: Called with a record after each validation; training stops if one returns True.
        device: Where the network lives, for example "cpu" or "cuda".
        random_state: Seed; on a CPU the same one gives the same model, bit for bit, with the same
            number of threads (`torch.get_num_threads()`).

    Attributes:
        schema_: What was made out of the images: their size, grey values and classes.
        classes_: The labels that were fitted, sorted; empty without labels.
        module_: The joint law, a torch module over rows of codes.
        n_steps_: Planned steps; as `max_steps` it repeats a fit that the clock has not cut short.
        history_: One record for each validation: step, epoch, losses, seconds.
        profile_: Seconds spent on each part of training.

    Example:
        >>> import numpy as np, qdist
        >>> stripes = np.tile(np.array([0, 255], np.uint8), (20, 3, 2))  # 20 images, 3 x 4
        >>> small = {"features": 4, "layers": 1, "context": 8}
        >>> model = qdist.ImageModel(max_steps=5, backbone_args=small, random_state=0)
        >>> model.fit(stripes).sample(2, random_state=0).shape
        (2, 3, 4)
    """

    def __init__(
        self,
        *,
        backbone: str = "pixelcnn",
        head: str = "binned",
        max_time: float | str | None = None,
        max_epochs: float | None = None,
        max_steps: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 8e-3,
        validation_fraction: float = 0.1,
        backbone_args: dict[str, Any] | None = None,
        head_args: dict[str, Any] | None = None,
        grey_levels: int | None = None,
        callbacks: Sequence[Callback] = (),
        device: str = "cpu",
        random_state: Any = None,
    ) -> None:
        self.backbone = backbone
        self.head = head
        self.max_time = max_time
        self.max_epochs = max_epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.backbone_args = backbone_args
        self.head_args = head_args
        self.grey_levels = grey_levels
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state

    @with_gradients
    def fit(
        self,
        images: Any,
        y: Any = None,
        *,
        images_val: Any = None,
        y_val: Any = None,
        checkpoint: Any = None,
        resume: Resume = "auto",
    ) -> Self:
        """Fit the law of images; forgets an earlier fit.

        Args:
            images: Images, shape (N, H, W) or (N, H, W, C), uint8; or a folder or a file that
                [`read_images`][qdist.data.images.read_images] reads, labels included. One picture
                is `picture[None]`.
            y: Labels, shape (N,), whole numbers or text; without them the law has no classes.
            images_val: Images for early stopping; by default a part of the images is held out.
            y_val: Their labels.
            checkpoint: Folder in which the fit is kept; the same call goes on from there.
            resume: True: there must be something to go on from; False: start anew.

        Returns:
            The model itself.

        Raises:
            InputError: If the images, the labels or a parameter cannot be worked with.
            TrainingError: If training diverges.
            OutOfMemoryError: If not even one image a step fits.
        """
        limits = limits_of(self.max_time, self.max_epochs, self.max_steps)
        recipe = recipe_of(self.batch_size, self.learning_rate)
        fraction = arguments.number(
            "validation_fraction", self.validation_fraction, least=0, below=1
        )
        kept = Checkpoint(checkpoint, resume=resume)
        seed = kept.seed(self.random_state)
        codec, images, y = fitted_codec(images, y, grey_levels=self.grey_levels)
        n_images = len(images)
        settings: dict[str, Any] = {
            "backbone": self.backbone,
            "backbone_args": arguments.keywords("backbone_args", self.backbone_args),
            "head": self.head,
            "head_args": arguments.keywords("head_args", self.head_args),
        }
        callbacks = arguments.functions("callbacks", self.callbacks)
        law = build(lambda: ImageLaw(codec, **settings), seed=seed, device=self.device)
        train_rows, held_out = training_rows(codec, images, y, law.device), None
        if images_val is None and y_val is None:
            fraction = min(fraction, _MOST_HELD_OUT / len(train_rows))
            train_rows, held_out = split(train_rows, fraction, seed)
        else:
            images_val, y_val = with_labels(images_val, y_val, classes=codec.schema.classes)
            held_out = training_rows(codec, images_val, y_val, law.device, suffix="_val")
        law.start(train_rows.y)
        kept.claim(train_rows, held_out, codec=codec.to_json(), **asked(self, limits))
        result = train(
            law,
            train_rows,
            held_out,
            limits=limits,
            recipe=recipe,
            seed=seed,
            callbacks=callbacks,
            checkpoint=kept,
        )
        # Only now: a fit that fails leaves an earlier one whole.
        self._codec, self._settings, self._law = codec, settings, law
        self.n_steps_, self.history_, self.profile_ = (
            result.n_steps,
            result.history,
            result.profile,
        )
        self._summary = files.start_summary(n_images, backbone=self.backbone, head=self.head)
        return self

    def sample(
        self, n: int | None = None, *, given: Any = None, random_state: Any = None
    ) -> Bytes:
        """Draw images.

        Args:
            n: How many; by default one, or one for each label given.
            given: Labels to draw from: one, or n of them. Without, a fitted class is drawn for
                each image, as often as it was fitted; `sample_labels` says which.
            random_state: Seed; a grey value depends on (seed, image, place) only.

        Returns:
            Images, shape (n, H, W) or (n, H, W, C) as those that were fitted, uint8.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If n is negative, or a label was not fitted.
        """
        codec, law = self._fitted()
        if n is None and given is not None and label_array(given, "given").ndim == 1:
            n = len(given)
        n, seed = arguments.row_count(n), seed_of(random_state)
        y = torch.zeros(n, law.dim)
        if given is not None:
            y[:, 0] = codec.encode_labels(given, n).to(y)
        elif codec.schema.classes:
            y[:, 0] = classes_by_share(codec.schema, n, seed=seed).to(y)
        visible = torch.zeros(n, law.dim, dtype=torch.bool)
        return codec.decode(law.fill(y, visible, seed=seed)[:, law.first :])

    def sample_labels(self, n: int | None = None, *, random_state: Any = None) -> npt.NDArray[Any]:
        """Draw labels as often as they were fitted: those of `sample` with the same seed.

        So `sample(given=labels)` draws images whose classes are known.

        Args:
            n: How many; by default one.
            random_state: Seed; a label depends on (seed, row) only.

        Returns:
            Labels, shape (n,), each one of `classes_`.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If n is negative, or the model was fitted without labels.
        """
        schema = self._fitted()[0].schema
        if not schema.classes:
            raise InputError(
                "Expected a model that was fitted with labels; got one without. Fit it with "
                "labels: fit(images, y)."
            )
        n, seed = arguments.row_count(n), seed_of(random_state)
        return np.asarray(self.classes_[classes_by_share(schema, n, seed=seed).numpy()])

    def inpaint(
        self,
        images: Any,
        mask: Any,
        *,
        n_draws: int = 1,
        given: Any = None,
        random_state: Any = None,
    ) -> Bytes:
        """Draw the hidden pixels of images; the known ones stay exactly as they are.

        A hidden pixel is drawn given the pixels *before* it in raster order (all rows above, and
        what is left of it), known or drawn. It does not see known pixels after it.

        Args:
            images: Images as those that were fitted; hidden pixels can be anything.
            mask: What is hidden: True, in all channels; shape (H, W) or (N, H, W), bool.
            n_draws: Completions of each image.
            given: Labels: one, or one for each image. Without, a class is drawn for each
                completion, from its law given the pixels before the first hidden one; known
                pixels after that one say nothing of it, so give the label if you know it.
            random_state: Seed.

        Returns:
            Completed images, shape (n_draws, N, H, W) or (n_draws, N, H, W, C), uint8.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If the images or labels are not like those that were fitted, or the mask
                is of another shape or dtype.
        """
        codec, law = self._fitted()
        draws = arguments.number("n_draws", n_draws, least=1, whole=True)
        seed = seed_of(random_state)
        stack, hidden = masked(codec, images, mask)
        n = len(stack)
        codes = codec.encode(stack)
        visible = torch.cat([hidden.new_zeros(n, law.first), ~hidden], 1).repeat(draws, 1)
        y = torch.cat([torch.zeros(n, law.first), codes.float()], 1).repeat(draws, 1)
        if given is not None:
            y[:, 0] = codec.encode_labels(given, n).to(y).repeat(draws)
        elif codec.schema.classes:
            y[:, 0] = classes_of(law, codes, hidden, draws=draws, seed=seed).to(y)
        filled = law.fill(y, visible, seed=seed, later="keep", what="inpainting")
        drawn = codec.decode(filled[:, law.first :])
        return drawn.reshape(draws, n, *codec.schema.shape)

    @property
    def schema_(self) -> ImageSchema:
        """What was made out of the images."""
        return self._fitted()[0].schema

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The labels that were fitted, sorted."""
        return np.asarray(self.schema_.classes)

    @property
    def module_(self) -> Autoregressive:
        """The joint law: a torch module over rows of codes."""
        return self._fitted()[1].joint

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
        codec, law = self._fitted()
        meta = {
            "estimator": "ImageModel",
            "params": files.saved_params(self.get_params(deep=False)),
            "parts": self._settings,
            "codec": codec.to_json(),
            **files.training_summary(self._summary, self),
        }
        files.write_model(arguments.file_path(path), meta, law.state_dict(), layout=layout)

    @classmethod
    def _from_file(cls, meta: dict[str, Any], weights: dict[str, Tensor]) -> Self:
        model = cls(**meta["params"])
        model._codec = codec = ImageCodec.from_json(meta["codec"])
        model._settings = settings = dict(meta["parts"])
        model._summary, shown = files.split_summary(meta)
        model.n_steps_, model.history_, model.profile_ = shown
        with files.budget(weights):
            model._law = law = build(lambda: ImageLaw(codec, **settings), seed=0, device="cpu")
        files.fill_weights(law, weights)
        law.eval()
        return model

    def __sklearn_is_fitted__(self) -> bool:
        return "_law" in vars(self)

    def _fitted(self) -> tuple[ImageCodec, ImageLaw]:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                "Expected a fitted ImageModel; got one that is not. Call fit(images) first."
            )
        return self._codec, self._law
