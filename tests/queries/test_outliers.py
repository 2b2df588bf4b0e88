"""How odd cells are listed; what makes a cell odd is in test_rows.py."""

import numpy as np
import pandas as pd
import pytest

import qdist


def test_the_list_has_the_index_of_the_rows(model, frame):
    odd = frame.head(30).copy()
    odd.loc[3, "whole"] = 50_000
    odd = odd.set_index(pd.Index([f"bird {k}" for k in range(30)], name="who"))
    found = model.explain_outliers(odd)
    assert found.index[0] == "bird 3"
    assert found.index.name == "who"
    assert found.index.equals(odd.index[found["row"]])
    again = model.explain_outliers(odd.rename_axis("row"))
    assert again.index.equals(found.index)
    assert again.index.name is None  # it would be ambiguous
    assert len(model.explain_outliers(odd, threshold=1e-300)) == 0


STRANGE = {
    "text": ("colour", "mauve"),
    "ordered": ("size", "XL"),
    "one level": ("one", "b"),
    "one of text beside none": ("one", "c"),
}


@pytest.fixture(scope="module")
def beside(frame):
    """A model of few columns, one of them constant."""
    small = {"width": 8, "blocks": 1}
    quick = qdist.TabularModel(max_steps=2, members=1, backbone_args=small, random_state=0)
    return quick.fit(rows_of(frame))


def rows_of(frame):
    return frame[["colour", "size", "number"]].assign(one="a")


@pytest.mark.parametrize("nan", ["value", "unknown"])
@pytest.mark.parametrize(("name", "value"), STRANGE.values(), ids=STRANGE)
def test_an_unseen_level_has_no_probability(beside, frame, name, value, nan):
    rows = rows_of(frame).head(8).astype({"size": object})
    odd = rows.copy()
    odd.loc[3, name] = value
    scores = beside.score_samples(odd, nan=nan)
    assert scores[3] == -np.inf
    np.testing.assert_array_equal(
        np.delete(scores, 3), np.delete(beside.score_samples(rows, nan=nan), 3)
    )
    found = beside.explain_outliers(odd, threshold=1.0, nan=nan)
    first = found.iloc[0]
    assert first[["row", "column", "value", "tail"]].tolist() == [3, name, value, "rare"]
    assert first["probability"] == 0
    if name == "one":
        assert first["expected"] == "a"
    else:
        assert first["expected"] in {None, *rows[name]}
        # To the others of its row the cell is unknown, and all other rows are as they were.
        blank = odd.assign(**{name: odd[name].where(odd[name] != value, None)})
        alike = beside.explain_outliers(blank, threshold=1.0, nan="unknown")
        mine, theirs = (f[f["row"] == 3].set_index("column") for f in (found, alike))
        assert mine["probability"]["number"] == pytest.approx(theirs["probability"]["number"])
