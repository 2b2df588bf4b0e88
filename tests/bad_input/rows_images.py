"""Images, labels, masks and parameters that an image model cannot work with."""

import numpy as np

import qdist
from qdist.codecs.image import ImageCodec
from qdist.errors import FileAccessError, InputError, UnknownNameError
from qdist.joint import Autoregressive

TINY = {"features": 4, "layers": 1, "first": 3, "context": 8}
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (10, 3, 4), dtype=np.uint8)
MASK = np.zeros((3, 4), bool)
PICTURE = RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8)  # one, in colour
COLOUR = ImageCodec.fit(PICTURE[None])


def fit(images=GREY, labels=None, more=None, **params):
    args = {"max_steps": 1, "backbone_args": TINY, **params}
    return lambda world: qdist.ImageModel(**args).fit(images, labels, **(more or {}))


MISTAKES = {
    "a spline on no grid": (
        fit(head="spline", head_args={"step": None}),
        InputError,
        "Expected score 'crps' without a step; got 'log'. Give score='crps' or the step",
    ),
    "a head on half grey values": (
        fit(head="spline", head_args={"step": 0.5}),
        InputError,
        "Expected head_args of images with lower 0, upper 255 and step 1, or step None",
    ),
    "a head on some grey values": (
        fit(head="implicit", head_args={"upper": 2.0}),
        InputError,
        "at least as wide; got step 1, lower 0 and upper 2.0",
    ),
    **{
        f"a head on {what}": (
            fit(head=head, head_args=args),
            InputError,
            "and step 1, or step None",
        )
        for head in ("spline", "implicit")
        for what, args in {
            f"a shifted grid, {head}": {"lower": -0.5, "upper": 255.5},
            f"a wider grid, {head}": {"lower": -10.0, "upper": 265.0},
            f"a part of the grid by numpy, {head}": {"upper": np.int64(100)},
            f"a part of the grid by its bytes, {head}": {"lower": np.uint8(10)},
        }.items()
    },
    "a head on a grid beyond grey values": (
        fit(head="spline", head_args={"step": 1.0, "lower": -10.0, "upper": 265.0}),
        InputError,
        "got step 1.0, lower -10.0 and upper 265.0",
    ),
    "held-out labels without images": (
        fit(labels=[0, 1] * 5, more={"y_val": [0, 1]}),
        InputError,
        "Expected images_val, whose labels y_val are; got none. Give both, or neither",
    ),
    "nothing for images": (fit(None), InputError, r"; got NoneType\. Give an array, or a list of"),
    "images by name": (fit({"images": GREY}), InputError, r"; got dict\. Give an array"),
    "one image without its axis": (fit(GREY[0]), InputError, "Give a single image as images"),
    "one picture without its axis": (
        fit(PICTURE),
        InputError,
        r"got \(6, 5, 3\), which looks like one picture, .* narrow as this as",
    ),
    "one grey picture with channels": (
        fit(PICTURE[..., :1]),
        InputError,
        "looks like one picture",
    ),
    "one picture and its label": (fit(PICTURE, [1]), InputError, "looks like one picture"),
    "one picture for a colour model": (
        lambda w: COLOUR.encode(PICTURE),
        InputError,
        r"of shape \(N, 6, 5, 3\), as fitted; .* Give a single image as images\[None\]",
    ),
    "one larger picture for a colour model": (
        lambda w: COLOUR.encode(PICTURE.repeat(2, 0)),
        InputError,
        r"Give a single image, of that size, as images\[None\]",
    ),
    "one colour picture for a grey model": (
        lambda w: w.images.inpaint(PICTURE, MASK),
        InputError,
        r"Give a single image in grey, of that size, as images\[None\]",
    ),
    "floats": (fit(GREY / 255), InputError, "Expected images of dtype uint8"),
    "no images": (fit(GREY[:0]), InputError, "Expected at least one image; got none"),
    "a folder that is not there": (fit("nowhere.npz"), FileAccessError, "Expected a file to read"),
    "labels for other images": (fit(labels=[1]), InputError, r"Expected y of shape \(10,\)"),
    "held-out images of another size": (
        fit(more={"images_val": GREY[:, :2]}),
        InputError,
        r"Expected images_val of shape \(N, 3, 4\), as fitted; got \(10, 2, 4\)",
    ),
    "held-out images without labels": (
        fit(labels=np.arange(10), more={"images_val": GREY}),
        InputError,
        "Expected y_val, the labels of images_val; got none",
    ),
    "held-out labels never seen": (
        fit(labels=np.arange(10), more={"images_val": GREY, "y_val": np.arange(10) + 1}),
        InputError,
        "Expected labels that were fitted in y_val: 0, 1, .*; got 10",
    ),
    "held-out labels alone": (
        fit(more={"images_val": GREY, "y_val": np.arange(10)}),
        InputError,
        "Expected no y_val, as the model was fitted without labels",
    ),
    "no held-out images": (
        fit(more={"images_val": GREY[:0]}),
        InputError,
        "Expected at least one image in images_val; got none",
    ),
    "a backbone for tables": (
        fit(backbone="mlp", backbone_args={}),
        InputError,
        "Expected a backbone for images in raster order; got 'mlp', which takes TableDomain",
    ),
    "an unknown backbone": (fit(backbone="pixelrnn"), UnknownNameError, "known: .*pixelcnn"),
    "an unknown head": (fit(head="bined"), UnknownNameError, "known: binned"),
    "an argument that the backbone lacks": (
        fit(backbone_args={"depth": 2}),
        InputError,
        "backbone 'pixelcnn' takes; .*: 'depth' is none of .*features.* Correct backbone_args",
    ),
    "an argument that the head lacks": (
        fit(head_args={"bins": 2}),
        InputError,
        "head 'binned' takes; got .*: 'bins' is none of .*waves.* Correct head_args",
    ),
    "no steps": (fit(max_steps=0), InputError, "Expected max_steps to be a whole number >= 1"),
    "a time in words": (fit(max_time="soon"), InputError, "Expected a duration above 0"),
    "no batch": (fit(batch_size=0), InputError, "Expected batch_size to be a whole number >= 1"),
    "a rate of nought": (fit(learning_rate=0.0), InputError, "Expected learning_rate .* > 0"),
    "all held out": (fit(validation_fraction=1.0), InputError, "validation_fraction .* < 1"),
    "a device that is not there": (fit(device="gpu"), InputError, "Expected a device that torch"),
    "a device that this torch is without": (
        fit(device="cuda:99"),
        InputError,
        r"got 'cuda:99': .*\w\. Use 'cpu'",
    ),
    "drawn values settled by a number": (
        lambda w: Autoregressive(w.images.module_.backbone, w.images.module_.heads, settle=3),
        InputError,
        "Expected settle to be functions; got 3",
    ),
    "a negative number of images": (
        lambda w: w.images.sample(-1),
        InputError,
        "Expected n >= 0; got -1",
    ),
    "labels of a model without": (
        lambda w: fit(random_state=0)(w).sample_labels(2),
        InputError,
        r"fitted with labels; got one without\. Fit it with labels: fit\(images, y\)",
    ),
    "a negative number of labels": (
        lambda w: w.images.sample_labels(-1),
        InputError,
        "Expected n >= 0; got -1",
    ),
    "a label never seen": (
        lambda w: w.images.sample(2, given=7),
        InputError,
        "Expected labels that were fitted in given: 0, 1; got 7",
    ),
    "a label by name, as of a table": (
        lambda w: w.images.sample(2, given={"class": 1}),
        InputError,
        r"Expected labels that were fitted in given: 0, 1; got \{'class': 1\}",
    ),
    "labels in lists of several lengths": (
        lambda w: w.images.sample(given=[[1], [0, 1]]),
        InputError,
        "Expected one label, or a flat sequence of labels, in given",
    ),
    "labels to fit in lists of several lengths": (
        fit(labels=[[1], [0, 1]] * 5),
        InputError,
        "Expected one label, or a flat sequence of labels, in y",
    ),
    "labels of another number": (
        lambda w: w.images.sample(3, given=[0, 1]),
        InputError,
        r"Expected one label, or one for each of 3 in given; got shape \(2,\)",
    ),
    "a mask of another shape": (
        lambda w: w.images.inpaint(GREY, np.zeros((4, 3), bool)),
        InputError,
        r"Expected a mask of shape \(3, 4\) or \(10, 3, 4\), one value a pixel; got \(4, 3\)",
    ),
    "one mask in a stack": (
        lambda w: w.images.inpaint(GREY, MASK[None]),
        InputError,
        r"got \(1, 3, 4\)\. Give mask\[0\], which hides the same pixels in all images",
    ),
    "a mask of other images": (
        lambda w: w.images.inpaint(GREY, np.zeros((9, 3, 4), bool)),
        InputError,
        r"got \(9, 3, 4\)\. Give one for each of the 10 images, or one of shape \(3, 4\) for all",
    ),
    "a mask with an axis of channels": (
        lambda w: w.images.inpaint(GREY, MASK[..., None]),
        InputError,
        r"got \(3, 4, 1\)\. A hidden pixel is hidden in all .*: give mask\[\.\.\., 0\]",
    ),
    "a mask for each channel": (
        lambda w: w.images.inpaint(GREY, np.zeros((10, 3, 4, 3), bool)),
        InputError,
        r"hidden in all its channels: give mask\.any\(-1\)",
    ),
    "no mask": (
        lambda w: w.images.inpaint(GREY, None),
        InputError,
        "one value a pixel; got None. Give True for each pixel that is hidden",
    ),
    "a mask in words": (
        lambda w: w.images.inpaint(GREY, "lower"),
        InputError,
        r"got 'lower'\. Hide a half by qdist\.data\.pictures\.half\(\(3, 4\), 'lower'\)",
    ),
    "a ragged mask": (
        lambda w: w.images.inpaint(GREY, [[True], [True, False]]),
        InputError,
        "Expected a mask of shape .*; got rows of different lengths",
    ),
    "True where labels are numbers": (
        lambda w: w.images.sample(2, given=True),
        InputError,
        "Expected labels that were fitted in given: .*; got True",
    ),
    "a mask that is masked": (
        lambda w: w.images.inpaint(GREY, np.ma.array(MASK, mask=True)),
        InputError,
        r"got a masked array. Fill it: mask\.filled\(True\)",
    ),
    "a mask of numbers": (
        lambda w: w.images.inpaint(GREY, MASK.astype(int)),
        InputError,
        "Expected a mask of dtype bool, True where a pixel is hidden; got int64",
    ),
    "colour for grey": (
        lambda w: w.images.inpaint(GREY[..., None].repeat(3, 3), MASK),
        InputError,
        "The model is of grey images: convert colour to grey",
    ),
    "no draws": (
        lambda w: w.images.inpaint(GREY, MASK, n_draws=0),
        InputError,
        "Expected n_draws to be a whole number >= 1; got 0",
    ),
    "levels without labels": (
        lambda w: w.images.rosenblatt(GREY),
        InputError,
        "Expected given, the labels of the images, as the model was fitted with labels",
    ),
    "a floor without labels": (
        lambda w: w.images.bits_per_dim(GREY, floor=0.1),
        InputError,
        "Expected given, the labels of the images",
    ),
    "a floor that is all": (
        lambda w: w.images.bits_per_dim(GREY, given=0, floor=1.0),
        InputError,
        "Expected floor to be a number >= 0 and < 1; got 1.0",
    ),
    "the score of no images": (
        lambda w: w.images.score(GREY[:0]),
        InputError,
        "Expected images to score; got none",
    ),
    "images of another size": (
        lambda w: w.images.log_prob(GREY[:, 1:]),
        InputError,
        r"Expected images of shape \(N, 3, 4\), as fitted; got \(10, 2, 4\)",
    ),
}

ROWS = (MISTAKES,)
