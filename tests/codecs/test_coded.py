"""Columns of levels: cells without a level, no cells at all, numbers that floats mix up."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from qdist.codecs.table import TableCodec
from qdist.errors import InputError
from qdist.files import check_codec

COLUMNS = {
    "text": pa.array(["a", "b", "c"] * 20),
    "text with gaps": pa.array(["a", "b", None] * 20),
    "a dictionary": pa.array(["a", "b", "c"] * 20).dictionary_encode(),
    "booleans": pa.array([True, False, True] * 20),
    "few numbers": pa.array([1.5, 2.5, None] * 20),
    "few whole numbers": pa.array([1, 2, 3] * 20, pa.int64()),
}


@pytest.fixture(params=COLUMNS.values(), ids=COLUMNS)
def array(request):
    return request.param


def column(array):
    return TableCodec.fit(pa.table({"x": array})).column("x")


def test_no_cells_have_no_codes(array):
    coder = column(array)
    assert coder.name == "coded"
    none = array.slice(0, 0)
    assert coder.encode(none).shape == (0,)
    assert coder.encode(none).dtype == np.float64
    assert len(coder.decode(coder.encode(none))) == 0


@pytest.mark.parametrize("kind", [pa.string(), pa.float64()], ids=str)
def test_cells_whose_dictionary_names_no_level_are_missing(kind):
    values = ["a", "b", None] if kind == pa.string() else [1.5, 2.5, None]
    coder = column(pa.array(values * 20, kind))
    gone = pa.DictionaryArray.from_arrays(pa.array([None, None], pa.int8()), pa.array([], kind))
    assert coder.encode(gone).tolist() == [coder.missing_value] * 2
    whole = column(pa.array([v for v in values if v is not None] * 20, kind))
    with pytest.raises(InputError, match="missing"):
        whole.encode(gone)


B = 17 * 10**17  # nanoseconds since 1970, of which a float tells apart 256


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.int64(), pa.uint64()], ids=str)
def test_levels_nearer_than_floats_can_tell(kind):
    coder = column(pa.array([B, B + 10, B + 20] * 20, kind))
    cells = pa.array([B + 1, B + 9, B + 14, B + 40, None], kind)
    assert coder.distance(cells).tolist() == [0.1, 0.1, 0.4, 2.0, 0.0]
    assert coder.encode(cells[:4]).tolist() == [0, 1, 1, 2]


def test_levels_farther_apart_than_signed_numbers_reach():
    ends = [-(2**62 + 2**61), 2**62 + 2**61]
    coder = column(pa.array(ends * 20, pa.int64()))
    # 0 lies half a gap from both; of the far ends each is a sixth of it off.
    cells = pa.array([0, 2**63 - 1, 1 - 2**63], pa.int64())
    np.testing.assert_allclose(coder.distance(cells), [1 / 2, 1 / 6, 1 / 6], rtol=1e-9)
    assert coder.encode(cells)[1:].tolist() == [1, 0]


def test_a_constant_farther_off_than_signed_numbers_reach():
    constant = TableCodec.fit({"x": np.full(20, 2**62)}).column("x")
    sides = constant.sides(pa.array([2**62, -(2**63) + 1, 2**63 - 1]))
    np.testing.assert_allclose(sides, [0.0, -3.0, 1.0], rtol=1e-9)


REPEATED = {
    "text": (["a", "b", "a", None], ["a", "b"], [0, 1, 0, None]),
    "numbers": ([1.5, float("nan"), 1.5, 2.5], [1.5, 2.5], [0, None, 0, 1]),
    "days": ([dt.date(2020, 1, 1)] * 2 + [dt.date(2020, 1, 2)] * 2, None, [0, 0, 1, 1]),
}


@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("ordered", [True, False])
def test_levels_that_a_dictionary_repeats_are_one(name, ordered):
    """Arrow lets it, and let it name none; a level is known by its value."""
    dictionary, levels, codes = REPEATED[name]
    array = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2, 3] * 20, pa.int8()), pa.array(dictionary), ordered=ordered
    )
    codec = TableCodec.fit(pa.table({"x": array}))
    coder = codec.column("x")
    assert coder.levels.to_pylist() == (levels or sorted(set(dictionary)))
    expected = [coder.missing_value if code is None else code for code in codes]
    assert codec.encode(pa.table({"x": array}))[:4, 0].tolist() == expected
    check_codec(codec)
    back = codec.decode(codec.encode(pa.table({"x": array})))["x"]
    assert back.type == array.type
    assert back.to_pylist() == [None if v != v else v for v in array.to_pylist()]
