"""What every test may count on: float64, one thread, a forked random state, no surprises."""

import os

# Before torch and matplotlib are first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest
import torch

# Property tests draw the same examples every time; none fails for being slow on a busy machine.
hypothesis.settings.register_profile(
    "qdist",
    derandomize=True,
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("qdist")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def float64_by_default() -> Iterator[None]:
    """Laws are checked in float64; a test about float32 says so itself."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(autouse=True)
def forked_rng() -> Iterator[None]:
    """Layers draw their first weights from the global generator: the same ones in every order."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def untouched_rng() -> Iterator[None]:
    """Fail the test if it moves one of the caller's global generators."""
    state, legacy = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002 it is watched
    yield
    assert torch.equal(torch.get_rng_state(), state), "torch's global generator has moved"
    after = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(after[1], legacy[1]), "numpy's global generator has moved"
    assert after[2:] == legacy[2:], "numpy's global generator has moved"


@pytest.fixture
def generator() -> torch.Generator:
    """A fresh generator with a fixed seed."""
    return torch.Generator().manual_seed(0)
