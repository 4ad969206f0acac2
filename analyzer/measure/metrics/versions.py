"""Two versions at work at the same time: the newest against the one before it, over the hours in which both ran.

Whatever else changed with time befell both, so that what is left is the version. Absent where they never overlapped.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.lake import Engine, text_literal
from analyzer.measure.bins import HOUR, one_function
from analyzer.measure.family import CLUSTER, Example, Family, Settings, estimate, fact
from analyzer.measure.metrics.errors import CODE_FAILED, KNOWN, KNOWN_POPULATION
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import Interval, clustered_share
from analyzer.measure.two_groups import difference_of_shares, permutation_p, ratio_of, shift
from analyzer.model import Measured

# An hour counts where each version made so many calls in it.
LEAST_IN_HOUR = 5
# Environments of each version that are compared, and how few are too few.
MOST_ENVIRONMENTS, LEAST_ENVIRONMENTS = 300, 3


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    pair = _newest_two(engine, scope)
    if pair is None:
        return
    before, newest = pair
    either = f"version IN ({text_literal(before)}, {text_literal(newest)})"
    label = f"version {newest} against {before}, hours in which both ran"
    yield from _durations(engine, scope.narrowed(f"{either} AND {WARM_AND_WELL}", f"warm calls, {label}"), newest)
    yield from _errors(engine, scope.narrowed(f"{either} AND {KNOWN}", f"{KNOWN_POPULATION}, {label}"), newest)


def _newest_two(engine: Engine, scope: Scope) -> tuple[str, str] | None:
    """The version that was first seen last, and the one first seen before it, where they overlap."""
    if not one_function(scope):
        return None
    rows = engine.numbers(f"""
SELECT version, epoch_us(min(end_time)) AS first, epoch_us(max(end_time)) AS last
FROM invocations WHERE {scope.where} AND version IS NOT NULL AND end_time IS NOT NULL
GROUP BY version ORDER BY first DESC, version DESC LIMIT 2""")
    if len(rows) < 2 or rows[1]["last"] < rows[0]["first"]:
        return None
    return rows[1]["version"], rows[0]["version"]


def _hours(scope: Scope, newest: str, value: str) -> str:
    """SQL for the calls of both versions in their common hours, with the level of each such hour.

    The level is the middle between the medians of both, so that an hour in which one of them made most of the calls does
    not pass its own level for everyone's.
    """
    return f"""
WITH calls AS (
  SELECT {CLUSTER} AS cluster, version = {text_literal(newest)} AS new, epoch_us(end_time) // {HOUR} AS hour, {value} AS y
  FROM invocations WHERE {scope.where} AND end_time IS NOT NULL
), levels AS (
  SELECT hour, new, quantile_cont(y, 0.5) AS y FROM calls GROUP BY hour, new HAVING count(*) >= {LEAST_IN_HOUR}
), hours AS (
  SELECT hour, avg(y) AS level FROM levels GROUP BY hour HAVING count(*) = 2
)"""


def _durations(engine: Engine, scope: Scope, newest: str) -> Iterator[Measured]:
    """One value an environment, its median against the level of the hour: environments are what was dealt to versions."""
    answer = engine.ask(f"""{_hours(scope, newest, "ln(duration_ms)")}, environments AS (
  SELECT new, cluster, quantile_cont(y - level, 0.5) AS y, count(*) AS n
  FROM calls JOIN hours USING (hour) GROUP BY new, cluster
)
SELECT new, y, n, count(*) OVER (PARTITION BY new) AS environments, sum(n) OVER ()::BIGINT AS calls
FROM environments
QUALIFY row_number() OVER (PARTITION BY new ORDER BY md5(cluster), cluster) <= {MOST_ENVIRONMENTS}
ORDER BY new, y, n""")
    before, after = ([row["y"] for row in answer.rows if row["new"] == new] for new in (False, True))
    if min(len(before), len(after)) < LEAST_ENVIRONMENTS:
        return
    value, limits = ratio_of(*shift(before, after))
    limits = replace(limits, method=f"Hodges-Lehmann over {len(before)} and {len(after)} log streams")
    n = answer.rows[0]["calls"]
    yield estimate("version.ratio", value, limits, "ratio", n, scope, answer.id)
    yield fact("version.p", permutation_p(before, after), "ratio", n, scope, answer.id)


def _errors(engine: Engine, scope: Scope, newest: str) -> Iterator[Measured]:
    answer = engine.ask(f"""{_hours(scope, newest, f"({CODE_FAILED})::INTEGER")}, environments AS (
  SELECT new, cluster, sum(y) AS k, count(*) AS n FROM calls JOIN hours USING (hour) GROUP BY new, cluster
)
SELECT new, sum(k)::BIGINT AS k, sum(n)::BIGINT AS n, count(*) AS clusters,
       sum(k * k)::DOUBLE AS kk, sum(k * n)::DOUBLE AS kn, sum(n * n)::DOUBLE AS nn
FROM environments GROUP BY new ORDER BY new""")
    if len(answer.rows) < 2:
        return
    shares = []
    for row in answer.rows:
        share = row["k"] / row["n"]
        squares = max(0.0, row["kk"] - 2 * share * row["kn"] + share * share * row["nn"])
        shares.append((share, clustered_share(row["k"], row["n"], row["clusters"], squares)))
    (before, limits_before), (after, limits_after) = shares
    limits: Interval = difference_of_shares(before, limits_before, after, limits_after)
    n = sum(row["n"] for row in answer.rows)
    yield estimate("version.error_difference", after - before, limits, "share", n, scope, answer.id)


# 2026-03-01. For an hour version 8 runs beside version 7, takes half as long again and fails once in ten.
BEGIN, SECOND = 1_772_323_200_000_000, 1_000_000

FAMILY = Family(
    name="versions",
    measure=measure,
    example=Example(
        invocations=[
            {
                "duration_ms": 150.0 if number % 2 else 100.0,
                "end_time": BEGIN + number * SECOND,
                "version": "8" if number % 2 else "7",
                "stream": f"environment-{number % 20}",
                "outcome": "error" if number % 20 == 19 else "ok",
            }
            for number in range(400)
        ],
        expect={"version.ratio": 1.5, "version.error_difference": 0.1, "version.p": 0.001},
    ),
)
