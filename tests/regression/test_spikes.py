"""Values that many rows hold: room for them, and the way back to atoms."""

import numpy as np
import pytest
import torch

import qdist
from qdist.quantile import PiecewiseLinear
from qdist.regression import TargetCodec

LEVELS = torch.linspace(0, 1, 21, dtype=torch.float64)


def spiked(*spikes, rows=20, others=60, low=-2.0, high=3.0):
    """A target with some spikes among values that are all different."""
    rest = np.linspace(low, high, others + 2)[1:-1]
    return np.concatenate([np.full(rows, v) for v in spikes] + [rest])


def on_axis(codec, *, tails):
    """Laws on the codec's axis: sharp, wide, and far out on either side."""
    generator = torch.Generator().manual_seed(0)
    middle = torch.tensor([-40.0, -1.0, 0.0, 0.3, 40.0], dtype=torch.float64)[:, None]
    shape = torch.randn(5, 9, generator=generator, dtype=torch.float64).sort(-1).values
    width = torch.tensor([1.0, 1e-3, 3.0, 0.1, 1.0], dtype=torch.float64)[:, None]
    if tails:
        at = torch.linspace(0.05, 0.95, 9, dtype=torch.float64)
        scales = (width[:, 0], 2 * width[:, 0])
        return PiecewiseLinear(at, middle + width * shape, tails=scales)
    return PiecewiseLinear(torch.linspace(0, 1, 9, dtype=torch.float64), middle + width * shape)


CASES = {
    "one inside": spiked(0.5),
    "the least": spiked(-2.0),
    "the greatest": spiked(3.0),
    "both ends and one inside": spiked(-2.0, 0.1, 3.0),
    "neighbours": spiked(0.5, 0.5 + 1e-9),
    "large numbers": 1e9 + 1e3 * spiked(0.5),
}


@pytest.mark.parametrize("tails", [True, False], ids=["tails", "no tails"])
@pytest.mark.parametrize("y", CASES.values(), ids=CASES)
def test_quantiles_move_along_the_axis(y, tails):
    """The plain way: the quantile on the roomy axis, then back, one by one."""
    codec = TargetCodec.fit(y, np.ones(len(y)))
    assert codec.spikes is not None
    law = on_axis(codec, tails=tails)
    found = codec.decode(law).quantiles(LEVELS)
    roomy = law.quantiles(LEVELS).numpy()
    low = codec.spikes.values[0] if codec.spikes.least else -np.inf
    high = codec.spikes.values[-1] if codec.spikes.greatest else np.inf
    expected = np.array([[back(codec, z) for z in row] for row in roomy]).clip(low, high)
    # Between the last knot and an edge in the tail the decoded law is a line, not a curve: so
    # levels are compared only where both are between the knots, or nothing is cut.
    between = (LEVELS >= 0.05) & (LEVELS <= 0.95) if tails else torch.ones_like(LEVELS).bool()
    np.testing.assert_allclose(
        found[:, between], expected[:, between.numpy()], rtol=1e-12, atol=1e-8 * codec.scale
    )
    assert bool((found.diff(dim=-1) >= 0).all())


def back(codec, place):
    """A place on the roomy axis as a value, by bisection of `encode`."""
    for value in codec.spikes.values:
        middle = codec.encode(np.array([value]))[0]
        if abs(place - middle) <= 0.5:
            return value
    low, high = codec.loc - 1e3 * codec.scale, codec.loc + 1e3 * codec.scale
    for _ in range(90):
        mean = (low + high) / 2
        low, high = (mean, high) if codec.encode(np.array([mean]))[0] < place else (low, mean)
    return high


@pytest.mark.parametrize("y", CASES.values(), ids=CASES)
def test_the_law_of_a_row_is_on_its_spike(y):
    """A law that is narrower than the room is all of it the atom."""
    codec = TargetCodec.fit(y, np.ones(len(y)))
    value = codec.spikes.values[0]
    middle = torch.from_numpy(codec.encode(np.full(3, value)))[:, None]
    sharp = middle + torch.tensor([-0.4, 0.0, 0.4], dtype=torch.float64)
    law = codec.decode(PiecewiseLinear(torch.tensor([0.0, 0.5, 1.0]).double(), sharp))
    assert (law.quantiles(LEVELS) == value).all()
    assert (law.cdf(value) == 1).all()
    assert (law.cdf_left(value) == 0).all()


@pytest.mark.parametrize("y", CASES.values(), ids=CASES)
def test_all_of_a_room_is_the_atom_whatever_rounds(y):
    codec = TargetCodec.fit(y, np.ones(len(y)))
    law = on_axis(codec, tails=False)
    found = codec.decode(law)
    for value in codec.spikes.values:
        middle = torch.from_numpy(codec.encode(np.array([value])))
        inside = law.cdf(middle + 0.5) - law.cdf(middle - 0.5)
        mass = found.cdf(value) - found.cdf_left(value)
        if value == codec.spikes.values[0] and codec.spikes.least:
            inside = law.cdf(middle + 0.5)
        if value == codec.spikes.values[-1] and codec.spikes.greatest:
            inside = 1 - law.cdf(middle - 0.5)
        torch.testing.assert_close(mass, inside, rtol=0, atol=1e-9)


def test_room_by_hand():
    # Half of 40 rows are 0, the rest 1 ... 20. In units of loc 0 and scale 1 the room of 0 is
    # (0, 1), so 0 sits at 0.5, 1 at 2 and -1 at -1.
    spikes = TargetCodec.fit(np.append(np.zeros(20), np.arange(1.0, 21.0)), np.ones(40)).spikes
    assert spikes.values == (0.0,)
    assert (spikes.least, spikes.greatest) == (True, False)
    plain = type(spikes)((0.0,), 0.0, 1.0, least=False, greatest=False)
    assert plain.encode(np.array([-1.0, 0.0, 1.0])).tolist() == [-1.0, 0.5, 2.0]
    # From -1 to 3 in a line: it enters the room at level 1 / 4 and leaves it at 1 / 2.
    line = torch.tensor([[-1.0, 3.0]], dtype=torch.float64)
    law = plain.decode(PiecewiseLinear(torch.tensor([0.0, 1.0]).double(), line))
    torch.testing.assert_close(law.levels, torch.tensor([[0.0, 0.25, 0.5, 1.0]]).double())
    assert law.values.tolist() == [[-1.0, 0.0, 0.0, 2.0]]


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (np.arange(90) % 30 + 0.0, "values"),  # counts, three rows to each
        (np.arange(90) % 30 + 0.5, "none"),  # measurements that repeat
        (np.arange(300) % 30 + 0.5, "values"),  # ten rows to each
        (np.arange(90) % 31 + 0.0, "none"),
        (spiked(0.5, rows=9, others=30), "none"),  # nine rows
        (spiked(0.5, rows=10, others=400), "none"),  # 2.4 per cent
        (spiked(0.5, rows=10, others=300), "spikes"),  # 3.2 per cent
    ],
)
def test_what_is_a_spike(y, kind):
    codec = TargetCodec.fit(y, np.ones(len(y)))
    found = "values" if codec.values else "spikes" if codec.spikes else "none"
    assert found == kind


def test_a_share_of_rows_is_one_of_their_weights():
    y = spiked(0.5, rows=20, others=60)
    weight = np.where(y == 0.5, 0.05, 1.0)
    assert TargetCodec.fit(y, weight / weight.mean()).spikes is None


def test_days_without_rain(tmp_path):
    """600 days, half of them dry: the share of 0 is learnt, and nothing is predicted below it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    dry = rng.random(600) < 1 / (1 + np.exp(-2 * x[:, 0]))
    rain = np.where(dry, 0.0, rng.gamma(2, 1, 600))
    model = qdist.DistributionRegressor(max_steps=300, trees=30, copies=1, random_state=0)
    model.fit(x[:500], rain[:500])
    levels = np.linspace(0.01, 0.99, 99)
    quantiles = model.predict_quantiles(x[500:], levels)
    assert quantiles.min() == 0
    # The share in 500 training days has a standard error of 0.02; a short fit adds its own.
    share = 1 / (1 + np.exp(-2 * x[500:, 0]))
    assert abs((quantiles == 0).mean() - share.mean()) < 0.1
    assert np.corrcoef((quantiles == 0).mean(1), share)[0, 1] > 0.8
    model.save(tmp_path / "rain.qdist")
    again = qdist.load(tmp_path / "rain.qdist")
    assert np.array_equal(again.predict_quantiles(x[500:], levels), quantiles)
    whole, parts = model.predict_dist(x), model.predict_dist(x[:10])
    torch.testing.assert_close(whole.cdf(0.0)[:10], parts.cdf(0.0))


@pytest.mark.parametrize("side", ["least", "inside", "greatest"])
def test_tails_of_rows_far_from_a_spike_stay_tails(side):
    """Half of the rows are 0, half near 10, or -10, or both: the 1 % quantile is that of these.

    The exponential tail of mass 1 / 64 is at 0.01 where its scale times log 0.64 is left to go.
    Knots where half of it is left, and a half of that, make chords less than 0.06 scales off.
    """
    near = {"least": [10.0], "inside": [-10.0, 10.0], "greatest": [-10.0]}[side]
    generator = np.random.default_rng(0)
    rest = [middle + generator.normal(size=500 // len(near)) for middle in near]
    y = np.concatenate([np.zeros(500), *rest])
    codec = TargetCodec.fit(y, np.ones(len(y)))
    assert (codec.spikes.least, codec.spikes.greatest) == (side == "least", side == "greatest")
    levels = (torch.arange(32, dtype=torch.float64) + 0.5) / 32
    for middle in near:
        values = torch.from_numpy(codec.encode(middle + np.linspace(-2, 2, 32)))[None]
        scale = torch.tensor([0.6 / codec.scale], dtype=torch.float64)
        law = codec.decode(PiecewiseLinear(levels, values, tails=(scale, scale)))
        reach = 2 - 0.6 * np.log(0.64)
        for level, sign in ((0.01, -1), (0.99, 1)):
            assert law.icdf(level).item() == pytest.approx(middle + sign * reach, abs=0.06 * 0.6)
        assert law.mean.item() == pytest.approx(middle, abs=0.01)
