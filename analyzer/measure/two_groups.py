"""Two groups of values or of counts held against each other: how far apart, how surely, and how small a difference could be seen.

Impossible input raises ValueError. A limit that the data cannot set is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log, sqrt
from statistics import NormalDist

from analyzer.measure.statistics import Interval

PERMUTATIONS = 999
SEED = 3


def shift(
    before: Sequence[float], after: Sequence[float], effective: float = 1.0, confidence: float = 0.95
) -> tuple[float, Interval]:
    """By how much `after` lies above `before`: the median of all differences, and the limits that Mann and Whitney allow.

    Hodges and Lehmann 1963. `effective` is the part of the values that are independent: the variance of the rank sum is
    divided by it, so that neighbours that resemble each other widen the interval.
    """
    import numpy as np

    if not len(before) or not len(after):
        raise ValueError("Two groups to compare have at least one value each.")
    if not 0 < effective <= 1:
        raise ValueError(f"The independent part of some values lies between 0 and 1, not at {effective}.")
    differences = np.sort(np.subtract.outer(np.asarray(after, float), np.asarray(before, float)).ravel())
    m, n = len(before), len(after)
    z = -NormalDist().inv_cdf((1 - confidence) / 2)
    reach = z * sqrt(m * n * (m + n + 1) / 12 / effective)
    rank = round(m * n / 2 - reach)
    method = "Hodges-Lehmann"
    if rank < 1:
        return float(np.median(differences)), Interval(None, None, method)
    return float(np.median(differences)), Interval(
        float(differences[rank - 1]), float(differences[m * n - rank]), method
    )


def ratio_of(shift: float, limits: Interval) -> tuple[float, Interval]:
    """A difference of logarithms as the ratio that it is."""
    low, high = (None if limit is None else exp(limit) for limit in (limits.low, limits.high))
    return exp(shift), Interval(low, high, limits.method)


def permutation_p(before: Sequence[float], after: Sequence[float], seed: int = SEED) -> float:
    """How often labels dealt at random part the values as much, by the sum of ranks, from 999 deals.

    One value stands for a whole cluster, so that clusters and not their members are dealt.
    """
    import numpy as np

    values = np.concatenate([np.asarray(before, float), np.asarray(after, float)])
    ordered = np.sort(values)
    ranks = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right") - len(values)
    observed = abs(int(ranks[: len(before)].sum()))
    generator = np.random.default_rng(seed)
    dealt = generator.permuted(np.broadcast_to(ranks, (PERMUTATIONS, len(ranks))), axis=1)[:, : len(before)]
    return float((1 + (np.abs(dealt.sum(axis=1)) >= observed).sum()) / (1 + PERMUTATIONS))


def probability_above(before: Mapping[int, int], after: Mapping[int, int]) -> float:
    """The chance that a value of `after` exceeds one of `before`, equal ones counting half: histograms, bin to count.

    What Brunner and Munzel 2000 test against one half, exact but for values within one bin.
    """
    m, n = sum(before.values()), sum(after.values())
    if not m or not n:
        raise ValueError("Two groups to compare have at least one value each.")
    below, wins = 0, 0.0
    for bin_ in sorted(before.keys() | after.keys()):
        here = before.get(bin_, 0)
        wins += after.get(bin_, 0) * (below + here / 2)
        below += here
    return wins / (m * n)


def difference_of_shares(before: float, limits_before: Interval, after: float, limits_after: Interval) -> Interval:
    """The interval of after - before from those of the two shares (Newcombe 1998, method 10; Zou and Donner 2008)."""
    if None in (limits_before.low, limits_before.high, limits_after.low, limits_after.high):
        return Interval(None, None, "Newcombe")
    down = sqrt((after - (limits_after.low or 0.0)) ** 2 + ((limits_before.high or 0.0) - before) ** 2)
    up = sqrt(((limits_after.high or 0.0) - after) ** 2 + (before - (limits_before.low or 0.0)) ** 2)
    return Interval(after - before - down, after - before + up, "Newcombe")


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Each p as the least false discovery rate at which it would still count (Benjamini and Hochberg 1995)."""
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError("A p-value lies between 0 and 1.")
    order = sorted(range(len(p_values)), key=lambda index: p_values[index], reverse=True)
    q, least = [0.0] * len(p_values), 1.0
    for rank, index in zip(range(len(p_values), 0, -1), order, strict=True):
        least = min(least, p_values[index] * len(p_values) / rank)
        q[index] = least
    return q


def least_detectable(before: int, after: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """The chance P(after > before) from which a rank test of two groups of this size would find a difference.

    Noether 1987, for groups of any two sizes: (P - 1/2)^2 = (z + z)^2 (m + n) / (12 m n). 1 where even total separation
    would not be found.
    """
    if before < 1 or after < 1:
        raise ValueError("Two groups to compare have at least one value each.")
    if not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError("Chances lie between 0 and 1.")
    normal = NormalDist()
    z = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return min(1.0, 0.5 + z * sqrt((before + after) / (12 * before * after)))


def log_ratio_of_change(p: float, scatter: float) -> float:
    """The difference of logarithms, in a normal scatter, that puts `after` above `before` with the chance `p`."""
    if not 0 < p < 1 or scatter < 0:
        raise ValueError("A chance lies between 0 and 1 and a scatter is not negative.")
    return NormalDist().inv_cdf(p) * sqrt(2) * scatter if scatter else log(1.0)
