"""Images that are read from files are images, however narrow they are."""

import numpy as np
import pytest

import qdist
from qdist.data.pictures import write_images
from qdist.errors import InputError

TINY = {"features": 4, "layers": 1, "first": 3, "context": 8}


def test_narrow_grey_pictures_of_a_folder_are_fitted(tmp_path):
    """(20, 8, 4) could be one picture of four channels, but not where files were read."""
    strips = np.random.default_rng(0).integers(0, 256, (20, 8, 4), dtype=np.uint8)
    write_images(strips, tmp_path / "strips")
    model = qdist.ImageModel(max_steps=1, backbone_args=TINY, random_state=0)
    assert model.fit(tmp_path / "strips").sample(2).shape == (2, 8, 4)
    with pytest.raises(InputError, match="looks like one picture"):
        model.fit(strips)
