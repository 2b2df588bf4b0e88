"""The library is built in layers: each part imports only from those before it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "qdist"

# From the ground up; a new part takes its place here.
LAYERS = (
    "errors",
    "arguments",
    "extras",
    "rng",
    "dropout",
    "threads",
    "progress",
    "hookspecs",
    "registry",
    "orders",
    "quantile",
    "losses",
    "divergences",
    "scores",
    "backbones",
    "heads",
    "joint",
    "data",
    "codecs",
    "regression",
    "laws",
    "queries",
    "training",
    "files",
    "estimators",
    "evaluate",
    "plots",
    "testing",
    "__init__",
    "cli_text",
    "cli_options",
    "cli_queries",
    "cli",
    "__main__",
)


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The parts of qdist that a file imports at run time; imports for types alone do not count."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "qdist":
            found.update(a.name if a.name in LAYERS else "__init__" for a in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qdist."):
            found.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            dotted = [a.name.split(".") for a in node.names]
            found.update((p[1:] or ["__init__"])[0] for p in dotted if p[0] == "qdist")
    return found - {part_of(path)}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_go_down(path):
    assert part_of(path) in LAYERS
    above = LAYERS[LAYERS.index(part_of(path)) :]
    assert imported(path) & set(above) == set()
    assert imported(path) <= set(LAYERS)
