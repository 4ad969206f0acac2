"""Alarms on a function: thresholds that tell its bad hours from its good ones, each tried on the logs it was chosen from.

CloudWatch's rules are followed by SQL. A period is five minutes of clock time; `AWS/Lambda` counts a call where it began, a
metric filter where its REPORT stands. An alarm is on while `needed` of the last `periods` periods breach; a period without
calls does not breach; one with too few calls for a percentile leaves the alarm as it was. Where periods are empty CloudWatch
looks a little further back than that, so that an alarm may stay on somewhat longer than said here; it goes off no later.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from msgspec import Struct

from analyzer.lake import Engine
from analyzer.measure.metrics.errors import FAILED, KNOWN
from analyzer.measure.scope import Scope
from analyzer.model import Alarm, AlarmChoice, AlarmSignal, AlarmTrial, Firing, Measured

# Seconds.
PERIOD = 300
# CloudWatch takes a percentile for unreliable below 10 / (1 - p) samples a period: 200 for p95.
RELIABLE_P95 = 200
# Above the highest of what is usual, as the next may be a little higher without anything being wrong.
ABOVE_USUAL = 1.2
# A timeout is never exceeded, so that an alarm on long calls has to lie below it.
BELOW_LIMIT = 0.9
# AWS's own recommendation for an alarm on errors, and its recipe for one on the memory that REPORT lines state.
ERROR_RATE = 0.05
FULL = 0.90
# Environments emptier than this need no alarm that they are full.
WORTH_WATCHING = 0.60
# Of those that would have gone off, this many are told with their times.
MOST_FIRINGS = 5
SECOND = 1_000_000
BEGAN, REPORTED = "coalesce(start_time, end_time)", "end_time"


class _Series(Struct, frozen=True):
    """A number for every period with calls at `time`, and how many periods have to breach; fewer calls are not judged."""

    value: str
    time: str
    needed: int = 1
    periods: int = 1
    least_calls: int = 1


class _Span(Struct, frozen=True):
    """Seconds since 1970."""

    begin: int
    end: int


def alarms(engine: Engine, scope: Scope, metrics: dict[str, Measured]) -> Iterator[Alarm]:
    """Alarms on the function of `scope`, whose `metrics` are known already."""
    busy = (_value(metrics, "invocations.per_five_minutes") or 0.0) >= RELIABLE_P95
    _share(engine, scope, busy=busy)
    if _value(metrics, "duration.max"):
        yield _duration(engine, scope, metrics, busy=busy)
    yield _errors(engine, scope, busy=busy)
    size = _value(metrics, "memory.size")
    if size and (_value(metrics, "memory.peak_ratio.max") or 0.0) >= WORTH_WATCHING:
        series, threshold = _Series("max(max_memory_mb)", REPORTED), math.floor(FULL * size)
        yield _tried(engine, scope, series, "memory.max", "recommended", threshold, basis=size)


def _share(engine: Engine, scope: Scope, *, busy: bool) -> None:
    """Reads what alarms on durations and on errors are tried on, in one pass."""
    (durations, _), (errors, *_) = (_MANY_CALLS, _MANY_ERRORS) if busy else (_ANY_CALL, _ANY_ERROR)
    both = f"""SELECT epoch_us({BEGAN}) // {PERIOD * SECOND} AS period, {durations.value} AS value, count(*) AS n,
         count(*) FILTER ({KNOWN}) AS known, count(*) FILTER ({FAILED}) AS failed
  FROM invocations WHERE {scope.where} AND {BEGAN} IS NOT NULL GROUP BY period"""
    engine.share(both)
    engine.share(_calls(scope, durations), f"SELECT period, value, n FROM ({both})")
    value = "failed / known" if busy else "failed"
    engine.share(
        _calls(_known(scope), errors), f"SELECT period, {value} AS value, known AS n FROM ({both}) WHERE known > 0"
    )


def _known(scope: Scope) -> Scope:
    return scope.narrowed(KNOWN, scope.population)


def _duration(engine: Engine, scope: Scope, metrics: dict[str, Measured], *, busy: bool) -> Alarm:
    """Above what periods outside the slow episode reached, and below what those inside it reached, where that can be."""
    series, signal = _MANY_CALLS if busy else _ANY_CALL
    episode = _episode(metrics)
    slow = _touches(episode, series, "period", "period")
    levels = engine.ask(f"""{_levels(scope, series)}
SELECT max(level) FILTER (NOT ({slow})) AS usual, max(level) FILTER ({slow}) AS during FROM levels
WHERE n >= {series.least_calls}""").row
    # Where no call has a time, or none lies outside what was slow, the longest call is all there is to go by.
    usual, during = levels["usual"] or _value(metrics, "duration.max") or 0.0, levels["during"] or 0.0
    limit = (_value(metrics, "timeout.limit") or math.inf) * 1_000
    threshold, basis = float(_round_up(usual * ABOVE_USUAL)), usual
    choice: AlarmChoice = "usual"
    if usual < during <= threshold:
        threshold, choice = round(math.sqrt(usual * during), 1), "between"
    elif threshold >= limit:
        threshold, choice, basis = BELOW_LIMIT * limit, "limit", limit
    return _tried(engine, scope, series, signal, choice, threshold, basis=basis, episode=episode)


def _errors(engine: Engine, scope: Scope, *, busy: bool) -> Alarm:
    """Any error, or a rate where there are calls enough for one.

    An alarm that is on for half of the time tells nobody anything: where a function fails all the time, more than is usual.
    """
    known = _known(scope)
    series, signal, threshold, choice = _MANY_ERRORS if busy else _ANY_ERROR
    levels = engine.ask(f"""{_levels(known, series)}
SELECT quantile_disc(level, 0.5) AS half, quantile_disc(level, 0.95) AS most FROM levels WHERE n > 0""").row
    if levels["half"] is not None and levels["half"] > threshold:
        return _tried(engine, known, series, signal, "usual", levels["most"], basis=levels["most"])
    return _tried(engine, known, series, signal, choice, threshold)


_ANY_CALL: tuple[_Series, AlarmSignal] = _Series("max(duration_ms)", BEGAN), "duration.max"
_MANY_CALLS: tuple[_Series, AlarmSignal] = (
    _Series("quantile_cont(duration_ms, 0.95)", BEGAN, needed=2, periods=3, least_calls=RELIABLE_P95), "duration.p95",
)  # fmt: skip
_ANY_ERROR: tuple[_Series, AlarmSignal, float, AlarmChoice] = (
    _Series(f"count(*) FILTER ({FAILED})", BEGAN), "errors.sum", 0.0, "any",
)  # fmt: skip
_MANY_ERRORS: tuple[_Series, AlarmSignal, float, AlarmChoice] = (
    _Series(f"count(*) FILTER ({FAILED}) / count(*)", BEGAN, needed=2, periods=3), "errors.rate", ERROR_RATE, "recommended",
)  # fmt: skip


def _tried(
    engine: Engine,
    scope: Scope,
    series: _Series,
    signal: AlarmSignal,
    choice: AlarmChoice,
    threshold: float,
    *,
    basis: float | None = None,
    episode: _Span | None = None,
) -> Alarm:
    """The alarm, and what it would have done on the calls of `scope`."""
    slow = _touches(episode, series, "min(period)", "max(period)")
    answer = engine.ask(f"""{_levels(scope, series)}, states AS (
  SELECT period, coalesce(last_value(CASE WHEN judged THEN coalesce(level > {threshold:.9g}, false) END IGNORE NULLS)
                            OVER (ORDER BY period), false) AS alarm
  FROM levels
), runs AS (
  SELECT period, period - row_number() OVER (ORDER BY period) AS run FROM states WHERE alarm
), firings AS (
  SELECT min(period) AS period, count(*) AS periods, {slow} AS inside FROM runs GROUP BY run
)
SELECT extent.*, period, periods, count(period) OVER () AS firings, count(period) FILTER (NOT inside) OVER () AS outside,
       coalesce(sum(periods) OVER (), 0)::BIGINT AS on_periods
FROM (SELECT min(period) AS first, max(period) AS last FROM levels) AS extent LEFT JOIN firings ON true
ORDER BY inside DESC, period LIMIT {MOST_FIRINGS}""")
    first = answer.rows[0]
    trial = None
    if first["first"] is not None:
        trial = AlarmTrial(
            watched_s=(first["last"] - first["first"] + 1) * PERIOD,
            firings=first["firings"],
            outside=first["outside"],
            on_s=first["on_periods"] * PERIOD,
            # It is known at the end of a period that the alarm goes off.
            shown=[
                Firing((row["period"] + 1) * PERIOD, row["periods"] * PERIOD) for row in answer.rows if row["periods"]
            ],
            evidence=answer.id,
        )
    return Alarm(
        signal=signal,
        threshold=threshold,
        choice=choice,
        basis=basis,
        period_s=PERIOD,
        needed=series.needed,
        periods=series.periods,
        episode_begin=episode.begin if episode else None,
        trial=trial,
    )


def _levels(scope: Scope, series: _Series) -> str:
    """SQL that begins with `levels`: for every period that calls bear on, the number that `needed` of the last periods reach."""
    return f"""
WITH calls AS (
  {_calls(scope, series)}
), levels AS (
  SELECT period, n, coalesce(n, 0) = 0 OR n >= {series.least_calls} AS judged,
         list_sort(list(value) FILTER (value IS NOT NULL) OVER recent, 'DESC')[{series.needed}] AS level
  FROM (SELECT DISTINCT calls.period + later.range AS period FROM calls, range({series.periods}) AS later)
  LEFT JOIN calls USING (period)
  WINDOW recent AS (ORDER BY period RANGE BETWEEN {series.periods - 1} PRECEDING AND CURRENT ROW)
)"""


def _calls(scope: Scope, series: _Series) -> str:
    return f"""SELECT epoch_us({series.time}) // {PERIOD * SECOND} AS period, {series.value} AS value, count(*) AS n
  FROM invocations WHERE {scope.where} AND {series.time} IS NOT NULL GROUP BY period"""


def _touches(episode: _Span | None, series: _Series, first: str, last: str) -> str:
    """SQL: whether the periods from `first` to `last` have a part in the episode.

    Calls that ended in it may have begun in the period before, and periods are looked at again later.
    """
    if episode is None:
        return "false"
    begin, end = episode.begin // PERIOD - 1, episode.end // PERIOD + series.periods - 1
    return f"{last} >= {begin} AND {first} <= {end}"


def _episode(metrics: dict[str, Measured]) -> _Span | None:
    """The stretch in which calls took longer; one in which they took less needs no alarm."""
    begin, end = _value(metrics, "episode.begin"), _value(metrics, "episode.end")
    if begin is None or end is None or (_value(metrics, "episode.ratio") or 0.0) <= 1:
        return None
    return _Span(int(begin), int(end))


def _value(metrics: dict[str, Measured], name: str) -> float | None:
    return metrics[name].value if name in metrics else None


def _round_up(milliseconds: float) -> int:
    """Two digits that a person would choose: 296.8 s becomes 300 s."""
    if milliseconds <= 0:
        return 1
    step: int = 10 ** max(0, math.floor(math.log10(milliseconds)) - 1)
    return math.ceil(milliseconds / step) * step
