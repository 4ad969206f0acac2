"""Why environments were initialised, and how long an idle one is kept.

Each cold start gets the first of these causes that fits: Lambda had prepared the environment ahead of its first call
(proactive); the call before in the same environment failed in a way that resets it (crash); nothing of the function ran before
in these logs (first); the version, or the runtime, had not been seen before (deploy, runtime); another environment of the version
was busy (scale_out); none was busy, though there had been one (idle).

A call that finds no environment busy tells whether the one that was used last still lived: it is cold or it is not, after a
known pause. The share of cold ones by pause cannot fall, so it is fitted as a rising step function (Ayer et al. 1955).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, fact
from analyzer.measure.metrics.cold_starts import COLD, INIT
from analyzer.measure.metrics.concurrency import BEGIN, END, PLACED
from analyzer.measure.metrics.leak import RESETS
from analyzer.measure.scope import Scope
from analyzer.measure.statistics import isotonic
from analyzer.model import Measured

CAUSES = ("scale_out", "idle", "deploy", "runtime", "crash", "proactive", "first")
# Microseconds beyond its initialisation after which an environment was evidently not made for the call it served first.
AHEAD = 10_000_000
# Pauses are grouped in steps of 5 %.
GROWTH = 1.05
LEAST_OF_EACH = 5
# Calls that are put in order; of more, the latest.
MOST_ROWS = 50_000


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    if scope.mixed:
        return
    placed, note = _latest(engine, scope.narrowed(f"{PLACED} AND stream IS NOT NULL", scope.population))
    answer = engine.ask(f"""
WITH prepared AS (
  SELECT stream, min(epoch_us(time)) AS began FROM events
  WHERE {scope.where_events} AND kind = 'init' AND message NOT LIKE 'INIT_REPORT%' AND message NOT LIKE '%initReport%'
  GROUP BY stream
), calls AS (
  SELECT version, runtime, stream, {COLD} AS cold, {RESETS} AS resets, {BEGIN} AS a, {END} AS z,
         epoch_us(start_time) AS start, coalesce({INIT}, 0) * 1000 AS init, source, position
  FROM invocations WHERE {placed.where}
), ordered AS (
  SELECT *, lag(resets) OVER (PARTITION BY stream ORDER BY z, source, position) AS after_reset,
         max(z) OVER (
           PARTITION BY version ORDER BY a, z, source, position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
         ) AS latest,
         min(a) OVER () AS first, min(a) OVER (PARTITION BY version) AS first_of_version,
         min(a) FILTER (runtime IS NOT NULL) OVER () AS first_known, min(a) OVER (PARTITION BY runtime) AS first_of_runtime
  FROM calls
), labelled AS (
  SELECT cold, a, latest, CASE
           WHEN NOT cold THEN NULL
           WHEN after_reset IS NULL AND start - began > {AHEAD} + init THEN 'proactive'
           WHEN after_reset THEN 'crash'
           WHEN a = first THEN 'first'
           WHEN version IS NOT NULL AND a = first_of_version THEN 'deploy'
           WHEN runtime IS NOT NULL AND a = first_of_runtime AND first_known < a THEN 'runtime'
           WHEN latest > a THEN 'scale_out'
           WHEN latest IS NOT NULL THEN 'idle'
           ELSE 'first'
         END AS cause
  FROM ordered LEFT JOIN prepared USING (stream)
)
SELECT cause, CASE WHEN latest <= a AND (NOT cold OR cause = 'idle')
                   THEN floor(ln(greatest(1, (a - latest) / 1e6)) / ln({GROWTH}))::INTEGER END AS pause, count(*) AS n
FROM labelled GROUP BY ALL ORDER BY ALL""")
    causes = Counter[str]()
    pauses: dict[int, Counter[bool]] = defaultdict(Counter)
    for row in answer.rows:
        if row["cause"] is not None:
            causes[row["cause"]] += row["n"]
        if row["pause"] is not None:
            pauses[row["pause"]][row["cause"] is not None] += row["n"]
    cold = sum(causes.values())
    if not cold:
        return
    for cause in CAUSES:
        yield fact(f"cold_start.cause.{cause}", causes[cause], "count", cold, placed, answer.id, note)
    yield from _keep_alive(pauses, placed, answer.id)


def _latest(engine: Engine, scope: Scope) -> tuple[Scope, str | None]:
    (row,) = engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {scope.where}")
    if row["n"] <= MOST_ROWS:
        return scope, None
    (cut,) = engine.numbers(f"""
SELECT epoch_us(quantile_disc(end_time, {1 - MOST_ROWS / row["n"]:.6f})) AS time
FROM invocations WHERE {scope.thinned().where}""")
    latest = scope.narrowed(f"epoch_us(end_time) > {cut['time']}", scope.population)
    return latest, f"of about the latest {MOST_ROWS:,} calls"


def _keep_alive(pauses: dict[int, Counter[bool]], scope: Scope, evidence: str) -> Iterator[Measured]:
    """The pause after which half of the environments are gone, where the fitted share gets so far."""
    bins = sorted(pauses)
    cold, n = sum(pauses[one][True] for one in bins), sum(pauses[one].total() for one in bins)
    if min(cold, n - cold) < LEAST_OF_EACH:
        return
    sizes = [pauses[one].total() for one in bins]
    fitted = isotonic([pauses[one][True] / size for one, size in zip(bins, sizes, strict=True)], sizes)
    beyond = next((one for one, share in zip(bins, fitted, strict=True) if share >= 0.5), None)
    if beyond is None or fitted[0] >= 0.5:
        return
    yield Measured(
        metric="cold_start.keep_alive.p50",
        value=float(f"{GROWTH**beyond:.9g}"),
        unit="s",
        n=n,
        population=scope.narrowed("true", "calls that found no environment busy").population,
        evidence=evidence,
        note=f"{cold} cold of {n}; a rising step function has no limits here",
    )


FAMILY = Family(
    name="initialisations",
    measure=measure,
    example=Example(
        invocations=[
            # Every tenth minute a call in an environment that is kept; every second hour one whose environment is gone.
            {
                "stream": f"kept {call // 6}",
                "start_time": 1_000_000 * (600 * call + 7200 * (call // 6)),
                "end_time": 1_000_000 * (600 * call + 7200 * (call // 6) + 1),
                "duration_ms": 1000.0,
                "init_ms": None if call % 6 else 200.0,
            }
            for call in range(60)
        ],
        expect={
            "cold_start.cause.first": 1,
            "cold_start.cause.idle": 9,
            "cold_start.cause.scale_out": 0,
            # 7,798.8 s of pause lie in the 183rd step of 5 %.
            "cold_start.keep_alive.p50": 1.05**183,
        },
    ),
)
