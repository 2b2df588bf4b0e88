"""What every benchmark needs: the data, the machine, JSON files that are never torn."""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = [
    "RESULTS",
    "SCRATCH",
    "data_folder",
    "machine",
    "median_of",
    "peak_memory_gb",
    "read_results",
    "report",
    "results_of",
    "run_jobs",
    "versions",
    "write_json",
]

ROOT = Path(__file__).resolve().parent
RESULTS = ROOT / "results"
SCRATCH = ROOT / ".cache"
_PACKAGES = ("qdist", "torch", "numpy", "pandas", "scikit-learn", "lightgbm", "miceforest")


def data_folder() -> Path:
    """The folder of data sets, which the variable QDIST_DATA names."""
    folder = os.environ.get("QDIST_DATA")
    if not folder or not Path(folder).is_dir():
        sys.exit(
            "Expected QDIST_DATA to name the folder of data sets; got "
            f"{folder!r}. Set it: QDIST_DATA=path/to/data make bench"
        )
    return Path(folder)


def machine() -> dict[str, Any]:
    """What the times depend on, and nothing that tells one machine from its twin."""
    try:
        import torch
    except ModuleNotFoundError:  # a rival's environment
        torch = None
    return {
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "gpu": torch is not None and torch.cuda.is_available(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "torch_threads": torch and torch.get_num_threads(),
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that the numbers depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def peak_memory_gb() -> float:
    """The most memory that this process has had resident so far.

    The kernel's own high-water mark where there is one: `ru_maxrss` also counts the parent's
    memory, as it was when this process was forked from it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a file that is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    draft.replace(path)


def read_results(folder: Path) -> list[dict[str, Any]]:
    """All results of a folder, in the order of their names."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def median_of(results: Iterable[Mapping[str, Any]], name: str) -> float | None:
    """The median of a number over several results; None where one lacks it."""
    values = [result.get(name) for result in results]
    return None if not values or None in values else float(statistics.median(values))


def run_jobs(module: str, jobs: Mapping[Path, list[str]], *, force: bool) -> None:
    """Runs each job in a process of its own, unless its result is there already.

    Args:
        module: The module to run, as in `python -m`.
        jobs: For each result file, the arguments of the job that writes it.
        force: Repeat those that are done.
    """
    for k, (path, args) in enumerate(jobs.items(), start=1):
        if path.exists() and not force:
            print(f"[{k}/{len(jobs)}] {path.name}: done before", flush=True)
            continue
        print(f"[{k}/{len(jobs)}] {path.name}: running", flush=True)
        code = subprocess.run([sys.executable, "-m", module, *args], check=False).returncode
        if code:
            sys.exit(f"{path.name}: the job ended with code {code}; run again to resume.")


def report(
    program: str, path: Path, make: Callable[[], str], argv: list[str] | None = None
) -> None:
    """The command that writes a page, or with --check fails where it is out of date."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if out of date")
    check = parser.parse_args(argv).check
    text = make()
    if not check:
        path.write_text(text)
        print(f"wrote {path}")
    elif not path.exists() or path.read_text() != text:
        sys.exit(f"{path.name} is out of date. Run python -m {program}.")


def results_of(benchmark: str) -> list[dict[str, Any]]:
    """The committed results of a benchmark; the process ends where there are none."""
    found = read_results(RESULTS / benchmark)
    if not found:
        sys.exit(f"Expected results of benchmarks.{benchmark}; got none. Run it first.")
    return found
