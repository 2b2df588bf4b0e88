"""What the parts of a regressor are to count: judged where their forecasts are."""

import numpy as np
import pytest
import torch

from qdist.estimators.weigh import spaced_rows, weigh
from qdist.quantile import PiecewiseLinear
from qdist.regression import TargetCodec

LEVELS = torch.tensor([0.0, 1.0], dtype=torch.float64)


def test_a_target_with_spikes_is_judged_without_the_room_for_them():
    """Where in the room of 0 a law is does not matter, how far it is from other values does."""
    y = np.append(np.zeros(30), np.linspace(4.0, 5.0, 60))
    codec = TargetCodec.fit(y, np.ones(90))
    assert codec.spikes is not None
    z = torch.from_numpy(codec.encode(y))
    # Of the others each law is uniform, and right: their rows are spread evenly over it.
    middle = z - torch.cat([torch.full((30,), 0.35), torch.linspace(-1, 1, 60)])
    width = torch.cat([torch.full((30,), 0.1), torch.ones(60)])
    ends = torch.stack([middle - width, middle + width], -1)
    right = PiecewiseLinear(LEVELS, ends)
    # In the middle of the room, and off where there is none.
    off = torch.cat([torch.full((30,), 0.35), torch.full((60,), 0.6)])
    wrong = PiecewiseLinear(LEVELS, ends + off[:, None])
    shares, spread = weigh([wrong, right], z, torch.ones(90), target=codec)
    assert shares == pytest.approx([0, 1], abs=0.1)
    # 54 of the 60, and all of the 30, are in their intervals of 90 %: so nothing is widened.
    assert spread == 1.0


@pytest.mark.parametrize("n", [1, 5, 100, 2**24 + 4, 10**9 + 7])
def test_rows_are_spaced_from_the_first_to_the_last(n):
    rows = spaced_rows(n, most=64)
    assert len(rows) == min(n, 64)
    assert (int(rows[0]), int(rows[-1])) == (0, n - 1)
    assert (rows.diff() >= n // 64).all()
