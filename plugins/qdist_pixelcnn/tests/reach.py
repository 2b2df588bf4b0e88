"""What a Gated PixelCNN can see, by set arithmetic: no convolution, no network."""

import torch


def reach(height, width, channels, *, layers, first, kernel, labels=False):
    """[i, j]: whether h_i can see y_j, from the definition of the two stacks alone.

    A feature is a set of coordinates. The vertical stack at a pixel reads rows up to its own and
    columns to both sides; the horizontal stack reads pixels to the left, the pixel's channels
    up to its own (at first before its own), and the vertical stack of the row above.
    """
    half, inner = first // 2, kernel // 2
    every = range(channels)

    def inside(row, column):
        return 0 <= row < height and 0 <= column < width

    pixels = [(r, c) for r in range(height) for c in range(width)]
    tall = {(r, c): {(r, c, k) for k in every} for r, c in pixels}
    wide = {(r, c, k): {(r, c, k)} for r, c in pixels for k in every}
    for layer in range(layers):
        radius, rows = (half, half - 1) if layer == 0 else (inner, inner)
        above = {
            (r, c): set().union(
                *(
                    tall[r - a, c + b]
                    for a in range(rows + 1)
                    for b in range(-radius, radius + 1)
                    if inside(r - a, c + b)
                )
            )
            for r, c in pixels
        }
        new = {}
        for r, c, k in wide:
            seen = set(above[r - 1, c]) if r else set()
            for b in range(1, radius + 1):
                if inside(r, c - b):
                    seen |= set().union(*(wide[r, c - b, m] for m in every))
            for m in range(k if layer == 0 else k + 1):
                seen |= wide[r, c, m]
            new[r, c, k] = seen | (wide[r, c, k] if layer else set())
        tall, wide = above, new

    shift = int(labels)
    dim = height * width * channels + shift

    def index(r, c, k):
        return (r * width + c) * channels + k + shift

    seen = torch.zeros(dim, dim, dtype=torch.bool).t()
    if labels:
        seen[1:, 0] = True
    for (r, c, k), found in wide.items():
        for place in found:
            seen[index(r, c, k), index(*place)] = True
    return seen
