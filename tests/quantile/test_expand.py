"""A law over a larger batch: the answers of its rows, and none of the work done again."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from qdist.errors import InputError
from qdist.quantile import Categorical, Empirical, PiecewiseLinear

COUNT, ROWS = 50, 400
X = torch.linspace(-2, 2, COUNT, dtype=torch.float64).square() - torch.arange(COUNT) / 7
WEIGHTS = 1 + torch.arange(COUNT, dtype=torch.float64) % 3
LAWS = {
    "empirical": Empirical,
    "weights of all": lambda x: Empirical(x, weights=WEIGHTS),
    "weights of each": lambda x: Empirical(x, weights=WEIGHTS.expand_as(x)),
    "categorical": Categorical,
    "piecewise linear": lambda x: PiecewiseLinear(
        torch.linspace(0, 1, COUNT, dtype=x.dtype), x.sort(-1).values
    ),
}
QUESTIONS = ("cdf", "cdf_left", "sf", "crps")
EVERY = pytest.mark.parametrize("make", LAWS.values(), ids=LAWS)


class Work(TorchDispatchMode):
    """The bytes of the largest tensor that is made, and the names of what is done."""

    def __init__(self):
        super().__init__()
        self.largest, self.done = 0, set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.done.add(func.name())
        for tensor in out if isinstance(out, tuple | list) else (out,):
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.untyped_storage().nbytes())
        return out


@EVERY
def test_a_larger_batch_answers_as_its_rows_do(make):
    law = make(X[None]).expand((2, 1)).expand((2, 3))  # twice, as a law of a law
    single = make(X)
    y = torch.linspace(-9, 5, 12, dtype=torch.float64).reshape(2, 2, 3)
    for name in QUESTIONS:
        assert torch.equal(getattr(law, name)(y), getattr(single, name)(y)), name
    tau = torch.linspace(0, 1, 12, dtype=torch.float64).reshape(2, 2, 3)
    assert torch.equal(law.icdf(tau), single.icdf(tau))
    for name in ("mean", "variance", "probs", "log_mass", "values"):
        if hasattr(single, name) and not (name == "values" and isinstance(law, Categorical)):
            expected = getattr(single, name)
            assert torch.equal(getattr(law, name), expected.expand(2, 3, *expected.shape)), name
    if not isinstance(law, PiecewiseLinear):
        assert torch.equal(law.cumulative.expand(2, 3, -1)[1, 2], single.cumulative)
    if "log_prob" in law.can:
        assert torch.equal(law.log_prob(y.round()), single.log_prob(y.round()))


@EVERY
def test_rows_that_differ_keep_apart(make):
    law = make(torch.stack([X, 2 * X + 1])[:, None]).expand((2, 3))
    y = torch.linspace(-9, 5, 6, dtype=torch.float64).reshape(2, 3)
    for k, row in enumerate((X, 2 * X + 1)):
        for name in QUESTIONS:
            expected = getattr(make(row), name)(y[k])
            torch.testing.assert_close(getattr(law, name)(y)[k], expected)


@EVERY
def test_nothing_is_sorted_checked_or_copied_for_each_row(make):
    law = make(X[None])
    law.mean, law.cdf(0.0)  # what is kept is made
    y = torch.linspace(-9, 5, ROWS, dtype=torch.float64)
    names = QUESTIONS if not isinstance(law, PiecewiseLinear) else QUESTIONS[:3]
    for name in names:
        with Work() as work:
            getattr(law, name)(y)
        assert "aten::sort" not in work.done, name
        assert work.largest < 8 * ROWS * COUNT / 2, name


@pytest.mark.parametrize("make", [Empirical, Categorical], ids=["empirical", "categorical"])
def test_gradients_pass_an_expansion_whoever_looked_first(make):
    x = X.clone().requires_grad_()
    law = make(x)
    large = law.expand((4,))
    with torch.no_grad():
        large.crps(0.3), large.mean, large.cumulative
    y = torch.tensor([-1.0, 0.3, 2.0, 1.0], dtype=torch.float64)
    (found,) = torch.autograd.grad(large.crps(y).sum(), x, retain_graph=True)
    (expected,) = torch.autograd.grad(make(x).crps(y).sum(), x)
    torch.testing.assert_close(found, expected)
    assert large.cumulative.requires_grad == law.cumulative.requires_grad


def test_a_larger_batch_still_checks_what_it_is_asked():
    for make in LAWS.values():
        checked = make(X[None]).expand((3,))
        assert checked._validate_args
        with pytest.raises(InputError, match="levels in"):
            checked.icdf(1.5)
    quiet = Categorical(X[None], validate_args=False).expand((3,))
    assert not quiet._validate_args


@pytest.mark.parametrize(
    "ask",
    [
        lambda law: law.log_prob(1.0),
        lambda law: law.crps(1.0),
        lambda law: law.mean,
        lambda law: law.variance,
    ],
)
@pytest.mark.parametrize("values", [None, torch.tensor([0, 1, 4])])
def test_what_was_asked_first_in_inference_mode_has_gradients_later(ask, values):
    logits = torch.zeros(3, requires_grad=True)
    law = Categorical(logits, values=values)
    with torch.inference_mode():
        ask(law)
    ask(law).backward()
    assert logits.grad.isfinite().all()


def test_samples_too_are_sorted_outside_of_inference_mode():
    samples = torch.tensor([2.0, 0.0, 1.0], requires_grad=True)
    law = Empirical(samples)
    with torch.inference_mode():
        law.crps(0.5)
    law.crps(0.5).backward()
    assert samples.grad.isfinite().all()
