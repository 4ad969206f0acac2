"""Slow calls that all take the same time: the mark of a client's own timeout against something that does not answer.

Looked for among durations above four times the median, in a window of 1.5 % that slides over their logarithms. The function's
own timeout makes such a plateau too, so calls that ran into it are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, fact
from analyzer.measure.scope import Scope
from analyzer.model import Measured

SLOW = 4
# Of the logarithm, in steps of a hundredth of a percent: grouped, so that the window slides over a bounded number of rows.
STEPS = 10_000
WIDTH = 150
# Fewer calls agree by chance.
LEAST_CALLS = 5
# Seconds that people set client timeouts to, alone or after a first try.
ROUND = (
    0.5,
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    12,
    15,
    20,
    25,
    28,
    29,
    30,
    40,
    45,
    50,
    60,
    90,
    100,
    120,
    150,
    180,
    240,
    300,
    600,
)


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    answer = engine.ask(f"""
WITH calls AS (
  SELECT duration_ms, outcome FROM invocations WHERE {scope.where} AND duration_ms > 0
), typical AS (
  SELECT quantile_disc(duration_ms, 0.5) AS p50, count(*) AS n FROM calls
), slow AS (
  SELECT round({STEPS} * ln(duration_ms))::BIGINT AS x, count(*) AS k
  FROM calls, typical WHERE duration_ms > {SLOW} * p50 AND outcome <> 'timeout' GROUP BY x
), windows AS (
  SELECT x, sum(k) OVER near AS k, sum(k * x) OVER near AS kx
  FROM slow WINDOW near AS (ORDER BY x RANGE BETWEEN CURRENT ROW AND {WIDTH - 1} FOLLOWING)
)
SELECT k::BIGINT AS k, exp(kx / k / {STEPS}) AS middle, p50, n, (SELECT sum(k)::BIGINT FROM slow) AS slow
FROM windows, typical ORDER BY k DESC, x LIMIT 1""")
    if not answer.rows or answer.row["k"] < LEAST_CALLS:
        return
    row = answer.row
    k, n, slow = row["k"], row["n"], row["slow"]
    # A call that waits for a limit does its own work as well.
    distances = {
        seconds: min(abs(waited / 1000 / seconds - 1) for waited in (row["middle"], row["middle"] - row["p50"]))
        for seconds in ROUND
    }
    nearest = min(distances, key=distances.__getitem__)
    is_round = distances[nearest] <= WIDTH / STEPS
    tail = scope.narrowed("true", f"calls above {SLOW} times the median that did not time out")
    note = f"near {nearest:g} s" if is_round else None
    yield fact("plateau.count", k, "count", slow, tail, answer.id)
    yield replace(fact("plateau.share", k / n, "share", n, scope, answer.id), k=k)
    yield replace(fact("plateau.concentration", k / slow, "share", slow, tail, answer.id), k=k)
    yield fact("plateau.at", row["middle"], "ms", k, tail, answer.id, note)
    yield fact("plateau.round", float(is_round), "count", k, tail, answer.id, note)


FAMILY = Family(
    name="plateau",
    measure=measure,
    thinned=True,
    example=Example(
        invocations=[{"duration_ms": 100.0 + number} for number in range(40)]
        + [{"duration_ms": 10_000.0 + 10 * number} for number in range(8)]
        + [{"duration_ms": value} for value in (2_000.0, 20_000.0)]
        + [{"duration_ms": 60_000.0, "outcome": "timeout"}] * 20,
        expect={
            "plateau.count": 8,
            "plateau.share": 8 / 70,
            "plateau.concentration": 0.8,
            "plateau.round": 1,
        },
    ),
)
