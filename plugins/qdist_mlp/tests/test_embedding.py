"""A row's vector: one term a column, cosines between atoms, and a cell that becomes known."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.backbones import Coordinate
from qdist_mlp.embedding import RowEmbedding

BINS = ((0.1, 0.1), (0.2, 0.6), (0.6, 1.0))  # an atom and two continuous bins
TOUCHING = ((0.0, 0.5), (0.5, 0.5), (0.5, 1.0))  # an atom that touches the bins beside it
COLUMNS = (
    Coordinate("gap", bins=BINS),
    Coordinate("touching", bins=TOUCHING),
    Coordinate("nominal", levels=3),
    Coordinate("ordered", levels=4, ordered=True),
    Coordinate("atoms", bins=((0.25, 0.25), (0.75, 0.75))),
    Coordinate("real"),
)
VALUES = (
    st.sampled_from([0.1, 0.2, 0.35, 0.6, 0.8, 1.0]),
    st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
    st.integers(0, 2).map(float),
    st.integers(0, 3).map(float),
    st.sampled_from([0.25, 0.75]),
    st.floats(-3, 3),
)
rows = st.lists(st.tuples(*VALUES), min_size=1, max_size=4)


def change(embed, i, value):
    """What a row's vector gains when its cell i takes a value."""
    width = embed.table.weight.shape[1]
    return embed.reveal(torch.zeros(len(value), width, dtype=embed.waves.dtype), i, value)


@pytest.fixture
def embed():
    return RowEmbedding(COLUMNS, width=5, frequencies=3)


def everything(y):
    return torch.ones_like(y, dtype=torch.bool)


@given(rows, st.lists(st.booleans(), min_size=6, max_size=6), st.integers(0, 5))
def test_a_change_is_the_difference_of_two_rows(rows, seen, i):
    torch.manual_seed(0)
    embed = RowEmbedding(COLUMNS, width=5, frequencies=3)
    y = torch.tensor(rows)
    before = torch.tensor(seen).expand(y.shape).clone()
    before[:, i] = False
    after = before.clone()
    after[:, i] = True
    difference = embed(y, after) - embed(y, before)
    assert torch.allclose(change(embed, i, y[:, i]), difference, atol=1e-12)


@given(rows, st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_row_is_the_sum_of_its_columns(rows, seen):
    torch.manual_seed(0)
    embed = RowEmbedding(COLUMNS, width=5, frequencies=3)
    y = torch.tensor(rows)
    visible = torch.tensor(seen).expand(y.shape)
    hidden = embed(y, torch.zeros_like(visible))
    steps = [change(embed, i, y[:, i]) for i in range(6) if seen[i]]
    assert torch.allclose(embed(y, visible), hidden + sum(steps), atol=1e-12)


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, -math.inf, 1e300])
def test_a_hidden_cell_can_be_anything(embed, rubbish):
    y = torch.tensor([[0.3, 0.5, 2.0, 1.0, 0.25, 0.0]]).expand(6, -1).clone()
    hidden = torch.eye(6, dtype=torch.bool)
    expected = embed(y, ~hidden)
    y[hidden] = rubbish
    row = embed(y, ~hidden)
    assert torch.equal(row, expected)
    row.sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in embed.parameters())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_falls_into_the_columns_own_last_bin(embed, value):
    # It is sorted behind all bins, to where shorter columns are padded; a network whose weights
    # were forged can draw it.
    for i in range(6):
        embed.reveal(torch.zeros(1, 5), i, torch.tensor([value]))
        found, _ = embed._describe(torch.tensor([[value]]), slice(i, i + 1))
        assert found.item() == embed.vector[i, int(embed.bins[i]) - 1].item()


def test_cosines_by_hand():
    # Place among 3 bins: half of the second is (1 + 1/2) / 3 = 1/2, the atom (0 + 1/2) / 3 = 1/6,
    # half of the third 5/6 and its end 1; then w_0 z + w_k cos(pi k p) / (1 + k) before training.
    # The normal scores z of 1/2, 1/6, 5/6 are 0, -0.967422, 0.967422; that of 1 is 3.719016, cut.
    embed = RowEmbedding((Coordinate("x", bins=BINS),), width=1, frequencies=2)
    with torch.no_grad():
        embed.table.weight.zero_()
        embed.waves.copy_(torch.tensor([[[1000.0], [10.0], [100.0]]]))
    y = torch.tensor([[0.4], [0.1], [0.8], [1.0]])
    expected = [
        1000 * z + 10 * math.cos(math.pi * p) / 2 + 100 * math.cos(2 * math.pi * p) / 3
        for p, z in ((1 / 2, 0), (1 / 6, -0.967422), (5 / 6, 0.967422), (1, 3.719016))
    ]
    assert embed(y, everything(y))[:, 0].tolist() == pytest.approx(expected, abs=1e-3)


def test_each_column_has_a_smoothness_of_its_own(embed):
    y = torch.tensor([[0.3, 0.75, 2.0, 1.0, 0.25, 0.6]])
    before = [change(embed, i, y[:, i]) for i in range(6)]
    with torch.no_grad():
        embed.smoothness[3] += 0.1
    now = [change(embed, i, y[:, i]) for i in range(6)]
    assert [i for i in range(6) if not torch.equal(before[i], now[i])] == [3]


def test_an_atom_has_a_vector_of_its_own_even_where_bins_touch_it(embed):
    # Left to the cosines, the atom would lie between its neighbours, half a bin from both.
    with torch.no_grad():
        embed.waves.zero_()
    below, at, above = change(embed, 1, torch.tensor([0.5 - 1e-9, 0.5, 0.5 + 1e-9]))
    assert torch.equal(below, above)
    assert not torch.allclose(below, at, atol=1e-2)


def test_codes_without_an_order_have_no_waves():
    columns = (Coordinate("a", levels=3), Coordinate("b", levels=3, ordered=True))
    embed = RowEmbedding(columns, width=4, frequencies=16)
    with torch.no_grad():
        embed.table.weight.zero_()
    codes = torch.tensor([0.0, 1.0, 2.0])
    assert not change(embed, 0, codes).any()
    assert bool(change(embed, 1, codes).any(-1).all())


def test_distinct_codes_and_atoms_have_distinct_vectors(embed):
    for i, values in ((2, [0.0, 1.0, 2.0]), (3, [0.0, 1.0, 2.0, 3.0]), (4, [0.25, 0.75])):
        vectors = change(embed, i, torch.tensor(values))
        distances = torch.cdist(vectors, vectors) + torch.eye(len(values))
        assert bool((distances > 1e-3).all())


def test_atoms_of_single_precision_are_found():
    """The atom that a network in float32 reads is the one that a codec in float64 wrote."""
    point = torch.tensor(1 / 3, dtype=torch.float32).item()
    bins = ((0.0, 0.2), (point, point), (0.5, 1.0))
    embed = RowEmbedding((Coordinate("x", bins=bins),), width=4, frequencies=16).float()
    with torch.no_grad():
        embed.waves.zero_()
    bin_, atom = change(embed, 0, torch.tensor([0.1, 1 / 3], dtype=torch.float32))
    assert not torch.allclose(bin_, atom, atol=1e-2)


def test_every_parameter_has_a_gradient(embed):
    y = torch.tensor([[0.3, 0.75, 2.0, 1.0, 0.25, 0.0]])
    embed(y, everything(y)).sum().backward()
    for name, parameter in embed.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.parametrize("gradients", [True, False])
def test_autocast_is_left_alone(gradients):
    embed = RowEmbedding(COLUMNS, width=8, frequencies=16).float()
    y = torch.tensor([[0.35, 0.25, 2.0, 3.0, 0.75, 0.4]])
    visible = torch.tensor([[True, False, True, True, False, False]])

    def row():
        with torch.set_grad_enabled(gradients):
            return embed.reveal(embed(y, visible), 5, y[:, 5])

    wanted = row()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(row(), wanted)
