"""Laws of the marginal curve, over a table of columns."""

import itertools
import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from qdist.codecs.curved import CurvedColumn
from qdist.codecs.fitting import Fineness, fit_curve
from qdist.codecs.infer import fit_column
from qdist.codecs.schema import Column
from qdist.codecs.table import TableCodec

RNG = np.random.default_rng(20)
NORMAL = RNG.normal(size=2000)
COLUMNS = {
    "normal": (NORMAL, None),
    "few rows": (NORMAL[:7], None),
    "two rows": (np.array([1.25, 7.0 / 3]), None),
    "whole": (np.rint(50 * NORMAL), None),
    "cents": (np.round(3 * NORMAL, 2), None),
    "multiples of 25": (25 * np.rint(30 * NORMAL), None),
    "heaps of 50": (
        np.where(RNG.random(2000) < 0.8, 50 * np.rint(30 * NORMAL), np.rint(1500 * NORMAL)),
        None,
    ),
    "mostly zero": (np.where(RNG.random(2000) < 0.92, 0.0, RNG.exponential(size=2000)), None),
    "counts, mostly zero": (
        np.where(RNG.random(2000) < 0.9, 0.0, np.rint(500 * RNG.exponential(size=2000))),
        None,
    ),
    "bounded": (RNG.random(2000), Column(lower=0, upper=1)),
    "bounded whole": (RNG.integers(0, 500, 2000).astype(float), Column(lower=0, upper=500)),
    "missing": (np.where(RNG.random(2000) < 0.3, np.nan, NORMAL), None),
    "nearly all missing": (np.where(np.arange(2000) < 1940, np.nan, NORMAL), None),
    "heavy tails": (RNG.standard_cauchy(2000), None),
    "heavy whole": (np.rint(RNG.standard_cauchy(2000) * 100), None),
    "two clusters": (np.concatenate([NORMAL / 1e6, 1e6 + NORMAL]), None),
    "huge": (NORMAL * 1e300, None),
    "whole range": (np.array([-1.7e308, 1.7e308, 0.1, 1 / 3, 1e-300] * 20 + list(NORMAL)), None),
    "subnormal": (RNG.integers(1, 5000, 2000) * 5e-324, None),
    "1e-12 apart": (1.0 + RNG.integers(1, 4000, 2000) * 1e-12, None),
    "close pair": (np.concatenate([NORMAL, [0.5, 0.5 + 1e-12, 0.5 - 1e-12]]), None),
    "neighbours": (np.nextafter(1.0, 2.0) ** np.arange(1, 200), None),
}


def fit(name, **fineness):
    values, column = COLUMNS[name]
    array = pa.array(values, from_pandas=True)
    return fit_column("x", array, column, fineness=Fineness(**fineness)), array


@pytest.mark.parametrize("name", COLUMNS)
def test_pieces_are_in_order_and_finite(name):
    column, _ = fit(name)
    curve = column.curve
    assert isinstance(column, CurvedColumn)
    assert np.all(curve.z[:, 1] >= curve.z[:, 0])
    assert np.all(curve.z[1:, 0] >= curve.z[:-1, 1])
    assert np.all(np.diff(curve.u.astype(np.float32), axis=1) > 0)
    assert np.array_equal(curve.u[1:, 0], curve.u[:-1, 1])
    assert curve.u[-1, 1] == 1
    assert curve.u[0, 0] == curve.missing
    assert len(curve.kind) <= 2 * 256 + 10
    assert np.isfinite(curve.scales).all()
    assert not np.isnan(curve.z).any()


@pytest.mark.parametrize("name", COLUMNS)
def test_bins_are_sorted_and_single_precision(name):
    column, _ = fit(name)
    bins = np.array(column.coordinate.bins)
    assert np.array_equal(bins.astype(np.float32), bins)
    assert np.all(bins[:, 0] <= bins[:, 1])
    assert np.all(bins[1:, 0] >= bins[:-1, 1])
    assert bins.min() >= 0
    assert bins.max() <= 1
    stretches = bins[:, 1] > bins[:, 0]
    assert stretches.sum() <= Fineness().n_bins + 2 * (1 + (~stretches).sum())


@pytest.mark.parametrize("name", COLUMNS)
def test_decoding_undoes_encoding(name):
    column, array = fit(name)
    u = column.encode(array)
    back = column.decode(u)
    assert back.is_null().equals(pa.array(np.isnan(array.to_numpy(zero_copy_only=False))))
    x = array.drop_null().to_numpy()
    y = back.drop_null().to_numpy()
    if column.axis.gridded:
        np.testing.assert_array_equal(y, x)
    else:
        # An even stretch of mass m and length l resolves l * 2^-53 / m.
        np.testing.assert_allclose(y, x, rtol=1e-9, atol=1e-9 * np.ptp(x / 2))


@pytest.mark.parametrize("name", COLUMNS)
def test_encoding_is_monotone_and_inside(name):
    column, array = fit(name)
    x = np.unique(array.drop_null().to_numpy())
    u = column.encode(pa.array(x))
    assert np.all(np.diff(u) >= 0)
    assert u.min() >= column.curve.missing
    assert u.max() <= 1


@pytest.mark.parametrize("name", COLUMNS)
def test_values_beyond_the_training_range_lie_in_the_tails(name):
    column, array = fit(name)
    x = array.drop_null().to_numpy()
    if column.schema.lower is not None:
        return
    beyond = np.array([x.min() - 1, x.max() + 1, -1e300, 1e300, -1.79e308, 1.79e308])
    u = column.encode(pa.array(beyond))
    single = u.astype(np.float32)
    assert np.all((single > 0) & (single < 1))
    assert np.isfinite(column.log_jacobian(u)).all()
    assert np.isfinite(column.decode(u).to_numpy()).all()
    bins = np.array(column.coordinate.bins)
    inside = (u[:, None] >= bins[:, 0]) & (u[:, None] <= bins[:, 1])
    assert inside.any(axis=1).all()


@pytest.mark.parametrize("name", COLUMNS)
def test_every_level_decodes_to_a_finite_number(name):
    column, _ = fit(name)
    u = np.concatenate([np.linspace(0, 1, 4001), np.unique(column.curve.u)])
    u = np.concatenate([u, u.astype(np.float32).astype(float)])
    back = column.decode(np.sort(u))
    x = back.drop_null().to_numpy()
    assert np.isfinite(x).all()
    assert np.all(np.diff(x) >= 0)
    assert np.isfinite(column.log_jacobian(u)).all()
    lower, upper = column.schema.lower, column.schema.upper
    if lower is not None:
        assert x.min() >= lower
        assert x.max() <= upper


@pytest.mark.parametrize("name", COLUMNS)
def test_atoms_and_bins_survive_single_precision(name):
    column, array = fit(name)
    u = column.encode(array)
    single = torch.from_numpy(u).float().double().numpy()
    atoms = {m for m, right in column.coordinate.bins if m == right}
    at = np.isin(u, list(atoms))
    assert np.array_equal(single[at], u[at])
    double, rough = column.decode(u[at]), column.decode(single[at])
    assert double.equals(rough)
    # Half a unit in the last place of single precision, 2^-25, is what is lost elsewhere.
    assert np.abs(single - u).max() <= 2.0**-25


# Data whose density can be integrated: with 400 steps in the grid or none at all.
DENSITIES = ["normal", "few rows", "mostly zero", "bounded", "missing", "two rows"]


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_and_atoms_sum_to_one(name):
    column, _ = fit(name)
    curve = column.curve

    def density(x):
        u = column.encode(pa.array([float(x)]))
        return float(np.exp(column.log_jacobian(u))[0]) if curve.continuous(u)[0] else 0.0

    knots = np.unique(curve.z[np.isfinite(curve.z)]) * column.axis.unit + column.axis.base
    ends = []
    if column.schema.lower is None:
        # A tail goes flat where single precision ends, 2^-24 short of its end.
        low, high = curve.scales * column.axis.unit
        below, above = np.log(curve.u[[0, -1]] @ [-1, 1] * 2**24)
        ends = [*(knots[0] - low * np.linspace(0, below, 9)[1:])]
        ends += [*(knots[-1] + high * np.linspace(0, above, 9)[1:])]
    cuts = np.sort(np.concatenate([knots, ends]))
    total = sum(
        quad(density, a, b, limit=50, epsabs=1e-10)[0] for a, b in itertools.pairwise(cuts)
    )
    atoms = float((curve.u[curve.kind == 1] @ [-1, 1]).sum())
    assert total + atoms + curve.missing == pytest.approx(1, abs=1e-6)


def test_the_density_of_a_grid_sums_to_one_over_the_cells():
    column, array = fit("cents")
    x = np.round(np.arange(-3000, 3001) / 100, 2)
    u = column.encode(pa.array(x))
    dense = column.curve.continuous(u)
    # Cells of a hundredth: p(cell) = density * 0.01.
    cells = np.exp(column.log_jacobian(u))[dense].sum() * 0.01
    atoms = float((column.curve.u[column.curve.kind == 1] @ [-1, 1]).sum())
    assert cells + atoms == pytest.approx(1, abs=1e-3)
    assert len(array) == 2000


def test_the_jacobian_is_the_slope_of_the_encoding():
    column, array = fit("normal")
    x = array.to_numpy()[:200]
    step = 1e-7
    rise = column.encode(pa.array(x + step)) - column.encode(pa.array(x - step))
    slope = np.exp(column.log_jacobian(column.encode(pa.array(x))))
    near_knot = np.abs(rise / (2 * step) / slope - 1) > 1e-3
    assert near_knot.mean() < 0.05  # the slope jumps at knots


def test_the_marginal_is_that_of_the_data():
    column, array = fit("normal")
    u = np.sort(column.encode(array))
    # Levels of the training data are uniform up to one bin's rows.
    assert np.abs(u - (np.arange(2000) + 0.5) / 2000).max() < 1 / 128


def test_edges_of_grids_are_half_way():
    column, _ = fit("whole")
    ends = column.curve.z[column.curve.kind == 0]
    assert np.all(ends % 1 == 0.5)
    atoms = column.curve.z[column.curve.kind == 1]
    assert np.all(atoms % 1 == 0)


def test_drawn_grid_values_lie_on_the_grid():
    column, _ = fit("multiples of 25")
    assert column.schema.step == 25
    x = column.decode(np.random.default_rng(0).random(5000)).to_numpy()
    assert np.all(x % 25 == 0)


def test_fineness_is_obeyed():
    coarse, _ = fit("whole", n_bins=16, atom_count=10_000)
    assert len(coarse.coordinate.bins) == 16
    assert coarse.schema.atoms == 0
    few, _ = fit("whole", max_atoms=3)
    assert few.schema.atoms == 3


@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=2, max_size=60
    ).filter(lambda v: len(set(v)) > 1),
    st.integers(0, 3),
)
def test_any_floats_encode_and_decode(values, n_missing):
    array = pa.array([*values, *[None] * n_missing], pa.float64())
    column = fit_column("x", array, None, fineness=Fineness())
    u = column.encode(array)
    assert np.isfinite(u).all()
    back = column.decode(u)
    assert back.is_null().equals(array.is_null())
    x, y = np.array(values), back.drop_null().to_numpy()
    assert np.all(np.abs(y / 2 - x / 2) <= 1e-9 * (np.max(x) / 2 - np.min(x) / 2) + 1e-320)
    assert np.isfinite(column.log_jacobian(u)).all()
    order = np.argsort(values)
    if column.coordinate.levels is None:
        assert np.all(np.diff(u[order]) >= 0)


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=200).filter(
        lambda v: len(set(v)) > 1
    ),
    st.sampled_from([1, 60, 1000, 86_400]),
)
def test_any_integers_and_times_come_back_exactly(values, step):
    for kind in (pa.int64(), pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.duration("us")):
        array = pa.array([v * step for v in values], kind)
        column = fit_column("x", array, None, fineness=Fineness(max_codes=0))
        assert column.decode(column.encode(array)).equals(array)


@given(st.lists(st.integers(-(10**7), 10**7), min_size=2, max_size=100), st.integers(0, 4))
def test_any_decimals_come_back_exactly(digits, places):
    values = [float(f"{d}e-{places}") for d in digits]
    if len(set(values)) < 2:
        return
    array = pa.array(values)
    column = fit_column("x", array, None, fineness=Fineness(max_codes=0))
    np.testing.assert_array_equal(column.decode(column.encode(array)).to_numpy(), values)


@pytest.mark.parametrize("name", COLUMNS)
def test_json_keeps_every_bit(name):
    values, declared = COLUMNS[name]
    frame = {"x": np.asarray(values)}
    codec = TableCodec.fit(frame, columns={} if declared is None else {"x": declared})
    text = json.dumps(codec.to_json(), allow_nan=False)
    again = TableCodec.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    assert torch.equal(again.encode(frame), codec.encode(frame))
    u = torch.rand(500, 1)
    np.testing.assert_array_equal(again.decode(u)["x"], codec.decode(u)["x"])


@pytest.mark.parametrize("name", ["mostly zero", "whole", "missing"])
def test_the_end_of_a_stretch_is_not_the_atom_beside_it(name):
    column, _ = fit(name)
    curve = column.curve
    before = np.flatnonzero((curve.kind[:-1] != 1) & (curve.kind[1:] == 1))
    after = np.flatnonzero((curve.kind[:-1] == 1) & (curve.kind[1:] != 1)) + 1
    atoms = set(curve.atoms)
    for level in [*curve.u[before, 1], *curve.u[after, 0]]:
        z, missing = curve.value(np.array([level]))
        if curve.gridded:
            assert z[0] not in atoms
        assert curve.continuous(np.array([level]))[0]
        assert missing is None or not missing[0]


def test_single_precision_has_its_own_grid():
    # 39.1 in single precision is 39.099998474121094 in double.
    values = np.round(10 * NORMAL, 1).astype(np.float32)
    column = fit_column("x", pa.array(values), None, fineness=Fineness())
    assert column.schema.step == 0.1
    assert column.decode(column.encode(pa.array(values))).equals(pa.array(values))
    drawn = column.decode(np.random.default_rng(1).random(500)).to_numpy()
    np.testing.assert_array_equal(drawn, np.round(drawn.astype(float), 1).astype(np.float32))


ALONE = {
    "at the least of logarithms": (np.log1p(np.r_[[0] * 5, np.repeat(np.arange(1, 61), 20)]), 0.0),
    "the only one that is there": (np.r_[1 / 3, np.full(199, np.nan)], 1 / 3),
    "a heap at the least": (
        np.r_[
            [1000.0] * 50, [1100.0] * 1000, np.repeat(np.arange(12000.0, 32000, 100), 90),
            np.arange(12037.0, 27037, 100),
        ],
        1000.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_a_value_that_is_alone_in_its_run_has_no_endless_density(name):
    """Its piece is as wide as its cell, or a millionth of what lies between it and the next."""
    values, value = ALONE[name]
    codec = TableCodec.fit({"x": values})
    y = codec.encode({"x": np.array([value])})
    assert codec.log_jacobian(y).item() < 25
    assert codec.decode(y)["x"][0] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("zeros", [False, True], ids=["else missing", "else zero"])
def test_ten_numbers_among_a_million_rows_do_not_lie_in_the_tails(zeros):
    z, counts, rest = np.sort(9 + NORMAL[:10]), np.ones(10, np.int64), 999_990
    if zeros:
        z, counts = np.r_[0.0, z], np.r_[rest, counts]
    curve = fit_curve(z, counts, counts > 1, 0 if zeros else rest, fineness=Fineness())
    mass = curve.u[:, 1] - curve.u[:, 0]
    assert (mass > 0).all()
    tails = mass[(curve.kind == 2) | (curve.kind == 3)].sum()
    # Half a row each, of ten, or less.
    assert tails < 0.1 * mass[curve.kind != 1].sum()


def test_missing_cells_leave_the_tails_as_they_are():
    alone, among = (
        fit_curve(np.sort(NORMAL[:40]), np.ones(40, np.int64), np.zeros(40, bool), n_missing,
                  fineness=Fineness())
        for n_missing in (0, 19_960)
    )  # fmt: skip
    assert alone.kind[-1] == among.kind[-1] == 3
    mass = [1 - curve.u[-1, 0] for curve in (alone, among)]
    assert mass[1] == pytest.approx(mass[0] * 40 / 20_000, rel=0.02)
