"""Cold starts: how often an environment had to be initialised first, how long that took, and how much of the tail it is.

REPORT's Duration does not contain the initialisation; a caller waits for both, so the tail is looked at in their sum.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.family import (
    Example,
    Family,
    Settings,
    fact,
    noted,
    quantile,
    quantile_columns,
    share,
    spread,
    spreads,
)
from analyzer.measure.scope import Scope
from analyzer.model import Measured

INIT = "coalesce(init_ms, restore_ms)"
COLD = f"{INIT} IS NOT NULL"
TOTAL = f"round(duration_ms + coalesce({INIT}, 0), 3)"
# The tail: the slowest five in a hundred. Below twenty calls that is a single one, whose time can be told and nothing else.
TAIL = 0.95
LEAST_FOR_TAIL = 20


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    rate = share(engine, scope, "cold_start.rate", COLD, of="duration_ms IS NOT NULL")
    if rate.k is None:
        return
    yield rate
    yield fact("cold_start.count", rate.k, "count", rate.n, scope, rate.evidence)
    yield from _suppressed(engine, scope)
    cold = scope.narrowed(COLD, "cold starts")
    sizes = spreads(engine, cold, INIT, {"p50": 0.50, "p95": 0.95})
    size = sizes["p50"]
    if size.n:
        columns = ", ".join(quantile_columns(INIT, f"p{p}", p / 100, sizes[f"p{p}"]) for p in (50, 95))
        answer = engine.ask(f"SELECT max({INIT}) AS longest, {columns}\nFROM invocations WHERE {cold.where}")
        yield quantile(answer.row, "p50", "init.p50", "ms", size, cold, answer.id)
        if size.n >= LEAST_FOR_TAIL:
            yield quantile(answer.row, "p95", "init.p95", "ms", sizes["p95"], cold, answer.id)
        yield fact("init.max", answer.row["longest"], "ms", size.n, cold, answer.id)
    yield from _billed(engine, scope)
    part = scope.thinned()
    for measured in _tail(engine, part):
        yield noted(measured, part.note)


def _suppressed(engine: Engine, scope: Scope) -> Iterator[Measured]:
    """Initialisations that ran out of their ten seconds are repeated inside Duration, where no Init Duration shows them."""
    answer = engine.ask(f"""
SELECT count(*) FILTER (lower(message) LIKE '%timeout%') AS timed_out,
       count(*) FILTER (error_type IS NOT NULL OR lower(message) LIKE '%error%') AS failed
FROM events WHERE {scope.where_events} AND kind = 'init' AND (message LIKE 'INIT_REPORT%' OR message LIKE '%initReport%')""")
    yield fact("cold_start.suppressed", answer.row["timed_out"], "count", answer.row["timed_out"], scope, answer.id)
    yield fact("init.failures", answer.row["failed"], "count", answer.row["failed"], scope, answer.id)


def _billed(engine: Engine, scope: Scope) -> Iterator[Measured]:
    """The part of billed time that is initialisation, on the lines where the arithmetic shows that it was billed."""
    answer = engine.ask(f"""
SELECT count(*) AS n, sum(billed_ms) AS billed,
       sum(init_ms) FILTER (abs(billed_ms - ceil(duration_ms + init_ms)) <= 1) AS init
FROM invocations WHERE {scope.where} AND billed_ms IS NOT NULL""")
    if answer.row["billed"]:
        value = (answer.row["init"] or 0) / answer.row["billed"]
        yield fact("init.billed_share", value, "share", answer.row["n"], scope, answer.id)


def _tail(engine: Engine, scope: Scope) -> Iterator[Measured]:
    complete = scope.narrowed("duration_ms IS NOT NULL", scope.population)
    size = spread(engine, complete, TOTAL, TAIL)
    if size.n == 0:
        return
    warm_size = spread(engine, complete.narrowed(f"NOT ({COLD})", "warm"), "duration_ms", TAIL)
    answer = engine.ask(f"""
WITH calls AS (
  SELECT {TOTAL} AS total, coalesce({INIT}, 0) AS init, {COLD} AS cold, duration_ms
  FROM invocations WHERE {complete.where}
), tail AS (
  SELECT {quantile_columns("total", "p95", TAIL, size)} FROM calls
), warm AS (
  SELECT {quantile_columns("duration_ms", "warm", TAIL, warm_size)}
  FROM calls WHERE NOT cold
)
SELECT p95, p95_low, p95_high, warm, warm_low, warm_high,
       max(init) AS longest_init,
       count(*) FILTER (total >= p95) AS n,
       count(*) FILTER (total >= p95 AND cold) AS k,
       sum(init) FILTER (total >= p95) AS init,
       sum(total) FILTER (total >= p95) AS total
FROM calls, tail, warm GROUP BY ALL""")
    row = answer.row
    slow = scope.narrowed("true", "the slowest 5 % of init + duration")
    observed = row["init"] / row["total"] if row["total"] else 0.0
    # No slow call can hold a larger part than the longest initialisation would be of the fastest slow call.
    bound = row["longest_init"] / row["p95_low"] if row["p95_low"] else 1.0
    yield Measured(
        metric="cold_start.tail_time_share",
        value=observed,
        low=0.0,
        high=min(1.0, max(observed, bound)),
        unit="share",
        n=row["n"],
        population=slow.population,
        evidence=answer.id,
        interval="longest initialisation over the lower limit of p95",
        bounds=True,
    )
    if size.n < LEAST_FOR_TAIL:
        return
    yield share(engine, complete.narrowed(f"{TOTAL} >= {row['p95']!r}", slow.population), "cold_start.tail_share", COLD)
    if row["warm"] is not None and row["p95"]:
        yield Measured(
            metric="cold_start.p95_reduction",
            value=1 - row["warm"] / row["p95"],
            # Both quantiles at their limits at once: wider than 95 %, never narrower.
            low=1 - row["warm_high"] / row["p95_low"] if row["warm_high"] is not None and row["p95_low"] else None,
            high=1 - row["warm_low"] / row["p95_high"] if row["warm_low"] is not None and row["p95_high"] else None,
            unit="share",
            n=size.n,
            population=scope.population,
            evidence=answer.id,
            interval="limits of both quantiles",
        )


FAMILY = Family(
    name="cold_starts",
    measure=measure,
    thinned_together=True,
    example=Example(
        invocations=[{"duration_ms": 100.0, "billed_ms": 100.0} for _ in range(18)]
        + [{"duration_ms": 100.0, "init_ms": 900.0, "billed_ms": 1000.0} for _ in range(2)],
        expect={
            "cold_start.rate": 0.1,
            "cold_start.count": 2,
            "init.p50": 900.0,
            "init.max": 900.0,
            "init.billed_share": 1800 / 3800,
            "cold_start.tail_share": 1.0,
            "cold_start.tail_time_share": 0.9,
            "cold_start.p95_reduction": 0.9,
        },
    ),
)
