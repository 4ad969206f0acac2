"""A stretch of time in which warm calls took longer or shorter, and after which they were as before."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.bins import SECOND, Bins, durations, log_duration
from analyzer.measure.change_points import Episode, episode
from analyzer.measure.family import CLUSTER, Example, Family, Settings, estimate, fact
from analyzer.measure.metrics.changes import LEAST_RATIO
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.measure.series import effective_fraction
from analyzer.measure.statistics import Interval, wilson
from analyzer.measure.two_groups import ratio_of, shift
from analyzer.model import Measured

# The median of so many calls says where an environment stands.
LEAST_IN_ENVIRONMENT = 3


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    warm = scope.narrowed(WARM_AND_WELL, "warm calls that went well")
    bins = durations(engine, warm)
    if bins is None:
        return
    found = episode(bins.values, math.log(LEAST_RATIO))
    yield fact("episode.count", float(found is not None), "count", bins.n, warm, bins.evidence)
    if found is None:
        return
    # A bin that the episode began or ended in shows it at either of its ends, hence one bin more on both sides.
    for metric, place, (low, high) in (
        ("episode.begin", bins.first[found.begin], found.begin_limits),
        ("episode.end", bins.last[found.end - 1], found.end_limits),
    ):
        yield Measured(
            metric=metric,
            value=place // SECOND,
            low=bins.first[max(0, low - 1)] // SECOND,
            high=-(-bins.last[min(len(bins.last) - 1, high)] // SECOND),
            unit="time",
            n=bins.n,
            population=warm.population,
            evidence=bins.evidence,
            interval="block bootstrap",
        )
    inside = bins.values[found.begin : found.end]
    outside = bins.values[: found.begin] + bins.values[found.end :]
    left = [value - median(part) for part in (outside, inside) for value in part]
    value, limits_of_ratio = ratio_of(*shift(outside, inside, effective_fraction(left)))
    yield estimate("episode.ratio", value, limits_of_ratio, "ratio", bins.n, warm, bins.evidence)
    yield fact("episode.p", found.p, "ratio", bins.n, warm, bins.evidence)
    yield from _environments(engine, warm, bins, found)


def _environments(engine: Engine, scope: Scope, bins: Bins, found: Episode) -> Iterator[Measured]:
    """How many of the environments at work in it had left their level, and whether that is only a few.

    An environment has left where its median lies beyond the middle between the level inside and that outside, and beyond
    that of 95 in 100 environments in stretches as long as this one outside: so short a median scatters by itself.
    """
    outside = median(bins.values[: found.begin] + bins.values[found.end :])
    begin, length = bins.first[found.begin], bins.last[found.end - 1] - bins.first[found.begin] + 1
    beyond, pick, rank = (">", "greatest", 0.95) if found.shift > 0 else ("<", "least", 0.05)
    answer = engine.ask(f"""
WITH environments AS (
  SELECT floor((epoch_us(end_time) - {begin}) / {length}) AS stretch, quantile_cont({log_duration(engine, scope)}, 0.5) AS y
  FROM invocations WHERE {scope.where} AND end_time IS NOT NULL
  GROUP BY stretch, {CLUSTER} HAVING count(*) >= {LEAST_IN_ENVIRONMENT}
), usual AS (
  SELECT {pick}(quantile_cont(y, {rank}) FILTER (stretch <> 0), {outside + found.shift / 2:.9g}) AS edge FROM environments
)
SELECT count(*) AS n, count(*) FILTER (y {beyond} edge) AS k FROM environments, usual WHERE stretch = 0""")
    n, k = answer.row["n"], answer.row["k"]
    if n < 2:
        return
    limits = wilson(k, n)
    yield replace(estimate("episode.environments", k / n, limits, "share", n, scope, answer.id), k=k)
    few = Interval(float((limits.high or 0.0) < 0.5), float((limits.low or 0.0) < 0.5), limits.method)
    yield estimate("episode.between_environments", float(k / n < 0.5), few, "count", n, scope, answer.id)


# 2026-03-01. A call every second on ten environments, all of them twice as slow for a while.
BEGIN = 1_772_323_200_000_000

FAMILY = Family(
    name="episodes",
    measure=measure,
    thinned=True,
    example=Example(
        invocations=[
            {
                "duration_ms": 200.0 if 200 <= number < 300 else 100.0,
                "end_time": BEGIN + number * SECOND,
                "stream": f"environment-{number % 10}",
            }
            for number in range(600)
        ],
        expect={
            "episode.count": 1,
            "episode.begin": BEGIN // SECOND + 200,
            "episode.end": BEGIN // SECOND + 299,
            "episode.ratio": 2.0,
            "episode.p": 1 / 9_991,
            "episode.environments": 1.0,
            "episode.between_environments": 0,
        },
    ),
)
