"""The description of a model: JSON that is checked, entry by entry, before anything is built."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from qdist.errors import FileFormatError
from qdist.files.images import check_image
from qdist.files.regressors import check_regressor
from qdist.files.specs import (
    Checker,
    flag,
    items,
    maybe,
    named,
    number,
    one_of,
    plain,
    record,
    refuse,
    text,
    whole,
)  # fmt: skip
from qdist.files.tables import check_table

__all__ = [
    "MOST_ENTRIES",
    "check_description",
    "count_entries",
    "digest_of",
    "read_json",
    "to_text",
]

MOST_ENTRIES: Final = 5_000_000
"""Entries of the largest description that is read: each costs some hundred bytes once read."""

_PLUGINS: Final = items(record({
    "kind": one_of("backbone", "head"),
    "name": text(200),
    "package": maybe(text(200)),
    "version": maybe(text(200)),
}), most=100)  # fmt: skip
_TRAINING: Final = record(
    {
        "when": maybe(text(100)),
        "rows": maybe(whole(0)),
        "versions": named(text(200), most=100),
        "steps": lambda v, w: (items(whole(0)) if isinstance(v, list) else whole(0))(v, w),
        "history": items(named(plain(1), most=100)),
        "profile": named(number(), most=1000),
    }
)
_SHARED: Final[dict[str, Checker]] = {
    "format": whole(1),
    "digest": text(100),
    "estimator": text(100),
    "params": named(plain(), most=1000),
    "plugins": _PLUGINS,
    "training": _TRAINING,
}
_NETWORK: Final[dict[str, Checker]] = {
    "backbone": text(200),
    "backbone_args": named(plain(), most=1000),
    "head": text(200),
    "head_args": named(plain(), most=1000),
}
_ESTIMATORS: Final[dict[str, dict[str, Checker]]] = {
    "TabularModel": {
        "parts": record(
            {
                **_NETWORK,
                "order": maybe(items(whole(0, 10**6))),
                "along": maybe(items(whole(0, 10**6))),
                "members": whole(1, 10**4),
            },
            may=["along"],
        ),
        "codec": check_table,
    },
    "ImageModel": {"parts": record(_NETWORK), "codec": check_image},
    "DistributionRegressor": {
        "parts": check_regressor,
        "flat": flag,
        "n_features": whole(0, 10**6),
        "names": maybe(items(text(10_000), most=10**6)),
    },
}


def to_text(meta: dict[str, Any], *, indent: int | None = None) -> bytes:
    """The bytes of a description; letters stand as they are, as escapes take up to thrice.

    Numbers of numpy, arrays and indices become what JSON knows.

    Raises:
        ValueError: If a number is not finite, or text is no Unicode.
        TypeError: If the description holds something that JSON lacks.
    """
    made = json.dumps(meta, allow_nan=False, ensure_ascii=False, indent=indent, default=_plain)
    return made.encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r:.60} of type {type(value).__name__} is nothing that JSON knows")


def read_json(blob: bytes, name: str) -> dict[str, Any]:
    """JSON out of a file from anywhere.

    Args:
        blob: The bytes.
        name: The file's name, for messages.

    Returns:
        The object.

    Raises:
        FileFormatError: If it is no JSON object, or is too large, deep, or says a thing twice.
    """
    if count_entries(blob) > MOST_ENTRIES:
        raise FileFormatError(
            f"Expected a description of at most {MOST_ENTRIES} entries; got {name} with more. "
            "It is damaged or was not written by qdist."
        )
    try:
        found = json.loads(blob, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"Expected a whole qdist model file; got {name}, which is damaged ({error}). "
            "Save the model again."
        ) from error
    return found if isinstance(found, dict) else {}


def count_entries(text: bytes) -> int:
    """At least as many as a JSON text has, without reading it.

    Example:
        >>> count_entries(b'{"a": [1, 2]}')
        3
    """
    return sum(text.count(token) for token in (b",", b"[", b"{"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an entry that occurs twice")
    return found


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant}, which is no number of JSON")


def digest_of(meta: dict[str, Any], blob: bytes) -> str:
    """A digest of a description and the weights that belong to it.

    It shows that the two are of one save and undamaged. It is no signature: anyone who changes a
    file on purpose can also change its digest.

    Raises:
        ValueError: If a number is not finite.
        TypeError: If the description holds something that JSON lacks.
    """
    rest = {key: value for key, value in meta.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode() + b"\0" + blob).hexdigest()


def check_description(meta: dict[str, Any]) -> None:
    """Check all entries of a description of the present format.

    Raises:
        FileFormatError: If one is absent, unknown, or of another type or size than it can be.
    """
    own: dict[str, Callable[[Any, str], None]] | None
    own = _ESTIMATORS.get(str(meta.get("estimator")))
    if own is None:
        raise FileFormatError(
            f"Expected one of {', '.join(_ESTIMATORS)}; got {meta.get('estimator')!r:.60}. "
            "Install a newer qdist."
        )
    record({**_SHARED, **own}, may=["digest"])(meta, "the top")
    if meta["estimator"] == "DistributionRegressor":
        names = meta["parts"]["features"]["names"]
        one_of(len(names))(meta["n_features"], "n_features")
        if meta["names"] not in (None, names):
            raise refuse("the names of the features", "names", meta["names"])
        if meta["flat"] and len(meta["parts"]["targets"]) > 1:
            raise refuse("one target", "flat", meta["flat"])
