"""What repeats every day and every week in the durations of warm calls that went well. Absent below two periods."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analyzer.lake import Engine
from analyzer.measure.bins import DAY, HOUR, daily, weekly
from analyzer.measure.family import Example, Family, Settings, fact
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.model import Measured


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    for name, (found, evidence) in (("", daily(engine, scope)), ("week_", weekly(engine, scope))):
        if found is None:
            continue
        warm = scope.narrowed(WARM_AND_WELL, "warm calls that went well")
        n = sum(phase is not None for phase in found.phases)
        yield fact(f"rhythm.{name}amplitude", math.exp(found.amplitude), "ratio", n, warm, evidence)
        yield fact(f"rhythm.{name}p", found.p, "ratio", n, warm, evidence)


# A Monday. Four weeks of three calls every four hours, twice as slow at noon and on Sundays.
BEGIN = 1_772_409_600_000_000

FAMILY = Family(
    name="rhythm",
    measure=measure,
    thinned=True,
    example=Example(
        invocations=[
            {
                "duration_ms": 100.0 * (2 if hour == 12 else 1) * (2 if day % 7 == 6 else 1),
                "end_time": BEGIN + day * DAY + hour * HOUR + call,
            }
            for day in range(28)
            for hour in range(0, 24, 4)
            for call in range(3)
        ],
        expect={"rhythm.amplitude": 2.0, "rhythm.week_amplitude": 2.0, "rhythm.p": 0.002, "rhythm.week_p": 0.002},
    ),
)
