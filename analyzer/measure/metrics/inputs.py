"""How duration grows with what applications log about their input, such as records=120 beside a request id."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.lake import Engine, text_literal
from analyzer.measure.family import Example, Family, Settings, estimate
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import difference_of_means
from analyzer.model import Measured

# Names under which people log how much there was to do.
SIZES = "(?i)(records?|rows?|items?|count|size|bytes|length|messages|batch|pages|files|lines|payload)$"
# Fewer points, or a size that hardly varies, say nothing about an exponent.
LEAST_CALLS, LEAST_SPREAD = 30, 0.1


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    fields = engine.rows(f"""
SELECT name, count(*) AS n
FROM (SELECT unnest(map_keys(fields)) AS name FROM events WHERE {scope.where_events} AND kind = 'fields')
WHERE regexp_matches(name, {text_literal(SIZES)}) GROUP BY name ORDER BY n DESC, name LIMIT 1""")
    if not fields:
        return
    name = fields[0]["name"]
    answer = engine.ask(f"""
WITH sizes AS (
  SELECT request_id, max(fields[{text_literal(name)}]) AS size
  FROM events WHERE {scope.where_events} AND kind = 'fields' AND request_id IS NOT NULL GROUP BY request_id
), calls AS (
  SELECT ln(size) AS x, ln(duration_ms) AS y
  FROM invocations JOIN sizes USING (request_id)
  WHERE {scope.where} AND size > 0 AND duration_ms > 0 AND outcome IN ('ok', 'unknown') AND init_ms IS NULL
)
SELECT count(*) AS n, regr_slope(y, x) AS slope, regr_r2(y, x) AS r2,
       stddev_samp(x) AS spread, stddev_samp(y) AS spread_y
FROM calls""")
    row = answer.row
    if row["n"] < LEAST_CALLS or row["slope"] is None or row["spread"] < LEAST_SPREAD:
        return
    error = row["spread_y"] / row["spread"] * ((1 - min(1.0, row["r2"])) / (row["n"] - 2)) ** 0.5
    interval = difference_of_means(row["slope"], error, row["n"] - 2, 0.0, 0.0, 1)
    interval = replace(interval, method="least squares on logarithms")
    measured = estimate("input.exponent", row["slope"], interval, "ratio", row["n"], scope, answer.id)
    yield replace(measured, note=f"against the logged field {name}")


FAMILY = Family(
    name="inputs",
    measure=measure,
    example=Example(
        invocations=[{"request_id": f"r{size}", "duration_ms": 2.0 * size**1.5} for size in range(1, 41)],
        events=[
            {"request_id": f"r{size}", "kind": "fields", "fields": {"records": float(size)}} for size in range(1, 41)
        ],
        expect={"input.exponent": 1.5},
    ),
)
