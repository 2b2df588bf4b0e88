"""Marginal calibration of a chain: column by column, along its own samples."""

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor

from qdist.arguments import number, row_weights, rows_of
from qdist.errors import InputError, UnsupportedError
from qdist.joint.branches import Contexts
from qdist.joint.hidden import choose_member, hidden_rows
from qdist.joint.network import NetworkJoint
from qdist.progress import progress
from qdist.rng import inside_unit, uniforms

__all__ = ["calibrate"]


@torch.no_grad()
def calibrate(
    chains: Sequence[NetworkJoint],
    y: Tensor,
    *,
    order: Sequence[int],
    n: int,
    seed: int,
    weight: Tensor | None = None,
) -> None:
    """Move what the heads predict so that samples have the marginals of rows.

    Rows are drawn a column at a time. Before a column is drawn, each chain's head is told the
    contexts of the rows drawn so far, and moves its mean law to the marginal one: so an error of
    one column is not passed on to the next ones. What a head says where nothing is known stays.

    Args:
        chains: Chains whose laws are mixed; one or more.
        y: Rows whose marginals are meant, shape (N, D).
        order: The order of the chain, D columns.
        n: How many rows are drawn.
        seed: Where they come from.
        weight: What each row of y counts, shape (N,); by default alike.

    Raises:
        InputError: If y, n, the seed or the weights are not as described.
        UnsupportedError: If coordinates share a head, as the pixels of an image do.
    """
    places = chains[0].heads.places
    if len(set(places)) < len(places):
        raise UnsupportedError(
            "Coordinates that share a head, as the pixels of an image do, cannot be calibrated "
            "one by one. Leave it out."
        )
    rows_of("y", y, width=len(order))
    if not len(y) or not bool(y.isfinite().all()):
        raise InputError(
            f"Expected y to hold at least one row, and finite numbers; got {len(y)} rows with "
            f"{int((~y.isfinite()).sum())} cells that are not. Give rows as `encode` does."
        )
    number("n", n, least=1, whole=True)
    number("seed", seed, least=0, below=2**63, whole=True)
    on_host = weight.cpu() if isinstance(weight, Tensor) else weight
    weight = row_weights(on_host, len(y), name="weight").to(y)
    # Other streams than those of samples: who samples with the same seed sees other rows.
    tau = uniforms(seed, range(n), columns=range(len(order), 2 * len(order)))
    tau = inside_unit(tau, y.dtype).to(y.device)
    # Conditioning variables have no law; they are those of some of the rows.
    rows = y[torch.arange(n, device=y.device) % len(y)]
    known = torch.zeros_like(rows, dtype=torch.bool)
    known[:, list(chains[0].conditioning)] = True
    with contextlib.ExitStack() as stack, progress("calibrating", total=len(order)) as bar:
        steppers = []
        for chain in chains:
            seen = {"tau": tau} if chain.backbone.sees_levels == "past" else {}
            steppers.append(chain.backbone.stepper(rows, known, **seen))
            stack.enter_context(steppers[-1].steps())
        for done, (i, _) in enumerate(hidden_rows(known, order), start=1):
            contexts = [stepper.context(i) for stepper in steppers]
            values = []
            member, level = choose_member(tau[:, i], len(chains))
            for chain, h in zip(chains, contexts, strict=True):
                if chain.backbone.sees_levels == "none":
                    chain.heads[i].calibrate(h, y[:, i], weight=weight)
                values.append(chain._value(i, Contexts(h), level, "network"))
            value = torch.stack(values).gather(0, member.unsqueeze(0)).squeeze(0).to(y)
            for stepper in steppers:
                stepper.set(i, value)
            bar.update(done)
