"""The rows of a timeline, from lakes whose story is known."""

from __future__ import annotations

from typing import Any

from analyzer.measure import measure
from analyzer.model import Measurements, Moment
from tests.conftest import MakeLake

BEGIN, SECOND = 1_772_323_200_000_000, 1_000_000  # 2026-03-01


def calls(*stretches: tuple[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """A call every second; each stretch is how many, and what is true of them."""
    rows: list[dict[str, Any]] = []
    for count, values in stretches:
        rows += [
            {"duration_ms": 100.0, "end_time": BEGIN + (len(rows) + number) * SECOND, "memory_mb": 512, "version": "7"}
            | values
            for number in range(count)
        ]
    return rows


def told(measurements: Measurements | None) -> list[tuple[str, int, str | None]]:
    assert measurements is not None
    (function,) = measurements.functions
    return [(one.kind, (one.time - BEGIN) // SECOND, one.name) for one in function.moments]


def test_versions_and_memory_sizes_come_and_go(make_lake: MakeLake) -> None:
    lake = make_lake(calls((10, {}), (10, {"version": "8"}), (10, {"version": "8", "memory_mb": 1024})))
    assert told(measure(lake)) == [
        ("version-gone", 9, "7"),
        ("version", 10, "8"),
        ("memory-gone", 19, "512"),
        ("memory", 20, "1024"),
    ]


def test_each_way_to_fail_has_its_first_and_its_last(make_lake: MakeLake) -> None:
    failed = {"outcome": "error", "error_type": "KeyError"}
    lake = make_lake(calls((5, {}), (1, failed), (5, {}), (2, failed), (5, {}), (1, {"outcome": "timeout"}), (3, {})))
    assert told(measure(lake)) == [
        ("first-failure", 5, "KeyError"),
        ("last-failure", 12, "KeyError"),
        ("first-failure", 18, "timeout"),
    ]


def test_a_change_stands_where_it_happened_with_what_it_amounts_to(make_lake: MakeLake) -> None:
    measurements = measure(make_lake(calls((300, {}), (300, {"duration_ms": 200.0, "version": "8"}))))
    assert measurements is not None
    change: Moment = next(one for one in measurements.functions[0].moments if one.kind == "change")
    assert change.low is not None
    assert change.high is not None
    assert change.low <= BEGIN + 300 * SECOND <= change.high
    assert change.number is not None
    assert round(change.number.value or 0, 6) == 2.0
    assert change.evidence in measurements.evidence


def test_a_quiet_function_has_no_story(make_lake: MakeLake) -> None:
    assert told(measure(make_lake(calls((50, {}))))) == []


def test_calls_without_a_time_tell_no_story_and_stop_nothing(make_lake: MakeLake) -> None:
    assert told(measure(make_lake([{"duration_ms": 5.0, "end_time": None, "outcome": "error"}] * 3))) == []
