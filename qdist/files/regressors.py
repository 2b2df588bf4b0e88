"""Checks of the parts of a regressor in a file's description."""

from itertools import pairwise
from typing import Any, Final

import numpy as np

from qdist.files.frames import arrow_type, levels
from qdist.files.specs import (
    Checker,
    flag,
    items,
    maybe,
    number,
    one_of,
    record,
    refuse,
    text,
    whole,
)  # fmt: skip

__all__ = ["check_features", "check_regressor"]

_NAME: Final = text(10_000)
_NUMBER: Final = record(
    {
        "name": _NAME,
        "kind": maybe(arrow_type),
        "ends": items(number(), least=1, most=10_000),
        "loc": number(),
        "scale": number(above=0),
        "fill": maybe(number()),
        "placed": flag,
    },
    may=["placed"],
)
_LEVEL: Final = record({"name": _NAME, "type": arrow_type, "levels": levels})


def _feature(value: Any, where: str) -> None:
    (_NUMBER if isinstance(value, dict) and "ends" in value else _LEVEL)(value, where)


_NETWORK: Final[dict[str, Checker]] = {
    "guesses": whole(0, 10_000),
    "width": whole(1, 2**20),
    "layers": whole(1, 1000),
    "members": whole(1, 10_000),
    "embedding": whole(1, 2**20),
    "knots": whole(1, 2**20),
    "dropout": number(0, 1),
}
_TARGETS: Final = 10_000
_SPIKES: Final = record(
    {"values": items(number(), least=1, most=1000), "least": flag, "greatest": flag}
)
check_features: Final = record(
    {"columns": items(_feature, most=100_000), "names": items(_NAME, most=100_000)}
)
"""The description of the features of a regressor."""

_PARTS: Final = record(
    {
        "features": check_features,
        "targets": items(
            record(
                {
                    "loc": number(),
                    "scale": number(above=0),
                    "values": maybe(items(number(), least=1, most=10_000)),
                    "spikes": maybe(_SPIKES),
                },
                may=["spikes"],
            ),
            least=1,
            most=_TARGETS,
        ),
        "trees": whole(0, _TARGETS),
        "leafwise": items(flag, most=_TARGETS),
        "networks": record(
            {name: record(_NETWORK, may=list(_NETWORK)) for name in ("guided", "plain")},
            may=["guided", "plain"],  # a fit that was interrupted early has the first alone
        ),
        "copies": whole(1, 1000),
        "shares": items(items(number(0, 1), least=2, most=3), least=1, most=_TARGETS),
        "spreads": items(number(1e-6, 1e6), least=1, most=_TARGETS),
        "memories": items(flag, least=1, most=_TARGETS),
    },
    may=["copies"],
)


def check_regressor(value: Any, where: str) -> None:
    """The description of a fitted regressor.

    Raises:
        FileFormatError: If it is none, or its parts do not fit each other.
    """
    _PARTS(value, where)
    names, count = value["features"]["names"], len(value["targets"])
    columns = value["features"]["columns"]
    used = [column["name"] for column in columns]
    if len(set(names)) != len(names) or len(set(used)) != len(used) or set(used) - set(names):
        raise refuse("features out of the columns, each once", where, used[:5])
    for k, column in enumerate(columns):
        if "ends" in column:
            _check_ends(column, f"{where}.features.columns[{k}]")
    for k, target in enumerate(value["targets"]):
        if target["values"] is not None:
            _check_increase(target["values"], f"{where}.targets[{k}].values")
        if target.get("spikes") is not None:
            _check_increase(target["spikes"]["values"], f"{where}.targets[{k}].spikes.values")
    networks = value["networks"]
    if not networks:
        raise refuse("at least one network", f"{where}.networks", networks)
    one_of(*({0, count} if "guided" in networks else {0}))(value["trees"], f"{where}.trees")
    if len(value["leafwise"]) != value["trees"]:
        raise refuse("a flag for each sum of trees", f"{where}.leafwise", value["leafwise"])
    if "plain" in networks:
        one_of(0)(networks["plain"].get("guesses", 0), f"{where}.networks.plain.guesses")
    if "guided" in networks:
        one_of(count)(value["trees"], f"{where}.trees")
        one_of(count)(networks["guided"].get("guesses"), f"{where}.networks.guided.guesses")
    for name in ("shares", "spreads", "memories"):
        if len(value[name]) != count:
            raise refuse(f"{count} entries", f"{where}.{name}", len(value[name]))
    for share, memory in zip(value["shares"], value["memories"], strict=True):
        if len(share) != len(networks) + 1 or abs(sum(share) - 1) > 1e-6:
            raise refuse(
                "shares of the networks and the forest that sum to 1", f"{where}.shares", share
            )
        if bool(share[-1]) != memory:
            raise refuse("a forest where it has a share", f"{where}.memories", memory)


def _check_ends(column: dict[str, Any], where: str) -> None:
    _check_increase(column["ends"], f"{where}.ends")
    ends, placed = column["ends"], column.get("placed", False)
    if len(ends) == 1 and not placed:
        raise refuse("two ends at least", f"{where}.ends", ends)
    read = np.arange(len(ends)) if placed else np.array(ends)
    if not (np.abs((read - column["loc"]) / column["scale"]) < 1e30).all():
        raise refuse("bins in units of the spread", where, column["scale"])


def _check_increase(values: list[float], where: str) -> None:
    if any(not a < b for a, b in pairwise(values)):
        raise refuse("numbers that increase", where, values[:5])
