"""Heaps: a monotone map with an inverse, found where people round, and nowhere else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qdist.codecs.heaps import Heaps, find_heaps
from qdist.codecs.table import TableCodec

HEAPS = st.builds(
    lambda stride, offset, share: Heaps(stride, offset % stride, 1 / stride + share * 0.99),
    st.integers(2, 100_000),
    st.integers(0, 100_000),
    st.floats(0.001, 0.49),
)
PLACES = st.lists(st.integers(-(2**30), 2**30), min_size=1, max_size=50)


@given(HEAPS, PLACES)
def test_every_grid_value_keeps_a_place_of_its_own(heaps, places):
    z = np.unique(np.array(places, float))
    w = heaps.spread(z)
    assert (np.diff(w) > 0).all()
    np.testing.assert_array_equal(np.floor(heaps.gather(w) + 0.5), z)


@given(HEAPS, st.integers(-50, 50))
def test_a_stride_keeps_its_length_and_the_heap_takes_its_share(heaps, k):
    at = heaps.offset + heaps.stride * k
    cell = heaps.spread(np.array([at - 0.5, at + 0.5]))
    assert cell[1] - cell[0] == pytest.approx(heaps.share * heaps.stride)
    whole = heaps.spread(np.array([at - heaps.stride / 2, at + heaps.stride / 2]))
    assert whole[1] - whole[0] == pytest.approx(heaps.stride)


@given(HEAPS, st.integers(-1000, 1000))
def test_the_stretch_is_the_slope_of_a_cell(heaps, z):
    cell = heaps.spread(np.array([z - 0.5, z + 0.5]))
    slope = np.exp(heaps.log_stretch(np.array([float(z)])))[0]
    if heaps.stride % 2 or abs(z - heaps.offset) % heaps.stride != heaps.stride // 2:
        assert cell[1] - cell[0] == pytest.approx(slope, rel=1e-6)


def test_infinity_stays_where_it_is():
    far, heaps = np.array([-np.inf, np.inf]), Heaps(10, 0, 0.9)
    np.testing.assert_array_equal(heaps.spread(far), far)
    np.testing.assert_array_equal(heaps.gather(far), far)


def test_the_gain_by_hand():
    # 300 rows, 3 of 4 on tens: gain = .75 log 7.5 + .25 log(.25 / .9) = 1.51 - 0.32 = 1.19 nats
    # a row; fives hold the same rows with a gain of .75 log 3.75 + .25 log(.25 / .8) = 0.70.
    tens = np.arange(225) * 10.0
    others = np.arange(75) * 30.0 + 7.0
    z = np.sort(np.concatenate([tens, others]))
    found = find_heaps(z, np.ones(300, np.int64), zero=0)
    assert (found.stride, found.offset) == (10, 0)
    assert found.share == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("zero", [0, -3, 12])
def test_heaps_are_multiples_in_the_units_of_the_column(zero):
    z = np.arange(400) * 7.0 * 5 + zero
    assert (find_heaps(z, np.ones(400, np.int64), zero=zero).offset - zero) % 5 == 0


@pytest.mark.parametrize("seed", range(5))
def test_even_values_have_no_heaps(seed):
    z = np.unique(np.random.default_rng(seed).integers(0, 10**6, 2000)).astype(float)
    assert find_heaps(z, np.ones(len(z), np.int64), zero=0) is None


def heaped(n=6000):
    """Prices in whole numbers: 90 % hundreds, some spikes, a cap that is off every heap."""
    rng = np.random.default_rng(3)
    price = np.rint(rng.lognormal(5, 0.4, n) * 10)
    price = np.where(rng.random(n) < 0.9, 100 * np.rint(price / 100), price)
    price[: n // 50] = 1600
    return pd.DataFrame({"price": np.where(price > 2999, 3001, price).astype(int)})


def test_samples_are_heaped_as_the_rows_are():
    frame = heaped()
    codec = TableCodec.fit(frame)
    assert codec.columns[0].heaps.stride == 100
    u = (np.arange(20_000) + 0.5) / 20_000
    drawn = codec.columns[0].decode(u).to_numpy()
    at = {"hundreds": lambda x: x % 100 == 0, "the spike": lambda x: x == 1600,
          "the cap": lambda x: x == 3001}  # fmt: skip
    for name, holds in at.items():
        share = holds(frame["price"]).mean()
        assert holds(drawn).mean() == pytest.approx(share, abs=0.01), name


def test_every_value_comes_back_and_densities_sum_to_one():
    frame = heaped()
    codec = TableCodec.fit(frame)
    every = pd.DataFrame({"price": np.arange(frame["price"].min(), frame["price"].max() + 1)})
    y = codec.encode(every)
    pd.testing.assert_frame_equal(codec.decode(y), every)
    column = codec.columns[0]
    # The law of a uniform level: an atom has its mass, another grid value its density times 1.
    mass = np.exp(column.log_jacobian(y[:, 0].numpy()))
    atoms = ~column.curve.continuous(y[:, 0].numpy())
    held = column.curve.u[column.curve.kind == 1]
    total = mass[~atoms].sum() + (held[:, 1] - held[:, 0]).sum()
    # A cell that an end of a piece cuts takes the density of its middle: hence not exactly.
    assert total == pytest.approx(1.0, abs=0.02)


def test_a_codec_with_heaps_survives_json():
    codec = TableCodec.fit(heaped())
    again = TableCodec.from_json(codec.to_json())
    assert again.columns[0].heaps == codec.columns[0].heaps
    every = pd.DataFrame({"price": np.arange(0, 4000, 7)})
    assert (again.encode(every) == codec.encode(every)).all()


@pytest.mark.parametrize("seed", range(5))
def test_one_value_with_many_rows_is_no_pattern(seed):
    """Numbers cut off at 86,000, a multiple of 2,000; too few rows lie there for an atom."""
    numbers = np.random.default_rng(seed).normal(43_200, 20_000, 500)
    z, counts = np.unique(np.minimum(numbers, 86_000).round(), return_counts=True)
    assert counts.max() > 2
    assert find_heaps(z, counts, zero=0) is None
