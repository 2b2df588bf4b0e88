"""A chain's samples have the marginals of the rows that it was calibrated to."""

import numpy as np
import pytest
import torch

from qdist.codecs.table import TableCodec
from qdist.errors import UnsupportedError
from qdist.heads import ColumnHeads
from qdist.joint import Autoregressive, calibration
from qdist.laws import TableLaw, build
from qdist.rng import uniforms

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
    weight = 1 + 0.3 * (Y[:, 2] == 1)
    law.joint.calibrate(Y, n=4000, seed=0, weight=weight)
    none = torch.zeros(MANY, law.dim, dtype=torch.bool)
    drawn = torch.cat(list(law.fill(Y.new_zeros(MANY, law.dim), none, seed=7)))
    # Of 0.3 and 0.7 of the rows: 0.39 / (0.39 + 0.7) = 0.36; 4 deviations of 20,000 draws: 0.014.
    wanted = float((Y[:, 2] * weight).sum() / weight.sum())
    assert wanted > float(Y[:, 2].mean()) + 0.04
    assert float(drawn[:, 2].mean()) == pytest.approx(wanted, abs=0.014)


def test_the_rows_drawn_are_not_those_of_a_sample_with_the_same_seed(monkeypatch):
    law, seen = law_of(1), []
    head = law.joint.heads[0]
    kept = head.value_at
    monkeypatch.setattr(head, "value_at", lambda h, tau: (seen.append(tau), kept(h, tau))[1])
    law.joint.calibrate(Y, n=1000, seed=3)
    levels = uniforms(3, range(1000), columns=law.dim)[:, 0]
    assert len(seen[0]) == len(levels)
    assert abs(float(torch.corrcoef(torch.stack([seen[0], levels]))[0, 1])) < 4 / 1000**0.5


def test_levels_are_below_one_in_the_precision_of_the_rows(monkeypatch):
    law, seen = law_of(1).float(), []
    head = law.joint.heads[0]
    kept = head.value_at
    monkeypatch.setattr(head, "value_at", lambda h, tau: (seen.append(tau), kept(h, tau))[1])
    for end in (0.0, 1.0):
        monkeypatch.setattr(
            calibration,
            "uniforms",
            lambda seed, rows, *, columns, end=end: torch.full(
                (len(rows), len(columns)), abs(end - 1e-12), dtype=torch.float64
            ),
        )
        law.joint.calibrate(Y.float(), n=8, seed=3)
    assert all(((tau > 1e-9) & (tau < 1)).all() for tau in seen)


def test_conditioning_variables_are_those_of_the_rows_and_have_no_law(monkeypatch):
    law, asked = law_of(1), []
    joint = Autoregressive(law.joint.backbone, law.joint.heads, conditioning=(0,))
    for i in range(law.dim):
        monkeypatch.setattr(joint.heads[i], "calibrate", lambda h, y, weight, i=i: asked.append(i))
    steppers = spy(monkeypatch, joint.backbone)
    joint.calibrate(Y, n=8, seed=0)
    assert asked == [1, 2, 3]
    ((rows, known),) = steppers
    assert torch.equal(rows[:, 0], Y[:8, 0])
    assert known.tolist() == [[True, False, False, False]] * 8


def spy(monkeypatch, backbone):
    """What the backbone's steppers begin with, from now on."""
    seen, kept = [], backbone.stepper
    monkeypatch.setattr(
        backbone, "stepper", lambda y, known: (seen.append((y, known)), kept(y, known))[1]
    )
    return seen


def test_coordinates_that_share_a_head_are_refused():
    law = law_of(1)
    shared = ColumnHeads([law.joint.heads[0], law.joint.heads[3]], places=[0, 0, 0, 1])
    joint = Autoregressive(law.joint.backbone, shared)
    with pytest.raises(UnsupportedError, match="share a head"):
        joint.calibrate(Y, n=8, seed=0)


def test_it_is_the_same_twice_and_another_with_another_seed():
    states = []
    for seed in (0, 0, 1):
        law = law_of(2)
        law.joint.calibrate(Y, n=1000, seed=seed)
        states.append(torch.cat([p.flatten() for p in law.parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
