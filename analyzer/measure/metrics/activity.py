"""How much happened: invocations, environments, and the same request again."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, fact
from analyzer.measure.scope import Scope
from analyzer.model import Measured


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    answer = engine.ask(f"""
SELECT count(*) AS invocations, count(DISTINCT stream) AS environments,
       count(end_time) / nullif(count(DISTINCT epoch_us(end_time) // 300000000), 0) AS per_five_minutes
FROM invocations WHERE {scope.where}""")
    row = answer.row
    n = row["invocations"]
    yield fact("invocations", n, "count", n, scope, answer.id)
    if row["environments"]:
        yield fact("environments", row["environments"], "count", n, scope, answer.id)
    if row["per_five_minutes"] is not None:
        yield fact("invocations.per_five_minutes", row["per_five_minutes"], "ratio", n, scope, answer.id)
    answer = engine.ask(f"""
SELECT count(*) AS invocations, count(DISTINCT request_id) AS requests FROM invocations WHERE {scope.where_requests}""")
    row = answer.row
    if row["requests"]:
        repeated = row["invocations"] / row["requests"]
        note = scope.requests.words if scope.requests else None
        yield fact("retry.amplification", repeated, "ratio", row["invocations"], scope, answer.id, note)


FAMILY = Family(
    name="activity",
    measure=measure,
    example=Example(
        invocations=[
            {"request_id": "a", "stream": "one", "end_time": 1_000_000},
            {"request_id": "a", "stream": "two", "end_time": 2_000_000},
            {"request_id": "b", "stream": "two", "end_time": 3_600_000_000},
        ],
        expect={
            "invocations": 3,
            "environments": 2,
            "retry.amplification": 1.5,
            "invocations.per_five_minutes": 1.5,
        },
    ),
)
