"""The record test held against a plain loop, and its rates against the definition of a test."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.measure.metrics import leak
from analyzer.measure.statistics import poisson_tail
from analyzer.model import Measured
from tests.measure.rows import Row, asked, repeatable

ENDS = ("timeout", "out_of_memory", "crash", "init_failure")


def found(rows: list[Row]) -> dict[str, Measured]:
    return asked(leak.FAMILY, rows)


def fleet(environments: int, calls: int, rise: float, seed: int) -> list[Row]:
    """Marks of environments whose calls peak at 100 MB give or take 3, and keep `rise` MB each."""
    peaks = np.random.default_rng(seed).normal(100, 3, (environments, calls)) + rise * np.arange(calls)
    marks = np.maximum.accumulate(peaks, axis=1).round().astype(int)
    return [
        {"stream": f"s{number}", "memory_mb": 256, "max_memory_mb": int(mark)}
        for number, series in enumerate(marks)
        for mark in series
    ]


def lives(rows: list[Row]) -> dict[str, list[list[int]]]:
    """The marks of each stream, life by life, without the calls that ended one."""
    streams: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        streams[row["stream"]].append(row)
    found: dict[str, list[list[int]]] = defaultdict(list)
    for name, series in streams.items():
        life: list[int] = []
        for row, after in zip(series, [*series[1:], None], strict=True):
            if row["outcome"] in ENDS or (after and after["max_memory_mb"] < row["max_memory_mb"]):
                found[name].append(life)
                life = []
            else:
                life.append(row["max_memory_mb"])
        found[name].append(life)
    return {name: kept for name, some in found.items() if (kept := [life for life in some if len(life) >= 4])}


rows = st.lists(
    st.fixed_dictionaries(
        {
            "stream": st.sampled_from(["one", "two", "three"]),
            "max_memory_mb": st.sampled_from([100, 100, 110, 120, 130, 140]),
            "outcome": st.sampled_from(["ok"] * 9 + ["unknown", *ENDS]),
        }
    ),
    min_size=1,
    max_size=90,
)


@repeatable(25)
@given(rows, st.booleans())
def test_the_numbers_are_those_of_a_plain_loop(made: list[Row], rising: bool) -> None:
    if rising:
        # Marks that mostly rise, as they do in life; drawn ones mostly fall.
        for stream in ("one", "two", "three"):
            some = [row for row in made if row["stream"] == stream]
            for row, mark in zip(some, sorted(row["max_memory_mb"] for row in some), strict=True):
                row["max_memory_mb"] = mark
    expected = lives(made)
    got = found([row | {"memory_mb": 200} for row in made])
    if not expected:
        assert got == {}
        return
    flat = [life for some in expected.values() for life in some]
    records, mean, slopes, half, quarter = 0, 0.0, [], 0, 0
    for life in flat:
        n = len(life)
        for number, mark in enumerate(life, 1):
            if 2 * number > n:
                mean += 1 / number
                records += mark > max(life[: number - 1])
        slopes.append((max(life) - max(life[: n // 2])) / (n - n // 2))
        half += max(life) - max(life[: n // 2])
        quarter += max(life) - max(life[: 3 * n // 4])
    assert got["memory.leak.environments"].value == len(expected)
    assert got["memory.leak.calls"].value == sorted(len(life) for life in flat)[(len(flat) - 1) // 2]
    assert got["memory.leak.records_p"].value == pytest.approx(stats.poisson.sf(records - 1, mean), rel=1e-6)
    assert got["memory.leak.slope"].value == pytest.approx(statistics.fmean(slopes), abs=1e-6)
    assert ("memory.leak.saturates" in got) == (half > 0)


def test_healthy_environments_raise_the_alarm_no_more_often_than_the_level_says() -> None:
    alarms = [found(fleet(20, 30, 0.0, seed))["memory.leak.records_p"].value < 0.05 for seed in range(40)]
    assert sum(alarms) <= 2


def test_a_leak_is_found_with_its_slope_and_the_calls_that_are_left() -> None:
    got = found(fleet(20, 60, 0.5, seed=1))
    assert got["memory.leak.records_p"].value < 1e-6
    slope = got["memory.leak.slope"]
    assert slope.low < 0.5 < slope.high
    assert got["memory.leak.saturates"].high == 0
    left = got["memory.leak.calls_to_limit"]
    assert left.low < left.value < left.high
    # From about 135 MB to 256 MB at 0.5 MB a call.
    assert left.value == pytest.approx(242, rel=0.2)


def test_a_cache_that_fills_is_no_leak_once_lives_are_long() -> None:
    rows = [
        {"stream": f"s{number}", "memory_mb": 256, "max_memory_mb": round(100 + 40 * (1 - math.exp(-call / 8)))}
        for number in range(10)
        for call in range(80)
    ]
    assert found(rows)["memory.leak.records_p"].value > 0.05


def test_growth_that_slows_down_is_said_to_saturate() -> None:
    rows = [
        {"stream": f"s{number}", "memory_mb": 512, "max_memory_mb": round(100 + 200 * (1 - math.exp(-call / 6)))}
        for number in range(10)
        for call in range(40)
    ]
    saturates = found(rows)["memory.leak.saturates"]
    assert (saturates.low, saturates.value, saturates.high) == (1, 1, 1)


def test_a_call_that_is_killed_for_its_memory_does_not_pass_for_growth() -> None:
    life = [{"max_memory_mb": 100}] * 7 + [{"max_memory_mb": 256, "outcome": "out_of_memory"}]
    rows = [row | {"stream": f"s{number}", "memory_mb": 256} for number in range(9) for row in life]
    assert found(rows)["memory.leak.records_p"].value == 1


def test_a_leak_that_ends_in_kills_is_seen_in_every_life() -> None:
    life = [{"max_memory_mb": 100 + 10 * call} for call in range(8)] + [
        {"max_memory_mb": 256, "outcome": "out_of_memory"}
    ]
    rows = [row | {"stream": "one", "memory_mb": 256} for _ in range(5) for row in life]
    got = found(rows)
    assert got["memory.leak.environments"].value == 1
    assert got["memory.leak.slope"].value == 10
    assert got["memory.leak.slope"].low is None
    assert got["memory.leak.records_p"].value < 1e-6


def test_calls_without_a_stream_or_an_order_say_nothing() -> None:
    rows = [{"stream": None, "max_memory_mb": 100 + call} for call in range(9)]
    rows += [{"stream": "one", "end_time": None, "max_memory_mb": 100 + call} for call in range(9)]
    assert found(rows) == {}


@pytest.mark.parametrize("mean", [0.0, 0.3, 2.5, 700.0])
@pytest.mark.parametrize("k", [0, 1, 3, 650])
def test_the_poisson_tail_is_that_of_scipy(k: int, mean: float) -> None:
    assert poisson_tail(k, mean) == pytest.approx(stats.poisson.sf(k - 1, mean), rel=1e-9)
