"""As in the tests of qdist: float64, a forked random state, the same examples every time."""

from collections.abc import Iterator

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("qdist", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.load_profile("qdist")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def float64_by_default() -> Iterator[None]:
    """Laws are checked in float64; a test about float32 says so itself."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_default_dtype(before)


@pytest.fixture
def generator() -> torch.Generator:
    """A fresh generator with a fixed seed."""
    return torch.Generator().manual_seed(0)
