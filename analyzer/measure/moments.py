"""What happened when: the rows of a timeline, each with the query that found it."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.bins import SECOND, one_function
from analyzer.measure.metrics.errors import FAILED
from analyzer.measure.scope import Scope
from analyzer.model import Measured, Moment, MomentKind

# A function fails in few ways that matter, and has few versions in a period that anyone looks at as a whole.
MOST_FAILURES, MOST_SETTINGS = 6, 20
# Each turning point, its place and what it amounts to.
TURNS: tuple[tuple[MomentKind, str, str], ...] = (
    ("change", "change.at", "change.ratio"),
    ("error-change", "error_change.at", "error_change.difference"),
    ("memory-change", "memory_change.at", "memory_change.ratio"),
    ("episode-begin", "episode.begin", "episode.ratio"),
    ("episode-end", "episode.end", "episode.ratio"),
)
CAME: dict[str, MomentKind] = {"version": "version", "memory": "memory", "runtime": "runtime"}
WENT: dict[str, MomentKind] = {"version": "version-gone", "memory": "memory-gone", "runtime": "runtime-gone"}


def moments(engine: Engine, scope: Scope, metrics: dict[str, Measured]) -> list[Moment]:
    """The moments of one function in the order of time; none of all functions together, whose story is that of each."""
    if not one_function(scope):
        return []
    found = [*_turns(metrics), *_failures(engine, scope), *_settings(engine, scope)]
    return sorted(found, key=lambda one: (one.time, one.kind, one.name or ""))


def _turns(metrics: dict[str, Measured]) -> Iterator[Moment]:
    for kind, place, amount in TURNS:
        at = metrics.get(place)
        if at is not None and at.value is not None:
            yield Moment(
                kind=kind,
                time=round(at.value) * SECOND,
                low=None if at.low is None else round(at.low) * SECOND,
                high=None if at.high is None else round(at.high) * SECOND,
                number=metrics.get(amount),
                evidence=at.evidence,
            )


def _failures(engine: Engine, scope: Scope) -> Iterator[Moment]:
    """The first and the last of each way to fail, the commonest ways first."""
    answer = engine.ask(f"""
SELECT coalesce(error_type, outcome) AS name, count(*) AS n, epoch_us(min(end_time)) AS first, epoch_us(max(end_time)) AS last
FROM invocations WHERE {scope.where} AND {FAILED} AND end_time IS NOT NULL
GROUP BY name ORDER BY n DESC, name LIMIT {MOST_FAILURES}""")
    for row in answer.rows:
        yield Moment(
            kind="first-failure", time=row["first"], name=row["name"], count=row["n"], evidence=answer.id
        )  # fmt: skip
        if row["n"] > 1:
            yield Moment(
                kind="last-failure", time=row["last"], name=row["name"], count=row["n"], evidence=answer.id
            )  # fmt: skip


def _settings(engine: Engine, scope: Scope) -> Iterator[Moment]:
    """Versions, memory sizes and runtimes that came or went.

    The first of each to be seen was there before these logs, and the last to be seen is there still.
    """
    answer = engine.ask(f"""
WITH together AS (
  SELECT version, memory_mb, runtime, min(end_time) AS first, max(end_time) AS last
  FROM invocations WHERE {scope.where} AND end_time IS NOT NULL GROUP BY ALL
), seen AS (
  SELECT unnest(['version', 'memory', 'runtime']) AS what, unnest([version, memory_mb::VARCHAR, runtime]) AS name, first, last
  FROM together
)
SELECT what, name, epoch_us(min(first)) AS first, epoch_us(max(last)) AS last
FROM seen WHERE name IS NOT NULL GROUP BY what, name ORDER BY what, first, name""")
    for what in CAME:
        rows = [row for row in answer.rows if row["what"] == what]
        for row in rows[1:][:MOST_SETTINGS]:
            yield Moment(kind=CAME[what], time=row["first"], name=row["name"], evidence=answer.id)
        for row in sorted(rows, key=lambda row: (row["last"], row["name"]))[:-1][:MOST_SETTINGS]:
            yield Moment(kind=WENT[what], time=row["last"], name=row["name"], evidence=answer.id)
