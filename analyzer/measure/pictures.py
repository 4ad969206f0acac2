"""What the charts need, bounded however many invocations there are: a histogram, bins of time, and points while they are few."""

from __future__ import annotations

from analyzer.lake import Engine
from analyzer.measure.family import CLUSTER
from analyzer.measure.metrics.cold_starts import COLD, TOTAL
from analyzer.measure.metrics.concurrency import BEGIN, END, PLACED, blocks
from analyzer.measure.metrics.errors import FAILED
from analyzer.measure.scope import Scope
from analyzer.model import Arrival, AtOnce, HistogramBin, MemoryMarks, Point, TimeBin, WaitBin

# Bins that grow by 5 %: narrow enough to see two modes, and at most 280 of them from 1 ms to 15 minutes.
GROWTH = 1.05
MOST_POINTS = 2_000
# About this many bins across the picture, of a length that people count in.
BINS = 120
LENGTHS = (60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400)
SECOND = 1_000_000
# No call lasts longer than that; what claims to is a mistake of its line, and would fill every bin of the picture.
LONGEST = 3_600 * SECOND
LOOK = 5 * SECOND
# Moments that can be told apart in a picture.
MOST_ARRIVALS = 60


def histogram(engine: Engine, scope: Scope) -> list[HistogramBin]:
    if blocks(engine, scope) == 1:
        sql = f"""
SELECT function, {_bin("duration_ms")} AS bin, count(*) AS n
FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL GROUP BY ALL ORDER BY ALL"""
    else:
        engine.share(_by_start(scope))
        sql = f"""
SELECT function, bin, sum(n)::BIGINT AS n FROM ({_by_start(scope)}) GROUP BY ALL ORDER BY ALL"""
    answer = engine.ask(sql)
    return [
        HistogramBin(row["function"], GROWTH ** row["bin"], GROWTH ** (row["bin"] + 1), row["n"]) for row in answer.rows
    ]


def _bin(duration: str) -> str:
    return f"floor(ln(greatest({duration}, 0.01)) / ln({GROWTH}))::INTEGER"


def _by_start(scope: Scope) -> str:
    """SQL that counts durations by function, bin, and whether an initialisation came first: a logarithm is dear, so that what
    histograms of many calls have in common is asked once.
    """
    return f"""
  SELECT function, {COLD} AS cold, {_bin("duration_ms")} AS bin, count(*) AS n
  FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL GROUP BY ALL"""


def _length(begin: int, end: int) -> int:
    """Seconds in a bin of time."""
    wanted = (end - begin) / SECOND / BINS
    return next((length for length in LENGTHS if length >= wanted), LENGTHS[-1])


def timeline(engine: Engine, scope: Scope, begin: int, end: int) -> list[TimeBin]:
    seconds = _length(begin, end)
    answer = engine.ask(f"""
SELECT function, epoch_us(end_time) // {seconds * SECOND} AS bin, count(*) AS n,
       quantile_disc(duration_ms, [0.5, 0.95])[1] AS p50, quantile_disc(duration_ms, [0.5, 0.95])[2] AS p95,
       max(duration_ms) AS longest,
       count(*) FILTER ({FAILED}) AS failed, count(*) FILTER ({COLD}) AS cold
FROM invocations WHERE {scope.where} AND end_time IS NOT NULL GROUP BY function, bin ORDER BY function, bin""")
    return [
        TimeBin(
            row["function"],
            row["bin"] * seconds * SECOND,
            seconds,
            row["n"],
            row["p50"],
            row["p95"],
            row["longest"],
            row["failed"],
            row["cold"],
        )
        for row in answer.rows
    ]


def points(engine: Engine, scope: Scope) -> list[Point]:
    """Every invocation, unless they are too many to tell apart."""
    condition = f"{scope.where} AND duration_ms IS NOT NULL"
    if engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {condition}")[0]["n"] > MOST_POINTS:
        return []
    answer = engine.ask(f"""
SELECT function, epoch_us(end_time) AS time, duration_ms, outcome, {COLD} AS cold
FROM invocations WHERE {condition} ORDER BY end_time, source, position""")
    return [Point(row["function"], row["time"], row["duration_ms"], row["outcome"], row["cold"]) for row in answer.rows]


def waits(engine: Engine, scope: Scope) -> list[WaitBin]:
    """How long callers waited, initialisation included, where it came first and where it did not."""
    if blocks(engine, scope) == 1:
        sql = f"""
SELECT {COLD} AS cold, {_bin(TOTAL)} AS bin, count(*) AS n
FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL GROUP BY ALL ORDER BY ALL"""
    else:
        engine.share(_by_start(scope))
        sql = f"""
WITH counted AS (
  SELECT cold, bin, n FROM ({_by_start(scope)}) WHERE NOT cold
  UNION ALL
  SELECT true, {_bin(TOTAL)}, 1 FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL AND {COLD}
)
SELECT cold, bin, sum(n)::BIGINT AS n FROM counted GROUP BY ALL ORDER BY ALL"""
    answer = engine.ask(sql)
    return [WaitBin(row["cold"], GROWTH ** row["bin"], GROWTH ** (row["bin"] + 1), row["n"]) for row in answer.rows]


def marks(engine: Engine, scope: Scope) -> list[MemoryMarks]:
    """The last mark of each environment is its highest."""
    answer = engine.ask(f"""
WITH environments AS (
  SELECT function, memory_mb AS size, max(max_memory_mb) AS used
  FROM invocations WHERE {scope.where} AND memory_mb > 0 AND max_memory_mb IS NOT NULL GROUP BY function, memory_mb, {CLUSTER}
)
SELECT function, size, count(*) AS environments, quantile_disc(used, 0.5) AS p50, max(used) AS peak
FROM environments GROUP BY function, size ORDER BY peak / size DESC, function, size""")
    return [
        MemoryMarks(row["function"], row["size"], row["environments"], row["p50"], row["peak"]) for row in answer.rows
    ]


def levels(engine: Engine, scope: Scope, begin: int, end: int) -> list[AtOnce]:
    """The sweep of `metrics/concurrency.py`, cut at the bins of time; an end and a beginning at one instant add nothing.

    Of too many calls those are counted that run at every fifth second, which nearly none does: what lasts is seen, a moment
    may be missed.
    """
    seconds = _length(begin, end)
    length = seconds * SECOND
    few = blocks(engine, scope) == 1
    swept = _swept(scope, length) if few else _looked_at(scope, length)
    answer = engine.ask(f"""{swept}
SELECT function, bin, max(level)::INTEGER AS peak FROM swept GROUP BY function, bin ORDER BY function, bin""")
    every = None if few else LOOK // SECOND
    return [AtOnce(row["function"], row["bin"] * length, seconds, row["peak"], every) for row in answer.rows]


def _swept(scope: Scope, length: int) -> str:
    """SQL that begins with `swept`: the level after every beginning and end, by function and bin of `length` microseconds."""
    return f"""
WITH calls AS (
  SELECT function, {BEGIN} AS a, {END} AS z FROM invocations WHERE {scope.where} AND {PLACED}
), pieces AS (
  SELECT function, a, z, unnest(range(a // {length}, (z - 1) // {length} + 1)) AS bin
  FROM calls WHERE z > a AND z - a <= {LONGEST}
), steps AS (
  SELECT function, bin, greatest(a, bin * {length}) AS moment, 1 AS step FROM pieces
  UNION ALL SELECT function, bin, least(z, (bin + 1) * {length}), -1 FROM pieces
), swept AS (
  SELECT function, bin, sum(step) OVER (PARTITION BY function, bin ORDER BY moment, step) AS level FROM steps
)"""


def _looked_at(scope: Scope, length: int) -> str:
    """The same at every fifth second: what began before it and had not ended."""
    return f"""
WITH calls AS MATERIALIZED (
  SELECT function, ({BEGIN} + {LOOK - 1}) // {LOOK} AS a, ({END} + {LOOK - 1}) // {LOOK} AS z
  FROM invocations WHERE {scope.where} AND {PLACED} AND {END} - ({BEGIN}) <= {LONGEST} AND a < z
), steps AS (
  SELECT function, a AS look, count(*) AS step FROM calls GROUP BY function, a
  UNION ALL SELECT function, z, -count(*) FROM calls GROUP BY function, z
), looks AS (
  SELECT function, look, sum(step) AS step FROM steps GROUP BY function, look
), swept AS (
  SELECT function, look * {LOOK} // {length} AS bin, sum(step) OVER (PARTITION BY function ORDER BY look) AS level FROM looks
)"""


def arrivals(engine: Engine, scope: Scope) -> list[Arrival]:
    """What came while these logs were written; what is seen first of all was there before them."""
    answer = engine.ask(f"""
WITH together AS (
  SELECT function, version, runtime, memory_mb, min(end_time) AS time
  FROM invocations WHERE {scope.where} AND end_time IS NOT NULL GROUP BY ALL
), named AS (
  SELECT function, unnest(['version', 'runtime', 'memory']) AS what, unnest([version, runtime, memory_mb::VARCHAR]) AS name, time
  FROM together
), firsts AS (
  SELECT function, what, name, min(time) AS time FROM named WHERE name IS NOT NULL GROUP BY ALL
)
SELECT function, what, name, epoch_us(time) AS time FROM firsts
QUALIFY row_number() OVER (PARTITION BY function, what ORDER BY time, name) > 1
ORDER BY time, function, what, name LIMIT {MOST_ARRIVALS}""")
    return [Arrival(row["function"], row["time"], row["what"], row["name"]) for row in answer.rows]
