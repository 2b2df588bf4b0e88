"""Laws of every joint: what is known stays, draws are reproducible, edges are checked."""

import pytest
import torch

from qdist.errors import InputError, UnsupportedError
from qdist.joint import base

JOINTS = ["comonotonic", "independent", "autoregressive"]
CAN = {
    # As promised by the table of the package: what each joint offers besides loss, fill, sample.
    "comonotonic": {"cdf"},
    "independent": {"cdf", "log_prob", "rosenblatt"},
    "autoregressive": {"log_prob", "rosenblatt"},
}
CANNOT = [
    ("comonotonic", "log_prob", "no log_prob: all coordinates share one level.*no density"),
    ("comonotonic", "rosenblatt", "no rosenblatt: all coordinates share one level"),
    ("autoregressive", "cdf", "no cdf: densities factor along the chain, joint cdfs do not"),
]
SERVES = [
    (joint, serves)
    for joint in JOINTS
    for serves in ("any", "two_level", "fixed")
    if serves != "fixed" or joint == "autoregressive"
]

each_joint = pytest.mark.parametrize("name", JOINTS)
each_pair = pytest.mark.parametrize(("name", "serves"), SERVES)


@pytest.fixture
def rows(generator):
    return torch.randn((6, 3), generator=generator)


@each_joint
def test_what_it_can_is_what_the_table_says(toys, name, rows):
    joint = toys.gaussian(toys.joints[name])
    assert joint.can == CAN[name]
    for capability in joint.can:
        assert getattr(joint, capability)(rows).isfinite().all()


@pytest.mark.parametrize(("name", "capability", "match"), CANNOT)
def test_what_it_cannot_says_why(toys, name, capability, match, rows):
    joint = toys.gaussian(toys.joints[name])
    with pytest.raises(UnsupportedError, match=f"The {name} joint has {match}"):
        getattr(joint, capability)(rows)


@each_pair
def test_known_cells_stay_and_hidden_ones_are_drawn(toys, name, serves, rows, generator):
    joint = toys.gaussian(toys.joints[name], serves)
    known = torch.tensor([0, 1, 1, 0, 1, 0]).unsqueeze(1)  # at most one, first: all joints take it
    visible = torch.arange(3) < known
    filled = joint.fill(rows, visible, tau=torch.rand(rows.shape, generator=generator))
    assert torch.equal(filled[visible], rows[visible])
    assert (filled[~visible] != rows[~visible]).all()


@each_pair
def test_hidden_cells_may_hold_anything(toys, name, serves, rows, generator):
    joint = toys.gaussian(toys.joints[name], serves)
    visible = torch.arange(3).expand(6, 3) < 1
    tau = torch.rand(rows.shape, generator=generator)
    filled = joint.fill(rows, visible, tau=tau)
    unknown = torch.where(visible, rows, torch.nan)
    missing_levels = torch.where(visible, torch.nan, tau)
    if name == "comonotonic":
        missing_levels[:, 0] = tau[:, 0]  # its one level
    assert torch.equal(joint.fill(unknown, visible, tau=tau), filled)
    assert torch.equal(joint.fill(unknown, visible, tau=missing_levels), filled)


@each_pair
def test_a_row_does_not_depend_on_its_batch(toys, name, serves, rows, generator):
    joint = toys.gaussian(toys.joints[name], serves)
    visible = torch.arange(3) < torch.tensor([0, 1, 0, 1, 0, 3]).unsqueeze(1)
    visible[5] &= name == "autoregressive"
    tau = torch.rand(rows.shape, generator=generator)
    filled = joint.fill(rows, visible, tau=tau)
    for b in range(6):
        alone = joint.fill(rows[b : b + 1], visible[b : b + 1], tau=tau[b : b + 1])
        torch.testing.assert_close(alone[0], filled[b], rtol=1e-12, atol=1e-12)


@each_pair
def test_fill_leaves_its_arguments_alone_and_builds_no_graph(toys, name, serves, rows, generator):
    joint = toys.gaussian(toys.joints[name], serves, conditioning=[0])
    visible = torch.zeros(6, 3, dtype=torch.bool)
    before = rows.clone()
    filled = joint.fill(rows.requires_grad_(), visible, tau=torch.full((6, 3), 0.3))
    assert not filled.requires_grad
    assert torch.equal(rows, before)
    assert not visible.any()


@each_joint
def test_samples_repeat_with_the_generator_and_no_other(toys, name, untouched_rng):
    joint = toys.gaussian(toys.joints[name])
    first, again, other = (
        joint.sample(5, generator=torch.Generator().manual_seed(s)) for s in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert joint.sample(0, generator=torch.Generator()).shape == (0, 3)


@each_joint
def test_every_joint_has_the_same_marginals(toys, name):
    draws = toys.gaussian(toys.joints[name]).sample(
        40_000, generator=torch.Generator().manual_seed(1)
    )
    spread = toys.covariance.diagonal().sqrt()
    # Standard errors: sd / sqrt(n) of the mean, sd / sqrt(2 n) of the deviation; five of them.
    assert ((draws.mean(0) - toys.mean).abs() < 5 * spread / 200).all()
    assert ((draws.std(0) - spread).abs() < 5 * spread / 2**0.5 / 200).all()


@each_joint
def test_the_loss_is_exactly_zero_outside_where(toys, name, rows):
    joint = toys.gaussian(toys.joints[name])
    where = torch.eye(3, dtype=torch.bool).repeat(2, 1)
    loss = joint.loss(rows, where=where)
    assert (loss[~where] == 0).all()
    torch.testing.assert_close(loss[where], joint.loss(rows)[where])


@each_pair
def test_conditioning_variables_are_given_and_have_no_loss(toys, name, serves, rows):
    joint = toys.gaussian(toys.joints[name], serves, conditioning=[0])
    if serves != "two_level" or name != "autoregressive":
        loss = joint.loss(rows)
        assert (loss[:, 0] == 0).all()
        assert (loss[:, 1:] != 0).all()
    filled = joint.fill(
        rows, torch.zeros_like(rows, dtype=torch.bool), tau=torch.full((6, 3), 0.5)
    )
    assert torch.equal(filled[:, 0], rows[:, 0])
    # At level 1/2 coordinate 1 is the median, which is the mean, of its law given coordinate 0:
    # -2 + 1.2 / 2 * (y_0 - 1).
    torch.testing.assert_close(filled[:, 1], -2 + 0.6 * (rows[:, 0] - 1))
    with pytest.raises(InputError, match=r"without conditioning variables; got \(0,\)"):
        joint.sample(1, generator=torch.Generator())


BAD = {
    "y": ({"y": torch.zeros(2, 4)}, r"Expected y of shape \(B, 3\); got \(2, 4\)"),
    "visible shape": (
        {"visible": torch.zeros(3, 3, dtype=torch.bool)},
        r"Expected visible of shape \(2, 3\); got \(3, 3\)",
    ),
    "visible dtype": (
        {"visible": torch.zeros(2, 3, dtype=torch.long)},
        "Expected visible of dtype bool; got torch.int64",
    ),
    "tau shape": ({"tau": torch.zeros(2)}, r"Expected tau of shape \(2, 3\); got \(2,\)"),
    "tau range": ({"tau": torch.full((2, 3), 1.5)}, r"Expected levels in \[0, 1\]"),
    "tau NaN": ({"tau": torch.full((2, 3), torch.nan)}, r"Expected levels in \[0, 1\]"),
}


@each_joint
@pytest.mark.parametrize(("changes", "match"), BAD.values(), ids=BAD)
def test_bad_arguments_are_refused(toys, name, changes, match):
    arguments = {
        "y": torch.zeros(2, 3),
        "visible": torch.zeros(2, 3, dtype=torch.bool),
        "tau": torch.full((2, 3), 0.5),
    } | changes
    with pytest.raises(InputError, match=match):
        toys.gaussian(toys.joints[name]).fill(
            arguments["y"], arguments["visible"], tau=arguments["tau"]
        )


@each_joint
def test_parts_that_do_not_fit_are_refused(toys, name):
    joint = toys.joints[name]
    with pytest.raises(InputError, match=r"one head for each of the 3 coordinates .* got 2"):
        joint(toys.backbone(), toys.heads(2))
    with pytest.raises(InputError, match=r"conditioning coordinates in 0 ... 2; got \[3\]"):
        joint(toys.backbone(), toys.heads(3), conditioning=[3])
    with pytest.raises(InputError, match="number of rows >= 0; got -1"):
        toys.gaussian(joint).sample(-1, generator=torch.Generator())


def test_a_repr_shows_the_conditioning_variables(toys):
    assert "conditioning=[1]" in repr(toys.gaussian(toys.joints["independent"], conditioning=[1]))


@each_joint
def test_no_sample_is_at_the_end_of_a_law(toys, name, monkeypatch):
    """A generator may give 0, of which a law with a tail has no finite quantile."""
    monkeypatch.setattr(base, "rand", lambda shape, *, generator, like: like.new_zeros(shape))
    drawn = toys.gaussian(toys.joints[name]).sample(5, generator=torch.Generator())
    assert drawn.isfinite().all()
