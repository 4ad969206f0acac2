"""Where billed time went without a result, and by which rule it was billed.

The classes overlap: a repeated request may time out, and the memory that it did not use is counted too. Their sum says nothing.
Initialisation is billed on some lines and not on others, by date and kind of package; the arithmetic of each line shows it.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, fact, noted
from analyzer.measure.metrics.cost import list_price
from analyzer.measure.metrics.errors import FAILED
from analyzer.measure.scope import Scope
from analyzer.model import Measured

# AWS rounds up to the millisecond, and durations are printed rounded to a hundredth.
WITH_INIT = "init_ms IS NOT NULL AND abs(billed_ms - ceil(duration_ms + init_ms)) <= 1"
WITHOUT_INIT = "abs(billed_ms - ceil(duration_ms)) <= 1"
# What a restored snapshot is billed for stands on its own.
WITH_RESTORE = "abs(billed_ms - ceil(duration_ms + coalesce(billed_restore_ms, restore_ms))) <= 1"
GB_SECONDS = "billed_ms * memory_mb / 1024 / 1000"
EXPLAINED = f"coalesce({WITH_INIT}, false) OR coalesce({WITHOUT_INIT}, false) OR coalesce({WITH_RESTORE}, false)"
PAID = "billed_ms IS NOT NULL AND memory_mb > 0"
CLASSES = ("timeouts", "errors", "retries", "initialisation", "memory")


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    part = scope.thinned() if scope.mixed else scope
    for measured in (*_rule(engine, part), *_waste(engine, scope, part, settings)):
        yield noted(measured, part.note)


def _waste(engine: Engine, scope: Scope, part: Scope, settings: Settings) -> Iterator[Measured]:
    """What a part cost is taken as many times as it stands for."""
    asked = scope.narrowed(PAID, scope.population)
    paid = part.narrowed(PAID, scope.population)
    times, times_again = (
        f"{draw.one_in} * " if draw else "" for draw in (part.draw if part.drawn else None, scope.requests)
    )
    answer = engine.ask(f"""
WITH again AS (
  SELECT sum({GB_SECONDS}) - arg_min({GB_SECONDS}, (end_time, attempt, source, position)) AS gb_seconds
  FROM invocations WHERE {asked.where_requests} GROUP BY function, request_id HAVING count(*) > 1
)
SELECT count(*) AS n, {times}sum({GB_SECONDS}) FILTER (outcome = 'timeout') AS timeouts,
       {times}sum({GB_SECONDS}) FILTER ({FAILED} AND outcome <> 'timeout') AS errors,
       (SELECT {times_again}sum(gb_seconds) FROM again) AS retries,
       {times}sum(init_ms * memory_mb / 1024 / 1000) FILTER ({WITH_INIT}) AS initialisation,
       {times}sum({GB_SECONDS} * greatest(0, memory_mb - max_memory_mb) / memory_mb)
         FILTER (max_memory_mb IS NOT NULL) AS memory,
       count(*) FILTER (outcome = 'ok') AS succeeded, count(*) FILTER (outcome <> 'unknown') AS known,
       sum({GB_SECONDS}) FILTER (outcome <> 'unknown') AS spent
FROM invocations WHERE {paid.where}""")
    row = answer.row
    n = row["n"]
    if n == 0:
        return
    price, note = list_price(settings)
    for name in CLASSES:
        # Memory that no line states is not memory that was used.
        if row[name] is None and name == "memory":
            continue
        seconds = row[name] or 0.0
        yield fact(f"waste.{name}.gb_seconds", seconds, "GB-s", n, paid, answer.id)
        yield fact(f"waste.{name}.usd", _steady(seconds * price["x86_gb_second"]), "USD", n, paid, answer.id, note)
    if row["succeeded"]:
        each = (row["spent"] * price["x86_gb_second"] + row["known"] * price["request"]) / row["succeeded"]
        yield fact("cost.per_success", _steady(each), "USD", row["known"], paid, answer.id, note)
    saved = price["x86_gb_second"] - price["provisioned_duration_gb_second"]
    if saved > 0:
        use = price["provisioned_gb_second"] / saved
        yield fact("provisioned.break_even", _steady(use), "ratio", n, paid, answer.id, note)


def _rule(engine: Engine, scope: Scope) -> Iterator[Measured]:
    answer = engine.ask(f"""
SELECT count(*) AS n, count(*) FILTER (init_ms IS NOT NULL) AS cold,
       count(*) FILTER ({WITH_INIT}) AS billed,
       count(*) FILTER (init_ms IS NOT NULL AND NOT ({WITH_INIT}) AND {WITHOUT_INIT}) AS free,
       count(*) FILTER (NOT ({EXPLAINED})) AS unexplained
FROM invocations WHERE {scope.where} AND billed_ms IS NOT NULL AND duration_ms IS NOT NULL""")
    row = answer.row
    if row["n"] == 0:
        return
    if row["cold"]:
        yield fact("billing.init_billed", row["billed"], "count", row["cold"], scope, answer.id)
        yield fact("billing.init_free", row["free"], "count", row["cold"], scope, answer.id)
    yield fact("billing.unexplained", row["unexplained"], "count", row["n"], scope, answer.id)


def _steady(value: float) -> float:
    """Nine digits, like everything that comes out of a query."""
    return float(f"{value:.9g}")


FAMILY = Family(
    name="waste",
    measure=measure,
    example=Example(
        invocations=[
            {"duration_ms": 999.5, "billed_ms": 1000.0, "memory_mb": 1024, "max_memory_mb": 256},
            {"duration_ms": 599.5, "init_ms": 400.0, "billed_ms": 1000.0, "memory_mb": 1024, "max_memory_mb": 256},
            {"duration_ms": 999.5, "init_ms": 400.0, "billed_ms": 1000.0, "memory_mb": 1024, "outcome": "timeout"},
            {
                "duration_ms": 999.5,
                "billed_ms": 1500.0,
                "memory_mb": 1024,
                "outcome": "error",
                "request_id": "request-0",
            },
        ],
        expect={
            "billing.init_billed": 1,
            "billing.init_free": 1,
            "billing.unexplained": 1,
            "waste.timeouts.gb_seconds": 1.0,
            "waste.errors.gb_seconds": 1.5,
            "waste.retries.gb_seconds": 1.5,
            "waste.initialisation.gb_seconds": 0.4,
            "waste.memory.gb_seconds": 1.5,
            "waste.timeouts.usd": 1.66667e-05,
            # (4.5 GB-s and four requests) over two successes.
            "cost.per_success": 3.79001e-05,
            "provisioned.break_even": 0.6,
        },
    ),
)
