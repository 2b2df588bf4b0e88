"""A bound on what may be allocated while a network is built from a file's description.

A description can ask for a layer of 10^12 weights in twenty letters, but the weights of an honest
file are in the file. So what is built may be some times as large as they are, and no larger.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, final

from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from qdist.errors import FileFormatError

__all__ = ["budget"]

_TIMES: Final = 8  # first weights, their scales and masks, and what is computed on the way
_SPARE: Final = 128 * 2**20  # bytes, for tables that follow from the description
_SMALL: Final = 2**20  # bytes; tensors up to this size are not predicted
_WIDEST: Final = 16  # bytes of an element
_STATE: Final = {
    "_set_grad_enabled", "get_rng_state", "set_rng_state", "get_state", "set_state",
    "__get__", "__set__",  # attributes, such as the gradient
}  # fmt: skip
_OPERATIONS: Final = 50_000
_A_TENSOR: Final = 1000  # operations


@contextmanager
def budget(weights: dict[str, Tensor]) -> Iterator[None]:
    """Within, torch refuses to allocate more than the weights of a file justify.

    Args:
        weights: The tensors of the file.

    Raises:
        FileFormatError: Where a tensor would go beyond it, before it is made.

    Example:
        >>> import torch
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
class _Budget(TorchFunctionMode):
    def __init__(self, most: int, operations: int) -> None:
        super().__init__()
        self._left, self._most, self._operations = most, most, operations

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        # Never refused: after a refusal, what was changed for a while must be put back.
        if getattr(func, "__name__", "") in _STATE:
            return func(*args, **kwargs)
        self._operations -= 1
        if self._operations < 0 or self._left < 0:
            self._refuse()
        if _at_most(args, kwargs) * _WIDEST > _SMALL and (
            _predicted(func, args, kwargs) > self._left
        ):
            self._refuse()
        found = func(*args, **kwargs)
        if isinstance(found, Tensor) and not any(found is a for a in args):
            self._left -= _bytes(found) if found._base is None else 0
        return found

    def _refuse(self) -> None:
        raise FileFormatError(
            f"Expected a network as large as its weights, at most {self._most} bytes; got a "
            "description that asks for more. The file was not written by qdist, or has been "
            "changed."
        )


def _at_most(args: Any, kwargs: Any) -> float:
    """At least as many elements as an operation makes: the product of all numbers it is given."""
    most = 1.0
    for value in (*args, *kwargs.values()):
        for part in value if isinstance(value, list | tuple) else (value,):
            if isinstance(part, Tensor):
                most *= max(1, part.numel())
            elif isinstance(part, int | float) and part == part:
                most *= min(max(1.0, abs(part)), 1e30)
    return most


def _predicted(func: Any, args: Any, kwargs: Any) -> int:
    """The bytes of the outcome, by the same operation on tensors without data."""
    free = not any(isinstance(leaf, Tensor) for leaf in tree_flatten((args, kwargs))[0])
    try:
        args, kwargs = tree_map(_without_data, (args, kwargs))
        kwargs.pop("generator", None)
        if free:
            kwargs["device"] = "meta"
        found, _ = tree_flatten(func(*args, **kwargs))
    except (NotImplementedError, RuntimeError, TypeError, ValueError, AttributeError):
        return 0  # makes no tensor, or one whose size depends on values that are within bounds
    return sum(_bytes(t) for t in found if isinstance(t, Tensor))


def _without_data(value: Any) -> Any:
    return value.detach().to("meta") if isinstance(value, Tensor) else value


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
