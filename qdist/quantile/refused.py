"""What `torch.distributions` names and no law here offers: an error that says what to do."""

from typing import NoReturn

from torch.distributions import Distribution

from qdist.errors import UnsupportedError

__all__ = ["Refused"]


class Refused(Distribution):
    """Questions that quantiles do not answer in closed form.

    Each raises [`UnsupportedError`][qdist.errors.UnsupportedError], which is a
    `NotImplementedError` as well, as torch has it, and says what to do instead.

    Example:
        >>> import torch
        >>> from qdist.quantile import Empirical
        >>> Empirical(torch.tensor([0.0, 1.0])).entropy()
        Traceback (most recent call last):
        qdist.errors.UnsupportedError: Empirical has no entropy. ...
    """

    def entropy(self) -> NoReturn:
        """Refused; the mean of `-log_prob` over draws estimates it.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            f"{type(self).__name__} has no entropy. Where it has log_prob, estimate it as "
            "-law.log_prob(law.sample((1000,))).mean(0)."
        )

    @property
    def mode(self) -> NoReturn:
        """Refused; the greatest `log_prob` on a grid of values approximates it.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            f"{type(self).__name__} has no mode. Where it has log_prob, take the value of the "
            "greatest one among law.icdf(levels), or ask for icdf(0.5), the median; of levels "
            "without an order, probs.argmax(-1)."
        )
