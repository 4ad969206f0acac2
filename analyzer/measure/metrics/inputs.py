"""How duration grows with what applications log about their input, such as records=120 beside a request id."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from analyzer.lake import Engine, steady, text_literal
from analyzer.measure.family import CLUSTER, Example, Family, Settings, estimate
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import clustered_slope
from analyzer.model import Measured

# Names under which people log how much there was to do.
SIZES = "(?i)(records?|rows?|items?|count|size|bytes|length|messages|batch|pages|files|lines|payload)$"
# The exponent of what grows is looked for among these, by the geometric means of so many equal parts of the calls by size.
EXPONENTS, PARTS, LEAST_IN_PART = (0.2, 3.5, 67), 24, 3
SETS, DRAWS, SEED = 64, 199, 20_260_301
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
    growing = _growing(engine, scope, name)
    if growing is not None:
        yield growing


def _sized(scope: Scope, name: str) -> str:
    """Common table expressions that end in `measured`: log duration y by log size x, of warm calls that ended by themselves."""
    return f"""sizes AS (
  SELECT request_id, max(fields[{text_literal(name)}]) AS size
  FROM events WHERE {scope.where_events} AND kind = 'fields' AND request_id IS NOT NULL GROUP BY request_id
), measured AS (
  SELECT {CLUSTER} AS cluster, ln(size) AS x, ln(duration_ms) AS y
  FROM invocations JOIN sizes USING (request_id)
  WHERE {scope.where} AND size > 0 AND duration_ms > 0 AND outcome IN ('ok', 'unknown') AND init_ms IS NULL
)"""


def _growing(engine: Engine, scope: Scope, name: str) -> Measured | None:
    """The power e in a + b * size ** e: what grows, apart from what every call takes whatever its input.

    Calls are put into equal parts by size, and the curve is laid through the geometric mean of each, which a few calls that hang
    move little. The limits come from drawing sets of log streams again.
    """
    answer = engine.ask(f"""
WITH {_sized(scope, name)}, parted AS (
  SELECT ntile({PARTS}) OVER (ORDER BY x, y) AS part, (md5_number_lower(cluster) % {SETS})::BIGINT AS set, x, y FROM measured
)
SELECT set, part, count(*) AS n, sum(x) AS x, sum(y) AS y FROM parted GROUP BY set, part ORDER BY set, part""")
    n = sum(row["n"] for row in answer.rows)
    sets = sorted({row["set"] for row in answer.rows})
    if n < LEAST_IN_PART * PARTS or len(sets) < 2:
        return None
    table = np.zeros((3, len(sets), PARTS))
    for row in answer.rows:
        table[:, sets.index(row["set"]), row["part"] - 1] = row["n"], row["x"], row["y"]
    draws = np.random.default_rng(SEED).multinomial(len(sets), np.full(len(sets), 1 / len(sets)), DRAWS)
    exponents = _exponents(
        np.concatenate([table.sum(axis=1)[:, np.newaxis], np.einsum("ds,csp->cdp", draws, table)], axis=1)
    )
    if exponents is None:
        return None
    low, high = (float(limit) for limit in np.percentile(exponents[1:], (2.5, 97.5)))
    least, most, _ = EXPONENTS
    return Measured(
        metric="input.exponent_growing",
        value=steady(float(exponents[0])),
        # What lies at the end of those that were tried may lie beyond it.
        low=None if low <= least else steady(low),
        high=None if high >= most else steady(high),
        unit="ratio",
        n=n,
        population=scope.population,
        evidence=answer.id,
        interval=f"bootstrap over {len(sets)} sets of log streams",
        note=f"against the logged field {name}",
    )


def _exponents(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """The best power for each row of sums of n, x and y by part; None where sizes hardly vary.

    Durations scatter in proportion to themselves, so each part weighs with its calls over its duration squared.
    """
    n, x, y = sums
    n = np.maximum(n, 1e-9)
    x, y = x / n, np.exp(y / n)
    if float(np.std(x[0])) < LEAST_SPREAD:
        return None
    weights = n / y**2
    weights /= weights.sum(axis=1, keepdims=True)
    middle = (weights * y).sum(axis=1, keepdims=True)
    powers = np.linspace(*EXPONENTS)
    left = []
    for power in powers:
        grown = np.exp(power * (x - x.mean(axis=1, keepdims=True)))
        grown -= (weights * grown).sum(axis=1, keepdims=True)
        slope = (weights * grown * (y - middle)).sum(axis=1) / (weights * grown**2).sum(axis=1)
        left.append((weights * (y - middle - np.maximum(slope, 0)[:, np.newaxis] * grown) ** 2).sum(axis=1))
    return np.asarray(powers[np.argmin(left, axis=0)])


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
WITH {_sized(scope, name)}, calls AS (
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
    thinned=True,
    example=Example(
        invocations=[{"request_id": f"r{size}", "duration_ms": 2.0 * size**1.5} for size in range(1, 81)],
        events=[
            {"request_id": f"r{size}", "kind": "fields", "fields": {"records": float(size)}} for size in range(1, 81)
        ],
        expect={"input.exponent": 1.5, "input.exponent_large": 1.5},
    ),
)
