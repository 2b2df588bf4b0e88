"""Randomness that leaves the caller's alone.

Torch's layers and dropout draw from its global generator and take no other. `isolated_rng` lends
them a seeded one and puts the caller's back. All else in qdist draws from generators, or from
`uniforms`, where a number depends on (seed, row, column) and nothing else.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from qdist.errors import InputError

__all__ = ["Noise", "inside_unit", "isolated_rng", "rand", "seed_of", "uniforms"]

_TURN = threading.RLock()

_ROWS_A_BLOCK = 4  # Philox makes four numbers at a time


@contextmanager
def isolated_rng(seed: int) -> Iterator[None]:
    """Seed torch's global CPU generator for a while; afterwards it is as it was.

    Torch has one such generator for all threads: they take turns here, so be short. What is long,
    as training is, has a [`Noise`][qdist.rng.Noise] of its own.

    Args:
        seed: The seed, a non-negative integer below 2^63.

    Raises:
        InputError: If the seed is not in this range.

    Example:
        >>> before = torch.get_rng_state()
        >>> with isolated_rng(0):
        ...     first = torch.rand(2)
        >>> with isolated_rng(0):
        ...     assert torch.equal(torch.rand(2), first)
        >>> assert torch.equal(torch.get_rng_state(), before)
    """
    if not 0 <= seed < 2**63:
        raise InputError(f"Expected a seed in [0, 2^63); got {seed}.")
    with _TURN, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


@final
class Noise:
    """A stream of random numbers for layers that take no generator, such as dropout.

    While it is entered it stands in for torch's global CPU generator; threads take turns. When it
    is not entered it stays where it was, and `state` can be kept and put back.

    Args:
        seed: Where it starts.

    Example:
        >>> noise, whole = Noise(0), Noise(0)
        >>> with noise:
        ...     first = torch.rand(2)
        >>> with noise:
        ...     second = torch.rand(2)
        >>> with whole:
        ...     assert torch.equal(torch.rand(4), torch.cat([first, second]))
    """

    def __init__(self, seed: int) -> None:
        self.state = torch.Generator().manual_seed(seed).get_state()

    def __enter__(self) -> None:
        _TURN.acquire()
        self._outside = torch.get_rng_state()
        torch.set_rng_state(self.state)

    def __exit__(self, *error: object) -> None:
        self.state = torch.get_rng_state()
        torch.set_rng_state(self._outside)
        _TURN.release()


def rand(shape: Sequence[int], *, generator: torch.Generator | None, like: Tensor) -> Tensor:
    """Draw uniform numbers of the dtype and the device of a tensor.

    Torch draws where the generator lives. Those of training live on the CPU, wherever the network
    does, so that a seed means the same numbers everywhere.

    Args:
        shape: The shape of what is drawn.
        generator: Where the numbers come from; None for torch's own.
        like: A floating tensor whose dtype and device they get.

    Returns:
        Numbers in [0, 1).

    Example:
        >>> rand((2, 3), generator=torch.Generator().manual_seed(0), like=torch.zeros(1)).shape
        torch.Size([2, 3])
    """
    device = like.device if generator is None else generator.device
    drawn = torch.rand(tuple(shape), generator=generator, dtype=like.dtype, device=device)
    return drawn.to(like.device)


def seed_of(random_state: Any) -> int:
    """Turn what scikit-learn calls a random state into a seed.

    Args:
        random_state: None (fresh entropy), an integer, or a generator of numpy, from which one
            integer is drawn.

    Returns:
        An integer in [0, 2^63).

    Raises:
        InputError: If it is none of these.

    Example:
        >>> seed_of(3)
        3
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if not 0 <= random_state < 2**63:
            raise InputError(f"Expected random_state in [0, 2^63); got {random_state}.")
        return int(random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63 - 1))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    raise InputError(
        f"Expected random_state to be None, an integer or a numpy generator; got {random_state!r}."
    )


def uniforms(seed: int, rows: range, *, columns: int | range) -> Tensor:
    """Uniform numbers for the cells of a table, each a function of (seed, row, column).

    Args:
        seed: The seed.
        rows: Which rows; step 1, and a start that is a multiple of 4.
        columns: Which columns, or for the first D of them their number D.

    Returns:
        Numbers in (0, 1), shape (len(rows), len(columns)), float64.

    Raises:
        InputError: If the rows do not start at a multiple of 4.

    Example:
        >>> whole = uniforms(0, range(8), columns=3)
        >>> torch.equal(uniforms(0, range(4, 8), columns=range(1, 3)), whole[4:, 1:])
        True
    """
    if rows.start % _ROWS_A_BLOCK or rows.step != 1:
        raise InputError(f"Expected rows from a multiple of 4 on, with step 1; got {rows}.")
    columns = range(columns) if isinstance(columns, int) else columns
    numbers = np.empty((len(rows), len(columns)))
    for place, column in enumerate(columns):
        stream = np.random.Philox(key=np.array([seed, column], dtype=np.uint64))
        stream.advance(rows.start // _ROWS_A_BLOCK)
        numbers[:, place] = np.random.Generator(stream).random(len(rows))
    numbers += 2.0**-54  # from [0, 1) to (0, 1)
    return torch.from_numpy(numbers)


def inside_unit(tau: Tensor, dtype: torch.dtype) -> Tensor:
    """Levels in a dtype, strictly inside (0, 1): a law with a tail has no end.

    Args:
        tau: Levels in [0, 1] of any dtype, some of which would be rounded to 0 or 1.
        dtype: A floating dtype.

    Returns:
        The levels, of the same shape.

    Example:
        >>> inside_unit(torch.tensor([0.25, 1.0], dtype=torch.float64), torch.bfloat16) < 1
        tensor([True, True])
    """
    least = torch.finfo(dtype).eps / 2
    return tau.clamp(least, 1 - least).to(dtype)
