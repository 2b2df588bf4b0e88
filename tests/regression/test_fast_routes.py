"""Short cuts of prediction, each beside the plain way to the same numbers."""

import numpy as np
import pytest
import torch

from qdist.laws import RegressionLaw
from qdist.quantile import PiecewiseLinear
from qdist.regression import (
    ForestMemory,
    Members,
    SymmetricTrees,
    average,
    average_members,
    stretched,
)
from qdist.regression.trees import TreeRecipe
from qdist.rng import isolated_rng

DIGITS = {torch.float64: 1e-9, torch.float32: 1e-5}


@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_members_without_gradients(dtype):
    network = Members(7, width=16, layers=3, members=4, dropout=0.1).to(dtype).eval()
    x = torch.randn(50, 7, dtype=dtype, generator=torch.Generator().manual_seed(0))
    plain = network(x)
    assert plain.requires_grad
    with torch.no_grad():
        short = network(x)
    assert short.shape == plain.shape
    torch.testing.assert_close(short, plain.detach(), rtol=DIGITS[dtype], atol=DIGITS[dtype])


@pytest.mark.parametrize("training", [True, False])
def test_many_rows_at_once_are_few_rows_often(training):
    """Scalings go into the matrices where rows are many, and onto the rows where they are few."""
    network = Members(7, width=16, layers=3, members=4, dropout=0.0).double().train(training)
    x = torch.randn(50, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = list(network.parameters())
    found = {}
    for size in (50, 10):  # of 32 rows on they are many
        out = torch.cat([network(some) for some in x.split(size)])
        found[size] = [out, *torch.autograd.grad(out.square().sum(), weights)]
    for one, other in zip(found[50], found[10], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("guesses", [0, 2])
def test_the_averages_of_a_network_are_those_of_its_laws(guesses):
    with isolated_rng(0):
        network = RegressionLaw(
            [[0.0, 1.0]] * (1 + guesses), [3], [None, (0.0, 1.0)], guesses=guesses, width=8
        )
    network = network.double().eval()
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(20, 4 + guesses, dtype=torch.float64, generator=generator)
    rows[:, 1 + guesses] = 1  # a code
    for law, members in zip(network.averages(rows), network.laws(rows), strict=True):
        expected = average_members(members)
        assert law.batch_shape == (20,)
        for name in ("levels", "values"):
            torch.testing.assert_close(getattr(law, name), getattr(expected, name))
        for one, other in zip(law.tails, expected.tails, strict=True):
            assert one is other is None or torch.allclose(one, other)


def test_a_forest_answers_many_rows_as_it_answers_each():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    memory = ForestMemory.fit(
        x, x[:, 0] + rng.normal(size=300), weight=np.ones(300), seed=0, grid=None
    )
    fresh, levels = rng.normal(size=(1100, 3)), torch.tensor([0.02, 0.5, 0.97])
    for at in (None, levels):
        whole = memory.law(fresh, levels=at)
        some = [0, 511, 512, 1023, 1024, 1099]  # on either side of where a batch ends
        each = [memory.law(fresh[k : k + 1], levels=at) for k in some]
        knots = "levels" if at is None else "values"
        assert torch.equal(
            getattr(whole, knots)[some], torch.cat([getattr(law, knots) for law in each])
        )
        torch.testing.assert_close(whole.mean[some], torch.cat([law.mean for law in each]))
        assert memory.law(fresh[:0], levels=at).batch_shape == (0,)


def test_the_tails_of_a_forest_by_the_plain_sum():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 2)), rng.standard_t(2, size=400)
    memory = ForestMemory.fit(x, y, weight=np.ones(400), seed=0, grid=None)
    levels = torch.tensor([0.2, 0.9], dtype=torch.float64)
    law, mass = memory.law(x, levels=levels), torch.from_numpy(memory.masses(x)).double()
    reach = torch.from_numpy(memory.grid) - law.values[..., None]  # (N, K, G)
    left = (-reach[:, 0]).clamp(min=0).mul(mass).sum(-1) / 0.2
    right = reach[:, 1].clamp(min=0).mul(mass).sum(-1) / 0.1
    least = 1e-6 * (memory.grid[-1] - memory.grid[0]) + 1e-9
    torch.testing.assert_close(law.tails[0], left.clamp(min=least))
    torch.testing.assert_close(law.tails[1], right.clamp(min=least))


def test_trees_by_codes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    x[::7, 1] = np.nan
    x[:, 3] = rng.integers(0, 3, 300)
    y = x[:, 0] + x[:, 3] + rng.normal(size=300)
    trees = SymmetricTrees.fit(x, y, seed=0, recipe=TreeRecipe(trees=40, depth=5))
    fresh = np.concatenate([x, x * 3, np.full((1, 4), np.nan), np.full((1, 4), 1e300)])
    expected = []
    for row in np.where(np.isnan(fresh), -np.inf, fresh):
        total = trees.start
        for feature, threshold, value in zip(
            trees.feature, trees.threshold, trees.value, strict=True
        ):
            bits = [int(row[f] > t) for f, t in zip(feature, threshold, strict=True)]
            total += value[int("".join(map(str, bits)), 2)]
        expected.append(total)
    assert np.array_equal(trees.predict(fresh), expected)


def shaped(dtype, tails):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(20, 3, 9, generator=generator, dtype=dtype).sort(-1).values
    if not tails:
        return PiecewiseLinear(torch.linspace(0, 1, 9, dtype=dtype), values)
    scales = torch.rand(2, 20, 3, generator=generator, dtype=dtype) + 0.1
    return PiecewiseLinear(
        torch.linspace(0.05, 0.95, 9, dtype=dtype), values, tails=tuple(scales.unbind(0))
    )


LEVELS = [0.0, 1e-9, 0.01, 0.05, 0.3, 0.5, 0.77, 0.95, 0.999, 1.0]


@pytest.mark.parametrize("tails", [True, False], ids=["tails", "no tails"])
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_all_levels_at_once(dtype, tails):
    law = shaped(dtype, tails)
    tau = torch.tensor(LEVELS, dtype=dtype)
    one_by_one = torch.stack([law.icdf(level) for level in tau], -1)
    torch.testing.assert_close(
        law.quantiles(tau), one_by_one, rtol=DIGITS[dtype], atol=DIGITS[dtype]
    )


@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_the_average_of_laws_has_the_average_of_quantiles(dtype):
    laws, shares = [shaped(dtype, True), stretched(shaped(dtype, True), 2.0)], [0.3, 0.7]
    tau = torch.tensor(LEVELS[1:-1], dtype=dtype)
    short = average([average_members(law) for law in laws], shares).quantiles(tau)
    # The plain way: values at the levels first, then their means.
    plain = sum(
        share * law.quantiles(tau).mean(1) for law, share in zip(laws, shares, strict=True)
    )
    tolerance = {torch.float64: 1e-9, torch.float32: 3e-5}[dtype]  # tails reach 20 scales far
    torch.testing.assert_close(short, plain, rtol=tolerance, atol=tolerance)
