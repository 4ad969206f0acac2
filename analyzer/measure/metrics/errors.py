"""How invocations end. Shares are of those whose end is known: a log that shows no end does not show success."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, fact, share, shares
from analyzer.measure.scope import Scope
from analyzer.model import Measured

KNOWN = "outcome <> 'unknown'"
KNOWN_POPULATION = "invocations whose outcome is known"
CODE_FAILED = "outcome IN ('error', 'crash', 'init_failure')"
FAILED = "outcome NOT IN ('ok', 'unknown')"
RATES = {
    "failure.rate": FAILED,
    "error.rate": CODE_FAILED,
    "timeout.rate": "outcome = 'timeout'",
    "oom.rate": "outcome = 'out_of_memory'",
}


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    known = share(engine, scope, "error.known_outcomes", KNOWN)
    # How much of these logs can be read is a fact about them, and no estimate of anything.
    yield replace(known, low=known.value, high=known.value, interval=None)
    if not known.k:
        return

    for measured in shares(engine, scope, list(RATES.items()), of=KNOWN, population=KNOWN_POPULATION):
        yield measured
        if measured.metric != "failure.rate":
            name = measured.metric.removesuffix(".rate")
            yield fact(f"{name}.count", measured.k, "count", measured.n, scope, measured.evidence)
    answer = engine.ask(f"""
WITH groups AS (
  SELECT fingerprint, count(*) AS k FROM invocations WHERE {scope.where} AND {CODE_FAILED} GROUP BY fingerprint
)
SELECT max(k) AS k, sum(k)::BIGINT AS n FROM groups""")
    if answer.row["n"]:
        top = answer.row["k"] / answer.row["n"]
        yield fact("error.top_share", top, "share", answer.row["n"], scope, answer.id)


FAMILY = Family(
    name="errors",
    measure=measure,
    example=Example(
        invocations=[
            {"outcome": "ok"},
            {"outcome": "ok"},
            {"outcome": "error", "fingerprint": "a"},
            {"outcome": "crash", "fingerprint": "b"},
            {"outcome": "timeout"},
            {"outcome": "unknown"},
        ],
        expect={
            "error.known_outcomes": 5 / 6,
            "failure.rate": 3 / 5,
            "error.rate": 2 / 5,
            "error.count": 2,
            "error.top_share": 1 / 2,
            "timeout.rate": 1 / 5,
            "oom.count": 0,
        },
    ),
)
