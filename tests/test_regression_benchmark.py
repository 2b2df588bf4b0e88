"""The benchmark of regression: its scores, the tuning of rivals, and its page."""

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks import common, regression_report, regression_rivals
from benchmarks import regression_scores as scoring


def test_scores_by_their_definitions():
    y = np.random.default_rng(0).standard_normal(4000)
    quantiles = np.tile(norm.ppf(scoring.LEVELS), (4000, 1))
    found = scoring.scores(quantiles, y, 0)
    # The mean CRPS of a perfect forecast is E|Y - Y'| / 2 = 1 / sqrt(pi); error of 4000 draws.
    assert found["crps"] == pytest.approx(np.pi**-0.5, abs=0.03)
    assert found["pit_distance"] < 1.95 / 4000**0.5  # exceeded once in a thousand
    assert found["coverage_90"] == pytest.approx(0.9, abs=0.015)
    assert found["width_90"] == pytest.approx(2 * norm.ppf(0.95), rel=1e-3)


def test_pit_lies_in_the_cell_or_the_jump_of_its_observation():
    # Midway between the quantiles at levels 99.5 / 200 and 100.5 / 200: in that cell alone.
    pit = scoring.pit_of(np.tile(np.arange(200.0), (4000, 1)), np.full(4000, 99.5), 0)
    assert 99.5 / 200 <= pit.min() < 99.6 / 200 < 100.4 / 200 < pit.max() <= 100.5 / 200
    # An atom: the randomised PIT is uniform all the same.
    coin = np.arange(4000) % 2
    pit = scoring.pit_of(np.tile((scoring.LEVELS > 0.5) * 1.0, (4000, 1)), coin, 0)
    assert np.histogram(pit, 4, (0, 1))[0] == pytest.approx([1000] * 4, abs=150)


def test_tuning_takes_the_settings_that_are_best_on_rows_held_out(monkeypatch):
    fitted = []

    def rival(x, y, seed, *, shift):
        fitted.append((shift, len(y)))
        law = norm(y.mean() + shift, y.std())
        return lambda x, levels: np.tile(law.ppf(levels), (len(x), 1))

    monkeypatch.setattr(regression_rivals, "RIVALS", {"normal": rival})
    shifts = [{"shift": shift} for shift in (2.0, 0.0, -2.0)]
    monkeypatch.setattr(regression_rivals, "TRIED", {"normal": shifts})
    y = np.random.default_rng(0).standard_normal(100)
    ask = regression_rivals.tuned("normal")(np.zeros((100, 1)), y, 0)
    assert fitted == [(2.0, 80), (0.0, 80), (-2.0, 80), (0.0, 100)]
    np.testing.assert_allclose(ask(np.zeros((3, 1)), np.array([0.5])), y.mean())


def result(method, split, crps, name="power"):
    fields = dict.fromkeys(regression_report._FIELDS, 0.9) | {"crps": crps}
    rows = {"train": 90, "test": 10, "columns": 1}
    return {"set": name, "method": method, "split": split, "rows": rows, **fields}


def test_the_page_keeps_tuned_rivals_apart():
    ours = [result("qdist", split, crps) for split, crps in enumerate((1.0, 2.0, 3.0))]
    theirs = [result("forest", split, crps) for split, crps in enumerate((1.1, 1.9, 3.3))]
    tuned = [result("forest_tuned", 0, 0.5)]
    default, beside = (
        regression_report.shared(part([*ours, *theirs, *tuned]))["power"]
        for part in (regression_report.by_default, regression_report.beside_tuned)
    )
    assert (default.splits("forest"), beside.splits("forest_tuned")) == ([0, 1, 2], [0])
    assert regression_report.ahead(default, "forest") == "2 of 3"
    assert regression_report.ahead(beside, "forest_tuned") == "0 of 1"
    page = regression_report.page([*ours, *theirs, *tuned], "notes")
    # 2 over 2.1 = 0.952 by default; 1 over 0.5 against the tuned one.
    assert "| power | 2 | 2.1 (forest) | 0.952 | 2 of 3 |" in page
    assert "| power | 1 | 0.5 (forest) | 2.000 | 0 of 1 |" in page


def test_the_best_rival_is_best_against_ours_on_its_own_splits():
    ours = [result("qdist", split, crps) for split, crps in enumerate((1.0, 5.0))]
    # The mean of "early" is the least of all, that of the easy split; it loses there all the same.
    theirs = [result("early", 0, 1.2), result("both", 0, 2.0), result("both", 1, 4.0)]
    (found,) = regression_report.duels([*ours, *theirs])
    assert (found.who, found.ours, found.rival) == ("both", 3.0, 3.0)


def test_a_set_on_which_no_rival_was_tuned_has_no_part_in_that_table():
    results = [result(m, 0, 1.0) for m in ("qdist", "forest", "forest_tuned")]
    results += [result(m, 0, 1.0, "wine") for m in ("qdist", "forest")]
    assert list(regression_report.shared(regression_report.beside_tuned(results))) == ["power"]


def test_the_page_is_that_of_the_results():
    results = common.read_results(regression_report.RESULTS)
    if not results:
        pytest.skip("no results yet")
    notes = regression_report.NOTES.read_text()
    assert regression_report.PAGE.read_text() == regression_report.page(results, notes)
