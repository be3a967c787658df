"""Coloured textures, drawn from a seed: a stand-in for CIFAR-10 where there is no file and no network.

Each class is a pattern between two colours. Period, place, tilt and colours differ from image to image; a class has
colours that it prefers, no more. Only + - * / and square roots are used, which every machine rounds alike: the same
seed gives the same pixels everywhere.
"""

import numpy as np

CLASSES = ("rows", "columns", "diagonals", "checks", "dots", "rings", "bricks", "waves", "clouds", "grains")
SIZE = 32
CHUNK = 256  # images drawn at once: what fits into a processor's cache
PREFERENCE = 0.25  # how much of a colour its class decides
NOISE = 0.4
PALETTE = (  # the two colours that each class prefers: red, green, blue from 0 to 1
    ((0.9, 0.3, 0.2), (0.9, 0.8, 0.6)),
    ((0.2, 0.4, 0.8), (0.8, 0.9, 1.0)),
    ((0.9, 0.7, 0.1), (0.2, 0.2, 0.2)),
    ((0.1, 0.1, 0.1), (0.9, 0.9, 0.9)),
    ((0.2, 0.6, 0.3), (0.9, 0.9, 0.3)),
    ((0.5, 0.2, 0.6), (0.9, 0.6, 0.8)),
    ((0.6, 0.25, 0.15), (0.7, 0.65, 0.6)),
    ((0.1, 0.5, 0.6), (0.5, 0.9, 0.9)),
    ((0.4, 0.6, 0.95), (1.0, 1.0, 1.0)),
    ((0.45, 0.35, 0.2), (0.8, 0.7, 0.5)),
)


def draw(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (count, 3, 32, 32) and labels int64 (count,); every class as often as the others."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(count, dtype=np.int64) % len(CLASSES))
    images = np.empty((count, 3, SIZE, SIZE), np.uint8)
    for label, name in enumerate(CLASSES):
        chosen = np.flatnonzero(labels == label)
        for part in np.split(chosen, range(CHUNK, len(chosen), CHUNK)):
            pattern = np.clip(PATTERNS[name](Draws(generator, len(part))), 0, 1)
            images[part] = coloured(pattern, label, generator)
    return images, labels


class Draws:
    """What the patterns of some images have in common: where their pixels lie, and random numbers of their own.

    x and y are the pixels' coordinates, (n, 32, 32), in an image that has been moved, and turned a little.
    """

    def __init__(self, generator: np.random.Generator, count: int) -> None:
        self.generator = generator
        self.count = count
        tilt = self.uniform(-0.25, 0.25)
        down = np.arange(SIZE, dtype=np.float32)[None, :, None] - self.uniform(0, SIZE)
        across = np.arange(SIZE, dtype=np.float32)[None, None, :] - self.uniform(0, SIZE)
        self.x, self.y = across - tilt * down, down + tilt * across
        self.period = self.uniform(5, 11)

    def uniform(self, low: float, high: float) -> np.ndarray:
        """A number for each image, (n, 1, 1)."""
        return np.float32(low) + np.float32(high - low) * self.generator.random((self.count, 1, 1), np.float32)

    def pixels(self, side: int) -> np.ndarray:
        """Random numbers from 0 to 1 on a grid, (n, side, side)."""
        return self.generator.random((self.count, side, side), np.float32)


def wave(distance: np.ndarray, period: np.ndarray) -> np.ndarray:
    """Up and down between -1 and 1 in straight lines, once a period."""
    turns = distance / period
    return np.abs((turns - np.floor(turns)) * 4 - 2) - 1


def edge(height: np.ndarray) -> np.ndarray:
    """0 below, 1 above 0, and soft between."""
    return np.clip(height * np.float32(1.5) + np.float32(0.5), 0, 1)


def rows(draws: Draws) -> np.ndarray:
    """Stripes from left to right."""
    return edge(wave(draws.y, draws.period))


def columns(draws: Draws) -> np.ndarray:
    """Stripes from top to bottom."""
    return edge(wave(draws.x, draws.period))


def diagonals(draws: Draws) -> np.ndarray:
    """Slanted stripes, one way or the other."""
    side = np.where(draws.uniform(-1, 1) < 0, np.float32(-1), np.float32(1))
    return edge(wave(draws.x + side * draws.y, draws.period * np.float32(1.4)))


def checks(draws: Draws) -> np.ndarray:
    """A chessboard."""
    return edge(4 * wave(draws.x, draws.period * 2) * wave(draws.y, draws.period * 2))


def dots(draws: Draws) -> np.ndarray:
    """Discs at equal distances."""
    across, down = wave(draws.x, draws.period) + 1, wave(draws.y, draws.period) + 1
    return edge(draws.uniform(0.7, 1.2) - np.sqrt(across * across + down * down))


def rings(draws: Draws) -> np.ndarray:
    """Circles around a point, often outside the middle."""
    return edge(wave(np.sqrt(draws.x * draws.x + draws.y * draws.y), draws.period))


def bricks(draws: Draws) -> np.ndarray:
    """Courses of bricks, every second one moved by half a brick."""
    height = draws.period
    course = np.floor(draws.y / height)
    across = draws.x + (course - 2 * np.floor(course / 2)) * height
    joint = np.maximum(wave(draws.y, height), 2 * wave(across, height * 2) - 1)
    return edge(3 * (joint - np.float32(0.5)))


def waves(draws: Draws) -> np.ndarray:
    """Stripes that go up and down."""
    bend = wave(draws.x, draws.uniform(8, 16)) * draws.uniform(2, 4)
    return edge(wave(draws.y + bend, draws.period))


def clouds(draws: Draws) -> np.ndarray:
    """Soft spots, without any order."""
    side = 6
    grid = draws.pixels(side)
    place = np.arange(SIZE, dtype=np.float32) * np.float32((side - 1) / SIZE)
    low = np.floor(place).astype(np.int64)
    share = place - np.floor(place)
    down = grid[:, low] + (grid[:, low + 1] - grid[:, low]) * share[None, :, None]
    soft = down[:, :, low] + (down[:, :, low + 1] - down[:, :, low]) * share[None, None, :]
    return (soft - np.float32(0.5)) * draws.uniform(1, 2) + np.float32(0.5)


def grains(draws: Draws) -> np.ndarray:
    """Sand: every pair of pixels by itself."""
    coarse = draws.pixels(SIZE // 2).repeat(2, axis=1).repeat(2, axis=2)
    return (coarse + draws.pixels(SIZE)) / 2


PATTERNS = {function.__name__: function for function in (rows, columns, diagonals, checks, dots)}
PATTERNS |= {function.__name__: function for function in (rings, bricks, waves, clouds, grains)}


def coloured(pattern: np.ndarray, label: int, generator: np.random.Generator) -> np.ndarray:
    """A pattern (n, 32, 32) from 0 to 1 between two colours, with noise: uint8 (n, 3, 32, 32)."""
    random = generator.random((len(pattern), 2, 3), np.float32)
    preferred = np.asarray(PALETTE[label], np.float32)
    colours = random + np.float32(PREFERENCE) * (preferred - random)
    dark, light = colours[:, 0] * np.float32(0.8), colours[:, 1] * np.float32(0.8) + np.float32(0.2)
    swapped = generator.random((len(pattern), 1), np.float32) < 0.5
    begin = np.where(swapped, light, dark)[:, :, None, None]
    end = np.where(swapped, dark, light)[:, :, None, None]
    noise = (generator.random((len(pattern), 3, SIZE, SIZE), np.float32) - np.float32(0.5)) * np.float32(NOISE)
    image = np.clip(begin + (end - begin) * pattern[:, None] + noise, 0, 1)
    return (image * np.float32(255) + np.float32(0.5)).astype(np.uint8)
