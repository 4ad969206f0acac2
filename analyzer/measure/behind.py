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
LONGEST_FIRST = "duration_ms DESC NULLS LAST"
FULLEST_FIRST = "max_memory_mb / memory_mb DESC NULLS LAST"
COLUMNS = "request_id, outcome, duration_ms, init_ms, restore_ms, memory_mb, max_memory_mb, attempt, source, position"


class Shown(Struct, frozen=True):
    """Which invocations show a symptom, where `metric` says that there may be any. `{metric}` stands for its value."""

    metric: str
    condition: str = "true"
    order: str = LONGEST_FIRST


# Durations are uneven only where calls are slow as well, and the slowest are shown there.
SHOWN: dict[SymptomKind, Shown] = {
    "slow": Shown("duration.max"),
    "timing-out": Shown("timeout.count", "outcome = 'timeout'"),
    "out-of-memory": Shown("oom.count", "outcome = 'out_of_memory'", FULLEST_FIRST),
    "near-memory-limit": Shown("memory.peak_ratio.max", "memory_mb > 0", FULLEST_FIRST),
    "growing-memory": Shown("memory.leak.slope", "memory_mb > 0", FULLEST_FIRST),
    "cold-tail": Shown("cold_start.count", COLD, f"{TOTAL} DESC NULLS LAST"),
    "retried": Shown("retry.amplification", "attempt > 1", "attempt DESC"),
    "changed": Shown("change.at", f"{WARM_AND_WELL} AND epoch(end_time) >= {{metric}}", "end_time"),
    "episode": Shown("episode.begin", f"{WARM_AND_WELL} AND epoch(end_time) >= {{metric}}", "end_time"),
    "hanging": Shown("plateau.at", "duration_ms IS NOT NULL", "abs(duration_ms - {metric})"),
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
            lines = _lines(engine, scope, shown, measured.value)
            if lines:
                found[kind] = lines
    return found


def _lines(engine: Engine, scope: Scope, shown: Shown, value: float) -> list[Excerpt]:
    """The invocations, each with the line that says how it ended where there is one."""
    condition, order = (text.replace("{metric}", repr(value)) for text in (shown.condition, shown.order))
    rows = engine.rows(f"""
WITH chosen AS (
  SELECT {COLUMNS}, epoch_us(end_time) AS time, row_number() OVER (ORDER BY {order}, source, position) AS place
  FROM (SELECT * FROM invocations WHERE {scope.where} AND {condition} ORDER BY {order}, source, position LIMIT {MOST})
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
