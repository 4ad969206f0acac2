"""What a family of metrics is, and the two estimates that most of them share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.errors import UserError
from analyzer.figures import milliseconds
from analyzer.lake import ENVIRONMENT, Answer, Engine
from analyzer.measure.scope import Draw, Scope
from analyzer.measure.statistics import (
    Interval,
    clustered_share,
    effective_n,
    nearest_rank,
    quantile_ranks,
    ratio_of_sums,
)
from analyzer.model import Measured, Unit

# Invocations of one execution environment resemble each other.
CLUSTER = ENVIRONMENT
THRESHOLD = re.compile(r"duration>(?P<duration>\d{1,9}(?:\.\d{1,3})?(?:ms|s|m))")
NOTHING = "no invocation of this kind"
# Calls that stand for a function with more. An estimate from so many is good to about a hundredth.
MOST_HELD = 50_000
# Calls whose ids are looked at one by one.
MOST_REQUESTS = 500_000


class Threshold(Struct, frozen=True):
    """A duration that invocations are held against."""

    text: str
    limit_ms: float

    @staticmethod
    def parse(text: str) -> Threshold:
        """From what a person writes, such as duration>60s or duration>500ms. Raises UserError."""
        match = THRESHOLD.fullmatch(text.replace(" ", ""))
        if match is None:
            raise UserError(f"the threshold {text!r} is not of the form 'duration>60s'; the units are ms, s and m")
        return Threshold(match[0], milliseconds(match["duration"]))


class Settings(Struct, frozen=True):
    """What the caller chose and what is known before anything is measured."""

    headline: Threshold
    region: str | None = None


class Example(Struct, frozen=True):
    """Rows and the values that must come out of them: the proof that a family carries with it."""

    invocations: list[dict[str, Any]]
    expect: dict[str, float | None]
    events: list[dict[str, Any]] = field(default_factory=list)


class Family(Struct, frozen=True):
    """Metrics that are measured together. `measure` yields none that the rows of `scope` cannot tell anything about.

    A family that is `thinned` describes single calls or environments and counts nothing: of functions with more calls than
    `MOST_HELD` it is given whole environments, drawn by their hash. One that is `thinned_together` is given those of all
    functions together, whose mixture is worth no more.
    """

    name: str
    measure: Callable[[Engine, Scope, Settings], Iterator[Measured]]
    example: Example
    thinned: bool = False
    thinned_together: bool = False

    def scope(self, whole: Scope) -> Scope:
        """What this family is to look at."""
        return whole.thinned() if self.thinned or (self.thinned_together and whole.mixed) else whole


def fact(
    metric: str, value: float | None, unit: Unit, n: int, scope: Scope, evidence: str, note: str | None = None
) -> Measured:
    """A plain fact of the data, which needs no interval."""
    return Measured(
        metric=metric, value=value, low=value, high=value, unit=unit, n=n, population=scope.population, evidence=evidence, note=note
    )  # fmt: skip


def sampled(engine: Engine, scope: Scope, column: str, most: int) -> tuple[Scope, str | None]:
    """The scope, thinned where it holds more than `most` rows, and then a note that says so.

    Rows stay or go by the MD5 of `column`: the same ones every time, and all that share a value together.
    """
    one_in = _one_in(engine, scope, most)
    if one_in == 1:
        return scope, None
    drawn = scope.narrowed(_drawn_by(column, one_in), scope.population)
    return drawn, f"from one in {one_in}, drawn by the hash of {column}"


def _one_in(engine: Engine, scope: Scope, most: int) -> int:
    (row,) = engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {scope.where}")
    n: int = row["n"]
    return max(1, math.ceil(n / most))


def _drawn_by(column: str, one_in: int) -> str:
    # As a text: DuckDB makes it once for each value of a column with few of them, and a number once for each row.
    return f"md5({column}) < '{_below(one_in)}'"


def _below(one_in: int) -> str:
    return f"{2**32 // one_in:08x}"


def drawable(engine: Engine, scope: Scope) -> Scope:
    """The scope, with whole environments of about `MOST_HELD` calls that stand for it where it has more."""
    one_in = _one_in(engine, scope, MOST_HELD)
    if one_in == 1:
        return scope
    words = f"from one in {one_in} environments, drawn by hash"
    return replace(scope, draw=Draw(_drawn_by(CLUSTER, one_in), words, one_in, _below(one_in)))


def requests_drawable(engine: Engine, scope: Scope) -> Scope:
    """The scope, with all attempts of about `MOST_REQUESTS` calls that stand for it where it has more.

    Lambda's ids are random, so that their last digits draw as well as a hash of them would, for a tenth of its time.
    """
    digits = math.ceil(round(math.log(_one_in(engine, scope, MOST_REQUESTS), 16), 9))
    if digits == 0:
        return scope
    one_in, tail = 16**digits, "7f" * digits
    words = f"from one in {one_in} requests, drawn by the end of their id"
    return replace(scope, requests=Draw(f"request_id LIKE '%{tail[-digits:]}'", words, one_in))


def noted(measured: Measured, note: str | None) -> Measured:
    """Says that only a part was looked at, where it was; once."""
    if note is None or note in (measured.note or ""):
        return measured
    return replace(measured, note=f"{measured.note}; {note}" if measured.note else note)


def share(
    engine: Engine, scope: Scope, metric: str, condition: str, *, of: str = "true", population: str | None = None
) -> Measured:
    """The share of invocations for which `condition` holds, among those of `scope` for which `of` holds."""
    (measured,) = shares(engine, scope, [(metric, condition)], of=of, population=population)
    return measured


def shares(
    engine: Engine,
    scope: Scope,
    conditions: Sequence[tuple[str, str]],
    *,
    of: str = "true",
    population: str | None = None,
) -> list[Measured]:
    """Several shares of the same invocations in one pass over them: pairs of a metric and its condition."""
    counts = ", ".join(f"count(*) FILTER ({condition}) AS k{i}" for i, (_, condition) in enumerate(conditions))
    sums = ",\n       ".join(
        f"sum(k{i})::BIGINT AS k{i}, sum(k{i} * k{i})::DOUBLE AS kk{i}, sum(k{i} * n)::DOUBLE AS kn{i}"
        for i in range(len(conditions))
    )
    answer = engine.ask(f"""
WITH clusters AS (
  SELECT count(*) AS n, {counts}
  FROM invocations WHERE {scope.where} AND {of}
  GROUP BY {CLUSTER}
)
SELECT sum(n)::BIGINT AS n, count(*) AS clusters, sum(n * n)::DOUBLE AS nn,
       {sums}
FROM clusters""")
    return [_share(metric, answer, i, population or scope.population) for i, (metric, _) in enumerate(conditions)]


def _share(metric: str, answer: Answer, i: int, population: str) -> Measured:
    row = answer.row
    n, k = row["n"] or 0, row[f"k{i}"]
    if n == 0:
        return Measured(
            metric=metric, value=None, unit="share", n=0, population=population, evidence=answer.id, note=NOTHING
        )  # fmt: skip
    rate = k / n
    residuals = row[f"kk{i}"] - 2 * rate * row[f"kn{i}"] + rate * rate * row["nn"]
    interval = clustered_share(k, n, row["clusters"], max(0.0, residuals))
    return Measured(
        metric=metric,
        value=rate,
        low=interval.low,
        high=interval.high,
        unit="share",
        n=n,
        k=k,
        population=population,
        evidence=answer.id,
        interval=_method(interval),
    )


def _method(interval: Interval) -> str:
    """The statistician's clusters are log streams here."""
    return interval.method.replace("clusters", "log streams")


class Spread(Struct, frozen=True):
    """How many rows a column has, and how many independent ones they are worth for a quantile."""

    n: int
    clusters: int
    effective: float


def spreads(engine: Engine, scope: Scope, column: str, quantiles: dict[str, float]) -> dict[str, Spread]:
    """For each quantile of a column, how many independent values it rests on.

    That is what the share of values at or below it is worth, which environments that are high as a whole make uneven. Where
    a part stands for the scope, it is known from there what part of the values is independent.
    """
    part = scope.thinned()
    points = ", ".join(f"quantile_disc(x, {list(quantiles.values())})[{i + 1}] AS q{i}" for i in range(len(quantiles)))
    counts = ", ".join(f"count(*) FILTER (x <= q{i}) AS k{i}" for i in range(len(quantiles)))
    sums = ", ".join(
        f"sum(k{i})::BIGINT AS k{i}, sum(k{i} * k{i})::DOUBLE AS kk{i}, sum(k{i} * n)::DOUBLE AS kn{i}"
        for i in range(len(quantiles))
    )
    (row,) = engine.numbers(f"""
WITH calls AS (
  SELECT {column} AS x, {CLUSTER} AS cluster FROM invocations WHERE {part.where} AND {column} IS NOT NULL
), points AS (
  SELECT {points} FROM calls
), clusters AS (
  SELECT count(*) AS n, {counts} FROM calls, points GROUP BY cluster
)
SELECT count(*) AS clusters, coalesce(sum(n), 0)::BIGINT AS n, sum(n * n)::DOUBLE AS nn, {sums} FROM clusters""")
    n = row["n"]
    whole = n
    if part.where != scope.where:
        whole = engine.numbers(f"SELECT count({column}) AS n FROM invocations WHERE {scope.where}")[0]["n"]
    if n == 0:
        return dict.fromkeys(quantiles, Spread(whole, 0, float(whole)))
    found = {}
    for i, name in enumerate(quantiles):
        share = row[f"k{i}"] / n
        squares = max(0.0, row[f"kk{i}"] - 2 * share * row[f"kn{i}"] + share * share * row["nn"])
        # Where no cluster holds two values, each stands for itself and their number is what they are worth.
        effective = n if row["clusters"] == n else effective_n(row[f"k{i}"], n, row["clusters"], squares)
        found[name] = Spread(whole, row["clusters"], float(f"{effective * (whole / n):.6g}"))
    return found


def spread(engine: Engine, scope: Scope, column: str, p: float) -> Spread:
    """The same for a single quantile."""
    return spreads(engine, scope, column, {"p": p})["p"]


def quantile_columns(column: str, name: str, p: float, size: Spread) -> str:
    """SQL that selects the nearest-rank quantile as `name` and its order-statistic limits as `name`_low and `name`_high."""
    if size.n == 0:
        return f"any_value(NULL) AS {name}, any_value(NULL) AS {name}_low, any_value(NULL) AS {name}_high"
    aggregate, columns = quantiles_at_once(column, {name: (p, size)})
    return columns.replace("at_once", aggregate)


def quantiles_at_once(column: str, quantiles: dict[str, tuple[float, Spread]]) -> tuple[str, str]:
    """The same for several quantiles: SQL of one aggregate, and of the columns that select from it under the name `at_once`.

    Values are put in order once for all of them. There has to be a value.
    """
    fractions: list[float] = []

    def at(rank: int | None, size: Spread) -> str:
        if not rank:
            return "NULL"
        # Half a rank below, so that no rounding of the fraction can slip to the next value.
        fractions.append((rank - 0.5) / size.n)
        return f"at_once[{len(fractions)}]"

    columns = []
    for name, (p, size) in quantiles.items():
        low, high = quantile_ranks(size.n, p, size.effective)
        middle = at(nearest_rank(size.n, p), size)
        columns.append(f"{middle} AS {name}, {at(low, size)} AS {name}_low, {at(high, size)} AS {name}_high")
    return f"quantile_disc({column}, {fractions})", ",\n       ".join(columns)


def quantile(
    row: dict[str, Any], name: str, metric: str, unit: Unit, size: Spread, scope: Scope, evidence: str
) -> Measured:
    """The quantile that `quantile_columns` selected, with its limits in words where the data set none."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    lacking = [side for side, limit in (("lower", low), ("upper", high)) if limit is None]
    return Measured(
        metric=metric,
        value=row[name],
        low=low,
        high=high,
        unit=unit,
        n=size.n,
        population=scope.population,
        evidence=evidence,
        interval=order_statistics(size),
        note=f"no {' or '.join(lacking)} limit at n = {size.n}" if lacking else None,
    )


def order_statistics(size: Spread) -> str:
    if math.isclose(size.effective, size.n):
        return "order statistics"
    return f"order statistics, adjusted for {size.clusters} log streams"


def mean(engine: Engine, scope: Scope, metric: str, column: str, unit: Unit) -> Measured:
    """The mean of a column with an interval that allows for rows of one environment being alike."""
    answer = engine.ask(f"""
WITH clusters AS (
  SELECT count(*) AS n, sum({column}) AS y
  FROM invocations WHERE {scope.where} AND {column} IS NOT NULL GROUP BY {CLUSTER}
)
SELECT sum(y) / sum(n) AS mean, sum(n)::BIGINT AS n, count(*) AS clusters, sum(y) AS y,
       sum(y * y) AS yy, sum(y * n) AS yn, sum(n * n)::DOUBLE AS nn
FROM clusters""")
    row = answer.row
    value, interval = ratio_of_sums(row["y"], row["n"], row["clusters"], row["yy"], row["yn"], row["nn"])
    return estimate(metric, value, interval, unit, row["n"], scope, answer.id)


def estimate(
    metric: str, value: float, interval: Interval, unit: Unit, n: int, scope: Scope, evidence: str
) -> Measured:
    return Measured(
        metric=metric,
        value=value,
        low=interval.low,
        high=interval.high,
        unit=unit,
        n=n,
        population=scope.population,
        evidence=evidence,
        interval=_method(interval),
    )
