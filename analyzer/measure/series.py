"""What a short series of equally weighted values says about itself: memory, trend, and a rhythm that repeats.

A series is a few hundred values in the order of time, one for each bin. Nothing here sees single observations. Neighbours
may resemble each other; whatever is judged here allows for that. The same values give the same numbers: seeds are fixed.

Impossible input raises ValueError.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from msgspec import Struct

from analyzer.measure.statistics import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# An estimate of correlation from a short series is no better than this; beyond it every series would be worth nothing.
MOST_CORRELATION = 0.95
ROTATIONS = 499


class Trend(Struct, frozen=True):
    """A straight line through a series. `slope` is per unit of time, with its 95 % limits; `p` is that of Kendall's test."""

    slope: float
    interval: Interval
    p: float


class Rhythm(Struct, frozen=True):
    """How far each phase of a period lies from the level around it; None where a phase was seen less than twice."""

    phases: list[float | None]
    amplitude: float
    p: float


def _dots(rows: Floats, series: Floats) -> Floats:
    """The inner product of each row with the series. BLAS, behind `@`, adds in an order that depends on the processor."""
    sums: Floats = (rows * series).sum(axis=-1)
    return sums


def _dot(one: Floats, other: Floats) -> float:
    return float(_dots(one, other))


def correlation(values: Sequence[float] | Floats) -> float:
    """The correlation of neighbours, between 0 and `MOST_CORRELATION`; 0 for a constant series.

    A negative one is taken for 0: it would let a series count for more than it has values.
    """
    import numpy as np

    series = np.asarray(values, dtype=np.float64)
    series = series - series.mean()
    energy = _dot(series, series)
    if len(series) < 3 or energy <= 1e-18 * len(series):
        return 0.0
    found = _dot(series[1:], series[:-1]) / energy
    # The mean was estimated from the same values, which costs (1 + 3 r) / n on average (Kendall 1954).
    found += (1 + 3 * found) / len(series)
    return min(MOST_CORRELATION, max(0.0, found))


def effective_fraction(values: Sequence[float] | Floats) -> float:
    """What part of the values are independent ones, (1 - r) / (1 + r) of a series whose memory fades from step to step.

    That of their ranks, for estimates that rest on ranks: a few outliers, which remember nothing, would hide the memory of
    all others. With outliers in one value of fifty, limits of a shift held the truth in 87 % of series with r = 0.5.
    """
    import numpy as np

    series = np.asarray(values, dtype=np.float64)
    # Equal values share a rank, also where subtraction has left them apart in the last digit.
    series = np.round(series / max(1e-300, float(np.abs(series).max())), 9)
    ordered = np.sort(series)
    ranks = np.searchsorted(ordered, series, side="left") + np.searchsorted(ordered, series, side="right")
    r = correlation(ranks.astype(np.float64))
    return (1 - r) / (1 + r)


def trend(times: Sequence[float], values: Sequence[float], confidence: float = 0.95) -> Trend:
    """Theil and Sen's line with Kendall's test, both with the variance of a series that remembers its neighbours.

    The slope is the median of the slopes between all pairs (Sen 1968), its limits are those order statistics of them that
    Kendall's S allows. The variance of S is divided by the part of the residuals that is independent.
    """
    import numpy as np

    if len(times) != len(values) or len(values) < 4:
        raise ValueError(f"A trend needs at least 4 values with their times, not {len(values)} and {len(times)}.")
    t, y = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    first, second = np.triu_indices(len(y), 1)
    apart = t[second] - t[first]
    if not (apart > 0).all():
        raise ValueError("The times of a trend increase.")
    slopes = np.sort((y[second] - y[first]) / apart)
    slope = float(np.median(slopes))
    n = len(y)
    _, ties = np.unique(y, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    variance /= effective_fraction(y - slope * t)
    s = float((slopes > 0).sum() - (slopes < 0).sum())
    normal = NormalDist()
    p = 2 * (1 - normal.cdf((abs(s) - 1) / sqrt(variance))) if abs(s) > 1 and variance > 0 else 1.0
    reach = -normal.inv_cdf((1 - confidence) / 2) * sqrt(variance)
    low, high = round((len(slopes) - reach) / 2) - 1, round((len(slopes) + reach) / 2)
    limits = Interval(
        float(slopes[low]) if low >= 0 else None,
        float(slopes[high]) if high < len(slopes) else None,
        "Theil-Sen, adjusted for correlation of neighbours",
    )
    return Trend(slope, limits, p)


def step_over_line(times: Sequence[float], values: Sequence[float]) -> float:
    """BIC of a straight line less that of one step: above 0 a step describes the series better, above 10 much better.

    Least squares; a line has a level and a slope, a step two levels and a place (Schwarz 1978). A series that either
    describes without a residual gives 0 when both do.
    """
    import numpy as np

    t, y = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    n = len(y)
    if n < 8:
        raise ValueError(f"A step and a line are not told apart by {n} values.")
    y = y - y.mean()
    t = t - t.mean()
    total = _dot(y, y)
    line = total - _dot(t, y) ** 2 / _dot(t, t)
    k = np.arange(2, n - 1)
    sums = np.cumsum(y)[k - 1]
    step = total - float((sums**2 * n / (k * (n - k))).max())
    floor = 1e-12 * total + 1e-24
    return n * log(max(line, floor) / max(step, floor)) - log(n)


class Both(Struct, frozen=True):
    """A line with one step in it. `over_line` and `over_step` say how much better it is than either alone, as differences of BIC.

    `slope` is that of the line beside the step, per unit of time.
    """

    over_line: float
    over_step: float
    slope: float


def step_and_line(times: Sequence[float], values: Sequence[float]) -> Both:
    """Whether a series has a step and a slope at once, by least squares, the step wherever it serves best.

    A line has two parameters, a step three, both together four.
    """
    import numpy as np

    t, y = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    n = len(y)
    if n < 8:
        raise ValueError(f"A step and a line are not told apart by {n} values.")
    t, y = t - t.mean(), y - y.mean()
    total, tt = _dot(y, y), _dot(t, t)
    left = y - t * _dot(t, y) / tt
    steps = (np.arange(n) >= np.arange(2, n - 1)[:, np.newaxis]).astype(np.float64)
    steps -= steps.mean(axis=1, keepdims=True)
    alone = total - float((_dots(steps, y) ** 2 / (steps**2).sum(axis=1)).max())
    # What of each step no line describes.
    own = steps - np.outer(_dots(steps, t) / tt, t)
    energy = np.maximum((own**2).sum(axis=1), 1e-12)
    best = int((_dots(own, left) ** 2 / energy).argmax())
    height = _dot(own[best], left) / float(energy[best])
    line = _dot(left, left)
    floor = 1e-12 * total + 1e-24
    both = max(line - height**2 * float(energy[best]), floor)
    return Both(
        n * log(max(line, floor) / both) - 2 * log(n),
        n * log(max(alone, floor) / both) - log(n),
        _dot(t, y - height * steps[best]) / tt,
    )


def rhythm(cells: Sequence[tuple[int, float]], period: int, seed: int = 1) -> Rhythm | None:
    """What repeats with `period` in a series of (position, value) whose positions may have gaps; None below two periods.

    Each value is taken from the median of the period around it, and the medians of these residuals by phase are the
    rhythm. Chance makes such medians differ too: p is the share of 500 series, this one and 499 in which every period is
    turned by an amount of its own, whose phases differ as much. Turning keeps what neighbours have in common.
    """
    import numpy as np

    if period < 2:
        raise ValueError(f"A period has at least two phases, not {period}.")
    if not cells:
        return None
    positions = np.array([position for position, _ in cells])
    values = np.array([value for _, value in cells], dtype=np.float64)
    first, last = int(positions.min()) // period, int(positions.max()) // period
    if positions.max() - positions.min() + 1 < 2 * period:
        return None
    table = np.full((last - first + 1) * period, np.nan)
    table[positions - first * period] = values
    around = np.full((len(table), period + 1), np.nan)
    half = period // 2
    padded = np.concatenate([np.full(half, np.nan), table, np.full(period - half, np.nan)])
    for offset in range(period + 1):
        around[:, offset] = padded[offset : offset + len(table)]
    known = ~np.isnan(table)
    residuals = np.full(len(table), np.nan)
    residuals[known] = table[known] - np.nanmedian(around[known], axis=1)
    rows = residuals.reshape(-1, period)
    seen = (~np.isnan(rows)).sum(axis=0) >= 2
    if seen.sum() < max(2, period // 4):
        return None
    phases = np.nanmedian(rows[:, seen], axis=0)
    phases = phases - np.median(phases)
    strength = _strength(rows)
    generator = np.random.default_rng(seed)
    columns = np.arange(period)
    stronger = 0
    for _ in range(ROTATIONS):
        turns = generator.integers(0, period, size=(len(rows), 1))
        stronger += _strength(np.take_along_axis(rows, (columns + turns) % period, axis=1)) >= strength * (1 - 1e-12)
    found: list[float | None] = [None] * period
    for phase, value in zip(np.flatnonzero(seen), phases, strict=True):
        found[int(phase)] = float(value)
    return Rhythm(found, float(phases.max() - phases.min()), (1 + stronger) / (1 + ROTATIONS))


def _strength(rows: Floats) -> float:
    """The sum of squares between phases, each weighted by how often it was seen."""
    import numpy as np

    seen = (~np.isnan(rows)).sum(axis=0)
    sums = np.nansum(rows, axis=0)
    kept = seen >= 2
    total = sums[kept].sum()
    return float((sums[kept] ** 2 / seen[kept]).sum() - total**2 / max(1, seen[kept].sum()))


def block_length(values: Sequence[float] | Floats) -> int:
    """How many neighbours have to stay together for the pieces to be as good as independent: at most an eighth of all.

    The memory of a series that fades from step to step by the factor r is below 1 % after log 0.01 / log r steps. Blocks
    that end at 5 % let change points be found in 5 % of healthy series with r = 0.5, where 1 % was asked for.
    """
    r = correlation(values)
    if r <= 0:
        return 1
    return max(1, min(ceil(log(0.01) / log(r)), len(values) // 8))
