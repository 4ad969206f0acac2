"""How far durations scatter and how heavy their tail is, in numbers that a few very long calls do not rule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.family import CLUSTER, Example, Family, Settings, estimate, fact, quantiles_at_once, spreads
from analyzer.measure.metrics.duration import LEAST_FOR, QUANTILES
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import Interval, ratio_of_sums
from analyzer.model import Measured

# The tail begins where a tenth is left, at p90, and is described from so many calls in it.
LEAST_IN_TAIL = 50


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    sizes = spreads(engine, scope, "duration_ms", QUANTILES)
    n = sizes["p50"].n
    if n < 2:
        return
    at_once, columns = quantiles_at_once(
        "duration_ms", {name: (QUANTILES[name], sizes[name]) for name in ("p50", "p90", "p99")}
    )
    answer = engine.ask(f"""
WITH calls AS (
  SELECT mad(duration_ms) AS mad, {at_once} AS at_once FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL
)
SELECT mad, {columns}
FROM calls""")
    row = answer.row
    yield fact("duration.mad", row["mad"], "ms", n, scope, answer.id)
    if n >= LEAST_FOR["p99"] and row["p50"] > 0:
        yield estimate("duration.p99_over_p50", row["p99"] / row["p50"], _limits(row), "ratio", n, scope, answer.id)
    if row["p90"] and row["p90"] > 0:
        yield from _index(engine, scope, row["p90"])


def _limits(row: dict[str, Any]) -> Interval:
    """Those of the ratio from those of both quantiles: the distances of logarithms add up as errors do (Zou and Donner 2008).

    The two rise and fall together, if they do, which makes the interval a little wider than need be.
    """

    def ratio(p99: float | None, p50: float | None, sign: int) -> float | None:
        if not p99 or not p50:
            return None
        reach = math.hypot(math.log(p99 / row["p99"]), math.log(p50 / row["p50"]))
        return float(row["p99"] / row["p50"] * math.exp(sign * reach))

    low, high = ratio(row["p99_low"], row["p50_high"], -1), ratio(row["p99_high"], row["p50_low"], 1)
    return Interval(low, high, "limits of both quantiles")


def _index(engine: Engine, scope: Scope, begin: float) -> Iterator[Measured]:
    """The mean logarithm of how many times as long as p90 the calls beyond it took (Hill 1975).

    For a tail that falls as a power of duration it is one over that power: from 1/2 on there is no variance, from 1 on no
    mean. A log-normal tail has one as well, which falls as one looks further out, so it is a description and no law.
    """
    answer = engine.ask(f"""
WITH clusters AS (
  SELECT count(*) AS n, sum(ln(duration_ms / {begin!r})) AS y
  FROM invocations WHERE {scope.where} AND duration_ms > {begin!r} GROUP BY {CLUSTER}
)
SELECT sum(n)::BIGINT AS n, count(*) AS clusters, sum(y) AS y, sum(y * y) AS yy, sum(y * n) AS yn, sum(n * n)::DOUBLE AS nn
FROM clusters""")
    row = answer.row
    if (row["n"] or 0) < LEAST_IN_TAIL:
        return
    value, limits = ratio_of_sums(row["y"], row["n"], row["clusters"], row["yy"], row["yn"], row["nn"])
    if limits.low is not None:
        limits = replace(limits, low=max(0.0, limits.low))
    yield estimate("duration.tail_index", value, limits, "ratio", row["n"], scope, answer.id)


FAMILY = Family(
    name="tails",
    measure=measure,
    thinned=True,
    example=Example(
        # Nine in ten take 100 to 102 ms, and one in ten e times as long as the longest of these.
        invocations=[{"duration_ms": 100.0 + number % 3 if number % 10 else 102.0 * math.e} for number in range(600)],
        expect={"duration.mad": 1.0, "duration.p99_over_p50": 102 * math.e / 101, "duration.tail_index": 1.0},
    ),
)
