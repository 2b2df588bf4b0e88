"""Seeds and uniforms: the same numbers for the same seed, and the caller's generators at rest."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qdist.errors import InputError
from qdist.rng import Noise, inside_unit, isolated_rng, rand, seed_of, uniforms


def test_an_isolated_generator_repeats_itself_and_leaves_the_callers_alone(untouched_rng):
    draws = []
    for seed in (3, 3, 4):
        with isolated_rng(seed):
            draws.append(torch.rand(4))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_the_callers_generator_comes_back_after_an_error(untouched_rng):
    with pytest.raises(RuntimeError, match="shape"), isolated_rng(0):
        torch.rand(3).view(7)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_has_63_bits(seed):
    with pytest.raises(InputError, match=r"in \[0, 2\^63\); got"), isolated_rng(seed):
        pass


def test_a_generator_of_the_cpu_draws_for_any_device():
    # "meta" stands for a device other than the generator's, which torch itself refuses.
    drawn = rand((2, 3), generator=torch.Generator(), like=torch.zeros(1, device="meta"))
    assert (drawn.device.type, drawn.shape) == ("meta", (2, 3))
    like = torch.zeros(1, dtype=torch.float32)
    same = [torch.Generator().manual_seed(0) for _ in range(2)]
    assert torch.equal(
        rand((4,), generator=same[0], like=like),
        torch.rand(4, generator=same[1], dtype=torch.float32),
    )


def test_isolated_generators_nest():
    with isolated_rng(0):
        expected = torch.rand(2, 3)
    with isolated_rng(0):
        first = torch.rand(3)
        with isolated_rng(9):
            torch.rand(5)
        second = torch.rand(3)
    assert torch.equal(torch.stack([first, second]), expected)


SEEDS = {
    "an integer": (7, 7),
    "an integer of numpy": (np.int64(7), 7),
    "the least": (0, 0),
    "the greatest": (2**63 - 1, 2**63 - 1),
}


@pytest.mark.parametrize(("state", "seed"), SEEDS.values(), ids=SEEDS)
def test_an_integer_is_its_own_seed(state, seed):
    assert seed_of(state) == seed
    assert type(seed_of(state)) is int


GENERATORS = {
    "Generator": lambda: np.random.default_rng(5),
    "RandomState": lambda: np.random.RandomState(5),
}


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_a_generator_gives_a_new_seed_each_time_and_the_same_ones_again(make):
    state, same = make(), make()
    seeds = [seed_of(state) for _ in range(3)]
    assert len(set(seeds)) == 3
    assert seeds == [seed_of(same) for _ in range(3)]
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_without_a_state_there_is_fresh_entropy(untouched_rng):
    seeds = {seed_of(None) for _ in range(8)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**63 for seed in seeds)


WRONG = {
    "negative": (-1, r"Expected random_state in \[0, 2\^63\); got -1"),
    "too large": (2**63, r"Expected random_state in \[0, 2\^63\); got 9223372036854775808"),
    "a bool": (True, "None, an integer or a numpy generator; got True"),
    "a float": (1.0, "None, an integer or a numpy generator; got 1.0"),
    "text": ("0", "None, an integer or a numpy generator; got '0'"),
}


@pytest.mark.parametrize(("state", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_random_state(state, words):
    with pytest.raises(InputError, match=words):
        seed_of(state)


@given(st.integers(0, 2**63 - 1), st.integers(0, 50), st.integers(0, 30), st.integers(0, 4))
def test_a_number_depends_on_seed_row_and_column_alone(seed, quarter, more, columns):
    start = 4 * quarter
    whole = uniforms(seed, range(start + more), columns=columns + 1)
    assert torch.equal(
        uniforms(seed, range(start, start + more), columns=columns + 1), whole[start:]
    )
    assert torch.equal(uniforms(seed, range(start + more), columns=columns), whole[:, :columns])
    last = range(columns, columns + 1)
    assert torch.equal(uniforms(seed, range(start + more), columns=last), whole[:, columns:])


def test_uniforms_are_uniform_independent_and_inside_the_interval():
    u = uniforms(1, range(10_000), columns=3)
    assert u.dtype == torch.float64
    assert bool(((u > 0) & (u < 1)).all())
    for i in range(3):
        assert stats.kstest(u[:, i].numpy(), "uniform").pvalue > 1e-3
    # 10,000 pairs: correlations have a standard deviation of 0.01.
    assert np.abs(np.corrcoef(u.T.numpy()) - np.eye(3)).max() < 0.05
    other = uniforms(2, range(10_000), columns=3)
    assert abs(np.corrcoef(u[:, 0], other[:, 0])[0, 1]) < 0.05


@pytest.mark.parametrize("rows", [range(3, 8), range(0, 8, 2)], ids=["start", "step"])
def test_rows_come_in_blocks(rows):
    with pytest.raises(InputError, match=r"Expected rows from a multiple of 4 on, with step 1"):
        uniforms(0, rows, columns=1)


def test_noise_goes_on_where_it_was_and_leaves_the_callers_alone(untouched_rng):
    noise, whole = Noise(3), Noise(3)
    parts = []
    for _ in range(3):
        with noise:
            parts.append(torch.rand(5))
        with isolated_rng(8):
            torch.rand(7)
    with whole:
        assert torch.equal(torch.rand(15), torch.cat(parts))
    with isolated_rng(3):
        assert torch.equal(torch.rand(15), torch.cat(parts))


def test_noise_can_be_put_back():
    noise = Noise(0)
    with noise:
        torch.rand(3)
    kept = noise.state
    with noise:
        first = torch.rand(3)
    noise.state = kept
    with noise:
        assert torch.equal(torch.rand(3), first)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_levels_stay_inside_whatever_they_are_rounded_to(dtype):
    tau = torch.tensor([0.0, 1e-300, 0.25, 1 - 2**-53, 1.0], dtype=torch.float64)
    inside = inside_unit(tau, dtype)
    assert inside.dtype == dtype
    assert ((inside > 0) & (inside < 1)).all()
    assert inside[2] == 0.25
