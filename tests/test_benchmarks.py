"""The benchmarks judge by the rules of the package, and their page is that of their results."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import c2st, common, report
from benchmarks.tables import CASES
from qdist.evaluate import evaluate


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(300) < 0.2, np.nan, rng.standard_normal(300)),
            "s": pd.Categorical(rng.choice(["a", "b", None], 300)),
            "b": rng.random(300) < 0.5,
            "t": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, 300), unit="D"),
        }
    )
    return frame[:100], frame[100:]


def test_both_judges_agree_on_marginals(frames):
    expected = evaluate(*frames).marginal_error
    assert c2st.marginal_error(*frames) == pytest.approx(expected)


def test_lightgbm_sees_a_shift_and_nothing_else(frames):
    pytest.importorskip("lightgbm")
    real, other = frames
    assert c2st.lightgbm_c2st(real, other.assign(x=other.x + 9)) > 0.85
    assert abs(c2st.lightgbm_c2st(real, other) - 0.5) < 0.2  # 4 deviations: m = 33


def test_a_bootstrap_of_the_rows_themselves_is_close(frames):
    real = frames[0]
    # Each of 100 draws: below 1.95 / sqrt(100), but once in a thousand.
    assert 0 < c2st.bootstrap_error(real, real, 0) < 0.195
    assert c2st.bootstrap_error(real, real, 0) == c2st.bootstrap_error(real, real, 0)


def test_held_out_rows_are_not_trained_on():
    frame = pd.DataFrame({"row": np.arange(50_000)})
    for case in CASES.values():
        train, heldout = case.split(frame, 0)
        assert not set(train.row) & set(heldout.row)
        assert len(heldout) <= len(train)


def result(name, seed):
    numbers = ("c2st", "marginal_error", "bootstrap_error", "fit_seconds", "peak_memory_gb")
    return dict.fromkeys(numbers, 0.5 + 0.01 * seed) | {
        "set": name,
        "seed": seed,
        "rows": {"train": 100, "heldout": 50, "columns": 3},
        "marginal_ratio": 1.0 + seed,
        "n_steps": 10,
        "parameters": 1000,
        "sample_rows_per_second": 12_000.0,
        "sample_batch": 20_000,
        "profile_seconds": {"forward": 1.0, "backward": 2.0, "step": 0.5, "total": 4.0},
        "outside_share": 0.125,
        "machine": {"cores": 2, "gpu": False, "memory_gb": 8, "system": "Linux x86_64"},
        "versions": {"torch": "2.13.0"},
    }


def test_the_page_says_what_was_asked_and_got(tmp_path):
    for seed in range(3):
        common.write_json(tmp_path / f"adult-{seed}.json", result("adult", seed))
    text = report.page(common.read_results(tmp_path), "## Notes\n\nAs they are.")
    assert "| adult: C2ST | at most 0.550 | 0.510 | 0.500, 0.510, 0.520 | yes |" in text
    assert "| at most 1.20 | 2.00 | 1.00, 2.00, 3.00 | **no** |" in text
    assert "| at least 10,000 | 12,000 |" in text
    assert "california_housing: C2ST | at most 0.570 | not measured |" in text
    assert "| adult | 25.0% | 50.0% | 12.5% | 12.5% | 4 s |" in text
    assert "As they are." in text
    assert "Two cores, no GPU, 8 GB of memory" in text


def test_files_are_whole_or_absent(tmp_path):
    path = tmp_path / "folder" / "a.json"
    common.write_json(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}
    with pytest.raises(TypeError):
        common.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


def test_the_committed_page_is_that_of_the_results():
    results = common.read_results(Path(common.RESULTS) / "tables")
    if not results:
        pytest.skip("no results yet")
    assert report.PAGE.read_text() == report.page(results, report.NOTES.read_text())


def test_scores_of_regressions_by_their_definitions():
    from scipy.stats import norm

    from benchmarks import regression

    y = np.random.default_rng(0).standard_normal(4000)
    quantiles = np.tile(norm.ppf(regression.LEVELS), (4000, 1))
    found = regression.scores(quantiles, y, 0)
    # The mean CRPS of a perfect forecast is E|Y - Y'| / 2 = 1 / sqrt(pi); error of 4000 draws.
    assert found["crps"] == pytest.approx(np.pi**-0.5, abs=0.03)
    assert found["pit_distance"] < 1.95 / 4000**0.5  # exceeded once in a thousand
    assert found["coverage_90"] == pytest.approx(0.9, abs=0.015)
    assert found["width_90"] == pytest.approx(2 * norm.ppf(0.95), rel=0.02)
    # An atom: the randomised PIT is uniform all the same.
    coin = np.arange(4000) % 2
    pit = regression.pit_of(np.tile((regression.LEVELS > 0.5) * 1.0, (4000, 1)), coin, 0)
    assert np.histogram(pit, 4, (0, 1))[0] == pytest.approx([1000] * 4, abs=150)


def test_the_page_of_regressions_is_that_of_the_results():
    from benchmarks import regression_report as made

    results = common.read_results(made.RESULTS)
    if not results:
        pytest.skip("no results yet")
    assert made.PAGE.read_text() == made.page(results, made.NOTES.read_text())
