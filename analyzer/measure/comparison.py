"""The same numbers of two periods: which of them moved, by how much, and what of it may be chance.

Every number comes with its interval, and the interval of a change follows from the two (Zou and Donner 2008): for shares of
their difference, for durations of the logarithm of their ratio. Of many comparisons some look like a change; those count
whose false discovery rate stays below 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

from msgspec.structs import replace

from analyzer.measure.statistics import Interval
from analyzer.measure.two_groups import adjusted, difference_of_shares
from analyzer.model import Measured, Move, State

# Of each of these a larger value is worse. Maxima are not among them: they grow with the number of invocations.
COMPARED = (
    "failure.rate",
    "timeout.rate",
    "oom.rate",
    "breach.rate",
    "duration.p50",
    "duration.p95",
    "cold_start.rate",
    "init.p50",
    "memory.peak_ratio.p50",
)
# Timeouts are durations cut off at the limit: where so many are, this quantile is that of the limit and of no duration.
CUT_OFF = {"duration.p50": 0.50, "duration.p95": 0.05}
FALSE_DISCOVERIES = 0.05
# Less than this is true of any two weeks: a tenth of what it was, and of shares one invocation in a thousand.
LEAST_RATIO, LEAST_DIFFERENCE = 1.10, 0.001
NORMAL = NormalDist()
Numbers = dict[str, list[Measured]]


def compare(before: Numbers, after: Numbers, headline: str) -> list[Move]:
    """The moves of every function that both periods know; its numbers by its name. `headline` is the threshold to look at."""
    pairs = [
        (function, *pair)
        for function, numbers in after.items()
        for metric in COMPARED
        if (pair := _pair(metric, before.get(function, []), numbers, headline)) is not None
    ]
    moves = [_move(*pair) for pair in pairs]
    tested = [index for index, move in enumerate(moves) if move.q is not None]
    for index, q in zip(tested, adjusted([moves[index].q or 0.0 for index in tested]), strict=True):
        moves[index] = replace(moves[index], q=float(f"{q:.4g}"), state=_state(moves[index], q))
    return moves


def _pair(
    metric: str, before: Iterable[Measured], after: Iterable[Measured], headline: str
) -> tuple[Measured, Measured] | None:
    was, now = (_wanted(metric, numbers, headline) for numbers in (before, after))
    return None if was is None or now is None else (was, now)


def _wanted(metric: str, numbers: Iterable[Measured], headline: str) -> Measured | None:
    known = [one for one in numbers if one.value is not None and one.threshold in (None, headline)]
    timeouts = next((one.value or 0.0 for one in known if one.metric == "timeout.rate"), 0.0)
    if timeouts >= CUT_OFF.get(metric, 1.0):
        return None
    return next((one for one in known if one.metric == metric), None)


def _move(function: str, before: Measured, after: Measured) -> Move:
    """`q` holds the p-value as yet; None where one of the two has no interval."""
    by, value, limits = _change(before, after)
    p = None
    if limits is not None and limits.low is not None and limits.high is not None:
        p = _p(value, limits.low, limits.high)
    if by == "ratio" and p is not None and limits is not None:
        value, limits = math.exp(value), Interval(math.exp(limits.low or 0), math.exp(limits.high or 0), limits.method)
    return Move(
        function=function,
        metric=after.metric,
        state="unchanged",
        before=before,
        after=after,
        by="difference" if by == "difference" else "ratio",
        change=_nine(value) if p is not None else None,
        low=_nine(limits.low) if p is not None and limits is not None else None,
        high=_nine(limits.high) if p is not None and limits is not None else None,
        q=p,
    )


def _change(before: Measured, after: Measured) -> tuple[str, float, Interval | None]:
    """The difference of two shares, the logarithm of the ratio of anything else."""
    was, now = before.value or 0.0, after.value or 0.0
    if after.unit == "share":
        return "difference", now - was, difference_of_shares(was, _limits(before), now, _limits(after))
    ends = (was, now, before.low, before.high, after.low, after.high)
    if any(end is None or end <= 0 for end in ends):
        return "ratio", 0.0, None
    logs = [math.log(end) for end in ends if end is not None]
    was, now, low, high, later_low, later_high = logs
    limits = difference_of_shares(was, Interval(low, high, ""), now, Interval(later_low, later_high, ""))
    return "ratio", now - was, limits


def _limits(measured: Measured) -> Interval:
    return Interval(measured.low, measured.high, measured.interval or "")


def _p(value: float, low: float, high: float) -> float:
    """Two-sided, from how far zero lies beyond the interval."""
    reach = value - low if value > 0 else high - value
    if value == 0:
        return 1.0
    if reach <= 0:
        return 0.0
    return 2 * NORMAL.cdf(-abs(value) / reach * NORMAL.inv_cdf(0.975))


def _state(move: Move, q: float) -> State:
    was, now = move.before.value or 0.0, move.after.value or 0.0
    large = max(was, now) >= LEAST_RATIO * min(was, now)
    if move.by == "difference":
        large = large and abs(now - was) >= LEAST_DIFFERENCE
    if q > FALSE_DISCOVERIES or not large:
        return "unchanged"
    return "worse" if now > was else "better"


def _nine(value: float | None) -> float | None:
    """Nine digits, as every number of a report has them."""
    return None if value is None else float(f"{value:.9g}")
