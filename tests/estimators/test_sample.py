"""Sampling: the same type out, the same rows for a seed, whatever the batch."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from pandas.testing import assert_frame_equal

from qdist.laws import table as law_module
from qdist.progress import showing


def test_samples_repeat_themselves_and_touch_no_global_generator(model, untouched_rng):
    first = model.sample(30, random_state=2)
    torch.rand(1, generator=torch.Generator())
    assert_frame_equal(first, model.sample(30, random_state=2))
    assert not first.equals(model.sample(30, random_state=3))
    assert not model.sample(30).equals(model.sample(30))  # fresh entropy


def test_a_generator_of_numpy_moves_on(model):
    rng = np.random.default_rng(0)
    first = model.sample(30, random_state=rng)
    assert not first.equals(model.sample(30, random_state=rng))
    assert_frame_equal(first, model.sample(30, random_state=np.random.default_rng(0)))


@pytest.mark.parametrize("size", [4, 20])
def test_the_batch_size_changes_nothing_but_rounding(model, monkeypatch, size):
    whole = model.sample(50, random_state=0)
    given = whole[["a", "colour"]]
    conditional = model.sample(2, given=given, random_state=0)
    monkeypatch.setattr(law_module, "_DRAWN", size)
    for expected, got in (
        (whole, model.sample(50, random_state=0)),
        (conditional, model.sample(2, given=given, random_state=0)),
    ):
        assert_frame_equal(
            got.drop(columns="day"), expected.drop(columns="day"), rtol=1e-5, atol=1e-5
        )


def test_more_rows_begin_with_the_same_rows(model):
    few, many = model.sample(10, random_state=0), model.sample(40, random_state=0)
    assert_frame_equal(many[:10].drop(columns="day"), few.drop(columns="day"), rtol=1e-4)


def test_one_row_by_default_and_none_if_asked(model, frame):
    assert len(model.sample()) == 1
    empty = model.sample(0)
    assert len(empty) == 0
    assert list(empty.dtypes) == list(frame.dtypes)
    assert len(model.sample(0, given={"a": 1.0})) == 0
    assert len(model.sample(3, given=frame[:0])) == 0


def test_a_range_of_levels_cuts_off_tails(model):
    whole = model.sample(500, random_state=0)["a"]
    inner = model.sample(500, random_state=0, tau_range=(0.25, 0.75))["a"]
    assert inner.max() < whole.max()
    assert inner.min() > whole.min()
    assert inner.std() < 0.8 * whole.std()


N = 60
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=N)
CODES = RNG.integers(0, 3, N)
TEXT = np.array(["red", "green", "blue"])[CODES]
STAMPS = pd.date_range("2024-01-01", periods=N, freq="h")
GAPS = [None if i % 4 == 0 else float(v) for i, v in enumerate(NUMBERS)]

FRAMES = {
    "pandas": pd.DataFrame(
        {
            "x": NUMBERS.astype("float32"),
            "n": pd.array(CODES, dtype="Int8"),
            "text": TEXT,
            "level": pd.Categorical(TEXT, ["blue", "red", "green"], ordered=True),
            "when": STAMPS.tz_localize("UTC"),
            "flag": NUMBERS > 0,
            "gap": pd.array(GAPS, dtype="Float64"),
            7: CODES,
        }
    ),
    "pandas of arrow dtypes": pd.DataFrame(
        {"x": NUMBERS, "text": TEXT, "gap": GAPS}
    ).convert_dtypes(dtype_backend="pyarrow"),
    "pandas of object dtype": pd.DataFrame(
        {"text": pd.Series(TEXT, dtype=object), "gap": pd.Series(GAPS, dtype=object)}
    ),
    "polars": pl.DataFrame(
        {
            "x": NUMBERS,
            "text": TEXT.tolist(),
            "level": pl.Series(TEXT.tolist(), dtype=pl.Enum(["blue", "red", "green"])),
            "when": STAMPS.to_pydatetime().tolist(),
            "gap": GAPS,
            "n": pl.Series(CODES, dtype=pl.UInt8),
        }
    ),
    "pyarrow": pa.table(
        {
            "x": pa.array(NUMBERS, pa.float32()),
            "level": pa.array(TEXT.tolist()).dictionary_encode(),
            "when": pa.array(STAMPS.to_pydatetime().tolist(), pa.timestamp("ms", "Asia/Tokyo")),
            "gap": pa.array(GAPS),
        }
    ),
    "a matrix": np.stack([NUMBERS, NUMBERS**2, CODES], 1).astype("float32"),
    "a matrix of whole numbers": np.stack([CODES, CODES + 1], 1),
    "named fields": np.array(
        list(zip(NUMBERS, CODES, TEXT, strict=True)),
        dtype=[("x", "f8"), ("n", "i2"), ("text", "U5")],
    ),
    "a dict": {"x": NUMBERS, "text": TEXT.tolist(), "gap": GAPS},
}


def types(frame):
    """Everything about a frame but its rows."""
    if isinstance(frame, pd.DataFrame):
        return list(frame.columns), list(frame.dtypes), type(frame.index)
    if isinstance(frame, pl.DataFrame):
        return frame.schema
    if isinstance(frame, pa.Table):
        return frame.schema
    if isinstance(frame, np.ndarray):
        return frame.dtype, frame.shape[1:]
    return {name: (type(v), getattr(v, "dtype", None)) for name, v in frame.items()}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_the_same_type_comes_out(small, frame):
    model = small(max_steps=3).fit(frame)
    drawn = model.sample(N, random_state=0)
    assert type(drawn) is type(frame)
    assert types(drawn) == types(frame)
    assert model.n_features_in_ == len(model.feature_names_in_) == len(model.schema_)
    # And again from a condition: the first row of the frame itself.
    again = model.sample(2, given=drawn, random_state=1, nan="value")
    kept = 2 if isinstance(frame, pd.DataFrame) else None  # pandas: the index is repeated
    assert types(again)[:kept] == types(frame)[:kept] if kept else types(again) == types(frame)
    assert len(again if not isinstance(again, dict) else again["x"]) == 2 * N


def test_a_model_of_ids_and_constants_gives_rows_too(small):
    table = {"name": [f"person {i}" for i in range(50)], "same": [3] * 50}
    model = small().fit(table)
    drawn = model.sample(5, random_state=0)
    assert drawn["same"] == [3] * 5
    assert len(set(drawn["name"])) == 5
    assert not set(drawn["name"]) & set(table["name"])


def test_many_batches_show_how_far_they_are(model, monkeypatch, capsys):
    monkeypatch.setattr(law_module, "_DRAWN", 20)
    monkeypatch.setattr(law_module, "_ROWS", 20)
    with showing(visible=True):
        rows = model.sample(20, random_state=0)
        model.score_samples(rows)
        assert capsys.readouterr().err == ""  # one batch
        rows = model.sample(50, random_state=0)
        assert "drawing" in capsys.readouterr().err
        model.score_samples(rows)
        assert "scoring" in capsys.readouterr().err
        model.impute(rows)
        assert "drawing" in capsys.readouterr().err
