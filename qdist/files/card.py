"""The model card: what a person who finds the file should know, as `README.md` in it."""

from typing import Any

from torch import Tensor

__all__ = ["card"]

_SHOWN = 100  # columns

_REVEALS = {
    "TabularModel": """\
- the name, the type and the share of missing cells of each column;
- every level of a column of levels, by name (rare ones too, unless it was fitted with
  `min_level_count`);
- for each column of numbers its frequent values, and the knots of its marginal distribution:
  quantiles, among them the smallest and the largest value;
- columns of ids: that they are there, and none of their values;""",
    "ImageModel": "- the size of the images, their grey values, and the classes and their counts;",
    "DistributionRegressor": """\
- the name of each feature; quantiles of the numbers (the smallest and the largest among them),
  and the levels that occurred at least twice;
- the mean, the spread and the frequent values of each target, all of them if they are few;
- thresholds and leaf values of boosted trees;
- where a forest has a share: how often a leaf met each of at most 256 values of the target. A
  leaf can stand for one row (`forest=0` leaves the forest out);""",
}


def card(meta: dict[str, Any], weights: dict[str, Tensor]) -> str:
    """The card of a model.

    Args:
        meta: The description, of the present format.
        weights: Tensors by name.

    Returns:
        Markdown.
    """
    kind, training = meta["estimator"], meta["training"]
    count = sum(w.numel() for w in weights.values())
    facts = [
        ("kind", f"`qdist.{kind}`"),
        ("fitted", training["when"] or "at an unknown time"),
        ("rows", "unknown" if training["rows"] is None else f"{training['rows']:,}"),
        *_shape(meta),
        ("weights", f"{count:,} numbers"),
        ("steps", str(training["steps"])),
        *_scores(training["history"]),
        ("versions", ", ".join(f"{k} {v}" for k, v in training["versions"].items()) or "unknown"),
        ("plugins", _plugins(meta["plugins"])),
    ]
    lines = ["# A model fitted by qdist", "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in facts]
    lines += ["", *_columns(meta)]
    lines += [
        "## How to load it", "", "```python", "import qdist", "",
        'model = qdist.load("name.qdist")  # this file or folder', "```", "",
        "Loading runs no code out of the file.", "",
        "## What this file reveals", "",
        "It holds no row of the training data. It does hold, readable to anybody:", "",
        _REVEALS.get(kind, ""),
        "- weights fitted to the rows, without differential privacy: what is drawn from the model",
        "  can resemble single rows.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _shape(meta: dict[str, Any]) -> list[tuple[str, str]]:
    if meta["estimator"] == "TabularModel":
        return [("columns", str(len(meta["codec"]["columns"])))]
    if meta["estimator"] == "ImageModel":
        schema = meta["codec"]["schema"]
        size = " x ".join(str(schema[name]) for name in ("height", "width", "channels"))
        return [("images", size), ("classes", str(len(schema["classes"]) or "none"))]
    if meta["estimator"] == "DistributionRegressor":
        parts = meta["parts"]
        return [("features", str(meta["n_features"])), ("targets", str(len(parts["targets"])))]
    return []


def _scores(history: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The best held-out loss, for each network where there are several."""
    best: dict[str, float] = {}
    for record in history:
        loss, name = record.get("validation_loss"), str(record.get("network", ""))
        if isinstance(loss, int | float):
            best[name] = min(loss, best.get(name, loss))
    return [
        (f"held-out loss{' of ' + name if name else ''}", f"{loss:.5g}")
        for name, loss in best.items()
    ]


def _plugins(plugins: list[dict[str, Any]]) -> str:
    found = []
    for p in plugins:
        source = f" of {p['package']} {p['version']}" if p["package"] else ""
        found.append(f"{p['kind']} {p['name']!r}{source}")
    return ", ".join(found) or "none"


def _columns(meta: dict[str, Any]) -> list[str]:
    if meta["estimator"] == "TabularModel":
        rows: list[tuple[str, ...]] = [
            (c["schema"]["name"], c["schema"]["kind"], f"{100 * c['schema']['missing']:.3g} %")
            for c in meta["codec"]["columns"]
        ]
        head = ["| column | kind | missing |", "| --- | --- | --- |"]
    elif meta["estimator"] == "DistributionRegressor":
        rows = [(name,) for name in meta["parts"]["features"]["names"]]
        head = ["| feature |", "| --- |"]
    else:
        return []
    lines = [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows[:_SHOWN]]
    more = [f"\nand {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    return [*head, *lines, *more, ""]


def _cell(value: str) -> str:
    """Text that stays in its cell, and is no markup, whatever the data say."""
    kept = "".join(c if c.isprintable() else "?" for c in value)[:200]
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
