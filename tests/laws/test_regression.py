"""The law of targets given features: what training asks of it."""

import pytest
import torch

from qdist.laws import RegressionLaw

FEW = [0.0, 1.0]


def test_features_are_shown_and_all_targets_asked():
    # A number, a code of three levels, and two targets.
    law = RegressionLaw([[0.0, 1.0]], [3], [None, [0.0, 1.0]], width=8, layers=1, members=2)
    questions = law.questions(2, generator=None)
    assert questions.visible.tolist() == [[True, True, False, False]] * 2
    assert questions.asked.tolist() == [[False, False, True, True]] * 2


@pytest.mark.parametrize(
    ("atoms", "share"),
    [([None], 0.5), ([None, FEW], 0.5), ([FEW, None, None], 0.5), ([FEW], 1.0), ([FEW, FEW], 1.0)],
)
def test_all_targets_count_alike(atoms, share, generator):
    law = RegressionLaw([[0.0, 1.0]], [], atoms, width=8, layers=1, members=2).eval()
    y = torch.cat([torch.rand(5, 1, generator=generator), torch.ones(5, len(atoms))], -1)
    loss = law(y, law.questions(5, generator=generator))
    crps = [of.crps(torch.tensor(1.0)).mean(-1) for of in law.laws(y)]
    torch.testing.assert_close(loss, share * torch.stack(crps).sum(0))
