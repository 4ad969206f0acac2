"""What `measure` says of changes over time, from calls whose history is made up here."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
import pytest

from analyzer.figures import write_measured
from analyzer.measure import measure
from analyzer.model import FunctionMeasurements, Measured
from tests.conftest import MakeLake

FIRST = 1_772_409_600_000_000  # Monday, 2026-03-02T00:00Z
SECOND, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000

Row = dict[str, Any]


def calls(n: int, apart: int, seed: int = 0, **same: Any) -> list[Row]:
    """Calls at equal distances whose durations scatter by a fifth around 100 ms, twenty calls on each environment."""
    generator = np.random.default_rng(seed)
    return [
        {
            "duration_ms": float(100 * exp(0.2 * generator.standard_normal())),
            "end_time": FIRST + number * apart,
            "stream": f"{same.get('function')}-{number // 20}",
        }
        | same
        for number in range(n)
    ]


def slower(rows: list[Row], factor: float, begin: int, end: int | None = None) -> list[Row]:
    return [
        row | {"duration_ms": row["duration_ms"] * factor} if begin <= number < (end or len(rows)) else row
        for number, row in enumerate(rows)
    ]


def of(
    make_lake: MakeLake, rows: list[Row], events: list[Row] | None = None, name: str = "checkout"
) -> FunctionMeasurements:
    measurements = measure(make_lake(rows, events))
    assert measurements is not None
    return next(function for function in measurements.functions if function.name == name)


def value(function: FunctionMeasurements, metric: str) -> float | None:
    return function.metrics[metric].value if metric in function.metrics else None


def covers(measured: Measured, truth: float) -> bool:
    return (measured.low or -np.inf) <= truth <= (measured.high or np.inf)


# ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_version_that_is_slower_is_found_with_time_ratio_and_version(make_lake: MakeLake) -> None:
    rows = slower(calls(1200, 60 * SECOND), 1.5, 700)
    rows = [row | {"version": "7" if number < 700 else "8", "memory_mb": 512} for number, row in enumerate(rows)]
    function = of(make_lake, rows)
    assert value(function, "change.count") == 1
    assert covers(function.metrics["change.at"], (FIRST + 700 * 60 * SECOND) / SECOND)
    assert covers(function.metrics["change.ratio"], 1.5)
    assert value(function, "change.p") <= 0.01
    assert (value(function, "change.version_near"), value(function, "change.memory_near")) == (1, 0)
    assert "change.runtime_near" not in function.metrics
    assert write_measured(function.metrics["change.at"]).startswith("2026-03-02 11:")


def test_a_roll_back_is_near_the_change_as_well(make_lake: MakeLake) -> None:
    rows = slower(calls(1200, 60 * SECOND), 0.5, 700)
    rows = [row | {"version": "8" if 100 <= number < 700 else "7"} for number, row in enumerate(rows)]
    assert value(of(make_lake, rows), "change.version_near") == 1


def test_a_version_that_came_long_before_the_change_is_not_near_it(make_lake: MakeLake) -> None:
    rows = slower(calls(1200, 60 * SECOND), 1.5, 700)
    rows = [row | {"version": "7" if number < 300 else "8"} for number, row in enumerate(rows)]
    assert value(of(make_lake, rows), "change.version_near") == 0


def test_the_name_of_a_runtime_in_the_lines_of_initialisations_counts(make_lake: MakeLake) -> None:
    arn = "arn:aws:lambda:eu-west-1::runtime:{}"
    lines = [
        {"kind": "init", "time": FIRST + number * 60 * SECOND, "message": arn.format("aa" if number < 700 else "bb")}
        for number in range(0, 1200, 20)
    ]
    function = of(make_lake, slower(calls(1200, 60 * SECOND), 1.5, 700), lines)
    assert value(function, "change.runtime_near") == 1


def test_healthy_calls_show_no_change_and_how_likely_chance_is(make_lake: MakeLake) -> None:
    function = of(make_lake, calls(1200, 60 * SECOND))
    assert value(function, "change.count") == 0
    assert value(function, "change.p") > 0.01
    assert value(function, "error_change.count") == 0
    assert not {"change.at", "change.ratio", "change.version_near", "change.did_ratio"} & set(function.metrics)


def test_what_befalls_all_functions_at_once_is_no_change_of_one_of_them(make_lake: MakeLake) -> None:
    rows = slower(calls(1200, 60 * SECOND, 1), 1.5, 700)
    for seed, name in ((2, "refund"), (3, "basket")):
        rows += slower(calls(1200, 60 * SECOND, seed, function=name), 1.5, 700)
    function = of(make_lake, rows)
    assert covers(function.metrics["change.ratio"], 1.5)
    assert covers(function.metrics["change.did_ratio"], 1.0)
    assert function.metrics["change.did_ratio"].interval == "difference in differences, 2 functions"


def test_what_befalls_one_function_remains_when_the_others_are_taken_off(make_lake: MakeLake) -> None:
    rows = slower(calls(1200, 60 * SECOND, 1), 1.5, 700) + calls(1200, 60 * SECOND, 2, function="refund")
    did = of(make_lake, rows).metrics["change.did_ratio"]
    assert covers(did, 1.5)
    assert not covers(did, 1.0)


def test_more_failures_are_a_change_with_the_difference_of_rates(make_lake: MakeLake) -> None:
    rows = [
        row | {"outcome": "error" if number >= 600 and number % 5 == 0 else "ok"}
        for number, row in enumerate(calls(1200, 60 * SECOND))
    ]
    function = of(make_lake, rows)
    assert value(function, "error_change.count") == 1
    assert covers(function.metrics["error_change.difference"], 0.2)
    assert covers(function.metrics["error_change.at"], (FIRST + 600 * 60 * SECOND) / SECOND)


def test_more_memory_at_the_first_call_is_a_change_although_environments_only_ever_grow(make_lake: MakeLake) -> None:
    rows = [
        row | {"nth": number % 4 + 1, "max_memory_mb": 90 + number % 4 * 30 + (40 if number >= 600 else 0)}
        for number, row in enumerate(calls(1200, 60 * SECOND))
    ]
    function = of(make_lake, rows)
    assert value(function, "memory_change.count") == 1
    assert value(function, "memory_change.ratio") == pytest.approx(130 / 90)


def test_a_few_calls_and_all_functions_together_are_asked_nothing_about_time(make_lake: MakeLake) -> None:
    measurements = measure(
        make_lake(calls(100, 60 * SECOND) + slower(calls(1200, 60 * SECOND, function="refund"), 2, 600))
    )
    assert measurements is not None
    (few,) = (function for function in measurements.functions if function.name == "checkout")
    about_time = ("change.", "error_change.", "memory_change.", "rhythm.", "episode.", "trend.")
    for function in (few, measurements.overall):
        assert [metric for metric in function.metrics if metric.startswith(about_time)] == []


# ── rhythm ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def daily(rows: list[Row], strength: float) -> list[Row]:
    """Slower in the afternoon than in the early morning."""
    hours = [row["end_time"] // HOUR % 24 for row in rows]
    waves = [exp(strength * np.sin(2 * np.pi * (hour - 9) / 24)) for hour in hours]
    return [row | {"duration_ms": float(row["duration_ms"] * wave)} for row, wave in zip(rows, waves, strict=True)]


def test_hours_that_differ_every_day_are_a_rhythm_and_no_change(make_lake: MakeLake) -> None:
    function = of(make_lake, daily(calls(4000, 4 * DAY // 4000), 0.3))
    assert value(function, "rhythm.amplitude") == pytest.approx(exp(0.6), rel=0.1)
    assert value(function, "rhythm.p") <= 0.01
    assert value(function, "change.count") == 0


def test_a_change_under_a_rhythm_is_found_with_its_ratio(make_lake: MakeLake) -> None:
    function = of(make_lake, slower(daily(calls(4000, 4 * DAY // 4000), 0.3), 1.4, 1800))
    assert value(function, "change.count") == 1
    assert value(function, "change.ratio") == pytest.approx(1.4, rel=0.05)


def test_hours_are_not_told_from_a_trend_within_less_than_two_days(make_lake: MakeLake) -> None:
    function = of(make_lake, daily(calls(1200, DAY // 1000), 0.3))
    assert "rhythm.amplitude" not in function.metrics


def test_hours_that_do_not_differ_are_called_chance(make_lake: MakeLake) -> None:
    assert value(of(make_lake, calls(4000, 4 * DAY // 4000)), "rhythm.p") > 0.05


# ── versions side by side ────────────────────────────────────────────────────────────────────────────────────────────


def side_by_side(factor: float, failing: int, new_of: Any) -> list[Row]:
    """Calls of which those on the environments that `new_of` names run version 8, `factor` times as long."""
    rows = []
    for number, row in enumerate(calls(1200, 20 * SECOND)):
        new = new_of(number // 20)
        outcome = "error" if new and failing and number % failing == 0 else "ok"
        rows.append(slower([row], factor if new else 1.0, 0)[0] | {"version": "8" if new else "7", "outcome": outcome})
    return rows


def test_versions_at_work_side_by_side_are_compared(make_lake: MakeLake) -> None:
    function = of(make_lake, side_by_side(1.3, 10, lambda environment: environment % 2 == 1))
    ratio, difference = function.metrics["version.ratio"], function.metrics["version.error_difference"]
    assert covers(ratio, 1.3)
    assert not covers(ratio, 1.0)
    assert covers(difference, 0.1)
    assert value(function, "version.p") <= 0.01
    assert "version 8 against 7" in ratio.population


def test_an_hour_in_which_nearly_all_calls_are_of_the_new_version_hides_nothing(make_lake: MakeLake) -> None:
    """A canary of one environment in ten, then all but one in ten."""
    function = of(make_lake, side_by_side(1.3, 0, lambda number: (number % 10 == 5) != (number >= 30)))
    assert value(function, "version.ratio") == pytest.approx(1.3, rel=0.05)


def test_two_versions_that_do_the_same_are_told_to(make_lake: MakeLake) -> None:
    function = of(make_lake, side_by_side(1.0, 0, lambda environment: environment % 2 == 1))
    assert covers(function.metrics["version.ratio"], 1.0)
    assert value(function, "version.p") > 0.05
    assert value(function, "version.error_difference") == 0
    assert covers(function.metrics["version.error_difference"], 0.001)


def test_versions_that_followed_each_other_are_not_compared_with_each_other(make_lake: MakeLake) -> None:
    function = of(make_lake, side_by_side(1.3, 0, lambda environment: environment >= 30))
    assert "version.ratio" not in function.metrics


# ── episodes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_slow_hour_on_all_environments_is_an_episode_of_all(make_lake: MakeLake) -> None:
    function = of(make_lake, slower(calls(1200, 60 * SECOND), 1.6, 600, 700))
    begin, end = function.metrics["episode.begin"], function.metrics["episode.end"]
    assert abs(begin.value - (FIRST / SECOND + 600 * 60)) <= 10 * 60
    assert abs(end.value - (FIRST / SECOND + 699 * 60)) <= 10 * 60
    assert covers(begin, FIRST / SECOND + 600 * 60)
    assert covers(end, FIRST / SECOND + 699 * 60)
    assert covers(function.metrics["episode.ratio"], 1.6)
    assert value(function, "episode.between_environments") == 0
    assert function.metrics["episode.environments"].value > 0.5


def test_a_few_very_slow_environments_are_told_from_a_slow_hour(make_lake: MakeLake) -> None:
    """Of twenty environments eight hang for a while, which moves the median of all."""
    rows = [row | {"stream": f"environment-{number % 20}"} for number, row in enumerate(calls(3000, 20 * SECOND))]
    rows = [
        slower([row], 10.0 if 1500 <= number < 1800 and number % 20 < 8 else 1.0, 0)[0]
        for number, row in enumerate(rows)
    ]
    function = of(make_lake, rows)
    assert value(function, "episode.between_environments") == 1
    assert covers(function.metrics["episode.environments"], 0.4)
    assert function.metrics["episode.environments"].k >= 8


def test_a_lasting_change_and_healthy_calls_are_no_episode(make_lake: MakeLake) -> None:
    rows = calls(1200, 60 * SECOND) + slower(calls(1200, 60 * SECOND, function="refund"), 1.6, 600)
    measurements = measure(make_lake(rows))
    assert measurements is not None
    assert [value(function, "episode.count") for function in measurements.functions] == [0, 0]


# ── trends ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_durations_that_grow_evenly_are_a_trend_and_no_step(make_lake: MakeLake) -> None:
    rows = calls(1200, 60 * SECOND)
    rows = [row | {"duration_ms": row["duration_ms"] * exp(number / 3000)} for number, row in enumerate(rows)]
    function = of(make_lake, rows)
    assert covers(function.metrics["trend.total"], exp(0.4) - 1)
    assert value(function, "trend.p") < 0.001
    assert value(function, "trend.step_bic") < 0


def test_a_step_is_told_from_a_trend(make_lake: MakeLake) -> None:
    assert value(of(make_lake, slower(calls(1200, 60 * SECOND), 1.4, 600)), "trend.step_bic") > 10


def test_healthy_calls_have_no_trend(make_lake: MakeLake) -> None:
    function = of(make_lake, calls(1200, 60 * SECOND))
    assert covers(function.metrics["trend.total"], 0.0)
    assert value(function, "trend.p") > 0.01
