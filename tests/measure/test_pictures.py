"""What the pictures are drawn from: small tables, however many invocations there were."""

from __future__ import annotations

from typing import Any

from analyzer.measure import measure
from analyzer.model import Measurements
from tests.conftest import MakeLake

FIRST = 1_773_734_400_000_000  # 2026-03-17T08:00:00Z
SECOND, MINUTE = 1_000_000, 60_000_000


def call(begin: int, end: int, **values: Any) -> dict[str, Any]:
    """A call from second `begin` to second `end`."""
    times = {"start_time": FIRST + begin * SECOND, "end_time": FIRST + end * SECOND}
    return times | {"duration_ms": (end - begin) * 1000.0} | values


def measured(make_lake: MakeLake, rows: list[dict[str, Any]]) -> Measurements:
    measurements = measure(make_lake(rows))
    assert measurements is not None
    return measurements


def test_calls_at_once_are_counted_where_they_overlap(make_lake: MakeLake) -> None:
    rows = [call(0, 50), call(10, 40), call(20, 30), call(30, 70)]
    levels = measured(make_lake, rows).levels
    assert [(one.start - FIRST, one.peak) for one in levels] == [(0, 3), (MINUTE, 1)]
    assert {(one.function, one.seconds) for one in levels} == {("checkout", 60)}


def test_a_call_that_begins_as_another_ends_is_not_at_once_with_it(make_lake: MakeLake) -> None:
    assert [one.peak for one in measured(make_lake, [call(0, 10), call(10, 20), call(20, 30)]).levels] == [1]


def test_an_initialisation_occupies_its_environment_before_the_call_begins(make_lake: MakeLake) -> None:
    rows = [call(0, 10), call(12, 20, init_ms=3_000.0)]
    assert [one.peak for one in measured(make_lake, rows).levels] == [2]


def test_a_duration_that_no_call_can_have_fills_no_picture(make_lake: MakeLake) -> None:
    rows = [call(0, 10), call(-10_000_000, 20)]
    assert [one.peak for one in measured(make_lake, rows).levels] == [1]


def test_every_environment_shows_its_highest_memory_once(make_lake: MakeLake) -> None:
    marks = [("a", 100), ("a", 140), ("b", 200), ("c", 160)]
    rows = [
        call(number, number + 1, stream=stream, memory_mb=512, max_memory_mb=used)
        for number, (stream, used) in enumerate(marks)
    ]
    (one,) = measured(make_lake, rows).marks
    assert (one.size_mb, one.environments, one.p50_mb, one.peak_mb) == (512, 3, 160, 200)


def test_the_fullest_function_comes_first(make_lake: MakeLake) -> None:
    rows = [
        call(0, 1, function="roomy", memory_mb=1024, max_memory_mb=400),
        call(2, 3, function="tight", memory_mb=256, max_memory_mb=250),
    ]
    assert [one.function for one in measured(make_lake, rows).marks] == ["tight", "roomy"]


def test_a_cold_call_waits_for_its_initialisation_as_well(make_lake: MakeLake) -> None:
    rows = [call(0, 1), call(2, 3, init_ms=500.0), call(4, 5, restore_ms=250.0)]
    waits = measured(make_lake, rows).waits
    assert [(one.cold, one.n) for one in waits] == [(False, 1), (True, 1), (True, 1)]
    for one, waited in zip(waits, (1_000.0, 1_250.0, 1_500.0), strict=True):
        assert one.low_ms <= waited < one.high_ms


def test_what_comes_later_than_the_first_of_its_kind_has_arrived(make_lake: MakeLake) -> None:
    rows = [
        call(0, 1, version="7", memory_mb=512, runtime="python:3.13.v14"),
        call(2, 3, version="8", memory_mb=512, runtime="python:3.13.v14"),
        call(4, 5, version="7", memory_mb=1024, runtime="python:3.13.v15"),
        call(6, 7, version="1", function="audit"),
    ]
    arrived = measured(make_lake, rows).arrivals
    assert [(one.function, one.what, one.name, (one.time - FIRST) // SECOND) for one in arrived] == [
        ("checkout", "version", "8", 3),
        ("checkout", "memory", "1024", 5),
        ("checkout", "runtime", "python:3.13.v15", 5),
    ]
