"""Under torch's autocast all questions have answers, near those without it."""

import numpy as np
import pandas as pd
import pytest
import torch

import qdist
from qdist.threads import threads

# The contexts lose all but 8 bits: an error of 2^-9 in each of a few roundings, which moves the
# levels of small networks by less than a hundredth, of which this is twice.
CLOSE = 0.02


def lower():
    return torch.autocast("cpu", torch.bfloat16)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "level": rng.choice(list("xyz"), 300)})
    frame["b"] = 2 * frame["a"] + rng.normal(size=300) * 0.3
    frame.loc[::7, "b"] = np.nan
    return frame


@pytest.fixture(scope="module")
def model(frame):
    return qdist.TabularModel(
        max_steps=60, random_state=0, backbone_args={"width": 32, "frequencies": 8}
    ).fit(frame)


def levels_of(model, frame):
    """Answers that are levels, or shares, or cells turned into levels, by name."""
    given, whole = frame[["a", "level"]], frame.dropna()
    b = whole["b"].to_numpy()

    def rank(cells):
        return np.searchsorted(np.sort(b), cells) / len(b)

    drawn = model.sample(200, random_state=0)
    return {
        "cdf": model.cdf("b", [-1.0, 0.0, 1.0], given=given),
        "quantile": rank(model.quantile("b", [0.1, 0.5, 0.9], given=given)),
        "prob_missing": model.prob_missing("b", given=given),
        "score": np.tanh(model.score_samples(whole) / 20),
        "rosenblatt": model.rosenblatt(whole.drop(columns="level").assign(level="x"))[:, 0],
        "impute": rank(model.impute(frame, random_state=0)["b"]),
        "sample": rank(drawn["b"].dropna())[:100],
    }


def test_answers_about_a_table_are_near_those_in_float32(model, frame):
    exact = levels_of(model, frame)
    with lower():
        rough = levels_of(model, frame)
    differ = 0
    for name, wanted in exact.items():
        far = np.abs(np.asarray(rough[name], float) - np.asarray(wanted, float))
        # A draw near the border of two bins, or two members, may fall on the other side.
        assert np.quantile(far, 0.95) < CLOSE, name
        differ += int((far > 0).any())
    assert differ >= 4  # it is in force


def test_side_by_side_too(model):
    with threads(2):
        exact = model.sample(5000, random_state=0)
        with lower():
            rough = model.sample(5000, random_state=0)
    assert not np.array_equal(exact["b"], rough["b"], equal_nan=True)
    assert (exact["level"] == rough["level"]).mean() > 1 - CLOSE


@pytest.mark.parametrize("head", ["binned", "implicit", "spline"])
def test_a_fit_under_autocast_learns_what_one_in_float32_does(frame, head):
    settings = {"head": head, "max_steps": 40, "random_state": 0}
    settings["backbone_args"] = {"width": 32, "frequencies": 8}
    exact = qdist.TabularModel(**settings).fit(frame)
    with lower():
        rough = qdist.TabularModel(**settings).fit(frame)
    given = {"level": "x"}
    far = exact.cdf("a", [-1.0, 0.0, 1.0], given=given) - rough.cdf(
        "a", [-1.0, 0.0, 1.0], given=given
    )
    assert np.abs(far).max() < 5 * CLOSE


def test_forecasts(frame):
    frame = frame.dropna()
    x, y = frame[["a", "level"]], frame["b"]
    model = qdist.DistributionRegressor(max_steps=40, random_state=0).fit(x, y)
    exact = model.predict_quantiles(x, [0.1, 0.5, 0.9])
    with lower():
        rough = model.predict_quantiles(x, [0.1, 0.5, 0.9])
    assert 0 < np.abs(exact - rough).max() < CLOSE * y.std()
    assert (np.diff(rough, axis=-1) >= 0).all()


@pytest.mark.parametrize("head", ["binned", "categorical", "implicit", "spline"])
def test_images(head):
    images = (np.random.default_rng(0).random((60, 5, 6)) * 255).astype(np.uint8)
    model = qdist.ImageModel(
        head=head, backbone_args={"features": 8, "layers": 2}, max_steps=10, random_state=0
    ).fit(images)

    def answers():
        mask = np.arange(30).reshape(5, 6) > 12
        return model.sample(8, random_state=0), model.inpaint(images[:3], mask, random_state=0)

    exact = answers()
    with lower():
        rough = answers()
    for wanted, found in zip(exact, rough, strict=True):
        far = np.abs(wanted.astype(float) - found.astype(float))
        assert np.quantile(far, 0.95) < 255 * CLOSE
