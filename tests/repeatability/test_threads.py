"""One fitted model asked by eight threads at once answers as it does to one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import qdist

RNG = np.random.default_rng(0)
A = RNG.normal(size=200)
FRAME = {"a": A, "b": A + RNG.normal(size=200), "c": list("xyzu" * 50)}
HOLES = {**FRAME, "a": [None if i % 3 else float(v) for i, v in enumerate(A)]}
IMAGES = RNG.integers(0, 256, (20, 4, 4), dtype=np.uint8)
ROWS = RNG.normal(size=(60, 2))


@pytest.fixture(scope="module")
def models():
    tiny = {"features": 4, "layers": 1, "context": 8}
    return {
        "table": qdist.TabularModel(max_steps=5, random_state=0).fit(FRAME),
        "images": qdist.ImageModel(max_steps=3, backbone_args=tiny, random_state=0).fit(IMAGES),
        "regressor": qdist.DistributionRegressor(
            max_steps=3, trees=5, network_args={"width": 16, "members": 2}, random_state=0
        ).fit(ROWS, ROWS[:, 0]),
    }


def numbers(frame):
    """A frame as numbers: levels by their place in the alphabet."""
    return np.stack([
        [ord(v) if isinstance(v, str) else float(v) for v in frame[name]] for name in frame
    ])  # fmt: skip


QUESTIONS = {
    "sample": lambda m, i: numbers(m["table"].sample(100, random_state=i)),
    "given": lambda m, i: numbers(
        m["table"].sample(20, given={"c": "xyzu"[i % 4]}, random_state=i)
    ),
    "quantile": lambda m, i: m["table"].quantile("a", [0.1, 0.9], given={"b": i / 4}),
    "cdf": lambda m, i: m["table"].cdf("b", [0.0, 1.0], given={"a": i / 4}),
    "impute": lambda m, i: numbers(m["table"].impute(HOLES, random_state=i)),
    "scores": lambda m, i: m["table"].score_samples(FRAME, random_state=i),
    "rosenblatt": lambda m, i: m["table"].rosenblatt(FRAME, random_state=i),
    "images": lambda m, i: m["images"].sample(4, random_state=i),
    "inpaint": lambda m, i: m["images"].inpaint(IMAGES[:2], IMAGES[0] > 99, random_state=i),
    "log_prob": lambda m, i: m["images"].log_prob(IMAGES),
    "predict": lambda m, i: m["regressor"].predict_quantiles(ROWS, [0.1 + i / 20]),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_eight_threads_get_the_answers_of_one(models, question):
    alone = [np.asarray(question(models, i), dtype=float) for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: question(models, i), range(16)))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(np.asarray(other, dtype=float), one, rtol=1e-6, atol=1e-6)


def test_models_are_loaded_by_eight_threads_at_once(models, tmp_path):
    """Torch has one default dtype for all threads, which a model is built under."""
    models["table"].save(tmp_path / "m.qdist")
    alone = numbers(models["table"].sample(10, random_state=0))
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: qdist.load(tmp_path / "m.qdist"), range(16)))
    for model in loaded:
        assert model._law.dtype.itemsize == 4
        np.testing.assert_array_equal(numbers(model.sample(10, random_state=0)), alone)


def test_fits_in_threads_are_those_of_one(models):
    """Dropout and first weights draw from torch's one generator: threads take turns with it."""

    def fit(seed):
        model = qdist.DistributionRegressor(
            max_steps=8, trees=0, network_args={"width": 8, "members": 2}, random_state=seed
        )
        return model.fit(ROWS, ROWS[:, 0]).predict(ROWS)

    alone = [fit(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fit, range(4)))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
