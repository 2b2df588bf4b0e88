"""What is known comes back from `impute` as it was, in any frame and however rare its level."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qdist
from qdist.codecs.table import TableCodec
from qdist.data.frames import make_of, to_arrow
from qdist.queries import impute

LEVELS = {
    "text": list("abcdefgh"),
    "whole": [2**53 + 1, -3, 0, 7, 11, 12, 13, 14],
    "real": [0.1, -2.5, 1e300, 1e-300, 4.0, 5.5, 6.25, 7.0],
    "boolean": [True, False] * 4,
    "day": [dt.date(2020, 2, 1 + i) for i in range(8)],
    "time": [dt.datetime(2020, 2, 1 + i, 3, 4, 5) for i in range(8)],
}


def arrow_levels(values: list, levels: list) -> pa.DictionaryArray:
    known = list(dict.fromkeys(levels))
    codes = [None if v is None else known.index(v) for v in values]
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(known))


def arrow_dtype(values: list, levels: list) -> pd.DataFrame:
    made = pd.arrays.ArrowExtensionArray(pa.chunked_array([arrow_levels(values, levels)]))
    return pd.DataFrame({"c": pd.Series(made)})


def categories(values: list, levels: list, *, ordered: bool = False) -> pd.DataFrame:
    known = list(dict.fromkeys(levels))
    return pd.DataFrame({"c": pd.Categorical(values, known, ordered=ordered)})


def plain_array(values: list, levels: list) -> dict:
    made = np.empty(len(values), object)
    made[:] = values
    return {"c": made}


ANY = {
    "pandas categories": categories,
    "pandas ordered": lambda v, levels: categories(v, levels, ordered=True),
    "pandas arrow levels": arrow_dtype,
    "pandas": lambda v, levels: pd.DataFrame({"c": pd.Series(v, dtype=object)}),
    "polars": lambda v, levels: pl.DataFrame({"c": pl.Series(v, dtype=dtype_of(levels))}),
    "pyarrow": lambda v, levels: pa.table({"c": pa.array(v, pa.array(levels).type)}),
    "pyarrow levels": lambda v, levels: pa.table({"c": arrow_levels(v, levels)}),
    "list": lambda v, levels: {"c": v},
    "numpy": plain_array,
}
TEXT = {
    "polars categories": lambda v, levels: pl.DataFrame({"c": pl.Series(v, dtype=pl.Categorical)}),
    "polars enum": lambda v, levels: pl.DataFrame({"c": pl.Series(v, dtype=pl.Enum(levels))}),
    "numpy text": lambda v, levels: {"c": np.array(v, object)},
}
CASES = [(kind, make) for kind in LEVELS for make in ANY] + [("text", make) for make in TEXT]


def dtype_of(levels: list) -> pl.DataType:
    return pl.Series(levels).dtype


def cells(frame) -> list:
    column = frame["c"]
    if isinstance(column, pa.ChunkedArray):
        return column.to_pylist()
    return [None if pd.isna(v) else v for v in column]


def type_of(frame):
    """The dtype of a column; of categories their dtype and whether they are ordered."""
    column = frame["c"]
    if isinstance(column, list):
        return list
    if isinstance(column, pa.ChunkedArray):
        return column.type
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return kind.categories.dtype, kind.ordered
    return pl.Enum if kind == pl.Enum else kind


@pytest.mark.parametrize(("kind", "make"), CASES)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_known_cells_come_back(kind, make, data):
    levels, build = LEVELS[kind], (ANY | TEXT)[make]
    # Two frequent levels, some that are rare, and missing cells.
    rare = st.sampled_from([*levels[:6], None])
    trained = levels[:2] * 9 + [None] * 2 + data.draw(st.lists(rare, max_size=4))
    least = data.draw(st.integers(1, 4))
    codec = TableCodec.fit(build(trained, levels), min_level_count=least)
    # Levels that were never met are asked for too, where others have been pooled.
    pooled = getattr(codec.columns[0], "rest", None) is not None
    open_to = levels if pooled else [v for v in trained if v is not None]
    asked = data.draw(st.lists(st.sampled_from([*open_to, None]), min_size=1, max_size=9))
    given = build(asked, levels)
    filled = impute(codec, None, given, random_state=0)
    for before, after in zip(asked, cells(filled), strict=True):
        assert after == before or before is None
        assert before is None or isinstance(after, type(before)) or after.dtype == type(before)
    assert type_of(filled) == type_of(given)


@pytest.mark.parametrize("make", ["pandas categories", "polars enum", "pyarrow levels"])
def test_rare_levels_survive_a_model(make, tmp_path):
    levels = list("abcd")
    build = (ANY | TEXT)[make]
    values = ["a", "b"] * 20 + ["c", "d", None]
    frame = build(values, levels)
    column = {"c": qdist.Column(kind="nominal")}
    model = qdist.TabularModel(columns=column, min_level_count=5, max_steps=2, random_state=0)
    model.fit(frame).save(tmp_path / "m.qdist")
    for fitted in (model, qdist.load(tmp_path / "m.qdist")):
        first, second = fitted.impute(frame, n_draws=2, random_state=0)
        assert cells(first)[:-1] == cells(second)[:-1] == values[:-1]
        # What is drawn knows nothing of them.
        drawn = fitted.sample(50, random_state=0)
        assert set(cells(drawn)) <= {"a", "b", "(other)", None}
        # A condition comes back too, of a level that is rare or was never met.
        assert set(cells(fitted.sample(2, given={"c": "d"}))) == {"d"}
        assert set(cells(fitted.sample(2, given={"c": "new"}))) == {"new"}


def test_levels_of_categories_keep_their_order_and_new_ones_follow():
    frame = pd.DataFrame({"c": pd.Categorical(["b", "a"] * 9 + ["z", "y"], list("zbay"))})
    codec = TableCodec.fit(frame, min_level_count=2)
    filled = impute(codec, None, frame)
    assert filled["c"].cat.categories.tolist() == ["a", "b", "(other)", "z", "y"]


@pytest.mark.parametrize("draws", [1, 10])
def test_the_rows_are_read_once_for_all_draws(draws, monkeypatch):
    frame = pd.DataFrame({"c": ["a", "b", None] * 6, "x": np.arange(18.0)}, index=range(7, 25))
    codec, conversions = TableCodec.fit(frame), []
    for module in ("qdist.codecs.given", "qdist.codecs.table", "qdist.queries.imputation"):
        monkeypatch.setattr(
            f"{module}.to_arrow", lambda X: (conversions.append(1), to_arrow(X))[1]
        )
    filled = impute(codec, None, frame, n_draws=draws)
    assert len(conversions) == 2  # for the names and for the cells, whatever the draws
    for one in filled if draws > 1 else [filled]:
        assert one.index.equals(frame.index)
        assert one["x"].equals(frame["x"])


def test_times_of_numpy_in_a_dict_are_in_utc():
    """They have no zone to say so: read as an array, and not once the zone is forgotten."""
    times = pd.date_range("2024-01-01", periods=40, freq="37h", tz="Europe/Paris")
    codec = TableCodec.fit(pd.DataFrame({"t": times}))
    asked = {"t": times.tz_convert("UTC").tz_localize(None).to_numpy()}
    for filled in impute(codec, None, asked, n_draws=2):
        assert (filled["t"] == times).all()


@pytest.mark.parametrize("kind", ["text", "int64", "int8"])
def test_placeholders_do_not_repeat_known_ids(kind):
    n = 200
    numbers = np.random.default_rng(0).permutation(n)
    ids = pd.Series([f"id_{k}" for k in numbers])
    if kind != "text":
        ids = pd.Series(numbers - 100, dtype=kind.replace("i", "I"))
    hidden = ids.copy()
    hidden[[0, 5]] = None
    frame = pd.DataFrame({"id": hidden, "x": np.arange(n) * 1.0})
    columns = {"id": qdist.Column(kind="id")}
    model = qdist.TabularModel(columns=columns, max_steps=2, random_state=0).fit(frame)
    filled = model.impute(frame, random_state=0)["id"]
    assert filled.is_unique
    assert filled.drop([0, 5]).tolist() == ids.drop([0, 5]).tolist()
    if kind == "int8":  # there are not so many of them
        assert len(model.impute(pd.concat([frame] * 2))) == 2 * n


def test_the_make_is_that_of_what_was_passed_in():
    """Not that of the fitted frame, where the two differ."""
    rng = np.random.default_rng(0)
    data = {"0": rng.normal(size=60).tolist(), "1": rng.integers(0, 50, 60).tolist()}
    quick = {"max_steps": 2, "members": 1, "backbone_args": {"width": 4, "blocks": 1}}
    holes = {"1": [None, 3, 4], "0": [0.5, None, 1.5]}
    frames = {
        "pandas": pd.DataFrame(holes, index=["x", "y", "z"]),
        "polars": pl.DataFrame(holes),
        "pyarrow": pa.table(holes),
        "columns": holes,
        "numpy": np.array([[0.5, np.nan], [np.nan, 3], [1.5, 4]]),
    }
    for fitted in (pd.DataFrame(data), pl.DataFrame(data), data):
        model = qdist.TabularModel(**quick, random_state=0).fit(fitted)
        for make, frame in frames.items():
            whole = model.impute(frame, random_state=0)
            assert make_of(whole) == make
            assert type(model.impute(frame, n_draws=2, random_state=0)[1]) is type(frame)
            cells = to_arrow(whole)
            assert cells["0"][0].as_py() == 0.5
            assert cells["1"].to_pylist()[1:] == [3, 4]
            assert not any(column.null_count for column in cells.columns)
            if make == "pandas":
                assert list(whole.index) == ["x", "y", "z"]


MAKES = {"pyarrow": pa.table, "polars": pl.DataFrame, "pandas": pd.DataFrame, "dict": dict}


@pytest.mark.parametrize("value", ["new", 3, 1.5, dt.date(2020, 1, 1), True], ids=str)
@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_a_column_that_had_no_value_keeps_those_that_are_given(make, value):
    codec = TableCodec.fit(make({"gone": [None] * 9, "x": [1] * 9}))
    for cells in ([None, None], [value, None], [value, value]):
        filled = impute(codec, None, make({"gone": cells, "x": [1, 1]}))
        assert make_of(filled) == make_of(make({"gone": cells}))
        assert to_arrow(filled)["gone"].to_pylist() == cells
    typed = pa.table({"gone": pa.nulls(2, pa.string()), "x": [1, 1]})
    assert to_arrow(impute(codec, None, typed))["gone"].to_pylist() == [None, None]
