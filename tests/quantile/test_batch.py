"""Some of the laws of a batch: they answer as they do among the others."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.stats
import torch

from qdist import divergences
from qdist.errors import BatchIndexError, QdistError, SingleLawError, UnsupportedError
from qdist.heads.factored import FactoredCategorical
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

SHAPE = (2, 3)
RISE = torch.arange(1.0, 7.0, dtype=torch.float64).reshape(SHAPE)  # another number for each law
STEPS = torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)


def knots(*, tail=None):
    """Knots of each law, between levels that they share."""
    values = torch.tensor([-1.0, 0.5, 4.0]) * RISE[..., None] + RISE[..., None]
    return PiecewiseLinear(
        STEPS, values, tails=(torch.tensor(0.5), RISE if tail is None else tail)
    )


def levels():
    """Levels of each law, of values that they share."""
    inner = 1 / (1 + RISE)[..., None]
    rising = torch.cat([torch.zeros(*SHAPE, 1), inner, torch.ones(*SHAPE, 1)], -1)
    return PiecewiseLinear(rising, torch.tensor([0.0, 1.0, 3.0]))


BATCHES = {
    "knots and tails": knots,
    "tails alone": lambda: PiecewiseLinear(STEPS, STEPS, tails=(RISE, 2 * RISE)),
    "levels": levels,
    "an axis that grew": lambda: Empirical(RISE[:, :1, None] + STEPS).expand(SHAPE),
    "categorical": lambda: Categorical(
        torch.stack([RISE, 3 - RISE], -1), values=torch.tensor([-1.0, 2.0]), names=["a", "b"]
    ),
    "empirical": lambda: Empirical(RISE[..., None] * torch.tensor([3.0, -1.0, 2.0])),
    "weights of all": lambda: Empirical(RISE[..., None] * STEPS, weights=STEPS),
    "weights of each": lambda: Empirical(
        RISE[..., None] * STEPS, weights=torch.stack([RISE, 7 - RISE, torch.ones(SHAPE)], -1)
    ),
    "samples of all, weights of each": lambda: Empirical(
        STEPS.expand(*SHAPE, 3), weights=torch.stack([RISE, 7 - RISE, torch.ones(SHAPE)], -1)
    ),
    "rounded": lambda: Rounded(knots(), origin=1.0, step=5.0, divisor=10.0),
    "affine": lambda: Affine(levels(), loc=RISE, scale=0.5),
    "affine of one law": lambda: Affine(Empirical(STEPS), loc=RISE[:1], scale=RISE),
    "mixture": lambda: Mixture([knots(), levels()], weights=[0.25, 0.75]),
    "normal": lambda: Frozen(scipy.stats.norm(RISE.numpy(), scale=2.0)),
    "normal, a row for all": lambda: Frozen(scipy.stats.norm([0.0, 1.0, 2.0])).expand(SHAPE),
    "one normal for all": lambda: Frozen(scipy.stats.norm()).expand(SHAPE),
    "binomial": lambda: Frozen(scipy.stats.binom(RISE.long().numpy(), 0.3)),
}
INDICES = {
    "a row": 1,
    "one law": (1, -1),
    "some rows": slice(1),
    "no rows": slice(0, 0),
    "the last axis": (..., 0),
    "every other": (slice(None), slice(None, None, 2)),
    "a new axis": (None, 0, slice(1)),
    "all": ...,
    "a list": [1, 1, 0],
    "pairs": ([0, 1], [2, 0]),
    "a mask": np.array([[True, False, True], [False, True, False]]),
    "a tensor": torch.tensor([1, 0]),
    "bytes": np.array([1, 0], np.uint8),
    "a number of numpy": np.int64(1),
    "a Series": pd.Series([1, 0, 0], index=[7, 2, 1]),
    "a Series of polars": pl.Series([1, 0], dtype=pl.UInt32),
}
EVERY_BATCH = pytest.mark.parametrize("make", BATCHES.values(), ids=BATCHES)


@EVERY_BATCH
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_a_part_answers_as_it_does_among_the_others(make, index):
    law = make()
    part = law[index]
    places = (
        torch.arange(6)
        .reshape(SHAPE)
        .numpy()[index.numpy() if isinstance(index, torch.Tensor) else index]
    )
    assert part.batch_shape == places.shape  # as numpy has it
    assert type(part) is type(law)
    assert part.can == law.can
    places = torch.as_tensor(places)

    def own(answers):  # (S..., 2, 3) -> (S..., *part)
        return answers.flatten(-2)[..., places]

    tau = torch.tensor([0.0, 0.1, 0.5, 0.93])[:, None, None].expand(-1, *SHAPE)
    y = law.icdf(tau.clamp(0.05)) + torch.tensor([0.0, 0.0, 0.25, -0.5])[:, None, None]
    torch.testing.assert_close(part.icdf(own(tau)), own(law.icdf(tau)))
    for name in sorted({"cdf", "log_prob", "crps"} & law.can):
        torch.testing.assert_close(getattr(part, name)(own(y)), own(getattr(law, name)(y)))
    torch.testing.assert_close(part.mean, own(law.mean))
    torch.testing.assert_close(part.variance, own(law.variance))
    torch.testing.assert_close(
        part.quantiles([0.2, 0.7]), law.quantiles([0.2, 0.7]).flatten(0, 1)[places]
    )


@EVERY_BATCH
def test_a_batch_is_gone_through_law_by_law(make):
    law = make()
    assert len(law) == 2
    medians = [[one.median.item() for one in row] for row in law]
    assert medians == law.median.tolist()
    assert [one.breakpoints().dtype for one in law[0]] == [torch.float64] * 3


@pytest.mark.parametrize(
    "index",
    [
        2,
        -3,
        (0, 3),
        (0, 0, 0),
        "a",
        1.5,
        [0, 2],
        np.array([0.5]),
        np.array([True] * 3),
        slice(0, 2, -1),
    ],
    ids=str,
)
def test_a_place_that_there_is_not_is_refused(index):
    with pytest.raises(BatchIndexError, match=r"Expected an index into the batch shape \(2, 3\)"):
        knots()[index]
    with pytest.raises(QdistError):
        knots()[index]


def test_a_single_law_has_no_length_but_is_there():
    law = knots()[0, 0]
    for ask in (len, iter, list):
        with pytest.raises(SingleLawError, match=r"got a single one, of batch shape \(\)"):
            ask(law)
    with pytest.raises(IndexError, match=r"batch shape \(\); got 0: .*dimension"):
        law[0]
    assert law[...].batch_shape == ()
    assert law[None].batch_shape == (1,)
    assert law
    assert knots()[:0]  # empty, and no less of a law
    assert issubclass(SingleLawError, TypeError)


def test_classes_that_answer_as_a_whole_say_so():
    factored = FactoredCategorical(torch.zeros(3, 2), lambda a: torch.zeros(*a.shape, 2), 4, 2)
    with pytest.raises(
        UnsupportedError, match=r"as a whole\. Ask all of its laws, and index the an"
    ):
        factored[0]
    implicit = Implicit(lambda tau: tau * torch.tensor([1.0, 2.0]), (2,))
    with pytest.raises(UnsupportedError, match=r"Index law\.rearranged, which is piecewise"):
        implicit[0]
    assert torch.equal(implicit.rearranged[1].icdf(0.3), implicit.icdf(0.3)[1])


def test_parameters_of_scipy_keep_their_digits():
    torch.set_default_dtype(torch.float32)  # as a user has it
    law = Frozen(scipy.stats.norm([0.1, 0.2], [1, 3]))
    assert law[1].mean.item() == 0.2
    assert law[1].law.args == (0.2, 3)


def test_gradients_pass_to_the_tensors_of_the_whole():
    values = torch.stack([STEPS, 2 * STEPS]).requires_grad_()
    law = PiecewiseLinear(torch.tensor([0.0, 0.5, 1.0]), values)
    law[1].crps(0.5).backward()
    assert values.grad[0].eq(0).all()
    assert values.grad[1].ne(0).any()


def test_a_part_checks_what_it_is_asked_as_the_whole_does():
    with pytest.raises(ValueError, match="Expected levels in"):
        knots()[0].icdf(1.5)
    quiet = PiecewiseLinear(STEPS, RISE[..., None] * STEPS, validate_args=False)
    assert not quiet[0]._validate_args


def test_what_many_laws_share_is_not_copied_for_each():
    law = Empirical(torch.arange(1000.0)).expand((10**6,))
    part = law[:-1000]  # all of them would be 8 GB
    assert part.samples.untyped_storage().data_ptr() == law.samples.untyped_storage().data_ptr()
    assert part.crps(2.0).shape == (10**6 - 1000,)
    assert part.values.untyped_storage().nbytes() == 8 * 1000


def test_two_laws_of_a_batch_are_compared():
    law = levels()
    assert divergences.wasserstein1(law[0, 0], law[0, 0]) == 0
    between = divergences.wasserstein1(law[0, 0], law[1, 2])
    assert between == pytest.approx((law[1, 2].mean - law[0, 0].mean).abs().item(), rel=1e-6)
    with pytest.raises(ValueError, match=r"got \(2, 3\).* one by one: law\[i\]"):
        divergences.wasserstein1(law, law)
