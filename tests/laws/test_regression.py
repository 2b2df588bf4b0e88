"""The law of targets given features: what training asks of it."""

from qdist.laws import RegressionLaw


def test_features_are_shown_and_all_targets_asked():
    # A number, a code of three levels, and two targets.
    law = RegressionLaw([[0.0, 1.0]], [3], [None, [0.0, 1.0]], width=8, layers=1, members=2)
    questions = law.questions(2, generator=None)
    assert questions.visible.tolist() == [[True, True, False, False]] * 2
    assert questions.asked.tolist() == [[False, False, True, True]] * 2
