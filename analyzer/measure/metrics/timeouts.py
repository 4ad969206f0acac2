"""What the timeouts say of the limit: whether it cuts a smooth tail off, or ends calls that would never have come back."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, fact
from analyzer.measure.scope import Scope
from analyzer.model import Measured

# The longest limit that Lambda allows, in seconds.
LONGEST = 900
# A limit is proposed at this multiple of the longest call that came back by itself.
HEADROOM = 1.5
# Steps in which people set timeouts.
STEPS = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, LONGEST)
# Below this many completed calls the longest one says too little about the next.
LEAST_COMPLETED = 10


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    answer = engine.ask(f"""
WITH calls AS (
  SELECT duration_ms, outcome, max(timeout_s) OVER () AS timeout_s
  FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL
)
SELECT any_value(timeout_s) AS timeout_s,
       count(*) FILTER (outcome = 'timeout') AS timeouts,
       count(*) FILTER (outcome <> 'timeout') AS completed,
       max(duration_ms) FILTER (outcome <> 'timeout') AS longest,
       count(*) FILTER (outcome <> 'timeout' AND duration_ms > timeout_s * 500) AS close,
       quantile_disc(duration_ms, 0.995) FILTER (outcome <> 'timeout') AS p995
FROM calls""")
    row = answer.row
    limit, completed, longest = row["timeout_s"], row["completed"], row["longest"]
    if limit:
        yield fact("timeout.limit", limit, "s", row["timeouts"], scope, answer.id)
        yield fact("timeout.density", row["close"] / row["timeouts"], "ratio", row["timeouts"], scope, answer.id)
        if completed:
            yield fact("timeout.headroom", longest / (limit * 1000), "ratio", completed, scope, answer.id)
            yield fact("timeout.gap", row["p995"] / (limit * 1000), "ratio", completed, scope, answer.id)
    if completed >= LEAST_COMPLETED:
        yield fact(
            "timeout.recommended",
            recommended(longest),
            "s",
            completed,
            scope,
            answer.id,
            note=f"{HEADROOM} times the longest of {completed} calls that came back, rounded up",
        )


def recommended(longest_ms: float) -> float:
    """Seconds: the next usual step above the longest completed call with headroom, at most what Lambda allows."""
    wanted = math.ceil(longest_ms / 1000 * HEADROOM)
    return float(next((step for step in STEPS if step >= wanted), LONGEST))


FAMILY = Family(
    name="timeouts",
    measure=measure,
    example=Example(
        invocations=[{"duration_ms": 1000.0 * second, "outcome": "ok"} for second in range(1, 11)]
        + [{"duration_ms": 12_000.0, "outcome": "timeout", "timeout_s": 12.0}] * 2,
        expect={
            "timeout.limit": 12.0,
            "timeout.density": 2.0,
            "timeout.headroom": 10 / 12,
            "timeout.gap": 10 / 12,
            "timeout.recommended": 15.0,
        },
    ),
)
