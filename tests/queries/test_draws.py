"""Several draws as one table, and cells of levels that were not there in training."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import qdist
from qdist.codecs.table import TableCodec
from qdist.errors import InputError
from qdist.queries import impute


def test_the_median_of_draws_is_one_of_them(model, frame):
    rng = np.random.default_rng(5)
    holes = frame.head(40).mask(rng.random((40, frame.shape[1])) < 0.4)
    draws = model.impute(holes, n_draws=4, random_state=0)
    found = model.impute(holes, n_draws=4, agg="median", random_state=0)
    assert found.dtypes.to_dict() == frame.dtypes.to_dict()
    assert found.index.equals(holes.index)
    for name in frame:
        cells = pd.DataFrame({k: draw[name] for k, draw in enumerate(draws)})
        if name in {"colour", "flag"}:  # no order
            expected = cells.mode(axis=1)[0]
        else:
            ranks = cells.apply(lambda c: c.cat.codes) if name == "size" else cells
            lower = np.argsort(ranks.to_numpy(), axis=1, kind="stable")[:, 1]
            expected = pd.Series(cells.to_numpy()[np.arange(40), lower])
        assert found[name].tolist() == expected.tolist()


ODD = {
    "text": (["a", "b"] * 20, "z"),
    "categories": (pd.Categorical(["a", "b"] * 20), "z"),
    "ordered": (pd.Categorical(["a", "b"] * 20, ordered=True), "z"),
    "declared numbers": ([1, 2] * 20, 7),
    "one level": (["a"] * 40, "z"),
}


@pytest.mark.parametrize(("values", "strange"), ODD.values(), ids=ODD)
def test_an_unseen_level_is_unknown_and_comes_back(values, strange):
    frame = pd.DataFrame({"c": values, "x": np.arange(40.0) % 11})
    said = {"c": qdist.Column(kind="nominal")} if strange == 7 else {}
    model = qdist.TabularModel(columns=said, max_steps=2, members=1, random_state=0).fit(frame)
    rows = frame.head(4).copy()
    rows["c"] = rows["c"].astype(object)
    rows.loc[1, "c"], rows.loc[2, "x"] = strange, np.nan
    rows.loc[1, "x"] = np.nan
    with pytest.raises(InputError, match=r"known levels .*unseen='missing'"):
        model.impute(rows)
    filled = model.impute(rows, unseen="missing", random_state=0)
    assert filled["c"].tolist() == rows["c"].tolist()
    blank = rows.assign(c=rows["c"].where(rows["c"] != strange, None))
    assert filled["x"].tolist() == model.impute(blank, random_state=0)["x"].tolist()
    assert isinstance(filled["c"].dtype, pd.CategoricalDtype) == isinstance(values, pd.Categorical)


def test_known_levels_are_as_without_it(model, frame):
    rows = frame.head(5).assign(gap=np.nan)
    plain = model.impute(rows, random_state=0)
    assert_frame_equal(model.impute(rows, unseen="missing", random_state=0), plain)


def test_without_a_law():
    codec = TableCodec.fit(pd.DataFrame({"c": ["a", "b"] * 5}))
    rows = pd.DataFrame({"c": ["z", "a"]})
    assert impute(codec, None, rows, unseen="missing")["c"].tolist() == ["z", "a"]
