"""Completions: what is known stays, what is hidden sees what comes before it."""

import numpy as np
import pytest

import qdist
from qdist.data.pictures import half

TINY = {"features": 4, "layers": 1, "first": 3, "context": 8}
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 4, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 2, 3, 3), dtype=np.uint8)


def fitted(images, labels=None, *, steps=3, **params):
    params = {"learning_rate": 0.02, "random_state": 0, **params}
    model = qdist.ImageModel(max_steps=steps, batch_size=16, backbone_args=TINY, **params)
    return model.fit(images, labels)


@pytest.fixture(scope="module")
def model():
    return fitted(GREY)


MASKS = {
    "the lower half": half((4, 5), "lower"),
    "the upper half": half((4, 5), "upper"),
    "a hole": np.pad(np.ones((2, 3), bool), 1),
    "all": np.ones((4, 5), bool),
    "nothing": np.zeros((4, 5), bool),
    "one for each image": RNG.random((6, 4, 5)) < 0.4,
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_what_is_known_stays(model, mask, untouched_rng):
    drawn = model.inpaint(GREY[:6], mask, n_draws=3, random_state=0)
    assert drawn.shape == (3, 6, 4, 5)
    assert drawn.dtype == np.uint8
    known = ~np.broadcast_to(mask, (6, 4, 5))
    for completion in drawn:
        assert np.array_equal(completion[known], GREY[:6][known])
    if mask.any():
        assert not np.array_equal(drawn[0], drawn[1])


def test_all_channels_of_a_hidden_pixel_are_drawn():
    mask = np.zeros((2, 3), bool)
    mask[1, 1] = True
    drawn = fitted(COLOUR).inpaint(COLOUR, mask, n_draws=40, random_state=0)
    changed = (drawn != COLOUR).any((0, 1))
    assert np.array_equal(changed, mask[..., None].repeat(3, 2))


def test_what_lies_under_the_mask_does_not_matter(model):
    mask = half((4, 5), "right")
    other = GREY[:5].copy()
    other[:, mask] = 7
    a, b = (model.inpaint(images, mask, n_draws=2, random_state=3) for images in (GREY[:5], other))
    assert np.array_equal(a, b)


def test_a_hidden_pixel_sees_nothing_after_it(model):
    """The upper half is drawn alike, whatever the lower half shows."""
    mask = half((4, 5), "upper")
    other = GREY[:5].copy()
    other[:, 2:] = 255 - other[:, 2:]
    a, b = (model.inpaint(images, mask, random_state=3) for images in (GREY[:5], other))
    assert np.array_equal(a[0, :, :2], b[0, :, :2])


def test_a_hidden_pixel_sees_known_ones_before_it():
    """Rows of one colour: what hides after a known pixel of its row has that colour."""
    colour = RNG.choice(np.array([0, 255], np.uint8), (200, 2, 1))
    model = fitted(colour.repeat(4, 2), steps=80)
    mask = np.array([[False, False, True, True]] * 2)
    test = colour[:40].repeat(4, 2)
    drawn = model.inpaint(test, mask, n_draws=2, random_state=0)
    assert (drawn == test).mean() > 0.97


def test_the_class_of_a_completion_is_that_of_what_is_seen():
    """Class 0 is black, class 1 white: a known upper half tells them apart, hidden ones do not."""
    images = np.repeat(np.array([0, 255], np.uint8), 50)[:, None, None].repeat(4, 1).repeat(3, 2)
    model = fitted(images, np.repeat([0, 1], 50), steps=80)
    drawn = model.inpaint(images[::10], half((4, 3), "lower"), n_draws=5, random_state=0)
    assert (drawn == images[::10]).mean() > 0.95
    blind = model.inpaint(images[:60], half((4, 3), "upper"), n_draws=5, random_state=0)
    white = (blind[:, :, 0].mean(2) > 127).mean()  # of 300: 4 deviations, and what is not learnt
    assert abs(white - 0.5) < 4 * (0.25 / 300) ** 0.5 + 0.05
    # A label that is given counts, whatever is seen.
    other = model.inpaint(images[:10], np.ones((4, 3), bool), given=1, random_state=0)
    assert (other == 255).mean() > 0.9


def test_a_seed_repeats_completions(model):
    mask = half((4, 5), "lower")
    a, b, c = (model.inpaint(GREY[:3], mask, n_draws=2, random_state=s) for s in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
