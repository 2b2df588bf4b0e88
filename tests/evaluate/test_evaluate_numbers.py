"""The numbers that `evaluate` takes beside its frames."""

import pandas as pd
import pytest

from qdist.errors import InputError
from qdist.evaluate import evaluate

FRAME = pd.DataFrame({"x": range(40)})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_rows": -1}, "max_rows"),
        ({"max_rows": 2}, "max_rows"),
        ({"max_energy_rows": 1}, "max_energy_rows"),
        ({"random_state": "once"}, "random_state"),
    ],
    ids=str,
)
def test_numbers_that_make_no_sense_are_told(options, words):
    with pytest.raises(InputError, match=words):
        evaluate(FRAME, FRAME, **options)
