"""Every page is in the navigation, and every public name is in the reference."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGES = ("qdist", "plugins/qdist_mlp", "plugins/qdist_pixelcnn")


def leaves(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    return [leaf for entry in entries for leaf in leaves(entry)]


def listed(path: Path) -> list[str]:
    """The names in a file's `__all__`, without importing anything."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def public_names() -> list[str]:
    """Each name of each `__all__` of the packages and of the modules right under them."""
    names = []
    for package in PACKAGES:
        top = ROOT / package
        for path in sorted([*top.glob("*.py"), *top.glob("*/__init__.py")]):
            if "tests" not in path.relative_to(top).parts:
                parts = path.relative_to(top.parent).with_suffix("").parts
                module = ".".join(parts).removesuffix(".__init__")
                names += [f"{module}.{name}" for name in listed(path)]
    return names


# Modules that only other modules of the package use.
INSIDE = (
    *(
        f"qdist.{module}"
        for module in (
            "arguments",
            "cli",
            "cli_options",
            "cli_queries",
            "cli_text",
            "extras",
            "progress",
        )
    ),
    *(
        f"qdist_pixelcnn.{module}"
        for module in ("block", "layers", "prepared", "rows", "stepper", "values")
    ),
    "qdist_mlp.dropout",
)


@pytest.fixture(scope="module")
def nav() -> list[str]:
    return leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])


def test_every_page_is_in_the_navigation_once(nav):
    pages = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
    assert sorted(nav) == pages


def test_every_public_name_is_in_the_reference():
    reference = "\n".join(
        path.read_text() for path in (*DOCS.rglob("reference/*.md"), DOCS / "extending.md")
    )
    shown = set(re.findall(r"\w+", reference))
    for module in re.findall(r"^::: *([\w.]+)$", reference, flags=re.MULTILINE):
        for package in PACKAGES:  # a whole module is shown with all its names
            stem = (ROOT / package).parent / module.replace(".", "/")
            for path in (stem.with_suffix(".py"), stem / "__init__.py"):
                shown.update(listed(path) if path.exists() else [])
    missing = [
        name
        for name in public_names()
        if not name.startswith(tuple(f"{module}." for module in INSIDE))
        and name.rpartition(".")[2] not in shown
    ]
    assert missing == []


def test_the_readme_lists_what_is_in_the_package():
    tree = (ROOT / "README.md").read_text().partition("```text\n")[2].partition("```")[0]
    parts = {path.name for path in (ROOT / "qdist").iterdir() if path.suffix == ".py"}
    parts |= {f"{path.parent.name}/" for path in (ROOT / "qdist").glob("*/__init__.py")}
    assert parts - {"__init__.py"} <= set(re.findall(r"[\w]+(?:\.py|/)", tree))
