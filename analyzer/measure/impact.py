"""What each cause costs: time, failures and money that would not be there without its mechanism.

Every request is held against how much of the mechanism befell it, its dose: 1 where it was cold, or tried again in vain, or
served by the newest version, and 0 elsewhere; the number of calls beside it; how much its input had grown. A line through all
requests gives what one dose adds, and what all doses add together is what the cause costs. A request counts with all its
attempts, since those after a failure would not have been made. Where a dose is 0 or 1 this is the difference between the
requests that the cause befell and as many of the others.

Intervals come from drawing log streams again, with fixed seeds; of fewer than ten streams, pieces of time are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from analyzer.lake import Engine, steady, text_literal
from analyzer.measure.bins import SECOND
from analyzer.measure.family import CLUSTER, Settings
from analyzer.measure.metrics.cold_starts import COLD, TOTAL
from analyzer.measure.metrics.complaints import OWN_FAILURE, THROTTLED, UNANSWERED, saying
from analyzer.measure.metrics.concurrency import BEGIN, END, PLACED
from analyzer.measure.metrics.cost import list_price
from analyzer.measure.metrics.environments import LEAST_CALLS
from analyzer.measure.metrics.errors import FAILED
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.model import Impact, Measured, Unit

Kind = Literal["ms", "failures", "usd"]
Numbers = dict[str, Measured]
Floats = npt.NDArray[np.float64]
UNITS: dict[Kind, Unit] = {"ms": "ms", "failures": "count", "usd": "USD"}
# So many sets of streams at most, dealt by hash, so that a large function gives no more rows than a small one.
SETS = 512
# Fewer streams say little about how streams differ; then so many pieces of time are drawn.
LEAST_STREAMS, PIECES = 20, 40
DRAWS, SEED = 999, 20_260_301
LIMITS = (2.5, 97.5)
# This report warns where a tenth is slow and where a hundredth fails: a failure weighs as much as ten slow calls.
WEIGHTS: dict[Kind, float] = {"ms": 1.0, "failures": 10.0, "usd": 1.0}
# A client that gives up adds its own work to the wait: from just below the plateau to a tenth above it.
BELOW, ABOVE = 0.985, 1.1
SLOW = 1.5


class Dose(Struct, frozen=True, kw_only=True):
    """How much of a mechanism befell a request.

    `each` is SQL over the attempts of a request; what the line is drawn through, and what is taken away unless `removed` says
    otherwise. `calls` is a further common table expression that `joined` brings in. `kinds` are the costs that it can be
    read for: a longer timeout saves no time, for instance, although it saves the calls.
    """

    each: str
    removed: str | None = None
    calls: str | None = None
    joined: str = ""
    kinds: tuple[Kind, ...] = ("ms", "failures", "usd")


def impacts(engine: Engine, scope: Scope, settings: Settings, metrics: Numbers) -> dict[str, Impact]:
    """What each cause of which there is a trace costs, by the id of its hypothesis; none for causes that logs cannot price.

    `metrics` are those of the function; `scope` may be drawn environments of it, whose costs are then those of all. Nothing is
    said of all functions together.
    """
    if scope.mixed:
        return {}
    (row,) = engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {scope.where}")
    scale = (metrics["invocations"].value or 0.0) / max(1, row["n"])
    found = {}
    for hypothesis, dose in _doses(engine, scope, metrics):
        impact = _impact(engine, scope, settings, hypothesis, dose, scale)
        if impact is not None:
            found[hypothesis] = impact
    return found


# ── the doses ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _doses(engine: Engine, scope: Scope, metrics: Numbers) -> Iterator[tuple[str, Dose]]:
    def value(name: str) -> float:
        measured = metrics.get(name)
        return 0.0 if measured is None or measured.value is None else measured.value

    if value("cold_start.count"):
        yield "cold-start", Dose(each=_any(f"{COLD} OR ({_suppressed(scope)})"), kinds=("ms", "usd"))
    for hypothesis, outcome in (
        ("init-failure", "init_failure"),
        ("out-of-memory", "out_of_memory"),
        ("memory-leak", "out_of_memory"),
    ):
        if value("oom.count" if outcome == "out_of_memory" else "init.failures"):
            # The environments that die with these calls cost time too, and nobody can tell how much.
            yield hypothesis, Dose(each=_any(f"outcome = '{outcome}'"), kinds=("failures",))
    if value("timeout.count"):
        yield "timeout-misconfigured", Dose(each=_any("outcome = 'timeout'"), kinds=("failures",))
    if value("error.own.count"):
        complains = f"{saying(scope, THROTTLED)} OR {saying(scope, UNANSWERED)}"
        yield "application-error", Dose(each=_any(f"{OWN_FAILURE} AND NOT ({complains})"), kinds=("failures",))
    if value("retry.failed_again_share"):
        yield "retry-storm", Dose(each=f"(count(*) FILTER ({FAILED}) > 1)::INTEGER")
    if waits := _waits(scope, value):
        yield "downstream-dependency", Dose(each=_any(waits))
    if value("environment.slow_share"):
        yield "noisy-environment", _slow_environments()
    if value("change.runtime_near") and value("change.ratio") > 1:
        yield "runtime-update", Dose(each=_since(value("change.at")), kinds=("ms", "usd"))
    if (begin := _deploy(engine, scope, value)) is not None:
        slower = (value("change.version_near") and value("change.ratio") > 1) or value("version.ratio") > 1
        yield "deploy-regression", Dose(each=_since(begin), kinds=tuple(UNITS) if slower else ("failures",))
    if value("trend.total") > 0:
        yield "input-growth", _growth(math.log1p(value("trend.total")))
    if value("concurrency.load.slope") > 0:
        yield "load-contention", _crowd()
    exponent = metrics.get("input.exponent_growing") or metrics.get("input.exponent_large")
    if exponent is not None and (exponent.value or 0.0) > 1:
        yield "algorithmic", _sizes(exponent, scope)


def _suppressed(scope: Scope) -> str:
    """SQL for: the first call of an environment whose initialisation ran out of time, and was repeated inside the duration."""
    return f"""nth = 1 AND stream IN (
    SELECT stream FROM events WHERE {scope.where_events} AND kind = 'init' AND lower(message) LIKE '%timeout%'
  )"""


def _any(condition: str) -> str:
    return f"max(coalesce({condition}, false)::INTEGER)"


def _since(moment: float) -> str:
    return f"max((epoch_us(end_time) >= {round(moment) * SECOND})::INTEGER)"


def _waits(scope: Scope, value: Callable[[str], float]) -> str | None:
    """SQL for: this call waited for something else, by its own words, by when it came, or by how long it took."""
    found = []
    if value("downstream.throttled.count"):
        found.append(saying(scope, THROTTLED))
    if value("downstream.unanswered.count"):
        found.append(saying(scope, UNANSWERED))
    if value("episode.ratio") > 1 and not value("episode.between_environments"):
        begin, end = (round(value(f"episode.{edge}")) * SECOND for edge in ("begin", "end"))
        found.append(f"epoch_us(end_time) BETWEEN {begin} AND {end + SECOND}")
    if value("plateau.round"):
        low, high = (value("plateau.at") * factor for factor in (BELOW, ABOVE))
        found.append(f"duration_ms BETWEEN {low:.9g} AND {high:.9g}")
    return " OR ".join(found) or None


def _slow_environments() -> Dose:
    """Those whose median is above the usual one by half. Twice, as environment.slow_share has it, would miss some of them."""
    return Dose(
        calls=f"""medians AS (
  SELECT stream, quantile_disc(duration_ms, 0.5) AS p50 FROM calls
  WHERE stream IS NOT NULL AND {WARM_AND_WELL} GROUP BY stream HAVING count(*) >= {LEAST_CALLS}
), slow AS (
  SELECT stream AS slow_stream FROM medians WHERE p50 > {SLOW} * (SELECT quantile_disc(p50, 0.5) FROM medians)
)""",
        joined="LEFT JOIN slow ON stream = slow_stream",
        each=_any("slow_stream IS NOT NULL"),
        kinds=("ms", "usd"),
    )


def _deploy(engine: Engine, scope: Scope, value: Callable[[str], float]) -> float | None:
    """When the version came that made it worse, in seconds: where durations or errors changed, else where the newest began."""
    if value("change.version_near") and value("change.ratio") > 1:
        return value("change.at")
    if value("version.ratio") <= 1 and value("version.failing.difference") <= 0:
        return None
    if value("error_change.difference") > 0:
        return value("error_change.at")
    (row,) = engine.numbers(f"""
SELECT epoch_us(max(first)) AS first FROM (
  SELECT min(end_time) AS first FROM invocations WHERE {scope.where} AND version IS NOT NULL GROUP BY version
)""")
    return None if row["first"] is None else row["first"] / SECOND


def _growth(rise: float) -> Dose:
    """The factor by which everything has grown since the first call, along the line of the trend."""
    return Dose(
        calls="""period AS (
  SELECT epoch_us(min(end_time)) AS first, epoch_us(max(end_time)) AS last FROM calls
)""",
        joined="CROSS JOIN period",
        each=f"max(exp({rise:.9g} * (epoch_us(end_time) - first) / greatest(1, last - first)))",
        removed="x - 1",
        kinds=("ms", "usd"),
    )


def _crowd() -> Dose:
    """The calls at work when a call began, itself not counted: calls that have begun, less those that have ended."""
    return Dose(
        calls=f"""steps AS (
  SELECT {BEGIN} AS moment, 1 AS step, source, position FROM calls WHERE {PLACED}
  UNION ALL SELECT {END}, -1, NULL, NULL FROM calls WHERE {PLACED}
), beside AS (
  SELECT source, position, step,
         sum(step) OVER (ORDER BY moment, step, source, position ROWS UNBOUNDED PRECEDING) - 1 AS others
  FROM steps
)""",
        joined="JOIN (FROM beside WHERE step = 1) USING (source, position)",
        each="max(others)::DOUBLE",
        kinds=("ms", "usd"),
    )


def _sizes(exponent: Measured, scope: Scope) -> Dose:
    """What is more than in proportion: the size to the measured power, less the size, both in parts of the median."""
    name = (exponent.note or "").rpartition(" ")[2]
    return Dose(
        calls=f"""sizes AS (
  SELECT request_id, max(fields[{text_literal(name)}]) AS size FROM events
  WHERE {scope.where_events} AND kind = 'fields' AND request_id IS NOT NULL GROUP BY request_id
), relative AS (
  SELECT request_id, size / (SELECT quantile_disc(size, 0.5) FROM sizes WHERE size > 0) AS size FROM sizes WHERE size > 0
)""",
        joined="JOIN relative USING (request_id)",
        each=f"max(size ** {exponent.value or 1:.9g})",
        removed=f"x - x ** {1 / (exponent.value or 1):.9g}",
        kinds=("ms", "usd"),
    )


# ── from doses to costs ──────────────────────────────────────────────────────────────────────────────────────────────


def _impact(
    engine: Engine, scope: Scope, settings: Settings, hypothesis: str, dose: Dose, scale: float
) -> Impact | None:
    price, note = list_price(settings)
    answer = engine.ask(f"""
WITH calls AS (
  SELECT * FROM invocations WHERE {scope.where}
), {dose.calls + ", " if dose.calls else ""}requests AS (
  SELECT arg_min({CLUSTER}, (end_time, position)) AS cluster, min(end_time) AS time, {dose.each} AS x,
         sum({TOTAL}) AS ms, count(*) FILTER ({FAILED})::DOUBLE AS failures,
         sum(coalesce(billed_ms * memory_mb, 0) / 1024 / 1000 * {price["x86_gb_second"]!r} + {price["request"]!r}) AS usd
  FROM calls {dose.joined} WHERE duration_ms IS NOT NULL GROUP BY function, request_id
), dealt AS (
  SELECT *, {dose.removed or "x"} AS z,
         CASE WHEN (SELECT count(DISTINCT cluster) FROM requests) >= {LEAST_STREAMS}
              THEN (md5_number_lower(cluster) % {SETS})::BIGINT ELSE ntile({PIECES}) OVER (ORDER BY time, ms) END AS set
  FROM requests
)
SELECT set, count(*) AS n, sum(x)::DOUBLE AS x, sum(x * x)::DOUBLE AS xx, sum(z)::DOUBLE AS z,
       {", ".join(f"sum({kind}) AS {kind}, sum(x * {kind}) AS x_{kind}" for kind in UNITS)}
FROM dealt GROUP BY set ORDER BY set""")
    if len(answer.rows) < 2:
        return None
    table = {name: np.array([row[name] for row in answer.rows], float) for name in answer.rows[0]}
    sets, removed = len(answer.rows), float(table["z"].sum())
    draws = np.random.default_rng(SEED).multinomial(sets, np.full(sets, 1 / sets), DRAWS).astype(float)
    reach = _reach(sets)
    costs: dict[Kind, Measured] = {}
    share = 0.0
    for kind in dose.kinds:
        sums = np.stack([table[name] for name in ("n", "x", "xx", kind, f"x_{kind}")], axis=1)
        value = float(_slopes(sums.sum(axis=0, keepdims=True))[0]) * removed
        drawn = _slopes(draws @ sums) * removed
        drawn = drawn[np.isfinite(drawn)]
        if not math.isfinite(value) or not len(drawn):
            continue
        low, high = (value + reach * (float(limit) - value) for limit in np.percentile(drawn, LIMITS))
        whole = float(table["n" if kind == "failures" else kind].sum())
        share = max(share, WEIGHTS[kind] * value / whole if whole else 0.0)
        if kind == "failures":
            # Requests fail or do not: the limits are whole ones.
            low, high = float(math.floor(low)), float(math.ceil(high))
        costs[kind] = Measured(
            metric=f"impact.{kind}",
            value=steady(value * scale),
            low=steady(min(low, value) * scale),
            high=steady(max(high, value) * scale),
            unit=UNITS[kind],
            n=round(float(table["n"].sum())),
            population=f"requests with and without {hypothesis}",
            evidence=answer.id,
            interval=f"bootstrap over {sets} sets of log streams or pieces of time",
            note=note if kind == "usd" else None,
        )
    return Impact(share=steady(min(1.0, share)), **costs) if costs else None


def _reach(sets: int) -> float:
    """How much wider limits from so few sets have to be: they differ less among themselves than from others (Student's t)."""
    from scipy.special import stdtrit

    return (
        float(stdtrit(sets - 1, LIMITS[1] / 100)) / NormalDist().inv_cdf(LIMITS[1] / 100) * math.sqrt(sets / (sets - 1))
    )


def _slopes(sums: Floats) -> Floats:
    """Slopes of lines from sums of n, x, xx, y and xy, one line a row; not a number where all doses are the same."""
    n, x, xx, y, xy = sums.T
    spread = n * xx - x * x
    return np.asarray((n * xy - x * y) / np.where(spread > 1e-9 * n * xx, spread, np.nan))
