"""Features as numbers and codes: numbers far apart, gaps in constants, and what a file holds."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from qdist.regression.embedding import FeatureEmbedding
from qdist.regression.features import FeatureCodec

UNIT = np.random.default_rng(0).uniform(size=200)


def codec_of(x):
    table = pa.table({"x": pa.array(x, from_pandas=True)})
    return FeatureCodec.fit(table), table


def read(codec, x):
    """What a network reads, in single precision."""
    matrix = codec.matrix(pa.table({"x": pa.array(x, from_pandas=True)}))
    return torch.from_numpy(codec.numbers(matrix)).float()


def vectors(codec, x):
    torch.manual_seed(0)
    embed = FeatureEmbedding(codec.bins, codec.levels, width=4)
    return embed(read(codec, x), torch.zeros(len(x), 0, dtype=torch.long))


@pytest.mark.parametrize("far", [1e7, 1e12, -3.4e38, 9.97e36, 1e200, 999_999_999.0], ids=str)
@pytest.mark.parametrize("count", [1, 20])
def test_a_number_far_from_all_others_leaves_these_apart(far, count, untouched_rng):
    x = np.append(UNIT, np.full(count, far))
    codec, _ = codec_of(x)
    bins = torch.tensor(codec.bins[0])
    assert (bins.diff() > 0).all()
    assert bins.abs().max() < 1e3
    order = np.argsort(x)
    apart = read(codec, x)[order, 0].diff()
    assert (apart >= 0).all()
    assert (apart > 0).sum() > 190  # of 200 to 219 steps, up to 19 between equal numbers
    with torch.random.fork_rng():
        assert vectors(codec, x).isfinite().all()


def test_numbers_of_one_size_are_read_in_units_of_their_spread():
    codec, table = codec_of(UNIT)
    assert not codec.columns[0].placed
    numbers = codec.numbers(codec.matrix(table))[:, 0]
    np.testing.assert_allclose(numbers, (UNIT - UNIT.mean()) / UNIT.std(), atol=1e-12)


def test_ends_that_differ_by_rounding_are_one():
    codec, _ = codec_of(np.append(np.repeat([0.3, 0.1 + 0.2], 50), UNIT))
    assert not codec.columns[0].placed
    assert (torch.tensor(codec.bins[0]).diff() > 0).all()


@pytest.mark.parametrize(
    "x", [10**15 + np.arange(10), 1.0 + 1e-14 * np.arange(10)], ids=["whole numbers", "a chain"]
)
def test_numbers_that_doubles_tell_apart_are_told_apart(x):
    codec, _ = codec_of(np.repeat(x, 20))
    assert (read(codec, x)[:, 0].diff() > 0).all()


@pytest.mark.parametrize("value", [0.0, 3.0, -5.0, 1e-40, 1e150], ids=str)
def test_a_constant_with_gaps_is_there_or_missing_and_no_more(value):
    """Another number counts as at the end of the range, which is the value."""
    codec, _ = codec_of([value, np.nan] * 20)
    numbers = read(codec, [value, np.nan, value + 1, -1e30, 1e300])[:, 0]
    assert numbers[0] == 0
    assert numbers[1].isnan()
    assert (numbers[2:] == 0).all()
    assert (torch.tensor(codec.bins[0]).diff() > 0).all()


@pytest.mark.parametrize("x", [UNIT, np.append(UNIT, 1e20), [0.0, np.nan] * 20], ids=len)
def test_json_holds_all_of_it(x):
    codec, table = codec_of(x)
    again = FeatureCodec.from_json(codec.to_json())
    assert again.bins == codec.bins
    np.testing.assert_array_equal(
        again.numbers(again.matrix(table)), codec.numbers(codec.matrix(table))
    )


def test_what_was_written_without_places_is_read_as_before():
    codec, _ = codec_of(UNIT)
    data = codec.to_json()
    del data["columns"][0]["placed"]
    assert FeatureCodec.from_json(data).bins == codec.bins
