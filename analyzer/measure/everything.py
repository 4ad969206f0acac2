"""Asks every question once: for all functions together, for each function, and for the parts of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from analyzer.lake import Engine, Lake
from analyzer.measure.alarms import alarms
from analyzer.measure.behind import lines_behind
from analyzer.measure.consistency import broken
from analyzer.measure.discoveries import controlled
from analyzer.measure.failures import error_groups
from analyzer.measure.family import (
    MOST_HELD,
    Settings,
    Threshold,
    drawable,
    noted,
    requests_drawable,
)
from analyzer.measure.impact import impacts
from analyzer.measure.metrics import families
from analyzer.measure.metrics.breaches import breaches, slower_than
from analyzer.measure.metrics.cold_starts import COLD
from analyzer.measure.moments import moments
from analyzer.measure.pictures import arrivals, histogram, levels, marks, points, timeline, waits
from analyzer.measure.pool import pool
from analyzer.measure.quality import quality
from analyzer.measure.scope import Scope, Window
from analyzer.measure.slices import period, slices
from analyzer.model import FunctionMeasurements, Impact, Measured, Measurements

# Round durations that are reported when nobody named one: a person's patience, a caller's, a batch job's.
ROUND_THRESHOLDS = (
    Threshold("duration>3s", 3_000.0),
    Threshold("duration>30s", 30_000.0),
    Threshold("duration>60s", 60_000.0),
)
# Of several thresholds the highest that this share of invocations exceeds makes the headline.
WORTH_A_HEADLINE = 0.10
UNNAMED = "(function not named)"


def measure(
    lake: Lake,
    *,
    window: Window = Window(),  # noqa: B008 -- frozen
    thresholds: tuple[Threshold, ...] = (),
    region: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Measurements | None:
    """Everything that is asked of a lake within `window`; None when it holds no invocation there.

    `thresholds` are durations whose breach rate is wanted; without any, round ones are taken. `region` is that of functions
    whose logs name none.
    """
    with lake.open() as engine:
        everything = Scope(window)
        (row,) = engine.numbers(
            f"SELECT count(*) AS n, min(epoch_us(coalesce(start_time, end_time))) AS begin, max(epoch_us(end_time)) AS finish "
            f"FROM invocations WHERE {everything.where}"
        )
        if row["n"] == 0:
            return None
        engine.shorten()
        chosen = thresholds or ROUND_THRESHOLDS
        everything = drawable(engine, requests_drawable(engine, everything))
        scopes = list(_functions(engine, everything))
        pool(engine, everything, [scope for scope, _ in scopes])
        with held(engine, everything):
            overall = _function(engine, everything, "all functions", chosen, region)
            functions = []
            for scope, name in scopes:
                progress(name)
                functions.append(_function(engine, scope, name, chosen, region))
        functions = controlled(functions)
        begin, finish = row["begin"], row["finish"]
        return Measurements(
            period=(begin, finish),
            overall=overall,
            functions=functions,
            histogram=histogram(engine, everything),
            timeline=timeline(engine, everything, begin, finish) if finish is not None else [],
            points=points(engine, everything),
            waits=waits(engine, everything),
            marks=marks(engine, everything),
            levels=levels(engine, everything, begin, finish) if finish is not None else [],
            arrivals=arrivals(engine, everything),
            quality=quality(engine, everything, broken(engine, everything, overall, functions, chosen)),
            evidence=engine.evidence,
            answers={answer.id: answer.rows for answer in engine.answers.values()},
        )


def _functions(engine: Engine, everything: Scope) -> Iterator[tuple[Scope, str]]:
    """Each function, the busiest first."""
    rows = engine.numbers(
        f"SELECT function, count(*) AS n FROM invocations WHERE {everything.where} GROUP BY function ORDER BY n DESC, function"
    )
    for row in rows:
        name = row["function"]
        scope = Scope(everything.window, name, named=name is not None, requests=everything.requests)
        yield drawable(engine, scope), UNNAMED if name is None else name


@contextmanager
def held(engine: Engine, scope: Scope) -> Iterator[None]:
    """Keeps in memory what is asked about most."""
    with ExitStack() as together:
        together.enter_context(engine.holding(scope.thinned().where))
        if scope.requests:
            together.enter_context(engine.holding(scope.requests.condition))
        yield


def _function(
    engine: Engine, scope: Scope, name: str, thresholds: tuple[Threshold, ...], region: str | None
) -> FunctionMeasurements:
    breached = breaches(engine, scope, thresholds)
    headline = _headline(breached, thresholds)
    (known,) = engine.numbers(f"""
WITH seen AS (SELECT DISTINCT runtime, version, memory_mb FROM invocations WHERE {scope.where})
SELECT list_sort(list(DISTINCT runtime)) AS runtimes, list_sort(list(DISTINCT version)) AS versions,
       list_sort(list(DISTINCT memory_mb)) AS sizes
FROM seen""")
    settings = Settings(headline, _region(engine, scope) or region)
    with held(engine, scope):
        metrics, found = function_metrics(engine, scope, settings)
        return FunctionMeasurements(
            name=name,
            invocations=int(metrics["invocations"].value or 0),
            metrics=metrics,
            breaches=breached,
            slices=list(_narrower(engine, scope, settings, metrics)),
            runtimes=[runtime for runtime in known["runtimes"] or [] if runtime],
            versions=[version for version in known["versions"] or [] if version],
            memory_sizes=[size for size in known["sizes"] or [] if size],
            region=settings.region,
            errors=error_groups(engine, scope),
            moments=moments(engine, scope, metrics),
            impacts=found,
            alarms=[] if scope.mixed else list(alarms(engine, scope, metrics)),
            behind={} if scope.mixed else lines_behind(engine, scope, metrics),
        )


def function_metrics(engine: Engine, scope: Scope, settings: Settings) -> tuple[dict[str, Measured], dict[str, Impact]]:
    """What the rules look at: every metric by its name, and what each cause costs by the id of its hypothesis."""
    metrics: dict[str, Measured] = {}
    for family in families():
        part = family.scope(scope)
        for measured in family.measure(engine, part, settings):
            metrics[measured.metric] = noted(measured, part.note)
    return metrics, impacts(engine, scope.thinned(), settings, metrics)


def _headline(breached: list[Measured], thresholds: tuple[Threshold, ...]) -> Threshold:
    """The highest threshold that many exceed, else the highest that any exceeds, else the lowest."""
    by_length = sorted(zip(thresholds, breached, strict=True), key=lambda pair: pair[0].limit_ms, reverse=True)
    for least in (WORTH_A_HEADLINE, 0.0):
        for threshold, measured in by_length:
            if (measured.value or 0.0) >= least and measured.k:
                return threshold
    return by_length[-1][0]


def _region(engine: Engine, scope: Scope) -> str | None:
    """The region that the runtime's ARN names, which is the only place in a function's logs that does."""
    rows = engine.numbers(f"""
SELECT regexp_extract(message, 'arn:aws[a-z-]*:lambda:([a-z0-9-]+):', 1) AS region, count(*) AS n
FROM events WHERE {scope.where_events} AND kind IN ('init', 'restore') AND message LIKE '%arn:aws%'
GROUP BY region ORDER BY n DESC, region LIMIT 1""")
    return rows[0]["region"] or None if rows else None


def _narrower(engine: Engine, scope: Scope, settings: Settings, metrics: dict[str, Measured]) -> Iterator[Measured]:
    """Durations of the breaching, of cold and of warm invocations; then every version and every hour or day."""
    headline = settings.headline
    slow = metrics["breach.rate"]
    cold = metrics["cold_start.rate"].k if "cold_start.rate" in metrics else 0
    parts = [(slower_than(headline), f"invocations with {headline.text}", slow.k)]
    if cold:
        parts += [(COLD, "cold starts", cold), (f"NOT ({COLD})", "warm invocations", slow.n - cold)]
    duration = next(family for family in families() if family.name == "duration")
    for condition, words, n in parts:
        if n:
            whole = scope if n <= MOST_HELD and not scope.mixed else scope.thinned()
            part = whole.narrowed(condition, words)
            for measured in duration.measure(engine, part, settings):
                yield noted(measured, part.note)
    for by, whole in (("version", scope.thinned()), (period(engine, scope), scope.thinned() if scope.mixed else scope)):
        for measured in slices(engine, whole, by, headline):
            yield noted(measured, whole.note)
