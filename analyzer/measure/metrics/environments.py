"""Whether some environments are slower than others, and what the first call of each shows.

Warm calls that ended by themselves are compared within cells: the same hour, version and memory size. So a slow hour or
a new version does not pass for slow environments.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.association import associate
from analyzer.measure.family import (
    Example,
    Family,
    Settings,
    Spread,
    estimate,
    fact,
    quantile,
    quantile_columns,
)
from analyzer.measure.metrics.cold_starts import COLD
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import intraclass, rank_correlation, wilson
from analyzer.model import Measured

# An environment's median says something from so many calls on.
LEAST_CALLS = 8
LEAST_ENVIRONMENTS = 4
SLOW = 2
# A first call met an environment whose high-water mark was still its own.
FIRST = f"(nth = 1 OR {COLD})"
LEAST_FIRST = 30


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    if scope.mixed:
        return
    yield from _calls(engine, scope)
    warm = scope.narrowed(f"stream IS NOT NULL AND {WARM_AND_WELL}", "warm calls")
    yield from _variance(engine, warm)
    yield from _slow(engine, warm)
    yield from _first_calls(engine, scope)


def _calls(engine: Engine, scope: Scope) -> Iterator[Measured]:
    """Calls of each environment, as many as these logs show."""
    streams = f"WITH streams AS (SELECT count(*) AS n FROM invocations WHERE {scope.where} AND stream IS NOT NULL GROUP BY stream)"
    n = engine.numbers(f"{streams} SELECT count(*) AS n FROM streams")[0]["n"]
    if n == 0:
        return
    size = Spread(n, n, n)
    answer = engine.ask(f"{streams}\nSELECT {quantile_columns('n', 'p50', 0.5, size)}, max(n) AS most FROM streams")
    by_environment = scope.narrowed("true", f"environments of {scope.population}")
    yield quantile(answer.row, "p50", "environment.calls.p50", "count", size, by_environment, answer.id)
    yield fact("environment.calls.max", answer.row["most"], "count", n, by_environment, answer.id)


def _variance(engine: Engine, warm: Scope) -> Iterator[Measured]:
    answer = engine.ask(f"""
WITH groups AS (
  SELECT date_trunc('hour', end_time) AS hour, version, memory_mb, stream, count(*) AS n, avg(ln(duration_ms)) AS mean,
         var_pop(ln(duration_ms)) * count(*) AS squares
  FROM invocations WHERE {warm.where} GROUP BY ALL
), cells AS (
  SELECT count(*) AS groups, sum(n) AS n, sum(n * n) / sum(n) AS weight, sum(squares) AS within,
         sum(n * mean * mean) - sum(n * mean) ** 2 / sum(n) AS between
  FROM groups GROUP BY hour, version, memory_mb HAVING count(*) > 1
)
SELECT sum(groups)::BIGINT AS groups, count(*) AS cells, sum(n)::BIGINT AS n, sum(weight) AS weight,
       sum(within) AS within, sum(between) AS between, (SELECT count(DISTINCT stream) FROM groups) AS environments
FROM cells""")
    row = answer.row
    if not row["n"] or row["n"] <= row["groups"] or row["environments"] < 2:
        return
    found = intraclass(
        max(0.0, row["between"]),
        row["within"],
        row["n"],
        row["groups"],
        row["cells"],
        row["weight"],
        row["environments"],
    )
    if found is None:
        return
    value, interval = found
    measured = estimate("environment.icc", value, interval, "ratio", row["n"], warm, answer.id)
    yield replace(measured, note=f"within {row['cells']} cells of hour, version and size")


def _slow(engine: Engine, warm: Scope) -> Iterator[Measured]:
    answer = engine.ask(f"""
WITH streams AS (
  SELECT count(*) AS n, quantile_disc(duration_ms, 0.5) AS p50
  FROM invocations WHERE {warm.where} GROUP BY stream HAVING count(*) >= {LEAST_CALLS}
), typical AS (
  SELECT quantile_disc(p50, 0.5) AS p50 FROM streams
)
SELECT count(*) AS environments, count(*) FILTER (streams.p50 > {SLOW} * typical.p50) AS slow, sum(n)::BIGINT AS calls,
       coalesce(sum(n) FILTER (streams.p50 > {SLOW} * typical.p50), 0)::BIGINT AS slow_calls
FROM streams, typical""")
    row = answer.row
    n, k = row["environments"], row["slow"]
    if n < LEAST_ENVIRONMENTS:
        return
    several = warm.narrowed("true", f"environments with {LEAST_CALLS} warm calls or more")
    limits = wilson(k, n)
    yield replace(estimate("environment.slow_share", k / n, limits, "share", n, several, answer.id), k=k)
    calls = warm.narrowed("true", f"warm calls of {several.population}")
    part = row["slow_calls"] / row["calls"]
    yield replace(
        fact("environment.slow_calls_share", part, "share", row["calls"], calls, answer.id), k=row["slow_calls"]
    )


def _first_calls(engine: Engine, scope: Scope) -> Iterator[Measured]:
    first = scope.narrowed(
        f"{FIRST} AND stream IS NOT NULL AND memory_mb > 0 AND max_memory_mb > 0", "first calls of environments"
    )
    n = engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {first.where}")[0]["n"]
    if n == 0:
        return
    size = Spread(n, n, n)
    columns = ", ".join(quantile_columns("max_memory_mb / memory_mb", f"p{p}", p / 100, size) for p in (50, 95))
    answer = engine.ask(f"SELECT {columns}\nFROM invocations WHERE {first.where}")
    yield quantile(answer.row, "p50", "memory.first_call.p50", "share", size, first, answer.id)
    if n >= 20:
        yield quantile(answer.row, "p95", "memory.first_call.p95", "share", size, first, answer.id)
    if n < LEAST_FIRST:
        return
    well = first.narrowed("duration_ms > 0 AND outcome IN ('ok', 'unknown')", first.population)
    answer = associate(
        engine,
        f"SELECT max_memory_mb::DOUBLE AS x, ln(duration_ms) AS y, memory_mb AS stratum, stream "
        f"FROM invocations WHERE {well.where}",
        {"stream": "log streams"},
    )
    row = answer.row
    if row["n"] - row["strata"] < LEAST_FIRST or row["rho"] is None:
        return
    # Each environment has one first call, so that calls are independent and any could have had the memory of any other.
    interval, p = rank_correlation(row["rho"], row["n"] - row["strata"] + 1)
    yield estimate("memory.first_call.rho", row["rho"], interval, "ratio", row["n"], well, answer.id)
    yield fact("memory.first_call.rho_p", p, "ratio", row["n"], well, answer.id)


FAMILY = Family(
    name="environments",
    measure=measure,
    thinned=True,
    example=Example(
        invocations=[
            {
                "stream": f"s{stream}",
                "nth": call + 1,
                "duration_ms": (300.0 if stream < 10 else 100.0) + stream,
                "memory_mb": 200,
                "max_memory_mb": None if call else 100 + stream,
            }
            for stream in range(40)
            for call in range(8)
        ],
        expect={
            "environment.calls.p50": 8,
            "environment.calls.max": 8,
            "environment.slow_share": 0.25,
            "environment.slow_calls_share": 0.25,
            "memory.first_call.p50": 0.595,
            # Ten ranks differ by 30 and thirty by 10.
            "memory.first_call.rho": 1 - 6 * 12_000 / (40 * 1599),
        },
    ),
)
