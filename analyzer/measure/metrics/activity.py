"""How much happened: invocations, environments, and the same request again."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, fact
from analyzer.measure.scope import Scope
from analyzer.model import Measured


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    answer = engine.ask(f"""
SELECT count(*) AS invocations, count(DISTINCT stream) AS environments, count(DISTINCT request_id) AS requests
FROM invocations WHERE {scope.where}""")
    row = answer.row
    n = row["invocations"]
    yield fact("invocations", n, "count", n, scope, answer.id)
    if row["environments"]:
        yield fact("environments", row["environments"], "count", n, scope, answer.id)
    if row["requests"]:
        yield fact("retry.amplification", n / row["requests"], "ratio", n, scope, answer.id)


FAMILY = Family(
    name="activity",
    measure=measure,
    example=Example(
        invocations=[
            {"request_id": "a", "stream": "one"},
            {"request_id": "a", "stream": "two"},
            {"request_id": "b", "stream": "two"},
        ],
        expect={"invocations": 3, "environments": 2, "retry.amplification": 1.5},
    ),
)
