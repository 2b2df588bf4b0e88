"""Dictionaries of Arrow, in which a level may be named twice, or be none."""

import pyarrow as pa

from qdist.data.frames import canonical


def test_a_dictionary_names_each_level_once_and_none_that_is_missing():
    indices = pa.array([0, 1, 2, None], pa.int8())
    chunks = [
        pa.DictionaryArray.from_arrays(indices, pa.array(levels))
        for levels in (["a", None, "a"], ["b", "a", None])
    ]
    for cells in (pa.chunked_array(chunks[:1]), pa.chunked_array(chunks)):
        found = canonical(cells)
        assert found.to_pylist() == cells.to_pylist()
        assert found.dictionary.to_pylist() == ["a", "b"][: len(cells.chunks)]
        assert found.is_valid().to_pylist() == [v is not None for v in cells.to_pylist()]
