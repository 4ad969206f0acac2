"""The log lines that show best what is wrong: up to three of one function for each symptom that it could have.

An event is quoted as it was logged. A REPORT line is not kept as text, its figures are: they are said in its stead, so that the
same lake gives the same report whether or not the files are still there.
"""

from __future__ import annotations

from msgspec import Struct

from analyzer import figures
from analyzer.lake import Engine
from analyzer.measure.metrics.cold_starts import COLD, TOTAL
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.model import Excerpt, Measured, SymptomKind

MOST = 3
FILLED = "max_memory_mb / memory_mb"
COLUMNS = "request_id, outcome, duration_ms, init_ms, restore_ms, memory_mb, max_memory_mb, attempt, source, position"


class Shown(Struct, frozen=True):
    """Which invocations show a symptom, where `metric` says that there may be any. `{metric}` stands for its value.

    Those come first of which `by` is the largest, or the least.
    """

    metric: str
    condition: str = "true"
    by: str = "duration_ms"
    least: bool = False


# Durations are uneven only where calls are slow as well, and the slowest are shown there.
SHOWN: dict[SymptomKind, Shown] = {
    "slow": Shown("duration.max"),
    "timing-out": Shown("timeout.count", "outcome = 'timeout'"),
    "out-of-memory": Shown("oom.count", "outcome = 'out_of_memory'", FILLED),
    "near-memory-limit": Shown("memory.peak_ratio.max", "memory_mb > 0", FILLED),
    "growing-memory": Shown("memory.leak.slope", "memory_mb > 0", FILLED),
    "cold-tail": Shown("cold_start.count", COLD, TOTAL),
    "retried": Shown("retry.amplification", "attempt > 1", "attempt"),
    "changed": Shown(
        "change.at", f"{WARM_AND_WELL} AND epoch(end_time) >= {{metric}}", "epoch_us(end_time)", least=True
    ),
    "episode": Shown(
        "episode.begin", f"{WARM_AND_WELL} AND epoch(end_time) >= {{metric}}", "epoch_us(end_time)", least=True
    ),
    "hanging": Shown("plateau.at", "duration_ms IS NOT NULL", "abs(duration_ms - {metric})", least=True),
    "drifting": Shown("trend.total"),
    "crowded": Shown("concurrency.load.slope"),
    "uneven-environments": Shown("environment.slow_share"),
}


def lines_behind(engine: Engine, scope: Scope, metrics: dict[str, Measured]) -> dict[SymptomKind, list[Excerpt]]:
    """The lines for each symptom that the metrics of one function leave possible."""
    found: dict[SymptomKind, list[Excerpt]] = {}
    for kind, shown in SHOWN.items():
        measured = metrics.get(shown.metric)
        if measured is not None and measured.value:
            # What is rare may not be among those that stand for all.
            parts = (scope,) if kind == "slow" else (scope.thinned(), scope)
            lines = next(filter(None, (_lines(engine, part, shown, measured.value) for part in parts)), None)
            if lines:
                found[kind] = lines
    return found


def _lines(engine: Engine, scope: Scope, shown: Shown, value: float) -> list[Excerpt]:
    """The invocations, each with the line that says how it ended where there is one."""
    condition, by = (text.replace("{metric}", repr(value)) for text in (shown.condition, shown.by))
    first, reaches, sort = ("min", "<=", "ASC NULLS LAST") if shown.least else ("max", ">=", "DESC NULLS LAST")
    # Of millions few come in question: what the last of the first has is known at once, and most are never put in order.
    candidates = f"{scope.where} AND {condition}"
    (edge,) = engine.numbers(f"SELECT count(*) AS n, {first}({by}, {MOST}) AS best FROM invocations WHERE {candidates}")
    if edge["n"] == 0:
        return []
    if len(edge["best"] or []) == MOST:
        candidates = f"{candidates} AND {by} {reaches} {edge['best'][-1]!r}"
    rows = engine.numbers(f"""
WITH chosen AS (
  SELECT *, row_number() OVER (ORDER BY first {sort}, source, position) AS place
  FROM (SELECT {COLUMNS}, epoch_us(end_time) AS time, {by} AS first
        FROM invocations WHERE {candidates} ORDER BY first {sort}, source, position LIMIT {MOST})
), said AS (
  SELECT request_id, arg_min({{'message': message, 'source': source, 'position': position}}, (time, source, position)) AS line
  FROM events WHERE {scope.where_events} AND kind IN ('timeout', 'fault') AND request_id IN (SELECT request_id FROM chosen)
  GROUP BY request_id
)
SELECT chosen.*, line FROM chosen LEFT JOIN said USING (request_id) ORDER BY place""")
    return [
        Excerpt(
            row["line"]["message"] if row["line"] else _figures(row),
            row["line"]["source"] if row["line"] else row["source"],
            row["line"]["position"] if row["line"] else row["position"],
            row["time"],
            row["request_id"],
        )
        for row in rows
    ]


def _figures(row: dict[str, object]) -> str:
    """What a REPORT line says, to the digits that people read."""
    parts = [f"REPORT {row['request_id']}"]
    for name, column in (("Duration", "duration_ms"), ("Init Duration", "init_ms"), ("Restore Duration", "restore_ms")):
        value = row[column]
        if isinstance(value, float):
            parts.append(f"{name} {figures.write(value, 'ms')}")
    if row["max_memory_mb"] is not None:
        parts.append(f"Max Memory Used {row['max_memory_mb']} of {row['memory_mb']} MB")
    if row["attempt"] != 1:
        parts.append(f"attempt {row['attempt']}")
    return ", ".join([*parts, str(row["outcome"]).replace("_", " ")])
