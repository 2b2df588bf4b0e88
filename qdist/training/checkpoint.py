"""A fit that survives being killed: a folder with the state of each run, from time to time.

A state is one safetensors file, whose header holds the numbers, text and lists as JSON; nothing is
pickled. It is written beside the last one and moved over it in one step, so that the folder holds
a whole state at any moment. With it stands what the fit was asked for (a fingerprint of the rows
and the parameters by name): another fit does not go on from it.
"""

import hashlib
import json
import logging
import math
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, Self, final

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from qdist.errors import FileAccessError, FileFormatError, InputError
from qdist.rng import seed_of
from qdist.training.recipe import Rows

__all__ = ["Checkpoint", "Resume"]

log = logging.getLogger(__name__)

Resume = bool | Literal["auto"]
"""True: go on from a checkpoint; False: start anew; "auto": go on if there is one."""

_FORMAT: Final = 1
_LEAST_SECONDS = 1.0  # between two checkpoints
_SHARE = 30  # a checkpoint takes at most one part in so many of the time


@final
class Checkpoint:
    """Where a run is kept, and what an earlier one left there.

    Args:
        folder: The folder; made if it is not there. None: nothing is kept.
        resume: Whether to go on from what is there.
        name: The run's name, where a fit has several.
        run: The name of the fit that this run is a part of; what another fit left is not resumed.
            Made up for a run that is a fit by itself.

    Raises:
        InputError: If `resume` is none of its values, or True where there is nothing to resume.
        FileAccessError: If the folder cannot be made or read.
        FileFormatError: If the file is damaged, foreign, or of a newer format.

    Example:
        >>> import tempfile
        >>> kept = Checkpoint(tempfile.mkdtemp())
        >>> kept.seed(3), kept.state is None
        (3, True)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        resume: Resume = "auto",
        name: str = "fit",
        run: str | None = None,
    ) -> None:
        if not (isinstance(resume, bool) or resume == "auto"):
            raise InputError(f"Expected resume to be True, False or 'auto'; got {resume!r}.")
        if folder == "" or not isinstance(folder, str | os.PathLike | None):
            raise InputError(f"Expected checkpoint to be a folder or None; got {folder!r}.")
        if folder is None and resume is True:
            raise InputError("Expected a checkpoint to resume from; got none. Name its folder.")
        self.state: dict[str, Any] | None = None
        self._resume: Resume = resume
        self._claim: dict[str, Any] = {}
        self._seed = 0
        self._written, self._cost, self._told = -math.inf, 0.0, False
        self._run: str | None = run or uuid.uuid4().hex
        self._folder = None if folder is None else Path(folder)
        if self._folder is None:
            return
        self._path = self._folder / f"{name}.safetensors"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            there = self._path.exists()
        except OSError as error:
            raise _no_access(self._folder, error) from error
        if there and resume is not False:
            self.state = _read(self._path)
            if run is None:
                self._run = self.state.get("run")
            elif self.state.get("run") != run:  # left by a fit that was given up for this one
                self.state = None
        elif resume is True:
            raise InputError(
                f"Expected a checkpoint to resume from; got {str(folder)!r} without one. Leave "
                "resume out to start there."
            )

    def part(self, name: str) -> "Checkpoint":
        """The checkpoint of one run among several of a fit, in the same folder."""
        # A fit that is resumed may have been killed before its later runs began.
        resume: Resume = "auto" if self._resume is True else self._resume
        return Checkpoint(self._folder, resume=resume, name=name, run=self._run)

    def seed(self, random_state: Any) -> int:
        """The seed of the run; for None, that of the run that goes on, or else a fresh one."""
        if random_state is None and self.state is not None:
            self._seed = int(self.state["seed"])
        else:
            self._seed = seed_of(random_state)
        return self._seed

    def claim(self, rows: Rows, held_out: Rows | None, *, codec: Any = None, **asked: Any) -> Self:
        """Say what is to be fitted; a state that is there must be of the same fit.

        Args:
            rows: Training rows.
            held_out: Rows for validation.
            codec: By what the rows were encoded, as JSON-able data.
            **asked: Parameters by name, JSON-able or with a `repr` that says all.

        Raises:
            InputError: If what is there is of other rows or other parameters.
        """
        if self._folder is None:
            return self
        self._claim = json.loads(json.dumps(asked | {"seed": self._seed}, default=repr))
        # The data last: what is wrong with the parameters is said first.
        self._claim["data"] = _digest(rows, held_out, codec)
        if self.state is None:
            return self
        made = self.state["claim"]
        for name in sorted(set(made) | set(self._claim), key=lambda name: name == "data"):
            if made.get(name) == self._claim.get(name):
                continue
            what = (
                "the data that it was made with; got other data"
                if name == "data"
                else f"{name}={made.get(name)!r}; got {name}={self._claim.get(name)!r}"
            )
            raise InputError(
                f"Expected, to go on from the checkpoint in {str(self._folder)!r}, {what}. Fit "
                "as before, start anew with resume=False, or name another folder."
            )
        here = _versions()
        if self.state["versions"] != here:
            log.warning(
                "the checkpoint was made with %s, this is %s: the rest of the run is not bit for "
                "bit what it would have been",
                self.state["versions"],
                here,
            )
        return self

    def offer(self, state: Callable[[], dict[str, Any]], *, now: bool = False) -> None:
        """Write a state if it is time to.

        Args:
            state: Makes the state: tensors, numbers, text and lists by name.
            now: Whether it must be written: the run is over, or has another plan.

        Raises:
            FileAccessError: If the first state cannot be written; later on that is only logged,
                as the run is worth more than its checkpoint.
        """
        if self._folder is None:
            return
        start = time.perf_counter()
        first = self._written == -math.inf
        if not now and start - self._written < max(_LEAST_SECONDS, _SHARE * self._cost):
            return
        # What is written first, before any step, is the plan.
        facts = {"format": _FORMAT, "claim": self._claim, "seed": self._seed, "run": self._run}
        try:
            _write(self._path, {**state(), **facts, "versions": _versions()})
        except OSError as error:
            if first:
                raise _no_access(self._folder, error) from error
            if not self._told:
                log.warning("could not write a checkpoint to %s: %s", self._folder, error)
            self._told = True
        self._written = time.perf_counter()
        self._cost = self._written - start


def _write(path: Path, state: dict[str, Any]) -> None:
    tensors = {k: v.detach().cpu().contiguous() for k, v in state.items() if _is_tensor(v)}
    facts = {k: _finite(v) for k, v in state.items() if not _is_tensor(v)}
    text = json.dumps(facts, allow_nan=False, default=repr)
    blob = safetensors.torch.save(_apart(tensors), metadata={"qdist": text})
    # One name, so that a run which is killed over and over leaves one such file at most.
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["qdist"])
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        state = {k: _number(v) for k, v in facts.items()} | tensors
        version = int(state["format"])
        for name, kind in (("claim", dict), ("seed", int), ("versions", str)):
            if not isinstance(state[name], kind):
                raise TypeError(f"{name} is of type {type(state[name]).__name__}")
    except OSError as error:
        raise _no_access(path, error) from error
    except (
        safetensors.SafetensorError,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        raise FileFormatError(
            f"Expected a checkpoint of qdist at {str(path)!r}; got a file that is damaged or "
            f"foreign ({error}). Start anew with resume=False."
        ) from error
    if version > _FORMAT:
        raise FileFormatError(
            f"Expected a checkpoint of format {_FORMAT}; got one of format {version} at "
            f"{str(path)!r}. Install a newer qdist."
        )
    return state


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of which no two share memory, as safetensors asks."""
    found, seen = {}, set()
    for name, tensor in tensors.items():
        at = tensor.untyped_storage().data_ptr()
        found[name] = tensor.clone() if at in seen else tensor
        seen.add(at)
    return found


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they are written as text, in a dict of one."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value


def _number(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"float"}:
            return float(value["float"])
        return {k: _number(v) for k, v in value.items()}
    return [_number(v) for v in value] if isinstance(value, list) else value


def _digest(rows: Rows, held_out: Rows | None, codec: Any) -> str:
    found = hashlib.sha256(json.dumps(codec, default=repr).encode())
    for part in (rows, held_out):
        found.update(repr(None if part is None else (part.y.shape, part.y.dtype)).encode())
        for tensor in () if part is None else (part.y, part.weight):
            found.update(tensor.detach().cpu().contiguous().numpy().data)
    return found.hexdigest()


def _versions() -> str:
    # The number of threads decides in which order sums are taken.
    return f"torch {torch.__version__}, {torch.get_num_threads()} threads"


def _no_access(path: Path, error: OSError) -> FileAccessError:
    return FileAccessError(
        f"Expected a folder for checkpoints that can be written to; got {str(path)!r}: "
        f"{error.strerror or error}. Choose another place."
    )
