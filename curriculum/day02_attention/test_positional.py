"""Checks of task 2.4, positional.py."""

import math

import torch


def first_positions(positional):
    return {"encoding": positional.sinusoidal_positions(3, 4)}


def first_positions_by_hand():
    """With C = 4 the first pair turns by 1 a position, the second by 1 / 10000^(2/4) = 0.01."""
    rows = [[math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)] for t in range(3)]
    return {"encoding": torch.tensor(rows)}


def test_first_positions(lesson, compare):
    """Three positions of four channels, as worked out in the lesson."""
    compare(first_positions, lesson("positional"), expected=first_positions_by_hand, shapes={"encoding": "T C"})


def entry(t, column, channels):
    """One entry of the table by the paper's formula, in Python numbers."""
    angle = t / 10000 ** (2 * (column // 2) / channels)
    return math.sin(angle) if column % 2 == 0 else math.cos(angle)


def table(length, channels):
    return torch.tensor([[entry(t, column, channels) for column in range(channels)] for t in range(length)])


def even_widths(positional):
    return {f"C = {c}": positional.sinusoidal_positions(5, c) for c in (2, 6, 16)}


def test_even_widths(lesson, compare):
    """Even numbers of channels: sines and cosines take turns."""
    compare(even_widths, lesson("positional"), expected=lambda: {f"C = {c}": table(5, c) for c in (2, 6, 16)})


def odd_widths(positional):
    return {f"C = {c}": positional.sinusoidal_positions(4, c) for c in (7, 3, 1)}


def test_odd_widths(lesson, compare):
    """Odd numbers of channels: the last sine stands alone."""
    compare(odd_widths, lesson("positional"), expected=lambda: {f"C = {c}": table(4, c) for c in (7, 3, 1)})


def lengths(positional):
    long = positional.sinusoidal_positions(1200, 6)
    return {"T = 1": positional.sinusoidal_positions(1, 6), "T = 1200, the last": long[-1], "T = 1200, all": long}


def lengths_by_formula():
    long = table(1200, 6)
    return {"T = 1": long[:1], "T = 1200, the last": long[-1], "T = 1200, all": long}


def test_any_length(lesson, compare):
    """One position, or more than any sentence has: the rows do not depend on how many there are."""
    # An angle of 1200 in float32 is exact to 1200 · 2^-24 = 7e-5, and its frequency to about as much again.
    compare(lengths, lesson("positional"), expected=lengths_by_formula, atol=5e-4)
