import sys

import pytest
import torch
from scipy import integrate, stats

from qdist.divergences import quantile_divergence, wasserstein1
from qdist.errors import ExtraMissingError, InputError
from qdist.plots import divergence
from qdist.quantile import Empirical

PAIRS = {
    "bounded": (stats.beta(0.7, 1.6), stats.uniform(0.15, 0.6)),
    "unbounded": (stats.norm(), stats.t(3, 1)),
    "atoms": (Empirical(torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)), stats.expon()),
    "equal": (stats.norm(), stats.norm()),
}


@pytest.mark.parametrize("name", PAIRS)
def test_draws_itself(name, tmp_path):
    figure = divergence(*PAIRS[name])
    figure.savefig(tmp_path / "divergence.png")
    assert (tmp_path / "divergence.png").stat().st_size > 10_000


def test_areas_are_the_distances():
    p, q = PAIRS["bounded"]
    gap, cost = divergence(p, q).axes[1].get_lines()
    # The curves stop at the levels 0.005 and 0.995.
    areas = [integrate.trapezoid(line.get_ydata(), line.get_xdata()) for line in (gap, cost)]
    assert areas == pytest.approx([wasserstein1(p, q), quantile_divergence(p, q)], rel=0.02)


@pytest.mark.parametrize(("name", "start"), [("bounded", "W₁²/2L = 0.0134"), ("unbounded", "0")])
def test_bounds_are_those_of_the_support(name, start):
    assert divergence(*PAIRS[name]).axes[2].get_title().startswith(f"{start}  ≤  q = ")


def test_infinite_distance_is_refused():
    with pytest.raises(InputError, match="The 1-Wasserstein distance diverges"):
        divergence(stats.cauchy(), stats.norm())


def test_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'qdist\[plot\]'"):
        divergence(stats.norm(), stats.norm(1))
