"""Codes that have names, and codes that have no order."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from qdist import divergences
from qdist.errors import InputError, UnsupportedError
from qdist.quantile import Affine, Categorical, Mixture, mixture

MASS = (0.5, 0.2, 0.3)


def law_of(*names, **more):
    return Categorical(torch.tensor(MASS).log(), names=names, **more)


def of_species():
    return law_of("Adelie", "Chinstrap", "Gentoo", ordered=False)


SPECIES = {
    "a list": ["Gentoo", "Adelie"],
    "an array": np.array(["Gentoo", "Adelie"]),
    "objects": np.array(["Gentoo", "Adelie"], object),
    "a Series": pd.Series(["Gentoo", "Adelie"], index=[7, 1]),
    "categories": pd.Series(["Gentoo", "Adelie"], index=[7, 1], dtype="category"),
    "polars": pl.Series(["Gentoo", "Adelie"]),
    "categories of polars": pl.Series(["Gentoo", "Adelie"], dtype=pl.Categorical),
    "codes in a tensor": torch.tensor([2, 0]),
    "codes in a list": [2, 0],
    "codes in an array": np.array([2.0, 0.0]),
}


@pytest.mark.parametrize("given", SPECIES.values(), ids=SPECIES)
def test_names_stand_for_their_codes(given):
    law = of_species()
    torch.testing.assert_close(law.prob(given), torch.tensor([0.3, 0.5]))
    torch.testing.assert_close(law.log_prob(given), torch.tensor([0.3, 0.5]).log())
    law = law.expand((4, 2))
    assert torch.equal(law.prob(given), law.prob(torch.tensor([2, 0])))


@pytest.mark.parametrize("gone", [None, np.nan])
def test_a_missing_name_has_no_probability(gone):
    law = of_species()
    assert law.prob(gone).isnan()
    assert law.prob(["Gentoo", gone]).isnan().tolist() == [False, True]


def test_one_name_is_asked_of_every_law():
    law = Categorical(torch.tensor([[0.5, 0.5], [0.1, 0.9]]).log(), names=["no", "yes"])
    torch.testing.assert_close(law.prob("yes"), torch.tensor([0.5, 0.9]))
    torch.testing.assert_close(law.prob([["no"], ["yes"]])[1], law.prob("yes"))


@pytest.mark.parametrize("wrong", ["gentoo", ["Gentoo", "x"], [["Gentoo"], []], True])
def test_what_is_no_name_is_refused(wrong):
    law = of_species()
    with pytest.raises(InputError, match="names out of 'Adelie', 'Chinstrap', 'Gentoo'; got"):
        law.prob(wrong)


def test_names_that_are_numbers_are_not_taken_for_codes():
    law = law_of(1, 2, 4)
    torch.testing.assert_close(law.prob([1, 4.0]), torch.tensor([0.5, 0.3]))
    torch.testing.assert_close(law.prob(np.array([2])), torch.tensor([0.2]))
    torch.testing.assert_close(law.prob(torch.tensor([1, 2])), torch.tensor([0.2, 0.3]))
    with pytest.raises(InputError, match="Expected names out of 1, 2, 4; got 0"):
        law.prob(0)
    draws = law.sample((200,), generator=torch.Generator().manual_seed(0))
    assert set(law.prob(draws).tolist()) <= set(law.probs.tolist())


def test_names_of_other_types():
    day = dt.date(2024, 5, 1)
    law = law_of(day, dt.date(2024, 5, 2), None)
    assert law.prob(day) == law.prob(np.array(["2024-05-01"], "datetime64[D]")) == law.probs[0]
    assert law.prob(None) == law.probs[2]


def test_named_codes_in_order_are_scored_by_their_names():
    law = law_of("S", "M", "L")
    assert law.cdf("M").item() == pytest.approx(0.7)
    assert law.crps("S") == law.crps(0.0)
    values = Categorical(law.logits, values=torch.tensor([1.0, 5.0, 9.0]), names=law.names)
    assert values.crps("L") == values.crps(9.0)


QUESTIONS = {
    "icdf by breakpoints": lambda law: (law if not law.batch_shape else law[0]).breakpoints(),
    "icdf": lambda law: law.icdf(0.5),
    "icdf by ppf": lambda law: law.ppf(0.5),
    "icdf by isf": lambda law: law.isf(0.5),
    "icdf by quantiles": lambda law: law.quantiles([0.5]),
    "icdf by interval": lambda law: law.interval(0.5),
    "icdf by median": lambda law: law.median,
    "cdf": lambda law: law.cdf(1.0),
    "cdf by cdf_left": lambda law: law.cdf_left(1.0),
    "cdf by sf": lambda law: law.sf(1.0),
    "cdf by pit": lambda law: law.pit(1.0),
    "cdf by wasserstein1": lambda law: divergences.wasserstein1(law, law),
    "crps": lambda law: law.crps("Gentoo"),
    "mean": lambda law: law.mean,
    "variance": lambda law: law.variance,
    "variance by std": lambda law: law.std,
}


def parts():
    law = of_species()
    return {
        "itself": law,
        "expanded": law.expand((2,))[1],
        "one of a batch": Categorical(law.logits.expand(2, 3), names=law.names, ordered=False)[0],
        "mixed": mixture([law, law]),
    }


@pytest.mark.parametrize("ask", QUESTIONS)
@pytest.mark.parametrize("which", ["itself", "expanded", "one of a batch", "mixed"])
def test_codes_without_an_order_have_nothing_that_needs_one(which, ask):
    law = parts()[which]
    capability = ask.split()[0] if "wasserstein1" not in ask else "(cdf|icdf)"
    with pytest.raises(
        UnsupportedError,
        match=rf"Categorical has no {capability}\. Its codes have no order.* Use ",
    ):
        QUESTIONS[ask](law)


def test_codes_without_an_order_have_probabilities_and_draws(generator):
    law = of_species()
    assert law.can == {"log_prob", "sample"}
    torch.testing.assert_close(law.probs, torch.tensor(MASS))
    draws = law.sample((4000,), generator=generator)
    share = torch.stack([(draws == k).double().mean() for k in range(3)])
    torch.testing.assert_close(share, torch.tensor(MASS), rtol=0, atol=0.03)  # 4 standard errors
    assert {law.names[int(k)] for k in draws} == {"Adelie", "Chinstrap", "Gentoo"}
    estimate = -law.log_prob(draws).mean()  # of the entropy
    exact = -(law.probs * law.probs.log()).sum()
    assert estimate.item() == pytest.approx(exact.item(), abs=0.03)
    with pytest.raises(UnsupportedError, match=r"no rsample\. A code does not move"):
        law.rsample()
    assert repr(law) == (
        "Categorical(batch_shape=(), names=('Adelie', 'Chinstrap', 'Gentoo'), ordered=False)"
    )


def test_mixtures_keep_apart_what_has_an_order_and_what_has_none():
    nominal, ordered = of_species(), law_of("Adelie", "Chinstrap", "Gentoo")
    assert not mixture([nominal, nominal]).ordered
    assert mixture([ordered, ordered]).ordered
    with pytest.raises(InputError, match="Expected laws with a cdf; got Categorical"):
        mixture([nominal, ordered])
    with pytest.raises(InputError, match="Expected laws with a cdf; got Categorical"):
        Mixture([nominal, nominal])
    moved = Affine(nominal, loc=1.0, scale=2.0)
    assert moved.can == {"sample"}
    with pytest.raises(UnsupportedError, match=r"Affine has no icdf\. Its codes have no order"):
        moved.icdf(0.5)
    with pytest.raises(UnsupportedError, match="Affine has no log_prob"):
        moved.log_prob(1.0)
