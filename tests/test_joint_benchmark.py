"""The scores of the benchmark of joint models, on frames whose scores are known."""

import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import common, joint, joint_fit, joint_frames, joint_report, joint_rivals
from benchmarks import joint_scores as scored


def draw(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return pd.DataFrame(
        {
            "x": x,
            "y": np.where(rng.random(n) < 0.2, np.nan, 3 * x),
            "level": pd.Categorical(np.where(x > 0, "a", rng.choice(["b", None], n))),
            "flag": x > 0,
        }
    )


@pytest.fixture
def frames():
    return draw(400, 0), draw(400, 1)


def test_identical_frames_have_no_error(frames):
    train, rows = frames
    assert scored.pairwise_error(rows, rows) == 0
    # Unbiased: of equal rows the mean over pairs lacks the zeros of the diagonal.
    assert scored.energy_distance(train, rows, rows, seed=0) == pytest.approx(0, abs=0.05)
    assert scored.nearest_ratio(train, rows, rows, seed=0) == pytest.approx(1)


def test_copies_are_seen(frames):
    train, rows = frames
    assert scored.copied(train, train.sample(frac=1, random_state=0)) == 1
    assert scored.copied(train, rows) == 0
    half = pd.concat([train[:100], rows[:100]])
    assert scored.copied(train, half) == 0.5
    assert scored.nearest_ratio(train, rows, train, seed=0) == 0
    # Where most held-out rows are copies too, there is no ratio.
    assert scored.nearest_ratio(train, train, rows, seed=0) is None


def test_a_shifted_column_is_far_and_associated_as_before(frames):
    train, rows = frames
    shifted = rows.assign(x=rows.x + 100 * train.x.std(ddof=0))
    assert scored.pairwise_error(rows, shifted) == 0
    # All pairs of rows are about 100 deviations apart, and rows within a frame as they were.
    found = scored.energy_distance(train, rows, shifted, seed=0)
    assert found == pytest.approx(200, rel=0.03)
    assert scored.nearest_ratio(train, rows, shifted, seed=0) > 100


def test_associations_by_hand():
    frame = pd.DataFrame(
        {
            "x": [1.0, 2.0, 3.0, 4.0],
            "z": [8.0, 4.0, 2.0, np.nan],
            "c": list("aabb"),
            "d": list("uuvv"),
        }
    )
    kinds = {"x": True, "z": True, "c": False, "d": False}
    x_z, x_c, x_d, z_c, _, c_d = scored.associations(frame, kinds)
    assert x_z == pytest.approx(-1)  # ranks 1, 2, 3 against 3, 2, 1
    # Means of ranks 1.5 and 3.5 about 2.5: 4 of a sum of squares of 5.
    assert x_c == x_d == pytest.approx(np.sqrt(4 / 5))
    # Ranks 3, 2 | 1 about 2: 2 * 0.25 + 1 = 1.5 of 2.
    assert z_c == pytest.approx(np.sqrt(1.5 / 2))
    assert c_d == pytest.approx(1)
    # Unassociated levels have 0, a constant is associated with nothing.
    other = frame.assign(d=list("uvuv"), x=1.0)
    assert scored.associations(other, kinds)[[0, 1, 5]] == pytest.approx([0, 0, 0])
    # Pairs: x_z 1, x_c and x_d sqrt(0.8), c_d 1, z_d: ranks 3, 1 | 2 about 2: none of 2.
    expected = (1 + 2 * np.sqrt(0.8) + 1 + np.sqrt(0.75)) / 6
    assert scored.pairwise_error(frame, other) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("target", "measure"), [("flag", "auc"), ("y", "r2"), ("level", "accuracy")]
)
def test_utility_is_that_of_the_law_drawn_from(frames, target, measure):
    pytest.importorskip("lightgbm")
    train, rows = frames
    ask = {"target": target, "measure": measure}
    assert scored.utility(train, rows, **ask) > 0.9
    shuffled = train.assign(**{target: train[target].sample(frac=1, random_state=0).to_numpy()})
    assert scored.utility(shuffled, rows, **ask) < 0.75


def test_one_level_predicts_itself(frames):
    pytest.importorskip("lightgbm")
    train, rows = frames
    assert scored.utility(train[train.flag], rows, target="flag", measure="auc") == 0.5
    found = scored.utility(train[train.flag], rows, target="flag", measure="accuracy")
    assert found == pytest.approx(rows.flag.mean())


def test_frames_go_there_and_back(frames):
    frame = frames[0].assign(n=pd.array([3, None] * 200, dtype="Int32"), cents=[0.25, 7.5] * 200)
    plain = joint_frames.without_gaps(frame)
    assert not plain.isna().any(axis=None)
    assert plain["n"].dtype == np.int64
    assert set(plain["n is missing"]) == {"yes", "no"}
    back = joint_frames.with_gaps(plain, frame)
    assert scored.copied(frame, back) == 1
    assert list(back) == list(frame)
    off = joint_frames.with_gaps(plain.assign(cents=9.0, n=2.8), frame)
    assert set(off.cents) == {7.5}  # the range of the training rows
    assert set(off.n.dropna()) == {3}  # whole


def test_repeated_values_survive_single_precision():
    frame = pd.DataFrame({"rate": np.array([0.0, 0.2, 1 / 3, 1 / 60, 1 / 60])})
    plain = joint_frames.without_gaps(frame)
    single = plain.astype(np.float32).astype(float)
    assert not single.equals(plain)
    pd.testing.assert_frame_equal(joint_frames.with_gaps(single, frame), frame, check_exact=True)
    # What is no training value stays what it is.
    apart = joint_frames.with_gaps(plain + 1e-5, frame).rate
    assert apart[:2].tolist() == [1e-5, 0.2 + 1e-5]


def test_levels_are_counted_through_and_back(frames):
    plain = joint_frames.without_gaps(frames[0])
    coded = joint_rivals.Codes(plain)
    assert np.isfinite(coded.matrix).all()
    pd.testing.assert_frame_equal(coded.rows(coded.matrix), plain, check_dtype=False)


@pytest.mark.parametrize(
    ("each", "most", "found"),
    # 2 seconds, then so many each: 95 of 100 seconds, or the default. Slow ones are tried twice.
    [(1.0, 300, 93), (0.001, 300, 300), (60.0, 300, 1), (40.0, 300, 2)],
)
def test_what_ends_in_time_is_chosen(each, most, found):
    chosen, tries = joint_fit.choose(lambda k: 2 + each * k, seconds=100, most=most)
    assert chosen == found
    assert len(tries) == (3 if each <= 1 else 2)


def test_training_rows_run_as_a_method_of_their_own(tmp_path):
    rows, facts = joint_fit.run("training_rows", draw(50, 0), rows=20, seconds=1, seed=0)
    assert len(rows) == facts["drawn"] == 20
    assert scored.copied(draw(50, 0), rows) == 1


def test_a_method_that_fails_or_does_not_end_is_written_down(tmp_path):
    log = tmp_path / "errors.txt"
    python = [sys.executable, "-c"]
    assert joint.run_limited([*python, "pass"], log, seconds=60) is None
    assert joint.run_limited([*python, "1 / 0"], log, seconds=60) == (
        "ZeroDivisionError: division by zero"
    )
    ended = joint.run_limited([*python, "import time; time.sleep(60)"], log, seconds=0.1)
    assert ended.startswith("took longer than")


def test_held_out_rows_are_not_trained_on_and_targets_are_there():
    assert set(joint_report.NAMES) == set(joint_rivals.METHODS)
    for table in joint.SETS.values():
        train, heldout = table.case.split(pd.DataFrame({"row": np.arange(100_000)}), 0)
        assert not set(train.row) & set(heldout.row)
        assert table.target not in table.without


def result(method, **other):
    return {
        **dict.fromkeys(joint_report.FIELDS, 0.5),
        "set": "adult",
        "method": method,
        "seed": 0,
        "rows": {"train": 100, "heldout": 50, "columns": 3},
        "target": "income",
        "measure": "auc",
        "utility_real": 0.9,
        "copied_heldout": 0.01,
        "drawn": 50,
        "dial": None,
        "packages": {},
        "machine": {"cores": 2, "gpu": False, "memory_gb": 8, "system": "Linux x86_64"},
        "versions": {"torch": "2.13.0"},
        **other,
    }


def test_a_utility_of_trees_that_diverge_is_not_shown():
    flights = {"set": "nycflights13", "measure": "accuracy", "target": "carrier", "utility": 0.34}
    void = [result("qdist", **flights), result("tvae", **flights)]
    text = joint_report.page(void, "")
    assert "| nycflights13 | C2ST |" in text
    assert "| nycflights13 | utility |" not in text
    assert "accuracy of carrier; not measured" in text
    sound = joint_report.page([{**r, "utility_leaf": 1.0} for r in void], "")
    assert "| nycflights13 | utility | 0.340 | 0.340 (TVAE) |" in sound


def test_the_page_says_who_is_ahead_and_who_failed():
    dial = {"name": "epochs", "value": 57, "default": 300, "tries": []}
    failed = {"set": "adult", "method": "arf", "seed": 0, "failed": "ValueError: no"}
    failed |= {"machine": result("arf")["machine"], "versions": {}}
    results = [
        result("qdist", c2st=0.6, utility=0.8),
        result("tvae", c2st=0.55, utility=0.7, dial=dial, packages={"ctgan": "1"}, drawn=40),
        result("training_rows", c2st=0.5, nearest_ratio=None),
        failed,
    ]
    text = joint_report.page(results, "## Notes")
    assert "| adult | C2ST | 0.600 | 0.550 (TVAE) | **no** |" in text
    assert "| adult | utility | 0.800 | 0.700 (TVAE) | yes |" in text
    assert "| TVAE (ctgan 1) | 1 | 57 of 300 epochs; 40 rows drawn | **0.550** |" in text
    assert "| *training rows* | 1 |  | 0.500 |" in text
    assert "- ARF, seed 0: `ValueError: no`" in text
    assert "AUC of income; real rows give 0.900" in text


def test_the_page_says_that_there_is_nothing_yet():
    assert "There are no results yet." in joint_report.page([], "## Notes")


def test_the_committed_page_is_that_of_the_results():
    results = common.read_results(joint_report.RESULTS)
    assert joint_report.PAGE.read_text() == joint_report.page(
        results, joint_report.NOTES.read_text()
    )
