"""A table's law: which cells a training row shows, its loss, and rows filled batch by batch."""

import numpy as np
import pytest
import torch
from scipy import stats

from qdist.backbones import TableDomain
from qdist.codecs.table import TableCodec
from qdist.errors import InputError, UnknownNameError
from qdist.laws import Questions, TableLaw, build, draw_visible
from qdist.laws import table as law_module

FRAME = {
    "a": np.random.default_rng(0).normal(size=200),
    "b": [["x", "y", "z"][i % 3] for i in range(200)],
    "c": np.random.default_rng(1).exponential(size=200),
}
CODEC = TableCodec.fit(FRAME)
PARTS = {
    "backbone": "mlp",
    "backbone_args": {"width": 8, "blocks": 1},
    "head": "binned",
    "head_args": {},
    "order": None,
}


@pytest.fixture
def law():
    law = build(lambda: TableLaw(CODEC, **PARTS), seed=0, device="cpu").eval()
    with torch.no_grad():
        for parameter in law.parameters():  # heads begin as if they knew nothing of the context
            parameter += 0.3 * torch.randn(parameter.shape, dtype=parameter.dtype)
    return law


def test_the_number_of_visible_cells_is_uniform_and_so_is_the_choice(generator):
    n, dim = 12_000, 4
    visible = draw_visible(n, dim, generator=generator)
    size = visible.sum(-1)
    assert int(size.max()) == dim - 1
    assert stats.chisquare(torch.bincount(size, minlength=dim)).pvalue > 1e-3
    # Given two of four cells, each of the six pairs is equally likely.
    codes = (visible[size == 2].long() * torch.tensor([1, 2, 4, 8])).sum(-1)
    counts = torch.bincount(codes, minlength=16)[[3, 5, 6, 9, 10, 12]]
    assert stats.chisquare(counts).pvalue > 1e-3


def test_a_fuller_row_shows_more(generator):
    n, dim, p = 12_000, 4, 1.5
    size = draw_visible(n, dim, generator=generator, fullness=p).sum(-1)
    # k >= j where U^p <= 1 - j / 4: with probabilities 1, 0.75^(2/3), 0.5^(2/3), 0.25^(2/3).
    least = torch.tensor([1.0, 0.75, 0.5, 0.25, 0.0]) ** (1 / p)
    expected = n * (least[:-1] - least[1:])
    assert stats.chisquare(torch.bincount(size, minlength=dim), expected).pvalue > 1e-3


def test_with_an_order_its_first_cells_are_visible(generator):
    order = torch.tensor([1, 2, 0])  # not its own inverse
    visible = draw_visible(100, 3, generator=generator, order=order)
    seen = {tuple(row) for row in visible.long().tolist()}
    assert seen == {(0, 0, 0), (0, 1, 0), (0, 1, 1)}


ASKED = {  # which cells are shown, and which of the others are asked for
    "all, given nothing": ([0, 0, 0], [1, 1, 1]),
    "the chain's next": ([1, 0, 0], [0, 1, 0]),
    "all that follow the first": ([1, 0, 0], [0, 1, 1]),  # the same set, another question
    "the last": ([1, 1, 0], [0, 0, 1]),
    "the first two, given the last": ([0, 0, 1], [1, 1, 0]),
}


@pytest.mark.parametrize("name", ASKED)
def test_the_loss_is_the_mean_score_of_the_cells_asked_for_times_d(law, name):
    y = CODEC.encode(FRAME)[:5].float()
    visible, asked = (torch.tensor(row).bool().expand(5, 3) for row in ASKED[name])
    cells = law.joint.loss(y, rank=(~visible).long(), where=~visible)
    expected = 3 * (cells * asked).sum(-1) / asked.sum(-1)
    loss = law(y, Questions(visible, asked))
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6, check_dtype=False)


def test_with_an_order_each_row_is_asked_for_its_next_cell(generator):
    law = build(lambda: TableLaw(CODEC, **{**PARTS, "order": [1, 2, 0]}), seed=0, device="cpu")
    questions = law.questions(100, generator=generator)
    seen = {
        tuple(map(tuple, pair))
        for pair in torch.stack([questions.visible.long(), questions.asked.long()], dim=1).tolist()
    }
    assert seen == {((0, 0, 0), (0, 1, 0)), ((0, 1, 0), (0, 0, 1)), ((0, 1, 1), (1, 0, 0))}


def test_every_other_row_shows_the_first_cells_of_the_order_of_sampling(generator):
    """Of one network; the rows between show random sets, and so does a law without that order."""
    law = build(lambda: TableLaw(CODEC, **{**PARTS, "along": [1, 2, 0]}), seed=0, device="cpu")
    questions = law.questions(200, generator=generator)
    seen = {
        tuple(map(tuple, pair))
        for pair in torch.stack([questions.visible, questions.asked], dim=1)[1::2].long().tolist()
    }
    assert seen == {((0, 0, 0), (0, 1, 0)), ((0, 1, 0), (0, 0, 1)), ((0, 1, 1), (1, 0, 0))}
    assert law.joint.order == (1, 2, 0)


def test_the_losses_along_the_chain_add_up_to_its_log_likelihood(law):
    """Each link weighs the same: the losses of its prefixes, over D, are the chain's terms."""
    y = CODEC.encode(FRAME)[:1].float().double()
    law.double()
    at = torch.arange(3)
    terms = [law(y, Questions((at < k)[None], (at == k)[None])) / 3 for k in range(3)]
    torch.testing.assert_close(
        -sum(terms), law.joint.log_prob(y), rtol=1e-5, atol=1e-6, check_dtype=False
    )


def test_random_sets_estimate_the_log_likelihood_of_random_orders(law):
    """Uria, Murray, Larochelle (2014): over sets and sizes it averages to -log p of the chain."""
    y = CODEC.encode(FRAME)[:1].float().double()
    law.double()
    orders = torch.tensor([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    exact = -torch.stack([law.joint.log_prob(y, order=o) for o in orders]).mean()
    # Sizes 0, 1, 2 are equally likely, and so are the sets of each size.
    by_size = []
    for sets in ([[]], [[0], [1], [2]], [[0, 1], [0, 2], [1, 2]]):
        hidden = torch.ones(len(sets), 3, dtype=torch.bool)
        for row, known in zip(hidden, sets, strict=True):
            row[known] = False
        cells = law.joint.loss(y.expand(len(sets), -1), rank=hidden.long(), where=hidden)
        by_size.append((3 * cells.sum(-1) / hidden.sum(-1)).mean())
    assert torch.stack(by_size).mean().item() == pytest.approx(exact.item(), rel=1e-5)


@pytest.mark.parametrize(("code", "mass"), [(0, 1e-12), (1, 2e-7), (2, 2e-7)])
def test_a_level_of_hardly_any_probability_comes_back(law, generator, code, mass):
    head = law.joint.heads[1]
    masses = torch.full((3,), 0.5)
    masses[code] = mass
    with torch.no_grad():
        head.layer.weight.zero_()
        head.layer.bias.copy_(masses.log())
    y = CODEC.encode(FRAME)
    y[:, 1] = code
    order = [1, 0, 2]  # it comes first, as others bring their own rounding
    tau = law.rosenblatt(y, ends=(y, y), order=order, generator=generator)
    back = law.fill_at(y, torch.zeros(y.shape, dtype=torch.bool), tau=tau, order=order)
    assert (back[:, 1] == code).all()


@pytest.mark.parametrize("members", [1, 2, 3])
def test_every_member_learns_from_random_sets_and_from_the_chain(members, generator):
    law = build(lambda: TableLaw(CODEC, **PARTS, members=members), seed=0, device="cpu")
    questions = law.questions(60, generator=generator)
    visible, asked = questions.visible, questions.asked
    at = torch.arange(3)
    for k in range(members):
        chain, size = slice(k + members, None, 2 * members), visible.sum(-1, keepdim=True)
        assert torch.equal(visible[chain], at < size[chain])
        assert torch.equal(asked[chain], at == size[chain])
        free = slice(k, None, 2 * members)
        assert torch.equal(asked[free], ~visible[free])
        assert bool((visible[free] != (at < size[free])).any())


def test_every_cell_is_asked_given_every_set_of_others(law, generator):
    """Also a set that begins the chain: who knows the first column may ask for the last.

    Half of the rows show a random set of k cells: of three columns k is at least 1 with a
    probability of (2/3)^(2/3), and 2 of (1/3)^(2/3). The others are links of the chain, a third
    of them each.
    """
    n = 18_000
    questions = law.questions(n, generator=generator)
    codes = (questions.visible * torch.tensor([1, 2, 4])).sum(-1)
    weight = 3 * questions.asked / questions.asked.sum(-1, keepdim=True) / n
    share = torch.zeros(8, 3).index_add(0, codes, weight)
    some, most = (2 / 3) ** (2 / 3), (1 / 3) ** (2 / 3)
    # Rows by set (bits), columns by cell asked. A chain row counts 3 for its one cell: 3 / 6 a
    # link. A random row of k hidden cells counts 3 / k for each, and there are three sets of one
    # cell, and of two: 1/2 (1 - some), 1/2 * 1/3 * 3/2 (some - most), and 1/2 * 1/3 * 3 most.
    chain, three, two, one = 0.5, (1 - some) / 2, (some - most) / 4, most / 2
    expected = torch.tensor(
        [
            [chain + three, three, three],  # nothing known
            [0, chain + two, two],  # the first
            [two, 0, two],
            [0, 0, chain + one],  # the first two
            [two, two, 0],
            [0, one, 0],
            [one, 0, 0],
            [0, 0, 0],
        ]
    )
    # A share of 1/6 of the rows has a deviation of 0.0028; times 3, and six of them.
    torch.testing.assert_close(share, expected, atol=0.05, rtol=0)


@pytest.mark.parametrize("size", [4, 12, 1000])
def test_rows_do_not_depend_on_the_batch_size(law, monkeypatch, generator, size):
    y = CODEC.encode(FRAME)[:50].float()
    visible = draw_visible(50, 3, generator=generator)
    whole = torch.cat(list(law.fill(y, visible, seed=3)))
    monkeypatch.setattr(law_module, "_DRAWN", size)
    parts = list(law.fill(y, visible, seed=3))
    assert len(parts) == -(-50 // size)
    assert torch.allclose(torch.cat(parts), whole, atol=1e-5)
    assert torch.equal(torch.cat(parts)[visible], y[visible])


def test_filling_touches_no_global_generator(law, untouched_rng):
    y = torch.full((9, 3), torch.nan)
    filled = torch.cat(list(law.fill(y, torch.zeros(9, 3, dtype=torch.bool), seed=0)))
    assert bool(filled.isfinite().all())
    assert filled.dtype == torch.float32


def test_a_narrow_range_of_levels_gives_medians(law):
    y, hidden = torch.zeros(40, 3), torch.zeros(40, 3, dtype=torch.bool)
    hidden_b = torch.cat(list(law.fill(y, hidden, seed=0, tau_range=(0.5, 0.5 + 1e-9))))
    assert bool(((hidden_b - hidden_b[0]).abs() < 1e-4).all())


def test_a_level_of_almost_one_stays_below_it(law, monkeypatch):
    """In float32 the greatest uniform would round to 1, the end of an unbounded law."""
    seen = []
    monkeypatch.setattr(
        law_module,
        "uniforms",
        lambda seed, rows, columns: torch.full((len(rows), columns), 1 - 1e-17),
    )
    fill = law.joint.fill
    monkeypatch.setattr(
        law.joint,
        "fill",
        lambda y, visible, tau, **_: seen.append(tau) or fill(y, visible, tau=tau),
    )
    list(law.fill(torch.zeros(4, 3), torch.zeros(4, 3, dtype=torch.bool), seed=0))
    assert bool((seen[0] < 1).all())


@pytest.mark.parametrize("default", [torch.float32, torch.float64], ids=str)
def test_a_law_is_float32_and_the_same_whatever_the_default(default, untouched_rng):
    torch.set_default_dtype(torch.float32)
    expected = build(lambda: TableLaw(CODEC, **PARTS), seed=4, device="cpu")
    torch.set_default_dtype(default)
    law = build(lambda: TableLaw(CODEC, **PARTS), seed=4, device="cpu")
    assert torch.get_default_dtype() == default
    assert law.dtype == torch.float32
    for (name, a), b in zip(law.named_buffers(), expected.buffers(), strict=True):
        assert torch.equal(a, b), name
    for (name, a), b in zip(law.named_parameters(), expected.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_the_default_dtype_comes_back_after_an_error():
    with pytest.raises(InputError):
        build(
            lambda: TableLaw(CODEC, **{**PARTS, "backbone_args": {"width": 0}}),
            seed=0,
            device="cpu",
        )
    assert torch.get_default_dtype() == torch.float64


WRONG = {
    "backbone": ({"backbone": "mpl"}, UnknownNameError, "name of a backbone; got 'mpl'; known:"),
    "head": ({"head": "bined"}, UnknownNameError, "name of a head; got 'bined'; known: binned"),
    "an argument": (
        {"backbone_args": {"wide": 3}},
        InputError,
        r"Expected arguments that backbone 'mlp' takes; got .*: 'wide' is none of .*width",
    ),
    "an argument of the head": (
        {"head_args": {"wave": 3}},
        InputError,
        r"Expected arguments that head 'binned' takes; got .*: 'wave' is none of .*waves",
    ),
    "text for a number": (
        {"backbone_args": {"width": "wide"}},
        InputError,
        "Expected width of backbone 'mlp' to be a whole number >= 1; got 'wide'",
    ),
}


@pytest.mark.parametrize(("change", "error", "words"), WRONG.values(), ids=WRONG)
def test_parts_that_make_no_law(change, error, words):
    with pytest.raises(error, match=words):
        TableLaw(CODEC, **{**PARTS, **change})


def test_a_mistake_of_a_networks_own_is_not_put_down_to_its_arguments(monkeypatch):
    def broken(domain, **args):
        return None + 1

    broken.takes = TableDomain
    monkeypatch.setattr(law_module, "backbone_class", lambda name: broken)
    with pytest.raises(TypeError, match="unsupported operand"):
        TableLaw(CODEC, **{**PARTS, "backbone_args": {}})
    with pytest.raises(InputError, match=r"backbone 'mlp' takes; got \{'width': 8"):
        TableLaw(CODEC, **PARTS)
