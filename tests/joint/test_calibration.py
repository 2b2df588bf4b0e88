"""A chain's samples have the marginals of the rows that it was calibrated to."""

import numpy as np
import pytest
import torch

from qdist.codecs.table import TableCodec
from qdist.laws import TableLaw, build

RNG = np.random.default_rng(0)
N = 3000
FRAME = {
    "level": RNG.choice(["a", "b", "c"], N, p=[0.6, 0.3, 0.1]),
    "count": RNG.binomial(4, 0.4, N),
    "flag": RNG.random(N) < 0.3,
    "size": RNG.exponential(size=N),
}
CODEC = TableCodec.fit(FRAME)
Y = CODEC.encode(FRAME).double()
MANY = 20_000


def law_of(members, order=None):
    """A law whose networks say something of every column, and are off."""
    parts = {
        "backbone": "mlp", "backbone_args": {"width": 8, "blocks": 1}, "head": "binned",
        "head_args": {}, "order": order, "members": members,
    }  # fmt: skip
    law = build(lambda: TableLaw(CODEC, **parts), seed=1, device="cpu").double().eval()
    law.joint.start(Y)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in law.named_parameters():
            if "heads" in name and "weight" in name:
                # By less than 0.3 in a log probability, beyond which nothing is moved.
                parameter.copy_(0.06 * torch.randn(parameter.shape, generator=generator))
    return law


def errors(law):
    """For each column of codes, the total variation of samples from the rows."""
    none = torch.zeros(MANY, law.dim, dtype=torch.bool)
    drawn = torch.cat(list(law.fill(Y.new_zeros(MANY, law.dim), none, seed=7)))
    found = []
    for i in range(3):
        values = Y[:, i].unique()
        shares = [(rows[:, i, None] == values).double().mean(0) for rows in (drawn, Y)]
        found.append(float((shares[0] - shares[1]).abs().sum() / 2))
    return found


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("order", [None, (2, 0, 3, 1)], ids=str)
def test_samples_have_the_marginals_of_the_rows(members, order):
    law = law_of(members, order)
    before = errors(law)
    law.joint.calibrate(Y, n=4000, seed=0)
    after = errors(law)
    assert max(before) > 0.02
    # A share of 20,000 draws deviates by 0.0035 at most, and a total variation of five shares by
    # no more than sqrt(5) times that in four deviations: 4 * 0.0035 * sqrt(5) / 2 = 0.016.
    assert max(after) < 0.016
    assert max(after) < max(before) / 2


def test_the_marginal_law_where_nothing_is_known_stays():
    law = law_of(2)
    row, none = Y[:1], torch.zeros(1, law.dim, dtype=torch.bool)
    levels = torch.linspace(0.05, 0.95, 19)
    before = [law.conditional(i, row, none).icdf(levels[:, None]) for i in range(law.dim)]
    law.joint.calibrate(Y, n=2000, seed=0)
    for i, kept in enumerate(before):
        assert torch.equal(law.conditional(i, row, none).icdf(levels[:, None]), kept)


def test_weights_say_whose_marginals_are_meant():
    law = law_of(1)
    rare = (Y[:, 0] == 2).double()
    weight = 1 + 3 * rare
    law.joint.calibrate(Y, n=4000, seed=0, weight=weight / weight.mean())
    none = torch.zeros(MANY, law.dim, dtype=torch.bool)
    drawn = torch.cat(list(law.fill(Y.new_zeros(MANY, law.dim), none, seed=7)))
    # The first column of the chain is told nothing and keeps its law; the flag does not depend on
    # it in these rows, and has the weighed share.
    wanted = float((Y[:, 2] * weight).sum() / weight.sum())
    assert float(drawn[:, 2].mean()) == pytest.approx(wanted, abs=0.02)


def test_it_is_the_same_twice_and_another_with_another_seed():
    states = []
    for seed in (0, 0, 1):
        law = law_of(2)
        law.joint.calibrate(Y, n=1000, seed=seed)
        states.append(torch.cat([p.flatten() for p in law.parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
