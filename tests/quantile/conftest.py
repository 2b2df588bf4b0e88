"""The table of laws on which every law of a quantile function is checked.

A test that takes `law` runs over the whole table, one that takes `law_with_log_prob` over the rows
that promise a log_prob, and so on. The promises are written out here, apart from the code.
"""

import pytest
import scipy.stats as st
import torch

from qdist.quantile import (
    Affine,
    Categorical,
    Empirical,
    Frozen,
    Implicit,
    Mixture,
    PiecewiseLinear,
    Rounded,
)

ALL = frozenset({"cdf", "log_prob", "crps", "mean", "variance", "sample", "rsample"})
PROMISES = {
    "PiecewiseLinear": ALL,
    "Implicit": ALL - {"log_prob"},
    "Categorical": ALL - {"rsample"},
    "Empirical": ALL - {"log_prob"},
    "Affine of PiecewiseLinear": ALL,
    "Affine of Categorical": ALL - {"rsample"},
    "Frozen": ALL - {"rsample"},
    "Rounded": ALL - {"rsample"},
    "Mixture": ALL - {"rsample", "crps"},
}


def linear(levels, values, left=None, right=None):
    scales = [None if s is None else torch.tensor(s) for s in (left, right)]
    return PiecewiseLinear(torch.tensor(levels), torch.tensor(values), tails=tuple(scales))


# name: (row of PROMISES, constructor of a single law)
LAWS = {
    "uniform": ("PiecewiseLinear", lambda: linear([0.0, 1.0], [-1.0, 3.0])),
    "uneven knots": (
        "PiecewiseLinear",
        lambda: linear([0.0, 0.1, 0.15, 0.6, 1.0], [-2.0, -1.5, 0.0, 0.1, 4.0]),
    ),
    "gap": ("PiecewiseLinear", lambda: linear([0.0, 0.4, 0.4, 1.0], [0.0, 1.0, 3.0, 3.5])),
    "atom inside": (
        "PiecewiseLinear",
        lambda: linear([0.0, 0.2, 0.7, 1.0], [-1.0, 0.5, 0.5, 2.0]),
    ),
    "atoms at the ends": (
        "PiecewiseLinear",
        lambda: linear([0.0, 0.25, 0.875, 1.0], [0.0, 0.0, 1.0, 1.0]),
    ),
    "atoms and gaps only": (
        "PiecewiseLinear",
        lambda: linear([0.0, 0.3, 0.3, 0.9, 0.9, 1.0], [0.0, 0.0, 2.0, 2.0, 3.0, 3.0]),
    ),
    "two tails": (
        "PiecewiseLinear",
        lambda: linear([0.1, 0.5, 0.8], [-1.0, 0.0, 2.0], 0.5, 1.5),
    ),
    "left tail": ("PiecewiseLinear", lambda: linear([0.6, 0.8, 1.0], [-1.0, 0.0, 2.0], left=2.0)),
    "right tail": ("PiecewiseLinear", lambda: linear([0.0, 0.3], [0.0, 1.0], right=0.7)),
    "tails and atoms": (
        "PiecewiseLinear",
        lambda: linear([0.05, 0.3, 0.6, 0.9], [1.0, 1.0, 2.0, 2.0], 1.0, 1.0),
    ),
    "implicit": ("Implicit", lambda: Implicit(lambda tau: 3 * tau.square(), (), grid=64)),
    "implicit, crossing": ("Implicit", lambda: Implicit(lambda tau: (6 * tau).sin(), ())),
    "implicit, censored": (
        "Implicit",
        lambda: Implicit(lambda tau: (4 * tau - 2).clamp(-1, 1.5), (), grid=200),
    ),
    "categorical": ("Categorical", lambda: Categorical(torch.tensor([0.5, -1.0, 2.0, 0.0]))),
    "categorical with values": (
        "Categorical",
        lambda: Categorical(torch.tensor([0.0, 1.0, 0.3]), values=torch.tensor([-2.0, 0.5, 10.0])),
    ),
    "categorical, codes ruled out": (
        "Categorical",
        lambda: Categorical(torch.tensor([-torch.inf, 1.0, -torch.inf, 0.5, -torch.inf])),
    ),
    "empirical": (
        "Empirical",
        lambda: Empirical(torch.tensor([3.0, -1.0, 0.5, 0.5, 8.0, 2.0, 2.5])),
    ),
    "empirical, weighted": (
        "Empirical",
        lambda: Empirical(
            torch.tensor([3.0, -1.0, 0.5, 0.5, 8.0, -4.0]),
            weights=torch.tensor([1.0, 2.0, 0.5, 0.25, 0.0, 0.0]),
        ),
    ),
    "affine of tails and atoms": (
        "Affine of PiecewiseLinear",
        lambda: Affine(
            linear([0.05, 0.3, 0.6, 0.9], [1.0, 1.0, 2.0, 2.0], 1.0, 1.0), loc=-4.0, scale=0.25
        ),
    ),
    "affine of categorical": (
        "Affine of Categorical",
        lambda: Affine(Categorical(torch.tensor([0.5, -1.0, 2.0])), loc=10.0, scale=0.5),
    ),
    "rounded": (
        "Rounded",
        lambda: Rounded(linear([0.0, 0.2, 0.45, 1.0], [-0.5, 2.2, 3.9, 10.5])),
    ),
    "rounded, tails and atoms": (
        "Rounded",
        lambda: Rounded(
            linear([0.1, 0.3, 0.3, 0.6, 0.6, 0.9], [-3.5, -0.5, 0.0, 0.0, 0.5, 7.5], 2.0, 3.0),
            origin=5.0,
            step=25.0,
            divisor=10.0,
        ),
    ),
    "mixture of atoms, gaps and a tail": (
        "Mixture",
        lambda: Mixture(
            [
                linear([0.0, 0.3, 0.3, 0.9, 0.9, 1.0], [0.0, 0.0, 2.0, 2.0, 3.0, 3.0]),
                linear([0.0, 0.3], [0.5, 2.0], right=0.7),
            ],
            weights=[0.25, 0.75],
        ),
    ),
    "normal": ("Frozen", lambda: Frozen(st.norm(1.0, 2.0))),
    "exponential": ("Frozen", lambda: Frozen(st.expon(scale=3.0))),
    "laplace": ("Frozen", lambda: Frozen(st.laplace())),
    "Student t, 3 degrees": ("Frozen", lambda: Frozen(st.t(3))),
    "beta": ("Frozen", lambda: Frozen(st.beta(0.5, 2.0))),
    "triangular": ("Frozen", lambda: Frozen(st.triang(0.3), breakpoints=[0.3])),
    "histogram": (
        "Frozen",
        lambda: Frozen(
            st.rv_histogram(([3.0, 1.0, 4.0], [0.0, 1.0, 3.0, 3.5]), density=True)(loc=1, scale=2)
        ),
    ),
    "Poisson": ("Frozen", lambda: Frozen(st.poisson(3.3))),
    "binomial": ("Frozen", lambda: Frozen(st.binom(5, 0.3, loc=2))),
    "listed values": (
        "Frozen",
        lambda: Frozen(st.rv_discrete(values=([0.5, 2.0, 7.25], [0.25, 0.5, 0.25]))(loc=1.0)),
    ),
}


def pytest_generate_tests(metafunc):
    for fixture in metafunc.fixturenames:
        if fixture == "law" or fixture.startswith("law_with_"):
            needed = set(fixture.removeprefix("law").removeprefix("_with_").split("_and_")) - {""}
            names = [n for n, (row, _) in LAWS.items() if needed <= PROMISES[row]]
            metafunc.parametrize(fixture, names, ids=names, indirect=True)


@pytest.fixture
def law(request):
    return LAWS[request.param][1]()


@pytest.fixture
def promised(request, law):
    """What the row of `law` promises."""
    return PROMISES[LAWS[request.node.callspec.params["law"]][0]]


def _fixture(capabilities):
    @pytest.fixture(name=f"law_with_{capabilities}")
    def build(request):
        return LAWS[request.param][1]()

    return build


law_with_cdf = _fixture("cdf")
law_with_log_prob_and_rsample = _fixture("log_prob_and_rsample")
law_with_log_prob = _fixture("log_prob")
law_with_crps = _fixture("crps")
law_with_mean = _fixture("mean")
law_with_variance = _fixture("variance")
law_with_sample = _fixture("sample")
law_with_rsample = _fixture("rsample")


@pytest.fixture
def make_linear():
    """Builds a piecewise linear law from lists."""
    return linear


@pytest.fixture
def levels():
    """Levels strictly inside (0, 1) in no relation to the knots of the table."""
    inner = (torch.arange(997) + 0.37) / 997
    return torch.cat([torch.tensor([1e-12, 1e-6]), inner, torch.tensor([1 - 1e-6])])
