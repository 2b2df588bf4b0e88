"""The binned head: scores by hand, and by the object's own routes."""

import pytest
import torch
from scipy import stats
from torch.nn import functional

from qdist.backbones import Coordinate
from qdist.errors import InputError
from qdist.heads import BinnedHead, readout

# Atom, touching bin, gap, atom in a gap, gap, bin.
BINS = [(0.0, 0.0), (0.0, 1.0), (2.0, 2.0), (3.0, 5.0)]
MASS = [0.4, 0.3, 0.2, 0.1]


@pytest.fixture
def head():
    """A head whose law is MASS over BINS for the context 0."""
    head = BinnedHead(2, BINS)
    with torch.no_grad():
        head.bias.copy_(torch.tensor(MASS).log())
    return head


@pytest.mark.parametrize(
    ("y", "k"),
    [(-1.0, 0), (0.0, 0), (1e-9, 1), (1.0, 1), (1.4, 1), (1.6, 2), (2.0, 2), (2.4, 2), (2.6, 3),
     (3.0, 3), (9.0, 3)],
)  # fmt: skip
def test_bin_of(head, y, k):
    """Edges: an atom keeps its point, gaps split in the middle, the ends are open."""
    assert head.bin_of(torch.tensor(y)) == k


def test_log_score_by_hand(head):
    y = torch.tensor([0.0, 0.5, 2.0, 4.0])
    # Atoms: the mass. Bins: 0.3 / 1 and 0.1 / 2.
    expected = -torch.tensor([0.4, 0.3, 0.2, 0.05]).log()
    torch.testing.assert_close(head.loss(torch.zeros(2), y), expected)


def test_log_score_is_that_of_the_object(head):
    y = torch.tensor([0.0, 0.25, 0.9, 2.0, 3.5, 4.5])
    law = head(torch.zeros(2))
    torch.testing.assert_close(head.loss(torch.zeros(2), y), -law.log_prob(y))
    # And the mass of the interval [F(y-), F(y)] at the atoms.
    atoms = torch.tensor([0.0, 2.0])
    torch.testing.assert_close(law.cdf(atoms) - law.cdf_left(atoms), torch.tensor([0.4, 0.2]))


def test_crps_score_by_samples():
    head = BinnedHead(2, BINS, score="crps")
    with torch.no_grad():
        head.bias.copy_(torch.tensor(MASS).log())
    y = torch.tensor([-1.0, 0.0, 0.7, 2.0, 4.0, 6.0])
    x = head(torch.zeros(2)).icdf((torch.arange(20_000) + 0.5) / 20_000)
    # E|X - y| - E|X - X'| / 2, over evenly spread levels: an error of order 1 / 20,000.
    n = len(x)
    spread = ((2 * torch.arange(1, n + 1) - n - 1) * x).sum() / n**2
    expected = (x[:, None] - y).abs().mean(0) - spread
    torch.testing.assert_close(head.loss(torch.zeros(2), y), expected, atol=1e-3, rtol=0)


def test_both_is_the_sum():
    heads = {score: BinnedHead(2, BINS, score=score) for score in ("log", "crps", "both")}
    for head in heads.values():
        head.load_state_dict(heads["log"].state_dict())
    y, h = torch.tensor([0.0, 0.5, 4.0]), torch.randn(2)
    both = heads["log"].loss(h, y) + heads["crps"].loss(h, y) / 5  # the range is 5 long
    torch.testing.assert_close(heads["both"].loss(h, y), both)


def test_log_score_is_cross_entropy_of_equal_bins():
    head = BinnedHead(3, [(k / 8, (k + 1) / 8) for k in range(8)])
    h, y = torch.randn(50, 3), torch.rand(50)
    mass = head(h).levels.diff()
    expected = functional.nll_loss(mass.log(), (y * 8).long(), reduction="none")
    torch.testing.assert_close(head.loss(h, y), expected + torch.tensor(1 / 8).log())


def test_float32_atoms_are_found_in_float64_targets():
    """Bins are kept in float32; a float64 target that came through float32 is on its atom."""
    torch.set_default_dtype(torch.float32)
    atoms = torch.tensor([0.1, 1 / 3, 0.7])
    head = BinnedHead(2, torch.stack([atoms, atoms], -1).double())
    assert head.bin_of(atoms.double()).tolist() == [0, 1, 2]
    assert torch.equal(head(torch.zeros(2)).icdf(torch.tensor([0.1, 0.5, 0.9])), atoms)


def test_codes_as_atoms():
    head = BinnedHead.for_coordinate(Coordinate("n", levels=3, ordered=True), 2)
    assert head(torch.zeros(2)).icdf(torch.tensor([0.1, 0.5, 0.9])).tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("bins", "match"),
    [
        ([(0.0, 1.0), (0.5, 2.0)], "do not overlap"),
        ([(1.0, 0.0)], "increasing order"),
        ([(0.0, float("inf"))], "finite"),
        ([(0.0, 0.0), (0.0, 0.0)], "same atom twice"),
        ([0.0, 1.0], r"shape \(K, 2\)"),
    ],
)
def test_bad_bins(bins, match):
    with pytest.raises(InputError, match=match):
        BinnedHead(2, bins)


@pytest.mark.parametrize("given", [-2.0, 0.3, 1.5])
def test_the_conditional_laws_of_a_gaussian_copula_are_in_the_family(given):
    r"""Two of the coefficients are enough, whatever the correlation.

    Over equal bins the density of z given x is that of N(r x, 1 - r^2) over that of N(0, 1), whose
    log is const + r x / (1 - r^2) z - r^2 / (1 - r^2) z^2 / 2.
    """
    r, k = 0.7, 400
    head = BinnedHead(1, [(j / k, (j + 1) / k) for j in range(k)])
    with torch.no_grad():
        head.layer.weight.zero_()
        head.layer.weight[-2] = 2 * r * given / (1 - r**2)  # scores count half
        head.layer.weight[-1] = 2 * -(r**2) / (1 - r**2) / 2 * 2**0.5
    law = head(torch.ones(1))
    u = torch.linspace(0.02, 0.98, 25)
    expected = stats.norm.cdf((stats.norm.ppf(u) - r * given) / (1 - r**2) ** 0.5)
    # A bin holds at most 0.03 of the mass here; its middle stands for it.
    assert law.cdf(u).tolist() == pytest.approx(expected.tolist(), abs=2e-3)


def test_bad_score():
    with pytest.raises(InputError, match="got 'rps'"):
        BinnedHead(2, BINS, score="rps")


@pytest.mark.parametrize("rows", [3, 400])  # before and after one product is the cheaper way
def test_two_ways_from_contexts_to_the_sums_of_a_basis(rows):
    layer = torch.nn.Linear(8, 20, bias=False)
    h, basis = torch.randn(rows, 8), torch.randn(20, 30)
    sums = readout(layer, h, basis=basis)
    expected = readout(layer, h) @ basis
    torch.testing.assert_close(sums, expected, rtol=1e-12, atol=1e-12)
    (slopes,) = torch.autograd.grad(sums.cos().sum(), layer.weight)
    (others,) = torch.autograd.grad(expected.cos().sum(), layer.weight)
    torch.testing.assert_close(slopes, others, rtol=1e-10, atol=1e-10)


def test_a_layer_with_a_bias_has_it_in_its_coefficients():
    layer = torch.nn.Linear(8, 20)
    h, basis = torch.randn(400, 8), torch.randn(20, 30)
    torch.testing.assert_close(readout(layer, h, basis=basis), layer(h) @ basis)
