"""New files are typed by the model that reads them, not by what their few cells look like."""

import numpy as np
import pandas as pd
import pytest

import qdist
from qdist.cli import main

N = 120


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "zip": rng.choice(["010", "10", "K1A"], N),
            "ref": [f"{i:05d}" if i % 2 else f"A{i}" for i in range(N)],
            "paid": rng.choice(["True", "False", "unknown"], N),
            "grade": pd.Categorical(rng.choice([1, 2, 10], N)),
            "size": pd.Categorical(rng.choice(["020", "010"], N), ["020", "010"], ordered=True),
            "at": pd.date_range("2024-03-01", periods=N, freq="h", tz="Asia/Tokyo"),
            "wait": pd.to_timedelta(rng.integers(60, 6000, N), unit="s"),
            "x": rng.normal(size=N),
        }
    )
    path = tmp_path_factory.mktemp("typed") / "m.qdist"
    fitted = qdist.TabularModel(
        max_steps=3, members=1, backbone_args={"width": 8, "blocks": 1}, random_state=0
    )
    fitted.fit(frame).save(path)
    return str(path)


def test_known_cells_stay_as_they_were(model, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "zip,ref,paid,grade,size,wait,x,at\n010,00017,True,10,010,90,,\n"
        "010,00231,True,1,020,3600,1.5,2024-03-02 12:00:00+09:00\n"
    )
    out = tmp_path / "out.csv"
    assert main(["impute", model, str(rows), "-o", str(out), "--quiet"]) == 0
    filled = pd.read_csv(out, dtype=str)
    known = ["zip", "ref", "paid", "grade", "size"]
    expected = pd.read_csv(rows, dtype=str)
    pd.testing.assert_frame_equal(filled[known], expected[known])
    assert filled["wait"].astype(float).tolist() == [90.0, 3600.0]
    assert filled["x"].notna().all()


def test_a_row_scores_alike_in_any_file(model, tmp_path):
    loaded = qdist.load(model)
    drawn = loaded.sample(6, given={"zip": "010", "paid": "True"}, random_state=0)
    expected = loaded.score_samples(drawn)
    assert main(["sample", model, "-n", "6", "--given", "zip=010,paid=True", "--seed", "0", "-o",
                 str(tmp_path / "s.csv"), "--quiet"]) == 0  # fmt: skip
    assert main(["score", model, str(tmp_path / "s.csv"), "-o", str(tmp_path / "d.csv")]) == 0
    found = pd.read_csv(tmp_path / "d.csv")["log_density"].to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_quantiles_of_times_are_in_the_zone_of_their_column(model, tmp_path):
    out = tmp_path / "q.csv"
    words = ["quantiles", model, "--column", "at", "-q", "0,0.2,0.4999999,0.5", "-o", str(out)]
    assert main([*words, "--quiet"]) == 0
    found = pd.read_csv(out)
    assert list(found) == ["q0", "q0.2", "q0.4999999", "q0.5"]
    loaded = qdist.load(model)
    for level in (0.2, 0.5):
        text = found[f"q{level}"][0]
        assert text.endswith("+0900")
        # One of 120 times, an hour apart; nine hours would be more than 0.07.
        assert loaded.cdf("at", pd.Timestamp(text))[0] == pytest.approx(level, abs=0.02)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--column", "x", "-q", "0.5,0.5"], "expected levels that differ; got 0.5,0.5"),
        (["--column", "at", "--given", "x=nan"], "Expected a value of kind number"),
    ],
)
def test_what_cannot_be_meant_is_refused(model, capsys, words, text):
    assert main(["quantiles", model, *words]) > 0
    assert text in capsys.readouterr().err
