"""Probabilities over codes: a quantile function that is a staircase."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from numbers import Number
from typing import Any, Self, final

import numpy as np
import torch
from torch import Size, Tensor

from qdist.arguments import instance
from qdist.errors import InputError
from qdist.quantile.base import QuantileFunction
from qdist.quantile.edge import TensorLike
from qdist.quantile.lookup import read, search
from qdist.quantile.part import Part
from qdist.quantile.steps import accumulate, step_cdf, step_crps, step_index

__all__ = ["Categorical"]

_NO_ORDER = (
    "Its codes have no order and are no numbers, but stand for names. Use log_prob, prob, probs "
    "or sample; names[k] is the name of code k."
)


@final
class Categorical(QuantileFunction):
    r"""A law on the codes 0..K-1, or on K increasing values.

    `log_prob` is the log of the mass of a code, `icdf` picks a code by the cumulative mass, and
    `crps` is the ranked probability score $\sum_k (F_k - 1\{k \ge y\})^2$, which means something
    only where the codes are ordered. Tensors are derived from the logits when first asked for.

    Names may stand for their codes wherever a value is asked about. A tensor always holds codes,
    and so do other numbers unless the names are numbers. `names[k]` is the name of code k.

    Args:
        logits: Unnormalised log masses, shape (..., K).
        values: Increasing values of the codes, shape (K,); 0..K-1 if None.
        names: What the codes stand for, K of them, in their order.
        ordered: Whether the order of the codes means something. Where it does not, a law has
            probabilities and draws only: no quantiles, cdf, moments or ranked score.
        validate_args: Whether arguments are checked.

    Raises:
        InputError: Logits are NaN or all minus infinity, the values do not increase, or the names
            are no list of K.

    Example:
        >>> import torch
        >>> law = Categorical(torch.tensor([0.5, 0.25, 0.25]).log())
        >>> law
        Categorical(batch_shape=(), codes=3)
        >>> law.icdf(torch.tensor([0.5, 0.6, 1.0]))
        tensor([0., 1., 2.])
        >>> law.crps(0.0)  # 0.5 ** 2 + 0.25 ** 2
        tensor(0.3125)
        >>> law = Categorical(torch.tensor([0.5, 0.5]).log(), names=["cat", "dog"], ordered=False)
        >>> law.prob("dog")
        tensor(0.5000)
        >>> law.mean
        Traceback (most recent call last):
        qdist.errors.UnsupportedError: Categorical has no mean. Its codes have no order ...
    """

    can: frozenset[str] = frozenset({"cdf", "log_prob", "crps", "mean", "variance", "sample"})
    cannot: Mapping[str, str] = {
        "rsample": "A code does not move with the logits, so draws have no gradient. "
        "Use sample, and log_prob or crps as the loss."
    }

    def __init__(
        self,
        logits: Tensor,
        *,
        values: Tensor | None = None,
        names: Sequence[Any] | None = None,
        ordered: bool = True,
        validate_args: bool | None = None,
    ) -> None:
        remedy = "Call torch.tensor on them."
        self.logits = instance("logits", logits, of=Tensor, remedy=remedy)
        if values is not None:
            instance("values", values, of=Tensor, remedy=remedy)
        self.given_values = values
        self.names = None if names is None else _names(names)
        self.ordered = ordered
        if not ordered:
            self.can = frozenset({"log_prob", "sample"})
            lacking = ("icdf", "cdf", "crps", "mean", "variance")
            self.cannot = {**self.cannot, **dict.fromkeys(lacking, _NO_ORDER)}
        self._narrow: Self | None = None  # of which this one is an expansion
        super().__init__(
            logits.shape[:-1],
            dtype=logits.dtype,
            device=logits.device,
            validate_args=validate_args,
        )
        if self._validate_args:
            _check(logits, values)
            if self.names is not None and len(self.names) != logits.shape[-1]:
                raise InputError(
                    f"Expected {logits.shape[-1]} names; got {len(self.names)}. "
                    "Give one name per code."
                )

    def extra_repr(self) -> str:
        """Number of codes, or their names."""
        order = "" if self.ordered else ", ordered=False"
        if self.names is None:
            return f"codes={self.logits.shape[-1]}{order}"
        shown = ", ".join(map(repr, self.names[:4])) + (", ..." if len(self.names) > 4 else "")
        return f"names=({shown}){order}"

    @property
    def probs(self) -> Tensor:
        """Masses, shape (..., K)."""
        return self.log_mass.exp()

    # Caches are filled with gradients on, whoever asks first. An expansion has none of its own:
    # the hooks work with the tables of `_table`, whose leading axes broadcast to the batch.

    @property
    def _table(self) -> Self:
        return self if self._narrow is None else self._narrow._table

    @cached_property
    def values(self) -> Tensor:
        """Values of the codes, shape (K,)."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            if self.given_values is not None:
                return self.given_values.to(self.dtype)
            return torch.arange(self.logits.shape[-1], dtype=self.dtype, device=self.device)

    @cached_property
    def log_mass(self) -> Tensor:
        """Log masses, shape (..., K)."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            if self._narrow is not None:
                return self._narrow.log_mass.expand_as(self.logits)
            return self.logits.log_softmax(-1)

    @cached_property
    def cumulative(self) -> Tensor:
        """Mass of each code and of those before it, shape (..., K)."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            if self._narrow is not None:
                return self._narrow.cumulative.expand_as(self.logits)
            return accumulate(self.logits.softmax(-1))

    def _expand(self, batch_shape: Size) -> Self:
        logits = self.logits.expand(*batch_shape, self.logits.shape[-1])
        law = self._like(logits)
        law._validate_args, law._narrow = self._validate_args, self
        return law

    def _take(self, part: Part) -> Self:
        return self._like(part.rows(self.logits))

    def _like(self, logits: Tensor) -> Self:
        """The law of other logits on the same codes."""
        return type(self)(
            logits,
            values=self.given_values,
            names=self.names,
            ordered=self.ordered,
            validate_args=False,
        )

    def _read(self, y: TensorLike) -> TensorLike:
        if self.names is None or isinstance(y, Tensor):
            return y
        try:
            given = np.asarray(y)
            if given.dtype.kind == "U":  # in which a number beside text has become text
                given = np.asarray(y, dtype=object)
            numeric = all(isinstance(name, Number) for name in self.names)
            if given.dtype.kind in "iuf" and not numeric:
                return y
            value = dict(zip(self.names, self.values.tolist(), strict=True))
            asked = given.flatten().tolist()
            for gone in (None, *(name for name in asked if name != name)):
                value.setdefault(gone, math.nan)  # what is missing has no probability
            found = [value[name] for name in asked]
        except (KeyError, TypeError, ValueError) as error:
            known = ", ".join(map(repr, self.names[:10])) + (", ..." * (len(self.names) > 10))
            raise InputError(
                f"Expected names out of {known}; got {y!r:.80}. Correct them, or give codes in a "
                "tensor."
            ) from error
        values = torch.tensor(found, dtype=self.values.dtype, device=self.device)
        return values.reshape(given.shape)

    def _icdf(self, tau: Tensor) -> Tensor:
        return self.values[step_index(tau, self._table.cumulative, self.batch_shape)]

    def _cdf(self, y: Tensor) -> Tensor:
        return step_cdf(y, self.values, self._table.cumulative, self.batch_shape, side="right")

    def _cdf_left(self, y: Tensor) -> Tensor:
        return step_cdf(y, self.values, self._table.cumulative, self.batch_shape, side="left")

    def _log_prob(self, y: Tensor) -> Tensor:
        code = search(self.values, y, self.batch_shape, side="left")
        code = code.clamp(max=self.logits.shape[-1] - 1)
        mass = read(self._table.log_mass, code, self.batch_shape)
        mass = mass.masked_fill(self.values[code] != y, -torch.inf)
        return torch.where(y.isnan(), y, mass)

    def _crps(self, y: Tensor) -> Tensor:
        return step_crps(y, self.values, self._table.cumulative, self.batch_shape)

    def _mean(self) -> Tensor:
        return (self._table.probs * self.values).sum(-1).expand(self.batch_shape)

    def _variance(self) -> Tensor:
        mass = self._table.probs
        mean = (mass * self.values).sum(-1, keepdim=True)
        return (mass * (self.values - mean).square()).sum(-1).expand(self.batch_shape)

    def _breakpoints(self) -> Tensor:
        return self.cumulative


def _names(names: Any) -> tuple[Any, ...]:
    if isinstance(names, str) or not np.iterable(names):
        raise InputError(f"Expected a list of names; got {names!r:.80}. Give one name per code.")
    return tuple(names)


def _check(logits: Tensor, values: Tensor | None) -> None:
    if logits.dim() < 1 or logits.shape[-1] < 1:
        raise InputError(
            f"Expected logits of shape (..., K); got {tuple(logits.shape)}. "
            "Give one logit per code."
        )
    bad = logits.isnan() | (logits == torch.inf)
    if bool(bad.any() | (logits == -torch.inf).all(-1).any()):
        raise InputError(
            "Expected logits below infinity, at least one of them finite in each row; "
            f"got {int(bad.sum())} NaN or infinite ones, or a row without mass. "
            "Use -inf only to forbid single codes."
        )
    if values is None:
        return
    if values.shape != logits.shape[-1:]:
        raise InputError(
            f"Expected values of shape ({logits.shape[-1]},); got {tuple(values.shape)}. "
            "Give one value per code."
        )
    if not bool((values[1:] > values[:-1]).all() & values.isfinite().all()):
        raise InputError(
            f"Expected finite increasing values; got {values.tolist()[:6]}. "
            "Sort them and merge equal ones."
        )
