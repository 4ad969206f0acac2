"""Causes of cold starts from made-up timelines, and against a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from analyzer.measure.metrics import initialisations
from analyzer.measure.statistics import isotonic
from tests.measure.rows import Row, asked, repeatable

SECOND = 1_000_000
NOON = 1_773_748_800 * SECOND
RESETS = ("timeout", "out_of_memory", "crash", "init_failure")


def call(stream: str, begin: float, seconds: float, init: float | None = None, **values: object) -> Row:
    start = NOON + round(begin * SECOND)
    return {
        "stream": stream,
        "start_time": start,
        "end_time": start + round(seconds * SECOND),
        "duration_ms": 1000 * seconds,
        "init_ms": None if init is None else 1000 * init,
    } | values


def causes(rows: list[Row], events: list[Row] | None = None) -> dict[str, float]:
    """Those that occur."""
    got = asked(initialisations.FAMILY, rows, events)
    return {
        name.removeprefix("cold_start.cause."): one.value for name, one in got.items() if "cause" in name and one.value
    }


def test_each_cold_start_has_the_cause_that_its_timeline_shows() -> None:
    rows = [
        call("a", 10, 5, 0.5),
        call("b", 12, 5, 0.5),
        call("a", 20, 5),
        call("c", 4_000, 5, 0.5),
        call("d", 5_000, 5, 0.5, version="2"),
        call("e", 6_000, 5, 0.5, version="2", runtime="python:3.12.v20"),
        call("f", 7_000, 5, 0.5, version="2", runtime="python:3.12.v21"),
        call("f", 7_100, 5, outcome="crash", version="2", runtime="python:3.12.v21"),
        call("f", 7_200, 5, 0.5, version="2", runtime="python:3.12.v21"),
    ]
    assert causes(rows) == {"first": 1, "scale_out": 1, "idle": 2, "deploy": 1, "runtime": 1, "crash": 1}


def test_an_environment_made_long_before_its_first_call_was_prepared_ahead() -> None:
    rows = [call("a", 10, 5, 0.5), call("b", 60, 1, 0.5)]
    init = {"kind": "init", "message": "INIT_START Runtime Version: python:3.12.v18"}
    events = [init | {"stream": "a", "time": NOON + 9 * SECOND}, init | {"stream": "b", "time": NOON + 30 * SECOND}]
    assert causes(rows, events) == {"first": 1, "proactive": 1}


def test_a_busy_environment_of_another_version_could_not_have_helped() -> None:
    rows = [
        call("a", 0, 1, 0.1),
        call("b", 10, 1, 0.1, version="2"),
        call("a", 99, 10),
        call("c", 100, 1, 0.1, version="2"),
    ]
    assert causes(rows) == {"first": 1, "deploy": 1, "idle": 1}


def test_without_cold_starts_or_times_there_is_nothing_to_explain() -> None:
    assert asked(initialisations.FAMILY, [call("a", 0, 1), call("a", 5, 1)]) == {}
    assert asked(initialisations.FAMILY, [{"init_ms": 100.0, "duration_ms": 5.0}]) == {}


calls = st.lists(
    st.builds(
        call,
        st.sampled_from(["a", "b", "c", "d"]),
        st.integers(0, 400),
        st.integers(1, 60),
        st.sampled_from([None, None, 1]),
        version=st.sampled_from(["1", "2"]),
        outcome=st.sampled_from(["ok", "ok", "error", "crash", "timeout"]),
    ),
    min_size=1,
    max_size=25,
    unique_by=(lambda row: row["start_time"] - 1000 * (row["init_ms"] or 0), lambda row: row["end_time"]),
)


@repeatable(25)
@given(calls)
def test_the_counts_are_those_of_a_plain_loop(made: list[Row]) -> None:
    spans = [(row["start_time"] - 1000 * (row["init_ms"] or 0), row["end_time"], row) for row in made]
    expected: dict[str, int] = {}
    for begin, end, row in spans:
        if row["init_ms"] is None:
            continue
        before = [other for _, z, other in spans if other["stream"] == row["stream"] and z < end]
        same = [(a, z) for a, z, other in spans if other["version"] == row["version"] and a < begin]
        if before and max(before, key=lambda other: other["end_time"])["outcome"] in RESETS:
            cause = "crash"
        elif all(begin <= a for a, _, _ in spans):
            cause = "first"
        elif not same:
            cause = "deploy"
        elif any(z > begin for _, z in same):
            cause = "scale_out"
        else:
            cause = "idle"
        expected[cause] = expected.get(cause, 0) + 1
    assert causes(made) == expected


def test_the_pause_that_half_of_the_environments_survive_is_found() -> None:
    random = np.random.default_rng(8)
    time, rows = 0.0, [call("s0", 0, 1, 0.5)]
    for number in range(1, 600):
        pause = float(random.uniform(10, 1_500))
        time += 1.5 + pause
        life = random.uniform(400, 800)
        rows.append(call(f"s{number}", time, 1, 0.5 if pause > life else None))
    assert asked(initialisations.FAMILY, rows)["cold_start.keep_alive.p50"].value == pytest.approx(600, rel=0.15)


def test_where_every_environment_was_still_there_the_pause_is_not_told() -> None:
    rows = [call("a", 0, 1, 0.5)] + [call("a", 100.0 * number, 1) for number in range(1, 60)]
    assert "cold_start.keep_alive.p50" not in asked(initialisations.FAMILY, rows)


@repeatable(100)
@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(1, 9)), min_size=1, max_size=40))
def test_the_rising_fit_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    values, weights = [float(value) for value, _ in pairs], [float(weight) for _, weight in pairs]
    assert isotonic(values, weights) == pytest.approx(list(isotonic_regression(values, weights=weights).x), abs=1e-9)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, math.nan]])
def test_a_rising_fit_needs_a_weight_for_every_value(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="positive weight"):
        isotonic([1.0, 2.0], weights)
