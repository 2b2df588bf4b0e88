"""The public face: checks at the edge, shapes, the names of torch and scipy."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from qdist.errors import InputError, UnsupportedError
from qdist.quantile import Categorical, PiecewiseLinear, QuantileFunction


@pytest.fixture
def batch():
    """Three uniform laws on (0, 1), (0, 2) and (0, 3)."""
    values = torch.tensor([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
    return PiecewiseLinear(torch.tensor([0.0, 1.0]), values)


def test_it_is_a_torch_distribution(batch):
    assert isinstance(batch, torch.distributions.Distribution)
    assert isinstance(batch, QuantileFunction)
    assert batch.batch_shape == (3,)
    assert batch.event_shape == ()
    assert batch.support is torch.distributions.constraints.real
    # torch.distributions composes with it
    independent = torch.distributions.Independent(batch, 1)
    assert independent.log_prob(torch.full((3,), 0.5)) == pytest.approx(-torch.tensor(6.0).log())


@pytest.mark.parametrize("level", [-0.1, 1.3, torch.nan, torch.inf])
def test_levels_outside_0_to_1_are_refused(batch, level):
    for method in (batch.icdf, batch.isf, batch.ppf):
        with pytest.raises(InputError, match=r"Expected levels in \[0, 1\]; got .* use cdf"):
            method(torch.tensor([0.5, 0.5, level]))
    with pytest.raises(InputError, match=r"Expected a coverage in \[0, 1\]"):
        batch.interval(level)


def test_levels_are_not_checked_without_validate_args():
    law = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0]), validate_args=False)
    assert law.icdf(torch.tensor([-1.0, 2.0])).tolist() == [0.0, 1.0]


def test_shapes_broadcast_as_in_torch(batch):
    assert batch.icdf(0.5).tolist() == [0.5, 1.0, 1.5]
    assert batch.icdf(torch.full((5, 1), 0.5)).shape == (5, 3)
    assert batch.icdf(torch.full((4, 5, 3), 0.5)).shape == (4, 5, 3)
    assert batch.cdf(torch.zeros(7, 3)).shape == (7, 3)
    # a batch axis of length 1 grows
    one = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([[0.0, 1.0]]))
    assert one.batch_shape == (1,)
    tau = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    assert torch.equal(one.icdf(tau), tau)
    assert one.crps(tau).shape == (2, 3)


@pytest.mark.parametrize(
    "name", ["icdf", "isf", "cdf", "cdf_left", "sf", "log_prob", "crps", "pit"]
)
def test_a_shape_that_does_not_fit_is_refused(batch, name):
    with pytest.raises(InputError, match=r"broadcasts with the batch shape \(3,\); got \(4,\)"):
        getattr(batch, name)(torch.full((4,), 0.5))


def test_quantiles_put_the_levels_last(batch):
    expected = [[0.25, 0.5], [0.5, 1.0], [0.75, 1.5]]
    assert batch.quantiles([0.25, 0.5]).tolist() == expected
    assert batch.quantiles(torch.empty(0)).shape == (3, 0)
    with pytest.raises(InputError, match=r"Expected levels of shape \(T,\); got \(1, 2\)"):
        batch.quantiles(torch.tensor([[0.25, 0.5]]))


def test_an_interval_by_hand(batch):
    lower, upper = batch.interval(0.5)
    torch.testing.assert_close(lower, torch.tensor([0.25, 0.5, 0.75]))
    torch.testing.assert_close(upper, torch.tensor([0.75, 1.5, 2.25]))


def test_the_pit_is_uniform_on_the_jump(generator, make_linear):
    # P(0) = 0.5: levels of the atom spread over (0, 0.5), those of 1 are F(1) = 0.75
    law = make_linear([0.0, 0.5, 1.0], [0.0, 0.0, 2.0])
    levels = law.pit(torch.zeros(2000), generator=generator)
    assert 0 <= levels.min() < 0.01
    assert 0.49 < levels.max() <= 0.5
    assert law.pit(torch.tensor(1.0), generator=generator) == 0.75


def test_breakpoints_are_those_of_a_single_law(batch):
    with pytest.raises(UnsupportedError, match=r"single law with batch shape \(\); got \(3,\)"):
        batch.breakpoints()


def test_expand_refuses_what_does_not_broadcast(batch):
    assert batch.expand((2, 3)).batch_shape == (2, 3)
    for shape in ((4,), (), (3, 1)):
        with pytest.raises(InputError, match=r"to which \(3,\) expands; got"):
            batch.expand(shape)


@pytest.mark.parametrize("name", ["sample", "rsample", "rvs"])
def test_draws_of_no_shape_are_refused(batch, name):
    for shape in ((-1,), "ab") if name == "rvs" else ((-1,), 3, "ab"):
        with pytest.raises(InputError, match="Expected a shape of whole numbers"):
            getattr(batch, name)(shape)
    if name != "rvs":  # which takes seeds and numpy's generators
        with pytest.raises(InputError, match="Expected generator to be of class Generator"):
            getattr(batch, name)((3,), generator=np.random.default_rng(0))


COLUMNS = {
    "pandas, shuffled": lambda y: pd.Series(y, index=[7, 2, 1]),
    "pandas, nullable": lambda y: pd.Series(y, index=[2, 0, 1], dtype="Float64"),
    "pandas, of Arrow": lambda y: pd.Series(y, index=list("cab"), dtype="double[pyarrow]"),
    "pandas, objects": lambda y: pd.Series(y, index=[7, 2, 1], dtype=object),
    "pandas, categories": lambda y: pd.Series(y, index=[7, 2, 1], dtype="category"),
    "polars": pl.Series,
    "arrow, chunked": lambda y: pa.chunked_array([y]),
    "numpy, backwards": lambda y: np.array(y[::-1])[::-1],
}


@pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS)
def test_columns_of_frames_are_read_in_their_order(batch, make):
    column, values = make([0.5, 0.25, 0.125]), torch.tensor([0.5, 0.25, 0.125])
    for name in ("icdf", "isf", "cdf", "cdf_left", "sf", "log_prob", "crps", "pit", "quantiles"):
        ask = getattr(batch, name)
        assert torch.equal(ask(column), ask(values)), name


def test_what_a_mask_hides_is_no_number(batch):
    found = batch.cdf(np.ma.masked_array([0.5, 0.5, 0.5], [False, True, False]))
    assert found.isnan().tolist() == [False, True, False]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["0.5", "1.5", "2.5"]),
        pd.Series(["0.5", "1.5", "2.5"], dtype=object),
        pd.Series([0.5, None, 1.0], dtype=object),
        pd.Series(pd.date_range("2024-01-01", periods=3)),
        pl.Series(["a", "b", "c"]),
    ],
    ids=["text", "text objects", "None", "dates", "text of polars"],
)
def test_columns_of_no_numbers_are_refused(batch, column):
    with pytest.raises(InputError, match="Expected a number, an array or a tensor of numbers"):
        batch.cdf(column)


@pytest.mark.filterwarnings("error")
def test_arrays_that_cannot_be_written_to_are_read_in_silence(batch):
    levels = np.full(3, 0.5)
    levels.flags.writeable = False  # as pandas gives them away
    batch.icdf(levels)
    batch.quantiles(levels)


def test_the_dtype_is_that_of_the_values():
    law = PiecewiseLinear(
        torch.tensor([0.0, 1.0], dtype=torch.float32),
        torch.tensor([0.0, 1.0], dtype=torch.float32),
    )
    assert law.icdf(torch.tensor(0.5, dtype=torch.float64)).dtype == torch.float32
    assert law.sample((3,)).dtype == torch.float32
    assert law.breakpoints().dtype == torch.float64


def test_a_draw_of_level_0_stays_finite(make_linear, monkeypatch):
    # once in 2^24 draws of float32
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape))
    law = make_linear([0.5, 0.6], [0.0, 1.0], 1.0, 1.0)
    assert law.sample((3,)).isfinite().all()


def test_the_global_generator_is_left_alone_by_a_generator(batch, generator, untouched_rng):
    batch.sample((3,), generator=generator)
    batch.rsample((3,), generator=generator)
    batch.pit(torch.zeros(3), generator=generator)


@pytest.mark.parametrize("ask", ["icdf", "ppf", "isf"])
def test_levels_that_do_not_broadcast_are_told_of_quantiles(ask):
    law = Categorical(torch.zeros(50, 4))
    with pytest.raises(InputError, match=r"got \(2,\).*same levels of every law call quantiles"):
        getattr(law, ask)([0.1, 0.9])
    with pytest.raises(InputError, match=r"in front of the batch axes\.$"):
        law.cdf([0.1, 0.9])


def test_what_torch_names_and_no_law_has_says_what_to_do_instead(law):
    with pytest.raises(UnsupportedError, match=rf"{type(law).__name__} has no entropy.*log_prob"):
        law.entropy()
    with pytest.raises(NotImplementedError, match=r"no mode.*icdf\(0\.5\), the median"):
        _ = law.mode
    with pytest.raises(UnsupportedError):
        law.perplexity()
