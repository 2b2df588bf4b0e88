"""Thousands of damaged and forged model files: each must be refused, or be a model.

    python tests/files/fuzz.py --files 20000 --seed 0

Whole files are changed byte by byte, and their JSON entry by entry. A change that was not signed
anew (with a digest that fits) must end in a `QdistError` or in an equal model. One that was signed
may be another model, if it is one: then it must answer, or refuse with a `QdistError`. No other
exception, no more than 5 s of the processor, no more than 1 GB beyond what it held before.
"""

import argparse
import copy
import json
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

import qdist
from qdist.errors import QdistError
from qdist.files import read_model
from qdist.files.description import digest_of

GOLDEN = Path(__file__).parents[1] / "golden"
MOST_SECONDS = 5
MOST_MEMORY = 2**30
EVIL: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 255, 256, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**12,
    10**30, 0.0, -0.0, 0.5, 1.0, 1e-300, 1e300, -1e300, 1e999, float("nan"), float("inf"),
    "", "x", "../../etc/passwd", "int64", "text", "\ud800", "a" * 2000, "nominal", "curved",
    "categorical", "implicit", "spline", "binned", "mlp", "pixelcnn", [], {}, [[]], [None], [1, 2],
    {"a": 1}, [0] * 1000, "timestamp[us, tz=Nowhere/Else]", "decimal128(38, 0)", "object",
    "<U99999",
]  # fmt: skip


class TookTooLong(BaseException):
    """A file kept the reader busy for longer than it may."""


def sources() -> dict[str, bytes]:
    """The files that are changed: those of all formats, and one of a pandas frame."""
    found = {f"{p.parent.name}/{p.stem}": p.read_bytes() for p in sorted(GOLDEN.glob("*/*.qdist"))}
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=60),
            "n": pd.array(rng.integers(0, 90, 60), dtype="Int64"),
            "c": pd.Categorical(rng.choice(["a", "b"], 60), ["b", "a", "c"], ordered=True),
            "t": pd.date_range("2024-01-01", periods=60, freq="h", tz="Europe/Paris"),
            "s": rng.choice(["p", "q", "r"], 60),
        }
    )
    args = {"width": 8, "blocks": 1, "frequencies": 4}
    model = qdist.TabularModel(max_steps=2, backbone_args=args, random_state=0).fit(frame)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "m.qdist")
        found["pandas"] = (Path(folder) / "m.qdist").read_bytes()
    return found


def unpack(blob: bytes, folder: Path) -> dict[str, bytes]:
    """The parts of a whole file."""
    (folder / "whole.qdist").write_bytes(blob)
    with zipfile.ZipFile(folder / "whole.qdist") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(parts: list[tuple[str, bytes]], path: Path, **options: Any) -> None:
    """A zip of parts, twice the same name included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w", **options) as archive:
            for name, content in parts:
                archive.writestr(name, content)


def changed_bytes(blob: bytes, rng: random.Random) -> bytes:
    """Some bytes of a file are others, gone, doubled, or moved."""
    data = bytearray(blob)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = (
            rng.randrange(len(data))
            if rng.random() < 0.6
            else max(0, len(data) - rng.randrange(400))
        )
        at = min(at, len(data) - 1)
        size = rng.choice((1, 1, 2, 4, 8, 64))
        kind = rng.randrange(6)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + size] = rng.randbytes(size)
        elif kind == 2:
            del data[at : at + size]
        elif kind == 3:
            data[at:at] = data[at : at + size]
        elif kind == 4:
            data[at : at + size] = rng.choice((b"\0", b"\xff")) * size
        else:
            del data[at:]
        if not data:
            break
    return bytes(data)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all entries of JSON."""
    found = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        pairs = list(enumerate(value))[:20]
    for key, inner in pairs:
        found += places(inner, (*path, key))
    return found


def changed_json(meta: Any, rng: random.Random) -> Any:
    """Some entries of JSON are others, gone, doubled, or a little off."""
    meta = copy.deepcopy(meta)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        paths = places(meta)
        if not paths:
            break
        # First a part, then a place in it: else all would fall into the long lists of knots.
        tops = {p[: rng.randrange(1, 7)] for p in rng.sample(paths, min(9, len(paths)))}
        top = rng.choice(sorted(tops, key=str))
        inside = [p for p in paths if p[: len(top)] == top]
        path = rng.choice(inside)
        owner = meta
        for key in path[:-1]:
            owner = owner[key]
        key, old = path[-1], owner[path[-1]]
        kind = rng.randrange(7)
        if kind == 0:
            del owner[key]
        elif kind == 1 and isinstance(owner, dict):
            owner[rng.choice(("more", "", "format", key + "x"))] = rng.choice(EVIL)
        elif kind == 2 and isinstance(old, list) and old:
            old.append(copy.deepcopy(rng.choice(old)))
        elif kind == 3 and isinstance(old, int | float) and not isinstance(old, bool):
            owner[key] = rng.choice((-old, old + 1, old * 2, old / 3, old * 10**6))
        elif kind == 4:
            other = meta
            for step in rng.choice(paths):
                other = other[step]
            owner[key] = copy.deepcopy(other)
        elif kind == 5 and isinstance(old, str) and old:
            owner[key] = "".join(rng.choice((c, c, c, c, "0", "[")) for c in old)
        else:
            owner[key] = copy.deepcopy(rng.choice(EVIL))
    return meta


def changed_header(blob: bytes, rng: random.Random) -> bytes:
    """The header of the tensors says other things."""
    length = struct.unpack_from("<Q", blob)[0]
    header = changed_json(json.loads(blob[8 : 8 + length]), rng)
    text = json.dumps(header).encode()
    claimed = len(text) if rng.random() < 0.9 else rng.choice((0, 1, 2**31, 2**63))
    return struct.pack("<Q", claimed) + text + blob[8 + length :]


def changed_tensors(blob: bytes, rng: random.Random) -> bytes:
    """Some numbers of the tensors are others, odd ones among them."""
    weights = safetensors.torch.load(blob)
    name = rng.choice(sorted(weights))
    tensor = weights[name].clone()
    if tensor.numel():
        odd = rng.choice((0.0, 1e30, -1e30, 3e38, float("nan"), float("inf"), -7.0, 2.0**20))
        tensor.view(-1)[rng.randrange(tensor.numel())] = odd if tensor.is_floating_point() else 7
    if rng.random() < 0.2:
        tensor = rng.choice(
            (tensor.double(), tensor.flatten(), tensor[:0] if tensor.dim() else tensor)
        )
    return safetensors.torch.save({**weights, name: tensor})


def write(
    kind: str, source: bytes, parts: dict[str, bytes], path: Path, rng: random.Random
) -> bool:
    """Write one changed file; says whether it may be another model than the source."""
    if kind == "bytes":
        path.write_bytes(changed_bytes(source, rng))
        return False
    meta, blob = json.loads(parts["model.json"]), parts["model.safetensors"]
    signed = "digest" not in meta  # files of format 1 have none: whoever changes one forges it
    if kind == "zip":
        text = parts["model.json"]
        odd = rng.choice(("../model.json", "/model.json", "model.json", "model.pkl", "README.md"))
        pairs = [
            ("model.json", text),
            ("model.safetensors", blob),
            (odd, rng.choice((text, blob))),
        ]
        rng.shuffle(pairs)
        packing = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
        pack(pairs, path, compression=packing)
        return False
    if kind in {"json", "forged json"}:
        meta = changed_json(meta, rng)
    elif kind == "forged header":
        blob = changed_header(blob, rng)
    elif kind == "forged tensors":
        blob = changed_tensors(blob, rng)
    if kind.startswith("forged") and isinstance(meta, dict) and "digest" in meta:
        signed = True
        with suppress(ValueError):
            meta["digest"] = digest_of(meta, blob)
    text = json.dumps(meta).encode()
    if rng.random() < 0.02:
        text = b"[" * 100_000 if rng.random() < 0.5 else text.replace(b"{", b'{"a":1,"a":1,', 1)
    pack([("model.json", text), ("model.safetensors", blob)], path)
    return signed


KINDS = ("bytes", "bytes", "json", "zip", "forged json", "forged json", "forged json",
         "forged header", "forged tensors")  # fmt: skip


def use(model: Any) -> None:
    """Ask a model what any model can be asked."""
    if isinstance(model, qdist.TabularModel):
        model.sample(3, random_state=0)
        if model.schema_.names:
            model.sample(1, given={model.schema_.names[0]: None}, random_state=0)
    elif isinstance(model, qdist.ImageModel):
        model.bits_per_dim(model.sample(1, random_state=0), given=None)
    else:
        names = getattr(model, "feature_names_in_", None)
        if names is None:
            model.predict_quantiles(np.full((1, model.n_features_in_), np.nan))
        else:
            model.predict_quantiles({name: [None] for name in names})
    repr(model)


def same(path: Path, original: tuple[dict[str, Any], dict[str, torch.Tensor]]) -> bool:
    """Whether a file that was read holds the same as the original."""
    meta, weights = read_model(path)
    equal = weights.keys() == original[1].keys() and meta == original[0]
    return equal and all(torch.equal(w, original[1][name]) for name, w in weights.items())


def judge(path: Path, original: Any, *, may_differ: bool) -> str:
    """What becomes of one file: a word, which begins with "BAD" where it should not."""
    try:
        model = qdist.load(path)
    except QdistError as error:
        cause = error.__cause__
        if isinstance(cause, MemoryError) or "memory" in str(cause).lower():
            return f"BAD memory: {cause}"
        return "refused"
    if not may_differ:
        return "equal" if same(path, original) else "BAD: another model"
    try:
        use(model)
    except QdistError:
        return "loaded, refuses to answer"
    return "loaded, answers"


def run(count: int, *, seed: int, tell: Callable[[str], None]) -> Counter[str]:
    """Judge so many files.

    Args:
        count: How many.
        seed: Which; the file of number k depends on (seed, k) alone.
        tell: Is told of each file that ends badly, and of each thousand.

    Returns:
        How many ended how, by kind of change.
    """
    found: Counter[str] = Counter()
    originals = sources()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.qdist"
        contents, unpacked = {}, {}
        for name, blob in originals.items():
            unpacked[name] = unpack(blob, Path(folder))
            path.write_bytes(blob)
            contents[name] = read_model(path)
            use(qdist.load(path))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

        def ring(*args: Any) -> None:
            raise TookTooLong

        # Of the process's own time, as the machine may be busy with other things.
        signal.signal(signal.SIGPROF, ring)
        for k in range(count):
            rng = random.Random(f"{seed} {k}")
            kind, name = rng.choice(KINDS), rng.choice(sorted(originals))
            may_differ = write(kind, originals[name], unpacked[name], path, rng)
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
            try:
                outcome = judge(path, contents[name], may_differ=may_differ)
            except TookTooLong:
                outcome = "BAD: too long"
            except Exception as error:
                outcome = f"BAD {type(error).__name__}: {error}"
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before > MOST_MEMORY:
                outcome = "BAD: memory"
                before *= 2
            found["slowest, ms"] = max(
                found["slowest, ms"], int(1000 * (time.process_time() - began))
            )
            if outcome.startswith("BAD"):
                tell(f"file {k} of seed {seed}, {kind} of {name}: {outcome}")
                outcome = "BAD"
            found[f"{kind}: {outcome}"] += 1
            if (k + 1) % 1000 == 0:
                tell(f"{k + 1} files")
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        found["memory beyond the start, MB"] = (after - before) // 2**20
    return found


def main() -> int:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    found = run(args.files, seed=args.seed, tell=lambda line: print(line, flush=True))
    for outcome, n in sorted(found.items()):
        print(f"{n:8d}  {outcome}")
    return int(any(outcome.endswith("BAD") for outcome in found))


if __name__ == "__main__":
    sys.exit(main())
