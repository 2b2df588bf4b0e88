"""The numbers that `evaluate` takes beside its frames."""

import numpy as np
import pandas as pd
import pytest

from qdist.errors import InputError
from qdist.evaluate import evaluate

FRAME = pd.DataFrame({"x": range(40)})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_rows": -1}, "max_rows"),
        ({"max_rows": 2}, "max_rows"),
        ({"max_energy_rows": 1}, "max_energy_rows"),
        ({"random_state": "once"}, "random_state"),
    ],
    ids=str,
)
def test_numbers_that_make_no_sense_are_told(options, words):
    with pytest.raises(InputError, match=words):
        evaluate(FRAME, FRAME, **options)


@pytest.mark.parametrize(
    "seed", [None, 2**33, np.random.default_rng(0)], ids=["none", "large", "generator"]
)
def test_a_seed_may_be_any(seed):
    assert 0 <= evaluate(FRAME, FRAME, random_state=seed).c2st <= 1


@pytest.mark.parametrize("known", [0, 1], ids=["never", "once"])
def test_a_column_that_is_missing_nearly_everywhere_says_nothing(known):
    gaps = np.where(np.arange(90) < known, 1.0, np.nan)
    frames = [pd.DataFrame({"x": np.arange(90) + half, "gaps": gaps}) for half in (0, 0.5)]
    plain = [frame.drop(columns="gaps") for frame in frames]
    assert evaluate(*frames).c2st == pytest.approx(evaluate(*plain).c2st, abs=0.1)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_associations_do_not_depend_on_the_unit(scale):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 200))
    first, second = pd.DataFrame({"x": x, "y": x + y}), pd.DataFrame({"x": x, "y": y})
    found = evaluate(first, second).association_error
    assert evaluate(scale * first, scale * second).association_error == pytest.approx(found)


@pytest.mark.parametrize("n", [10, 19, 28, 29, 60])
def test_frames_of_few_rows_are_told_apart_as_well(n):
    """Of so few rows a leaf of twenty would be the whole tree, and all frames alike."""
    real = pd.DataFrame({"x": np.arange(float(n))})
    assert evaluate(real, real + 1e6).c2st == pytest.approx(1.0, abs=0.05)
