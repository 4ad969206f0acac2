"""How duration grows with what applications log about their input, such as records=120 beside a request id."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.lake import Engine, text_literal
from analyzer.measure.family import CLUSTER, Example, Family, Settings, estimate
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import clustered_slope
from analyzer.model import Measured

# Names under which people log how much there was to do.
SIZES = "(?i)(records?|rows?|items?|count|size|bytes|length|messages|batch|pages|files|lines|payload)$"
# Fewer points, or a size that hardly varies, say nothing about an exponent.
LEAST_CALLS, LEAST_SPREAD = 30, 0.1


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    name = logged_size(engine, scope)
    if name is None:
        return
    for metric, part in (("input.exponent", "true"), ("input.exponent_large", "x >= middle")):
        measured = _slope(engine, scope, metric, name, part)
        if measured is not None:
            yield measured


def logged_size(engine: Engine, scope: Scope) -> str | None:
    """The field that is logged most often of those that look like how much there was to do."""
    fields = engine.numbers(f"""
SELECT name, count(*) AS n
FROM (SELECT unnest(map_keys(fields)) AS name FROM events WHERE {scope.where_events} AND kind = 'fields')
WHERE regexp_matches(name, {text_literal(SIZES)}) GROUP BY name ORDER BY n DESC, name LIMIT 1""")
    return fields[0]["name"] if fields else None


def _slope(engine: Engine, scope: Scope, metric: str, name: str, part: str) -> Measured | None:
    """The slope of log duration on log size over the calls for which `part` holds; `middle` is the median of x.

    Beside work that grows with the input there is what every call does. It flattens the slope, and least so for large inputs: of
    work in proportion the slope stays below 1 everywhere, of work that grows faster it is above 1 at least there.
    """
    answer = engine.ask(f"""
WITH sizes AS (
  SELECT request_id, max(fields[{text_literal(name)}]) AS size
  FROM events WHERE {scope.where_events} AND kind = 'fields' AND request_id IS NOT NULL GROUP BY request_id
), measured AS (
  SELECT {CLUSTER} AS cluster, ln(size) AS x, ln(duration_ms) AS y
  FROM invocations JOIN sizes USING (request_id)
  WHERE {scope.where} AND size > 0 AND duration_ms > 0 AND outcome IN ('ok', 'unknown') AND init_ms IS NULL
), calls AS (
  SELECT * FROM measured, (SELECT quantile_disc(x, 0.5) AS middle FROM measured) WHERE {part}
), line AS (
  SELECT count(*) AS n, regr_slope(y, x) AS slope, regr_intercept(y, x) AS level, avg(x) AS mean,
         stddev_samp(x) AS spread, regr_sxx(y, x) AS xx
  FROM calls
), clusters AS (
  SELECT sum((x - mean) * (y - level - slope * x)) AS score FROM calls, line GROUP BY cluster
)
SELECT line.n, slope, spread, xx, (SELECT count(*) FROM clusters) AS clusters, (SELECT sum(score ** 2) FROM clusters) AS scores
FROM line""")
    row = answer.row
    if row["n"] < LEAST_CALLS or row["slope"] is None or row["spread"] < LEAST_SPREAD:
        return None
    interval = clustered_slope(row["slope"], row["clusters"], row["scores"], row["xx"])
    interval = replace(interval, method=f"{interval.method}, on logarithms")
    measured = estimate(metric, row["slope"], interval, "ratio", row["n"], scope, answer.id)
    return replace(measured, note=f"against the logged field {name}")


FAMILY = Family(
    name="inputs",
    measure=measure,
    example=Example(
        invocations=[{"request_id": f"r{size}", "duration_ms": 2.0 * size**1.5} for size in range(1, 81)],
        events=[
            {"request_id": f"r{size}", "kind": "fields", "fields": {"records": float(size)}} for size in range(1, 81)
        ],
        expect={"input.exponent": 1.5, "input.exponent_large": 1.5},
    ),
)
