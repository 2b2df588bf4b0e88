"""The two joints of marginals, against arithmetic and against each other."""

import pytest
import torch
from scipy import stats

from qdist.errors import InputError, UnsupportedError
from qdist.joint import Comonotonic, Independent


@pytest.fixture
def rows(generator):
    return torch.randn((5, 3), generator=generator)


@pytest.fixture
def marginal_cdf(toys, rows):
    spread = toys.covariance.diagonal().sqrt()
    return torch.from_numpy(stats.norm(toys.mean, spread).cdf(rows.numpy()))


def test_the_comonotonic_cdf_is_the_least_marginal(toys, rows, marginal_cdf):
    torch.testing.assert_close(toys.gaussian(Comonotonic).cdf(rows), marginal_cdf.amin(1))


def test_the_independent_cdf_is_the_product_of_the_marginals(toys, rows, marginal_cdf):
    torch.testing.assert_close(toys.gaussian(Independent).cdf(rows), marginal_cdf.prod(1))


@pytest.mark.parametrize("joint", [Comonotonic, Independent])
def test_an_infinity_leaves_a_coordinate_out_of_the_cdf(toys, joint, rows, marginal_cdf):
    rows[:, 1:] = torch.inf
    torch.testing.assert_close(toys.gaussian(joint).cdf(rows), marginal_cdf[:, 0])


@pytest.mark.parametrize("joint", [Comonotonic, Independent])
def test_the_cdf_counts_the_samples(toys, joint, rows):
    law = toys.gaussian(joint)
    draws = law.sample(20_000, generator=torch.Generator().manual_seed(2))
    counted = (draws.unsqueeze(0) <= rows.unsqueeze(1)).all(-1).double().mean(1)
    # Five binomial standard errors, at most 0.5 / sqrt(20,000) each.
    assert ((counted - law.cdf(rows)).abs() < 5 * 0.5 / 20_000**0.5).all()


def test_independent_log_prob_is_the_sum_of_the_marginals(toys, rows):
    spread = toys.covariance.diagonal().sqrt()
    want = torch.from_numpy(stats.norm(toys.mean, spread).logpdf(rows.numpy()))
    law = toys.gaussian(Independent)
    torch.testing.assert_close(law.log_prob(rows), want.sum(1))
    visible = torch.zeros_like(rows, dtype=torch.bool)
    visible[:2, 0] = True
    torch.testing.assert_close(law.log_prob(rows, visible=visible), (want * ~visible).sum(1))
    torch.testing.assert_close(law.loss(rows), -want)


def test_independent_levels_and_rows_are_inverse(toys, rows, marginal_cdf):
    law = toys.gaussian(Independent)
    tau = law.rosenblatt(rows)
    torch.testing.assert_close(tau, marginal_cdf)
    nothing = torch.zeros_like(rows, dtype=torch.bool)
    torch.testing.assert_close(law.fill(rows, nothing, tau=tau), rows)


def test_comonotonic_rows_share_the_first_level(toys):
    law = toys.gaussian(Comonotonic)
    tau = torch.tensor([[0.1, 0.9, 0.4], [0.7, 0.2, 0.3]])
    filled = law.fill(torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.bool), tau=tau)
    spread = toys.covariance.diagonal().sqrt()
    want = torch.from_numpy(stats.norm(toys.mean, spread).ppf(tau[:, :1].numpy()))
    torch.testing.assert_close(filled, want)


def test_one_given_value_fixes_a_comonotonic_row(toys):
    law = toys.gaussian(Comonotonic)
    spread = toys.covariance.diagonal().sqrt()
    y = toys.mean + 1.5 * spread  # one and a half deviations up, in every coordinate
    visible = torch.tensor([[False, True, False]])
    for level in (0.1, 0.8):
        filled = law.fill(y.unsqueeze(0), visible, tau=torch.full((1, 3), level))
        torch.testing.assert_close(filled[0], y)


def test_given_values_of_no_common_level_are_refused(toys):
    law = toys.gaussian(Comonotonic)
    visible = torch.tensor([[True, True, False]])
    with pytest.raises(InputError, match="given values that lie on one common level"):
        law.fill(torch.tensor([[3.0, -3.0, 0.0]]), visible, tau=torch.full((1, 3), 0.5))


def test_a_given_atom_leaves_the_level_free_within_its_mass(toys):
    # P(y_i = 0) = 0.5, the rest uniform: y_0 = 0 leaves levels in [0, 0.5], where y_1 = 0 too.
    law = toys.atoms(Comonotonic)
    visible = torch.tensor([[True, False, False]]).expand(2, 3)
    filled = law.fill(torch.zeros(2, 3), visible, tau=torch.tensor([[0.01] * 3, [0.99] * 3]))
    assert (filled == 0).all()


@pytest.mark.parametrize("joint", [Comonotonic, Independent])
def test_a_backbone_of_fixed_order_is_refused(toys, joint):
    with pytest.raises(
        UnsupportedError,
        match=f"The {joint.name} joint needs contexts that see x only.*got backbone 'toy_fixed'"
        ".*Use the autoregressive joint, or a backbone",
    ):
        toys.gaussian(joint, "fixed")


@pytest.mark.parametrize("joint", [Comonotonic, Independent])
def test_ranks_of_a_chain_are_refused(toys, joint, rows):
    with pytest.raises(UnsupportedError, match=r"see x only: expected ranks 0, .* got up to 2"):
        toys.gaussian(joint).loss(rows, rank=torch.arange(3))


def test_a_single_comonotonic_coordinate_has_a_density(toys, rows):
    law = toys.gaussian(Comonotonic, conditioning=[0, 2])
    assert "log_prob" in law.can
    chain = toys.gaussian(Independent, conditioning=[0, 2])
    torch.testing.assert_close(law.log_prob(rows), chain.log_prob(rows))
