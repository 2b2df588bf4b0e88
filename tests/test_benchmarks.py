"""The benchmarks judge by the rules of the package, and their page is that of their results."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scoringrules
from scipy import stats

from benchmarks import (
    c2st,
    common,
    image_sampling,
    image_training_report,
    imputation,
    imputation_report,
    overview,
    precision_report,
    queries,
    queries_report,
    report,
    table_width_report,
)
from benchmarks.duels import duel
from benchmarks.known_laws import LAWS
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


@pytest.mark.parametrize(
    "report",
    [
        queries_report,
        imputation_report,
        table_width_report,
        image_training_report,
        precision_report,
    ],
    ids=lambda m: m.__name__,
)
def test_the_other_committed_pages_are_those_of_their_results(report):
    folder = report.NOTES.stem
    results = common.read_results(common.RESULTS / folder)
    if not results:
        pytest.skip("no results yet")
    assert report.PAGE.read_text() == report.page(results, report.NOTES.read_text())


def test_the_overview_is_that_of_the_results():
    made = overview.page(lambda name: common.read_results(common.RESULTS / name))
    assert overview.PAGE.read_text() == made
    lines = overview.summary(lambda name: common.read_results(common.RESULTS / name))
    readme = overview.README.read_text()
    assert overview.with_summary(readme, lines) == readme


def test_the_summary_has_the_mean_of_all_sets_and_the_worst():
    def read(name):
        scores = {"adult": (0.6, 0.7), "nycflights13": (0.8, 0.7)} if name == "joint" else {}
        return [
            {"set": s, "method": m, "seed": 0, "c2st": c, "measure": "auc"}
            for s, pair in scores.items()
            for m, c in zip(("qdist", "tvae"), pair, strict=True)
        ]

    # 0.1 / 0.2 and 0.3 / 0.2: the root of 0.5 * 1.5 is 0.866.
    (row,) = (line for line in overview.summary(read).splitlines() if "C2ST" in line)
    assert row.endswith("| 1 of 2 | 0.87 | 1.50 |")


def test_a_duel_is_with_the_best_rival():
    errors = duel("adult", "c2st", {"qdist": 0.6, "a": 0.9, "b": 0.5, "c": None}, min)
    assert (errors.who, errors.rival, errors.ahead) == ("b", 0.5, False)
    assert errors.ratio == pytest.approx(1.2)
    speed = duel("adult", "rows", {"qdist": 5.0, "a": 2.0, "b": 4.0}, max)
    assert (speed.who, speed.ahead) == ("b", True)
    assert duel("adult", "c2st", {"qdist": 0.6}, min) is None
    assert duel("adult", "c2st", {"a": 0.6}, min) is None


def test_the_overview_without_results_is_a_page():
    assert "# At a glance" in overview.page(lambda name: [])


@pytest.mark.parametrize(
    ("name", "k"), [(name, k) for name, law in LAWS.items() for k in range(len(law.questions))]
)
def test_the_true_conditional_laws_are_those_of_the_draws(name, k):
    """The levels F(y | given), randomised where y has an atom, are uniform, on every half too."""
    law, rng = LAWS[name], np.random.default_rng(1)
    rows, question = law.draw(rng, 600), law.questions[k]
    y = rows[question.column].to_numpy(dtype=float)
    upto, below = (np.diag(question.cdf(y - shift, rows)) for shift in (0, 1e-9))
    levels = below + rng.random(len(y)) * (upto - below)
    first = rows[question.given[0]].to_numpy()
    half = first == "a" if first.dtype == object else first > np.median(first)
    for part in (levels, levels[half], levels[~half]):
        assert stats.kstest(part, "uniform").pvalue > 1e-4


def test_the_truth_has_no_regret_and_a_wrong_answer_has_some():
    law = LAWS["zero or log-normal"]
    rows, (question,) = law.draw(np.random.default_rng(0), 300), law.questions

    class Answer:
        def __init__(self, shift):
            self.shift = shift

        def cdf(self, column, points, *, given):
            return question.cdf(points, given + self.shift)

    assert queries.regret(Answer(0.0), question, rows, n_points=300)["regret"] == 0
    assert queries.regret(Answer(1.0), question, rows, n_points=300)["regret"] > 0.05


def test_levels_are_judged_by_kolmogorov():
    levels = np.random.default_rng(0).random(500)
    assert queries.kolmogorov(levels) == pytest.approx(stats.kstest(levels, "uniform").statistic)


@pytest.mark.parametrize("pattern", imputation.PATTERNS)
def test_a_fifth_of_the_cells_is_hidden(pattern):
    hidden = imputation.mask((4000, 15), pattern, 0)
    # 600 blocks of 7 cells, or 12,000 cells: four deviations of either
    assert hidden.mean() == pytest.approx(0.2, abs=0.016)
    if pattern == "blocks":
        assert set(hidden.sum(1)) == {0, 7}


def test_the_fair_crps_is_that_of_scoringrules():
    rng = np.random.default_rng(0)
    draws, truth = rng.normal(size=(7, 20)), rng.normal(size=20)
    expected = scoringrules.crps_ensemble(truth, draws.T, estimator="fair")
    np.testing.assert_allclose(imputation.fair_crps(draws, truth), expected)
    np.testing.assert_allclose(imputation.fair_crps(draws[:1], truth), np.abs(draws[0] - truth))


@pytest.mark.parametrize("atoms", [False, True], ids=["continuous", "atoms"])
def test_the_rank_of_a_truth_among_draws_that_are_like_it_is_uniform(atoms):
    rng = np.random.default_rng(0)
    both = rng.integers(0, 3, (51, 20_000)) if atoms else rng.normal(size=(51, 20_000))
    rank = imputation.rank_among(both[1:], both[0], seed=1)
    # 1.95 / sqrt(n): once in a thousand
    assert stats.kstest(rank, "uniform").statistic < 1.95 / 20_000**0.5


def test_imputations_are_scored_where_cells_were_hidden():
    truth = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "c": pd.Categorical(list("abab"))})
    hidden = np.array([[True, True], [False, True], [True, False], [False, False]])
    wrong = truth.assign(x=[1.0, 9.0, 2.0, 9.0], c=pd.Categorical(list("aaba"), ["a", "b"]))
    found = imputation.score(truth, hidden, [wrong])
    # errors 1 and 0 in units of the deviation of 0, 1, 2, 3; one of two levels right
    assert found["mae"] == pytest.approx(0.5 / np.std([0, 1, 2, 3], ddof=1))
    assert found["accuracy"] == 0.5
    assert found["coverage"] is None


def filled(method, crps, coverage, seed=0):
    column = {"column": "x", "cells": 900, "mae": 1.0, "crps": crps, "coverage": coverage}
    facts = {"set": "adult", "pattern": "cells", "method": method, "seed": seed, "seconds": 9.0}
    scores = {"crps": crps, "mae": 1.0, "coverage": coverage, "accuracy": 0.5}
    return {**facts, **scores, "draws": 50, "columns": [column, column]}


def test_the_page_of_imputation_says_what_is_missed(monkeypatch):
    monkeypatch.setattr(imputation_report, "machine_text", lambda results: "")
    # Of two columns of 900 cells: 2 ((0.9 0.1 / 900 + 0.9 0.1 / 900) ^ 1/2) / 2 = 0.0141.
    assert imputation_report.margin([filled("qdist", 0.2, 0.9)]) == pytest.approx(0.0141, abs=1e-4)
    rival = filled("miceforest", 0.25, 0.87)
    well = imputation_report.page([filled("qdist", 0.2, 0.93), rival], "")
    assert "| 0.800 | 0.930 | 0.012 |" in well
    assert "missed" not in well
    badly = imputation_report.page([filled("qdist", 0.3, 0.95), rival], "")
    assert "**1.200, missed** | **0.950, missed**" in badly
    both = [filled("qdist", 0.2, 0.9), filled("qdist", 0.24, 0.9, seed=1), rival]
    assert "**0.220 ± 0.028**" in imputation_report.page(both, "")


def test_an_imputer_that_fails_is_written_down(monkeypatch):
    def broken(frame, seed):
        raise ValueError(f"no `{seed}`\nat all")

    truth = pd.DataFrame({"x": np.arange(10.0), "c": pd.Categorical(list("ab") * 5)})
    monkeypatch.setattr(imputation, "load", lambda name, seed: truth)
    monkeypatch.setitem(imputation.METHODS, "miceforest", broken)
    failed = imputation.measure("adult", "cells", "miceforest", 3)
    assert failed["failed"] == "ValueError: no `3` at all"
    monkeypatch.setattr(imputation_report, "machine_text", lambda results: "")
    text = imputation_report.page([filled("qdist", 0.2, 0.9), filled("knn", 0.3, 0.9), failed], "")
    assert "- miceforest on adult, seed 3: `ValueError: no '3' at all`" in text
    assert "| adult | miceforest |" not in text
    assert "0.3000 (nearest neighbours)" in text
    assert "Did not end" not in imputation_report.page([filled("qdist", 0.2, 0.9)], "")


def sampling(case, ratio):
    return {
        "case": vars(case),
        "times": 7,
        "sample_ms": 1000.0 * ratio,
        "forward_ms": 1000.0,
        "with_head_ms": 1250.0,
        "ratio": ratio,
        "ratio_with_head": ratio / 1.25,
        "speed_up": 784 / ratio,
        "peak_mb": 12.0,
        "load": 0.5,
        "machine": {"cores": 2, "gpu": False, "memory_gb": 8, "system": "Linux x86_64"},
        "versions": {"python": "3.11", "torch": "2.13.0", "numpy": "2.4"},
    }


def test_the_page_of_the_sampler_says_what_was_missed():
    first, second = image_sampling.CASES[:2]  # at most 1.5, at most 1.0
    text = image_sampling.page([sampling(second, 1.2), sampling(first, 1.4)], "## Notes")
    assert "| 2 | at most 1.5 | 1.40 | 1.12 | yes |" in text
    assert "| 2 | at most 1.0 | 1.20 | 0.96 | **no** |" in text
    assert "| 2 | at most 2.0 | not measured | | |" in text
    assert "| 1,400 | 1,000 | 1,250 | 1.40 | 560 times faster | 12 | 0.5 |" in text
    assert text.index("64 of 28 x 28 x 1") < text.index("256 of 28 x 28 x 1")


def test_a_case_of_the_sampler_runs():
    case = image_sampling.Case(2, 4, 3, 6, 2, head="implicit", levels="blocks", threads=1)
    result = image_sampling.run(case, times=1)
    assert result["values"] == 48
    assert result["ratio"] == pytest.approx(result["sample_ms"] / result["forward_ms"])
    assert result["speed_up"] == pytest.approx(48 / result["ratio"])
    assert result["forward_ms"] <= result["other_layout_ms"]
    assert result["ratio_with_head"] == pytest.approx(result["sample_ms"] / result["with_head_ms"])
    assert 0 < result["with_head_ms"] <= result["other_with_head_ms"]


def test_the_page_of_the_sampler_is_that_of_the_results():
    results = common.read_results(image_sampling.FOLDER)
    if not results:
        pytest.skip("no results yet")
    notes = image_sampling.NOTES.read_text()
    assert image_sampling.PAGE.read_text() == image_sampling.page(results, notes)
