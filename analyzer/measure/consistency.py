"""Identities that must hold of any logs and of any measurements of them. One that does not becomes a sentence of its own.

Some are about the lines: a report that contradicts itself was cut, edited or misread. Others are about the numbers made from
them: one that fails is a mistake of this program, and the reader should know.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from analyzer.lake import Engine
from analyzer.measure.family import Threshold
from analyzer.measure.metrics.cold_starts import COLD
from analyzer.measure.metrics.leak import RESETS
from analyzer.measure.metrics.waste import EXPLAINED
from analyzer.measure.scope import Scope
from analyzer.model import FunctionMeasurements, Measured

ORDER = ("duration.min", "duration.p50", "duration.p90", "duration.p95", "duration.p99", "duration.max")
# Until 2023 the platform noticed a timeout late and reported the time until then.
LATE_MS = 100
# High-water marks are rounded, and were seen one above the size.
ROUNDED_MB = 1
# Numbers are kept to nine digits.
DIGITS = 1e-6

LINES = {
    "backwards": "{k} of {n} invocations end before they begin.",
    "overtime": "{k} of {n} invocations that timed out took longer than their limit.",
    "overfull": "{k} of {n} reports state more memory used than there was.",
    "misbilled": "{k} of {n} reports are billed for neither their duration nor duration and initialisation.",
    "repeated": "{k} of {n} cold starts are more than their environments can have had: one each, and one after every reset.",
}


def broken(
    engine: Engine,
    scope: Scope,
    overall: FunctionMeasurements,
    functions: list[FunctionMeasurements],
    thresholds: tuple[Threshold, ...],
) -> list[str]:
    """A sentence for each identity that does not hold; none where all do."""
    return [*broken_lines(engine, scope), *broken_sums(overall, functions, thresholds)]


def broken_lines(engine: Engine, scope: Scope) -> Iterator[str]:
    """Reports that contradict themselves, counted."""
    (row,) = engine.numbers(f"""
WITH streams AS (
  SELECT count(*) FILTER ({COLD}) AS cold, count(*) FILTER ({RESETS}) AS resets
  FROM invocations WHERE {scope.where} AND stream IS NOT NULL GROUP BY function, stream
)
SELECT count(*) FILTER (start_time IS NOT NULL AND end_time IS NOT NULL) AS backwards_n,
       count(*) FILTER (end_time < start_time) AS backwards,
       count(*) FILTER (outcome = 'timeout' AND timeout_s IS NOT NULL) AS overtime_n,
       count(*) FILTER (outcome = 'timeout' AND duration_ms > 1000 * timeout_s + {LATE_MS}) AS overtime,
       count(*) FILTER (memory_mb IS NOT NULL AND max_memory_mb IS NOT NULL) AS overfull_n,
       count(*) FILTER (max_memory_mb > memory_mb + {ROUNDED_MB}) AS overfull,
       count(*) FILTER (billed_ms IS NOT NULL AND duration_ms IS NOT NULL) AS misbilled_n,
       count(*) FILTER (billed_ms IS NOT NULL AND duration_ms IS NOT NULL AND NOT ({EXPLAINED})) AS misbilled,
       (SELECT coalesce(sum(cold), 0)::BIGINT FROM streams) AS repeated_n,
       (SELECT coalesce(sum(greatest(0, cold - 1 - resets)), 0)::BIGINT FROM streams) AS repeated
FROM invocations WHERE {scope.where}""")
    for name, sentence in LINES.items():
        if row[name]:
            yield sentence.format(k=f"{row[name]:,}", n=f"{row[f'{name}_n']:,}")


def broken_sums(
    overall: FunctionMeasurements, functions: list[FunctionMeasurements], thresholds: tuple[Threshold, ...]
) -> Iterator[str]:
    """Measurements that contradict each other."""
    total = sum(function.invocations for function in functions)
    if total != overall.invocations:
        yield f"The functions have {total:,} invocations together, and all of them {overall.invocations:,}."
    for function in (overall, *functions):
        yield from _order(function)
        yield from _ranges(function, thresholds)
        yield from _parts(function)
        little = function.metrics.get("concurrency.little")
        if little is not None and little.value is not None and abs(little.value - 1) > 0.01:
            yield f"{function.name}: the calls at once add up to {little.value:.3g} times the reported durations."
        for one in (*function.metrics.values(), *function.breaches, *function.slices):
            yield from _well_formed(function.name, one)


def _order(function: FunctionMeasurements) -> Iterator[str]:
    known = [(name, function.metrics[name].value) for name in ORDER if name in function.metrics]
    stated = [(name, value) for name, value in known if value is not None]
    for (lower, low), (higher, high) in pairwise(stated):
        if low > high:
            yield f"{function.name}: {lower} exceeds {higher}."


def _ranges(function: FunctionMeasurements, thresholds: tuple[Threshold, ...]) -> Iterator[str]:
    """A share over a threshold against the fastest and the slowest of the same population."""
    fastest, slowest = function.metrics.get("duration.min"), function.metrics.get("duration.max")
    if fastest is None or slowest is None or fastest.value is None or slowest.value is None:
        return
    for threshold, breach in zip(thresholds, function.breaches, strict=True):
        # Of a part of the calls the fastest may be slower than the fastest of all.
        if fastest.n != breach.n:
            continue
        if (fastest.value > threshold.limit_ms and breach.k != breach.n) or (
            slowest.value <= threshold.limit_ms and breach.k
        ):
            yield f"{function.name}: the share with {threshold.text} contradicts the range of durations."


def _parts(function: FunctionMeasurements) -> Iterator[str]:
    """The hours or days, or the versions, of a function have no more together than the function."""
    for metric in ("breach.rate", "cold_start.rate", "failure.rate"):
        whole = function.metrics.get(metric)
        if whole is None or whole.k is None:
            continue
        for kind in ("hour", "day", "version"):
            parts = [one for one in function.slices if one.metric == metric and f", {kind} " in one.population]
            if sum(one.n for one in parts) > whole.n or sum(one.k or 0 for one in parts) > whole.k:
                yield f"{function.name}: the {metric} of its {kind}s has more invocations than that of all."


def _well_formed(name: str, one: Measured) -> Iterator[str]:
    if one.value is None:
        return
    slack = DIGITS * abs(one.value)
    if (one.low is not None and one.low > one.value + slack) or (one.high is not None and one.high < one.value - slack):
        yield f"{name}: {one.metric} lies outside its own interval."
    if one.k is not None and (not 0 <= one.k <= one.n or abs(one.value * one.n - one.k) > DIGITS * max(1, one.n)):
        yield f"{name}: {one.metric} is not {one.k} of {one.n}."
