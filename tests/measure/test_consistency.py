"""Contradictions are said, and there are none where there are none."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from analyzer.measure import Threshold, measure
from analyzer.measure.consistency import broken_sums
from analyzer.model import FunctionMeasurements, Measured, Measurements
from tests.conftest import MakeLake

THRESHOLDS = (Threshold("duration>60s", 60_000.0),)
END = 1_773_735_125_000_000
SOUND: dict[str, Any] = {
    "start_time": END - 100_000,
    "end_time": END,
    "duration_ms": 99.5,
    "billed_ms": 100.0,
    "memory_mb": 128,
    "max_memory_mb": 128,
}


def measured(make_lake: MakeLake, *rows: dict[str, Any]) -> Measurements:
    measurements = measure(make_lake([SOUND | row for row in rows]), thresholds=THRESHOLDS)
    assert measurements is not None
    return measurements


def test_sound_logs_hold_no_contradiction(make_lake: MakeLake) -> None:
    rows: list[dict[str, Any]] = [
        {},
        {"init_ms": 50.0, "billed_ms": 150.0},
        {"init_ms": 50.0, "billed_ms": 100.0},
        {"restore_ms": 300.0, "billed_restore_ms": 200.0, "billed_ms": 300.0},
        {
            "outcome": "timeout",
            "timeout_s": 3.0,
            "duration_ms": 3003.2,
            "billed_ms": 3004.0,
            "start_time": END - 3_003_200,
        },
        {"billed_ms": None},
    ]
    assert measured(make_lake, *rows).quality.broken == []


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"start_time": END + 1}], "1 of 2 invocations end before they begin."),
        (
            [{"outcome": "timeout", "timeout_s": 3.0, "duration_ms": 9_000.0, "billed_ms": 9_000.0}],
            "1 of 1 invocations that timed out took longer than their limit.",
        ),
        ([{"max_memory_mb": 130}], "1 of 2 reports state more memory used than there was."),
        (
            [{"billed_ms": 200.0}],
            "1 of 2 reports are billed for neither their duration nor duration and initialisation.",
        ),
        (
            [{"stream": "one", "init_ms": 5.0, "billed_ms": 105.0}] * 3,
            "2 of 3 cold starts are more than their environments can have had: one each, and one after every reset.",
        ),
    ],
)
def test_a_report_that_contradicts_itself_is_counted(
    make_lake: MakeLake, rows: list[dict[str, Any]], sentence: str
) -> None:
    assert sentence in measured(make_lake, {}, *rows).quality.broken


def test_an_environment_that_was_reset_may_start_once_more(make_lake: MakeLake) -> None:
    cold = {"stream": "one", "init_ms": 5.0, "billed_ms": 105.0}
    assert measured(make_lake, cold, {"stream": "one", "outcome": "crash"}, cold).quality.broken == []


def spoiled(make_lake: MakeLake, metric: str, **values: Any) -> list[str]:
    """What is said once one number of sound measurements has been changed."""
    (function,) = measured(make_lake, {}, {}, {}).functions
    metrics = function.metrics | {metric: replace(function.metrics[metric], **values)}
    changed: FunctionMeasurements = replace(function, metrics=metrics)
    return list(broken_sums(function, [changed], THRESHOLDS))


@pytest.mark.parametrize(
    ("metric", "values", "sentence"),
    [
        ("duration.p50", {"value": 200.0, "low": None, "high": None}, "checkout: duration.p50 exceeds duration.max."),
        ("duration.mean", {"value": 5.0, "low": 90.0}, "checkout: duration.mean lies outside its own interval."),
        ("failure.rate", {"k": 2}, "checkout: failure.rate is not 2 of 3."),
        (
            "duration.min",
            {"value": 70_000.0},
            "checkout: the share with duration>60s contradicts the range of durations.",
        ),
        ("breach.rate", {"n": 2}, "checkout: the breach.rate of its hours has more invocations than that of all."),
        (
            "concurrency.little",
            {"value": 1.5},
            "checkout: the calls at once add up to 1.5 times the reported durations.",
        ),
    ],
)
def test_numbers_that_contradict_each_other_are_named(
    make_lake: MakeLake, metric: str, values: dict[str, Any], sentence: str
) -> None:
    assert sentence in spoiled(make_lake, metric, **values)


def test_functions_must_add_up_to_the_whole(make_lake: MakeLake) -> None:
    (function,) = measured(make_lake, {}, {}).functions
    assert list(broken_sums(function, [function, function], THRESHOLDS)) == [
        "The functions have 4 invocations together, and all of them 2."
    ]


def test_a_number_that_could_not_be_estimated_contradicts_nothing(make_lake: MakeLake) -> None:
    (function,) = measured(make_lake, {}).functions
    absent = Measured(metric="duration.p50", value=None, unit="ms", n=0, population="", evidence="q1")
    changed = replace(function, metrics=function.metrics | {"duration.p50": absent})
    assert list(broken_sums(function, [changed], THRESHOLDS)) == []
