"""A soak run: fit, save, load, sample and ask in a loop, on random tables and images.

After a warm-up memory must stay flat: the slope of the resident size is fitted over the rest, and
must stay below 1 MB a minute. No file handle may be left open, and no call may fail.

    python -m benchmarks.soak --minutes 60
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# oneDNN keeps a compiled kernel for each shape it meets, up to 1,024 of them, and random shapes
# fill that for an hour. So few are kept here that the cache is full within the warm-up.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

import qdist

WARM_UP = 0.25  # of the time, for caches and the allocator
SLOPE = 1.0  # MB a minute


def random_table(rng: np.random.Generator) -> dict[str, list[Any]]:
    """A table of a random shape: numbers, rounded numbers, levels, holes."""
    n, columns = int(rng.integers(30, 600)), int(rng.integers(1, 9))
    base, frame = rng.normal(size=n), {}
    for i in range(columns):
        values = rng.uniform() * base + rng.normal(size=n)
        kind = rng.integers(4)
        if kind == 1:
            values = np.round(values)
        column: list[Any] = values.tolist()
        if kind == 2:
            column = [f"level {int(abs(v) * 3)}" for v in values]
        if kind == 3:
            column = [None if rng.uniform() < 0.2 else v for v in column]
        frame[f"c{i}"] = column
    return frame


def table_round(rng: np.random.Generator, folder: Path) -> None:
    """Fit, keep, save, load and ask a table."""
    frame, path = random_table(rng), folder / "table.qdist"
    kept = folder / "kept" if rng.uniform() < 0.5 else None
    model = qdist.TabularModel(max_steps=int(rng.integers(1, 30)), random_state=0)
    model.fit(frame, checkpoint=kept, resume=False)
    model.save(path)
    loaded = qdist.load(path)
    drawn = loaded.sample(int(rng.integers(0, 500)), random_state=1)
    assert set(drawn) == set(frame)
    loaded.impute(frame, random_state=1)
    if model._law is None:  # constants only
        return
    first = next(name for name in frame if name in loaded._codec.names)
    loaded.sample(3, given={first: frame[first][0]} if frame[first][0] is not None else None)
    loaded.score_samples(frame)
    loaded.rosenblatt(frame)
    with contextlib.suppress(qdist.errors.UnsupportedError):  # levels without an order
        loaded.quantile(first, [0.1, 0.5])
    loaded.explain_outliers(frame)


def image_round(rng: np.random.Generator, folder: Path) -> None:
    """Fit, save, load and ask images."""
    height, width = (int(v) for v in rng.integers(2, 9, 2))
    shape = (int(rng.integers(8, 60)), height, width, *([3] if rng.uniform() < 0.3 else []))
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    labels = None if rng.uniform() < 0.5 else np.arange(len(images)) % 2
    small = {"features": 4, "layers": 1, "context": 8}
    model = qdist.ImageModel(max_steps=int(rng.integers(1, 8)), backbone_args=small)
    model.fit(images, labels)
    model.save(folder / "images.qdist")
    loaded = qdist.load(folder / "images.qdist")
    loaded.sample(int(rng.integers(0, 20)))
    loaded.inpaint(images[:2], rng.uniform(size=(height, width)) < 0.5)
    loaded.log_prob(images[:4], given=None if labels is None else labels[:4])


def regressor_round(rng: np.random.Generator, folder: Path) -> None:
    """Fit, save, load and ask a regressor."""
    rows = rng.normal(size=(int(rng.integers(20, 300)), int(rng.integers(1, 6))))
    model = qdist.DistributionRegressor(max_steps=5, trees=5)
    model.fit(rows, rows[:, 0] + rng.normal(size=len(rows))).save(folder / "regressor.qdist")
    loaded = qdist.load(folder / "regressor.qdist")
    loaded.predict_quantiles(rows)
    loaded.predict_dist(rows).cdf(0.0)


def resident() -> float:
    """Resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def handles() -> int:
    """Open file handles."""
    return len(os.listdir("/proc/self/fd"))


def main() -> int:
    """Run it; the exit code is 1 if memory grew, a handle leaked, or a call failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    rounds: list[Callable[[np.random.Generator, Path], None]] = [
        table_round,
        image_round,
        regressor_round,
    ]
    began, failures, count = time.monotonic(), 0, 0
    minutes: list[float] = []
    memory: list[float] = []
    first_handles, said = None, 0.0
    with tempfile.TemporaryDirectory() as folder:
        while (now := (time.monotonic() - began) / 60) < options.minutes:
            try:
                rounds[count % len(rounds)](rng, Path(folder))
            except Exception:
                failures += 1
                traceback.print_exc()
            count += 1
            if now > WARM_UP * options.minutes:
                minutes.append(now)
                memory.append(resident())
                first_handles = handles() if first_handles is None else first_handles
            if now - said >= options.minutes / 20:
                said = now
                print(f"{now:6.1f} min, {count} rounds, {resident():.0f} MB, {handles()} handles")
    slope = float(np.polyfit(minutes, memory, 1)[0]) if len(minutes) > 2 else 0.0
    leaked = handles() - (first_handles or handles())
    print(f"{count} rounds in {options.minutes:g} minutes, {failures} failures")
    print(f"after the warm-up {memory[0]:.0f} to {memory[-1]:.0f} MB, {slope:+.2f} MB a minute")
    print(f"{leaked} handles leaked")
    return int(failures > 0 or slope > SLOPE or leaked > 0)


if __name__ == "__main__":
    sys.exit(main())
