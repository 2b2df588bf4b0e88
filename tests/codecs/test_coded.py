"""Columns of levels: cells without a level, and no cells at all."""

import numpy as np
import pyarrow as pa
import pytest

from qdist.codecs.table import TableCodec
from qdist.errors import InputError

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
