"""Digits that look handwritten, drawn from a seed: a stand-in for MNIST where there is no file and no network.

Each digit is a few strokes through a few points. The points are jittered, the whole is turned, slanted, stretched and
moved, the pen is thin or thick, the paper is not clean. Only + - * / and square roots are used, which every machine
rounds alike: the same seed gives the same pixels everywhere.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

CLASSES = tuple("0123456789")
SIZE = 28
PIECES = 3  # straight pieces between two points of a curve
CHUNK = 128  # images drawn at once: what fits into a processor's cache

Point = tuple[float, float]
Stroke = tuple[Point, ...]

# Ways of writing each digit: strokes in a box from (0, 0), top left, to (1, 1). Two points are a line, more a curve.
WAYS: tuple[tuple[tuple[Stroke, ...], ...], ...] = (
    (
        (
            (
                (0.5, 0.04),
                (0.2, 0.2),
                (0.12, 0.5),
                (0.2, 0.8),
                (0.5, 0.96),
                (0.8, 0.8),
                (0.88, 0.5),
                (0.8, 0.2),
                (0.5, 0.04),
            ),
        ),
    ),
    (
        (((0.5, 0.04), (0.5, 0.96)),),
        (((0.28, 0.26), (0.55, 0.05)), ((0.55, 0.05), (0.55, 0.95))),
        (((0.3, 0.22), (0.52, 0.05)), ((0.52, 0.05), (0.52, 0.95)), ((0.25, 0.95), (0.8, 0.95))),
    ),
    (
        (
            ((0.15, 0.28), (0.3, 0.08), (0.6, 0.05), (0.82, 0.22), (0.72, 0.48), (0.4, 0.75), (0.15, 0.93)),
            ((0.15, 0.93), (0.87, 0.92)),
        ),
        (
            (
                (0.18, 0.2),
                (0.45, 0.04),
                (0.76, 0.18),
                (0.7, 0.5),
                (0.35, 0.88),
                (0.14, 0.85),
                (0.28, 0.72),
                (0.86, 0.94),
            ),
        ),
    ),
    (
        (
            ((0.18, 0.12), (0.5, 0.04), (0.78, 0.2), (0.68, 0.42), (0.4, 0.48)),
            ((0.4, 0.48), (0.76, 0.56), (0.84, 0.78), (0.55, 0.96), (0.15, 0.86)),
        ),
    ),
    (
        (((0.3, 0.05), (0.15, 0.55)), ((0.15, 0.55), (0.87, 0.55)), ((0.7, 0.2), (0.65, 0.95))),
        (((0.65, 0.05), (0.1, 0.62)), ((0.1, 0.62), (0.9, 0.62)), ((0.65, 0.05), (0.65, 0.95))),
    ),
    (
        (
            ((0.8, 0.07), (0.3, 0.07)),
            ((0.3, 0.07), (0.22, 0.45)),
            ((0.22, 0.45), (0.5, 0.38), (0.8, 0.5), (0.82, 0.75), (0.55, 0.95), (0.15, 0.87)),
        ),
    ),
    (
        (
            (
                *((0.7, 0.06), (0.4, 0.25), (0.2, 0.55), (0.2, 0.8), (0.45, 0.96)),
                *((0.75, 0.85), (0.75, 0.6), (0.5, 0.5), (0.22, 0.68)),
            ),
        ),
    ),
    (
        (((0.13, 0.08), (0.85, 0.08)), ((0.85, 0.08), (0.4, 0.95))),
        (((0.13, 0.08), (0.85, 0.08)), ((0.85, 0.08), (0.4, 0.95)), ((0.35, 0.5), (0.78, 0.5))),
    ),
    (
        (
            (
                *((0.74, 0.18), (0.5, 0.05), (0.26, 0.18), (0.36, 0.4), (0.65, 0.56), (0.78, 0.78)),
                *((0.5, 0.96), (0.22, 0.78), (0.36, 0.56), (0.66, 0.4), (0.74, 0.18)),
            ),
        ),
    ),
    (
        (
            ((0.78, 0.3), (0.55, 0.48), (0.25, 0.4), (0.22, 0.18), (0.5, 0.05), (0.75, 0.12), (0.78, 0.3)),
            ((0.78, 0.3), (0.75, 0.65), (0.6, 0.95)),
        ),
    ),
)
MOST_POINTS = 16

# What varies from hand to hand, and between which bounds. `turn` is the tangent of half the angle, `slant` the shift to
# the side per pixel of height; `pressure` and `dirt` are shares of white, all others pixels.
HAND = {
    "turn": (-0.16, 0.16),
    "slant": (-0.35, 0.45),
    "width": (11.0, 18.0),
    "height": (16.5, 21.5),
    "right": (-2.5, 2.5),
    "down": (-2.0, 2.0),
    "pen": (0.6, 1.7),
    "pressure": (0.7, 1.0),
    "dirt": (0.0, 0.25),
}
JITTER = 0.16  # of a point, as a share of the box


def draw(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (count, 1, 28, 28), white on black, and labels int64 (count,); all digits are equally frequent."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(count, dtype=np.int64) % len(WAYS))
    ways = generator.integers(0, 6, count)  # 6 is a multiple of every number of ways
    hand = {name: low + (high - low) * random(generator, count) for name, (low, high) in HAND.items()}
    jitter = (random(generator, count, MOST_POINTS, 2) - np.float32(0.5)) * np.float32(JITTER)
    images = np.empty((count, SIZE, SIZE), np.uint8)
    for digit, alternatives in enumerate(WAYS):
        for way, strokes in enumerate(alternatives):
            chosen = np.flatnonzero((labels == digit) & (ways % len(alternatives) == way))
            for part in np.split(chosen, range(CHUNK, len(chosen), CHUNK)):
                mine = {name: values[part, None] for name, values in hand.items()}
                distances = distance(pieces(strokes, jitter[part], mine), len(part))
                images[part] = ink(distances, mine, generator)
    return images[:, None], labels


def random(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Uniform float32 from 0 to 1."""
    return generator.random(shape, np.float32)


def pieces(strokes: tuple[Stroke, ...], jitter: np.ndarray, hand: dict[str, np.ndarray]) -> Iterator[tuple]:
    """Straight pieces (x0, y0, x1, y1), each (n, 1, 1) in pixels, of the strokes as each of n hands writes them."""
    names = {
        point: number for number, point in enumerate(dict.fromkeys(point for stroke in strokes for point in stroke))
    }
    for stroke in strokes:
        points = [placed(point, jitter[:, names[point]], hand) for point in stroke]
        line = points if len(points) == 2 else curve(points)
        for begin, end in pairwise(line):
            yield tuple(value[:, :, None] for value in (*begin, *end))


def placed(point: Point, jitter: np.ndarray, hand: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Where the point comes to lie in each image: x and y, each (n, 1), in pixels."""
    across = (np.float32(point[0] - 0.5) + jitter[:, :1]) * hand["width"]
    down = (np.float32(point[1] - 0.5) + jitter[:, 1:]) * hand["height"]
    across = across - hand["slant"] * down
    turn = hand["turn"]
    norm = 1 + turn * turn
    cosine, sine = (1 - turn * turn) / norm, 2 * turn / norm
    middle = np.float32((SIZE - 1) / 2)
    return (
        middle + hand["right"] + cosine * across - sine * down,
        middle + hand["down"] + sine * across + cosine * down,
    )


def curve(points: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, ...]]:
    """A Catmull-Rom curve through the points, as a line of straight pieces."""
    line: list[tuple[np.ndarray, ...]] = []
    for number in range(len(points) - 1):
        around = (points[max(number - 1, 0)], *points[number : number + 2], points[min(number + 2, len(points) - 1)])
        for piece in range(PIECES):
            t = np.float32(piece / PIECES)
            line.append(tuple(between(t, *(point[axis] for point in around)) for axis in (0, 1)))
    return [*line, points[-1]]


def between(t: np.float32, before: np.ndarray, begin: np.ndarray, end: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The curve's coordinate at t, from `begin` (0) to `end` (1)."""
    half = np.float32(0.5)
    bend = 2 * before - 5 * begin + 4 * end - after
    twist = 3 * (begin - end) + after - before
    return begin + half * t * (end - before + t * (bend + t * twist))


def distance(segments: Iterator[tuple], count: int) -> np.ndarray:
    """How far each pixel (count, 28, 28) lies from the nearest piece, squared."""
    y, x = np.arange(SIZE, dtype=np.float32)[None, :, None], np.arange(SIZE, dtype=np.float32)[None, None, :]
    nearest = np.full((count, SIZE, SIZE), 1e6, np.float32)
    for x0, y0, x1, y1 in segments:
        along, down = x1 - x0, y1 - y0
        length = along * along + down * down + np.float32(1e-6)
        share = (x - x0) * (along / length) + (y - y0) * (down / length)
        np.clip(share, 0, 1, out=share)
        away = (x - x0) - share * along
        below = (y - y0) - share * down
        away *= away
        below *= below
        away += below
        np.minimum(nearest, away, out=nearest)
    return nearest


def ink(distances: np.ndarray, hand: dict[str, np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """White where the pen was, grey at its rim, and dirt all over: uint8."""
    covered = (
        np.clip(hand["pen"][:, :, None] + np.float32(0.5) - np.sqrt(distances), 0, 1) * hand["pressure"][:, :, None]
    )
    dirt = random(generator, *distances.shape) * hand["dirt"][:, :, None]
    return (np.maximum(covered, dirt) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
