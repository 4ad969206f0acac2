"""Errors that say the same, with a few of their lines."""

from __future__ import annotations

from analyzer.lake import Engine, text_literal
from analyzer.measure.scope import Scope
from analyzer.model import ErrorGroup, Excerpt

MOST_GROUPS, MOST_EXCERPTS = 10, 3


def error_groups(engine: Engine, scope: Scope) -> list[ErrorGroup]:
    """The commonest groups of error lines, those first that made most invocations fail."""
    answer = engine.ask(f"""
WITH lines AS (
  SELECT coalesce(function, '') AS function, fingerprint, min(error_type) AS error_type, count(*) AS lines
  FROM events WHERE {scope.where_events} AND kind IN ('error', 'fault', 'timeout') GROUP BY 1, 2
), failures AS (
  SELECT coalesce(function, '') AS function, fingerprint, min(error_type) AS error_type, count(*) AS failed
  FROM invocations WHERE {scope.where} AND fingerprint IS NOT NULL GROUP BY 1, 2
)
SELECT function, fingerprint, coalesce(lines.error_type, failures.error_type) AS error_type,
       coalesce(lines, 0) AS lines, coalesce(failed, 0) AS failed
FROM lines FULL JOIN failures USING (function, fingerprint)
ORDER BY failed DESC, lines DESC, fingerprint, function LIMIT {MOST_GROUPS}""")
    return [
        ErrorGroup(
            row["function"],
            row["fingerprint"],
            row["error_type"],
            row["lines"],
            row["failed"],
            answer.id,
            _excerpts(engine, scope, row["function"], row["fingerprint"]),
        )
        for row in answer.rows
    ]


def _excerpts(engine: Engine, scope: Scope, function: str, fingerprint: str) -> list[Excerpt]:
    rows = engine.numbers(f"""
SELECT message, source, position, epoch_us(time) AS time, request_id
FROM events WHERE {scope.where_events} AND fingerprint = {text_literal(fingerprint)}
  AND coalesce(function, '') = {text_literal(function)}
ORDER BY time, source, position LIMIT {MOST_EXCERPTS}""")
    return [Excerpt(**row) for row in rows]
