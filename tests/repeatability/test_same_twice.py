"""The same answer twice: from a seed, in another process, from a file, in other batches."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

import qdist
from qdist.laws import image as image_law
from qdist.laws import table as table_law

# Run here and in a process of its own, whose default dtype and generators are others.
PROGRAM = """
import numpy as np
import qdist

rng = np.random.default_rng(0)
a = rng.normal(size=200)
FRAME = {"a": a, "b": np.round(a + rng.normal(size=200), 1), "c": list("xy" * 100)}
IMAGES = rng.integers(0, 256, (40, 4, 5), dtype=np.uint8)
tiny = {"features": 4, "layers": 1, "context": 8}
table = qdist.TabularModel(max_steps=12, random_state=3).fit(FRAME)
images = qdist.ImageModel(max_steps=6, backbone_args=tiny, random_state=3)
images.fit(IMAGES, np.arange(40) % 2)


def answers(table, images):
    "All that should be the same, as bytes."
    found = []
    for model in (table, images):
        state = model.module_.state_dict()
        found += [state[name].numpy().tobytes() for name in sorted(state)]
    drawn = table.sample(50, random_state=1)
    found += [np.asarray(drawn[name]).tobytes() for name in ("a", "b")]
    found += ["".join(map(str, drawn["c"])).encode()]
    found += [table.quantile("a", [0.1, 0.5], given={"c": "x"}).tobytes()]
    found += [table.score_samples(FRAME, random_state=0).tobytes()]
    found += [images.sample(6, random_state=1).tobytes()]
    found += [images.inpaint(IMAGES[:3], IMAGES[0] > 99, random_state=1).tobytes()]
    found += [images.log_prob(IMAGES[:5], given=1).tobytes()]
    return found
"""


def digest(parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.fixture(scope="module")
def here():
    scope = {}
    exec(PROGRAM, scope)
    return scope


@pytest.fixture(scope="module")
def first(here):
    return here["answers"](here["table"], here["images"])


def test_a_fresh_process_gives_the_same_bits(first):
    program = PROGRAM + (
        "import hashlib\n"
        "print(hashlib.sha256(b''.join(answers(table, images))).hexdigest(), end='')"
    )
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert other.stdout == digest(first)


def test_a_file_gives_the_same_bits(here, first, tmp_path):
    again = []
    for name in ("table", "images"):
        here[name].save(tmp_path / f"{name}.qdist")
        again.append(qdist.load(tmp_path / f"{name}.qdist"))
    assert here["answers"](*again) == first


def test_no_question_moves_the_callers_generators(here, untouched_rng, tmp_path):
    here["answers"](here["table"], here["images"])
    here["table"].save(tmp_path / "m.qdist")
    qdist.load(tmp_path / "m.qdist")
    tiny = {"features": 4, "layers": 1, "context": 8}
    qdist.ImageModel(max_steps=1, backbone_args=tiny).fit(here["IMAGES"])
    qdist.TabularModel(max_steps=1).fit(here["FRAME"])
    rows = np.random.default_rng(0).normal(size=(30, 2))
    qdist.DistributionRegressor(max_steps=1, trees=2).fit(rows, rows[:, 0]).predict(rows)


def test_a_fit_limited_by_time_repeats_itself_by_its_steps(here):
    small = {"backbone_args": {"width": 16, "blocks": 1}, "random_state": 0}
    for _ in range(3):  # a busy machine may stop a fit before its plan ends
        timed = qdist.TabularModel(max_time=1.0, **small).fit(here["FRAME"])
        last = timed.history_[-1]["step"]
        again = qdist.TabularModel(max_steps=timed.n_steps_, **small)
        if last == timed.n_steps_ or (last < timed.n_steps_ and len(timed.history_) < 2):
            break
    else:
        pytest.skip("the machine is too busy to keep a plan")
    if last != timed.n_steps_:
        pytest.skip("the machine is too busy to keep a plan")
    again.fit(here["FRAME"])
    for name, weights in timed.module_.state_dict().items():
        assert weights.equal(again.module_.state_dict()[name]), name


def test_tables_drawn_in_other_batches_have_equal_levels_and_close_numbers(here, monkeypatch):
    """Sums are taken in another order: float32 rounding, which may tip a level at most rarely."""
    whole = here["table"].sample(4000, random_state=5)
    monkeypatch.setattr(table_law, "_DRAWN", 300)
    parts = here["table"].sample(4000, random_state=5)
    assert list(whole["c"]) == list(parts["c"])
    for name in ("a", "b"):
        one, other = np.asarray(whole[name]), np.asarray(parts[name])
        far = np.abs(one - other) > 1e-5 * (1 + np.abs(one))
        assert far.sum() <= 1e-5 * 3 * 4000  # so none of 12,000 cells


def test_images_drawn_in_other_batches_are_the_same_but_for_one_cell_in_1e5(here, monkeypatch):
    whole = here["images"].sample(300, random_state=5)
    monkeypatch.setattr(image_law, "_DRAWN", 32)
    parts = here["images"].sample(300, random_state=5)
    assert (whole != parts).sum() <= 1e-5 * whole.size


@pytest.fixture
def doubled(here, tmp_path):
    """The table's law in float64."""
    here["table"].save(tmp_path / "m.qdist")
    model = qdist.load(tmp_path / "m.qdist")
    model._law.double()
    return model


def test_a_table_in_float32_agrees_with_float64(here, doubled):
    """Rounding of 6e-8 grows over a few layers and sums of a few hundred terms: below 1e-4."""
    single, frame = here["table"], here["FRAME"]
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    given = {"b": frame["b"][:50], "c": frame["c"][:50]}
    spread = np.std(frame["a"])
    q32, q64 = (m.quantile("a", levels, given=given) for m in (single, doubled))
    np.testing.assert_allclose(q32, q64, atol=1e-4 * spread)
    at = np.quantile(frame["a"], levels)
    f32, f64 = (m.cdf("a", at, given=given) for m in (single, doubled))
    np.testing.assert_allclose(f32, f64, atol=1e-5)
    s32, s64 = (m.score_samples(frame, random_state=0) for m in (single, doubled))
    np.testing.assert_allclose(s32, s64, atol=1e-3)
    d32, d64 = (m.sample(2000, random_state=0) for m in (single, doubled))
    assert np.mean(np.asarray(d32["c"]) != np.asarray(d64["c"])) <= 1e-3
    far = np.abs(np.asarray(d32["a"]) - np.asarray(d64["a"])) > 1e-3 * spread
    assert far.mean() <= 1e-3  # a level may tip at an atom or between two


def test_images_in_float32_agree_with_float64(here, tmp_path):
    here["images"].save(tmp_path / "m.qdist")
    doubled = qdist.load(tmp_path / "m.qdist")
    doubled._law.double()
    y = here["IMAGES"]
    one, other = (m.log_prob(y, given=0) for m in (here["images"], doubled))
    np.testing.assert_allclose(one, other, atol=1e-5 * y[0].size)  # a sum over 20 pixels


def test_a_threads_default_dtype_is_not_what_a_model_is_built_of(here, tmp_path):
    here["table"].save(tmp_path / "m.qdist")
    torch.set_default_dtype(torch.float64)
    assert qdist.load(tmp_path / "m.qdist")._law.dtype == torch.float32
