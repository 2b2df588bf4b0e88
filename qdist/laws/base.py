"""What a law is: a model without the estimator interface, which the training loop can train."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from qdist.errors import InputError
from qdist.laws.questions import Questions
from qdist.rng import isolated_rng

__all__ = ["AbstractLaw", "build", "taking", "to_device"]


class AbstractLaw(nn.Module, ABC):
    """A codec, a network and a joint law, from encoded rows to losses.

    The training loop knows rows (N, D) and weights (N,), and of a law no more than `questions`
    and `forward`. What a fitted law can be asked (samples, quantiles) differs from one kind of
    data to the next, and is for the concrete class to say.
    """

    learners: int = 1
    """The number of networks that learn apart: each has every `learners`-th row of a batch."""

    @property
    def dtype(self) -> torch.dtype:
        """The floating dtype of the network."""
        return next(p.dtype for p in self.parameters() if p.is_floating_point())

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.parameters()).device

    @abstractmethod
    def questions(self, n: int, *, generator: torch.Generator) -> Questions:
        """Draw what training rows show and are asked.

        Args:
            n: The number of rows.
            generator: Where the randomness comes from, on the CPU.

        Returns:
            A question a row, on the law's device.
        """

    @abstractmethod
    def forward(
        self, y: Tensor, questions: Questions, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """The training losses of rows.

        Args:
            y: Encoded rows, shape (B, D).
            questions: What each row shows and is asked, shape (B, D).
            generator: For heads whose loss draws levels.

        Returns:
            Losses, shape (B,).
        """

    def score(
        self, y: Tensor, questions: Questions, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """What validation counts for rows; by default the training loss.

        Args:
            y: Encoded rows, shape (B, D).
            questions: What each row shows and is asked, shape (B, D).
            generator: For heads whose loss draws levels.

        Returns:
            Scores, shape (B,).
        """
        loss: Tensor = self(y, questions, generator=generator)
        return loss

    def culprit(self, y: Tensor, visible: Tensor) -> str | None:
        """Name the column whose loss or gradient is not finite, where a law can tell.

        Args:
            y: Encoded rows, shape (B, D).
            visible: What each row shows, shape (B, D).
        """
        del y, visible
        return None


Law = TypeVar("Law", bound=AbstractLaw)


@contextmanager
def taking(
    args: Mapping[str, Any], *, name: str, by: str, of: Callable[..., Any] | None = None
) -> Iterator[None]:
    """Say in words which arguments a constructor does not take.

    An error without any arguments is a mistake of the constructor's, and is raised as it is.

    Args:
        args: What the user gave.
        name: The parameter that held them, for the message.
        by: What was to take them, for the message.
        of: The constructor, whose keyword-only arguments the message lists; by default it repeats
            what Python says.

    Raises:
        InputError: In place of a `TypeError`, where there are arguments.

    Example:
        >>> with taking({"bins": 3}, name="head_args", by="the head"):
        ...     complex(bins=3)
        Traceback (most recent call last):
        ...
        qdist.errors.InputError: Expected arguments that the head takes; got {'bins': 3}: ...
    """
    try:
        yield
    except TypeError as error:
        if not args:
            raise
        parameters = {} if of is None else signature(of).parameters
        known = [k for k, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
        unknown = [k for k in args if known and k not in known]
        why = f"{unknown[0]!r} is none of {', '.join(known)}" if unknown else str(error)
        raise InputError(
            f"Expected arguments that {by} takes; got {args}: {why}. Correct {name}."
        ) from error


def build(make: Callable[[], Law], *, seed: int, device: str) -> Law:
    """Build a law in float32, whatever the caller's default, with weights drawn from a seed.

    Args:
        make: Builds the law, with all that is not told here.
        seed: Where the first weights come from.
        device: Where the network shall be.

    Returns:
        The law. A file of its weights fits a law built elsewhere by the same recipe.

    Raises:
        InputError: If `make` is no function that builds a law, or torch cannot use the device.
    """
    if not callable(make) or isinstance(make, nn.Module):
        raise _no_law(make)
    # Torch has one default dtype for all threads too; they take turns in here.
    with isolated_rng(seed):
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        try:
            law = make()
        finally:
            torch.set_default_dtype(default)
    if not isinstance(law, AbstractLaw):
        raise _no_law(law)
    return to_device(law, device)


def to_device(law: Law, device: str) -> Law:
    """Move a law to where it shall be.

    Raises:
        InputError: If torch cannot use the device.
    """
    try:
        return law.to(torch.device(device))
    except (RuntimeError, AssertionError, TypeError) as error:  # none, or torch made without it
        raise InputError(
            f"Expected a device that torch can use here; got {device!r}: "
            f"{str(error).splitlines()[0].rstrip('.')}. Use 'cpu'."
        ) from error


def _no_law(got: object) -> InputError:
    return InputError(
        f"Expected a function that builds a law; got {type(got).__name__}. "
        "Give `lambda: TableLaw(...)`, so that its weights are drawn from the seed."
    )
