"""Piecewise linear laws: arithmetic by hand, gradients, extremes of float32, refusals."""

import math

import pytest
import scoringrules
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.errors import InputError
from qdist.quantile import PiecewiseLinear


def test_an_atom_by_hand(make_linear):
    # P(0) = 0.5, the rest uniform on (0, 2): density 0.25
    law = make_linear([0.0, 0.5, 1.0], [0.0, 0.0, 2.0])
    assert law.icdf([0.0, 0.3, 0.5, 0.75, 1.0]).tolist() == [0.0, 0.0, 0.0, 1.0, 2.0]
    assert law.cdf([-1.0, 0.0, 1.0, 2.0, 3.0]).tolist() == [0.0, 0.5, 0.75, 1.0, 1.0]
    assert law.cdf_left([-1.0, 0.0, 1.0, 2.0, 3.0]).tolist() == [0.0, 0.0, 0.75, 1.0, 1.0]
    expected = [-math.inf, math.log(0.5), math.log(0.25), math.log(0.25), -math.inf]
    assert law.log_prob([-1.0, 0.0, 1.0, 2.0, 3.0]).tolist() == pytest.approx(expected)
    # mean 0.5 * 1; second moment 0.5 * 4/3, so the variance is 2/3 - 1/4
    assert law.mean == pytest.approx(0.5)
    assert law.variance == pytest.approx(2 / 3 - 1 / 4)
    # crps(0) = int_0^2 (1 - F)^2 = int_0^2 (0.5 - x/4)^2 dx = 4 * (0.5)^3 / 3 = 1/6
    # crps(-1) = 1 + 1/6; crps(3) = 1 + int_0^2 (0.5 + x/4)^2 dx = 1 + 4 * (1 - 1/8) / 3 = 1 + 7/6
    assert law.crps([0.0, -1.0, 3.0]).tolist() == pytest.approx([1 / 6, 7 / 6, 13 / 6])


def test_a_gap_by_hand(make_linear):
    # uniform on (0, 1) with mass 0.4 and on (3, 4) with mass 0.6
    law = make_linear([0.0, 0.4, 0.4, 1.0], [0.0, 1.0, 3.0, 4.0])
    assert law.icdf([0.4]).tolist() == [1.0]  # left-continuous
    assert law.icdf([0.4 + 1e-12]).item() == pytest.approx(3.0)
    assert law.cdf([1.0, 2.0, 3.0]).tolist() == [0.4, 0.4, 0.4]
    expected = [math.log(0.4), -math.inf, math.log(0.6)]
    assert law.log_prob([0.5, 2.0, 3.0]).tolist() == pytest.approx(expected)
    # int_0^1 (0.4 x)^2 + 1 * 0.4^2 + 1 * 0.6^2 + int_0^1 (0.6 x)^2
    assert law.crps(2.0) == pytest.approx(0.16 / 3 + 0.16 + 0.36 + 0.36 / 3)


def test_exponential_tails_by_hand(make_linear):
    # 0.2 of the mass below 0, scale 2, and 0.5 above 1, scale 3
    law = make_linear([0.2, 0.5], [0.0, 1.0], 2.0, 3.0)
    assert law.icdf(0.1) == pytest.approx(2 * math.log(0.5))
    assert law.isf(0.25) == pytest.approx(1 - 3 * math.log(0.5))
    assert law.cdf(-2.0) == pytest.approx(0.2 * math.exp(-1))
    assert law.sf(4.0) == pytest.approx(0.5 * math.exp(-1))
    assert law.log_prob(-2.0) == pytest.approx(math.log(0.1) - 1)
    assert law.log_prob(4.0) == pytest.approx(math.log(0.5 / 3) - 1)
    # 0.2 (0 - 2) + 0.3 * 0.5 + 0.5 (1 + 3)
    assert law.mean == pytest.approx(1.75)


def test_both_tails_alone_are_the_laplace_law(make_linear):
    # knots of no mass at 0 leave the two exponentials
    law = make_linear([0.5, 0.5], [0.0, 0.0], 1.0, 1.0)
    y = torch.linspace(-30, 30, 61)
    expected = torch.from_numpy(scoringrules.crps_laplace(y.numpy(), 0.0, 1.0))
    torch.testing.assert_close(law.crps(y), expected, rtol=1e-12, atol=1e-13)
    laplace = torch.distributions.Laplace(0.0, 1.0)
    torch.testing.assert_close(law.log_prob(y[y != 0]), laplace.log_prob(y[y != 0]))
    torch.testing.assert_close(law.cdf(y), laplace.cdf(y))
    assert law.variance == pytest.approx(2.0)


def test_levels_of_1e_300_reach_far_into_a_tail(make_linear):
    law = make_linear([0.25, 0.5], [0.0, 1.0], 2.0, 3.0)
    assert law.isf(1e-300) == pytest.approx(1 - 3 * math.log(2e-300), rel=1e-14)
    assert law.icdf(1e-300) == pytest.approx(2 * math.log(4e-300), rel=1e-14)
    assert law.sf(law.isf(1e-300)) == pytest.approx(1e-300, rel=1e-9)
    assert law.cdf(law.icdf(1e-300)) == pytest.approx(1e-300, rel=1e-9)
    assert law.icdf([0.0, 1.0]).tolist() == [-math.inf, math.inf]


def test_the_crps_agrees_with_scoringrules(make_linear):
    y = torch.linspace(-2.0, 4.0, 25)
    law = make_linear([0.0, 1.0], [-1.0, 3.0])
    expected = torch.from_numpy(scoringrules.crps_uniform(y.numpy(), -1.0, 3.0))
    torch.testing.assert_close(law.crps(y), expected)
    # atoms of 0.2 at -1 and of 0.3 at 3
    law = make_linear([0.0, 0.2, 0.7, 1.0], [-1.0, -1.0, 3.0, 3.0])
    expected = torch.from_numpy(scoringrules.crps_uniform(y.numpy(), -1.0, 3.0, 0.2, 0.3))
    torch.testing.assert_close(law.crps(y), expected)
    # exponential law from an empty first segment: all mass in the tail
    law = make_linear([0.0, 0.0], [0.0, 0.0], right=2.0)
    expected = torch.from_numpy(scoringrules.crps_exponential(y.numpy(), 0.5))
    torch.testing.assert_close(law.crps(y), expected)


def test_the_crps_in_float32_is_that_in_float64(make_linear):
    # an outlying knot of tiny mass must not drown the score
    law = make_linear([0.0, 1e-6, 0.5, 1.0], [-1e6, 0.0, 1.0, 2.0])
    y = torch.tensor([0.5, 1.0, 1.99, 2.0])
    single = PiecewiseLinear(law.levels.float(), law.values.float())
    torch.testing.assert_close(single.crps(y).double(), law.crps(y), rtol=1e-5, atol=0)


# -- gradients

LEVELS = [0.0, 0.1, 0.15, 0.6, 1.0]
VALUES = [-2.0, -1.5, 0.0, 0.1, 4.0]
OF_LEVELS_VALUES_SCALES = {
    "icdf": lambda law: law.icdf([0.01, 0.12, 0.3, 0.97]),
    "isf": lambda law: law.isf([0.01, 0.12, 0.3, 0.97]),
    "cdf": lambda law: law.cdf([-5.0, -1.7, 0.05, 3.0, 6.0]),
    "sf": lambda law: law.sf([-5.0, -1.7, 0.05, 3.0, 6.0]),
    "log_prob": lambda law: law.log_prob([-5.0, -1.7, 0.05, 3.0, 6.0]),
    "crps": lambda law: law.crps([-5.0, -1.7, 0.05, 3.0, 6.0]),
    "mean": lambda law: law.mean,
    "variance": lambda law: law.variance,
}


@pytest.mark.parametrize("name", OF_LEVELS_VALUES_SCALES)
def test_gradients_with_respect_to_levels_values_and_scales(name):
    def fn(inner, values, left, right):
        return OF_LEVELS_VALUES_SCALES[name](PiecewiseLinear(inner, values, tails=(left, right)))

    inputs = (torch.tensor([0.05, 0.1, 0.15, 0.6, 0.9]), VALUES, 0.5, 1.5)
    tensors = [torch.as_tensor(x, dtype=torch.float64).requires_grad_() for x in inputs]
    assert torch.autograd.gradcheck(fn, tensors)


@pytest.mark.parametrize("name", ["cdf", "log_prob", "crps"])
def test_gradients_with_respect_to_the_observation(name, make_linear):
    law = make_linear([0.05, 0.1, 0.15, 0.6, 0.9], VALUES, 0.5, 1.5)
    y = torch.tensor([-5.0, -1.7, 0.05, 3.0, 6.0], requires_grad=True)
    assert torch.autograd.gradcheck(getattr(law, name), [y])


def test_no_gradient_is_nan_next_to_atoms_and_gaps():
    levels = torch.tensor([0.0, 0.2, 0.2, 0.5, 1.0], requires_grad=True)
    values = torch.tensor([0.0, 0.0, 1.0, 2.0, 2.0], requires_grad=True)
    law = PiecewiseLinear(levels, values)
    y = torch.tensor([-1.0, 0.0, 0.5, 1.5, 2.0, 3.0])
    log_prob = law.log_prob(y)
    total = law.icdf([0.0, 0.2, 0.4, 1.0]).sum() + law.cdf(y).sum() + law.crps(y).sum()
    total = total + law.mean + law.variance + log_prob[log_prob.isfinite()].sum()
    for gradient in torch.autograd.grad(total, [levels, values]):
        assert gradient.isfinite().all()


def test_the_gradient_of_draws_is_that_of_the_mean(generator):
    # d E Q(U) / d theta, by 50,000 pathwise draws and in closed form
    levels = torch.tensor([0.1, 0.5, 0.8], requires_grad=True)
    values = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    scales = torch.tensor([0.5, 1.5], requires_grad=True)
    law = PiecewiseLinear(levels, values, tails=(scales[0], scales[1]))
    exact = torch.autograd.grad(law.mean, [levels, values, scales], retain_graph=True)
    draws = law.rsample((50_000,), generator=generator)
    pathwise = torch.autograd.grad(draws.mean(), [levels, values, scales])
    # each path's derivative is bounded by about 20, so 5 sigma are at most 5 * 20 / sqrt(50,000)
    for a, b in zip(pathwise, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0.1)


# -- float32 and hostile numbers

HUGE = float(torch.tensor(1e30, dtype=torch.float32))
finite32 = st.floats(-HUGE, HUGE, width=32)
share32 = st.floats(0.0, 1.0, width=32)


@given(
    values=st.lists(finite32, min_size=2, max_size=12),
    inner=st.lists(share32, min_size=12, max_size=12),
    tau=st.lists(share32, min_size=2, max_size=20),
)
def test_quantiles_never_cross_in_float32(values, inner, tau):
    values = torch.tensor(values, dtype=torch.float32).sort().values
    levels = torch.tensor([0.0, *inner[: len(values) - 2], 1.0], dtype=torch.float32)
    levels = levels.sort().values
    law = PiecewiseLinear(levels, values)
    near = [torch.nextafter(levels, torch.tensor(e)) for e in (0.0, 1.0)]
    tau = torch.cat([torch.tensor(tau, dtype=torch.float32), levels, *near]).sort().values
    q = law.icdf(tau)
    assert q.isfinite().all()
    assert (q[1:] >= q[:-1]).all()
    assert (q >= values[0]).all()
    assert (q <= values[-1]).all()
    p = law.cdf(q.sort().values)
    assert (p[1:] >= p[:-1]).all()
    assert ((p >= 0) & (p <= 1)).all()
    assert (law.crps(q) >= 0).all()
    assert not law.log_prob(q).isnan().any()
    assert not (law.log_prob(q) == torch.inf).any()


@given(
    values=st.lists(finite32, min_size=2, max_size=6), scale=st.floats(2.0**-60, 2.0**60, width=32)
)
def test_tails_never_cross_in_float32(values, scale):
    values = torch.tensor(values, dtype=torch.float32).sort().values
    levels = torch.linspace(0.1, 0.9, len(values), dtype=torch.float32)
    s = torch.tensor(scale, dtype=torch.float32)
    law = PiecewiseLinear(levels, values, tails=(s, s))
    tau = torch.tensor([1e-30, 1e-10, 1e-3, 0.0999, 0.1, 0.1001], dtype=torch.float32)
    q = torch.cat([law.icdf(tau), law.isf(tau).flip(0)])
    assert q.isfinite().all()
    assert (q[1:] >= q[:-1]).all()


def test_an_observation_of_1e30_gets_a_finite_score(make_linear):
    law = make_linear([0.0, 0.3, 1.0], [0.0, 1.0, 2.0])
    law = PiecewiseLinear(law.levels.float(), law.values.float())
    assert law.crps([1e30, -1e30]).tolist() == pytest.approx([1e30, 1e30])
    assert law.cdf([1e30, -1e30]).tolist() == [1.0, 0.0]


def test_a_nan_observation_stays_nan(make_linear):
    for law in (
        make_linear([0.0, 1.0], [0.0, 1.0]),
        make_linear([0.0, 0.5, 1.0], [0.0, 1.0, 1.0]),
        make_linear([0.1, 0.9], [0.0, 1.0], 1.0, 1.0),
    ):
        for method in (law.cdf, law.cdf_left, law.sf, law.log_prob, law.crps):
            assert method(math.nan).isnan()


# -- batches

TABLES = {
    "shared levels": ((5,), (3, 4, 5)),
    "shared values": ((3, 4, 5), (5,)),
    "both free": ((3, 4, 5), (3, 4, 5)),
    "broadcast": ((4, 5), (3, 1, 5)),
}


@pytest.mark.parametrize("table", TABLES)
def test_a_batch_is_its_laws_one_by_one(table, generator):
    levels_shape, values_shape = TABLES[table]
    inner = torch.rand(levels_shape, generator=generator).sort(-1).values * 0.8 + 0.1
    values = torch.randn(values_shape, generator=generator).sort(-1).values
    values[..., 2] = values[..., 1]  # an atom in each law
    left, right = torch.rand((3, 1), generator=generator) + 0.1, torch.tensor(0.7)
    law = PiecewiseLinear(inner, values, tails=(left, right))
    assert law.batch_shape == (3, 4)
    tau = torch.rand((6, 3, 4), generator=generator)
    y = torch.randn((6, 3, 4), generator=generator)
    y[0] = values.expand(3, 4, 5)[..., 1]
    inner, values = inner.expand(3, 4, 5), values.expand(3, 4, 5)
    for i in range(3):
        for j in range(4):
            one = PiecewiseLinear(inner[i, j], values[i, j], tails=(left[i, 0], right))
            torch.testing.assert_close(law.icdf(tau)[:, i, j], one.icdf(tau[:, i, j]))
            torch.testing.assert_close(law.isf(tau)[:, i, j], one.isf(tau[:, i, j]))
            torch.testing.assert_close(law.mean[i, j], one.mean)
            torch.testing.assert_close(law.variance[i, j], one.variance)
            for name in ("cdf", "cdf_left", "sf", "log_prob", "crps"):
                whole, single = getattr(law, name)(y), getattr(one, name)(y[:, i, j])
                torch.testing.assert_close(whole[:, i, j], single, msg=name)


# -- refusals

BAD = {
    "one knot": (([1.0], [0.0]), "at least 2; got 1 and 1"),
    "unequal numbers": (([0.0, 1.0], [0.0, 1.0, 2.0]), "got 2 and 3"),
    "levels decrease": (([0.0, 0.6, 0.5, 1.0], [0.0, 1.0, 2.0, 3.0]), "non-decreasing levels"),
    "values decrease": (([0.0, 0.5, 1.0], [0.0, 2.0, 1.0]), "non-decreasing values"),
    "infinite": (([0.0, 1.0], [0.0, math.inf]), "Expected finite values"),
    "NaN": (([0.0, math.nan, 1.0], [0.0, 1.0, 2.0]), "Expected finite levels"),
    "start": (([0.1, 1.0], [0.0, 1.0]), "start at 0 where there is no tail"),
    "end": (([0.0, 0.9], [0.0, 1.0]), "end at 1 where there is no tail"),
    "no mass for the tail": (([0.0, 1.0], [0.0, 1.0], 1.0), "Leave mass beyond the extreme"),
    "scale": (([0.1, 1.0], [0.0, 1.0], -1.0), "Expected positive finite tail scales"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_knots_are_refused(case, make_linear):
    arguments, message = BAD[case]
    with pytest.raises(InputError, match=message):
        make_linear(*arguments)


def test_shapes_and_dtypes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"shapes \(\.\.\., K\) that broadcast"):
        PiecewiseLinear(torch.zeros(2, 3), torch.zeros(4, 3))
    number, pair = torch.tensor(0.5), torch.tensor([0.0, 1.0])
    for levels, values in ((number, pair), (pair, number), (number, number)):
        with pytest.raises(InputError, match=r"of shape \(\.\.\., K\); got"):
            PiecewiseLinear(levels, values)
    with pytest.raises(InputError, match="Expected one dtype"):
        PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0], dtype=torch.float32))


def test_scales_of_tails_take_the_dtype_of_the_values():
    levels, values, scale = torch.tensor([0.1, 0.9]), torch.tensor([0.0, 1.0]), torch.tensor(0.5)
    law = PiecewiseLinear(levels.float(), values.float(), tails=(scale, scale))
    assert law.quantiles([0.01, 0.5]).tolist() == law.icdf([0.01, 0.5]).tolist()
    assert law.icdf(0.01).dtype == torch.float32


def test_the_repr_shows_knots_and_tails(make_linear):
    assert repr(make_linear([0.0, 1.0], [0.0, 1.0])) == "PiecewiseLinear(batch_shape=(), knots=2)"
    law = make_linear([0.1, 0.9], [0.0, 1.0], 1.0, 1.0)
    assert repr(law) == "PiecewiseLinear(batch_shape=(), knots=2, tails=left+right)"


def test_a_knot_is_read_exactly_by_every_route():
    """0.15 + 1 * (0.7 - 0.15) is the number below 0.7 in single precision."""
    generator = torch.Generator().manual_seed(0)
    levels = torch.rand(3, 40, generator=generator, dtype=torch.float32).sort(-1).values
    levels[:, 0], levels[:, -1] = 0.0, 1.0
    values = torch.randn(3, 40, generator=generator, dtype=torch.float32).sort(-1).values
    for k in range(3):
        law = PiecewiseLinear(levels[k], values)
        assert torch.equal(law.quantiles(levels[k]), values)
        assert torch.equal(law.icdf(levels[k][:, None]), values.T)
        own = PiecewiseLinear(levels[k], values[k])
        assert torch.equal(own.cdf(values[k]), levels[k])
        assert torch.equal(own.cdf_left(values[k]), levels[k])
