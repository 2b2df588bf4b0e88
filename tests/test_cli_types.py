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
        "zip,ref,paid,grade,wait,x\n010,00017,True,10,90,\n010,00231,True,1,3600,1.5\n"
    )
    out = tmp_path / "out.csv"
    assert main(["impute", model, str(rows), "-o", str(out), "--quiet"]) == 0
    filled = pd.read_csv(out, dtype=str)
    known = ["zip", "ref", "paid", "grade"]
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
