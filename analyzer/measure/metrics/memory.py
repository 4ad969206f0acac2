"""Memory: the configured size, the high-water marks of environments, and what a change of size did to durations.

Max Memory Used is the mark of the whole environment so far, not of the invocation, so each environment counts once, by
its last REPORT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.family import (
    CLUSTER,
    Example,
    Family,
    Settings,
    Spread,
    estimate,
    fact,
    quantile,
    quantile_columns,
)
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import Interval, difference_of_means
from analyzer.model import Measured

# The sizes that AWS offers for functions in the default compute.
LARGEST_MB = 10_240
WARM_AND_WELL = "init_ms IS NULL AND restore_ms IS NULL AND outcome IN ('ok', 'unknown') AND duration_ms > 0"


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    answer = engine.ask(f"""
SELECT count(*) AS n, count(DISTINCT memory_mb) AS sizes, max(max_memory_mb) AS peak,
       arg_max(memory_mb, (coalesce(end_time, TIMESTAMPTZ '-infinity'), source, position)) AS size
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


def _elasticity(engine: Engine, scope: Scope, growth: float) -> Iterator[Measured]:
    """How much faster a larger size made warm calls: the two commonest sizes compared on mean logarithm of duration.

    1 means duration falls as memory grows, 0 that it does not care. Environments are the unit, so that one slow
    environment does not pass for many slow calls.
    """
    answer = engine.ask(f"""
WITH environments AS (
  SELECT memory_mb, count(*) AS n, avg(ln(duration_ms)) AS y, list(DISTINCT version) AS versions
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
    example=Example(
        invocations=[
            {"memory_mb": size, "max_memory_mb": 100, "duration_ms": duration, "stream": f"{size}-{number}"}
            for size, durations in ((512, (800.0, 800.0, 840.0)), (1024, (400.0, 400.0, 420.0)))
            for number, duration in enumerate(durations)
        ],
        expect={
            "memory.sizes": 2,
            "memory.peak": 100,
            "memory.peak_ratio.max": 100 / 512,
            "memory.elasticity": 1.0,
            "memory.doubling_factor": 0.5,
            "memory.confounded": 0,
        },
    ),
)
