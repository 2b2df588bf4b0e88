"""check_head: proves that a head keeps what every head promises."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qdist.errors import InputError, UnsupportedError
from qdist.heads import AbstractHead
from qdist.quantile import QuantileFunction
from qdist.testing.cases import seeded

__all__ = ["check_head"]

CONTEXT = 6
ROWS = 5
HUGE = 1e30  # what a broken column can send through a network without becoming infinite


def check_head(
    make_head: Callable[[int], AbstractHead],
    *,
    target_range: tuple[float, float] = (-2.0, 2.0),
    integer: bool = False,
    seed: int = 0,
) -> None:
    r"""Checks a head against the contract of [`AbstractHead`][qdist.heads.AbstractHead].

    At random weights and for random contexts:

    - **shapes**: contexts (..., C) give a law of batch shape (...), and a loss of that shape;
    - **rows**: each element of a batch is computed by itself, whatever stands beside it, and
      `value_of` gives rows of one context what `value_at` gives each;
    - **crossing**: quantiles do not decrease in the level and are finite, in float32 and float64,
      from bfloat16 contexts, under autocast and for contexts of size 1e30;
    - **inverse**: $F(Q(\tau)-) \le \tau \le F(Q(\tau))$, if the law can tell its cdf;
    - **capabilities**: what `can` names works, what it does not raises `UnsupportedError`;
    - **loss**: finite, also under autocast and for huge contexts, with a gradient for the context
      and for every parameter; the same generator gives the same loss;
    - **log score**: where `log_score` is True, the loss is minus the law's `log_prob`;
    - **saving**: another head with the same state dict gives the same law;
    - **hooks**: `start` and `calibrate` take weighted targets and leave a law that does not cross;
      the second leaves the law at context 0 as it is;
    - no global random state is touched.

    Args:
        make_head: Builds the head from the width of its contexts. It is called several times.
        target_range: Lowest and highest target that the head is to take.
        integer: Whether targets are integers (codes).
        seed: Of all that is drawn.

    Raises:
        AssertionError: If a law does not hold; the message names the class and the law.
        InputError: If there is nothing to check: what builds the head is no function, or builds
            something else, or the range is none.

    Example:
        >>> from qdist.heads import SplineHead
        >>> check_head(lambda context: SplineHead(context, lower=0.0), target_range=(0.0, 5.0))
    """
    if not callable(make_head):
        raise InputError(
            f"Expected a function from a context width to a head; got {type(make_head).__name__}. "
            "Give the class, or `lambda context: YourHead(context, ...)`."
        )
    target_range = _range(target_range)
    generator = seeded(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head, other = _built(make_head), _built(make_head)
        kit = _Kit(head, generator, target_range, integer=integer)
        state = torch.get_rng_state()
        for dtype in (torch.float32, torch.float64):
            head.to(dtype)
            kit.check_shapes(dtype)
            kit.check_rows(dtype)
            kit.check_crossing(dtype)
            kit.check_inverse(dtype)
            kit.check_loss(dtype)
        kit.check_capabilities()
        kit.check_log_score()
        kit.check_saving(other.double())
        kit.check_hooks(other)
        kit.expect(
            torch.equal(state, torch.get_rng_state()),
            "no use of the global random state; got draws from it. Use the generator",
        )


def _built(make_head: Callable[[int], AbstractHead]) -> AbstractHead:
    head = make_head(CONTEXT)
    if not isinstance(head, AbstractHead):
        raise InputError(
            f"Expected make_head to build a subclass of AbstractHead; got {type(head).__name__}. "
            "Return the head."
        )
    return head


def _range(target_range: Any) -> tuple[float, float]:
    try:
        low, high = map(float, target_range)
    except (TypeError, ValueError):  # no pair, or not of numbers
        low = high = torch.nan
    if not -torch.inf < low <= high < torch.inf:
        raise InputError(
            f"Expected target_range to be a lowest and a highest target; got {target_range!r}. "
            "Give a pair such as (0.0, 5.0)."
        )
    return low, high


@dataclass
class _Kit:
    head: AbstractHead
    generator: torch.Generator
    target_range: tuple[float, float]
    integer: bool

    def expect(self, holds: bool, what: str) -> None:  # noqa: FBT001 - reads like assert
        if not holds:
            raise AssertionError(f"{type(self.head).__name__}: expected {what}.")

    def check_shapes(self, dtype: torch.dtype) -> None:
        self.expect(bool(type(self.head).name), "a name to be found by; got none")
        for batch in ((), (ROWS,), (2, ROWS)):
            h = self._contexts(*batch, dtype=dtype)
            law = self.head(h)
            self.expect(isinstance(law, QuantileFunction), f"a QuantileFunction; got {law!r}")
            self.expect(
                tuple(law.batch_shape) == batch,
                f"batch shape {batch} for contexts {tuple(h.shape)}; got {tuple(law.batch_shape)}",
            )
            self.expect(law.dtype == dtype, f"a law in {dtype}; got {law.dtype}")
            loss = self._loss(h, self._targets(*batch, dtype=dtype))
            self.expect(
                tuple(loss.shape) == batch,
                f"an unreduced loss of shape {batch}; got {tuple(loss.shape)}",
            )

    def check_rows(self, dtype: torch.dtype) -> None:
        h = self._contexts(ROWS, dtype=dtype)
        levels = self._levels(dtype)
        together = self.head(h).quantiles(levels)
        alone = torch.stack([self.head(row).quantiles(levels) for row in h])
        gap = (together - alone).abs().max().item()
        size = together.abs().max().item() + 1
        self.expect(
            gap <= 1e-4 * size, f"the same law alone and in a batch; got a difference of {gap}"
        )
        row = torch.arange(2 * ROWS) // 3 % ROWS
        tau = levels[torch.arange(2 * ROWS) % len(levels)]
        shared = self.head.value_of(h, tau, row=row)
        gap = (shared - self.head.value_at(h[row], tau)).abs().max().item()
        self.expect(
            gap <= 1e-4 * size,
            f"`value_of` to give what `value_at` does; got a difference of {gap}",
        )

    def check_crossing(self, dtype: torch.dtype) -> None:
        levels = self._levels(dtype)
        h = self._contexts(ROWS, dtype=dtype)
        cases = {
            "": h,
            " for bfloat16 contexts": h.bfloat16(),
            " for contexts of size 1e30": HUGE * h.sign(),
        }
        for what, contexts in cases.items():
            self._expect_order(self.head(contexts).quantiles(levels), what)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            law = self.head(h)
        self.expect(law.dtype == dtype, f"a law in {dtype} under autocast; got {law.dtype}")
        self._expect_order(law.quantiles(levels), " under autocast")

    def check_inverse(self, dtype: torch.dtype) -> None:
        law = self.head(self._contexts(ROWS, dtype=dtype))
        if "cdf" not in law.can:
            return
        levels = self._levels(dtype)[:, None]
        q = law.icdf(levels.expand(-1, ROWS))
        slack = 1e-4 if dtype == torch.float32 else 1e-7
        holds = (law.cdf_left(q) <= levels + slack) & (law.cdf(q) >= levels - slack)
        self.expect(bool(holds.all()), "F(Q(tau)-) <= tau <= F(Q(tau)); got a level beyond")

    def check_loss(self, dtype: torch.dtype) -> None:
        h = self._contexts(ROWS, 40, dtype=dtype).requires_grad_()
        y = self._targets(ROWS, 40, dtype=dtype)
        self.head.zero_grad()
        loss = self._loss(h, y)
        self._expect_finite(loss, "loss")
        again = self._loss(h, y)
        self.expect(torch.equal(loss, again), "the same loss from the same generator state")
        loss.mean().backward()  # type: ignore[no-untyped-call, unused-ignore]
        self._expect_gradient("the context", h.grad)
        for name, parameter in self.head.named_parameters():
            self._expect_gradient(name, parameter.grad)
        huge = (HUGE * h.detach().sign()).requires_grad_()
        loss = self._loss(huge, y)
        self._expect_finite(loss, "loss for contexts of size 1e30")
        loss.mean().backward()  # type: ignore[no-untyped-call, unused-ignore]
        for name, parameter in self.head.named_parameters():
            assert parameter.grad is not None
            self._expect_finite(parameter.grad, f"gradient of {name} for contexts of size 1e30")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = self._loss(h, y)
        self.expect(loss.dtype == dtype, f"a loss in {dtype} under autocast; got {loss.dtype}")

    def check_capabilities(self) -> None:
        law = self.head(self._contexts(ROWS, dtype=torch.float64))
        y = self._targets(ROWS, dtype=torch.float64)
        questions: dict[str, Callable[[], Tensor]] = {
            "cdf": lambda: law.cdf(y),
            "log_prob": lambda: law.log_prob(y),
            "crps": lambda: law.crps(y),
            "mean": lambda: law.mean,
            "variance": lambda: law.variance,
            "sample": lambda: law.sample(generator=self.generator),
            "rsample": lambda: law.rsample(generator=self.generator),
        }
        for name, ask in questions.items():
            try:
                answer = ask()
            except UnsupportedError:
                self.expect(name not in law.can, f"{name}, which `can` names; got an error")
                continue
            self.expect(name in law.can, f"UnsupportedError for {name}, which `can` lacks")
            self.expect(answer.shape == (ROWS,), f"{name} of shape ({ROWS},)")
            self.expect(not bool(answer.isnan().any()), f"numbers from {name}; got NaN")

    def check_log_score(self) -> None:
        if not self.head.log_score:
            return
        h = self._contexts(ROWS, 40, dtype=torch.float64)
        y = self._targets(ROWS, 40, dtype=torch.float64)
        law = self.head(h)
        self.expect("log_prob" in law.can, "a law with log_prob, as `log_score` is True; got none")
        log_p = law.log_prob(y)
        # A target that the law cannot have is scored as the nearest that it can.
        gap = torch.where(log_p.isfinite(), self._loss(h, y) + log_p, 0.0).abs().max().item()
        self.expect(
            gap <= 1e-6,
            f"a loss of minus log_prob, as `log_score` is True; got a difference of {gap}",
        )

    def check_saving(self, other: AbstractHead) -> None:
        other.load_state_dict(self.head.state_dict())
        h, levels = self._contexts(ROWS, dtype=torch.float64), self._levels(torch.float64)
        same = torch.equal(self.head(h).quantiles(levels), other(h).quantiles(levels))
        self.expect(same, "the same law from the same state dict")

    def check_hooks(self, other: AbstractHead) -> None:
        h, y = self._contexts(40, dtype=torch.float64), self._targets(40, dtype=torch.float64)
        weight = 0.5 + torch.rand(len(y), generator=self.generator, dtype=y.dtype)
        weight /= weight.mean()
        levels, nothing = self._levels(y.dtype), torch.zeros_like(h[0])
        try:
            other.start(y, weight=weight)
            began = other(nothing).quantiles(levels)
            other.calibrate(h, y, weight=weight)
        except TypeError as error:
            words = "start(target, *, weight=None) and calibrate(h, target, *, weight=None)"
            raise AssertionError(
                f"{type(other).__name__}: expected {words}; got {error}."
            ) from error
        self._expect_order(other(h).quantiles(levels), " after `start` and `calibrate`")
        gap = (other(nothing).quantiles(levels) - began).abs().max().item()
        self.expect(
            gap <= 1e-6 * (began.abs().max().item() + 1),
            f"`calibrate` to leave the law at context 0; got a difference of {gap}",
        )

    def _loss(self, h: Tensor, y: Tensor) -> Tensor:
        return self.head.loss(h, y, generator=torch.Generator().manual_seed(1))

    def _contexts(self, *batch: int, dtype: torch.dtype) -> Tensor:
        return torch.randn((*batch, CONTEXT), generator=self.generator, dtype=dtype)

    def _targets(self, *batch: int, dtype: torch.dtype) -> Tensor:
        low, high = self.target_range
        u = torch.rand(batch, generator=self.generator, dtype=dtype)
        return (low + u * (high + 1 - low)).floor() if self.integer else low + u * (high - low)

    def _levels(self, dtype: torch.dtype) -> Tensor:
        inner = torch.linspace(0, 1, 259, dtype=dtype)[1:-1]
        ends = torch.tensor([1e-4, 1e-3], dtype=dtype)
        return torch.cat([ends, inner, 1 - ends.flip(0)])

    def _expect_order(self, q: Tensor, what: str) -> None:
        self._expect_finite(q, f"quantiles{what}")
        gap = q.diff().min().item()
        self.expect(gap >= 0, f"quantiles that do not cross{what}; got a step of {gap}")

    def _expect_finite(self, value: Tensor, what: str) -> None:
        self.expect(bool(value.isfinite().all()), f"a finite {what}; got NaN or infinity")

    def _expect_gradient(self, name: str, gradient: Tensor | None) -> None:
        reached = gradient is not None and bool(gradient.abs().sum() > 0)
        self.expect(reached, f"a gradient of the loss for {name}; got none, or zeros")
        assert gradient is not None
        self._expect_finite(gradient, f"gradient of {name}")
