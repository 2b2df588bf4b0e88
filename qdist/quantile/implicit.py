r"""A quantile function known only as a callable, which need not be monotone.

The law of $Q(U)$ is well defined for any callable: $F(y)$ is the measure of the levels with
$Q(\tau) \le y$, and the true quantile function is the increasing rearrangement of Q. Searching
$Q(\tau) = y$ by bisection would return one of several roots instead.
"""

from collections.abc import Callable
from typing import Self, final

import torch
from torch import Size, Tensor

from qdist.arguments import number
from qdist.errors import InputError, UnsupportedError
from qdist.quantile.base import QuantileFunction
from qdist.quantile.edge import check_shape
from qdist.quantile.part import Part
from qdist.quantile.piecewise import PiecewiseLinear

__all__ = ["Implicit"]


@final
class Implicit(QuantileFunction):
    r"""The law of `fn(U)` for a uniform level U, through its rearrangement on a grid.

    `raw(tau)` is the callable itself, and `sample` draws from it, without the error of a grid.
    Everything else is that of [`rearranged`][qdist.quantile.Implicit.rearranged]: the values at
    the midpoints $(k - 1/2) / G$, sorted, joined by straight lines that are prolonged by half a
    cell at both ends. No density is claimed: that of a crossing network is a sum over branches.

    Source: "Quantile and Probability Curves Without Crossing" (Chernozhukov, Fernandez-Val and
    Galichon, 2010), for the rearrangement.

    Args:
        fn: From levels of shape (..., *batch) to values of the same shape.
        batch_shape: Shape of the batch of laws.
        grid: Number G of levels of the grid, at least 2.
        dtype: Of the levels given to `fn` and of the values.
        device: Of the same.
        validate_args: Whether arguments are checked.

    Raises:
        InputError: `fn` is no function, or gives no tensor of the shape of its levels; `grid` is
            no whole number of at least 2.

    Example:
        A callable that decreases is rearranged into the uniform law on (-1, 0):

        >>> import torch
        >>> law = Implicit(lambda tau: -tau, (), grid=100)
        >>> law
        Implicit(batch_shape=(), grid=100)
        >>> law.raw(torch.tensor(0.25)), law.icdf(torch.tensor(0.25))
        (tensor(-0.2500), tensor(-0.7500))
    """

    can = frozenset({"cdf", "crps", "mean", "variance", "sample", "rsample"})
    cannot = {  # noqa: RUF012 - read only
        "log_prob": "A callable that may cross defines no density by its slope. "
        "Use crps as a score, or a spline or binned head."
    }

    def __init__(
        self,
        fn: Callable[[Tensor], Tensor],
        batch_shape: Size | tuple[int, ...],
        *,
        grid: int = 256,
        dtype: torch.dtype | None = None,
        device: torch.device | str = "cpu",
        validate_args: bool | None = None,
    ) -> None:
        self.grid: int = number("grid", grid, least=2, whole=True)
        if not callable(fn):
            raise InputError(f"Expected a function of levels; got {fn!r}.")
        self.fn = fn
        super().__init__(
            check_shape(batch_shape),
            dtype=torch.get_default_dtype() if dtype is None else dtype,
            device=device,
            validate_args=validate_args,
        )

    def extra_repr(self) -> str:
        """Size of the grid."""
        return f"grid={self.grid}"

    def raw(self, tau: Tensor) -> Tensor:
        """The callable itself, possibly crossing.

        Args:
            tau: Levels in [0, 1], shape (S..., *batch).

        Returns:
            Values, shape (S..., *batch).

        Raises:
            InputError: A level lies outside [0, 1], or the shape does not broadcast.
        """
        law, tau = self._enter_levels(tau)
        return law._values(tau)

    @property
    def rearranged(self) -> PiecewiseLinear:
        """The piecewise linear law whose knots are the sorted values on the grid; made once."""
        grad = torch.is_grad_enabled()
        kept: PiecewiseLinear | None
        kept, with_grad = self.__dict__.get("_rearranged", (None, False))
        # A law without gradients does not serve who wants them later, so it is made again then. It
        # is not made with them before: the graph of a network at all levels is large.
        if kept is None or (grad and not with_grad):
            kept = self._rearrange()
            self.__dict__["_rearranged"] = (kept, grad)
        return kept

    def _values(self, tau: Tensor) -> Tensor:
        found: object = self.fn(tau)
        if not isinstance(found, Tensor) or found.shape != tau.shape:
            got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise InputError(
                f"Expected a function whose values are a tensor of the shape of its levels, "
                f"{tuple(tau.shape)}; got {got}. Work elementwise, and keep the axes."
            )
        if found.dtype != tau.dtype:
            raise InputError(
                f"Expected a function whose values have the dtype of its levels, {tau.dtype}; got "
                f"{found.dtype}. Give that as dtype=, or convert the values."
            )
        return found

    def _rearrange(self) -> PiecewiseLinear:
        grid, batch = self.grid, self.batch_shape
        steps = torch.arange(grid, dtype=self.dtype, device=self.device)
        middle = (steps + 0.5) / grid
        columns = middle.reshape(-1, *[1] * len(batch)).expand(grid, *batch)
        values = self._values(columns).movedim(0, -1).sort(-1).values
        first, last = values[..., :1], values[..., -1:]
        before = first - (values[..., 1:2] - first) / 2
        after = last + (last - values[..., -2:-1]) / 2
        values = torch.cat([before, values, after], -1)
        levels = torch.cat([middle.new_zeros(1), middle, middle.new_ones(1)])
        return PiecewiseLinear(levels, values, validate_args=False)

    def _expand(self, batch_shape: Size) -> Self:
        fn, batch = self.fn, self.batch_shape

        def expanded(tau: Tensor) -> Tensor:
            if len(batch) == 0:
                return fn(tau)
            # added axes are samples to fn; axes of length 1 that grew are moved in front as well
            lead = tau.dim() - len(batch)
            grown = [i for i, n in enumerate(batch) if n != batch_shape[i - len(batch)]]
            order = [lead + i for i in grown]
            moved = tau.movedim(order, list(range(len(order))))
            moved = moved.reshape(*moved.shape[: lead + len(order)], *batch)
            out = fn(moved).reshape(*moved.shape[: lead + len(order)], *_kept(batch, grown))
            return out.movedim(list(range(len(order))), order)

        return type(self)(
            expanded,
            batch_shape,
            grid=self.grid,
            dtype=self.dtype,
            device=self.device,
            validate_args=self._validate_args,
        )

    def _take(self, part: Part) -> Self:
        raise UnsupportedError(
            "Implicit has one function for all laws of its batch. Index law.rearranged, which is "
            "piecewise linear, or ask all of its laws and index the answers."
        )

    def _icdf(self, tau: Tensor) -> Tensor:
        return self.rearranged.icdf(tau)

    def _isf(self, s: Tensor) -> Tensor:
        return self.rearranged.isf(s)

    def _cdf(self, y: Tensor) -> Tensor:
        return self.rearranged.cdf(y)

    def _cdf_left(self, y: Tensor) -> Tensor:
        return self.rearranged.cdf_left(y)

    def _sf(self, y: Tensor) -> Tensor:
        return self.rearranged.sf(y)

    def _crps(self, y: Tensor) -> Tensor:
        return self.rearranged.crps(y)

    def _mean(self) -> Tensor:
        return self.rearranged.mean

    def _variance(self) -> Tensor:
        return self.rearranged.variance

    def _draw(self, tau: Tensor) -> Tensor:
        return self._values(tau)

    def _breakpoints(self) -> Tensor:
        return self.rearranged.levels


def _kept(batch: Size, grown: list[int]) -> list[int]:
    return [n for i, n in enumerate(batch) if i not in grown]
