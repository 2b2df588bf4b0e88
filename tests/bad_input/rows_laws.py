"""Laws of tables, images and targets: built, and asked with what is no encoded row."""

import torch

from qdist.backbones import Coordinate
from qdist.errors import InputError, UnknownNameError
from qdist.heads import SplineHead
from qdist.laws import ImageLaw, RegressionLaw, TableLaw, build, draw_visible, sampling_order

GENERATOR = torch.Generator()
TARGETS = RegressionLaw([[0.0, 1.0]], [], [None], width=8, layers=1, members=2)


def refused(call, words, error=InputError):
    """A row: a call with the world, and its end."""
    return call, error, words


def table(world, codec=None, **params):
    """A law of the fitted table, with other parts."""
    parts = {"backbone": "mlp", "backbone_args": {"width": 8}, "head": "binned", "head_args": {}}
    return TableLaw(world.model._codec if codec is None else codec, **{**parts, **params})


def image(world, codec=None, **params):
    """A law of the fitted images, with other parts."""
    parts = {"backbone": "pixelcnn", "backbone_args": {}, "head": "spline", "head_args": {}}
    return ImageLaw(world.images._codec if codec is None else codec, **{**parts, **params})


BUILT = {
    "building what is built": refused(
        lambda world: build(world.model._law, seed=0, device="cpu"),
        "a function that builds a law; got TableLaw",
    ),
    "building nothing": refused(
        lambda world: build(None, seed=0, device="cpu"), "Expected a function that builds a law"
    ),
    "building something else": refused(
        lambda world: build(dict, seed=0, device="cpu"), "that builds a law; got dict"
    ),
    "building below nought": refused(
        lambda world: build(lambda: TARGETS, seed=-1, device="cpu"), r"Expected a seed in \[0, 2"
    ),
    "building on no device": refused(
        lambda world: build(lambda: TARGETS, seed=0, device="tpu9"), "Expected a device"
    ),
    "a law of a frame": refused(
        lambda world: table(world, world.table), "class TableCodec; got dict. Make one by TableCod"
    ),
    "a law of tables for images": refused(
        lambda world: table(world, world.images._codec), "class TableCodec; got ImageCodec"
    ),
    "a law of no network": refused(
        lambda world: table(world, backbone="transformer"), "name of a backbone", UnknownNameError
    ),
    "a law of tables by a network for images": refused(
        lambda world: table(world, backbone="pixelcnn"), "Expected a backbone for tables"
    ),
    "a law of no members": refused(lambda world: table(world, members=0), "Expected members"),
    "a law in the order of names": refused(
        lambda world: table(world, order=["x", "size", "rate"]), "Expected an order"
    ),
    "a law in half an order": refused(lambda world: table(world, order=[0, 1]), "Expected an ord"),
    "a law with arguments in a list": refused(
        lambda world: table(world, backbone_args=["width"]), "Expected arguments that backbone"
    ),
    "a law of images in bytes": refused(
        lambda world: image(world, world.grey), "class ImageCodec; got ndarray. Make one by Image"
    ),
    "a law of images by a network for tables": refused(
        lambda world: image(world, backbone="mlp"), "Expected a backbone for images"
    ),
    "a law of images with a number for arguments": refused(
        lambda world: image(world, head_args=3), "Expected head_args to be a dict"
    ),
    "a law of targets of no width": refused(
        lambda world: RegressionLaw([[0.0, 1.0]], [], [None], width=0), "Expected width .* >= 1"
    ),
    "a law of targets of half a width": refused(
        lambda world: RegressionLaw([[0.0, 1.0]], [], [None], width=2.5),
        "Expected width of network_args to be a whole number >= 1; got 2.5",
    ),
    "a law of targets that drops all": refused(
        lambda world: RegressionLaw([[0.0, 1.0]], [], [None], dropout=1.0), "Expected dropout"
    ),
}

VISIBLE = {
    f"showing {what}": refused(lambda world, call=call: call(), words)
    for what, (call, words) in {
        "fewer than no rows": (lambda: draw_visible(-1, 3, generator=GENERATOR), "Expected n "),
        "half a row": (lambda: draw_visible(1.5, 3, generator=GENERATOR), "Expected n "),
        "no columns": (lambda: draw_visible(2, 0, generator=GENERATOR), "Expected dim .* >= 1"),
        "columns by name": (lambda: draw_visible(2, "ab", generator=GENERATOR), "Expected dim "),
        "by no generator": (
            lambda: draw_visible(2, 3, generator=None),
            "got NoneType. Give torch",
        ),
        "no fullness": (
            lambda: draw_visible(2, 3, generator=GENERATOR, fullness=0.0),
            "Expected fullness .* > 0",
        ),
        "by a seed": (lambda: draw_visible(2, 3, generator=0), "class Generator; got int"),
        "half an order": (
            lambda: draw_visible(2, 3, generator=GENERATOR, order=torch.arange(2)),
            "Expected an order",
        ),
        "ranks that tie": (
            lambda: draw_visible(2, 3, generator=GENERATOR, order=torch.zeros(3).long()),
            "Expected an order",
        ),
    }.items()
} | {
    "a law that asks fewer than no rows": refused(
        lambda world: world.model._law.questions(-1, generator=GENERATOR), "Expected n "
    ),
}

ALONG = {
    "an order of a row without an axis": refused(
        lambda world: sampling_order(torch.zeros(1), (Coordinate("a"),)), "Expected y of shape"
    ),
    "an order of rows of another width": refused(
        lambda world: sampling_order(torch.zeros(2, 3), (Coordinate("a"),)), "Expected y of shape"
    ),
    "an order of columns by name": refused(
        lambda world: sampling_order(torch.zeros(2, 2), ["a", "b"]), "a tuple of Coordinate"
    ),
    "a law with two orders": refused(
        lambda world: table(world, order=[0, 1, 2], along=[2, 1, 0]), "Leave one of them out"
    ),
}

Y, HIDDEN, TAU = torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.bool), torch.full((2, 3), 0.5)
WIDE, ALL_HIDDEN = torch.zeros(2, 5), torch.zeros(2, 5, dtype=torch.bool)
CALLS = {
    "filling": lambda law, y, visible: list(law.fill(y, visible, seed=0)),
    "filling at levels": lambda law, y, visible: law.fill_at(y, visible, tau=TAU),
    "the law of a column": lambda law, y, visible: law.conditional(0, y, visible),
    "densities": lambda law, y, visible: law.log_prob(y, visible=visible),
}
ROWS_OF = {
    "rows of another width": (WIDE, ALL_HIDDEN, r"Expected y of shape \(rows, 3\); got \(2, 5\)"),
    "a row without an axis": (Y[0], HIDDEN[0], r"Expected y of shape .* got \(3,\)"),
    "an array": (Y.numpy(), HIDDEN, "Expected y to be a tensor .* got ndarray"),
    "a mask of other rows": (Y, HIDDEN[:1], r"Expected visible of shape \(2, 3\); got \(1, 3\)"),
    "a mask of more rows": (Y, HIDDEN.repeat(2, 1), r"visible of shape \(2, 3\); got \(4, 3\)"),
    "a mask of numbers": (Y, Y, "Expected visible of dtype bool; got torch.float32"),
    "a mask by name": (Y, ["x"], "Expected visible to be a tensor"),
}

ASKED = {
    f"{name} of {what}": refused(
        lambda world, call=call, y=y, shown=shown: call(world.model._law, y, shown), words
    )
    for name, call in CALLS.items()
    for what, (y, shown, words) in ROWS_OF.items()
} | {
    "filling within a level": refused(
        lambda world: list(world.model._law.fill(Y, HIDDEN, seed=0, tau_range=0.5)),
        "low < high <= 1 in tau_range",
    ),
    "filling within levels that fall": refused(
        lambda world: list(world.model._law.fill(Y, HIDDEN, seed=0, tau_range=(0.9, 0.1))),
        "low < high <= 1 in tau_range",
    ),
    "filling at levels of other rows": refused(
        lambda world: world.model._law.fill_at(Y, HIDDEN, tau=TAU[:1]), r"tau of shape \(2, 3\)"
    ),
    "filling at one level": refused(
        lambda world: world.model._law.fill_at(Y, HIDDEN, tau=0.5), "tau to be a tensor .* float"
    ),
    "the law of a column by name": refused(
        lambda world: world.model._law.conditional("x", Y, HIDDEN), "Expected i to be a whole"
    ),
    "the law of a column beyond the last": refused(
        lambda world: world.model._law.conditional(3, Y, HIDDEN), "< 3; got 3"
    ),
    "densities of an array and no mask": refused(
        lambda world: world.model._law.log_prob(Y.numpy()), "Expected y to be a tensor"
    ),
    "densities in half an order": refused(
        lambda world: world.model._law.log_prob(Y, order=[0, 1]), "Expected an order"
    ),
    "levels of encoded rows of another width": refused(
        lambda world: world.model._law.rosenblatt(WIDE, ends=(WIDE, WIDE)),
        r"y of shape .* \(2, 5",
    ),
    "levels of cells of other rows": refused(
        lambda world: world.model._law.rosenblatt(Y, ends=(Y, Y[:1])),
        "each of the ends of shape",
    ),
    "calibrating to rows of another width": refused(
        lambda world: world.joint.calibrate(WIDE, n=9, seed=0), r"y of shape .* \(2, 5\)"
    ),
    "calibrating on no rows": refused(
        lambda world: world.joint.calibrate(Y, n=0, seed=0), "n to be a whole number >= 1; got 0"
    ),
    "calibrating to no rows": refused(
        lambda world: world.joint.calibrate(Y[:0], n=9, seed=0), "least one row.* got 0 rows"
    ),
    "calibrating to NaN": refused(
        lambda world: world.joint.calibrate(Y * torch.nan, n=9, seed=0), "finite numbers.* 6 cells"
    ),
    "calibrating to codes there are not": refused(
        lambda world: world.joint.calibrate(Y - 5, n=9, seed=0), r"codes in 0 \.\.\. \d+; got -5"
    ),
    "calibrating by a seed below nought": refused(
        lambda world: world.joint.calibrate(Y, n=9, seed=-1), "seed to be a whole number >= 0"
    ),
    "calibrating by weights of other rows": refused(
        lambda world: world.joint.calibrate(Y, n=9, seed=0, weight=Y[0]), r"weight of shape \(2,\)"
    ),
    "levels of cells in text": refused(
        lambda world: world.model._law.rosenblatt(Y, ends="ab"),
        "each of the ends to be a tensor",
    ),
}

GREY = torch.zeros(2, 13)  # a class and 3 x 4 pixels
PIXELS = torch.zeros(2, 12)
PICTURES = {
    f"{name} of {what}": refused(lambda world, call=call, y=y: call(world.images._law, y), words)
    for name, call in {
        "masses": lambda law, y: law.log_mass(y),
        "levels of pixels": lambda law, y: law.rosenblatt(y, seed=0),
        "filling pixels": lambda law, y: law.fill(y, GREY > 0, seed=0),
    }.items()
    for what, (y, words) in {
        "images without their class": (PIXELS, r"Expected y of shape \(rows, 13\); got \(2, 12\)"),
        "images that are not coded": (GREY.numpy(), "Expected y to be a tensor"),
        "one image without an axis": (GREY[0], r"got \(13,\)"),
        "None": (None, "Expected y to be a tensor .* got NoneType"),
    }.items()
} | {
    "filling pixels under a mask of pixels": refused(
        lambda world: world.images._law.fill(GREY, PIXELS > 0, seed=0), "Expected visible of shape"
    ),
    "filling pixels under a mask of numbers": refused(
        lambda world: world.images._law.fill(GREY, GREY, seed=0), "visible of dtype bool"
    ),
}

REGRESSIONS = {
    f"{name} of targets of {what}": refused(
        lambda world, name=name, y=y: getattr(TARGETS, name)(y), words
    )
    for name in ("laws", "averages")
    for what, (y, words) in {
        "features alone": (torch.zeros(2, 1), r"Expected y of shape \(rows, 2\); got \(2, 1\)"),
        "an array": (torch.zeros(2, 2).numpy(), "Expected y to be a tensor"),
        "None": (None, "got NoneType"),
    }.items()
} | {
    "the average of laws with a range": refused(
        lambda world: SplineHead(4, lower=0.0).average(torch.zeros(2, 4)),
        "Expected fixed levels and no range",
    ),
    "knots of a target beyond the last": refused(
        lambda world: TARGETS.knot_levels(1), "< 1; got 1"
    ),
    "knots of a target by name": refused(
        lambda world: TARGETS.knot_levels("y"), "Expected t to be"
    ),
    "knots of a target from the end": refused(
        lambda world: TARGETS.knot_levels(-1), "Expected t to be"
    ),
}

ROWS = (BUILT, VISIBLE, ALONG, ASKED, PICTURES, REGRESSIONS)
