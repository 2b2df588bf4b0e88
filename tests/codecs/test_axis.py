"""Grids of floats, and the numbers that only seem to lie on one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qdist
from qdist.codecs.axis import fit_axis
from qdist.codecs.table import TableCodec

RNG = np.random.default_rng(0)
RANGE = {"least": -3e38, "greatest": 3e38}


def axis_of(values, *, single):
    values = np.asarray(values, np.float32).astype(float) if single else np.asarray(values, float)
    return fit_axis(np.unique(values), single=single, grid=True, **RANGE)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.3, 1.0, 40.0, 5e3, 1e6])
@pytest.mark.parametrize("single", [True, False])
def test_numbers_of_full_precision_lie_on_no_grid(scale, single):
    # Of the singles near 1e-3 nearly all are multiples of 1e-11, as their spacing is 1e-10.
    assert not axis_of(scale * RNG.standard_normal(500), single=single).gridded


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (np.round(RNG.random(300), 2), 0.01),
        (np.round(RNG.standard_normal(300) * 1e3, 1), 0.1),
        (RNG.integers(0, 9_000_000, 500), 1.0),  # half of the singles up there are whole
        ([0.1, 0.2], 0.1),
        ([1.5], 0.1),
    ],
    ids=["hundredths", "tenths", "millions", "two", "one"],
)
def test_rounded_numbers_lie_on_theirs(values, unit, single):
    axis = axis_of(values, single=single)
    assert axis.gridded
    assert axis.unit == pytest.approx(unit)


@given(st.lists(st.integers(-(10**4), 10**4), min_size=3, max_size=30, unique=True))
def test_a_grid_in_single_precision_is_that_in_double(hundredths):
    values = np.array(hundredths) / 100
    single, double = (axis_of(values, single=s) for s in (True, False))
    assert (single.gridded, single.unit) == (double.gridded, double.unit)


def test_the_law_of_a_single_precision_column_is_that_of_the_double_one():
    x = RNG.random(300).astype(np.float32)
    frames = [pd.DataFrame({"x": v}) for v in (x, x.astype(float))]
    models = [qdist.TabularModel(max_steps=2, random_state=0).fit(frame) for frame in frames]
    single, double = (model.predict_dist("x") for model in models)
    assert type(single) is type(double)
    np.testing.assert_allclose(single.log_prob(x[:, None]), double.log_prob(x[:, None]), atol=1e-3)


@pytest.mark.parametrize("value", [1.2345678901234e-9, 1.2345678901234e9, -1.2345678901234e-300])
def test_the_room_of_a_lone_value_is_in_proportion_to_it(value):
    column = TableCodec.fit({"x": [value] + [np.nan] * 199}).column("x")
    drawn = column.decode(np.linspace(0.9955, 0.9995, 50)).to_numpy()
    np.testing.assert_allclose(drawn, value, rtol=2e-6)
    assert np.ptp(drawn) > 1e-6 * abs(value)


@pytest.mark.parametrize(
    ("values", "whole"), [(np.arange(300) + 0.5, False), (np.arange(300) * 2.0, True)]
)
def test_half_integers_are_not_whole(values, whole):
    model = qdist.TabularModel(max_steps=1, random_state=0).fit(pd.DataFrame({"x": values}))
    assert model.schema_["x"].integer is whole


def test_the_ends_of_a_type_of_times_are_times():
    axis = fit_axis(np.arange(90), single=False, grid=True, least=-(2**63) + 1, greatest=2**63 - 1)
    ends = axis.value(np.array([-(2.0**80), 2.0**80]))
    assert -(2**63) < ends[0] < -(2**62)  # -2^63 stands for "not a time"
    assert 2**62 < ends[1] <= 2**63 - 1


@pytest.mark.parametrize("sign", [-1, 1])
def test_no_value_lies_beyond_the_end_of_its_type(sign):
    """Times a second from the last that 64 bits can hold: no float is as exact."""
    most = 2**63 - 1
    raw = sign * (most - np.random.default_rng(0).integers(0, 10**9, 500))
    axis = fit_axis(np.unique(raw), single=False, grid=True, least=-most, greatest=most)
    z = np.array([-np.inf, axis.index(raw).min(), axis.index(raw).max(), np.inf])
    low, first, last, high = axis.value(z).tolist()
    assert (low, high) == (-most, most)
    assert (first, last) == (raw.min(), raw.max())


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_the_step_of_whole_numbers_is_one_of_64_signed_bits(dtype):
    """Hashes span up to twice what such a number holds."""
    info = np.iinfo(dtype)
    values = np.array([info.min, 17, info.max], dtype)
    axis = fit_axis(values, single=False, grid=True, least=int(info.min), greatest=int(info.max))
    assert axis.step < 2**63
    np.testing.assert_allclose(axis.index(values)[[0, 2]], [0.0, 2.0**64 / axis.step])
    assert axis.value(axis.index(values))[[0, 2]].tolist() == [info.min, info.max]
