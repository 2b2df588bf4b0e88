"""The core knows no plugin, and a plugin knows only what is public."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(p.name for p in (ROOT / "plugins").iterdir() if (p / "__init__.py").exists())
CORE = sorted((ROOT / "qdist").rglob("*.py"))
OURS = [path for name in PLUGINS for path in sorted((ROOT / "plugins" / name).glob("*.py"))]


def imports(path):
    """Each imported name with its module, dotted."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_there_is_a_plugin():
    assert "qdist_mlp" in PLUGINS


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_no_plugin(path):
    assert not [name for name in imports(path) if name.split(".")[0] in PLUGINS]


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_imports_public_names_only(path):
    foreign = [name for name in imports(path) if name.split(".")[0] == "qdist"]
    assert not [name for name in foreign if any(p.startswith("_") for p in name.split("."))]
