"""The same request again: how often, after which pause, and what the attempts that failed have cost.

Lambda repeats an asynchronous request under its own id, a minute after the first failure and two minutes after the second. A
client or a queue that repeats its work comes under a new id and cannot be told from new work here.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, estimate, fact
from analyzer.measure.metrics.errors import FAILED
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import clustered_share
from analyzer.model import Measured

# Seconds between the end of a failed attempt and the beginning of the next: a minute and two, with a quarter to either side.
PAUSES = ((45, 75), (90, 150))


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    drawn = scope.requests.words if scope.requests else None
    near = " OR ".join(f"pause BETWEEN {low} AND {high}" for low, high in PAUSES)
    answer = engine.ask(f"""
WITH requests AS (
  SELECT function, request_id, count(*) AS n, count(*) FILTER ({FAILED}) AS failed,
         count(*) FILTER (outcome <> 'unknown') AS known
  FROM invocations WHERE {scope.where_requests} GROUP BY function, request_id
), attempts AS (
  SELECT {FAILED} AS failed, coalesce(billed_ms * memory_mb, 0) / 1024 / 1000 AS gb_seconds,
         (epoch_us(lead(start_time) OVER later) - epoch_us(end_time)) / 1e6 AS pause
  FROM invocations SEMI JOIN (FROM requests WHERE n > 1 AND failed > 0) AS again
    ON invocations.request_id = again.request_id AND invocations.function IS NOT DISTINCT FROM again.function
  WHERE {scope.where_requests}
  WINDOW later AS (PARTITION BY function, request_id ORDER BY end_time, attempt, source, position)
)
SELECT count(*) AS requests, sum(n)::BIGINT AS n, sum(n * n)::DOUBLE AS nn, sum(n - 1)::BIGINT AS k,
       sum((n - 1) * (n - 1))::DOUBLE AS kk, sum((n - 1) * n)::DOUBLE AS kn,
       count(*) FILTER (n > 1) AS repeated, count(*) FILTER (n > 1 AND failed = n) AS poison,
       sum(failed)::BIGINT AS failed, coalesce(sum(failed) FILTER (failed > 1), 0)::BIGINT AS failed_again,
       (SELECT coalesce(sum(gb_seconds), 0) FROM attempts WHERE failed) AS wasted,
       (SELECT count(*) FROM attempts WHERE failed AND pause >= 0) AS pauses,
       (SELECT count(*) FROM attempts WHERE failed AND ({near})) AS near
FROM requests""")
    row = answer.row
    if not row["requests"]:
        return
    k, n = row["k"], row["n"]
    rate = k / n
    limits = clustered_share(
        k, n, row["requests"], max(0.0, row["kk"] - 2 * rate * row["kn"] + rate * rate * row["nn"])
    )
    limits = replace(limits, method=limits.method.replace("clusters", "requests"))
    yield replace(estimate("retry.share", rate, limits, "share", n, scope, answer.id), k=k, note=drawn)
    if row["failed"]:
        failures = scope.narrowed("true", "failed invocations")
        again = fact(
            "retry.failed_again_share",
            row["failed_again"] / row["failed"],
            "share",
            row["failed"],
            failures,
            answer.id,
            drawn,
        )
        yield replace(again, k=row["failed_again"])
    if not k:
        return
    repeated = scope.narrowed("true", "requests that came more than once")
    yield fact("retry.poison.count", row["poison"], "count", row["repeated"], repeated, answer.id, drawn)
    share = fact(
        "retry.poison.share", row["poison"] / row["repeated"], "share", row["repeated"], repeated, answer.id, drawn
    )
    yield replace(share, k=row["poison"])
    yield fact("retry.wasted_gb_seconds", row["wasted"], "GB-s", n, repeated, answer.id, drawn)
    if row["pauses"]:
        pauses = scope.narrowed("true", "attempts that failed and were followed by another")
        shape = fact("retry.async_shape", row["near"] / row["pauses"], "share", row["pauses"], pauses, answer.id, drawn)
        yield replace(shape, k=row["near"])


FAMILY = Family(
    name="retries",
    measure=measure,
    example=Example(
        invocations=[
            {"request_id": "bad", "start_time": begin * 1_000_000, "end_time": (begin + 1) * 1_000_000, "outcome": "error",
             "billed_ms": 1000.0, "memory_mb": 1024}
            for begin in (0, 61, 182)
        ]
        + [{"request_id": f"good {number}"} for number in range(7)],
        expect={
            "retry.share": 0.2,
            "retry.failed_again_share": 1,
            "retry.poison.count": 1,
            "retry.poison.share": 1,
            "retry.wasted_gb_seconds": 3,
            "retry.async_shape": 1,
        },
    ),
)  # fmt: skip
