"""check_backbone: proves that a backbone keeps the law of causality, and all else it promises."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from qdist.arguments import instance, keywords, number, rows_of
from qdist.backbones import AbstractBackbone, BranchingStepper, Domain
from qdist.orders import sees
from qdist.testing.cases import (
    PRESENT,
    TOLERANCE,
    check_class,
    check_said,
    default_domain,
    draw_ranks,
    randomise,
    seeded,
)
from qdist.testing.kit import Kit
from qdist.testing.levels import check_levels

__all__ = ["check_backbone"]

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

    In float64, at random weights, for ranks of every kind that the class serves (the class of an
    image is a condition in all of them, of rank -1, or the first in a fixed order):

    - **what it says**: the class has a `name`, and its instances set `dim` and `context`;
    - **causality**: $\partial h_i / \partial y_j = 0$ unless $\mathrm{rank}_j < \mathrm{rank}_i$,
      no replaced value and no NaN in $y_j$ changes $h_i$, in training mode neither, and where the
      law allows a dependence there is one;
    - **rows**: no row of a batch reaches another, in training mode too;
    - **ranks**: of shape (D,) and (B, D) alike, and only what is seen matters;
    - **cells**: the contexts of single cells are those of `forward`;
    - **tau**: $h_i$ depends on those levels that `sees_levels` says, on no other, in training mode
      neither, and a network that sees each level by itself is its `content` read by `at_levels`;
    - **stepper**: contexts one at a time, also for some rows only, equal those of `forward`, with
      the class of an image always known, and a
      [stepper that can branch][qdist.backbones.BranchingStepper] goes on with the rows it takes;
    - **saving**: rebuilt from JSON arguments and a state dict, it gives the same contexts;
    - every parameter has a gradient, finite where unseen cells are NaN; float32 works; no global
      random state is touched.

    Args:
        cls: The class.
        domain: What to build it from; by default a small domain of the kind that it takes, of
            images one with colours and labels.
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
        check_said(net)
        if reach is not None:
            rows_of("reach", reach, width=net.dim, like=torch.empty(net.dim), mask=True)
        kit = _Checks(net.double(), domain, rows, generator)
        randomise(net, generator)
        net.eval()
        kit.check_shapes()
        for what, rank in draw_ranks(net, rows, generator, given=kit.given).items():
            kit.check_rows(what, rank)
            kit.check_causality(what, rank, reach)
            check_levels(kit, what, rank)
            kit.check_rank_shapes(what, rank)
            kit.check_cells(what, rank)
        kit.check_stepper()
        kit.check_saving(args)
        kit.check_use()


class _Checks(Kit):
    """The checks of one backbone, in the order in which they build on each other."""

    def check_shapes(self) -> None:
        y = self.values()
        self.expect(
            y.shape[1] == self.net.dim, f"dim {y.shape[1]}, as the domain has; got {self.net.dim}"
        )
        h = self.run(y, self.some_rank())
        want = (self.rows, self.net.dim, self.net.context)
        self.expect(h.shape == want, f"contexts of shape {want}; got {tuple(h.shape)}")
        self.expect(h.dtype == y.dtype, f"contexts in the dtype of y, {y.dtype}; got {h.dtype}")
        self.expect(bool(h.isfinite().all()), "finite contexts; got NaN or infinity")

    def check_rows(self, what: str, rank: Tensor) -> None:
        y = self.values().requires_grad_()
        h = self.run_in_training(y, rank)
        advice = "Normalise over coordinates or features, never over the batch"
        for b in range(min(self.rows, 3)):
            grad = self.gradient(h[b], y).abs().sum(1)
            grad[b] = 0
            self.expect(
                bool((grad <= TOLERANCE).all()),
                f"row {b} to depend on no other row of the batch under {what}; got a gradient "
                f"from row {int(grad.argmax())}. {advice}",
            )
            # Codes have no gradient: replace the other rows, more than once.
            for _ in range(DRAWS):
                other = self.values()
                other[b] = y[b]
                with torch.no_grad():
                    same = self.close(self.run_in_training(other, rank)[b], h[b])
                self.expect(
                    same,
                    f"row {b} to depend on no other row of the batch under {what}; got a change "
                    f"in training mode when others were replaced. {advice}",
                )

    def check_causality(self, what: str, rank: Tensor, reach: Tensor | None) -> None:
        y = self.values()
        seen = sees(rank.expand(y.shape))  # (B, i, j)
        with_grad = y.clone().requires_grad_()
        h = self.run(with_grad, rank)
        effect = torch.stack(
            [self.gradient(h[:, i], with_grad).abs() for i in range(self.net.dim)], 1
        )
        self.expect_none(effect, seen, what, "a gradient")
        # Codes and atoms have no useful gradient: replace them, more than once as one draw may be
        # the same again, and then by what is not even a number.
        others = [self.values() for _ in range(DRAWS)]
        for j in range(self.net.dim):
            for changed, got in self._replaced(y, others, seen, j):
                delta = (self.run(changed, rank) - h).detach().abs().amax(-1)
                delta = delta.nan_to_num(torch.inf)
                self.expect_none(delta, seen[:, :, j], what, got, j)
                if got == "a change":
                    effect[:, :, j] = torch.maximum(effect[:, :, j], delta)
        self._check_training(y, rank, seen, what)
        wanted = seen.sum(0) >= min(ENOUGH, self.rows)
        if reach is not None:
            wanted &= reach
        missing = (wanted & ~(effect * seen > PRESENT).any(0)).nonzero().tolist()
        i, j = missing[0] if missing else (0, 0)
        self.expect(
            not missing,
            f"h[{i}] to depend on y[{j}] under {what}, as its rank is lower; got no dependence. "
            "Let the network see it, or state its `reach`",
        )

    @torch.no_grad()
    def _check_training(self, y: Tensor, rank: Tensor, seen: Tensor, what: str) -> None:
        """Causality where dropout and the like are at work."""
        h = self.run_in_training(y, rank)
        for j in range(self.net.dim):
            for changed, got in self._replaced(y, [self.values()], seen, j):
                delta = (self.run_in_training(changed, rank) - h).abs().amax(-1)
                delta = delta.nan_to_num(torch.inf)
                self.expect_none(delta, seen[:, :, j], what, f"{got} in training mode", j)

    @staticmethod
    def _replaced(
        y: Tensor, others: list[Tensor], seen: Tensor, j: int
    ) -> Iterator[tuple[Tensor, str]]:
        """Rows y with other values in column j, then with NaN where no cell sees them."""
        for other in others:
            changed = y.clone()
            changed[:, j] = other[:, j]
            yield changed, "a change"
        changed = y.clone()
        changed[~seen[:, :, j].any(1), j] = torch.nan
        yield changed, "a NaN"

    def check_rank_shapes(self, what: str, rank: Tensor) -> None:
        y = self.values()
        full = rank.expand(y.shape).clone()
        h = self.run(y, rank)
        same = self.close(self.run(y, full), h)
        self.expect(same, f"rank (D,) and its copies (B, D) to agree under {what}; they differ")
        for b in range(min(self.rows, 3)):
            alone = self.run(y[b : b + 1], full[b : b + 1], at=slice(b, b + 1))
            self.expect(
                self.close(alone, h[b : b + 1]),
                f"row {b} alone to have the context it has in the batch under {what}; they "
                "differ. Compare ranks row by row",
            )

    def check_cells(self, what: str, rank: Tensor) -> None:
        if self.net.sees_levels != "none":
            return  # such a network is asked at levels, for all cells at once
        y = self.values()
        place = torch.randint(y.numel(), (2 * y.numel(),), generator=self.generator)
        row, column = place // self.net.dim, place % self.net.dim
        self.expect(
            self.close(
                self.net.cells(y, rank, row=row, column=column), self.net(y, rank)[row, column]
            ),
            f"the contexts that `cells` gives to equal those of forward under {what}; they differ",
        )

    def check_stepper(self) -> None:
        y = self.values()
        dim, fixed = self.net.dim, self.net.serves == "fixed"
        order = torch.arange(dim)
        if fixed:
            known = torch.randint(dim, (self.rows, 1), generator=self.generator)
            visible = torch.arange(dim) < known
        else:
            order = torch.randperm(dim, generator=self.generator)
            visible = torch.rand(y.shape, generator=self.generator) < 0.4
        visible[:, self.given] = True  # a network may look up a class
        start, at_start = torch.where(visible, y, torch.nan), visible.clone()
        given = start.clone()
        past = self.net.sees_levels == "past"
        levels = {"tau": self.tau} if past else {}
        stepper = self.net.stepper(given, visible, **levels)

        def whole(y: Tensor, rank: Tensor) -> Tensor:
            return self.run(y, rank) if past else self.net.content(y, rank)

        now = visible.clone()
        known_at_start = at_start
        for done, i in enumerate(order.tolist()):
            if done == dim // 2 and isinstance(stepper, BranchingStepper) and not past:
                taken = torch.randint(self.rows, (self.rows - 1,), generator=self.generator)
                stepper.take(taken)
                y, now, known_at_start = y[taken], now[taken], known_at_start[taken]
            rows = (~known_at_start[:, i]).nonzero().squeeze(1)
            if len(rows) == 0:
                continue
            every = len(rows) == len(y)
            got = stepper.context(i, rows=None if every else rows)
            rank = torch.arange(dim) if fixed else (~now).long()
            want = whole(torch.where(now, y, torch.nan), rank)[rows, i]
            self.expect(
                self.close(got, want),
                f"the stepper's context of coordinate {i} to equal that of forward; they differ",
            )
            if self.net.serves == "any":
                chain = torch.where(known_at_start, -1, order.argsort())
                self.expect(
                    self.close(got, whole(y, chain)[rows, i]),
                    f"h[{i}] to depend on its rank only through what it sees; got other contexts "
                    "for two ranks under which it sees the same",
                )
            stepper.set(i, y[rows, i], rows=None if every else rows)
            now[rows, i] = True
        untouched = torch.equal(visible, at_start) and self.close(given, start)
        self.expect(untouched, "the stepper to leave the caller's tensors alone; it wrote to them")

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
        y, rank = self.values(), self.some_rank()
        self.expect(
            self.close(copy(y, rank, tau=self.tau), self.net(y, rank, tau=self.tau)),
            "a copy from its arguments and state dict to give the same contexts; they differ. "
            "Keep all that matters in parameters and buffers",
        )

    def check_use(self) -> None:
        y, rank = self.values(), self.some_rank()
        before = torch.get_rng_state()
        h = self.net(y, rank, tau=torch.full_like(y, 0.5))
        self.expect(
            torch.equal(before, torch.get_rng_state()),
            "no use of torch's global random state in eval mode; it has moved",
        )
        h.square().sum().backward()
        for name, parameter in self.net.named_parameters():
            self.expect(
                not parameter.requires_grad or parameter.grad is not None,
                f"a gradient for parameter {name}; got None. Use it, or remove it",
            )
        self.net.zero_grad()
        unseen = ~sees(rank.expand(y.shape)).any(1)
        self.run(torch.where(unseen, torch.nan, y), rank).square().sum().backward()
        for name, parameter in self.net.named_parameters():
            self.expect(
                parameter.grad is None or bool(parameter.grad.isfinite().all()),
                f"a finite gradient for parameter {name} where unseen cells are NaN; got NaN. "
                "Replace them (torch.where) before they enter the network, not after",
            )
        self.net.zero_grad()
        self.net.float()
        single = self.run(y.float(), rank)
        self.net.double()
        self.expect(single.dtype == torch.float32, f"float32 contexts; got {single.dtype}")
