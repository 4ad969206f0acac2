"""How many calls ran at once, whether something capped them, and whether more at once made each slower.

A call occupies its environment from the beginning of its initialisation to its end. The sweep adds one at each beginning and
takes one off at each end, in blocks of time: an end and a beginning at the same instant leave the level as it was.

The cap: without one, levels are reached ever more rarely, and by about the same factor from one level to the next. So the peak
should have been exceeded about h (h / g) times, where h starts reached it and g the level below; that none did has
p = exp(-expected). Times in logs are whole milliseconds, so that an environment can seem to begin a call before it ended the last:
a level that held for no more than two of them was not reached.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from analyzer.lake import Answer, Engine
from analyzer.measure.association import associate, correlation, relative_slope
from analyzer.measure.family import Example, Family, Settings, estimate, fact
from analyzer.measure.metrics.cold_starts import COLD, INIT
from analyzer.measure.scope import Scope
from analyzer.model import Measured

PLACED = "start_time IS NOT NULL AND end_time IS NOT NULL AND duration_ms IS NOT NULL"
BEGIN = f"epoch_us(start_time) - round(coalesce({INIT}, 0) * 1000)::BIGINT"
END = "epoch_us(end_time)"
# Microseconds. A block is longer than most calls, and short enough that one of many blocks can be drawn.
BLOCK = 600_000_000
# Calls of all functions that are swept; beyond it whole blocks are drawn. Ranks cost several sorts, so of each function fewer
# are ranked.
MOST_SWEPT, MOST_RANKED = 500_000, 50_000
# Of consecutive numbers this one's multiples, taken modulo the other, are spread evenly (Knuth's multiplicative hash).
SPREAD, RANGE = 2_654_435_761, 2**32
# Microseconds that a level has to hold.
HELD = 2_000
# A cap shows where its level was reached so often.
LEAST_HITS = 8
LEAST_RANKED = 60
# Calls are compared within so many pieces of the whole time at least, none longer than a block.
LEAST_PIECES = 24
COLUMNS = "start_time, end_time, init_ms, restore_ms, duration_ms, outcome, stream, source, position, function"
CLUSTERS = {"stream": "log streams", "piece": "pieces of time"}


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    placed = scope.narrowed(PLACED, scope.population)
    (counted,) = engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {placed.where}")
    n = counted["n"]
    if n == 0:
        return
    one_in = blocks(engine, scope)
    if one_in == 1:
        yield from _swept(engine, placed, n, one_in)
        return
    placed = in_blocks(scope, one_in)
    with engine.holding(placed.where, COLUMNS):
        yield from _swept(engine, placed, n, one_in)


def in_blocks(scope: Scope, one_in: int) -> Scope:
    """The calls of a scope that have a part in the drawn blocks."""
    return scope.narrowed(f"{PLACED} AND {_reaching(one_in)}", scope.population)


def blocks(engine: Engine, scope: Scope) -> int:
    """One in how many blocks of time is swept: the same ones for every function of the window."""
    (counted,) = engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {Scope(scope.window).where}")
    n: int = counted["n"]
    return max(1, math.ceil(n / MOST_SWEPT))


def _swept(engine: Engine, placed: Scope, n: int, one_in: int) -> Iterator[Measured]:
    """`n` calls, of which those that have a part in the drawn blocks are `placed`."""
    drawn = f"from one in {one_in} blocks of ten minutes, drawn by hash" if one_in > 1 else None
    levels = engine.ask(f"""
WITH {_steps(placed, one_in)}, instants AS (
  SELECT block, moment, sum(step) AS step FROM steps GROUP BY block, moment
), swept AS (
  SELECT step, sum(step) OVER now AS level, coalesce(lead(moment) OVER now - moment, 0) AS span
  FROM instants WINDOW now AS (PARTITION BY block ORDER BY moment)
)
SELECT level::BIGINT AS level, sum(span)::BIGINT AS span, count(*) FILTER (step > 0 AND span > {HELD}) AS hits
FROM swept WHERE level > 0 GROUP BY level ORDER BY level""")
    if not levels.rows:
        return
    yield from _levels(levels, n, placed, drawn)
    yield _little(engine, levels, placed, one_in, n)
    if n >= LEAST_RANKED and not placed.mixed:
        yield from _load(engine, placed, n, one_in)


def _drawn(block: str, one_in: int) -> str:
    return f"{block} * {SPREAD} % {RANGE} < {RANGE // one_in}"


def _draw(one_in: int) -> str:
    return f"WHERE {_drawn('block', one_in)}" if one_in > 1 else ""


def _reaching(one_in: int) -> str:
    """SQL: whether a call has a part in a drawn block, or is so long that it has to be looked at closely."""
    first, last = f"(({BEGIN}) // {BLOCK})", f"({END} // {BLOCK})"
    return f"({_drawn(first, one_in)} OR {_drawn(last, one_in)} OR {last} > {first} + 1)"


def _steps(scope: Scope, one_in: int) -> str:
    """Common table expressions that end in `steps`: block, moment, +1 or -1. Calls are cut at the limits of their blocks."""
    return f"""calls AS (
  SELECT {BEGIN} AS a, {END} AS z FROM invocations WHERE {scope.where}
), pieces AS (
  SELECT a, z, unnest(range(a // {BLOCK}, (greatest(z - 1, a)) // {BLOCK} + 1)) AS block FROM calls WHERE z > a
), cut AS (
  SELECT block, greatest(a, block * {BLOCK}) AS a, least(z, (block + 1) * {BLOCK}) AS z FROM pieces {_draw(one_in)}
), steps AS (
  SELECT block, a AS moment, 1 AS step FROM cut UNION ALL SELECT block, z, -1 FROM cut
)"""


def _levels(levels: Answer, n: int, scope: Scope, drawn: str | None) -> Iterator[Measured]:
    rows = levels.rows
    peak = rows[-1]
    active = sum(row["span"] for row in rows)
    yield fact("concurrency.peak", peak["level"], "count", n, scope, levels.id, drawn)
    if active:
        mean = sum(row["level"] * row["span"] for row in rows) / active
        yield fact("concurrency.mean", mean, "ratio", n, scope, levels.id, drawn)
        below = 0
        for row in rows:
            below += row["span"]
            if 100 * below >= 99 * active:
                yield fact("concurrency.p99", row["level"], "count", n, scope, levels.id, drawn)
                break
    held = [row for row in rows if row["hits"]]
    if not held:
        return
    top = held[-1]
    yield fact("concurrency.cap.level", top["level"], "count", n, scope, levels.id, drawn)
    yield fact("concurrency.cap.hits", top["hits"], "count", n, scope, levels.id, drawn)
    if len(held) > 1 and top["hits"] >= LEAST_HITS:
        expected = top["hits"] ** 2 / held[-2]["hits"]
        yield fact("concurrency.cap.expected", expected, "ratio", n, scope, levels.id, drawn)
        yield fact("concurrency.cap.p", math.exp(-expected), "ratio", n, scope, levels.id, drawn)


def _little(engine: Engine, levels: Answer, scope: Scope, one_in: int, n: int) -> Measured:
    """Level times time must be calls times mean time (Little 1961), here over the same blocks."""
    answer = engine.ask(f"""
WITH calls AS (
  SELECT {BEGIN} AS a, {END} AS z, 1000 * (duration_ms + coalesce({INIT}, 0)) AS reported
  FROM invocations WHERE {scope.where}
), pieces AS (
  SELECT a, z, reported, unnest(range(a // {BLOCK}, (greatest(z - 1, a)) // {BLOCK} + 1)) AS block FROM calls WHERE z > a
)
SELECT sum(reported * (least(z, (block + 1) * {BLOCK}) - greatest(a, block * {BLOCK})) / (z - a)) AS reported
FROM pieces {_draw(one_in)}""")
    swept = sum(row["level"] * row["span"] for row in levels.rows)
    reported = answer.row["reported"]
    note = None if reported else "no time was reported"
    return fact("concurrency.little", swept / reported if reported else None, "ratio", n, scope, answer.id, note)


def _load(engine: Engine, scope: Scope, n: int, one_in: int) -> Iterator[Measured]:
    """Warm calls that ended by themselves: the level that each met at its start, itself not counted.

    Compared within ten minutes, or a 24th of the whole time where that is less: a slow episode raises durations and, by that,
    the level, although the level is not what slows them. Within hours, twenty slow minutes an hour raised the alarm in each of 25
    simulations; within ten minutes in one. Two kinds of clusters, because calls of an environment are alike, and so are those of
    the same piece of time.
    """
    (row,) = engine.numbers(
        f"SELECT epoch_us(max(end_time)) - epoch_us(min(start_time)) AS span FROM invocations WHERE {scope.where}"
    )
    piece = max(1, min(BLOCK, row["span"] // LEAST_PIECES))
    one_in = max(one_in, math.ceil(n / MOST_RANKED))
    warm = f"NOT ({COLD}) AND outcome IN ('ok', 'unknown') AND duration_ms > 0 AND stream IS NOT NULL"
    source = f"""
  WITH calls AS (
    SELECT {BEGIN} AS a, {END} AS z, epoch_us(start_time) // {piece} AS stratum, stream, source, position,
           CASE WHEN {warm} THEN ln(duration_ms) END AS y
    FROM invocations WHERE {scope.where}
  ), pieces AS (
    SELECT *, unnest(range(a // {BLOCK}, (greatest(z - 1, a)) // {BLOCK} + 1)) AS block FROM calls WHERE z > a
  ), cut AS (
    SELECT * FROM pieces {_draw(one_in)}
  ), steps AS (
    SELECT block, greatest(a, block * {BLOCK}) AS moment, 1 AS step, stratum, stream, source, position,
           CASE WHEN a >= block * {BLOCK} THEN y END AS y FROM cut
    UNION ALL SELECT block, least(z, (block + 1) * {BLOCK}), -1, NULL, NULL, NULL, NULL, NULL FROM cut
  ), swept AS (
    SELECT *, sum(step) OVER (
             PARTITION BY block ORDER BY moment, step, source, position ROWS UNBOUNDED PRECEDING
           ) - 1 AS x
    FROM steps
  )
  SELECT x::DOUBLE AS x, y, stratum, stream, stratum AS piece FROM swept WHERE step = 1 AND y IS NOT NULL"""
    answer = associate(engine, source, CLUSTERS)
    row = answer.row
    if row["n"] < LEAST_RANKED or not _varies(row):
        return
    calls = scope.narrowed("true", "warm calls that ended by themselves")
    note = f"within {piece / 60e6:.3g} min" + (f"; from one in {one_in} blocks of ten minutes" if one_in > 1 else "")
    rho, limits, p = correlation(row, CLUSTERS)
    yield replace(estimate("concurrency.load.rho", rho, limits, "ratio", row["n"], calls, answer.id), note=note)
    yield fact("concurrency.load.p", p, "ratio", row["n"], calls, answer.id, note)
    slope, limits = relative_slope(row, CLUSTERS)
    yield replace(estimate("concurrency.load.slope", slope, limits, "share", row["n"], calls, answer.id), note=note)


def _varies(row: dict[str, Any]) -> bool:
    """Whether there were different levels and different durations, in at least two clusters of each kind."""
    if row["rho"] is None or row["slope"] is None:
        return False
    return all((row[f"{name}_n"] or 0) >= 2 for name in CLUSTERS)


FAMILY = Family(
    name="concurrency",
    measure=measure,
    example=Example(
        # For four hours, once a minute: two seconds, four that begin a second later, and one second alone.
        invocations=[
            {
                "stream": stream,
                "start_time": 36_000_000_000 + 60_000_000 * minute + 1_000_000 * begin,
                "end_time": 36_000_000_000 + 60_000_000 * minute + 1_000_000 * end,
                "duration_ms": 1000.0 * (end - begin),
            }
            for minute in range(250)
            for stream, begin, end in (("a", 0, 2), ("b", 1, 5), ("c", 10, 11))
        ],
        expect={
            "concurrency.peak": 2,
            "concurrency.mean": 7 / 6,
            "concurrency.p99": 2,
            "concurrency.little": 1.0,
            "concurrency.cap.level": 2,
            "concurrency.cap.hits": 250,
            "concurrency.cap.expected": 125,
            "concurrency.load.rho": math.sqrt(3) / 2,
        },
    ),
)
