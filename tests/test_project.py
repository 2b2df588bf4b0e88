"""What holds for the tree as a whole."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("qdist", "plugins/qdist_mlp", "plugins/qdist_pixelcnn")
PLUGINS = {"qdist_mlp", "qdist_pixelcnn"}
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LIBRARY = [path for path in SOURCES if "tests" not in path.relative_to(ROOT).parts]
EVERY = sorted(
    {
        *SOURCES,
        *(ROOT / "tests").rglob("*.py"),
        *(ROOT / "benchmarks").rglob("*.py"),
        *(ROOT / "docs").rglob("*.py"),
    }
)
TEXTS = [
    *EVERY,
    *(ROOT / "docs").rglob("*.md"),
    *ROOT.glob("*.md"),
    *ROOT.glob("*.toml"),
    *ROOT.glob("*.yml"),
    *ROOT.glob("*.txt"),
    ROOT / "Makefile",
    ROOT / ".ci" / "run",
]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    """The dotted names that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return found


def calls(path: Path) -> set[str]:
    return {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    }


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## \[(?!Unreleased)([\d.]+)\]", changelog, flags=re.MULTILINE)
    coming = re.search(r"version, ([\d.]+), is being made", changelog)
    heading = newest or coming
    assert heading is not None
    assert heading[1] == project["version"] == version("qdist")


def test_every_requirement_is_pinned():
    text = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = list(text["project"]["dependencies"])
    for extra in text["project"]["optional-dependencies"].values():
        wanted += extra
    for group in text["dependency-groups"].values():
        wanted += group
    names = {re.split(r"[\[<>=!~ ]", line)[0].lower() for line in wanted} - {"qdist"}
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower() for line in pins if "==" in line}
    assert names <= pinned


@pytest.mark.parametrize("path", EVERY, ids=name)
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 400


# `/home`, `/root` and friends followed by a name: a path that exists on one machine only.
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|Users|work|mnt|opt|tmp)/\w+")


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_no_path_of_a_machine(path):
    assert MACHINE.findall(path.read_text()) == []


@pytest.mark.parametrize("path", LIBRARY, ids=name)
def test_nothing_is_unpickled_or_printed(path):
    unsafe = {"pickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"}
    assert {module.split(".")[0] for module in imports(path)} & unsafe == set()
    assert calls(path) & {"torch.load", "torch.save", "eval", "exec", "print"} == set()


# These may: they fork the state and give it back.
FORKS = [ROOT / "qdist" / "rng.py", *(ROOT / "qdist" / "testing").glob("*.py")]


@pytest.mark.parametrize("path", [path for path in LIBRARY if path not in FORKS], ids=name)
def test_no_global_random_state_is_touched(path):
    called = calls(path)
    assert called & {"torch.manual_seed", "torch.seed", "torch.set_rng_state"} == set()
    legacy = {call for call in called if re.match(r"np\.random\.(?!default_rng|Generator)", call)}
    assert legacy == set()


@pytest.mark.parametrize("path", LIBRARY, ids=name)
def test_the_core_knows_no_plugin(path):
    if (ROOT / "qdist") in path.parents:
        assert {module.split(".")[0] for module in imports(path)} & PLUGINS == set()


def test_importing_does_no_work():
    """No plugin is loaded, nothing optional imported, nothing printed, no random state moved."""
    program = """
import sys
import narwhals, pluggy, pyarrow, safetensors, scipy.stats, sklearn.base, torch
brought = set(sys.modules)  # what these bring along is not our doing
before = torch.get_rng_state()
import qdist
lazy = {"matplotlib", "pandas", "polars", "lightgbm", "PIL", "click", "rich"}
lazy |= {"qdist_mlp", "qdist_pixelcnn"}
assert not lazy & (set(sys.modules) - brought), lazy & (set(sys.modules) - brought)
assert "qdist.plots" not in sys.modules
assert qdist.plots.marginals is sys.modules["qdist.plots"].marginals
assert "matplotlib" not in sys.modules
assert not hasattr(qdist, "no_such_name")
assert torch.equal(before, torch.get_rng_state())
assert torch.get_default_dtype() == torch.float32
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ, PYTHONWARNINGS="error"),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
