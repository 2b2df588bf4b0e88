"""What every table of mistakes is held to: the error, the builtin it also is, and the words."""

import re
import runpy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError as SklearnNotFittedError

import qdist
from qdist.errors import (
    BatchIndexError,
    FileAccessError,
    FileFormatError,
    InputError,
    NotFittedError,
    QdistError,
    SingleLawError,
    UnknownNameError,
    UnsupportedError,
)

# What code written without qdist in mind would catch.
BUILTINS = {
    InputError: ValueError,
    UnknownNameError: LookupError,
    NotFittedError: SklearnNotFittedError,
    FileFormatError: ValueError,
    FileAccessError: OSError,
    UnsupportedError: NotImplementedError,
    BatchIndexError: IndexError,
    SingleLawError: TypeError,
}


class World:
    """What a call may use: a table, a fitted model, a folder, and a whole model file in it."""

    table: ClassVar = {
        "x": np.random.default_rng(0).normal(size=60).tolist(),
        "size": ["S", "M", "L"] * 20,
        "rate": [i / 60 for i in range(60)],
    }
    quick: ClassVar = {
        "members": 1,
        "max_steps": 2,
        "random_state": 0,
        "backbone_args": {"width": 8, "blocks": 1},
    }

    grey: ClassVar = np.random.default_rng(0).integers(0, 256, (10, 3, 4), dtype=np.uint8)

    def __init__(self, models: dict[str, Any], folder: Path) -> None:
        self.model, self.images = models["table"], models["images"]
        self.regressor, self.joint = models["regressor"], models["table"].module_
        self.folder, self.path = folder, folder / "model.qdist"
        self.path.write_bytes(models["file"])
        (folder / "file").write_text("x")

    def kept(self, content: bytes | None = None) -> Path:
        """A folder with a checkpoint of this content."""
        folder = self.folder / "kept"
        folder.mkdir(exist_ok=True)
        if content is not None:
            (folder / "fit.safetensors").write_bytes(content)
        return folder

    def fit(self, data: Any = None, *, more: Any = None, **params: Any) -> qdist.TabularModel:
        """Fit data, or the table, with arguments of the class and more ones of `fit`."""
        model = qdist.TabularModel(**{**self.quick, **params})
        return model.fit(self.table if data is None else data, **(more or {}))

    def load(self, content: bytes) -> qdist.TabularModel:
        """Load a file of this content."""
        path = self.folder / "other.qdist"
        path.write_bytes(content)
        return qdist.load(path)


def fitted() -> dict[str, Any]:
    """A model of each kind; column `rate` of the table has declared bounds."""
    columns = {"rate": qdist.Column(lower=0, upper=1)}
    found: dict[str, Any] = {
        "table": qdist.TabularModel(columns=columns, **World.quick).fit(World.table)
    }
    tiny = {"features": 4, "layers": 1, "first": 3, "context": 8}
    images = qdist.ImageModel(max_steps=1, backbone_args=tiny, random_state=0)
    found["images"] = images.fit(World.grey, np.arange(10) % 2)
    rows = np.random.default_rng(0).normal(size=(40, 2))
    found["regressor"] = qdist.DistributionRegressor(
        max_steps=1, trees=2, network_args={"width": 8, "members": 2}, random_state=0
    ).fit(rows, rows[:, 0])
    with tempfile.TemporaryDirectory() as folder:
        found["table"].save(Path(folder) / "model.qdist")
        found["file"] = (Path(folder) / "model.qdist").read_bytes()
    return found


def refusal(
    world: World, call: Callable[[World], Any], error: type[QdistError], words: str
) -> BaseException:
    """What a mistake ends in, which is checked."""
    before = world.path.read_bytes()
    with pytest.raises(BUILTINS[error], match=words) as caught:
        call(world)
    assert type(caught.value) is error
    assert isinstance(caught.value, QdistError)
    if error is not UnsupportedError:  # that says what it is that cannot be had, and why
        assert re.search(r"\bExpected\b", str(caught.value))
    # Nothing was overwritten, and nothing left behind.
    assert world.path.read_bytes() == before
    left = {path.name for path in world.folder.iterdir()}
    assert left <= {"model.qdist", "file", "other.qdist", "kept"}
    return caught.value


def rows() -> dict[str, tuple[Callable[[World], Any], type[QdistError], str]]:
    """The table: what is wrong -> a call, the error, its words. One file for each part of it."""
    found: dict[str, Any] = {}
    for path in sorted(Path(__file__).parent.glob("rows_*.py")):
        part = path.stem.removeprefix("rows_")
        for rows in runpy.run_path(str(path))["ROWS"]:
            for name, row in rows.items():
                assert f"{part}: {name}" not in found, f"two rows are called {name!r}"
                found[f"{part}: {name}"] = row
    return found
