"""The picture of the marginals: what it draws is what the tables hold."""

import io
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest

from qdist.errors import ExtraMissingError, InputError, UnknownNameError
from qdist.plots import marginals

RNG = np.random.default_rng(0)
REAL = pd.DataFrame(
    {
        "x": RNG.standard_normal(200),
        "n": RNG.integers(0, 4, 200),
        "s": RNG.choice(["a", "b", "c"], 200),
        "t": pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 99, 200), unit="D"),
        "empty": [None] * 200,
    }
)
REAL.loc[:49, "x"] = np.nan  # a quarter
REAL.loc[:19, "s"] = None


def bars(axes):
    """Heights of the plain bars of each side, and of the hatched ones."""
    plain = [p.get_height() for p in axes.patches if hasattr(p, "get_x") and not p.get_hatch()]
    hatched = [p.get_height() for p in axes.patches if p.get_hatch()]
    return plain, hatched


def test_one_plot_for_each_column_in_order():
    figure = marginals(REAL, REAL[::2])
    assert [axes.get_title() for axes in figure.axes] == list(REAL.columns)
    assert [text.get_text() for text in figure.legends[0].texts] == ["real", "synthetic"]
    chosen = marginals(REAL, REAL[::2], columns=["s", "x"], n_across=1)
    assert [axes.get_title() for axes in chosen.axes] == ["s", "x"]


def test_it_can_be_written(untouched_rng):
    file = io.BytesIO()
    marginals(REAL, pl.from_pandas(REAL)).savefig(file, format="png", dpi=40)
    assert file.getvalue().startswith(b"\x89PNG")
    assert plt.get_fignums() == []  # nothing is left open


def test_a_histogram_holds_every_known_cell():
    far = REAL[["x"]].assign(x=lambda frame: frame.x + 100)  # beyond the range of the real one
    axes = marginals(REAL[["x"]], far).axes[0]
    known = [patch.get_data().values.sum() for patch in axes.patches if hasattr(patch, "get_data")]
    assert known == pytest.approx([0.75, 0.75])
    assert bars(axes)[1] == pytest.approx([0.25, 0.25])


def test_bars_are_shares_of_all_rows():
    plain, hatched = bars(marginals(REAL, REAL, columns=["s"]).axes[0])
    counts = REAL.s.value_counts()
    assert plain == pytest.approx([*(counts / 200), *(counts / 200)])  # the most frequent first
    assert hatched == pytest.approx([0.1, 0.1])


def test_few_numbers_are_bars_in_their_order():
    axes = marginals(REAL, REAL, columns=["n"]).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2", "3"]
    shares = REAL.n.value_counts(normalize=True).sort_index()
    assert bars(axes)[0][:4] == pytest.approx(list(shares))


def test_other_levels_share_a_bar():
    axes = marginals(REAL, REAL, columns=["s"], max_levels=2).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()][-1] == "other"
    assert bars(axes)[0][2] == pytest.approx(REAL.s.value_counts().iloc[-1] / 200)


def test_levels_that_only_the_sample_has_are_seen():
    axes = marginals(REAL[["s"]], pd.DataFrame({"s": ["new"] * 10})).axes[0]
    assert "new" in [label.get_text() for label in axes.get_xticklabels()]


def test_a_column_of_holes_is_a_bar_of_missing():
    plain, hatched = bars(marginals(REAL, REAL, columns=["empty"]).axes[0])
    assert (plain, hatched) == ([], [1.0, 1.0])


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"columns": ["x", "z"]}, UnknownNameError, r"got \['z'\]"),
        ({"columns": []}, InputError, "at least one column"),
        ({"bins": 0}, InputError, "of at least 1; got 0, 12 and 4"),
    ],
)
def test_what_cannot_be_drawn(options, error, text):
    with pytest.raises(error, match=text):
        marginals(REAL, REAL, **options)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'qdist\[plot\]'"):
        marginals(REAL, REAL)


def test_dollars_are_dollars():
    frame = pd.DataFrame({"$a$": ["$0 - $25,000", "$50k_$75k_"] * 20})
    axes = marginals(frame, frame).axes[0]
    assert not axes.title.get_parse_math()
    assert not any(label.get_parse_math() for label in axes.get_xticklabels())
    marginals(frame, frame).savefig(io.BytesIO())
