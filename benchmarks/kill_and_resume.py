"""Kill a fit at random moments with SIGKILL, run it again each time, and compare the end.

Each fit is a process of its own, killed after a random time from its start on (while it imports,
plans, steps, validates or writes), and started again with the same command until it ends by
itself. Its weights are then compared, bit for bit, with those of a fit that was left alone.

    python -m benchmarks.kill_and_resume --kills 20
"""

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def killed_fit(kind: str, steps: int, kills: int, seconds: float, rng: random.Random) -> str:
    """The digest of a fit that was killed so many times."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fit.safetensors"
        for kill in range(1, kills + 1):
            process = subprocess.Popen(command(kind, folder, steps), stdout=subprocess.PIPE)
            wait = rng.uniform(0.05, 1.0) * seconds
            try:
                found = process.communicate(timeout=wait)[0].decode()
                print(f"  ended by itself before kill {kill}")
                return found
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            left = hashlib.sha256(file.read_bytes()).hexdigest()[:8] if file.exists() else "none"
            print(f"  kill {kill} after {wait:5.1f} s; checkpoint {left}", flush=True)
        return subprocess.run(
            command(kind, folder, steps), stdout=subprocess.PIPE, check=True, text=True
        ).stdout


def main() -> int:
    """Run it; the exit code is 1 if an end differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="in all, over tables and images")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--a-fit", type=int, default=5, help="kills of one fit at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, differ, done, fits = random.Random(options.seed), 0, 0, 0
    alone, seconds = {}, {}
    for kind in ("table", "images"):
        began = time.perf_counter()
        alone[kind] = subprocess.run(
            command(kind, "", options.steps), stdout=subprocess.PIPE, check=True, text=True
        ).stdout
        seconds[kind] = time.perf_counter() - began
        print(f"{kind}: {options.steps} steps in {seconds[kind]:.1f} s, {alone[kind][:16]}")
    while done < options.kills:
        kind = ("table", "images")[fits % 2]
        kills = min(options.a_fit, options.kills - done)
        found = killed_fit(kind, options.steps, kills, seconds[kind], rng)
        same = found == alone[kind]
        differ += not same
        done, fits = done + kills, fits + 1
        print(f"{kind}: {kills} kills, {'the same, bit for bit' if same else 'DIFFERS'}")
    print(f"{done} kills of {fits} fits; {differ} ended otherwise")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
