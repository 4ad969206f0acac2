"""Whether durations have more than one mode, and how much of their scatter what is known of the calls explains.

What is known: cold or warm, version, memory size, how the call ended, the hour of the day (UTC), and the size of the input
where it is logged. Explained is the part of the variance of ranks that lies between the groups, which no unit and no outlier
moves: 0 where the groups are alike, 3/4 where two of one size do not overlap. Its limits come from leaving out one environment
after the other (Quenouille 1956, Tukey 1958), which takes off, too, what groups differ by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from analyzer.lake import Engine, text_literal
from analyzer.measure.bins import HOUR
from analyzer.measure.dip import chance_of_dip, dip
from analyzer.measure.family import CLUSTER, Example, Family, Settings, estimate, fact, spread
from analyzer.measure.metrics.cold_starts import COLD
from analyzer.measure.metrics.inputs import logged_size
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import jackknife
from analyzer.model import Measured

# What calls are grouped by: the name in the metric, SQL, and words for print.
SPLITS = {
    "start": (f"CASE WHEN {COLD} THEN 'cold' ELSE 'warm' END", "cold or warm start"),
    "version": ("version", "version"),
    "memory": ("memory_mb::VARCHAR", "memory size"),
    "outcome": ("CASE WHEN outcome IN ('ok', 'unknown') THEN 'ok' ELSE outcome END", "outcome"),
    "hour": (f"(epoch_us(end_time) // {HOUR} % 24)::VARCHAR", "hour of the day"),
    "input": ("quarter::VARCHAR", "quarter of the logged input sizes"),
}
# Fewer calls show no second mode.
LEAST_CALLS = 50
# Bins of the logarithm of duration: modes nearer than a few of them are one.
BIN = 0.02
CHANCE = 0.01
# So many groups of a split are looked at, the largest.
MOST_PARTS = 24


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    calls = scope.narrowed("duration_ms > 0", scope.population)
    size = spread(engine, calls, "duration_ms", 0.5)
    if scope.mixed or size.n < LEAST_CALLS:
        return
    whole = engine.ask(f"""
SELECT floor(ln(duration_ms) / {BIN})::INTEGER AS bin, count(*) AS n
FROM invocations WHERE {calls.where} GROUP BY bin ORDER BY bin""")
    # Calls of one environment are alike: they are worth fewer than they are.
    worth = size.effective / size.n
    p = _chance(whole.rows, worth)
    yield fact("modes.p", p, "ratio", size.n, calls, whole.id)
    source = _source(engine, calls)
    explained = []
    for measured in _explained(engine, calls, source):
        explained.append(measured)
        yield measured
    if p <= CHANCE and explained:
        best = max(explained, key=lambda one: one.value or 0.0)
        yield _left(engine, calls, source, best.metric.rpartition(".")[2], worth, size.n)


def _chance(rows: list[dict[str, Any]], worth: float) -> float:
    """p of the dip of a histogram; `rows` have a bin and its n, empty ones left out."""
    counts = [0] * (rows[-1]["bin"] - rows[0]["bin"] + 1)
    for row in rows:
        counts[row["bin"] - rows[0]["bin"]] = row["n"]
    return float(f"{chance_of_dip(dip(counts), worth * sum(counts)):.6g}")


def _source(engine: Engine, calls: Scope) -> str:
    """A SELECT of every call's cluster, the bin and the rank of its duration, and its group by each split."""
    field = logged_size(engine, calls)
    sizes = f"""
    SELECT request_id, ntile(4) OVER (ORDER BY size, request_id) AS quarter
    FROM (SELECT request_id, max(fields[{text_literal(field)}]) AS size FROM events
          WHERE {calls.where_events} AND kind = 'fields' AND request_id IS NOT NULL GROUP BY request_id)
    WHERE size > 0""" if field else "SELECT NULL::VARCHAR AS request_id, NULL::BIGINT AS quarter"  # fmt: skip
    groups = ", ".join(f"{sql} AS by_{name}" for name, (sql, _) in SPLITS.items())
    return f"""calls AS (
  SELECT {CLUSTER} AS cluster, floor(ln(duration_ms) / {BIN})::INTEGER AS bin, {groups},
         (rank() OVER (ORDER BY duration_ms) + (count(*) OVER (PARTITION BY duration_ms) - 1) / 2) / count(*) OVER () - 0.5 AS r
  FROM invocations LEFT JOIN ({sizes}) USING (request_id) WHERE {calls.where}
)"""


def _explained(engine: Engine, calls: Scope, source: str) -> Iterator[Measured]:
    names, columns = ", ".join(f"'{name}'" for name in SPLITS), ", ".join(f"by_{name}" for name in SPLITS)
    answer = engine.ask(f"""
WITH {source}, long AS (
  SELECT cluster, r, unnest([{names}]) AS split, unnest([{columns}]) AS part FROM calls
), cells AS (
  SELECT split, part, cluster, count(*) AS n, sum(r) AS r, sum(r * r) AS q FROM long WHERE part IS NOT NULL GROUP BY ALL
), parts AS (
  SELECT split, part, sum(n) AS n, sum(r) AS r FROM cells GROUP BY ALL
), whole AS (
  SELECT split, sum(n) AS n, sum(r) AS r, sum(r * r / n) AS between, count(*) AS parts FROM parts GROUP BY split
), squares AS (
  SELECT split, sum(q) AS q FROM cells GROUP BY split
), without AS (
  SELECT split, sum(cells.n) AS n, sum(cells.r) AS r, sum(q) AS q,
         sum(CASE WHEN parts.n > cells.n THEN (parts.r - cells.r) ** 2 / (parts.n - cells.n) ELSE 0 END - parts.r ** 2 / parts.n)
           AS change
  FROM cells JOIN parts USING (split, part) GROUP BY split, cluster
), left_out AS (
  SELECT split, (between + change - (whole.r - without.r) ** 2 / nullif(whole.n - without.n, 0))
           / nullif(squares.q - without.q - (whole.r - without.r) ** 2 / nullif(whole.n - without.n, 0), 0) AS explained
  FROM without JOIN whole USING (split) JOIN squares USING (split)
)
SELECT split, parts, n::BIGINT AS n, (between - r ** 2 / n) / (q - r ** 2 / n) AS explained,
       count(left_out.explained) AS clusters, avg(left_out.explained) AS mean, var_pop(left_out.explained) AS variance
FROM whole JOIN squares USING (split) JOIN left_out USING (split)
WHERE parts > 1 AND q - r ** 2 / n > 1e-9 * n GROUP BY ALL ORDER BY split""")
    for row in answer.rows:
        words = SPLITS[row["split"]][1]
        value, limits = jackknife(row["explained"], row["mean"] or 0.0, row["variance"] or 0.0, row["clusters"])
        limits = replace(
            limits,
            low=None if limits.low is None else min(1.0, max(0.0, limits.low)),
            high=None if limits.high is None else min(1.0, max(0.0, limits.high)),
        )
        found = estimate(
            f"modes.by.{row['split']}", min(1.0, max(0.0, value)), limits, "share", row["n"], calls, answer.id
        )
        yield replace(found, note=f"by {words}, {row['parts']} groups")


def _left(engine: Engine, calls: Scope, source: str, split: str, worth: float, n: int) -> Measured:
    """p of one mode within every group of the split: the smallest of theirs, times their number."""
    answer = engine.ask(f"""
WITH {source}, largest AS (
  SELECT by_{split} AS part FROM calls WHERE by_{split} IS NOT NULL
  GROUP BY part HAVING count(*) >= {LEAST_CALLS} ORDER BY count(*) DESC, part LIMIT {MOST_PARTS}
)
SELECT part, bin, count(*) AS n FROM calls JOIN largest ON part = by_{split} GROUP BY ALL ORDER BY part, bin""")
    parts: dict[str, list[dict[str, Any]]] = {}
    for row in answer.rows:
        parts.setdefault(row["part"], []).append(row)
    p = min(1.0, len(parts) * min((_chance(rows, worth) for rows in parts.values()), default=1.0))
    return fact("modes.left_p", p, "ratio", n, calls, answer.id, f"within groups by {SPLITS[split][1]}")


# Forty hours of a call every six minutes. Half of them on each of two memory sizes: 100 to 102 ms, and 300 to 306, and nothing else
# that is known of them matters.
BEGIN, CALLS = 1_772_323_200_000_000, 400

FAMILY = Family(
    name="modes",
    measure=measure,
    thinned=True,
    example=Example(
        invocations=[
            {
                "request_id": f"r{number}",
                "duration_ms": (100.0 + number % 20 // 2 / 5) * (3 if number % 2 else 1),
                "memory_mb": 512 if number % 2 else 1024,
                "init_ms": 250.0 if number % 40 < 2 else None,
                "version": "8" if number % 80 < 40 else "7",
                "outcome": "error" if number % 80 > 77 else "ok",
                "stream": f"environment-{number % 40}",
                "end_time": BEGIN + number * HOUR // 10,
            }
            for number in range(CALLS)
        ],
        events=[
            {"request_id": f"r{number}", "kind": "fields", "fields": {"records": float(number // 2 % 7)}}
            for number in range(CALLS)
        ],
        expect={"modes.p": 0.0, "modes.left_p": 1.0},
    ),
)
