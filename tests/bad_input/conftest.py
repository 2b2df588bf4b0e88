"""What every table of mistakes is held to: the error, the builtin it also is, and the words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError as SklearnNotFittedError

import qdist
from qdist.errors import (
    FileAccessError,
    FileFormatError,
    InputError,
    NotFittedError,
    QdistError,
    UnknownNameError,
)

# What code written without qdist in mind would catch.
BUILTINS = {
    InputError: ValueError,
    UnknownNameError: LookupError,
    NotFittedError: SklearnNotFittedError,
    FileFormatError: ValueError,
    FileAccessError: OSError,
}


class World:
    """What a call may use: a table, a fitted model, a folder, and a whole model file in it."""

    table: ClassVar = {
        "x": np.random.default_rng(0).normal(size=60).tolist(),
        "size": ["S", "M", "L"] * 20,
        "rate": [i / 60 for i in range(60)],
    }
    quick: ClassVar = {
        "max_steps": 2,
        "random_state": 0,
        "backbone_args": {"width": 8, "blocks": 1},
    }

    def __init__(self, model: qdist.TabularModel, folder: Path) -> None:
        self.model, self.folder, self.path = model, folder, folder / "model.qdist"
        model.save(self.path)
        (folder / "file").write_text("x")

    def fit(self, data: Any = None, *, more: Any = None, **params: Any) -> qdist.TabularModel:
        """Fit data, or the table, with arguments of the class and more ones of `fit`."""
        model = qdist.TabularModel(**{**self.quick, **params})
        return model.fit(self.table if data is None else data, **(more or {}))

    def load(self, content: bytes) -> qdist.TabularModel:
        """Load a file of this content."""
        path = self.folder / "other.qdist"
        path.write_bytes(content)
        return qdist.load(path)


@pytest.fixture(scope="session")
def fitted() -> qdist.TabularModel:
    """A model whose column `rate` has declared bounds."""
    columns = {"rate": qdist.Column(lower=0, upper=1)}
    return qdist.TabularModel(columns=columns, **World.quick).fit(World.table)


@pytest.fixture
def world(fitted: qdist.TabularModel, tmp_path: Path) -> World:
    """A world to make mistakes in."""
    return World(fitted, tmp_path)


@pytest.fixture
def refused(world: World) -> Callable[..., None]:
    """The test of one mistake."""

    def check(call: Callable[[World], Any], error: type[QdistError], words: str) -> None:
        before = world.path.read_bytes()
        with pytest.raises(BUILTINS[error], match=words) as caught:
            call(world)
        assert type(caught.value) is error
        assert isinstance(caught.value, QdistError)
        assert str(caught.value).startswith("Expected ")
        # Nothing was overwritten, and nothing left behind.
        assert world.path.read_bytes() == before
        left = {path.name for path in world.folder.iterdir()}
        assert left <= {"model.qdist", "file", "other.qdist"}

    return check
