"""How long invocations take: REPORT's Duration, which contains neither initialisation nor the wait before it."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, fact, mean, quantile, quantiles_at_once, spreads
from analyzer.measure.scope import Scope
from analyzer.model import Measured

QUANTILES = {"p25": 0.25, "p50": 0.50, "p75": 0.75, "p90": 0.90, "p95": 0.95, "p99": 0.99}
# Nearest rank gives the maximum for p99 below a hundred values: a name that promises more than the number holds.
LEAST_FOR = {"p90": 10, "p95": 20, "p99": 100}


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    sizes = spreads(engine, scope, "duration_ms", QUANTILES)
    size = sizes["p50"]
    if size.n == 0:
        return
    at_once, quantiles = quantiles_at_once("duration_ms", {name: (p, sizes[name]) for name, p in QUANTILES.items()})
    answer = engine.ask(f"""
WITH calls AS (
  SELECT count(*) AS n, min(duration_ms) AS minimum, max(duration_ms) AS maximum, stddev_samp(duration_ms) AS stddev,
         var_samp(duration_ms) AS variance, stddev_samp(duration_ms) / nullif(avg(duration_ms), 0) AS cv,
         {at_once} AS at_once
  FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL
)
SELECT n, minimum, maximum, stddev, variance, cv,
       {quantiles}
FROM calls""")
    row = answer.row
    yield mean(engine, scope, "duration.mean", "duration_ms", "ms")
    for name in ("p50", "p90", "p95", "p99"):
        if size.n >= LEAST_FOR.get(name, 1):
            yield quantile(row, name, f"duration.{name}", "ms", sizes[name], scope, answer.id)
        else:
            yield Measured(
                metric=f"duration.{name}",
                value=None,
                unit="ms",
                n=size.n,
                population=scope.population,
                evidence=answer.id,
                note=f"needs {LEAST_FOR[name]} invocations, there are {size.n}",
            )
    yield fact("duration.min", row["minimum"], "ms", size.n, scope, answer.id)
    yield fact("duration.max", row["maximum"], "ms", size.n, scope, answer.id)
    yield fact("duration.iqr", row["p75"] - row["p25"], "ms", size.n, scope, answer.id)
    if size.n >= 2:
        yield fact("duration.stddev", row["stddev"], "ms", size.n, scope, answer.id)
        yield fact("duration.variance", row["variance"], "ms2", size.n, scope, answer.id)
    if row["cv"] is not None:
        yield fact("duration.cv", row["cv"], "ratio", size.n, scope, answer.id)
    if row["minimum"]:
        relative = (row["maximum"] - row["minimum"]) / row["minimum"]
        yield fact("duration.relative_range", relative, "share", size.n, scope, answer.id)


FAMILY = Family(
    name="duration",
    measure=measure,
    thinned_together=True,
    example=Example(
        invocations=[{"duration_ms": value} for value in (100.0, 200.0, 300.0, 400.0, 500.0)],
        expect={
            "duration.mean": 300.0,
            "duration.p50": 300.0,
            "duration.p90": None,
            "duration.min": 100.0,
            "duration.max": 500.0,
            "duration.iqr": 200.0,
            "duration.variance": 25_000.0,
            "duration.relative_range": 4.0,
        },
    ),
)
