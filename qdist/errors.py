"""Every exception that qdist raises on purpose.

Each is a `QdistError`, so that one `except` catches them all, and also the builtin that a user
would expect, so that code written without qdist in mind behaves. A message says what was
expected, what was got, and what to do.
"""

from sklearn.exceptions import NotFittedError as _SklearnNotFittedError

__all__ = [
    "BatchIndexError",
    "ExtraMissingError",
    "FileAccessError",
    "FileFormatError",
    "InputError",
    "NotFittedError",
    "OutOfMemoryError",
    "QdistError",
    "SingleLawError",
    "TrainingError",
    "UnknownNameError",
    "UnsupportedError",
]


class QdistError(Exception):
    """Base of all errors raised by qdist."""


class InputError(QdistError, ValueError):
    """An argument or a data set is not what the call can work with."""


class UnknownNameError(QdistError, LookupError):
    """A column, a plugin or an option of that name does not exist."""


class BatchIndexError(QdistError, IndexError):
    """A batch of laws has no such place."""


class SingleLawError(QdistError, TypeError):
    """A single law is asked for what only a batch of laws has."""


class UnsupportedError(QdistError, NotImplementedError):
    """The object does not have this capability, for a mathematical or a stated reason."""


class NotFittedError(QdistError, _SklearnNotFittedError):  # type: ignore[misc]
    """The model is asked something before it has been fitted."""


class TrainingError(QdistError, RuntimeError):
    """Training cannot go on (for example the loss is not finite)."""


class OutOfMemoryError(QdistError, MemoryError):
    """Training does not fit into memory, not even row by row."""


class FileFormatError(QdistError, ValueError):
    """A file is truncated, damaged, foreign, or of a format this version cannot read."""


class FileAccessError(QdistError, OSError):
    """A file or folder cannot be read or written."""


class ExtraMissingError(QdistError, ImportError):
    """An optional dependency is not installed."""
