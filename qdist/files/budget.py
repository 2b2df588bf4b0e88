"""A bound on what may be allocated while a network is built from a file's description.

A description can ask for a layer of 10^12 weights in twenty letters, but the weights of an honest
file are in the file. So what is built may be some times as large as they are, and no larger.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from qdist.errors import FileFormatError

__all__ = ["budget"]

_TIMES: Final = 8  # first weights, their scales and masks, and what is computed on the way
_SPARE: Final = 128 * 2**20  # bytes, for tables that follow from the description
_OPERATIONS: Final = 20_000
_A_TENSOR: Final = 500  # operations


@contextmanager
def budget(weights: dict[str, Tensor]) -> Iterator[None]:
    """Within, torch refuses to allocate more than the weights of a file justify.

    Args:
        weights: The tensors of the file.

    Raises:
        FileFormatError: Where a tensor would go beyond it, before it is made.

    Example:
        >>> with budget({}):
        ...     torch.nn.Linear(10**6, 10**6)
        Traceback (most recent call last):
        ...
        qdist.errors.FileFormatError: Expected a network as large as its weights, ...
    """
    most = _TIMES * sum(_bytes(w) for w in weights.values()) + _SPARE
    with _Budget(most, _OPERATIONS + _A_TENSOR * len(weights)):
        yield


@final
class _Budget(TorchDispatchMode):
    def __init__(self, most: int, operations: int) -> None:
        super().__init__()
        self._left, self._most, self._operations = most, most, operations

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        schema = func._schema
        if not schema.is_mutable and not any(r.alias_info for r in schema.returns):
            self._left -= _predicted(func, args, kwargs)
        self._operations -= 1
        if self._left < 0 or self._operations < 0:
            raise FileFormatError(
                f"Expected a network as large as its weights, at most {self._most} bytes; got a "
                "description that asks for more. The file was not written by qdist, or has been "
                "changed."
            )
        return func(*args, **kwargs)


def _predicted(func: Any, args: Any, kwargs: Any) -> int:
    """The bytes of the outcome, by the same operation on tensors without data."""
    try:
        args, kwargs = tree_map(_without_data, (args, kwargs))
        if any(a.name == "device" for a in func._schema.arguments):
            kwargs["device"] = torch.device("meta")
        kwargs.pop("generator", None)
        found, _ = tree_flatten(func(*args, **kwargs))
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        return 0  # one that depends on values, of tensors that are within bounds
    return sum(_bytes(t) for t in found if isinstance(t, Tensor))


def _without_data(value: Any) -> Any:
    return value.to("meta") if isinstance(value, Tensor) else value


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
