"""The same few numbers for every version and every hour or day of a function, in one pass each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from analyzer.lake import Engine, text_literal
from analyzer.measure.bins import DAY, HOUR
from analyzer.measure.family import CLUSTER, Threshold
from analyzer.measure.metrics.breaches import slower_than
from analyzer.measure.metrics.cold_starts import COLD
from analyzer.measure.metrics.errors import FAILED, KNOWN, KNOWN_POPULATION
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import clustered_share, nearest_rank, quantile_ranks
from analyzer.model import Measured

# What invocations are grouped by, in SQL, and how a moment so many of them after 1970 is written.
SLICES = {"version": "version", "hour": f"epoch_us(end_time) // {HOUR}", "day": f"epoch_us(end_time) // {DAY}"}
PERIODS = {"hour": (HOUR, "%Y-%m-%dT%H:00Z"), "day": (DAY, "%Y-%m-%d")}
# More than so many nobody reads one by one.
MOST_HOURS = 48
SHARES = {
    "breach.rate": ("duration_ms IS NOT NULL", "invocations"),
    "failure.rate": (KNOWN, KNOWN_POPULATION),
    "cold_start.rate": ("duration_ms IS NOT NULL", "invocations"),
}


def period(engine: Engine, scope: Scope) -> str:
    """Hours for two days at most, else days."""
    (seen,) = engine.numbers(f"""
SELECT max(epoch_us(end_time)) - min(epoch_us(end_time)) AS long FROM invocations WHERE {scope.where}""")
    return "hour" if (seen["long"] or 0) <= MOST_HOURS * HOUR else "day"


def slices(engine: Engine, scope: Scope, by: str, headline: Threshold) -> Iterator[Measured]:
    """Median, breaches, failures and cold starts of each group, the groups in their order."""
    expression = SLICES[by]
    conditions = {"breach.rate": slower_than(headline), "failure.rate": FAILED, "cold_start.rate": COLD}
    columns = ",\n         ".join(
        f"count(*) FILTER ({of}) AS n{number}, count(*) FILTER ({of} AND {conditions[metric]}) AS k{number}"
        for number, (metric, (of, _)) in enumerate(SHARES.items())
    )
    sums = ",\n       ".join(
        f"sum(n{i})::BIGINT AS n{i}, sum(k{i})::BIGINT AS k{i}, count(*) FILTER (n{i} > 0) AS clusters{i}, "
        f"sum(k{i} * k{i})::DOUBLE AS kk{i}, sum(k{i} * n{i})::DOUBLE AS kn{i}, sum(n{i} * n{i})::DOUBLE AS nn{i}"
        for i in range(len(SHARES))
    )
    answer = engine.ask(f"""
WITH clusters AS (
  SELECT {expression} AS slice,
         {columns}
  FROM invocations WHERE {scope.where} AND {expression} IS NOT NULL GROUP BY slice, {CLUSTER}
)
SELECT slice, {sums}
FROM clusters GROUP BY slice ORDER BY slice""")
    medians = {row["slice"]: row for row in _medians(engine, scope, expression, [row["slice"] for row in answer.rows if row["n0"]],
                                                     [row["n0"] for row in answer.rows if row["n0"]])}  # fmt: skip
    for row in answer.rows:
        label = f"{by} {_name(by, row['slice'])}"
        if row["slice"] in medians:
            yield _median(medians[row["slice"]], row["n0"], label)
        for number, (metric, (_, kind)) in enumerate(SHARES.items()):
            if row[f"n{number}"]:
                threshold = headline.text if metric == "breach.rate" else None
                yield _share(metric, row, number, f"{kind}, {label}", answer.id, threshold)


def _name(by: str, group: str | int) -> str:
    """A version, or an hour or a day since 1970 as people write it."""
    if isinstance(group, str):
        return group
    length, written = PERIODS[by]
    return datetime.fromtimestamp(group * length / 1e6, UTC).strftime(written)


def _share(metric: str, row: dict[str, Any], i: int, population: str, evidence: str, threshold: str | None) -> Measured:
    n, k = row[f"n{i}"], row[f"k{i}"]
    rate = k / n
    residuals = row[f"kk{i}"] - 2 * rate * row[f"kn{i}"] + rate * rate * row[f"nn{i}"]
    interval = clustered_share(k, n, row[f"clusters{i}"], max(0.0, residuals))
    return Measured(
        metric=metric,
        value=rate,
        low=interval.low,
        high=interval.high,
        unit="share",
        n=n,
        k=k,
        population=population,
        evidence=evidence,
        threshold=threshold,
        interval=interval.method.replace("clusters", "log streams"),
    )


def _medians(
    engine: Engine, scope: Scope, expression: str, names: list[str | int], sizes: list[int]
) -> list[dict[str, Any]]:
    """For each group the values at the ranks of its median and of the median's limits."""
    if not names:
        return []
    ranks = [(nearest_rank(n, 0.5), *quantile_ranks(n, 0.5)) for n in sizes]
    wanted = ", ".join(
        f"({text_literal(name) if isinstance(name, str) else name}, {rank}, {low or 'NULL'}, {high or 'NULL'})"
        for name, (rank, low, high) in zip(names, ranks, strict=True)
    )
    answer = engine.ask(f"""
WITH ranks(slice, middle, low, high) AS (VALUES {wanted}),
sorted AS (
  SELECT {expression} AS slice, list_sort(list(duration_ms)) AS durations
  FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL AND {expression} IS NOT NULL GROUP BY slice
)
SELECT slice, durations[middle::BIGINT] AS p50, durations[low::BIGINT] AS low, durations[high::BIGINT] AS high
FROM sorted JOIN ranks USING (slice) ORDER BY slice""")
    return [row | {"evidence": answer.id} for row in answer.rows]


def _median(row: dict[str, Any], n: int, label: str) -> Measured:
    lacking = row["low"] is None
    return Measured(
        metric="duration.p50",
        value=row["p50"],
        low=row["low"],
        high=row["high"],
        unit="ms",
        n=n,
        population=f"invocations, {label}",
        evidence=row["evidence"],
        interval="order statistics",
        note=f"no limits at n = {n}" if lacking else None,
    )
