"""Makes the golden files of the current format: `python tests/golden/make.py`, once a format.

Those of an image model with an implicit head are there from format 3 on.

They are committed and never made again: what they hold shows that a later version of qdist still
reads what this one wrote, and answers as it did.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

import qdist
from qdist.files import FORMAT

HERE = Path(__file__).parent


def table(n: int = 200) -> pa.Table:
    """Rows of every kind of column: numbers, codes, levels, times, ids, constants and gaps."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=n)
    gaps = rng.random(n) < 0.2
    levels = pa.array(["low", "middle", "high"])
    start = datetime(2024, 1, 1, tzinfo=UTC)
    hours = rng.integers(0, 5000, n).tolist()
    return pa.table(
        {
            "size": size,
            "count": rng.integers(0, 400, n),
            "few": pa.array(rng.integers(0, 3, n), pa.int8()),
            "price": pa.array(100 * rng.integers(1, 90, n) + 7 * (rng.random(n) < 0.05)),
            "gap": pa.array(rng.normal(size=n), mask=gaps),
            "colour": np.where(size > 0, "red", "blue").tolist(),
            "grade": pa.DictionaryArray.from_arrays(
                pa.array(rng.integers(0, 3, n).astype(np.int32), mask=gaps), levels, ordered=True
            ),
            "flag": pa.array((rng.random(n) < 0.3).tolist()),
            "when": [start + timedelta(hours=h) for h in hours],
            "id": [f"person-{k:06d}" for k in rng.permutation(n)],
            "same": ["x"] * n,
        }
    )


def images() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Stripes of 4 x 4 pixels, of two classes."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 40)
    stripes = np.tile(np.array([0, 10], np.uint8), (40, 4, 2))
    return np.where(y[:, None, None] == 1, stripes, stripes.swapaxes(1, 2)), y


def pairs() -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    """Features of three kinds and two targets, one of few values."""
    rng = np.random.default_rng(2)
    x, hue = rng.uniform(size=120), rng.integers(0, 3, 120)
    first = x + 0.1 * (1 + hue) * rng.normal(size=120)
    frame = {
        "x": np.where(rng.random(120) < 0.1, np.nan, x),
        "hue": [("red", "green", "blue")[k] for k in hue],
        "flag": (x > 0.5).tolist(),
    }
    return frame, np.stack([first, np.repeat([1.0, 2.0, 5.0], 40)], 1)


def make_models() -> dict[str, Any]:
    """The fitted models."""
    small = {"width": 8, "blocks": 1, "frequencies": 4}
    table_model = qdist.TabularModel(
        max_steps=10,
        backbone_args=small,
        codec_args={"n_bins": 12, "n_knots": 12},
        columns={"count": qdist.Column(lower=0, upper=500)},
        random_state=0,
    )
    image_args = {"features": 4, "layers": 1, "context": 8, "cosines": 4}
    image_model = qdist.ImageModel(max_steps=5, backbone_args=image_args, random_state=0)
    implicit_model = qdist.ImageModel(
        head="implicit",
        head_args={"n_cos": 8},
        max_steps=5,
        backbone_args=image_args,
        random_state=0,
    )
    network = {"width": 8, "layers": 1, "members": 2, "embedding": 4, "knots": 8}
    regressor = qdist.DistributionRegressor(
        max_steps=5, trees=6, depth=2, forest=4, network_args=network, random_state=0
    )
    return {
        "table": table_model.fit(table()),
        "image": image_model.fit(*images()),
        "implicit": implicit_model.fit(*images()),
        "regressor": regressor.fit(*pairs()),
    }


def answers(name: str, model: Any) -> dict[str, Any]:
    """What a model says, as JSON-able data."""
    if name == "table":
        drawn = model.sample(8, random_state=0).to_pydict()
        levels = [0.1, 0.5, 0.9]
        asked = {
            column: model.quantile(column, levels, given={"colour": "red"}).tolist()
            for column in ("size", "count", "gap")
        }
        drawn["when"] = [str(value) for value in drawn["when"]]
        return {"sample": drawn, "quantile": asked, "steps": model.n_steps_}
    if name in ("image", "implicit"):
        stack, y = images()
        return {
            "sample": model.sample(4, given=1, random_state=0).tolist(),
            "log_prob": model.log_prob(stack[:4], given=y[:4]).tolist(),
            "steps": model.n_steps_,
        }
    frame, _ = pairs()
    first = {key: column[:6] for key, column in frame.items()}
    return {
        "quantile": model.predict_quantiles(first, [0.1, 0.5, 0.9]).tolist(),
        "mean": model.predict(first).tolist(),
        "steps": model.n_steps_,
    }


def main() -> None:
    """Write the files and what they answer."""
    torch.set_num_threads(1)
    folder = HERE / f"format-{FORMAT}"
    folder.mkdir()
    for name, model in make_models().items():
        model.save(folder / f"{name}.qdist")
        text = json.dumps(answers(name, model), indent=1)
        (folder / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
