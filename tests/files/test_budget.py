"""No call of torch makes more than the weights of a file justify."""

import pytest
import torch

from qdist.errors import FileFormatError
from qdist.files import budget
from qdist.regression.embedding import FeatureEmbedding

N = 10**6
HUGE = {
    "empty": lambda: torch.empty(N, N),
    "zeros": lambda: torch.zeros((N, N)),
    "randn": lambda: torch.randn(N, N),
    "full": lambda: torch.full((N, N), 1.0),
    "eye": lambda: torch.eye(N),
    "arange": lambda: torch.arange(1e12),
    "linspace": lambda: torch.linspace(0, 1, 10**12),
    "new_zeros": lambda: torch.ones(3).new_zeros(N, N),
    "repeat": lambda: torch.ones(1000, 1).repeat(10**5, 10**5),
    "repeat_interleave": lambda: torch.tensor([1]).repeat_interleave(10**12),
    "clone of a view": lambda: torch.ones(1).expand(N, N).clone(),
    "sum with a view": lambda: torch.ones(1).expand(10**12) + 1,
    "broadcast": lambda: torch.ones(3 * N)[:, None] * torch.ones(3 * N),
    "outer": lambda: torch.outer(torch.ones(3 * N), torch.ones(3 * N)),
    "a layer": lambda: torch.nn.Embedding(N, N),
    "many small ones": lambda: [torch.ones(2**17) for _ in range(N)],
    "endless work": lambda: [torch.ones(1) for _ in range(N)],
}


@pytest.mark.parametrize("make", HUGE.values(), ids=HUGE)
def test_nothing_huge_is_made(make):
    with pytest.raises(FileFormatError, match="as large as its weights"), budget({}):
        make()


def test_weights_justify_a_network_of_their_size():
    weights = {"w": torch.zeros(3000, 3000)}
    with budget(weights):
        net = torch.nn.Linear(3000, 3000)
    assert net.weight.shape == (3000, 3000)


def test_a_refusal_puts_the_state_of_torch_back():
    def work():
        with torch.no_grad():
            for _ in range(N):
                torch.ones(1)

    with pytest.raises(FileFormatError), budget({}):
        work()
    assert torch.is_grad_enabled()


def test_thousands_of_features_are_no_more_work_than_few():
    weights = {str(k): torch.zeros(1) for k in range(17)}
    with budget(weights):
        FeatureEmbedding([[0.0, 1.0]] * 20_000, [], width=1)
