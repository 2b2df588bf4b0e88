r"""Adapter of the laws of `scipy.stats`: the oracle of the tests, and a way to compare with a law.

scipy computes; levels above 1/2 go through `isf` and `sf`, which keep their relative accuracy
where `1 - tau` would be lost. The CRPS of a continuous law is a double exponential quadrature of

$$2 \int_0^{F(y)} \tau\,(y - Q(\tau))\,d\tau + 2 \int_0^{1 - F(y)} s\,(Q(1 - s) - y)\,ds,$$

whose integrands are non-negative, so that nothing cancels; it converges for the Cauchy law too.
That of a discrete law is the exact sum over its atoms.
"""

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self, final

import numpy as np
import scipy.special
import scipy.stats
import torch
from torch import Size, Tensor

from qdist.errors import InputError, UnsupportedError
from qdist.quantile.base import QuantileFunction
from qdist.quantile.part import Part
from qdist.quantile.steps import step_crps
from qdist.quantile.tanh_sinh import Array, integrate

__all__ = ["Frozen"]

_NEGLIGIBLE = 1e-17  # mass beyond the listed atoms of a discrete law, on each side
_MAX_ATOMS = 1_000_000


@final
class Frozen(QuantileFunction):
    """A frozen `scipy.stats` law, continuous or discrete, as a quantile function.

    Float64 on the CPU, without gradients. The batch shape is that of the parameters.

    Args:
        law: A frozen law, for example `scipy.stats.norm(loc=0, scale=1)`.
        breakpoints: Levels inside (0, 1) where the quantile function of a continuous law has a
            kink or a jump, so that quadrature splits there; histograms and discrete laws know
            their own.
        validate_args: Whether arguments are checked.

    Raises:
        InputError: `law` is not a frozen law, or the breakpoints are no list of numbers inside
            (0, 1).

    Example:
        >>> import scipy.stats, torch
        >>> law = Frozen(scipy.stats.norm())
        >>> law
        Frozen(batch_shape=(), law=norm)
        >>> law.isf(1e-300).item()
        37.047...
        >>> law.crps(0.0).item()  # (sqrt(2) - 1) / sqrt(pi)
        0.23369...
    """

    can = frozenset({"cdf", "log_prob", "crps", "mean", "variance", "sample"})
    cannot = {  # noqa: RUF012 - read only
        "rsample": "scipy knows no gradients. Use sample, or write the law with tensors."
    }

    def __init__(
        self,
        law: Any,
        *,
        breakpoints: Sequence[float] = (),
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(law, scipy.stats.distributions.rv_frozen):
            raise InputError(
                f"Expected a frozen scipy.stats law; got {type(law).__name__}. "
                "Call the distribution with its parameters, for example scipy.stats.norm(0, 1)."
            )
        self.law = law
        self.extra_breakpoints = _levels(breakpoints)
        super().__init__(
            Size(_parameter_shape(law)),
            dtype=torch.float64,
            validate_args=validate_args,
        )

    def extra_repr(self) -> str:
        """Name of the law in scipy."""
        return f"law={self.law.dist.name or type(self.law.dist).__name__}"

    @property
    def discrete(self) -> bool:
        """Whether the law consists of atoms."""
        return isinstance(self.law.dist, scipy.stats.rv_discrete)

    def _expand(self, batch_shape: Size) -> Self:
        copy = type(self)(
            self.law, breakpoints=self.extra_breakpoints, validate_args=self._validate_args
        )
        copy._batch_shape = batch_shape  # scipy broadcasts its parameters by itself
        return copy

    def _take(self, part: Part) -> Self:
        def own(parameter: Any) -> Any:
            if np.ndim(parameter) == 0:
                return parameter  # of all laws
            return part.numbers(torch.from_numpy(np.array(parameter))).numpy()

        args = [own(a) for a in self.law.args]
        law = self.law.dist(*args, **{name: own(a) for name, a in self.law.kwds.items()})
        return type(self)(law, breakpoints=self.extra_breakpoints, validate_args=False)

    def _ask(self, method: str, values: Array) -> Array:
        """What scipy answers; it warns of underflow and overflow that are right here."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            answer = np.asarray(getattr(self.law, method)(values))
            if method in ("ppf", "isf") and isinstance(self.law.dist, type(scipy.stats.t)):
                answer = self._student_tail(values, answer, -1 if method == "ppf" else 1)
            return answer

    def _student_tail(self, level: Array, quantile: Array, sign: int) -> Array:
        """Student's t at levels below 1e-100, where scipy 1.17 is wrong."""
        (df,), loc, scale = self.law.dist._parse_args(*self.law.args, **self.law.kwds)
        x = scipy.special.betaincinv(df / 2, 0.5, 2 * level)
        tail = loc + sign * scale * np.sqrt(df * (1 / x - 1))
        return np.where((level < 1e-100) & (x > 0), tail, quantile)

    # -- levels and values

    def _icdf(self, tau: Tensor) -> Tensor:
        return _tensor(self._ppf(_array(tau)))

    def _isf(self, s: Tensor) -> Tensor:
        return _tensor(self._upper(_array(s)))

    def _ppf(self, tau: Array) -> Array:
        if self.discrete:
            return self._inside(self._ask("ppf", tau))
        upper = tau > 0.5
        high = self._ask("isf", np.where(upper, 1 - tau, 0.5))
        return np.asarray(np.where(upper, high, self._ask("ppf", np.where(upper, 0.5, tau))))

    def _upper(self, s: Array) -> Array:
        if self.discrete:
            return self._inside(self._discrete_upper(s))
        lower = s > 0.5
        low = self._ask("ppf", np.where(lower, 1 - s, 0.5))
        return np.asarray(np.where(lower, low, self._ask("isf", np.where(lower, 0.5, s))))

    def _discrete_upper(self, s: Array) -> Array:
        """The least value that is exceeded with probability at most `s`.

        scipy goes through 1 - s, which is lost where s is tiny.
        """
        if self._listed is not None:
            values = self._listed
            exceeded = self._ask("sf", values)  # non-increasing, ends at 0
            # Each law has values of its own where scipy's parameters are arrays.
            lead = (1,) * (s.ndim - values.ndim + 1)
            values, exceeded = (a.reshape(len(a), *lead, *a.shape[1:]) for a in (values, exceeded))
            enough = exceeded <= s
            enough[-1] = True
            first = enough.argmax(0)[None]
            found = np.take_along_axis(np.broadcast_to(values, enough.shape), first, 0)[0]
            return np.asarray(found)
        high = self._ask("ppf", np.clip(1 - s, 0, 0.5))
        low, step = high - 1, 1.0
        while np.any(more := self._ask("sf", high) > s) and step < 2.0**60:
            high = np.where(more, high + step, high)
            step *= 2
        while np.any(high - low > 1):
            middle = low + np.floor((high - low) / 2)
            enough = self._ask("sf", middle) <= s
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.asarray(high)

    def _inside(self, values: Array) -> Array:
        # scipy answers the level 0 of a discrete law by a value one below its support
        lower, upper = self.law.support()
        return np.asarray(np.clip(values, lower, upper))

    def _cdf(self, y: Tensor) -> Tensor:
        return _tensor(self._below(_array(y)))

    def _cdf_left(self, y: Tensor) -> Tensor:
        values = _array(y)
        return _tensor(self._below(np.nextafter(values, -np.inf) if self.discrete else values))

    def _below(self, values: Array) -> Array:
        far = self._far(values)
        return np.where(far, values > 0, self._ask("cdf", np.where(far, 0.0, values)))

    def _sf(self, y: Tensor) -> Tensor:
        values = _array(y)
        far = self._far(values)
        above = self._ask("sf", np.where(far, 0.0, values))
        return _tensor(np.where(far, values < 0, above))

    def _far(self, values: Array) -> Array:
        # scipy's discrete laws answer NaN out there
        return np.asarray((np.abs(values) > 1e300) & self.discrete)

    def _log_prob(self, y: Tensor) -> Tensor:
        return _tensor(self._ask("logpmf" if self.discrete else "logpdf", _array(y)))

    # -- moments

    def _mean(self) -> Tensor:
        return _tensor(np.broadcast_to(self.law.mean(), self.batch_shape))

    def _variance(self) -> Tensor:
        return _tensor(np.broadcast_to(self.law.var(), self.batch_shape))

    # -- score

    def _crps(self, y: Tensor) -> Tensor:
        if self.discrete:
            return self._discrete_crps(y)
        values = _array(y)
        below, above = self._ask("cdf", values), self._ask("sf", values)
        # scipy's formulae change at the median; many laws have a kink there too
        levels = np.unique([*self._kinks(), 0.5])
        with np.errstate(all="ignore"):  # infinite or NaN y
            lower = integrate(lambda t: _finite(t * (values - self._ppf(t))), below, levels)
            upper = integrate(
                lambda s: _finite(s * (self._upper(s) - values)), above, 1 - levels[::-1]
            )
        return _tensor(np.where(np.isinf(values), np.inf, 2 * (lower + upper)))

    def _discrete_crps(self, y: Tensor) -> Tensor:
        if self.parameter_shape == ():
            values, cumulative = self._atoms
            return step_crps(y, values, cumulative, Size(()))
        scores = torch.empty_like(y)
        shape, law = self.parameter_shape, self.law
        for index in np.ndindex(*self.batch_shape):
            own = index[len(index) - len(shape) :]
            own = tuple(i if n > 1 else 0 for i, n in zip(own, shape, strict=True))
            args = [np.broadcast_to(a, shape)[own] for a in law.args]
            kwds = {name: np.broadcast_to(a, shape)[own] for name, a in law.kwds.items()}
            scores[..., *index] = Frozen(law.dist(*args, **kwds)).crps(y[..., *index])
        return scores

    # -- where quadrature must split

    @property
    def parameter_shape(self) -> tuple[int, ...]:
        """Shape of the parameters of the scipy law, which broadcasts to the batch shape."""
        return _parameter_shape(self.law)

    @cached_property
    def _listed(self) -> Array | None:
        """The values of `rv_discrete(values=...)`, (K, ...); None for laws on the integers."""
        values = vars(self.law.dist).get("xk")
        if values is None:
            return None
        lower = np.asarray(self.law.support()[0])
        steps = np.unique(values) - np.min(values)
        return np.asarray(steps.reshape(-1, *[1] * lower.ndim) + lower)

    @cached_property
    def _atoms(self) -> tuple[Tensor, Tensor]:
        """Values and cumulative probabilities of a single discrete law."""
        values = self._listed
        if values is None:
            first = float(self._ppf(np.array(_NEGLIGIBLE)))
            if self._ask("sf", np.array(first + _MAX_ATOMS)) > _NEGLIGIBLE:
                raise UnsupportedError(
                    f"Expected a discrete law of at most {_MAX_ATOMS} atoms; got more, "
                    f"from {first:g} upwards. Use samples in an Empirical law instead."
                )
            last = float(self._upper(np.array(_NEGLIGIBLE)))
            values = np.arange(first, last + 1)
        cumulative = np.maximum.accumulate(self._ask("cdf", values))
        cumulative[-1] = 1.0
        return _tensor(values), _tensor(cumulative)

    def _kinks(self) -> tuple[float, ...]:
        if not isinstance(self.law.dist, scipy.stats.rv_histogram):
            return self.extra_breakpoints
        _, edges = vars(self.law.dist)["_histogram"]
        edges = np.asarray(edges)
        lower, upper = self.law.support()
        share = (edges - edges[0]) / (edges[-1] - edges[0])
        return (*self.extra_breakpoints, *self._ask("cdf", lower + share * (upper - lower))[1:-1])

    def _breakpoints(self) -> Tensor:
        if self.discrete:
            return self._atoms[1]
        return torch.tensor(self._kinks(), dtype=torch.float64)


def _levels(breakpoints: Any) -> tuple[float, ...]:
    try:
        levels = tuple(breakpoints)
        good = all(0 < level < 1 for level in levels)
    except (TypeError, ValueError, RuntimeError):  # one number, text, or rows of them
        good = False
    if not good:
        raise InputError(
            f"Expected a list of breakpoints inside (0, 1); got {breakpoints!r:.80}. "
            "Give levels, not values."
        )
    return levels


def _finite(terms: Array) -> Array:
    # some quantiles of scipy overflow early (F at 1e-50); their terms tend to 0 with the level
    return np.where(np.isfinite(terms), np.abs(terms), 0.0)


def _array(values: Tensor) -> Array:
    return np.asarray(values.detach().numpy())


def _tensor(values: Any) -> Tensor:
    return torch.as_tensor(np.array(values, dtype=np.float64))


def _parameter_shape(law: Any) -> tuple[int, ...]:
    return np.broadcast_shapes(*(np.shape(p) for p in (*law.args, *law.kwds.values())))
