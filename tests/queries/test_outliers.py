"""How odd cells are listed; what makes a cell odd is in test_rows.py."""

import pandas as pd


def test_the_list_has_the_index_of_the_rows(model, frame):
    odd = frame.head(30).copy()
    odd.loc[3, "whole"] = 50_000
    odd = odd.set_index(pd.Index([f"bird {k}" for k in range(30)], name="who"))
    found = model.explain_outliers(odd)
    assert found.index[0] == "bird 3"
    assert found.index.name == "who"
    assert found.index.equals(odd.index[found["row"]])
    assert len(model.explain_outliers(odd, threshold=1e-300)) == 0
