"""Odd tables that are tables."""

import numpy as np
import pandas as pd
import pytest

# Odd, but tables: each is fitted, and gives rows like its own.
ODD = {
    "one row": pd.DataFrame({"a": [1.5], "b": ["x"]}),
    "two rows": pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}),
    "one column": pd.DataFrame({"a": np.arange(30.0)}),
    "one column of levels": pd.DataFrame({"a": ["x", "y"] * 15}),
    "one cell": pd.DataFrame({"a": [1]}),
    "a column that is all missing": pd.DataFrame({"a": np.arange(30.0), "gone": [np.nan] * 30}),
    "objects that are all missing": pd.DataFrame({"a": np.arange(30.0), "gone": [None] * 30}),
    "nothing but missing": pd.DataFrame({"gone": [np.nan] * 3}),
    "a constant column": pd.DataFrame({"a": np.arange(30.0), "same": 3}),
    "constants only": pd.DataFrame({"same": [3] * 5, "text": ["x"] * 5}),
    "a constant or missing": pd.DataFrame({"a": [3.0, np.nan] * 15}),
    "one value that differs": pd.DataFrame({"a": [3.0] * 29 + [4.0]}),
    "enormous numbers": pd.DataFrame({"a": [1e300, -1e300, 1e-300, 0.0] * 10}),
    "a name like an option": pd.DataFrame({"": np.arange(30.0), "given": ["x", "y"] * 15}),
    "an odd index": pd.DataFrame({"a": np.arange(30.0)}, index=[7] * 30),
    "rows beyond single precision": pd.DataFrame({"a": 1e9 + np.arange(30.0) / 1024}),
}


@pytest.mark.parametrize("frame", ODD.values(), ids=ODD)
def test_an_odd_table_is_a_table(world, frame):
    model = world.fit(frame)
    drawn = model.sample(20, random_state=0)
    assert drawn.shape == (20, frame.shape[1])
    assert list(drawn.dtypes) == list(frame.dtypes)
    for name in frame:
        assert not (drawn[name].isna().any() and frame[name].notna().all())
        if frame[name].nunique() <= 1 and frame[name].notna().all():
            assert set(drawn[name]) == set(frame[name])
    again = model.sample(given=frame, nan="value")
    pd.testing.assert_frame_equal(again, frame)


def test_beyond_the_training_range_no_infinity_is_drawn(world):
    drawn = world.fit(pd.DataFrame({"a": [1e308, -1e308, 5e307] * 20})).sample(200)
    assert np.isfinite(drawn["a"]).all()
