"""The arithmetic behind the benchmark of images, against closed forms and by hand."""

import json

import numpy as np
import pytest
import scipy.linalg
import torch

from benchmarks import common, image_gate, image_pace, image_rates, images, images_report
from benchmarks import image_scores as scores
from benchmarks.image_cases import CASES, HEADS, RATES, Case, halved
from benchmarks.image_classifier import train_classifier

RNG = np.random.default_rng(0)


def test_the_frechet_distance_of_equal_sets_is_nought():
    x = RNG.normal(size=(200, 5))
    assert scores.frechet_distance(x, x) == pytest.approx(0.0, abs=1e-9)


def test_the_frechet_distance_of_shifted_normals_is_the_square_of_the_shift():
    """N(0, I) and N(m, I) with |m|^2 = 9 + 16. Of 20,000 draws in 4 dimensions: bias 4 * 4 / n."""
    x, y = RNG.normal(size=(2, 20_000, 4))
    found = scores.frechet_distance(x, y + np.array([3.0, 4.0, 0.0, 0.0]))
    assert found == pytest.approx(25.0, abs=0.4)  # deviation of 2 m (mean difference): 0.1


def test_the_frechet_distance_by_another_root():
    """The published way: the square root of the product of the covariances, by scipy."""
    x, y = RNG.normal(size=(300, 4)), RNG.normal(size=(200, 4)) @ RNG.normal(size=(4, 4))
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(a @ b).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)
    assert scores.frechet_distance(x, y) == pytest.approx(expected, rel=1e-8)


def test_the_frechet_distance_of_features_that_never_move():
    x = np.zeros((10, 3))
    assert scores.frechet_distance(x, x + np.array([1.0, 2.0, 2.0])) == pytest.approx(9.0)


def test_the_kernel_distance_is_unbiased():
    """Zero on average for equal laws: 200 pairs of 20 draws, 4 standard errors."""
    found = [scores.kernel_distance(*RNG.normal(size=(2, 20, 3))) for _ in range(200)]
    assert abs(np.mean(found)) < 4 * np.std(found) / 200**0.5
    shifted = scores.kernel_distance(RNG.normal(size=(50, 3)), RNG.normal(size=(50, 3)) + 2)
    assert shifted > 10 * np.std(found)


def test_precision_and_recall_of_a_part():
    """Draws from one of two clusters: all of them real, and half of the real ones reached."""
    real = np.concatenate([RNG.normal(size=(100, 2)), RNG.normal(size=(100, 2)) + 100])
    precision, recall = scores.precision_recall(real, RNG.normal(size=(200, 2)))
    assert precision > 0.9
    assert 0.4 < recall <= 0.5
    assert scores.precision_recall(real, real) == (1.0, 1.0)


def test_inpainting_scores_by_hand():
    """One hidden pixel of truth 0 and draws 0, 255: mean distance 1/2, spread (1 / 2) of 1."""
    truth = np.zeros((1, 1, 2), np.uint8)
    draws = np.array([[[[9, 0]]], [[[9, 255]]]], np.uint8)
    mask = np.array([[False, True]])
    found = scores.inpainting_scores(truth, draws, mask)
    assert found == {"crps": pytest.approx(0.0), "energy": pytest.approx(0.0)}
    away = np.full_like(draws, 255)
    assert scores.inpainting_scores(truth, away, mask)["crps"] == pytest.approx(1.0)


def test_what_became_of_zeros_by_hand():
    real = np.array([[[0, 0]], [[0, 200]]], np.uint8)  # the left pixel is always flat
    drawn = np.array([[[0, 0]], [[0, 5]], [[0, 200]], [[9, 0]]], np.uint8)
    found = scores.flatness(real, drawn)
    assert found["background_grey"] == pytest.approx(1 / 4)
    assert found["zeros"] == pytest.approx(5 / 8)
    assert found["faint"] == pytest.approx(2 / 8)
    assert (found["zeros_real"], found["faint_real"]) == (3 / 4, 0.0)


def test_averages_of_four_pixels():
    images = np.array([[[0, 1, 8, 8], [1, 1, 8, 8]]], np.uint8)
    assert halved(images).tolist() == [[[1, 8]]]  # 3 / 4 is nearer to 1
    assert halved(np.zeros((2, 4, 6, 3), np.uint8)).shape == (2, 2, 3, 3)


def test_a_classifier_learns_and_repeats_itself():
    torch.set_default_dtype(torch.float32)
    labels = RNG.integers(0, 2, 300)
    images = (labels[:, None, None] * 100 + RNG.integers(0, 100, (300, 8, 8))).astype(np.uint8)
    net, again = (train_classifier(images, labels, seed=0, steps=30) for _ in range(2))
    assert net.accuracy(images, labels) > 0.95
    assert net.features(images).shape == (300, 64)
    assert np.array_equal(net.features(images), again.features(images))


def test_every_head_has_the_same_backbone():
    assert len(HEADS) == 5
    assert all(set(args) <= {"head", "head_args", "levels"} for args in HEADS.values())
    assert set(CASES) == {"mnist14", "mnist28", "cifar16"}


def result(head, **more):
    facts = {
        "machine": {"cores": 2, "gpu": False, "memory_gb": 8, "system": "Linux x86_64"},
        "versions": {"torch": "2.13.0"},
    }
    numbers = {"accuracy_score": 0.5, "frechet": 12.0, "kernel": 3.0, "background_grey": 0.001}
    one = {"set": "mnist14", "budget": "steps", "head": head, "seed": 0, **numbers, **facts}
    return {**one, **more}


def model_of(head, seed=0, **more):
    return result(
        head,
        **{
            "seed": seed,
            "n_steps": 300,
            "steps_done": 300,
            "rates_tried": {},
            "rate": 0.002,
            "tested": 100,
            "completed": 100,
            "drawn": 5000,
            "compared": 500,
            "parameters": 1000,
            "head_parameters": 10,
            "floor": 0.001,
            "bits_per_dim": 2.5,
            **more,
        },
    )


def test_the_page_of_images_is_that_of_its_results():
    results = [
        model_of("binned", accuracy_score=0.7),
        model_of("binned", seed=1, accuracy_score=0.9),
        model_of("implicit, blocks", bits_per_dim=None, steps_done=250),
        result("real images"),
    ]
    text = images_report.page({"short": results}, "## Notes")
    # The median of two, and both.
    assert "| binned | 80.0% (70.0% to 90.0%) | 12.0 (12.0 to 12.0) |" in text
    assert "Medians of 1 or 2 seeds a head." in text
    assert "| 250 of 300 |" in text  # its time was over before its steps
    assert "a short run" in text
    assert "has not been done" in text
    assert "300 steps of 64 images. The learning rate was chosen for each head" in text
    assert "binned 0.002, implicit, blocks 0.002." in text
    assert "images-short/mnist14-steps-implicit_blocks-0.png" in text
    assert "each law mixed with 0.1% of a uniform one" in text
    full = images_report.page({"full": results}, "## Notes")
    assert "binned 0.002, implicit, blocks 0.002." in full
    assert "has not been done" in full  # of the set that counts nothing is there
    every = [{**model_of(head, seed=s), "set": "mnist14", "budget": "time", "limit_seconds": 1200}
             for head in HEADS for s in range(3)]  # fmt: skip
    assert "lacks 1 of 15 fits" in images_report.page({"full": every[1:]}, "## Notes")
    assert "!!! warning" not in images_report.page({"full": every}, "## Notes")
    colour = [{**r, "set": "cifar16"} for r in results]  # where each fit chooses its own
    colour[1]["rate"] = 0.004
    text = images_report.page({"full": colour}, "## Notes")
    assert "in fits of a tenth of the steps: binned 0.002 or 0.004, implicit, blocks" in text


def test_the_committed_page_of_images_is_that_of_the_results():
    by_size = {k: common.read_results(v) for k, v in images_report.FOLDERS.items()}
    by_size = {size: results for size, results in by_size.items() if results}
    if not by_size:
        pytest.skip("no results yet")
    notes = images_report.NOTES.read_text()
    assert images_report.PAGE.read_text() == images_report.page(
        by_size, notes, gate=images_report.gate_results()
    )


def test_images_of_one_pixel_follow_their_laws():
    ends, zeros = (image_gate.draw(law, 50_000, 0) for law in image_gate.LAWS)
    assert ends.shape == (50_000, 1, 1)
    assert abs((ends == 0).mean() - 0.7) < 0.01  # 4 deviations are 0.008, the grid's values 0.004
    assert abs((zeros == 0).mean() - 0.9) < 0.006
    assert len(np.unique(zeros)) == 256


def test_the_gate_says_who_passes():
    good, bad = ({"grey": g, "share_error": 0.001, "passes": p} for g, p in ((0.0, 3), (0.2, 0)))
    some = {**good, "passes": 1}
    results = {
        "binned": {"two ends": good, "zeros": some},
        "spline": dict.fromkeys(image_gate.LAWS, bad),
    }
    facts = {"seeds": 3, "steps": 600, "batch": 512, "rate": 0.01}
    text = image_gate.section({"results": results, **facts})
    assert "| binned | **0.00% / 0.001** | 0.00% / 0.001 * |" in text
    assert "| spline | 20.00% / 0.001 | 20.00% / 0.001 |" in text


class Tiny(Case):
    """Two bands of random grey; as many test images as training ones."""

    def load(self):
        rng = np.random.default_rng(0)
        y = np.arange(80) % 2
        x = rng.integers(0, 100, (80, 8, 8), dtype=np.uint8) + 100 * y[:, None, None]
        return x.astype(np.uint8), y, x[::-1].astype(np.uint8), y[::-1].copy()


@pytest.fixture
def in_float32():
    """As a benchmark runs."""
    torch.set_default_dtype(torch.float32)
    yield
    torch.set_default_dtype(torch.float64)


def test_a_full_run_has_the_steps_of_its_minutes_and_the_rate_that_was_chosen():
    found = json.loads(image_pace.RESULT.read_text())["steps_a_second"]["mnist14"]
    scores = json.loads(image_rates.RESULT.read_text())["scores"]
    for head in HEADS:
        plan = images.plan_of(CASES["mnist14"], "time", "full")
        plan = images.for_head(plan, CASES["mnist14"], head, "full")
        assert plan.steps == pytest.approx(20 * 60 * found[head], abs=1)
        best = min(scores[head][str(rate)] for rate in RATES)
        assert plan.rates == ()
        assert scores[head][str(plan.rate)] == best
    short = images.plan_of(CASES["mnist14"], "time", "short")
    short = images.for_head(short, CASES["mnist14"], "spline", "short")
    assert (short.steps, short.seconds) == (None, 300)
    quick = images.plan_of(CASES["mnist14"], "steps", "quick")
    assert images.for_head(quick, CASES["mnist14"], "spline", "quick") == quick


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.usefixtures("in_float32")
def test_a_head_is_fitted_drawn_and_scored(head, tmp_path, monkeypatch):
    """From end to end, at sizes that say nothing."""
    monkeypatch.setattr(common, "SCRATCH", tmp_path)
    plan = images.Plan(
        "steps", None, 2, drawn=60, tested=3, completed=2, rates=(), judge_steps=4, held_out=8
    )
    found, drawn = images.measure(Tiny("tiny", features=4, layers=2, seeds=1), head, 0, plan)
    assert drawn.shape == (60, 8, 8)
    assert (found["bits_per_dim"] is None) == (head == "implicit, blocks")
    assert found["rate"] == 8e-3
    for name in ("accuracy_score", "frechet", "precision", "inpaint_crps", "inpaint_energy"):
        assert np.isfinite(found[name]), name
