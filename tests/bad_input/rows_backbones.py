"""Domains, ranks and steppers, the conformance kit, and threads."""

import torch
from torch import nn

from qdist.backbones import (
    AbstractBackbone,
    Coordinate,
    ImageDomain,
    RecomputeStepper,
    TableDomain,
)
from qdist.errors import InputError
from qdist.heads import BinnedHead, SplineHead
from qdist.testing import check_backbone, check_head
from qdist.threads import by_batches, side_by_side, slices, threads

IMAGE = ImageDomain(3, 4, 3, levels=8, labels=2)
A, B = Coordinate("a"), Coordinate("b")


class Blind(AbstractBackbone):
    """A network that can be built, and of which the kit asks no more here."""

    name, serves, takes = "blind", "any", TableDomain

    def __init__(self, domain, *, context=2):
        super().__init__()
        self.dim, self.context = len(domain.coordinates), context
        self.constant = nn.Parameter(torch.zeros(self.dim, context))

    def forward(self, y, rank, *, tau=None):
        return self.constant.expand(len(y), -1, -1)


class OfNoKind(Blind):
    """Does not say which domain it takes."""

    takes = None


class OfNoRanks(Blind):
    """Says that it serves what there is not."""

    serves = "all"


class Unwritten(AbstractBackbone):
    """Has no `forward` yet."""

    name, serves, takes = "unwritten", "any", TableDomain


def refused(call, words):
    """A row whose call takes no world and ends in an InputError."""
    return lambda world: call(), InputError, words


DOMAINS = {
    "a name that is a number": refused(lambda: Coordinate(3), "name of a coordinate.*got int"),
    "no name": refused(lambda: Coordinate(None), "name of a coordinate.*got NoneType. Name it"),
    "codes by their names": refused(
        lambda: Coordinate("a", levels=["x", "y"]), "Expected levels to be a whole number >= 1"
    ),
    "no codes at all": refused(
        lambda: Coordinate("a", levels=0), "whole number >= 1 or None; got"
    ),
    "half a code": refused(lambda: Coordinate("a", levels=2.5), "whole number >= 1 or None; got"),
    "bins by their edges": refused(
        lambda: Coordinate("a", bins=(0.0, 0.5, 1.0)), r"bins of 'a' that are pairs.*Sort them"
    ),
    "bins that fall": refused(lambda: Coordinate("a", bins=((1.0, 0.0),)), "in order; got"),
    "bins that overlap": refused(
        lambda: Coordinate("a", bins=((0.0, 0.6), (0.5, 1.0))), "in order; got"
    ),
    "bins that never end": refused(
        lambda: Coordinate("a", bins=((0.0, float("inf")),)), "of finite numbers"
    ),
    "bins of text": refused(lambda: Coordinate("a", bins="01"), "of finite numbers"),
    "a number of bins": refused(lambda: Coordinate("a", bins=3), "of finite numbers"),
    "codes with bins": refused(
        lambda: Coordinate("a", levels=2, bins=((0.0, 1.0),)), "levels or bins; got both"
    ),
    "a table of names": refused(lambda: TableDomain(("a", "b")), "Expected a tuple of Coordinate"),
    "a table of text": refused(lambda: TableDomain("ab"), "Expected a tuple of Coordinate"),
    "a table of one coordinate": refused(lambda: TableDomain(A), "Make one Coordinate for each"),
    "a number of coordinates": refused(lambda: TableDomain(3), "got 3. Make one Coordinate"),
    "a name twice": refused(lambda: TableDomain((A, B, A)), "each with a name of its own"),
    "an image without rows": refused(
        lambda: ImageDomain(0, 4, 1), "Expected height to be a whole"
    ),
    "an image of text": refused(lambda: ImageDomain("28", 28, 1), "Expected height to be a whole"),
    "half a pixel": refused(lambda: ImageDomain(3, 4.5, 1), "Expected width to be a whole"),
    "fewer than no channels": refused(lambda: ImageDomain(3, 4, -1), "Expected channels to be"),
    "no grey values": refused(lambda: ImageDomain(3, 4, 1, levels=0), "Expected levels to be"),
    "no classes": refused(lambda: ImageDomain(3, 4, 1, labels=0), "labels to be a whole.*or None"),
    "classes by their names": refused(
        lambda: ImageDomain(3, 4, 1, labels=["cat", "dog"]), "Expected labels to be a whole"
    ),
    "a row below the image": refused(lambda: IMAGE.index(3, 0), "row .* >= 0 and < 3; got 3"),
    "a column from the right": refused(lambda: IMAGE.index(0, -1), "column .* < 4; got -1"),
    "a channel by its name": refused(lambda: IMAGE.index(0, 0, "red"), "channel .* got 'red'"),
}


def ranked(rank):
    """A row that asks the fitted backbone for ranks."""
    return lambda world: world.joint.backbone.check_rank(rank), InputError, "Expected"


ROW, NONE = torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.bool)


def stepper(y, visible, words):
    """A row that steps through rows."""
    call = lambda world: RecomputeStepper(world.joint.backbone, y, visible)  # noqa: E731
    return call, InputError, words


RANKS = {
    "ranks in a list": ranked([0, 1, 2]),
    "ranks that are None": ranked(None),
    "a mask for a rank": ranked(torch.tensor([True, False, True])),
    "ranks of floats": ranked(torch.zeros(3)),
    "ranks of another table": ranked(torch.zeros(5, dtype=torch.long)),
    "a pile of ranks": ranked(torch.zeros(1, 2, 3, dtype=torch.long)),
    "one rank": ranked(torch.tensor(0)),
    "steps of rows of another width": stepper(
        torch.zeros(2, 5), NONE, r"Expected y of shape \(rows, 3\); got \(2, 5\)"
    ),
    "steps of one row without an axis": stepper(ROW[0], NONE[0], r"got \(3,\)"),
    "steps of a frame": stepper({"x": [1.0]}, NONE, "Expected y to be a tensor .* got dict"),
    "steps that see ones and noughts": stepper(
        ROW, ROW, "Expected visible of dtype bool; got torch.float32"
    ),
    "steps that see other rows": stepper(ROW, NONE[:1], r"Expected visible of shape \(2, 3\)"),
    "steps of no network": refused(
        lambda: RecomputeStepper("mlp", ROW, NONE), "of class AbstractBackbone; got str"
    ),
}

KIT = {
    "a kit for an instance": refused(
        lambda: check_backbone(Blind(TableDomain((A, B)))), "Expected a subclass of AbstractBackbo"
    ),
    "a kit for a name": refused(lambda: check_backbone("mlp"), "got 'mlp'. Give the class itself"),
    "a kit for nothing": refused(lambda: check_backbone(None), "got None. Give the class"),
    "a kit for another module": refused(
        lambda: check_backbone(nn.Linear), "AbstractBackbone; got"
    ),
    "a kit for a head": refused(lambda: check_backbone(BinnedHead), "AbstractBackbone; got"),
    "a kit for a class of no kind": refused(
        lambda: check_backbone(OfNoKind), "OfNoKind.takes to be one of TableDomain, ImageDomain"
    ),
    "a kit for a class of no ranks": refused(
        lambda: check_backbone(OfNoRanks), "OfNoRanks.serves to be one of fixed.*got 'all'"
    ),
    "a kit for half a class": refused(lambda: check_backbone(Unwritten), "Unwritten without forw"),
    "a kit with the other domain": refused(
        lambda: check_backbone(Blind, IMAGE),
        "Expected domain to be of class TableDomain; got ImageDo",
    ),
    "a kit with coordinates": refused(
        lambda: check_backbone(Blind, (A, B)),
        "Expected domain to be of class TableDomain; got tuple",
    ),
    "a kit with a list of arguments": refused(
        lambda: check_backbone(Blind, args=["context"]), "Expected args to be a dict"
    ),
    "a kit with an unknown argument": refused(
        lambda: check_backbone(Blind, args={"width": 3}), "Expected arguments out of context; got"
    ),
    "a kit of one row": refused(lambda: check_backbone(Blind, rows=1), "rows .* >= 2; got 1"),
    "a kit of many rows": refused(
        lambda: check_backbone(Blind, rows="many"), "rows .* got 'many'"
    ),
    "a kit of no seed": refused(lambda: check_backbone(Blind, seed=None), "seed .* got None"),
    "a kit of a seed below nought": refused(
        lambda: check_backbone(Blind, seed=-1), "seed .* >= 0"
    ),
    "a kit with a reach of another size": refused(
        lambda: check_backbone(Blind, reach=torch.ones(2, 2, dtype=torch.bool)),
        r"Expected reach of shape \(5, 5\); got \(2, 2\)",
    ),
    "a kit with a reach of numbers": refused(
        lambda: check_backbone(Blind, reach=torch.ones(5, 5)), "Expected reach of dtype bool"
    ),
    "a kit with a reach in steps": refused(
        lambda: check_backbone(Blind, reach=2), "Expected reach to be a tensor"
    ),
    "a kit for a head that is built": refused(
        lambda: check_head("spline"), "Expected a function from a context width .* got str"
    ),
    "a kit for no head": refused(lambda: check_head(None), "from a context width .* got NoneType"),
    "a kit for a function of no head": refused(
        lambda: check_head(lambda context: nn.Linear(context, 2)), "AbstractHead; got Linear"
    ),
    "a kit for a function that returns nothing": refused(
        lambda: check_head(lambda context: None), "AbstractHead; got NoneType. Return the head"
    ),
    "a kit of targets that fall": refused(
        lambda: check_head(SplineHead, target_range=(1.0, 0.0)), "Expected target_range"
    ),
    "a kit of one target": refused(
        lambda: check_head(SplineHead, target_range=5.0), "Give a pair such as"
    ),
    "a kit of endless targets": refused(
        lambda: check_head(SplineHead, target_range=(0.0, float("inf"))), "Expected target_range"
    ),
    "a kit for a head of half a seed": refused(
        lambda: check_head(SplineHead, seed=0.5), "Expected seed to be a whole number"
    ),
}


def entered(number):
    """A row that uses so many threads."""

    def call(world):
        with threads(number):
            pass

    return call, InputError, "Expected number to be a whole number >= 1; got"


THREADS = {
    "no threads": entered(0),
    "fewer than no threads": entered(-2),
    "half a thread": entered(1.5),
    "threads in words": entered("all"),
    "threads that are None": entered(None),
    "a task that is not in a list": refused(
        lambda: list(side_by_side(print)), "Expected tasks to be a list of functions"
    ),
    "tasks that have been run": refused(
        lambda: list(side_by_side([3])), "Expected tasks that are functions of nothing; got 3"
    ),
    "batches of less than no rows": refused(
        lambda: list(by_batches(print, -1, most=2, least=1)), "Expected n to be a whole number"
    ),
    "batches of no rows": refused(
        lambda: list(by_batches(print, 3, most=0, least=1)), "Expected most to be a whole number"
    ),
    "threads that want half a row": refused(
        lambda: list(by_batches(print, 3, most=2, least=0.5)), "Expected least to be a whole"
    ),
    "batches that begin at multiples of none": refused(
        lambda: list(by_batches(print, 3, most=2, least=1, multiple=0)), "Expected multiple to be"
    ),
    "slices of no rows": refused(lambda: list(slices(3, 0)), "Expected size to be a whole number"),
    "slices of half a row": refused(
        lambda: list(slices(0.5, 1)), "Expected n to be a whole number"
    ),
}

ROWS = (DOMAINS, RANKS, KIT, THREADS)
