"""Memory foreseen: a batch that fits, a word when it was made smaller, an error when none does."""

import gc

import numpy as np
import pytest
import torch

import qdist
from qdist.errors import OutOfMemoryError
from qdist.laws import AbstractLaw, Questions
from qdist.rng import isolated_rng
from qdist.training import Recipe, Rows, memory

ROWS = Rows(torch.zeros(50, 3, dtype=torch.float64), torch.ones(50, dtype=torch.float64))
MB = 2**20


class Wide(AbstractLaw):
    """A law that keeps known numbers for its gradient: x (B, 3), and tanh of (B, width)."""

    def __init__(self, width):
        super().__init__()
        with isolated_rng(0):
            self.layer = torch.nn.Linear(3, width, dtype=torch.float64)

    def questions(self, n, *, generator):
        return Questions(torch.zeros(n, 3).bool(), torch.ones(n, 3).bool())

    def forward(self, y, questions, *, generator=None):
        return torch.tanh(self.layer(y)).sum(-1)


@pytest.fixture
def free(monkeypatch):
    def claim(size):
        monkeypatch.setattr(memory, "free_memory", lambda device: size)

    return claim


def test_what_a_row_keeps_is_counted():
    """For a row 3 numbers go into the layer and `width` come out of tanh: 8 bytes each."""
    assert memory.bytes_a_row(Wide(1000), ROWS, seed=0) == 8 * (3 + 1000)


def test_counting_leaves_the_law_and_the_generators_alone(untouched_rng):
    law = Wide(10)
    before = law.layer.weight.detach().clone()
    memory.bytes_a_row(law, ROWS, seed=0)
    assert torch.equal(law.layer.weight, before)
    assert law.layer.weight.grad is None


def test_counting_leaves_nothing_behind():
    def tensors():
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    law = Wide(10)
    memory.bytes_a_row(law, ROWS, seed=0)
    before = tensors()
    for _ in range(5):
        memory.bytes_a_row(law, ROWS, seed=0)
    assert tensors() == before


def test_a_batch_that_fits_is_left_alone(free, caplog):
    free(1000 * MB)
    assert memory.fit_into_memory(Wide(1000), ROWS, 512, 4096, seed=0) == (512, 4096)
    assert caplog.text == ""


def test_a_batch_that_does_not_fit_is_halved_until_it_does(free, caplog):
    """A row needs 3 * 8024 bytes and there are 0.9 * 2 MB less 7 * 32,000 bytes: 69 rows."""
    free(2 * MB)
    size, at_once = memory.fit_into_memory(Wide(1000), ROWS, 512, 4096, seed=0)
    assert size == 64
    assert at_once == 128  # at 8024 bytes a row there is room for 207
    assert "a batch of 512 rows needs about 0.01 GB, and 0.00 GB are free: took batches of 64" in (
        caplog.text
    )


def test_where_not_even_one_row_fits_it_is_an_error(free):
    free(MB // 8)
    words = "Expected memory for one row a step, about .* GB; got .* GB free. Fit a smaller netw"
    with pytest.raises(OutOfMemoryError, match=words) as caught:
        memory.fit_into_memory(Wide(1000), ROWS, 512, 4096, seed=0)
    assert isinstance(caught.value, MemoryError)


def test_where_nothing_is_known_of_memory_nothing_changes(free):
    free(None)
    assert memory.fit_into_memory(Wide(1000), ROWS, 512, 4096, seed=0) == (512, 4096)


def test_this_machine_has_some_memory():
    free = memory.free_memory(torch.device("cpu"))
    assert free is None or 2**20 < free < 2**50
    assert memory.free_memory(torch.device("meta")) is None


# Free bytes that hold the network and some of 128 rows of about 44 and 11 KB.
@pytest.mark.parametrize(("kind", "size"), [("table", 12 * MB), ("images", MB // 2)])
def test_a_fit_goes_on_in_smaller_batches(free, caplog, kind, size):
    if kind == "table":
        x = {"a": np.arange(200.0)}
        model = qdist.TabularModel(members=1, max_steps=2, batch_size=128)
    else:
        x = np.zeros((200, 4, 4), np.uint8)
        x[:, 0] = 9
        small = {"features": 4, "layers": 1, "context": 8}
        model = qdist.ImageModel(max_steps=2, batch_size=128, backbone_args=small)
    free(size)
    model.fit(x)
    assert "took batches of" in caplog.text
    steps = model.history_[-1]
    assert steps["epoch"] < 2 * 128 / 180  # as of smaller batches
    free(1000)
    with pytest.raises(OutOfMemoryError, match="Expected memory for one row a step"):
        model.fit(x)


def test_the_recipe_says_how_many_bad_batches_are_skipped():
    assert Recipe().bad_batches == 10
