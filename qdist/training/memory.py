"""Memory foreseen: what a step will need, what is free, and a batch that fits.

The tensors that a loss keeps for its gradient are counted on a few rows, and scale with the batch;
weights, gradients, moments and averages do not. It is an estimate, with a margin, made to avoid
the worst: an operating system that ends the process without a word.
"""

import copy
import logging
import os
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from qdist.errors import OutOfMemoryError
from qdist.laws import AbstractLaw
from qdist.rng import isolated_rng
from qdist.training.recipe import Rows

__all__ = ["bytes_a_row", "fit_into_memory", "free_memory"]

log = logging.getLogger(__name__)

# Weights, gradient, two moments, average, best, and a copy for a while.
_COPIES: Final = 7
# Of what the gradient needs: what exists beside it for a moment, forwards and backwards. Measured
# with a PixelCNN, of which the peak was 2.7 times what the gradient needs.
_MARGIN: Final = 3.0
_CHECK: Final = 1.0  # the same without a gradient
_SMALL: Final = 2**19  # bytes a row up to which many rows are counted
_SHARE: Final = 0.9  # of what is free


def fit_into_memory(
    law: AbstractLaw, rows: Rows, batch_size: int, check_rows: int, *, seed: int
) -> tuple[int, int]:
    """The batch size and the number of validation rows at a time that fit into memory.

    Args:
        law: What is to be trained; it is not changed.
        rows: Training rows.
        batch_size: Rows a step, as wished.
        check_rows: Validation rows at a time, as wished.
        seed: For dropout.

    Returns:
        Both, halved as often as needed.

    Raises:
        OutOfMemoryError: If not even one row fits.
    """
    free = free_memory(law.device)
    if free is None:
        return batch_size, check_rows
    fixed = _COPIES * sum(p.numel() * p.element_size() for p in law.parameters())
    a_row = bytes_a_row(law, rows, seed=seed)
    left = _SHARE * free - fixed
    if left < _MARGIN * a_row:
        raise OutOfMemoryError(
            f"Expected memory for one row a step, about {_gb(fixed + _MARGIN * a_row)}; got "
            f"{_gb(free)} free. Fit a smaller network (backbone_args), fewer columns or smaller "
            "images, or free some memory."
        )
    size, at_once = batch_size, check_rows
    while size > 1 and size * _MARGIN * a_row > left:
        size //= 2
    while at_once > 1 and at_once * _CHECK * a_row > left:
        at_once //= 2
    if size < batch_size:
        log.warning(
            "a batch of %d rows needs about %s, and %s are free: took batches of %d",
            batch_size,
            _gb(fixed + batch_size * _MARGIN * a_row),
            _gb(free),
            size,
        )
    return size, at_once


def bytes_a_row(law: AbstractLaw, rows: Rows, *, seed: int) -> float:
    """Bytes that the loss of one more row for each learner keeps for its gradient.

    Counted on a copy.
    """
    law = copy.deepcopy(law)

    def slope(few: int, many: int) -> float:
        kept = [_kept(law, rows.y[:1].repeat(n * law.learners, 1), seed=seed) for n in (few, many)]
        return max(0.0, (kept[1] - kept[0]) / (many - few))

    found = slope(2, 6)
    # Rows of a table differ in how many cells they hide: a mean over more of them says more.
    return slope(24, 72) if found < _SMALL else found


def _kept(law: AbstractLaw, y: Tensor, *, seed: int) -> int:
    weights = {p.untyped_storage().data_ptr() for p in law.parameters()}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        # Memory is counted once each. The tensor itself may hold the node that holds it, a cycle
        # that nothing collects, so a detached one is kept.
        return tensor.detach()

    generator = torch.Generator().manual_seed(seed)
    with isolated_rng(seed), torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept):
        questions = law.questions(len(y), generator=generator)
        loss = law(y, questions, generator=generator)
    del loss
    return sum(found.values())


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be had on a device; None where that cannot be found out."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return None
    known = [size for size in (_system(), _container()) if size is not None]
    return min(known, default=None)


def _system() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    except (OSError, ValueError):  # not Linux
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _container() -> int | None:
    """What the control group of the process leaves, if there is one (version 2)."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((group / "memory.current").read_text())
        # Pages of files count as used, and go when they are needed.
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, int(limit) - used + int(stat.get("inactive_file", 0)))
    except (OSError, ValueError):
        return None


def _gb(size: float) -> str:
    return f"{size / 2**30:.2f} GB"
