"""The chain of conditionals against multivariate laws that are known in closed form."""

import pytest
import torch
from scipy import stats

from qdist.errors import InputError, UnsupportedError
from qdist.joint import Autoregressive

ORDERS = [[0, 1, 2], [1, 2, 0], [2, 1, 0]]
N = 10_000
KS = 1.95 / N**0.5  # P(sqrt(n) D > 1.95) = 2 exp(-2 * 1.95^2) = 0.001 (Kolmogorov)

each_order = pytest.mark.parametrize("order", ORDERS, ids=str)
each_serves = pytest.mark.parametrize("serves", ["any", "two_level"])


@pytest.fixture
def normal(toys):
    return stats.multivariate_normal(toys.mean.numpy(), toys.covariance.numpy())


@pytest.fixture
def rows(normal):
    return torch.from_numpy(normal.rvs(8, random_state=5))


def kolmogorov(levels):
    """The distance of levels (N,) from the uniform law."""
    return stats.kstest(levels.numpy(), "uniform").statistic


@each_order
@each_serves
def test_log_prob_is_that_of_the_joint_in_every_order(toys, normal, rows, order, serves):
    law = toys.gaussian(Autoregressive, serves)
    want = torch.from_numpy(normal.logpdf(rows.numpy()))
    torch.testing.assert_close(law.log_prob(rows, order=order), want)
    torch.testing.assert_close(
        toys.gaussian(Autoregressive, serves, order=order).log_prob(rows), want
    )


def test_log_prob_of_a_fixed_order(toys, normal, rows):
    want = torch.from_numpy(normal.logpdf(rows.numpy()))
    torch.testing.assert_close(toys.gaussian(Autoregressive, "fixed").log_prob(rows), want)


@each_serves
def test_conditional_log_prob_is_joint_less_marginal(toys, normal, rows, serves):
    law = toys.gaussian(Autoregressive, serves)
    visible = torch.tensor([[True, False, False], [False, True, True]]).repeat(4, 1)
    mean, covariance = toys.mean.numpy(), toys.covariance.numpy()
    y = rows.numpy()
    want = torch.from_numpy(normal.logpdf(y))
    first, last = [0], [1, 2]
    for known, at in ((first, slice(0, None, 2)), (last, slice(1, None, 2))):
        part = stats.multivariate_normal(mean[known], covariance[known][:, known])
        want[at] -= torch.from_numpy(part.logpdf(y[at][:, known]))
    torch.testing.assert_close(law.log_prob(rows, visible=visible), want)


def test_the_loss_of_a_chain_is_its_log_score(toys, normal, rows):
    law = toys.gaussian(Autoregressive, order=[1, 2, 0])
    want = -torch.from_numpy(normal.logpdf(rows.numpy()))
    torch.testing.assert_close(law.loss(rows).sum(1), want)
    # Two-level ranks: coordinates 1 and 2 alone, and coordinate 0 given both.
    two = law.loss(
        rows, rank=torch.tensor([1, 0, 0]), where=torch.tensor([[True, False, False]]).expand(8, 3)
    )
    given = law.log_prob(rows, visible=torch.tensor([[False, True, True]]).expand(8, 3))
    torch.testing.assert_close(two.sum(1), -given)


@each_order
def test_samples_have_the_covariance(toys, order):
    draws = toys.gaussian(Autoregressive).sample(
        40_000, generator=torch.Generator().manual_seed(0), order=order
    )
    spread = toys.covariance.diagonal()
    # The variance of a sample covariance is (s_ii s_jj + s_ij^2) / n; five standard errors.
    error = ((spread[:, None] * spread + toys.covariance**2) / 40_000).sqrt()
    assert ((draws.T.cov() - toys.covariance).abs() < 5 * error).all()


@each_serves
def test_fill_draws_from_the_conditional_law(toys, serves):
    law = toys.gaussian(Autoregressive, serves)
    y = torch.zeros(N, 3)
    y[:, 2] = 3.0
    visible = torch.tensor([False, False, True]).expand(N, 3)
    tau = torch.rand((N, 3), generator=torch.Generator().manual_seed(0))
    filled = law.fill(y, visible, tau=tau, order=[1, 0, 2])
    # Of y_1 given y_2 = 3: mean -2 + 0.1 / 1.5 * 2.5, variance 1 - 0.1^2 / 1.5.
    want = stats.norm(-2 + 0.1 / 1.5 * 2.5, (1 - 0.01 / 1.5) ** 0.5)
    assert stats.kstest(filled[:, 1].numpy(), want.cdf).statistic < KS


@each_order
@each_serves
def test_levels_of_the_law_s_own_rows_are_uniform_and_independent(toys, normal, order, serves):
    law = toys.gaussian(Autoregressive, serves)
    y = torch.from_numpy(normal.rvs(N, random_state=1))
    tau = law.rosenblatt(y, order=order)
    for i in range(3):
        assert kolmogorov(tau[:, i]) < KS
    # A correlation of independent levels has standard error 1 / sqrt(n); five of them.
    off = tau.T.corrcoef() - torch.eye(3)
    assert (off.abs() < 5 / N**0.5).all()


def test_levels_of_another_law_are_not_uniform(toys, normal):
    y = torch.from_numpy(normal.rvs(N, random_state=1))
    tau = toys.gaussian(Autoregressive).rosenblatt(y.roll(1, 0) * 0.5 + y * 0.5)
    assert kolmogorov(tau[:, 0]) > 3 * KS


@each_order
@each_serves
@pytest.mark.parametrize("law", ["gaussian", "atoms"])
def test_fill_undoes_rosenblatt(toys, law, order, serves):
    joint = getattr(toys, law)(Autoregressive, serves)
    draw = torch.Generator().manual_seed(3)
    y = joint.sample(500, generator=draw)
    visible = torch.rand(y.shape, generator=draw) < 0.3
    tau = joint.rosenblatt(y, visible=visible, order=order, generator=draw)
    assert torch.equal(tau.isnan(), visible)
    back = joint.fill(torch.where(visible, y, torch.nan), visible, tau=tau, order=order)
    torch.testing.assert_close(back, y, rtol=1e-9, atol=1e-9)
    assert torch.equal(back == 0, y == 0)  # atoms come back exactly


@each_serves
def test_values_at_the_end_of_a_gap_come_back(toys, serves):
    """F is the same at both ends of a gap, and so the level must say which is meant."""
    joint = toys.gaps(Autoregressive, serves)
    y = torch.tensor([0.0, 0.5, 0.5 + 1e-12, 1.0], dtype=torch.float64)
    y = torch.cartesian_prod(y, y, y)
    tau = joint.rosenblatt(y, generator=torch.Generator().manual_seed(0))
    back = joint.fill(y, torch.zeros_like(y, dtype=torch.bool), tau=tau)
    torch.testing.assert_close(back, y, rtol=0, atol=1e-14)


def test_levels_at_atoms_are_uniform_only_with_a_generator(toys):
    joint = toys.atoms(Autoregressive)
    draw = torch.Generator().manual_seed(4)
    y = joint.sample(N, generator=draw)
    tau = joint.rosenblatt(y, generator=draw)
    for i in range(3):
        assert kolmogorov(tau[:, i]) < KS
    upper = joint.rosenblatt(y)[:, 0]
    # Half of the first coordinate is the atom at 0, whose upper level is 0.5: a jump of 1/2.
    assert (upper[y[:, 0] == 0] == 0.5).all()
    assert kolmogorov(upper) > 0.4


def test_densities_factor_and_joint_cdfs_do_not(toys):
    # Two bits with P(0,0) = P(1,1) = 0.4: P(y_1 = 0) = 0.5, yet P(y_1 = 0 | y_0 = 1) = 0.2.
    law = toys.binary(Autoregressive)
    cells = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    for order in ([0, 1], [1, 0]):
        torch.testing.assert_close(law.log_prob(cells, order=order).exp(), toys.table.flatten())
    joint_cdf = toys.table.cumsum(0).cumsum(1)[1, 0].item()  # P(y_0 <= 1, y_1 <= 0)
    product = 1.0 * (toys.table[1, 0] / toys.table[1].sum()).item()  # F(1) F(0 | y_0 = 1)
    assert joint_cdf == pytest.approx(0.5)
    assert product == pytest.approx(0.2)
    with pytest.raises(UnsupportedError, match="densities factor along the chain"):
        law.cdf(cells)


def test_each_step_computes_only_the_rows_in_which_the_column_is_hidden(toys):
    law = toys.gaussian(Autoregressive)
    hidden = torch.tensor([[1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 0, 0]], dtype=torch.bool)
    law.fill(torch.zeros(4, 3), ~hidden, tau=torch.full((4, 3), 0.5))
    assert law.backbone.rows_computed == 4 + 2  # all of column 0, two rows of 1, none of 2


def test_a_chain_over_any_rank_takes_one_pass(toys, rows):
    law = toys.gaussian(Autoregressive)
    law.log_prob(rows)
    assert law.backbone.rows_computed == len(rows)


@each_serves
def test_log_prob_can_be_differentiated(toys, rows, serves):
    law = toys.gaussian(Autoregressive, serves)
    y = rows.clone().requires_grad_()
    law.log_prob(y).sum().backward()
    inverse = torch.linalg.inv(toys.covariance)
    torch.testing.assert_close(y.grad, -(rows - toys.mean) @ inverse)


def test_another_order_than_the_fixed_one_is_refused_at_construction_and_at_call(toys, rows):
    match = (
        r"Backbone 'toy_fixed' fixes the order 0 ... 2; got order \[1, 2, 0\] for the "
        r"autoregressive joint.*any order"
    )
    with pytest.raises(UnsupportedError, match=match):
        toys.gaussian(Autoregressive, "fixed", order=[1, 2, 0])
    with pytest.raises(UnsupportedError, match=match):
        toys.gaussian(Autoregressive, "fixed").log_prob(rows, order=[1, 2, 0])


def test_a_fixed_order_conditions_on_its_beginning_only(toys, rows):
    law = toys.gaussian(Autoregressive, "fixed")
    first = torch.tensor([[True, False, False]]).expand(8, 3)
    tau = torch.full((8, 3), 0.5)
    torch.testing.assert_close(
        law.fill(rows, first, tau=tau),
        toys.gaussian(Autoregressive).fill(rows, first, tau=tau),
    )
    with pytest.raises(UnsupportedError, match="a known cell follows a hidden one"):
        law.fill(rows, first.flip(1), tau=tau)


def test_later_cells_are_kept_unseen_where_that_is_asked_for(toys, rows):
    law = toys.gaussian(Autoregressive, "fixed")
    last = torch.tensor([[False, False, True]]).expand(8, 3)
    tau = torch.full((8, 3), 0.3)
    filled = law.fill(rows, last, tau=tau, later="keep")
    alone = law.fill(rows, torch.zeros_like(last), tau=tau)
    torch.testing.assert_close(filled[:, :2], alone[:, :2])  # drawn as if nothing were known
    assert torch.equal(filled[:, 2], rows[:, 2])
    # Between two hidden cells, what is known is seen by the one after it.
    middle = torch.tensor([[False, True, False]]).expand(8, 3)
    filled = law.fill(rows, middle, tau=tau, later="keep")
    seen = torch.cat([filled[:, :2], rows[:, 2:]], 1)
    prefix = torch.tensor([[True, True, False]]).expand(8, 3)
    torch.testing.assert_close(filled, law.fill(seen, prefix, tau=tau))
    with pytest.raises(InputError, match="Expected later 'refuse' or 'keep'; got 'drop'"):
        law.fill(rows, last, tau=tau, later="drop")


def test_what_is_no_order_is_refused(toys, rows):
    with pytest.raises(InputError, match=r"permutation of 0 ... 2"):
        toys.gaussian(Autoregressive).log_prob(rows, order=[0, 0, 1])


def test_a_chain_is_not_a_rank_for_a_two_level_backbone(toys, rows):
    with pytest.raises(UnsupportedError, match="serves two levels of rank"):
        toys.gaussian(Autoregressive, "two_level").loss(rows, rank=torch.arange(3))
