"""Whether a model could be saved, asked before it is trained."""

import json
from typing import Any, Final

from qdist.codecs.table import TableCodec
from qdist.errors import InputError, QdistError
from qdist.files.description import to_text
from qdist.files.regressors import check_features
from qdist.files.room import surely_fits, too_large
from qdist.files.tables import check_table, read_table
from qdist.regression import FeatureCodec

__all__ = ["check_codec", "check_regression"]

# What describing and reading a codec can end in, where it holds what nobody thought of.
_ERRORS: Final = (
    QdistError, LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError,
)  # fmt: skip


def check_codec(codec: TableCodec) -> None:
    """Check that a file can hold a codec: its description is made, and read again.

    Args:
        codec: A codec that has been fitted.

    Raises:
        InputError: If none can, with the name of the column that is the reason where it is one.

    Example:
        >>> check_codec(TableCodec.fit({"note": ["short", "x" * 200_000] * 9}))
        Traceback (most recent call last):
        ...
        qdist.errors.InputError: Expected columns that the file of a model can hold; got 'note' ...
    """
    data = codec.to_json()
    fault = _fault(data)
    if fault is None:
        return
    n = len(codec.schema)
    faulty = [repr(codec.schema.names[k]) for k in range(n) if _fault(_alone(data, k)) is not None]
    if faulty and (len(faulty) < n or n == 1):
        raise InputError(
            f"Expected columns that the file of a model can hold; got {', '.join(faulty[:5])} "
            f"({_words(fault)}). Shorten, convert or drop such a column."
        ) from fault
    if faulty:  # what they share: the index, say
        raise InputError(
            f"Expected a frame that the file of a model can describe; got another "
            f"({_words(fault)}). Give it plain columns, and an index of numbers or text."
        ) from fault
    largest = max(data["columns"], key=lambda column: len(json.dumps(column)))
    raise InputError(
        f"Expected a table that the file of a model can hold; got {_words(fault)}. Leave out "
        f"columns, above all {largest['schema']['name']!r}, or rare levels (min_level_count=10), "
        "or describe numbers by fewer knots (codec_args={'n_knots': 64})."
    ) from fault


def check_regression(features: FeatureCodec) -> None:
    """Check that a file can hold the features of a regression.

    Args:
        features: A codec that has been fitted.

    Raises:
        InputError: If none can, with the name of the feature that is the reason where it is one.

    Example:
        >>> import pyarrow as pa
        >>> check_regression(FeatureCodec.fit(pa.table({"note": ["short", "x" * 200_000] * 9})))
        Traceback (most recent call last):
        ...
        qdist.errors.InputError: Expected features that the file of a model can hold; got ...
    """
    data = features.to_json()
    fault = _feature_fault(data)
    if fault is None:
        return
    for name in data["names"]:
        own = [column for column in data["columns"] if column["name"] == name]
        if (its := _feature_fault({"columns": own, "names": [name]})) is not None:
            raise InputError(
                f"Expected features that the file of a model can hold; got {name!r:.60} "
                f"({_words(its)}). Shorten, convert or drop such a feature."
            ) from its
    raise InputError(
        f"Expected features that the file of a model can hold; got {_words(fault)}. "
        "Drop some, above all those of long levels."
    ) from fault


def _feature_fault(data: dict[str, Any]) -> Exception | None:
    """Why the description of features would not be read."""
    try:
        text = to_text(data)
        if (what := too_large(text)) is not None:
            return InputError(what)
        check_features(json.loads(text), "features")
    except _ERRORS as error:
        return error
    return None


def _fault(data: dict[str, Any]) -> Exception | None:
    """Why the description of a codec would not be read."""
    try:
        # To write and read it would take most of the time, and change nothing that passes.
        if not surely_fits(data) and (what := too_large(to_text(data))) is not None:
            return InputError(what)
        check_table(data, "codec")
        read_table(data)
    except _ERRORS as error:
        return error
    return None


def _alone(data: dict[str, Any], k: int) -> dict[str, Any]:
    """The description of one column, as if it were the only one of its frame."""
    n = len(data["columns"])
    note = {
        key: [value[k]] if isinstance(value, list) and len(value) == n else value
        for key, value in data["frame"].items()
    }
    return {**data, "columns": [data["columns"][k]], "frame": note}


def _words(fault: Exception) -> str:
    """What was wrong, without what is said to those who read a file."""
    return str(fault).partition(". ")[0]
