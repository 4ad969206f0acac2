"""Whether memory grows from call to call within an environment: the record test on high-water marks.

Max Memory Used only ever rises within the life of an environment, leak or no leak, so a rising series shows nothing. What
differs is how late it still rises. If the peaks of single calls are exchangeable, the i-th of them exceeds all before it
with probability 1/i (Renyi 1962), and equal values make that less likely, never more. So the new marks in the later half of
each life are counted and held against the sum of 1/i. A life whose beginning the logs do not show has fewer, which keeps
the test on the safe side.

A life ends with the stream, with a failure that resets the environment, and where the mark falls. The call that ended one
is left out: a call that is killed for its memory is a record by selection.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, estimate, fact
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import Interval, poisson_tail, ratio_of_sums
from analyzer.model import Measured

RESETS = "outcome IN ('timeout', 'out_of_memory', 'crash', 'init_failure')"
# Fewer calls have no quarters.
LEAST_CALLS = 4
# A warm-up that is over by the third quarter leaves the last one less than this part of the growth of both.
QUARTER = 0.25
SIGNIFICANT = 0.05


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    if scope.mixed:
        return
    ordered = scope.narrowed(
        "stream IS NOT NULL AND max_memory_mb > 0 AND (nth IS NOT NULL OR end_time IS NOT NULL)", scope.population
    )
    answer = engine.ask(f"""
WITH calls AS (
  SELECT function, stream, memory_mb, max_memory_mb AS mark, end_time, nth, source, position,
         {RESETS} OR coalesce(lead(max_memory_mb) OVER life < max_memory_mb, false) AS last
  FROM invocations WHERE {ordered.where}
  WINDOW life AS (PARTITION BY function, stream ORDER BY end_time, nth, source, position)
), lives AS (
  SELECT *, count(*) FILTER (last) OVER (PARTITION BY function, stream ORDER BY end_time, nth, source, position) AS life
  FROM calls
), numbered AS (
  SELECT *, row_number() OVER life AS i, count(*) OVER (PARTITION BY function, stream, life) AS n,
         coalesce(mark > lag(mark) OVER life, true) AS higher
  FROM lives WHERE NOT last
  WINDOW life AS (PARTITION BY function, stream, life ORDER BY end_time, nth, source, position)
), grown AS (
  SELECT function, stream, n, count(*) FILTER (higher AND 2 * i > n) AS records, sum(1 / i) FILTER (2 * i > n) AS expected,
         max(mark) - max(mark) FILTER (i <= n // 2) AS half, max(mark) - max(mark) FILTER (i <= 3 * n // 4) AS quarter,
         max(memory_mb) - max(mark) AS free
  FROM numbered WHERE n >= {LEAST_CALLS} GROUP BY function, stream, life, n
), streams AS (
  SELECT sum(records) AS records, sum(expected) AS expected, count(*) AS lives, sum(n) AS calls,
         sum(half / (n - n // 2)) AS y, sum(half) AS half, sum(quarter) AS quarter
  FROM grown GROUP BY function, stream
)
SELECT count(*) AS environments, sum(lives)::BIGINT AS lives, sum(calls)::BIGINT AS calls,
       sum(records)::BIGINT AS records, sum(expected) AS expected,
       (SELECT quantile_disc(n, 0.5) FROM grown) AS length, (SELECT median(free) FROM grown) AS free,
       sum(y) AS y, sum(y * y) AS yy, sum(y * lives) AS yl, sum(lives * lives)::DOUBLE AS ll,
       sum(half)::BIGINT AS half, sum(quarter)::BIGINT AS quarter, sum(half * half)::DOUBLE AS hh,
       sum(quarter * half)::DOUBLE AS qh, sum(quarter * quarter)::DOUBLE AS qq
FROM streams""")
    row = answer.row
    if not row["environments"]:
        return
    calls, seen = row["calls"], f"{row['records']} new marks in later halves, {row['expected']:.3g} expected at most"
    p = poisson_tail(row["records"], row["expected"])
    yield fact("memory.leak.environments", row["environments"], "count", calls, ordered, answer.id)
    yield fact("memory.leak.calls", row["length"], "count", calls, ordered, answer.id)
    yield fact("memory.leak.records_p", p, "ratio", calls, ordered, answer.id, seen)
    slope, limits = ratio_of_sums(row["y"], row["lives"], row["environments"], row["yy"], row["yl"], row["ll"])
    # A mark does not fall, so neither does its mean growth.
    limits = replace(limits, low=None if limits.low is None else max(0.0, limits.low))
    measured = estimate("memory.leak.slope", slope, limits, "MB", calls, ordered, answer.id)
    yield replace(
        measured, note="over later halves; positive also without a leak, because a high-water mark never falls"
    )
    if row["half"]:
        share, limits = ratio_of_sums(
            row["quarter"], row["half"], row["environments"], row["qq"], row["qh"], row["hh"], confidence=0.90
        )
        yield _saturates(share, limits, calls, ordered, answer.id)
    if p < SIGNIFICANT and slope > 0 and row["free"] is not None:
        yield _calls_to_limit(row["free"], measured, calls, ordered, answer.id)


def _saturates(share: float, limits: Interval, n: int, scope: Scope, evidence: str) -> Measured:
    """1 unless the last quarter of a life is shown to hold its part of the growth of the last two; open where neither is."""
    goes_on = limits.low is not None and limits.low > QUARTER
    over = limits.high is not None and limits.high <= QUARTER
    return Measured(
        metric="memory.leak.saturates",
        value=0.0 if goes_on else 1.0,
        low=1.0 if over else 0.0,
        high=0.0 if goes_on else 1.0,
        unit="count",
        n=n,
        population=scope.population,
        evidence=evidence,
        interval="one-sided 95 % limits of the last quarter's part",
        bounds=True,
        note=f"the last quarter holds {100 * share:.3g} % of the growth of the last two",
    )


def _calls_to_limit(free: float, slope: Measured, n: int, scope: Scope, evidence: str) -> Measured:
    """Calls until the median environment, where its logs end, would have grown to its size."""
    return Measured(
        metric="memory.leak.calls_to_limit",
        value=free / (slope.value or 0.0),
        low=free / slope.high if slope.high else None,
        high=free / slope.low if slope.low else None,
        unit="count",
        n=n,
        population=scope.population,
        evidence=evidence,
        interval="limits of the slope",
    )


FAMILY = Family(
    name="leak",
    measure=measure,
    thinned=True,
    example=Example(
        invocations=[
            {"stream": stream, "memory_mb": 512, "max_memory_mb": 100 + rise * call}
            for stream, rise in (("one", 2), ("two", 4))
            for call in range(8)
        ],
        expect={
            "memory.leak.environments": 2,
            "memory.leak.calls": 8,
            # Eight records where 2 (1/5 + 1/6 + 1/7 + 1/8) are expected at most.
            "memory.leak.records_p": 5.44592e-05,
            "memory.leak.slope": 3.0,
            "memory.leak.saturates": 0,
            "memory.leak.calls_to_limit": 391 / 3,
        },
    ),
)
