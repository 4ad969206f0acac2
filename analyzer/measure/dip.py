"""Whether a histogram has more than one mode: the dip test of Hartigan and Hartigan 1985.

The dip is how far a distribution function is from the nearest one that rises ever faster to its mode and ever slower after
it. No unimodal distribution makes larger ones than the uniform does, so chance is what uniform samples give. A few values
far out, which any estimate of a density takes for modes, hardly matter to it.

Impossible input raises ValueError.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import exp, inf, log, sqrt

# The dip of n uniform values times the square root of n, and what part of such samples exceeds it: from 20,000
# samples of 2,000. From 50 values on it depends on n no more; beyond the last row its logarithm falls with its square.
EXCEEDED = (
    (0, 1.0),
    (0.2277, 0.99),
    (0.2562, 0.95),
    (0.2735, 0.9),
    (0.3095, 0.75),
    (0.3578, 0.5),
    (0.4179, 0.25),
    (0.4841, 0.1),
    (0.5262, 0.05),
    (0.5714, 0.02),
    (0.6038, 0.01),
    (0.6387, 0.005),
    (0.6836, 0.002),
    (0.7061, 0.001),
)


def dip(counts: Sequence[float]) -> float:
    """The dip of the distribution that is even within each of these bins of one width: between 0 and 1/4."""
    total = sum(counts)
    if total <= 0 or min(counts) < 0:
        raise ValueError("A histogram counts at least one value, and none less than no times.")
    heights = [0.0]
    for count in counts:
        heights.append(heights[-1] + count / total)
    low, high, found = 0, len(heights) - 1, 0.0
    while True:
        below, above = _hull(heights, low, high, 1), _hull(heights, low, high, -1)
        apart, left, right = 0.0, low, high
        for place in below:
            if (gap := _at(heights, above, place) - heights[place]) > apart:
                apart, left, right = gap, place, above[bisect_left(above, place)]
        for place in above:
            if (gap := heights[place] - _at(heights, below, place)) > apart:
                apart, left, right = gap, below[bisect_right(below, place) - 1], place
        # What lies within a gap already found needs no closer look; rounding makes none of its own.
        if apart <= found + 1e-15:
            return found / 2
        before = max((heights[place] - _at(heights, below, place) for place in range(low, left + 1)), default=0.0)
        after = max((_at(heights, above, place) - heights[place] for place in range(right, high + 1)), default=0.0)
        found = max(found, before, after)
        if (left, right) == (low, high):
            return found / 2
        low, high = left, right


def chance_of_dip(dip: float, n: float) -> float:
    """How often n independent values of a unimodal distribution have at least this dip, at most."""
    if n <= 0 or not 0 <= dip <= 0.25 + 1e-12:
        raise ValueError(f"A dip lies between 0 and 1/4 and is that of one value or more, not {dip} of {n}.")
    scaled = dip * sqrt(n)
    for (x, p), (further, less) in zip(EXCEEDED, (*EXCEEDED[1:], (inf, 0.0)), strict=True):
        if scaled < further:
            if less:
                return p + (less - p) * (scaled - x) / (further - x)
            return exp(log(p) * (scaled / x) ** 2)
    raise AssertionError


def _hull(heights: Sequence[float], low: int, high: int, sign: int) -> list[int]:
    """The corners of the largest convex function below the heights of a stretch; with -1 of the least concave one above."""
    corners: list[int] = []
    for place in range(low, high + 1):
        while len(corners) > 1:
            first, last = corners[-2:]
            turn = (heights[last] - heights[first]) * (place - last) - (heights[place] - heights[last]) * (last - first)
            if sign * turn < 0:
                break
            corners.pop()
        corners.append(place)
    return corners


def _at(heights: Sequence[float], corners: Sequence[int], place: int) -> float:
    """The height at a place of the line through some of the corners."""
    after = bisect_left(corners, place)
    if corners[after] == place:
        return heights[place]
    first, last = corners[after - 1], corners[after]
    return heights[first] + (heights[last] - heights[first]) * (place - first) / (last - first)
