"""The categorical head: one softmax or two, and the memory of 10,000 codes."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from qdist.errors import InputError
from qdist.heads import CategoricalHead, FactoredCategorical
from qdist.quantile import Categorical


@pytest.fixture
def pair():
    """The law of two softmaxes over 1,050 codes, and the same law as one table of masses."""
    head = CategoricalHead(4, 1050, ordered=True)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(torch.randn(parameter.shape))
        law = head(torch.randn(2, 4))
        table = torch.stack([law.log_prob(float(k)) for k in range(1050)], -1)
    return law, Categorical(table)


def test_log_score_is_cross_entropy():
    head = CategoricalHead(3, 5)
    h, y = torch.randn(6, 3), torch.tensor([0.0, 1.0, 4.0, 4.0, 2.0, 3.0])
    expected = functional.cross_entropy(head.layer(h), y.long(), reduction="none")
    torch.testing.assert_close(head.loss(h, y), expected)


def test_ranked_score_by_hand():
    head = CategoricalHead(2, 3, ordered=True, score="rps")
    with torch.no_grad():
        head.layer.bias.copy_(torch.tensor([0.5, 0.25, 0.25]).log())
    # y = 1: (F(0) - 0)^2 + (F(1) - 1)^2 = 0.25 + 0.0625; y = 2: 0.25 + 0.5625.
    found = head.loss(torch.zeros(2), torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(found, torch.tensor([0.3125, 0.8125]))


def test_factored_masses_sum_to_one(pair):
    law, table = pair
    assert isinstance(law, FactoredCategorical)
    torch.testing.assert_close(table.logits.exp().sum(-1), torch.ones(2))


@pytest.mark.parametrize("name", ["cdf", "cdf_left", "crps", "log_prob", "sf"])
def test_factored_equals_table(pair, name):
    law, table = pair
    y = torch.tensor([[-1.0], [0.0], [32.0], [33.0], [700.0], [1049.0], [1060.0]])
    if name != "log_prob":
        y = torch.cat([y, torch.tensor([[0.5], [499.3]])])
    torch.testing.assert_close(getattr(law, name)(y), getattr(table, name)(y))


@pytest.mark.parametrize("name", ["cdf", "cdf_left", "crps", "log_prob", "sf", "pit"])
def test_factored_answers_no_number_with_none(pair, name):
    law, table = pair
    y = torch.tensor([torch.nan, 700.0])
    found, expected = getattr(law, name)(y), getattr(table, name)(y)
    assert found.isnan().tolist() == expected.isnan().tolist() == [True, False]


@pytest.mark.parametrize("name", ["mean", "variance"])
def test_factored_moments(pair, name):
    law, table = pair
    torch.testing.assert_close(getattr(law, name), getattr(table, name))


def test_factored_quantiles(pair):
    law, table = pair
    levels = torch.linspace(0.001, 1, 997)
    assert torch.equal(law.quantiles(levels), table.quantiles(levels))


def test_the_least_level_gives_a_factored_code_that_has_mass():
    """As in a table: in neither softmax is it a code whose mass is 0 in single precision."""
    outer = torch.tensor([-200.0, 0.0, 0.0], dtype=torch.float32)
    inner = torch.tensor([-200.0, -200.0, 0.0, 0.0], dtype=torch.float32)
    law = FactoredCategorical(outer, lambda a: inner.expand(*a.shape, 4), 12, 4)
    assert law.icdf(torch.tensor([0.0, 1e-45, 1.0], dtype=torch.float32)).tolist() == [6, 6, 11]


def test_factored_jumps_where_the_table_does(pair):
    law, table = pair
    one = FactoredCategorical(law.logits[0], lambda a: law.inner(a.expand(2))[0], 1050, law.fine)
    found, expected = one.breakpoints(), Categorical(table.logits[0]).breakpoints()
    assert len(expected) == 1049
    torch.testing.assert_close(found, expected)


def test_factored_never_leaves_the_codes():
    """The last block has room for codes that do not exist; none of them is ever drawn."""
    law = CategoricalHead(3, 1030)(torch.zeros(3))
    assert law.icdf(torch.tensor(1.0)) == 1029
    assert law.log_prob(torch.tensor(1030.0)) == -torch.inf


def test_log_score_of_two_softmaxes_is_that_of_the_object():
    head = CategoricalHead(4, 2000)
    h, y = torch.randn(7, 4), torch.tensor([0.0, 1.0, 44.0, 45.0, 1998.0, 1999.0, 777.0])
    torch.testing.assert_close(head.loss(h, y), -head(h).log_prob(y))


class _Largest(TorchDispatchMode):
    """Records the number of elements of the largest tensor made."""

    def __init__(self):
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else (out,):
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.untyped_storage().nbytes())
        return out


def test_ten_thousand_codes_in_bounded_memory():
    """No tensor of rows x codes is ever made, in training or in sampling."""
    torch.set_default_dtype(torch.float32)
    rows, levels, context = 2000, 10_000, 64
    head = CategoricalHead(context, levels)
    h = torch.randn(rows, context)
    y = torch.randint(levels, (rows,)).float()
    bound = 8 * rows * 100  # int64 codes of one block for each row; the full table has 100 times
    with _Largest() as watch:
        head.loss(h, y).mean().backward()
    assert watch.largest <= bound
    with _Largest() as watch, torch.no_grad():
        law = head(h)
        codes = law.sample(generator=torch.Generator().manual_seed(0))
        law.log_prob(codes)
    assert watch.largest <= bound
    assert codes.min() >= 0
    assert codes.max() <= levels - 1


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({"levels": 0}, "at least one level"),
        ({"levels": 3, "score": "rps"}, "ordered=True"),
        ({"levels": 3, "score": "crps", "ordered": True}, "'log', 'rps' or 'both'"),
    ],
)
def test_errors(args, match):
    with pytest.raises(InputError, match=match):
        CategoricalHead(2, **args)
