"""How calls come: on a schedule, and by the hour of the day. Both explain much that is expected and needs no cause.

Attempts after the first are left out: they come when the first has failed, and say nothing of who calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.bins import DAY, HOUR, SECOND, one_function
from analyzer.measure.family import Example, Family, Settings, fact
from analyzer.measure.scope import Scope
from analyzer.measure.series import rhythm
from analyzer.model import Measured

# A schedule makes fewer calls than that in any period that anyone looks at, and a dozen show it.
LEAST_CALLS, MOST_CALLS = 12, 100_000
# A pause is like the usual one where it differs by less.
ALIKE = 0.1
# So many days at the end are looked at for what repeats with them.
DAYS = 28


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    if not one_function(scope):
        return
    first = scope.narrowed("attempt = 1 AND end_time IS NOT NULL", "first attempts")
    yield from _pauses(engine, first)
    yield from _day(engine, first)


def _pauses(engine: Engine, scope: Scope) -> Iterator[Measured]:
    (counted,) = engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {scope.where}")
    if not LEAST_CALLS <= counted["n"] <= MOST_CALLS:
        return
    answer = engine.ask(f"""
WITH begins AS (
  SELECT epoch_us(coalesce(start_time, end_time)) AS moment FROM invocations WHERE {scope.where}
), pauses AS (
  SELECT moment - lag(moment) OVER (ORDER BY moment) AS pause FROM begins
), usual AS (
  SELECT quantile_disc(pause, 0.5) AS p50 FROM pauses
)
SELECT count(pause) AS n, any_value(p50) AS p50, count(*) FILTER (abs(pause - p50) <= {ALIKE} * p50) AS k FROM pauses, usual""")
    row = answer.row
    yield fact("traffic.pause.p50", row["p50"] / SECOND, "s", row["n"], scope, answer.id)
    regular = fact("traffic.pause.regular", row["k"] / row["n"], "share", row["n"], scope, answer.id)
    yield replace(regular, k=row["k"])


def _day(engine: Engine, scope: Scope) -> Iterator[Measured]:
    (row,) = engine.numbers(
        f"SELECT epoch_us(min(end_time)) AS first, epoch_us(max(end_time)) AS last FROM invocations WHERE {scope.where}"
    )
    if row["first"] is None or row["last"] - row["first"] < 2 * DAY - HOUR:
        return
    answer = engine.ask(f"""
SELECT epoch_us(end_time) // {HOUR} AS hour, count(*) AS n FROM invocations
WHERE {scope.where} AND epoch_us(end_time) > {row["last"] - DAYS * DAY} GROUP BY hour ORDER BY hour""")
    counts = {cell["hour"]: cell["n"] for cell in answer.rows}
    hours = range(min(counts), max(counts) + 1)
    # One more each, here and below, so that an hour without a call has a logarithm and a ratio.
    found = rhythm([(hour, math.log(1 + counts.get(hour, 0))) for hour in hours], 24)
    if found is None:
        return
    usual = [median([counts.get(hour, 0) for hour in hours if hour % 24 == phase]) for phase in range(24)]
    n = sum(counts.values())
    yield fact("traffic.day_amplitude", (1 + max(usual)) / (1 + min(usual)), "ratio", n, scope, answer.id)
    yield fact("traffic.day_p", found.p, "ratio", n, scope, answer.id)


# 2026-03-02. Four days of a call every twenty minutes in the morning and every ten in the afternoon.
BEGIN = 1_772_409_600_000_000

FAMILY = Family(
    name="traffic",
    measure=measure,
    example=Example(
        invocations=[
            {"end_time": BEGIN + day * DAY + hour * HOUR + call * (HOUR // calls)}
            for day in range(4)
            for hour in range(24)
            for calls in (3 if hour < 12 else 6,)
            for call in range(calls)
        ],
        expect={
            "traffic.pause.p50": 600,
            "traffic.pause.regular": 287 / 431,
            "traffic.day_amplitude": 7 / 4,
            "traffic.day_p": 0.002,
        },
    ),
)
