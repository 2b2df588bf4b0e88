"""Rows of codes with the class in front, in the shortest type that holds both."""

import numpy as np
import pytest
import torch

from qdist.codecs.image import ImageCodec
from qdist.estimators.image_rows import training_rows, with_classes

CASES = {
    2: torch.uint8,
    256: torch.uint8,
    257: torch.int16,
    2**15: torch.int16,
    40_000: torch.int32,
}


@pytest.mark.parametrize(("n", "dtype"), CASES.items(), ids=str)
def test_no_class_is_taken_for_another(n, dtype):
    """In a byte class 256 would be class 0, and in two bytes 32,768 a negative one."""
    images, labels = np.zeros((n, 1, 2), np.uint8), np.arange(n)
    images[0, 0, 0] = 255
    codec = ImageCodec.fit(images, labels, grey_levels=256)
    rows = training_rows(codec, images, labels, torch.device("cpu")).y
    assert rows.dtype == dtype
    assert torch.equal(rows[:, 0].long(), torch.arange(n))
    assert rows[0, 1] == 255
    given = with_classes(codec, codec.encode(images), labels)
    assert torch.equal(given, rows)
