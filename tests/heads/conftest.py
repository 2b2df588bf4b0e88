"""Instances of every head, by what distinguishes them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch

from qdist.heads import AbstractHead, BinnedHead, CategoricalHead, ImplicitHead, SplineHead

EDGES = torch.linspace(-3, 3, 25).tolist()
BINS = list(pairwise(EDGES))
# An atom that touches the next bin, a gap, an atom in a gap, two atoms in a row.
ATOMS = [(-2.0, -2.0), (-2.0, -1.0), (0.0, 0.0), (0.5, 1.0), (1.0, 1.5), (1.75, 1.75), (2.0, 2.0)]


@dataclass(frozen=True)
class Case:
    make: Callable[[int], AbstractHead]
    target_range: tuple[float, float] = (-2.0, 2.0)
    integer: bool = False


CASES = {
    "implicit": Case(ImplicitHead),
    "implicit_huber": Case(lambda c: ImplicitHead(c, kappa=0.05, n_tau=3, n_cos=16)),
    "implicit_bounded": Case(lambda c: ImplicitHead(c, lower=-2.0, upper=2.0)),
    "implicit_grid": Case(
        lambda c: ImplicitHead(c, lower=0.0, upper=5.0, step=1.0, loc=2.5), (0.0, 5.0), True
    ),
    "spline": Case(SplineHead),
    "spline_free": Case(lambda c: SplineHead(c, levels="free", knots=9)),
    "spline_lower": Case(lambda c: SplineHead(c, lower=0.0), (0.0, 4.0)),
    "spline_upper_free": Case(lambda c: SplineHead(c, upper=0.0, levels="free"), (-4.0, 0.0)),
    "spline_bounded": Case(lambda c: SplineHead(c, lower=-1.0, upper=1.0), (-1.0, 1.0)),
    "spline_grid": Case(
        lambda c: SplineHead(
            c, lower=0.0, upper=5.0, step=1.0, loc=2.5, levels="free", score="both"
        ),
        (0.0, 5.0),
        True,
    ),
    "spline_log": Case(
        lambda c: SplineHead(c, lower=0.0, upper=5.0, step=1.0, loc=2.5, score="log"),
        (0.0, 5.0),
        True,
    ),
    "binned": Case(lambda c: BinnedHead(c, BINS)),
    "binned_crps": Case(lambda c: BinnedHead(c, BINS, score="crps")),
    "binned_atoms": Case(lambda c: BinnedHead(c, ATOMS, score="both")),
    "categorical": Case(lambda c: CategoricalHead(c, 7), (0.0, 6.0), True),
    "categorical_rps": Case(
        lambda c: CategoricalHead(c, 7, ordered=True, score="both"), (0.0, 6.0), True
    ),
    "categorical_large": Case(lambda c: CategoricalHead(c, 1050), (0.0, 1049.0), True),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]
