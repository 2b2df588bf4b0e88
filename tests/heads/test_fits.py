"""Each head learns each law of one table, within a stated CRPS regret of the truth."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from scipy import stats

from qdist.heads import BinnedHead, CategoricalHead, ImplicitHead, SplineHead

N = 4000
CONTEXT = 8


def _mixture(*parts):
    """Draws by inversion from (weight, frozen law) pairs, in the stated shares."""
    return torch.cat([_grid(law, round(weight * N)) for weight, law in parts])


def _grid(law, n):
    return torch.as_tensor(law.ppf((torch.arange(n, dtype=torch.float64) + 0.5) / n))


# Each law as N equally likely values: a discrete law near the named one, whose CRPS is exact.
LAWS = {
    "normal": lambda: _grid(stats.norm(), N),
    "skewed": lambda: _grid(stats.expon(), N),
    "heavy_tail": lambda: _grid(stats.t(3), N),
    "bimodal": lambda: _mixture((0.4, stats.norm(-2, 0.3)), (0.6, stats.norm(2, 0.3))),
    "negative_location": lambda: _grid(stats.norm(-30, 2), N),
    "atoms": lambda: torch.cat([torch.zeros(N // 2), _grid(stats.uniform(1, 2), N // 2)]),
}


@dataclass(frozen=True)
class Fit:
    make: Callable
    steps: int
    regret: dict[str, float]  # relative to the CRPS of the truth; the default is ""


def _bins(y):
    """Quantile bins of the marginal, and an atom for a value that repeats."""
    values, counts = y.unique(return_counts=True)
    atoms = values[counts > N // 10].tolist()
    rest = y[~torch.isin(y, torch.tensor(atoms))] if atoms else y
    edges = torch.quantile(rest, torch.linspace(0, 1, 41)).tolist()
    spans = [(edges[i], edges[i + 1]) for i in range(40)]
    return sorted([*spans, *((a, a) for a in atoms)])


def _units(y):
    return {"loc": y.median().item(), "scale": (y - y.median()).abs().mean().item()}


HEADS = {
    "implicit": Fit(
        lambda y: ImplicitHead(CONTEXT, n_cos=32, n_tau=8, **_units(y)),
        250,
        {"": 0.003},
    ),
    "spline": Fit(
        lambda y: SplineHead(CONTEXT, **_units(y)),
        300,
        {"": 0.001, "bimodal": 0.005, "atoms": 0.01},
    ),
    "spline_free": Fit(
        lambda y: SplineHead(CONTEXT, levels="free", **_units(y)), 300, {"": 0.001, "atoms": 0.005}
    ),
    "binned": Fit(lambda y: BinnedHead(CONTEXT, _bins(y)), 200, {"": 0.002, "heavy_tail": 0.01}),
    "binned_crps": Fit(lambda y: BinnedHead(CONTEXT, _bins(y), score="crps"), 200, {"": 0.01}),
}


def _train(head, draw, steps, lr=0.02):
    h = torch.ones(CONTEXT)
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(head.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        loss = head.loss(h, draw(generator), generator=generator).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        return head(h)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("head", HEADS)
def test_learns(head, law):
    torch.set_default_dtype(torch.float32)
    y = LAWS[law]().float()
    case = HEADS[head]

    def draw(generator):
        return y[torch.randint(N, (400,), generator=generator)]

    learnt = _train(case.make(y), draw, case.steps)
    # The mean CRPS of the truth is E|X - X'| / 2, here a sum over the order statistics.
    ordered = y.sort().values.double()
    weight = (2 * torch.arange(1, N + 1) - N - 1).double()
    best = ((weight * ordered).sum() / N**2).item()
    regret = learnt.crps(y).double().mean().item() / best - 1
    assert regret < case.regret.get(law, case.regret[""]), regret


@pytest.mark.parametrize("score", ["log", "rps"])
def test_learns_codes(score):
    torch.set_default_dtype(torch.float32)
    mass = torch.tensor([0.4, 0.0, 0.1, 0.3, 0.2])

    def draw(generator):
        return torch.multinomial(mass, 2000, replacement=True, generator=generator).float()

    head = CategoricalHead(CONTEXT, 5, ordered=True, score=score)
    learnt = _train(head, draw, 200)
    found = learnt.log_prob(torch.arange(5.0)).exp()
    torch.testing.assert_close(found, mass, atol=0.015, rtol=0)


def test_learns_many_codes():
    """The two softmaxes represent a law that is no product: mass on one code of each block."""
    torch.set_default_dtype(torch.float32)
    codes = torch.tensor([0.0, 33.0 + 7, 66.0 + 13, 1023.0])  # blocks of 32: places 0, 8, 15, 31

    def draw(generator):
        return codes[torch.randint(4, (500,), generator=generator)]

    learnt = _train(CategoricalHead(CONTEXT, 1024), draw, 200)
    found = learnt.log_prob(codes).exp()
    torch.testing.assert_close(found, torch.full((4,), 0.25), atol=0.02, rtol=0)
