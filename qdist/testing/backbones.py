"""check_backbone: proves that a backbone keeps the law of causality, and all else it promises."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qdist.arguments import instance, keywords, number, rows_of
from qdist.backbones import AbstractBackbone, Domain, ImageDomain
from qdist.orders import sees
from qdist.testing.cases import (
    check_class,
    default_domain,
    draw_ranks,
    draw_values,
    randomise,
    seeded,
)

__all__ = ["check_backbone"]

TOLERANCE = 1e-9  # float64 through a few layers of order one; a leak is far larger
PRESENT = 1e-13  # a dependence that is there may be faint, but not as faint as rounding
_LEVELS = {
    "none": "no level",
    "own": "its own level only",
    "past": "its own level and those of lower rank only",
}
DRAWS = 4  # of other values in a cell
ENOUGH = 4  # rows in which a dependence may show; in one row alone a ReLU may hide it


def check_backbone(
    cls: type[AbstractBackbone],
    domain: Domain | None = None,
    *,
    args: Mapping[str, Any] | None = None,
    reach: Tensor | None = None,
    rows: int = 12,
    seed: int = 0,
) -> None:
    r"""Checks a backbone class against the contract of [`qdist.backbones`][qdist.backbones].

    In float64, at random weights, for ranks of every kind that the class serves:

    - **causality**: $\partial h_i / \partial y_j = 0$ unless $\mathrm{rank}_j < \mathrm{rank}_i$,
      no replaced value and no NaN in $y_j$ changes $h_i$, and where the law allows a dependence
      there is one;
    - **rows**: no row of a batch reaches another, in training mode too;
    - **ranks**: of shape (D,) and (B, D) alike, and only what is seen matters;
    - **cells**: the contexts of single cells are those of `forward`;
    - **tau**: $h_i$ depends on those levels that `sees_levels` says, on no other, and a network
      that sees each level by itself is its `content` read by `at_levels`;
    - **stepper**: contexts one at a time, also for some rows only, equal those of `forward`;
    - **saving**: rebuilt from JSON arguments and a state dict, it gives the same contexts;
    - every parameter has a gradient, finite where unseen cells are NaN; float32 works; no global
      random state is touched.

    Args:
        cls: The class.
        domain: What to build it from; by default a small domain of the kind that it takes.
        args: Its keyword arguments, JSON-able.
        reach: For a network of limited view, which dependences must be there: [i, j] for $h_i$ on
            $y_j$, shape (D, D), bool; by default all.
        rows: The number B of rows to try, at least 2.
        seed: Of all that is drawn.

    Raises:
        AssertionError: If a law does not hold; the message names the class, the law and the place.
        InputError: If there is nothing to check: no class of a backbone, a domain of a kind that
            it does not take, arguments that are no dict or that it does not know.

    Example:
        >>> from qdist.backbones import TableDomain
        >>> class Blind(AbstractBackbone):
        ...     name, serves, takes = "blind", "any", TableDomain
        ...     def __init__(self, domain):
        ...         super().__init__()
        ...         self.dim, self.context = len(domain.coordinates), 2
        ...         self.constant = torch.nn.Parameter(torch.zeros(self.dim, self.context))
        ...     def forward(self, y, rank, *, tau=None):
        ...         return self.constant.expand(len(y), -1, -1)
        >>> check_backbone(Blind)
        Traceback (most recent call last):
        AssertionError: Blind: expected h[1] to depend on y[0] under one visible set...
    """
    takes = check_class(cls)
    domain = default_domain(takes) if domain is None else domain
    remedy = "Leave `domain` out, or give one of the kind that the class takes."
    instance("domain", domain, of=takes, remedy=remedy)
    args = keywords("args", args, of=cls)
    number("rows", rows, least=2, whole=True)
    generator = seeded(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = cls(domain, **args)
        if reach is not None:
            rows_of("reach", reach, width=net.dim, like=torch.empty(net.dim), mask=True)
        kit = _Kit(net.double(), domain, rows, generator)
        randomise(net, generator)
        net.eval()
        kit.check_shapes()
        for what, rank in draw_ranks(net, rows, generator).items():
            kit.check_rows(what, rank)
            kit.check_causality(what, rank, reach)
            kit.check_tau(what, rank)
            kit.check_rank_shapes(what, rank)
            kit.check_cells(what, rank)
        kit.check_stepper()
        kit.check_saving(args)
        kit.check_use()


@dataclass
class _Kit:
    """One backbone under test, with the checks in the order in which they build on each other."""

    net: AbstractBackbone
    domain: Domain
    rows: int
    generator: torch.Generator

    def __post_init__(self) -> None:
        shape = (self.rows, self.net.dim)
        own = torch.Generator().manual_seed(self.generator.initial_seed() + 1)
        self.tau = torch.rand(shape, generator=own, dtype=torch.float64)

    def run(self, y: Tensor, rank: Tensor, *, at: slice = slice(None)) -> Tensor:
        """The contexts of some of the rows; with levels, where the network sees them."""
        if self.net.sees_levels == "none":
            return self.net(y, rank)  # type: ignore[no-any-return]
        return self.net(y, rank, tau=self.tau[at].to(y.dtype))  # type: ignore[no-any-return]

    def check_shapes(self) -> None:
        y = self._values()
        self._expect(
            y.shape[1] == self.net.dim, f"dim {y.shape[1]}, as the domain has; got {self.net.dim}"
        )
        h = self.run(y, self._some_rank())
        want = (self.rows, self.net.dim, self.net.context)
        self._expect(h.shape == want, f"contexts of shape {want}; got {tuple(h.shape)}")
        self._expect(h.dtype == y.dtype, f"contexts in the dtype of y, {y.dtype}; got {h.dtype}")
        self._expect(bool(h.isfinite().all()), "finite contexts; got NaN or infinity")

    def check_rows(self, what: str, rank: Tensor) -> None:
        y = self._values().requires_grad_()
        self.net.train()
        h = self.run(y, rank)
        self.net.eval()
        for b in range(min(self.rows, 3)):
            grad = self._gradient(h[b], y).abs().sum(1)
            grad[b] = 0
            self._expect(
                bool((grad <= TOLERANCE).all()),
                f"row {b} to depend on no other row of the batch under {what}; got a gradient "
                f"from row {int(grad.argmax())}. Normalise over coordinates or features, never "
                "over the batch",
            )

    def check_causality(self, what: str, rank: Tensor, reach: Tensor | None) -> None:
        y = self._values()
        seen = sees(rank.expand(y.shape))  # (B, i, j)
        with_grad = y.clone().requires_grad_()
        h = self.run(with_grad, rank)
        effect = torch.stack(
            [self._gradient(h[:, i], with_grad).abs() for i in range(self.net.dim)], 1
        )
        self._expect_none(effect, seen, what, "a gradient")
        # Codes and atoms have no useful gradient: replace them, more than once as one draw may be
        # the same again, and then by what is not even a number.
        others = [self._values() for _ in range(DRAWS)]
        for j in range(self.net.dim):
            changes = [(other[:, j], "a change") for other in others]
            for value, got in (*changes, (torch.tensor(torch.nan), "a NaN")):
                changed = y.clone()
                changed[:, j] = value
                if got == "a NaN":
                    changed[seen[:, :, j].any(1), j] = y[seen[:, :, j].any(1), j]
                delta = (self.run(changed, rank) - h).detach().abs().amax(-1)
                delta = delta.nan_to_num(torch.inf)
                self._expect_none(delta, seen[:, :, j], what, got, j)
                if got == "a change":
                    effect[:, :, j] = torch.maximum(effect[:, :, j], delta)
        wanted = seen.sum(0) >= min(ENOUGH, self.rows)
        if reach is not None:
            wanted &= reach
        missing = (wanted & ~(effect * seen > PRESENT).any(0)).nonzero().tolist()
        i, j = missing[0] if missing else (0, 0)
        self._expect(
            not missing,
            f"h[{i}] to depend on y[{j}] under {what}, as its rank is lower; got no dependence. "
            "Let the network see it, or state its `reach`",
        )

    def check_tau(self, what: str, rank: Tensor) -> None:
        y = self._values()
        tau = self.tau.clone().requires_grad_()
        h = self.net(y, rank, tau=tau)
        seen, own = sees(rank.expand(y.shape)), torch.eye(self.net.dim, dtype=torch.bool)
        reach = self.net.sees_levels
        allowed = {"none": own & ~own, "own": own, "past": seen | own}[reach]
        effect = torch.stack([self._gradient(h[:, i], tau).abs() for i in range(self.net.dim)], 1)
        bad = ((effect > TOLERANCE) & ~allowed).nonzero().tolist()
        _, i, k = bad[0] if bad else (0, 0, 0)
        self._expect(
            not bad,
            f"h[{i}] to depend on {_LEVELS[reach]} under {what}, as sees_levels is {reach!r}; got "
            f"a gradient from tau[{k}]. Read each level in a stream of its own, or say how far "
            "levels reach",
        )
        self._check_levels_are_seen(effect, seen, own, what)
        if reach == "own":
            read = self.net.at_levels(self.net.content(y, rank), self.tau)
            self._expect(
                self._close(read, h),
                "forward(y, rank, tau=tau) to be at_levels(content(y, rank), tau); they differ",
            )

    def _check_levels_are_seen(self, effect: Tensor, seen: Tensor, own: Tensor, what: str) -> None:
        """What a network says it sees it must see, where there is anything to be seen."""
        reach = self.net.sees_levels
        there = (effect > PRESENT).any(0)
        modelled = torch.ones(self.net.dim, dtype=torch.bool)
        if isinstance(self.domain, ImageDomain):
            modelled[list(self.domain.conditioning)] = False
        blind = (modelled & ~there.diagonal()).nonzero().flatten().tolist()
        self._expect(
            reach == "none" or not blind,
            f"h[{blind[0] if blind else 0}] to depend on its own level under {what}, as "
            f"sees_levels is {reach!r}; got no gradient",
        )
        chain = (seen & ~own).any(0)[modelled][:, modelled]
        self._expect(
            reach != "past" or not chain.any() or bool((there & ~own).any()),
            f"some h to depend on the level of another coordinate under {what}, as sees_levels is "
            "'past'; got none. Say 'own': then there are laws, not samples only",
        )

    def check_rank_shapes(self, what: str, rank: Tensor) -> None:
        y = self._values()
        full = rank.expand(y.shape).clone()
        h = self.run(y, rank)
        same = self._close(self.run(y, full), h)
        self._expect(same, f"rank (D,) and its copies (B, D) to agree under {what}; they differ")
        for b in range(min(self.rows, 3)):
            alone = self.run(y[b : b + 1], full[b : b + 1], at=slice(b, b + 1))
            self._expect(
                self._close(alone, h[b : b + 1]),
                f"row {b} alone to have the context it has in the batch under {what}; they "
                "differ. Compare ranks row by row",
            )

    def check_cells(self, what: str, rank: Tensor) -> None:
        if self.net.sees_levels != "none":
            return  # such a network is asked at levels, for all cells at once
        y = self._values()
        place = torch.randint(y.numel(), (2 * y.numel(),), generator=self.generator)
        row, column = place // self.net.dim, place % self.net.dim
        self._expect(
            self._close(
                self.net.cells(y, rank, row=row, column=column), self.net(y, rank)[row, column]
            ),
            f"the contexts that `cells` gives to equal those of forward under {what}; they differ",
        )

    def check_stepper(self) -> None:
        y = self._values()
        dim, fixed = self.net.dim, self.net.serves == "fixed"
        order = torch.arange(dim)
        if fixed:
            known = torch.randint(dim, (self.rows, 1), generator=self.generator)
            visible = torch.arange(dim) < known
        else:
            order = torch.randperm(dim, generator=self.generator)
            visible = torch.rand(y.shape, generator=self.generator) < 0.4
        start, at_start = torch.where(visible, y, torch.nan), visible.clone()
        given = start.clone()
        past = self.net.sees_levels == "past"
        levels = {"tau": self.tau} if past else {}
        stepper = self.net.stepper(given, visible, **levels)

        def whole(y: Tensor, rank: Tensor) -> Tensor:
            return self.run(y, rank) if past else self.net.content(y, rank)

        now = visible.clone()
        for i in order.tolist():
            rows = (~at_start[:, i]).nonzero().squeeze(1)
            if len(rows) == 0:
                continue
            every = len(rows) == self.rows
            got = stepper.context(i, rows=None if every else rows)
            rank = torch.arange(dim) if fixed else (~now).long()
            want = whole(torch.where(now, y, torch.nan), rank)[rows, i]
            self._expect(
                self._close(got, want),
                f"the stepper's context of coordinate {i} to equal that of forward; they differ",
            )
            if self.net.serves == "any":
                chain = torch.where(at_start, -1, order.argsort())
                self._expect(
                    self._close(got, whole(y, chain)[rows, i]),
                    f"h[{i}] to depend on its rank only through what it sees; got other contexts "
                    "for two ranks under which it sees the same",
                )
            stepper.set(i, y[rows, i], rows=None if every else rows)
            now[rows, i] = True
        untouched = torch.equal(visible, at_start) and self._close(given, start)
        self._expect(
            untouched, "the stepper to leave the caller's tensors alone; it wrote to them"
        )

    def check_saving(self, args: dict[str, Any]) -> None:
        try:
            same = json.loads(json.dumps(args))
        except TypeError as error:
            raise AssertionError(
                f"{type(self.net).__name__}: expected JSON-able arguments; got {error}."
            ) from None
        copy = type(self.net)(self.domain, **same).double()
        copy.load_state_dict(self.net.state_dict())
        copy.eval()
        y, rank = self._values(), self._some_rank()
        self._expect(
            self._close(copy(y, rank, tau=self.tau), self.net(y, rank, tau=self.tau)),
            "a copy from its arguments and state dict to give the same contexts; they differ. "
            "Keep all that matters in parameters and buffers",
        )

    def check_use(self) -> None:
        y, rank = self._values(), self._some_rank()
        before = torch.get_rng_state()
        h = self.net(y, rank, tau=torch.full_like(y, 0.5))
        self._expect(
            torch.equal(before, torch.get_rng_state()),
            "no use of torch's global random state in eval mode; it has moved",
        )
        h.square().sum().backward()
        for name, parameter in self.net.named_parameters():
            self._expect(
                not parameter.requires_grad or parameter.grad is not None,
                f"a gradient for parameter {name}; got None. Use it, or remove it",
            )
        self.net.zero_grad()
        unseen = ~sees(rank.expand(y.shape)).any(1)
        self.run(torch.where(unseen, torch.nan, y), rank).square().sum().backward()
        for name, parameter in self.net.named_parameters():
            self._expect(
                parameter.grad is None or bool(parameter.grad.isfinite().all()),
                f"a finite gradient for parameter {name} where unseen cells are NaN; got NaN. "
                "Replace them (torch.where) before they enter the network, not after",
            )
        self.net.zero_grad()
        self.net.float()
        single = self.run(y.float(), rank)
        self.net.double()
        self._expect(single.dtype == torch.float32, f"float32 contexts; got {single.dtype}")

    def _values(self) -> Tensor:
        return draw_values(self.domain, self.rows, self.generator)

    def _some_rank(self) -> Tensor:
        dim = self.net.dim
        half = torch.arange(dim) * 2 // max(dim, 2)
        return torch.arange(dim) if self.net.serves == "fixed" else half

    def _gradient(self, h: Tensor, at: Tensor) -> Tensor:
        """The gradient of a random projection of contexts (..., C); a plain sum may cancel."""
        weight = torch.randn(h.shape[-1], generator=self.generator, dtype=h.dtype)
        if not h.requires_grad:
            return torch.zeros_like(at)
        (grad,) = torch.autograd.grad((h @ weight).sum(), at, retain_graph=True, allow_unused=True)
        return torch.zeros_like(at) if grad is None else grad

    def _expect_none(
        self, effect: Tensor, seen: Tensor, what: str, got: str, j: int | None = None
    ) -> None:
        bad = ((effect > TOLERANCE) & ~seen).nonzero().tolist()
        if bad:
            i, source = (bad[0][1], bad[0][2]) if j is None else (bad[0][1], j)
            raise AssertionError(
                f"{type(self.net).__name__}: expected h[{i}] not to depend on y[{source}] under "
                f"{what}, as its rank is not lower; got {got}. Mask with rank_j < rank_i "
                "(torch.where, not a product, or a NaN passes), and take no order for a rank."
            )

    def _expect(self, truth: bool, message: str) -> None:  # noqa: FBT001 - an assertion
        if not truth:
            raise AssertionError(f"{type(self.net).__name__}: expected {message}.")

    @staticmethod
    def _close(a: Tensor, b: Tensor) -> bool:
        return a.shape == b.shape and torch.allclose(
            a, b, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
        )
