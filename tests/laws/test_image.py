"""The law of an image, against sums over all the images that there can be."""

from itertools import product

import numpy as np
import pytest
import torch

import qdist
from qdist.backbones import RecomputeStepper
from qdist.codecs.image import ImageCodec
from qdist.errors import UnsupportedError
from qdist.laws import ImageLaw, build
from qdist.laws.classes import log_joint

TINY = {"features": 4, "layers": 2, "first": 3, "context": 6}
# All images of 1 x 3 pixels with 3 grey values, and two classes of unequal shares.
EVERY = np.array(list(product([0, 100, 200], repeat=3)), np.uint8)[:, None, :]
CLASSES = (np.arange(27) % 3 == 0).astype(int)

LAWS = {
    "binned": ("binned", {}, "head"),
    "categorical": ("categorical", {}, "head"),
    "spline": ("spline", {}, "head"),
    "spline, no grid": ("spline", {"step": None, "score": "crps"}, "head"),
    "implicit": ("implicit", {}, "head"),
    "implicit, no grid": ("implicit", {"step": None}, "head"),
    "implicit, query": ("implicit", {}, "query"),
}
BARE = {"step": None, "lower": None, "upper": None}
# What draws reals, or beyond the grid, or sees levels; it has no law to sum up.
DRAWN = {
    **LAWS,
    "spline, no bounds": ("spline", {**BARE, "score": "crps"}, "head"),
    "implicit, no bounds": ("implicit", BARE, "head"),
    "implicit, blocks, no grid": ("implicit", {"step": None}, "blocks"),
}
ALL = pytest.mark.parametrize("name", LAWS)


def make(name, *, labels=None, images=EVERY, seed=0, laws=LAWS):
    head, head_args, levels = laws[name]
    codec = ImageCodec.fit(images, labels)
    law = build(
        lambda: ImageLaw(
            codec,
            backbone="pixelcnn",
            backbone_args={**TINY, "levels": levels},
            head=head,
            head_args=head_args,
        ),
        seed=seed,
        device="cpu",
    ).double()
    with torch.no_grad():  # far from where it starts, so that pixels depend on each other
        for p in law.parameters():
            p.add_(0.5 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())))
    return law.eval()


def codes(law, images=EVERY, labels=None):
    rows = law.codec.encode(images)
    return rows if labels is None else torch.cat([torch.as_tensor(labels)[:, None], rows], 1)


@ALL
def test_probabilities_of_all_images_sum_to_one(name):
    law = make(name)
    assert law.log_mass(codes(law)).sum(1).exp().sum().item() == pytest.approx(1.0, abs=1e-9)


@ALL
def test_probabilities_with_classes_sum_to_one(name):
    law = make(name, labels=CLASSES)
    joint = log_joint(law, codes(law))
    assert joint.shape == (27, 2)
    assert joint.exp().sum().item() == pytest.approx(1.0, abs=1e-9)
    # The share of class 1 is that of the labels: 9 of 27.
    assert joint.exp().sum(0)[1].item() == pytest.approx(1 / 3, abs=1e-9)


def test_large_images_are_read_a_few_at_once(monkeypatch):
    """As many as have so many numbers in their contexts, and at least one."""
    law = make("binned")
    whole, read = law.log_mass(codes(law)), []
    content = type(law.backbone).content

    def listening(network, y, *args, **options):
        read.append(len(y))
        return content(network, y, *args, **options)

    monkeypatch.setattr(type(law.backbone), "content", listening)
    a_context = law.dim * law.backbone.context
    for numbers, size in ((1, 1), (4 * a_context, 4), (27 * a_context, 27)):
        read.clear()
        monkeypatch.setattr("qdist.laws.image._CONTEXTS", numbers)
        torch.testing.assert_close(law.log_mass(codes(law)), whole)
        assert read == [len(part) for part in whole.split(size)]


@pytest.mark.parametrize("name", ["binned", "spline", "implicit"])
def test_heads_start_from_bytes(name, monkeypatch):
    """Beside more classes than a byte holds too: of bytes heads need no more memory."""
    law, kinds = make(name), []
    head = law.joint.heads[0]
    monkeypatch.setattr(type(head), "start", lambda _, target: kinds.append(target.dtype))
    law.start(codes(law).to(torch.int16))
    assert kinds == [torch.uint8]


@pytest.mark.parametrize("name", ["binned", "categorical", "spline", "implicit"])
def test_two_routes_to_a_probability(name):
    law = make(name, labels=CLASSES)
    y = codes(law, labels=CLASSES)
    torch.testing.assert_close(law.log_mass(y).sum(1), law.joint.log_prob(y.double()))


@pytest.mark.parametrize("name", ["binned", "categorical"])
def test_the_loss_of_a_log_score_is_minus_the_mean_log_mass(name):
    law = make(name, labels=CLASSES)
    y = codes(law, labels=CLASSES)
    torch.testing.assert_close(law(y, law.questions(27, generator=None)), -law.log_mass(y).mean(1))


@ALL
def test_the_class_of_a_beginning_is_that_of_bayes(name):
    law = make(name, labels=CLASSES)
    y = codes(law)
    before = torch.tensor([True, True, False]).expand(27, 3)
    found = log_joint(law, y, where=before).softmax(1)
    joint = log_joint(law, y).exp()
    for k in range(0, 27, 5):  # sum over the third pixel
        alike = (y[:, :2] == y[k, :2]).all(1)
        torch.testing.assert_close(found[k], joint[alike].sum(0) / joint[alike].sum())


@ALL
def test_drawing_undoes_the_levels(name):
    law = make(name, labels=CLASSES)
    y = codes(law, labels=CLASSES)
    levels = law.rosenblatt(y, seed=0)
    assert ((levels >= 0) & (levels <= 1)).all()
    tau = torch.cat([levels.new_zeros(27, 1), levels], 1)
    again = law.joint.fill(y.double(), law.questions(27, generator=None).visible, tau=tau)
    possible = law.log_mass(y) > -30  # what has no mass cannot be drawn
    assert possible.double().mean() > 0.5
    first = possible.cumsum(1) == torch.arange(1, 4)  # nor what comes after it
    assert torch.equal(again[:, 1:][first], y[:, 1:].double()[first])


@pytest.mark.parametrize("name", ["binned", "categorical", "spline"])
def test_levels_of_drawn_images_are_uniform_with_the_same_seed_too(name):
    """Kolmogorov's distance of 3 x 2,000 levels; P(D > 1.95 / sqrt(n)) is 0.001.

    With the numbers that the images were drawn by, all levels would lie in the middle of a cell.
    """
    law, n = make(name), 2000
    drawn = law.fill(torch.zeros(n, 3), torch.zeros(n, 3, dtype=torch.bool), seed=0)
    levels = law.rosenblatt(drawn, seed=0).flatten().sort().values
    expected = (torch.arange(3 * n) + 0.5) / (3 * n)
    assert (levels - expected).abs().max() < 1.95 / (3 * n) ** 0.5


@pytest.mark.parametrize(
    "name", ["binned", "categorical", "spline", "implicit", "implicit, query"]
)
def test_draws_follow_the_probabilities(name):
    """Pearson's statistic over the 27 images; P(chi2 with 26 > 54) is 0.001."""
    law = make(name)
    p = law.log_mass(codes(law)).sum(1).exp().numpy()
    n = 600 if name.startswith("implicit") else 4000  # 256 readings a pixel
    visible = torch.zeros(n, 3, dtype=torch.bool)
    for read in ("law", "network"):
        drawn = law.fill(torch.zeros(n, 3), visible, seed=1, read=read)
        count = np.bincount((drawn.numpy() @ [9, 3, 1]).astype(int), minlength=27)
        enough = n * p > 5
        statistic = ((count - n * p)[enough] ** 2 / (n * p)[enough]).sum()
        rest = abs(count[~enough].sum() - n * p[~enough].sum())
        if read == "network" and name.startswith("implicit"):
            # The law is read on a grid of 256 levels: masses are off by a few of them.
            assert np.abs(count / n - p).max() < 4 / 256 + 4 * (0.25 / n) ** 0.5
        else:
            assert statistic < 54, read
            assert rest < 4 * (n * p[~enough].sum()) ** 0.5 + 5


@pytest.mark.parametrize("shape", [(4, 3, 4), (4, 3, 2, 3)], ids=["grey", "colour"])
def test_any_mask_is_filled_as_by_full_passes(shape, monkeypatch):
    """Known pixels between hidden ones, other ones in each image: caches against recomputing."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 5, shape, dtype=np.uint8)
    law = make("binned", images=images)
    y = law.codec.encode(images).double()
    visible = torch.from_numpy(rng.random(y.shape) < 0.5)
    cached = law.fill(y, visible, seed=0, later="keep")
    slow = lambda net, y, known: RecomputeStepper(net, y, known)  # noqa: E731
    monkeypatch.setattr(type(law.backbone), "stepper", slow)
    assert torch.equal(law.fill(y, visible, seed=0, later="keep"), cached)
    assert torch.equal(cached[visible], y[visible])
    with pytest.raises(UnsupportedError, match="a known cell follows a hidden one"):
        law.fill(y, visible, seed=0)


@pytest.mark.parametrize("read", ["law", "network"])
@pytest.mark.parametrize("name", DRAWN)
def test_a_pixel_is_drawn_given_the_bytes_of_those_before_it(name, read, monkeypatch):
    law = make(name, labels=CLASSES, laws=DRAWN)
    fed, stepper = {}, type(law.backbone).stepper

    def listening(*args, **options):
        found = stepper(*args, **options)
        set_ = found.set

        def write(i, value, **more):
            fed[i] = value.clone()
            set_(i, value, **more)

        found.set = write
        return found

    monkeypatch.setattr(type(law.backbone), "stepper", listening)
    y = torch.ones(200, law.dim).double()
    drawn = law.fill(y, law.questions(200, generator=None).visible, seed=0, read=read)
    assert sorted(fed) == [1, 2, 3]
    again = law.codec.encode(law.codec.decode(drawn[:, 1:]))
    assert torch.equal(torch.stack([fed[i] for i in (1, 2, 3)], 1), again.double())
    assert torch.equal(drawn[:, 1:], again.double())


def test_training_images_may_show_their_class_only():
    law = make("binned", labels=CLASSES)
    questions = law.questions(2, generator=None)
    assert questions.visible.tolist() == [[True, False, False, False]] * 2
    assert questions.asked.tolist() == [[False, True, True, True]] * 2
    assert make("binned").questions(1, generator=None).visible.tolist() == [[False] * 3]


def test_losses_are_of_one_size():
    """A pinball loss is divided by the spread of grey values: of order one, whatever the head."""
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 3), dtype=np.uint8)
    scored = {
        "binned, CRPS": ("binned", {"score": "crps"}, "head"),
        "categorical, RPS": ("categorical", {"score": "rps"}, "head"),
    }
    for name in (*LAWS, *scored):
        law = make(name, images=images, laws={**LAWS, **scored})
        loss = law(codes(law, images), None, generator=torch.Generator().manual_seed(0)).mean()
        limit = 30 if name in LAWS else 1  # a ranked score of values between 0 and 1
        assert 0.01 < loss.item() < limit, name


# P(0) = 0.7, P(255) = 0.3; and P(0) = 0.9 with the rest uniform: images of one pixel.
def two_ends(rng, n):
    return np.where(rng.random(n) < 0.7, 0, 255)


def zeros(rng, n):
    return np.where(rng.random(n) < 0.9, 0, rng.integers(1, 256, n))


# The implicit head is not among them: the page of images says by how much it misses.
FLAT = ("binned", "categorical", "spline")


@pytest.mark.parametrize("head", FLAT)
@pytest.mark.parametrize(("draw", "share"), [(two_ends, 0.7), (zeros, 0.9)], ids=["ends", "zeros"])
def test_flat_regions_stay_flat(head, draw, share):
    """Grey mass below 0.5 %, share of zeros within 0.01: of the law, not of draws."""
    images = draw(np.random.default_rng(0), 60_000).astype(np.uint8)[:, None, None]
    images[:256, 0, 0] = np.arange(256)  # all grey values are possible
    model = qdist.ImageModel(
        head=head,
        max_steps=250,
        batch_size=256,
        learning_rate=0.01,
        validation_fraction=0.0,
        backbone_args={"features": 4, "layers": 1, "first": 3, "context": 16},
        random_state=0,
    ).fit(images)
    mass = np.exp(model.log_prob(np.arange(256, dtype=np.uint8)[:, None, None]))
    share_of_zeros = (images == 0).mean()
    assert abs(share_of_zeros - share) < 0.01
    assert abs(mass[0] - share_of_zeros) < 0.01
    grey = mass[1:255] if draw is two_ends else mass[1:9]
    truth = np.bincount(images.ravel(), minlength=256)[1 : 1 + len(grey)].sum() / len(images)
    assert grey.sum() - truth < 0.005
