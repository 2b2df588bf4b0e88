"""Kill a fit at random moments with SIGKILL, run it again each time, and compare the end.

Each fit is a process of its own, killed after a random time from its start on (while it imports,
plans, steps, validates or writes), and started again with the same command until it ends by
itself. Its weights are then compared, bit for bit, with those of a fit that was left alone.

    python -m benchmarks.kill_and_resume --kills 20
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import safetensors

FIT = """
import sys, numpy as np, torch, qdist
kind, folder, steps = sys.argv[1], sys.argv[2] or None, int(sys.argv[3])
rng = np.random.default_rng(0)
if kind == "table":
    a = rng.normal(size=3000)
    frame = {"a": a, "b": np.exp(a + rng.normal(size=3000)), "c": list("xyz" * 1000)}
    model = qdist.TabularModel(max_steps=steps, random_state=0).fit(frame, checkpoint=folder)
else:
    images = rng.integers(0, 256, (300, 8, 8), dtype=np.uint8)
    small = {"features": 8, "layers": 2, "context": 16}
    model = qdist.ImageModel(max_steps=steps, backbone_args=small, random_state=0)
    model.fit(images, np.arange(300) % 3, checkpoint=folder)
state = model.module_.state_dict()
blob = b"".join(state[name].numpy().tobytes() for name in sorted(state))
scores = [(r["step"], r["validation_loss"]) for r in model.history_]
sys.stdout.write(__import__("hashlib").sha256(blob + repr(scores).encode()).hexdigest())
"""


def command(kind: str, folder: str, steps: int) -> list[str]:
    """The command of one fit, which writes the digest of its weights and scores."""
    return [sys.executable, "-c", FIT, kind, folder, str(steps)]


def alone(kind: str, steps: int) -> tuple[str, float]:
    """The digest of a fit that is left alone, and its seconds."""
    began = time.perf_counter()
    found = subprocess.run(
        command(kind, "", steps), stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    return found, time.perf_counter() - began


def killed_fit(
    kind: str, steps: int, kills: int, wait: float, rng: random.Random
) -> tuple[str, int]:
    """The digest of a fit that was killed at most so many times, and how often it was."""
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fit.safetensors"
        while done < kills:
            process = subprocess.Popen(command(kind, folder, steps), stdout=subprocess.PIPE)
            seconds = rng.uniform(0, wait)
            try:
                found = process.communicate(timeout=seconds)[0].decode()
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            else:
                assert process.returncode == 0, "a fit failed"
                return found, done
            done += 1
            step = json.loads(metadata(file))["step"] if file.exists() else "none"
            print(f"  killed after {seconds:5.1f} s; the checkpoint is of step {step}")
        return (
            subprocess.run(
                command(kind, folder, steps), stdout=subprocess.PIPE, check=True, text=True
            ).stdout,
            done,
        )


def metadata(file: Path) -> str:
    """What a checkpoint holds besides tensors, as JSON."""
    with safetensors.safe_open(file, framework="pt") as opened:
        return str(opened.metadata()["qdist"])


def main() -> int:
    """Run it; the exit code is 1 if an end differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="in all, over tables and images")
    parser.add_argument("--steps", type=int, default=600, help="of a table; a third of images")
    parser.add_argument("--a-fit", type=int, default=5, help="kills of one fit at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, differ, done, fits = random.Random(options.seed), 0, 0, 0
    wanted: dict[str, tuple[str, float]] = {}
    steps = {"table": options.steps, "images": options.steps // 3}
    for kind, count in steps.items():
        _, start = alone(kind, 1)
        digest, seconds = alone(kind, count)
        # A process gets about a share of the way, so that kills fall all along it.
        wanted[kind] = digest, start + 2 * max(0.0, seconds - start) / options.a_fit
        print(f"{kind}: {count} steps in {seconds:.1f} s, of which {start:.1f} s to start")
    while done < options.kills:
        kind = ("table", "images")[fits % 2]
        digest, wait = wanted[kind]
        kills = min(options.a_fit, options.kills - done)
        found, count = killed_fit(kind, steps[kind], kills, wait, rng)
        differ += found != digest
        done, fits = done + count, fits + 1
        print(f"{kind}: {count} kills, {'the same bits' if found == digest else 'DIFFERS'}")
    print(f"{done} kills of {fits} fits; {differ} ended otherwise")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
