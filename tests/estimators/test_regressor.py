"""The regressor: its laws, what it takes, its seeds and its files."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import qdist
from qdist.errors import FileFormatError, InputError
from tests.estimators.test_files import rewrite

SMALL = {
    "trees": 30,
    "forest": 8,
    "depth": 3,
    "folds": 3,
    "max_steps": 40,
    "network_args": {"width": 16, "layers": 2, "members": 3, "embedding": 4, "knots": 12},
    "random_state": 0,
}


def data(n=200):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(n, 2))
    return x, x[:, 0] + (0.1 + 0.2 * (x[:, 1] > 0)) * rng.normal(size=n)


@pytest.fixture(scope="module")
def model():
    return qdist.DistributionRegressor(**SMALL).fit(*data())


@pytest.fixture(scope="module")
def counts():
    """A target of three values, 0, 1 and 5."""
    x, _ = data()
    return qdist.DistributionRegressor(**SMALL).fit(
        x, np.array([0, 1, 5])[np.digitize(x[:, 0], [-0.3, 0.3])]
    )


FAR = st.sampled_from([-1e30, -1e3, -1.0, 0.3, 2.0, 1e30, np.nan])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9), st.tuples(FAR, FAR))
def test_levels_never_cross(model, levels, x):
    q = model.predict_quantiles([x], sorted(levels))
    assert not np.isnan(q).any()
    assert (q[:, 1:] >= q[:, :-1]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_levels_never_cross_in_short_digits(model, dtype):
    other = copy.deepcopy(model)
    for copies in other._parts.networks.values():
        for law in copies:
            law.to(dtype)
    levels = np.random.default_rng(0).uniform(size=500)
    levels.sort()
    inner = levels[(levels > 0.001) & (levels < 0.999)]
    q = other.predict_quantiles([[0.1, 0.2], [1e30, -1e30], [-7.0, 7.0]], inner)
    assert (np.diff(q) >= 0).all()
    assert (np.diff(q[:, [0, -1]]) > 0).all()


def test_the_law_agrees_with_itself(model):
    x, y = data()
    law = model.predict_dist(x)
    assert law.batch_shape == (200,)
    assert law.dtype == torch.float64
    assert np.allclose(model.predict(x), law.mean)
    assert np.allclose(model.predict_quantiles(x, 0.25), law.icdf(0.25))
    ends = model.predict_interval(x, 0.8)
    assert np.allclose(law.cdf(torch.tensor(ends.T)).T, [0.1, 0.9])
    assert (law.log_prob(torch.tensor(y)) > -torch.inf).all()
    # The skill by its definition: 1 - CRPS / (E|Y - Y'| / 2).
    marginal = np.abs(y[:, None] - y).mean() / 2
    skill = 1 - float(law.crps(torch.tensor(y)).mean()) / marginal
    assert model.score(x, y) == pytest.approx(skill)
    assert skill > 0.5


def test_the_spread_follows_the_features():
    settings = {**SMALL, "copies": 1, "max_steps": 600}
    model = qdist.DistributionRegressor(**settings).fit(*data(600))
    low, high = model.predict_interval([[0.0, -0.8], [0.0, 0.8]]).T
    assert high[1] - low[1] > 1.3 * (high[0] - low[0])  # three times, in truth


def test_a_target_of_few_values_keeps_to_them(counts):
    x, _ = data()
    q = counts.predict_quantiles(x, np.linspace(0, 1, 41))
    assert set(np.unique(q)) <= {0.0, 1.0, 5.0}
    law = counts.predict_dist(x)
    assert torch.allclose(sum(law.log_prob(v).exp() for v in (0.0, 1.0, 5.0)), torch.tensor(1.0))
    assert float(law.log_prob(torch.tensor(5.0))[x[:, 0].argmax()].exp()) > 0.5


def test_several_targets():
    x, y = data()
    both = np.stack([y, -10 * y], -1)
    model = qdist.DistributionRegressor(**SMALL).fit(x, both)
    assert model.predict(x).shape == (200, 2)
    assert model.predict_quantiles(x, [0.1, 0.5, 0.9]).shape == (200, 2, 3)
    assert model.predict_interval(x).shape == (200, 2, 2)
    assert [law.batch_shape for law in model.predict_dist(x)] == [(200,), (200,)]
    assert np.corrcoef(model.predict(x).T)[0, 1] < -0.9


def mixed(n=200):
    x, y = data(n)
    hue = np.where(x[:, 0] > 0, "red", "blue").astype(object)
    hue[::17] = None
    size = x[:, 1].copy()
    size[::11] = np.nan
    return {"hue": list(hue), "size": list(size)}, y


MAKES = {"dict": dict, "pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_frames_of_any_make(make):
    frame, y = mixed()
    model = qdist.DistributionRegressor(**SMALL).fit(make(frame), y)
    expected = qdist.DistributionRegressor(**SMALL).fit(frame, y).predict(frame)
    assert np.array_equal(model.predict(make(frame)), expected)
    assert list(model.feature_names_in_) == ["hue", "size"]
    assert model.score(make(frame), y) > 0.2
    # A level that was never seen counts as missing.
    assert np.allclose(
        model.predict(make({"hue": ["green"], "size": [0.1]})),
        model.predict(make({"hue": [None, "red"], "size": [0.1, 0.1]}))[:1],
    )


def test_missing_is_a_value():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 1))
    x[:100] = np.nan
    y = np.where(np.isnan(x[:, 0]), 5.0, 0.0) + 0.1 * rng.normal(size=300)
    model = qdist.DistributionRegressor(**SMALL).fit(x, y)
    assert model.predict([[np.nan], [0.0]]) == pytest.approx([5, 0], abs=0.7)


def test_the_same_seed_gives_the_same_fit(model, untouched_rng):
    x, _ = data()
    again = qdist.DistributionRegressor(**SMALL).fit(*data())
    levels = np.linspace(0.01, 0.99, 9)
    assert np.array_equal(again.predict_quantiles(x, levels), model.predict_quantiles(x, levels))
    other = qdist.DistributionRegressor(**{**SMALL, "random_state": 1}).fit(*data())
    assert not np.array_equal(other.predict(x), model.predict(x))


def test_rows_without_weight_do_not_count(model):
    x, y = data()
    weight = np.r_[np.ones(200), np.zeros(50)]
    more = qdist.DistributionRegressor(**SMALL).fit(
        np.r_[x, x[:50]], np.r_[y, np.full(50, 1e6)], sample_weight=weight
    )
    assert np.array_equal(more.predict(x), model.predict(x))


@pytest.mark.parametrize("trees", [0, 20], ids=["networks and forest", "trees as well"])
def test_a_law_is_that_of_the_weights(trees):
    """Features say nothing: 200 rows at -1 of weight 9, 200 at 1 of weight 1. P(y > 0) = 0.1."""
    rng = np.random.default_rng(0)
    side = np.tile([-1.0, 1.0], 200)
    y = side + 0.05 * rng.normal(size=400)
    model = qdist.DistributionRegressor(**{**SMALL, "trees": trees, "max_steps": 150})
    model.fit(rng.normal(size=(400, 2)), y, sample_weight=np.where(side < 0, 9.0, 1.0))
    x = rng.normal(size=(200, 2))
    assert model.predict(x).mean() == pytest.approx(-0.8, abs=0.2)  # without weights 0
    assert np.median(model.predict_quantiles(x, 0.7)) < -0.5  # without weights 0.9


def test_rows_for_validation_can_be_given():
    x, y = data()
    model = qdist.DistributionRegressor(**SMALL).fit(
        x[:150], y[:150], X_val=x[150:], y_val=y[150:]
    )
    assert model.score(x[150:], y[150:]) > 0.4
    with pytest.raises(InputError, match="Expected X_val and y_val together"):
        qdist.DistributionRegressor(**SMALL).fit(x, y, X_val=x)


@pytest.mark.parametrize("kind", ["model", "counts"])
def test_a_loaded_model_is_the_same(kind, request, tmp_path):
    model = request.getfixturevalue(kind)
    x, _ = data()
    model.save(tmp_path / "m.qdist")
    loaded = qdist.load(tmp_path / "m.qdist")
    levels = np.linspace(0.01, 0.99, 9)
    assert np.array_equal(loaded.predict_quantiles(x, levels), model.predict_quantiles(x, levels))
    assert loaded.get_params() == model.get_params()
    loaded.save(tmp_path / "again.qdist")
    assert (tmp_path / "m.qdist").read_bytes() == (tmp_path / "again.qdist").read_bytes()


def test_a_loaded_model_of_a_frame_is_the_same(tmp_path):
    frame, y = mixed()
    model = qdist.DistributionRegressor(**SMALL).fit(frame, y)
    model.save(tmp_path / "m.qdist")
    assert np.array_equal(qdist.load(tmp_path / "m.qdist").predict(frame), model.predict(frame))


def test_trees_that_ask_about_nothing_are_refused(model, tmp_path):
    model.save(tmp_path / "m.qdist")

    def spoil(weights):
        weights["trees.0.feature"] = weights["trees.0.feature"] + 7

    rewrite(tmp_path / "m.qdist", weights=spoil)
    with pytest.raises(FileFormatError, match="Expected the tensors of trees"):
        qdist.load(tmp_path / "m.qdist")


def copies():
    """Rows that occur twice, whose targets the features explain in no other way."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(150, 2)), rng.normal(size=150)
    return np.r_[x, x], np.r_[y, y]


@pytest.mark.parametrize("few", [False, True], ids=["many values", "few values"])
def test_rows_that_occur_again_are_remembered(few, tmp_path):
    x, y = copies()
    y = np.digitize(y, [-0.5, 0.5]) * 2.0 if few else y
    settings = {**SMALL, "validation_fraction": 0.3}
    model = qdist.DistributionRegressor(**settings).fit(x, y)
    without = qdist.DistributionRegressor(**{**settings, "forest": 0}).fit(x, y)
    # Of the held-out rows about seven in ten have a copy among the others.
    assert model.shares_[0][-1] > 0.4
    assert without.shares_[0][-1] == 0
    assert sum(model.shares_[0]) == pytest.approx(1)
    assert model.score(x, y) > without.score(x, y) + 0.2
    assert any(name.startswith("memory.") for name in model._parts.tensors())
    assert not any(name.startswith("memory.") for name in without._parts.tensors())
    model.save(tmp_path / "m.qdist")
    loaded = qdist.load(tmp_path / "m.qdist")
    levels = np.linspace(0.01, 0.99, 9)
    assert np.array_equal(loaded.predict_quantiles(x, levels), model.predict_quantiles(x, levels))
    if few:
        assert set(np.unique(model.predict_quantiles(x, levels))) <= {0.0, 2.0, 4.0}


def test_without_held_out_rows_there_is_no_forest():
    model = qdist.DistributionRegressor(**{**SMALL, "validation_fraction": 0}).fit(*copies())
    assert model.shares_ == [[0.5, 0.5, 0.0]]


def test_a_constant_target_and_a_constant_feature():
    x, y = data(40)
    # Equal rows differ by the rounding of float32, which depends on the place in a batch.
    assert np.ptp(qdist.DistributionRegressor(**SMALL).fit(0 * x, y).predict(x)) < 1e-6
    steady = qdist.DistributionRegressor(**SMALL).fit(x, np.full(40, 7.0))
    assert np.array_equal(steady.predict_quantiles(x, [0.1, 0.9]), np.full((40, 2), 7.0))
    assert steady.score(x, np.full(40, 7.0)) == 0


@pytest.mark.parametrize("size", [1e-50, 1e99])
@pytest.mark.parametrize("values", [1, 2, 12])
def test_a_target_that_varies_by_rounding_alone(size, values):
    """What is forecast is no farther off than some tens of such roundings, tails included."""
    x, _ = data(60)
    y = size * (1 + 2.3e-16 * (np.arange(60) % values))
    model = qdist.DistributionRegressor(**{**SMALL, "copies": 1, "max_steps": 5}).fit(x, y)
    assert np.abs(model.predict_quantiles(x, [0.001, 0.999]) - size).max() < 5e-14 * size


BAD = {
    "a level beyond 1": (lambda m, x, y: m.predict_quantiles(x, [1.2]), "quantiles in .0, 1."),
    "two coverages": (lambda m, x, y: m.predict_interval(x, [0.5, 0.9]), "one coverage"),
    "coverage in percent": (lambda m, x, y: m.predict_interval(x, 90), "coverage in .0, 1."),
    "no y": (lambda m, x, y: m.fit(x, None), "the target y is None"),
    "y too short": (lambda m, x, y: m.fit(x, y[:9]), r"Expected y of shape \(200,\)"),
    "y missing": (lambda m, x, y: m.fit(x, y * np.nan), "NaN"),
    "huge y": (lambda m, x, y: m.fit(x, 1e160 * y), "size between 1e-100 and 1e.100; .* unit"),
    "tiny y": (lambda m, x, y: m.fit(x, 1e-160 * y), "size between 1e-100 and 1e.100; .* unit"),
    "infinite x": (lambda m, x, y: m.fit(np.where(x > 0, np.inf, x), y), "infinity"),
    "one row": (lambda m, x, y: m.fit(x[:1], y[:1]), "at least 2 rows"),
    "no depth": (lambda m, x, y: m.set_params(depth=0).fit(x, y), "Expected depth"),
    "one fold": (lambda m, x, y: m.set_params(folds=1).fit(x, y), "Expected folds"),
    "three steps": (lambda m, x, y: m.set_params(max_steps=(1, 2, 3)).fit(x, y), "max_steps"),
    "other columns": (lambda m, x, y: m.predict({"a": [1.0], "b": [1.0]}), "features of fit"),
    "negative weights": (lambda m, x, y: m.fit(x, y, sample_weight=-y * y), "not negative"),
    "odd network": (
        lambda m, x, y: m.set_params(network_args={"width": 0}).fit(x, y),
        "Expected width of network_args to be a whole number >= 1",
    ),
}


@pytest.mark.parametrize(("use", "words"), BAD.values(), ids=BAD)
def test_bad_input(model, use, words):
    with pytest.raises(InputError, match=words):
        use(copy.deepcopy(model), *data())


def test_masses_on_few_values_are_sharpened_where_they_are():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = np.round(np.clip(X[:, 0] + rng.normal(size=200), -1, 1))
    model = qdist.DistributionRegressor(max_steps=10, trees=5, forest=5, random_state=0).fit(X, y)
    model._parts.spreads = [1.0]
    flat = model.predict_dist(X[:9])
    model._parts.spreads = [0.5**0.5]  # masses to the power of 2
    sharp = model.predict_dist(X[:9])
    assert torch.equal(sharp.values, flat.values)
    expected = flat.probs**2 / (flat.probs**2).sum(-1, keepdim=True)
    torch.testing.assert_close(sharp.probs, expected, rtol=1e-6, atol=1e-9)
