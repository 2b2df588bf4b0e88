"""A batch of laws as a sequence of them."""

from collections.abc import Iterator
from typing import Any, Self

from torch.distributions import Distribution

from qdist.errors import SingleLawError
from qdist.quantile.hooks import AbstractHooks
from qdist.quantile.part import Part

__all__ = ["Batch"]


class Batch(AbstractHooks, Distribution):
    """The laws of a batch one by one, as the rows of a tensor are had.

    Example:
        >>> import torch
        >>> from qdist.quantile import Categorical
        >>> law = Categorical(torch.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0]]))
        >>> len(law), law[1], law[:2]
        (3, Categorical(batch_shape=(), codes=2), Categorical(batch_shape=(2,), codes=2))
        >>> torch.stack([one.icdf(0.5) for one in law])
        tensor([1., 0., 0.])
    """

    def __getitem__(self, index: Any) -> Self:
        """Some of the laws, as `index` takes them of a tensor of the batch shape.

        Raises:
            BatchIndexError: If there is no such place.
            UnsupportedError: If the class answers for its batch as a whole.
        """
        part = Part.of(self.batch_shape, index)
        law: Self = self._take(part).expand(part.shape)
        law._validate_args = self._validate_args  # of what it is asked; its tensors were checked
        return law

    def __len__(self) -> int:
        """The length of the first batch axis.

        Raises:
            SingleLawError: If the batch shape is ().
        """
        if not self.batch_shape:
            raise SingleLawError(
                "Expected a batch of laws; got a single one, of batch shape (). Ask it as it is."
            )
        return self.batch_shape[0]

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return True  # whatever its length: a law is no container that may be empty
