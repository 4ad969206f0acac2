"""Two versions at work at the same time: the newest against the one before it, over the hours in which both ran.

Whatever else changed with time befell both, so that what is left is the version. Absent where they never overlapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from analyzer.lake import Engine, text_literal
from analyzer.measure.bins import HOUR, one_function
from analyzer.measure.family import CLUSTER, Example, Family, Settings, estimate, fact
from analyzer.measure.metrics.complaints import OWN_FAILURE
from analyzer.measure.metrics.errors import CODE_FAILED, KNOWN, KNOWN_POPULATION
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import Interval, clustered_share, wilson
from analyzer.measure.two_groups import difference_of_shares, permutation_p, ratio_of, shift
from analyzer.model import Measured

# An hour counts where each version made so many calls in it.
LEAST_IN_HOUR = 5
# Environments of each version that are compared, and how few are too few.
MOST_ENVIRONMENTS, LEAST_ENVIRONMENTS = 300, 3
# An error that fewer requests met came by chance as likely as not; more versions than this are deployed all the time.
LEAST_FAILURES, MOST_VERSIONS = 3, 40


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    yield from _failing(engine, scope)
    pair = _newest_two(engine, scope)
    if pair is None:
        return
    before, newest, (begin, end) = pair
    # Of the hour in which one followed the other only the minutes that both saw: what else changed in it befell them unequally.
    either = (
        f"version IN ({text_literal(before)}, {text_literal(newest)}) "
        f"AND end_time BETWEEN make_timestamp({begin})::TIMESTAMPTZ AND make_timestamp({end})::TIMESTAMPTZ"
    )
    label = f"version {newest} against {before}, hours in which both ran"
    yield from _durations(engine, scope.narrowed(f"{either} AND {WARM_AND_WELL}", f"warm calls, {label}"), newest)
    yield from _errors(engine, scope.narrowed(f"{either} AND {KNOWN}", f"{KNOWN_POPULATION}, {label}"), newest)


def _newest_two(engine: Engine, scope: Scope) -> tuple[str, str, tuple[int, int]] | None:
    """The version first seen before the newest, the newest, and from when to when both were seen; None where they never overlap."""
    if not one_function(scope):
        return None
    rows = engine.numbers(f"""
SELECT version, epoch_us(min(end_time)) AS first, epoch_us(max(end_time)) AS last
FROM invocations WHERE {scope.where} AND version IS NOT NULL AND end_time IS NOT NULL
GROUP BY version ORDER BY first DESC, version DESC LIMIT 2""")
    if len(rows) < 2 or rows[1]["last"] < rows[0]["first"]:
        return None
    return rows[1]["version"], rows[0]["version"], (rows[0]["first"], rows[1]["last"])


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


def _failing(engine: Engine, scope: Scope) -> Iterator[Measured]:
    """Whether an error came with one version and went with another, or is still there: also of versions that never overlapped.

    Of every error, and of every row of versions that follow each other, the one is taken that chance would least make: that
    so many of the requests that failed with it fell to these versions, which served only part of all. An error that began
    long after its version did is not that version's; how long it waited is held against how often it came afterwards.
    """
    if not one_function(scope):
        return
    answer = engine.ask(f"""
WITH calls AS (
  SELECT version, request_id, min(end_time) AS time, min(fingerprint) FILTER ({OWN_FAILURE}) AS fingerprint
  FROM invocations WHERE {scope.where} AND {KNOWN} AND version IS NOT NULL AND end_time IS NOT NULL GROUP BY ALL
), versions AS (
  SELECT version, row_number() OVER (ORDER BY min(time), version) AS place FROM calls GROUP BY version
), ordered AS (
  SELECT place, fingerprint, row_number() OVER (ORDER BY time, place, request_id) AS i FROM calls JOIN versions USING (version)
)
SELECT place, fingerprint, count(*) AS n, min(i) AS first, max(i) AS last FROM ordered
GROUP BY ALL ORDER BY fingerprint, place""")
    served: dict[int, list[dict[str, Any]]] = {}
    for row in answer.rows:
        served.setdefault(row["place"], []).append(row)
    if not 2 <= len(served) <= MOST_VERSIONS:
        return
    found = _least_likely(served)
    if found is None:
        return
    p, inside, outside, delay_p = found
    n = sum(row["n"] for row in answer.rows)
    population = scope.narrowed("true", KNOWN_POPULATION)
    limits = difference_of_shares(outside[0] / outside[1], wilson(*outside), inside[0] / inside[1], wilson(*inside))
    value = inside[0] / inside[1] - outside[0] / outside[1]
    yield fact("version.failing.p", p, "ratio", n, population, answer.id)
    yield fact("version.failing.delay_p", delay_p, "ratio", n, population, answer.id)
    yield estimate("version.failing.difference", value, limits, "share", n, population, answer.id)


def _least_likely(
    served: dict[int, list[dict[str, Any]]],
) -> tuple[float, tuple[int, int], tuple[int, int], float] | None:
    """p, failures and requests inside the row of versions and outside of it, and p of the pauses at its ends."""
    from scipy.special import bdtrc

    places = sorted(served)
    totals = {place: sum(row["n"] for row in rows) for place, rows in served.items()}
    begins = {place: min(row["first"] for row in rows) for place, rows in served.items()}
    ends = {place: max(row["last"] for row in rows) for place, rows in served.items()}
    everything = sum(totals.values())
    errors: dict[str, dict[int, dict[str, Any]]] = {}
    for place, rows in served.items():
        for row in rows:
            if row["fingerprint"] is not None:
                errors.setdefault(row["fingerprint"], {})[place] = row
    # A row of versions begins with a deploy: what was there from the first one on came with none of them.
    rows_of_versions = [
        places[first:last] for first in range(1, len(places)) for last in range(first + 1, len(places) + 1)
    ]
    candidates = []
    for by_place in errors.values():
        k = sum(row["n"] for row in by_place.values())
        for together in rows_of_versions:
            met = [by_place[place] for place in together if place in by_place]
            inside, n = sum(row["n"] for row in met), sum(totals[place] for place in together)
            if inside < LEAST_FAILURES:
                continue
            p = float(bdtrc(inside - 1, k, n / everything)) * len(rows_of_versions) * len(errors)
            begin, end = begins[together[0]], ends[together[-1]]
            waited = (min(row["first"] for row in met) - begin) / (end - begin + 1)
            left = (end - max(row["last"] for row in met)) / (end - begin + 1)
            delay_p = min(1.0, 2 * (1 - max(waited, left)) ** inside)
            candidates.append((min(1.0, p), (inside, n), (k - inside, everything - n), delay_p))
    return min(candidates, key=lambda one: (one[0], -one[1][0])) if candidates else None


# 2026-03-01. For an hour version 8 runs beside version 7, takes half as long again and fails once in ten.
BEGIN, SECOND = 1_772_323_200_000_000, 1_000_000

FAMILY = Family(
    name="versions",
    measure=measure,
    thinned=True,
    example=Example(
        invocations=[
            {
                "duration_ms": 150.0 if number % 2 else 100.0,
                "end_time": BEGIN + number * SECOND,
                "version": "8" if number % 2 else "7",
                "stream": f"environment-{number % 20}",
                "outcome": "error" if number % 20 == 19 else "ok",
                "fingerprint": "f" if number % 20 == 19 else None,
            }
            for number in range(400)
        ],
        expect={
            "version.ratio": 1.5,
            # The last call, which failed, came when version 7 was gone.
            "version.error_difference": 19 / 199,
            "version.p": 0.001,
            # All of twenty errors in one of the two halves.
            "version.failing.p": 2.0**-20,
            "version.failing.difference": 0.1,
            "version.failing.delay_p": 2 * (1 - 18 / 399) ** 20,
        },
    ),
)
