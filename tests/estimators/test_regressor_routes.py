"""The regressor as a user has it: laws, levels, atoms, files, mistakes."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import qdist
from qdist.errors import InputError, NotFittedError
from qdist.estimators import parts, weigh
from qdist.laws import RegressionLaw
from qdist.regression import memory
from qdist.threads import threads

SMALL = {
    "trees": 30,
    "forest": 8,
    "depth": 4,
    "folds": 2,
    "max_steps": 60,
    "network_args": {"width": 16, "layers": 1, "members": 2, "embedding": 4},
    "random_state": 0,
}


def noisy(n=400, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"x": rng.uniform(size=n), "group": rng.choice(["a", "b"], n)})
    X.loc[::17, "x"] = np.nan
    y = X["x"].fillna(0.5) * 3 + (X["group"] == "b") + 0.3 * rng.normal(size=n)
    return X, y.to_numpy()


X, Y = noisy()


@pytest.fixture(scope="module")
def model():
    return qdist.DistributionRegressor(**SMALL).fit(X, Y)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=20),
    st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=5),
)
def test_quantiles_never_cross_however_far_out(model, levels, far):
    frame = pd.DataFrame({"x": far, "group": "a"})
    q = model.predict_quantiles(frame, sorted(levels))
    assert np.isfinite(q[:, [0 < level < 1 for level in sorted(levels)]]).all()
    assert not (q[:, 1:] < q[:, :-1]).any()


def test_two_routes_to_each_number(model):
    law = model.predict_dist(X)
    levels = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(
        model.predict_quantiles(X, levels), law.quantiles(torch.tensor(levels)).numpy(), rtol=1e-9
    )
    np.testing.assert_allclose(model.predict(X), law.mean.numpy(), rtol=1e-9)
    ends = np.stack([end.numpy() for end in law.interval(torch.tensor(0.8))], 1)
    np.testing.assert_allclose(model.predict_interval(X, coverage=0.8), ends, rtol=1e-6)
    # The skill by hand: CRPS of the laws against half of E|Y - Y'|.
    crps = law.crps(torch.tensor(Y)).mean().item()
    marginal = np.abs(Y[:, None] - Y).mean() / 2
    assert model.score(X, Y) == pytest.approx(1 - crps / marginal, rel=1e-9)


def test_it_has_learnt_what_there_is(model):
    fresh, y = noisy(seed=1)
    # The true law has a skill of 1 - 0.3 / sqrt(pi) / (half of E|Y - Y'|) = 0.72 here.
    assert model.score(fresh, y) > 0.55
    low, high = model.predict_interval(fresh, coverage=0.9).T
    # 400 rows: two standard errors are 0.03; the fit is a short one.
    assert 0.8 < ((low <= y) & (y <= high)).mean() <= 1.0


def test_a_target_of_few_values_keeps_to_them():
    grades = np.clip(np.rint(Y), 0, 4)
    law = qdist.DistributionRegressor(**SMALL).fit(X, grades).predict_dist(X)
    drawn = law.sample((20,), generator=torch.Generator().manual_seed(0)).numpy()
    assert set(np.unique(drawn)) <= set(np.unique(grades))
    assert float((law.cdf(torch.tensor(1.5)) - law.cdf(torch.tensor(1.0))).abs().max()) < 1e-9


@pytest.mark.parametrize(("few_values", "keeps"), [(128, True), (39, False), (0, False)])
def test_how_many_values_are_few_can_be_said(few_values, keeps, tmp_path):
    x, y = np.arange(120.0)[:, None], np.arange(120) // 3  # 40 values of 3 rows each
    model = qdist.DistributionRegressor(**{**SMALL, "max_steps": 5}, few_values=few_values)
    law = model.fit(x, y).predict_dist(x[60:62])
    assert bool(torch.isinf(law.log_prob(20.5)).all()) is keeps
    model.save(tmp_path / "m.qdist")
    again = qdist.load(tmp_path / "m.qdist")
    assert again.few_values == few_values
    assert np.array_equal(again.predict_quantiles(x), model.predict_quantiles(x))


def test_a_file_gives_the_same_answers(model, tmp_path):
    model.save(tmp_path / "m.qdist")
    again = qdist.load(tmp_path / "m.qdist")
    np.testing.assert_array_equal(again.predict_quantiles(X), model.predict_quantiles(X))
    assert again.n_steps_ == model.n_steps_


A_B = pd.DataFrame(np.random.default_rng(1).normal(size=(len(Y), 2)), columns=["a", "b"])
NUMBERED = pd.DataFrame(np.random.default_rng(1).normal(size=(len(Y), 2)))
WRONG = {
    "unequal lengths": (lambda m: m.fit(X, Y[:-1]), ValueError, "."),
    "one row": (lambda m: m.fit(X[:1], Y[:1]), InputError, "Expected at least 2 rows"),
    "one row that weighs": (
        lambda m: m.fit(X, Y, sample_weight=np.arange(len(X)) == 3), InputError,
        "at least 2 rows that weigh something; got n_samples = 1",
    ),
    "a feature that stands for a missing one": (
        lambda m: m.fit(X.assign(x=X["x"].fillna(-1e300)), Y), InputError,
        r"size of at most 1e\+200; got 1e\+300 in column 'x'. If it stands for a missing",
    ),
    "columns of numbers in another order": (
        lambda m: m.fit(NUMBERED, Y).predict(NUMBERED[[1, 0]]), InputError,
        "Expected columns in the order of fit, 0, 1; got 1, 0",
    ),
    **{
        f"no columns in {kind}": (
            lambda m, make=make: m.fit(make(), Y), InputError, "a column for each feature",
        )
        for kind, make in {
            "pandas": lambda: pd.DataFrame(index=range(len(Y))), "a dict": dict,
            "arrow": lambda: pa.table({}),
        }.items()
    },
    **{
        f"columns {what}": (
            lambda m, of=of, change=change: m.fit(of, Y).predict(change(of)), InputError,
            f"^Expected {ours}(.|\n)*{theirs}",
        )
        for what, of, change, ours, theirs in (
            ("reversed", A_B, lambda f: f[["b", "a"]], "the columns of fit", "the same order"),
            ("missing", A_B, lambda f: f[["b"]], "the columns of fit", "yet now missing"),
            ("more", A_B, lambda f: f.assign(c=0.0), "the columns of fit", "unseen at fit time"),
            ("twice", A_B, lambda f: f[["a", "a"]], "columns of different names", "2 times"),
            ("fewer", A_B.to_numpy(), lambda x: x[:, :1], "as many features", "has 1"),
            ("in a line", A_B.to_numpy(), np.ravel, r"features of shape \(N, F\)", "2D array"),
        )
    },
    "categories in an array": (
        lambda m: m.fit(np.array([["a", 1.0]] * len(Y), dtype=object), Y), InputError,
        "Expected an array of numbers; got text. Put it into a DataFrame",
    ),
    "before fit": (lambda m: m.predict(X), NotFittedError, "Call fit"),
    "validation by halves": (
        lambda m: m.fit(X, Y, X_val=X), InputError, "Expected X_val and y_val together",
    ),
    "negative weights": (lambda m: m.fit(X, Y, sample_weight=-Y**2), InputError, "Expected"),
    "a level of 2": (
        lambda m: m.fit(X, Y).predict_quantiles(X, [2.0]), InputError, r"Expected quantiles",
    ),
    "three numbers of steps": (
        lambda m: m.set_params(max_steps=[1, 2, 3]).fit(X, Y), InputError, "Expected max_steps",
    ),
    "no copies": (
        lambda m: m.set_params(copies=0).fit(X, Y), InputError, "Expected copies to be a whole",
    ),
    "no trees to speak of": (
        lambda m: m.set_params(trees=-1).fit(X, Y), InputError, "Expected trees to be a whole",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_mistakes_are_told(mistake):
    act, error, words = WRONG[mistake]
    quick = qdist.DistributionRegressor(**{**SMALL, "max_steps": 2, "trees": 2})
    with pytest.raises(error, match=words):
        act(quick)


def test_a_fit_that_fails_leaves_the_earlier_one(model):
    before = model.predict(X)
    with pytest.raises(ValueError, match=r"."):
        model.fit(X, Y[:-1])
    np.testing.assert_array_equal(model.predict(X), before)
    with pytest.raises(ValueError, match=r"."):
        model.fit(np.ones((3, 5)), [1.0, np.nan, 2.0])  # of another width, and without names
    np.testing.assert_array_equal(model.predict(X), before)


def test_a_first_fit_that_fails_leaves_nothing():
    model = qdist.DistributionRegressor(**SMALL)
    with pytest.raises(ValueError, match=r"."):
        model.fit(np.ones((3, 5)), [1.0, np.nan, 2.0])
    assert not hasattr(model, "n_features_in_")


def test_a_fit_interrupted_in_its_first_network_is_saved_and_loaded(tmp_path):
    def interrupt(record):
        raise KeyboardInterrupt

    model = qdist.DistributionRegressor(**SMALL, callbacks=[interrupt]).fit(X, Y)
    assert {record["network"] for record in model.history_} == {"guided"}
    model.set_params(callbacks=()).save(tmp_path / "m.qdist")
    loaded = qdist.load(tmp_path / "m.qdist")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_small_spread_far_from_zero_is_one():
    """Numbers near 1e9 have steps of 1.2e-7; a spread of 1e-4 is a thousand of them."""
    far = 1e9 + 1e-4 * Y
    model = qdist.DistributionRegressor(**SMALL).fit(X, far)
    near = qdist.DistributionRegressor(**SMALL).fit(X, Y)
    assert model.score(X, far) == pytest.approx(near.score(X, Y), abs=0.05)


def test_numbers_of_numpy_are_saved(tmp_path):
    args = {**SMALL["network_args"], "width": np.int64(16)}
    model = qdist.DistributionRegressor(
        **{
            **SMALL,
            "max_steps": np.int64(3),
            "network_args": args,
            "learning_rate": np.float32(1e-3),
        }
    ).fit(X, Y)
    model.save(tmp_path / "m.qdist")
    again = qdist.load(tmp_path / "m.qdist")
    assert again.get_params()["network_args"]["width"] == 16
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_a_table_with_parameters_of_numpy_is_saved(tmp_path):
    frame = pd.DataFrame({"a": Y, "b": Y[::-1]})
    model = qdist.TabularModel(
        max_steps=np.int64(2),
        members=np.int64(1),
        order=frame.columns,
        backbone_args={"width": np.int64(8), "blocks": 1},
        random_state=0,
    ).fit(frame)
    model.save(tmp_path / "m.qdist")
    drawn = qdist.load(tmp_path / "m.qdist").sample(3, random_state=0)
    pd.testing.assert_frame_equal(drawn, model.sample(3, random_state=0))


@pytest.mark.parametrize("number", [1, 2])
def test_batches_change_nothing_but_rounding(model, number, monkeypatch):
    levels = [0.1, 0.5, 0.9]
    whole, means = model.predict_quantiles(X, levels), model.predict(X)
    law = model.predict_dist(X)
    monkeypatch.setattr(parts, "_ROWS", 64)
    monkeypatch.setattr(parts, "_LEAST_ROWS", 8)
    monkeypatch.setattr(weigh, "_ROWS", 5)
    monkeypatch.setattr(memory, "_ROWS", 7)
    with threads(number):
        found = model.predict_quantiles(X, levels)
        np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model.predict(X), means, rtol=1e-5, atol=1e-5)
        values = model.predict_dist(X).icdf(0.3)
        assert torch.allclose(values, law.icdf(0.3), rtol=1e-5, atol=1e-5)
        assert model.predict_quantiles(X[:0], levels).shape == (0, 3)


def test_masks_are_heeded():
    x = np.ma.array(np.random.default_rng(0).normal(size=(80, 2)), mask=False)
    y = np.asarray(x[:, 1]).copy()
    x[::5, 0] = np.ma.masked
    x.data[::5, 0] = 1e30  # what lies under a mask is not looked at
    masked = qdist.DistributionRegressor(**SMALL).fit(x, y)
    plain = qdist.DistributionRegressor(**SMALL).fit(x.filled(np.nan), y)
    np.testing.assert_array_equal(masked.predict(x), plain.predict(x.filled(np.nan)))
    hidden = np.ma.array(y, mask=np.arange(80) < 3)
    with pytest.raises(InputError, match="targets y that are finite numbers"):
        plain.fit(x, hidden)
    with pytest.raises(InputError, match="sample_weight finite"):
        plain.fit(x, y, sample_weight=np.ma.array(np.ones(80), mask=np.arange(80) < 3))


@pytest.mark.parametrize("few", [True, False], ids=["few values", "real"])
def test_laws_that_come_out_check_what_they_are_asked(few):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = rng.integers(0, 3, 60) if few else x[:, 0]
    table = pd.DataFrame({"a": y, "b": x[:, 1]})
    forecast = qdist.DistributionRegressor(max_steps=2, random_state=0).fit(x, y)
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(table)
    for law in (forecast.predict_dist(x), model.predict_dist("a")):
        with pytest.raises(InputError, match=r"levels in \[0, 1\]; got"):
            law.icdf(95)
        with pytest.raises(InputError, match=r"coverage in \[0, 1\]"):
            law.interval(90)
        assert (law.icdf(0.1) <= law.icdf(0.9)).all()


@pytest.mark.parametrize(
    "column",
    [[1e12, *[0.5, 0.25] * 60], [0.0, np.nan] * 60 + [0.0], [False, None] * 60 + [True]],
    ids=["a number far out", "nothing or missing", "false, true or missing"],
)
def test_columns_that_single_precision_would_blur(column, tmp_path):
    x = np.arange(len(column)) / len(column)
    frame = pd.DataFrame({"x": x, "odd": column})
    model = qdist.DistributionRegressor(**SMALL).fit(frame, x)
    new = frame.assign(odd=1.0)
    assert np.isfinite(model.predict(new)).all()
    model.save(tmp_path / "m.qdist")
    again = qdist.load(tmp_path / "m.qdist")
    assert np.array_equal(again.predict(new), model.predict(new))


@pytest.mark.parametrize("y", [[0.3, 0.1 + 0.2, 0.7], [0, 1, 10**8]], ids=["rounding", "far"])
def test_values_of_a_target_that_are_nearly_equal(y):
    x = np.repeat(y, 20)[:, None].astype(float)
    model = qdist.DistributionRegressor(**SMALL).fit(x, x[:, 0])
    assert np.isfinite(model.predict(x)).all()


def test_steps_of_one_network_alone_are_saved(tmp_path):
    x = np.arange(60.0)[:, None]
    model = qdist.DistributionRegressor(**{**SMALL, "max_steps": [None, 2], "trees": 0})
    model.fit(x, x[:, 0], sample_weight=np.ones(60)).save(tmp_path / "m.qdist")
    assert qdist.load(tmp_path / "m.qdist").max_steps == [None, 2]


@pytest.mark.parametrize(
    ("steps", "planned"), [(None, [7, 7]), (3, [3, 3]), ([3, 9], [3, 7])], ids=str
)
def test_epochs_limit_each_network(steps, planned):
    """54 rows that are not held out are one step an epoch; of two limits the lower one counts."""
    x = np.arange(60.0)[:, None]
    model = qdist.DistributionRegressor(**{**SMALL, "max_steps": steps, "max_epochs": 7})
    assert model.fit(x, x[:, 0]).n_steps_ == planned


@pytest.mark.parametrize("make", [dict, lambda c: pa.table(c)], ids=["dict", "arrow"])
def test_columns_named_by_numbers_follow_as_text(make):
    """scikit-learn takes no note of names that are no text; we do."""
    x = np.arange(120.0).reshape(60, 2)
    model = qdist.DistributionRegressor(**SMALL).fit(
        pd.DataFrame(x, columns=[2019, 2020]), x[:, 0]
    )
    own = make({"2019": x[:, 0], "2020": x[:, 1]})
    assert np.array_equal(model.predict(own), model.predict(x))
    with pytest.raises(InputError, match="features of fit in their order"):
        model.predict(make({"0": x[:, 0], "1": x[:, 1]}))


def test_targets_as_arrays_of_arrow():
    x = np.arange(60.0)[:, None]
    flags = [True, False] * 30
    model = qdist.DistributionRegressor(**SMALL).fit(x, pa.array(flags))
    other = qdist.DistributionRegressor(**SMALL).fit(x, np.array(flags))
    assert np.array_equal(model.predict(x), other.predict(x))
    with pytest.raises(InputError, match="targets y that are finite numbers"):
        model.fit(x, pa.array([1.0, None] * 30))


def test_rows_of_many_features_are_asked_a_few_at_a_time(model, monkeypatch):
    whole, sizes = model.predict(X), []
    averages = RegressionLaw.averages

    def counting(law, y):
        sizes.append(len(y))
        return averages(law, y)

    monkeypatch.setattr(weigh, "_CELLS", 10 * 32)
    monkeypatch.setattr(RegressionLaw, "averages", counting)
    np.testing.assert_allclose(model.predict(X), whole, rtol=1e-5)
    assert max(sizes) <= 10
