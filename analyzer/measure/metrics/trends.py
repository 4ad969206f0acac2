"""Whether warm calls and the memory of first calls drift over the whole window, and whether a step would describe it better."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from analyzer.lake import Engine
from analyzer.measure.bins import SECOND, Bins, durations, first_memory
from analyzer.measure.family import Example, Family, Settings, estimate, fact
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.measure.series import step_and_line, step_over_line, trend
from analyzer.measure.statistics import Interval
from analyzer.model import Measured


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    warm = scope.narrowed(WARM_AND_WELL, "warm calls that went well")
    bins = durations(engine, warm)
    if bins is not None:
        yield from _drift("trend", bins, warm)
        step = step_over_line(bins.middles, bins.values)
        yield fact("trend.step_bic", step, "ratio", bins.n, warm, bins.evidence)
        both = step_and_line(bins.middles, bins.values)
        span = bins.middles[-1] - bins.middles[0]
        yield fact("trend.step_beside_line", both.over_line, "ratio", bins.n, warm, bins.evidence)
        yield fact("trend.line_beside_step", both.over_step, "ratio", bins.n, warm, bins.evidence)
        yield fact("trend.beside_step", math.expm1(both.slope * span), "share", bins.n, warm, bins.evidence)
    memory = first_memory(engine, scope)
    if memory is not None:
        yield from _drift("trend.memory", memory, scope.narrowed("nth = 1", "first calls of environments"))


def _drift(name: str, bins: Bins, scope: Scope) -> Iterator[Measured]:
    """The relative change along the line from the middle of the first bin to that of the last."""
    times = bins.middles
    if any(before >= after for before, after in pairwise(times)):
        return  # Bursts within a moment lie in no line of time.
    found = trend(times, bins.values)
    span = times[-1] - times[0]
    low, high = (
        None if limit is None else math.expm1(limit * span) for limit in (found.interval.low, found.interval.high)
    )
    limits = Interval(low, high, found.interval.method)
    total, p = (f"{name}.total", f"{name}.p") if "." not in name else (f"{name}_total", f"{name}_p")
    yield estimate(total, math.expm1(found.slope * span), limits, "share", bins.n, scope, bins.evidence)
    yield fact(p, found.p, "ratio", bins.n, scope, bins.evidence)


# 2026-03-01. A call every second: duration and memory at the first call double evenly over ten minutes.
BEGIN, CALLS = 1_772_323_200_000_000, 600

FAMILY = Family(
    name="trends",
    measure=measure,
    thinned=True,
    example=Example(
        invocations=[
            {
                "duration_ms": 100.0 * 2 ** (number / CALLS),
                "max_memory_mb": round(10_000 * 2 ** (number / CALLS)),
                "nth": 1,
                "end_time": BEGIN + number * SECOND,
            }
            for number in range(CALLS)
        ],
        # From the middle of the first bin of ten to that of the last, and of three.
        expect={"trend.total": 2 ** (590 / CALLS) - 1, "trend.p": 0.0, "trend.memory_p": 0.0},
    ),
)
