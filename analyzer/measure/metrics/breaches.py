"""The share of invocations slower than the threshold that the reader cares about most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, Threshold, shares
from analyzer.measure.scope import Scope
from analyzer.model import Measured


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    yield from breaches(engine, scope, (settings.headline,))


def breaches(engine: Engine, scope: Scope, thresholds: Sequence[Threshold]) -> list[Measured]:
    """For each threshold the share of invocations with a REPORT whose duration exceeds it."""
    conditions = [("breach.rate", slower_than(threshold)) for threshold in thresholds]
    measured = shares(engine, scope, conditions, of="duration_ms IS NOT NULL")
    return [replace(one, threshold=threshold.text) for one, threshold in zip(measured, thresholds, strict=True)]


def slower_than(threshold: Threshold) -> str:
    return f"duration_ms > {threshold.limit_ms!r}"


FAMILY = Family(
    name="breaches",
    measure=measure,
    example=Example(
        invocations=[
            {"duration_ms": 59_999.9},
            {"duration_ms": 60_000.0},
            {"duration_ms": 60_000.1},
            {"duration_ms": None},
        ],
        expect={"breach.rate": 1 / 3},
    ),
)
