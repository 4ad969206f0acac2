"""Memory: the configured size, the high-water marks of environments, and what a change of size did to durations.

Max Memory Used is the mark of the whole environment so far, not of the invocation, so each environment counts once, by
its last REPORT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.family import (
    CLUSTER,
    Example,
    Family,
    Settings,
    Spread,
    estimate,
    fact,
    noted,
    quantile,
    quantile_columns,
)
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import Interval, difference_of_means
from analyzer.measure.two_groups import ratio_of
from analyzer.model import Measured

# The sizes that AWS offers for functions in the default compute.
LARGEST_MB = 10_240
# From this part of the size on garbage collectors work more and more: the limit of HotSpot's and V8's own warnings lies near it.
FULL = 0.85
# New marks are few: about the logarithm of the calls of each environment.
LEAST_MARKS = 8
# Of the logarithm: a call that hangs counts as one that took four times as long, or it would drown all others.
OUTLYING = 1.386
WARM_AND_WELL = "init_ms IS NULL AND restore_ms IS NULL AND outcome IN ('ok', 'unknown') AND duration_ms > 0"


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    answer = engine.ask(f"""
SELECT count(*) AS n, count(DISTINCT memory_mb) AS sizes, max(max_memory_mb) AS peak,
       ({latest_size(f"{scope.where} AND memory_mb > 0")}) AS size
FROM invocations WHERE {scope.where} AND memory_mb > 0""")
    row = answer.row
    n = row["n"]
    if n == 0:
        return
    yield fact("memory.sizes", row["sizes"], "count", n, scope, answer.id)
    yield fact("memory.size", row["size"], "MB", n, scope, answer.id)
    yield fact("memory.next_size", next_size(row["size"]), "MB", n, scope, answer.id)
    if row["peak"] is not None:
        yield fact("memory.peak", row["peak"], "MB", n, scope, answer.id)
        yield from _peaks(engine, scope)
    if row["sizes"] >= 2:
        yield from _elasticity(engine, scope, next_size(row["size"]) / row["size"])


def latest_size(where: str) -> str:
    """SQL for the memory size of the call that ended last."""
    return f"""SELECT memory_mb FROM invocations WHERE {where}
        ORDER BY end_time DESC NULLS LAST, source DESC, position DESC LIMIT 1"""


def next_size(size: int) -> int:
    return max(size, min(2 * size, LARGEST_MB))


def _peaks(engine: Engine, scope: Scope) -> Iterator[Measured]:
    """Used over configured, one value an environment."""
    environments = f"""
WITH environments AS (
  SELECT max(max_memory_mb / memory_mb) AS used
  FROM invocations WHERE {scope.where} AND memory_mb > 0 AND max_memory_mb IS NOT NULL GROUP BY {CLUSTER}
)"""
    n = engine.numbers(f"{environments} SELECT count(*) AS n FROM environments")[0]["n"]
    if n == 0:
        return
    size = Spread(n, n, n)
    columns = ", ".join(quantile_columns("used", f"p{p}", p / 100, size) for p in (50, 95, 99))
    answer = engine.ask(f"{environments}\nSELECT max(used) AS peak, {columns} FROM environments")
    by_environment = scope.narrowed("true", f"environments of {scope.population}")
    for p in (50, 95, 99):
        yield quantile(answer.row, f"p{p}", f"memory.peak_ratio.p{p}", "share", size, by_environment, answer.id)
    yield fact("memory.peak_ratio.max", answer.row["peak"], "share", n, by_environment, answer.id)
    yield from _full(engine, scope)
    yield from _new_marks(engine, scope.thinned())


def _full(engine: Engine, scope: Scope) -> Iterator[Measured]:
    """The calls of environments that are nearly full: of so many it can be said that they had little memory left."""
    known = scope.narrowed("memory_mb > 0 AND max_memory_mb IS NOT NULL", scope.population)
    answer = engine.ask(f"""
SELECT count(*) AS n, count(*) FILTER (max_memory_mb >= {FULL} * memory_mb) AS k FROM invocations WHERE {known.where}""")
    n, k = answer.row["n"], answer.row["k"]
    yield replace(fact("memory.full_calls_share", k / n, "share", n, scope, answer.id), k=k)


def _new_marks(engine: Engine, scope: Scope) -> Iterator[Measured]:
    """How long calls take that need more memory than any before them in their environment, over the others there.

    Of these calls alone the logs show what they needed: it is the mark they leave. Where collecting garbage costs time near the
    limit they are slow; where memory does not matter they take as long as others.
    """
    warm = scope.narrowed(f"{WARM_AND_WELL} AND stream IS NOT NULL AND nth > 1", "warm calls")
    answer = engine.ask(f"""
WITH marks AS (
  SELECT stream, source, position, max_memory_mb > max(max_memory_mb) OVER (
           PARTITION BY stream ORDER BY nth, end_time, position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS higher
  FROM invocations WHERE {scope.where} AND max_memory_mb IS NOT NULL AND nth IS NOT NULL
), calls AS (
  SELECT higher, ln(duration_ms) - avg(ln(duration_ms)) FILTER (NOT higher) OVER (PARTITION BY stream) AS y
  FROM invocations JOIN marks USING (stream, source, position) WHERE {warm.where} AND higher IS NOT NULL
)
SELECT higher, count(*) AS n, avg(y) AS mean, var_samp(y) AS variance
FROM (SELECT higher, greatest(-{OUTLYING}, least({OUTLYING}, y)) AS y FROM calls WHERE y IS NOT NULL)
GROUP BY higher ORDER BY higher""")
    if len(answer.rows) < 2 or min(row["n"] for row in answer.rows) < LEAST_MARKS:
        return
    others, higher = answer.rows
    limits = difference_of_means(
        higher["mean"],
        math.sqrt(higher["variance"] / higher["n"]),
        higher["n"] - 1,
        others["mean"],
        math.sqrt(others["variance"] / others["n"]),
        others["n"] - 1,
    )
    value, n = higher["mean"] - others["mean"], higher["n"] + others["n"]
    value, limits = ratio_of(value, limits)
    yield noted(estimate("memory.new_mark.ratio", value, limits, "ratio", n, warm, answer.id), scope.note)


def _elasticity(engine: Engine, scope: Scope, growth: float) -> Iterator[Measured]:
    """How much faster a larger size made warm calls: the two commonest sizes compared on median logarithm of duration.

    1 means duration falls as memory grows, 0 that it does not care. Environments are the unit, so that one slow
    environment does not pass for many slow calls.
    """
    answer = engine.ask(f"""
WITH environments AS (
  SELECT memory_mb, count(*) AS n, quantile_cont(ln(duration_ms), 0.5) AS y, list(DISTINCT version) AS versions
  FROM invocations WHERE {scope.where} AND memory_mb IS NOT NULL AND {WARM_AND_WELL}
  GROUP BY memory_mb, {CLUSTER}
)
SELECT memory_mb, sum(n)::BIGINT AS n, count(*) AS environments, avg(y) AS y, var_samp(y) AS variance,
       list_sort(list_distinct(flatten(list(versions)))) AS versions
FROM environments GROUP BY memory_mb ORDER BY n DESC, memory_mb LIMIT 2""")
    if len(answer.rows) < 2:
        return
    small, large = sorted(answer.rows, key=lambda row: row["memory_mb"])
    together = not set(small["versions"]) & set(large["versions"])
    yield fact("memory.confounded", float(together), "count", small["n"] + large["n"], scope, answer.id)
    if min(small["environments"], large["environments"]) < 2:
        return
    step = math.log(large["memory_mb"] / small["memory_mb"])
    interval = difference_of_means(
        small["y"] / step,
        math.sqrt(small["variance"] / small["environments"]) / step,
        small["environments"] - 1,
        large["y"] / step,
        math.sqrt(large["variance"] / large["environments"]) / step,
        large["environments"] - 1,
    )
    value, n = (small["y"] - large["y"]) / step, small["n"] + large["n"]
    yield estimate("memory.elasticity", value, interval, "ratio", n, scope, answer.id)
    if interval.low is not None and interval.high is not None:
        # The more elastic, the smaller the factor: the limits change places.
        factor = Interval(growth**-interval.high, growth**-interval.low, interval.method)
        yield estimate("memory.doubling_factor", growth**-value, factor, "ratio", n, scope, answer.id)


FAMILY = Family(
    name="memory",
    measure=measure,
    thinned_together=True,
    example=Example(
        invocations=[
            {"memory_mb": size, "max_memory_mb": 100, "duration_ms": duration, "stream": f"{size}-{number}"}
            for size, durations in ((512, (800.0, 800.0, 840.0)), (1024, (400.0, 400.0, 420.0)))
            for number, duration in enumerate(durations)
        ]
        # An environment in which every other call needs more than any before, and takes twice as long.
        + [
            {
                "memory_mb": None,
                "max_memory_mb": 50 + call // 2,
                "duration_ms": 1600.0 if call % 2 == 0 else 800.0,
                "stream": "one",
                "nth": call + 1,
            }
            for call in range(20)
        ],
        expect={
            "memory.sizes": 2,
            "memory.peak": 100,
            "memory.peak_ratio.max": 100 / 512,
            "memory.elasticity": 1.0,
            "memory.doubling_factor": 0.5,
            "memory.confounded": 0,
            "memory.full_calls_share": 0.0,
            "memory.new_mark.ratio": 2.0,
        },
    ),
)
