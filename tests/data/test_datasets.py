"""The bundled tables."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from qdist.data.datasets import load_penguins
from qdist.errors import InputError


@pytest.mark.parametrize(
    ("make", "kind"),
    [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table)],
)
def test_penguins_come_as_asked(make, kind):
    frame = load_penguins(as_frame=make)
    assert isinstance(frame, kind)
    assert frame.shape == (344, 8)


def test_penguins_hold_what_the_source_says():
    frame = load_penguins()
    counts = frame["species"].value_counts()
    assert counts.to_dict() == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    assert frame["sex"].isna().sum() == 11
    assert set(frame["year"]) == {2007, 2008, 2009}


def test_an_unknown_make():
    with pytest.raises(InputError, match="'pandas', 'polars' or 'pyarrow'; got 'numpy'"):
        load_penguins(as_frame="numpy")
