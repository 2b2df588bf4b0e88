"""What fitted images can be asked without drawing any: probabilities and levels, as methods."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from qdist import arguments
from qdist.codecs.image import ImageCodec
from qdist.errors import InputError
from qdist.estimators.image_rows import with_classes
from qdist.laws import ImageLaw
from qdist.laws.classes import log_joint
from qdist.rng import seed_of

__all__ = ["AskedImages"]

Floats = npt.NDArray[np.float64]


class AskedImages(ABC):
    """How probable images are under a fitted law, and where in it their grey values lie."""

    @abstractmethod
    def _fitted(self) -> tuple[ImageCodec, ImageLaw]:
        """Return codec and law; raises where there is nothing to ask."""

    def log_prob(self, images: Any, *, given: Any = None) -> Floats:
        """Log probabilities of images, in nats.

        A grey value has the probability of its cell, $P(k) = F(k + 1/2) - F(k - 1/2)$; so this is
        a probability, not a density, and at most 0.

        Args:
            images: Images as those that were fitted.
            given: Labels: one, or one for each image. Without, and with classes, the probability
                is that of the mixture of the classes, by their shares among the fitted images.

        Returns:
            Log probabilities, shape (N,).

        Raises:
            NotFittedError: Before `fit`.
            InputError: If the images or labels are not like those that were fitted.
            UnsupportedError: If the network reads the levels of other pixels, and has no law.
        """
        codec, law = self._fitted()
        codes = codec.encode(images)
        if given is None and codec.schema.classes:
            return log_joint(law, codes).logsumexp(1).numpy()
        return law.log_mass(with_classes(codec, codes, given)).double().sum(1).numpy()

    def score(self, images: Any, y: Any = None) -> float:
        """The mean of `log_prob`: by it `GridSearchCV` and the like choose.

        Args:
            images: Images as those that were fitted.
            y: Their labels, as `given` of `log_prob`; without, classes are mixed.

        Returns:
            The mean log probability of an image in nats; higher is better.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If there is no image, or the images or labels are not like those that were
                fitted.
            UnsupportedError: If the network reads the levels of other pixels, and has no law.
        """
        scores = self.log_prob(images, given=y)
        if not len(scores):
            raise InputError("Expected images to score; got none. Give at least one.")
        return float(scores.mean())

    def bits_per_dim(self, images: Any, *, given: Any = None, floor: float = 0.0) -> Floats:
        r"""Bits for each grey value: $-\log_2 P(\text{image}) / (H W C)$.

        Args:
            images: Images as those that were fitted.
            given: As in `log_prob`.
            floor: Weight of a uniform law that is mixed into that of each grey value. Without it
                one value to which a head gives no mass makes the sum huge: state it with the
                number. Needs `given` where there are classes.

        Returns:
            Bits, shape (N,).

        Raises:
            NotFittedError: Before `fit`.
            InputError: If the images or labels are not like those that were fitted, or the floor
                is not in [0, 1).
            UnsupportedError: If the network reads the levels of other pixels, and has no law.
        """
        codec, law = self._fitted()
        floor = arguments.number("floor", floor, least=0, below=1)
        schema = codec.schema
        if not floor:
            nats = self.log_prob(images, given=given)
            return np.asarray(-nats / (schema.dim * np.log(2)))
        mass = law.log_mass(with_classes(codec, codec.encode(images), given)).double().exp()
        mixed = (1 - floor) * mass + floor / schema.levels
        return (-mixed.log2().mean(1)).numpy()

    def rosenblatt(self, images: Any, *, given: Any = None, random_state: Any = None) -> Floats:
        """The levels of grey values: independent and uniform where images follow this law.

        A grey value's level is drawn uniformly on its cell, between F(k-) and F(k).

        Args:
            images: Images as those that were fitted.
            given: Labels: one, or one for each image; needed where there are classes.
            random_state: Seed of the places within cells.

        Returns:
            Levels in [0, 1], in the shape of the images.

        Raises:
            NotFittedError: Before `fit`.
            InputError: If the images or labels are not like those that were fitted.
            UnsupportedError: If the network reads the levels of other pixels, and has no law.
        """
        codec, law = self._fitted()
        y = with_classes(codec, codec.encode(images), given)
        levels = law.rosenblatt(y, seed=seed_of(random_state))
        return levels.double().numpy().reshape(len(y), *codec.schema.shape)
