"""The names of scipy and numpy: the same answers, and draws from a seed."""

import numpy as np
import pytest
import scipy.stats
import torch

from qdist.errors import InputError, UnsupportedError
from qdist.quantile import Categorical, Empirical, Frozen


def test_scipy_names_answer_as_scipy_does():
    oracle = scipy.stats.gamma(2.5, scale=3.0)
    law = Frozen(oracle)
    y = np.array([0.5, 4.0, 20.0])
    for name in ("pdf", "logpdf", "cdf", "sf", "ppf", "isf"):
        at = y / 25 if name in {"ppf", "isf"} else y
        np.testing.assert_allclose(getattr(law, name)(at), getattr(oracle, name)(at), rtol=1e-12)
    assert law.median.item() == pytest.approx(oracle.median())
    assert law.std.item() == pytest.approx(oracle.std())
    assert [end.item() for end in law.interval(0.9)] == pytest.approx(oracle.interval(0.9))


def test_the_pdf_of_an_atom_is_its_mass_and_of_samples_there_is_none():
    assert Categorical(torch.zeros(4)).pdf(2.0) == pytest.approx(0.25)
    with pytest.raises(UnsupportedError, match=r"no log_prob\. A finite sample has no density"):
        Empirical(torch.zeros(4)).pdf(0.0)


def test_draws_have_the_size_asked_for():
    law = Categorical(torch.zeros(4))
    assert law.rvs((5,)).shape == law.rvs(5).shape == law.rvs(size=np.int64(5)).shape == (5,)
    assert law.rvs((5, 2)).shape == (5, 2)
    assert law.expand((2,)).rvs(size=5).shape == (5, 2)  # of each law
    assert law.rvs().shape == law.rvs(None).shape == ()
    for wrong in (-1, 2.5):
        with pytest.raises(InputError, match="Expected a shape of whole numbers"):
            law.rvs(wrong)


SOURCES = {
    "a seed": lambda: 3,
    "a seed of numpy": lambda: np.int64(3),
    "torch": lambda: torch.Generator().manual_seed(3),
    "numpy": lambda: np.random.default_rng(3),
    "numpy of old": lambda: np.random.RandomState(3),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_random_state_repeats_draws_and_moves_nothing_else(source, untouched_rng):
    law = Empirical(torch.arange(1000.0))
    drawn = law.rvs(50, random_state=source())
    assert torch.equal(law.rvs(50, source()), drawn)  # the second argument, as in scipy
    shared = source()
    first, second = law.rvs(50, shared), law.rvs(50, shared)
    assert torch.equal(first, drawn)
    assert torch.equal(first, second) == isinstance(shared, int | np.integer)


def test_the_global_generator_of_torch_serves_without_a_random_state():
    law = Empirical(torch.arange(1000.0))
    torch.manual_seed(1)
    drawn = law.rvs(20)
    torch.manual_seed(1)
    assert torch.equal(law.sample((20,)), drawn)


@pytest.mark.parametrize("state", [-1, 0.5, "a", True])
def test_a_random_state_that_is_none_is_refused(state):
    with pytest.raises(InputError, match="Expected random_state"):
        Empirical(torch.zeros(2)).rvs(3, random_state=state)
