"""Short series held against scipy and plain loops: memory, trend, step against line, and rhythm."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analyzer.measure.series import (
    MOST_CORRELATION,
    block_length,
    correlation,
    effective_fraction,
    rhythm,
    step_and_line,
    step_over_line,
    trend,
)

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=60)
series = st.lists(st.integers(-1000, 1000).map(float), min_size=8, max_size=40)


def remembering(r: float, n: int, seed: int) -> list[float]:
    """A series each of whose values keeps the part r of the one before."""
    generator = np.random.default_rng(seed)
    values = [float(generator.standard_normal())]
    while len(values) < n:
        values.append(r * values[-1] + float(generator.standard_normal()) * (1 - r * r) ** 0.5)
    return values


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("r", [0.0, 0.3, 0.5, 0.8])
def test_the_correlation_of_neighbours_is_found_on_average(r: float) -> None:
    found = [correlation(remembering(r, 200, seed)) for seed in range(100)]
    # What lies below 0 is taken for 0, which lifts the mean where there is none.
    assert np.mean(found) == pytest.approx(r, abs=0.04)


def test_a_series_without_memory_is_worth_its_values_and_one_that_keeps_half_a_third() -> None:
    assert effective_fraction([1.0, -1.0] * 20) == 1.0
    assert np.median([effective_fraction(remembering(0.5, 2000, seed)) for seed in range(9)]) == pytest.approx(
        1 / 3, abs=0.04
    )


def test_a_constant_series_has_no_memory_and_a_straight_line_the_most() -> None:
    assert correlation([3.0] * 50) == 0.0
    assert correlation(range(1000)) == MOST_CORRELATION


def test_blocks_are_as_long_as_the_memory_and_at_most_an_eighth_of_the_series() -> None:
    assert block_length([1.0, -1.0] * 20) == 1
    values = remembering(0.5, 2000, 1)
    assert block_length(values) == np.ceil(log(0.01) / log(correlation(values)))
    assert block_length(range(80)) == 10


# ── trends ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@REPEATABLE
@given(series)
def test_the_slope_is_that_of_scipy(values: list[float]) -> None:
    times = [float(3 * number) for number in range(len(values))]
    assert trend(times, values).slope == pytest.approx(stats.theilslopes(values, times).slope)


def test_without_memory_limits_and_p_are_those_of_scipy() -> None:
    values = [0.05 * number + (1.0 if number % 2 else -1.0) * (1 + number % 7) for number in range(60)]
    times = [float(number) for number in range(60)]
    found = trend(times, values)
    assert effective_fraction(np.array(values) - found.slope * np.array(times)) == 1.0
    expected = stats.theilslopes(values, times, alpha=0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (expected.low_slope, expected.high_slope), abs=5e-3
    )
    assert found.p == pytest.approx(stats.kendalltau(times, values, method="asymptotic").pvalue, rel=0.05)


def test_memory_widens_the_limits_and_raises_p() -> None:
    values = [0.02 * number + value for number, value in enumerate(remembering(0.7, 100, 3))]
    times = [float(number) for number in range(100)]
    found, naive = trend(times, values), stats.theilslopes(values, times, alpha=0.95)
    assert found.interval.high - found.interval.low > naive.high_slope - naive.low_slope
    assert found.p > stats.kendalltau(times, values).pvalue


@REPEATABLE
@given(series)
def test_running_time_backwards_turns_the_slope_round(values: list[float]) -> None:
    times = [float(number) for number in range(len(values))]
    forwards, backwards = trend(times, values), trend(times, values[::-1])
    assert backwards.slope == pytest.approx(-forwards.slope)
    assert backwards.p == pytest.approx(forwards.p)


def test_a_constant_series_has_no_trend() -> None:
    found = trend([0.0, 1.0, 2.0, 3.0, 4.0], [7.0] * 5)
    assert (found.slope, found.p) == (0.0, 1.0)


# ── a step or a line ─────────────────────────────────────────────────────────────────────────────────────────────────


@REPEATABLE
@given(series.filter(lambda values: np.ptp(values) > 0))
def test_step_and_line_are_weighed_as_two_fits_by_least_squares_are(values: list[float]) -> None:
    n, times = len(values), np.arange(len(values), dtype=float)
    line = float(np.sum((values - np.polyval(np.polyfit(times, values, 1), times)) ** 2))
    step = min(n_squares(values[:k]) + n_squares(values[k:]) for k in range(2, n - 1))
    if min(line, step) > 1e-6:
        expected = (n * log(line / n) + 2 * log(n)) - (n * log(step / n) + 3 * log(n))
        assert step_over_line(list(times), values) == pytest.approx(expected, abs=1e-4)


@REPEATABLE
@given(series.filter(lambda values: np.ptp(values) > 0))
def test_a_step_beside_a_line_is_weighed_as_their_common_fit_is(values: list[float]) -> None:
    n, times = len(values), np.arange(len(values), dtype=float)

    def left(k: int) -> float:
        columns = np.column_stack([np.ones(n), times, times >= k])
        return float(np.sum((values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]) ** 2))

    both = min(left(k) for k in range(2, n - 1))
    line = float(np.sum((values - np.polyval(np.polyfit(times, values, 1), times)) ** 2))
    if both > 1e-6:
        found = step_and_line(list(times), values)
        assert found.over_line == pytest.approx(n * log(line / both) - 2 * log(n), abs=1e-4)
        assert found.over_step - found.over_line == pytest.approx(-step_over_line(list(times), values), abs=1e-4)


def test_what_grows_is_seen_beside_a_step() -> None:
    times = [float(t) for t in range(60)]
    values = [0.01 * t + 0.5 * (t >= 40) + 0.02 * (t * 37 % 11) for t in times]
    found = step_and_line(times, values)
    assert found.slope == pytest.approx(0.01, rel=0.05)
    assert min(found.over_line, found.over_step) > 10


def n_squares(values: list[float]) -> float:
    return float(np.sum((np.array(values) - np.mean(values)) ** 2))


# ── rhythm ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def cells(days: int, amplitude: float, seed: int) -> list[tuple[int, float]]:
    """Hours that follow a wave, with scatter and a slow rise."""
    generator = np.random.default_rng(seed)
    return [
        (hour, amplitude * np.sin(hour / 24 * 2 * np.pi) + 0.05 * generator.standard_normal() + 0.01 * hour / 24)
        for hour in range(24 * days)
    ]


def test_the_wave_of_the_day_is_found_under_a_rise() -> None:
    found = rhythm(cells(7, 0.3, 1), 24)
    assert found is not None
    wave = 0.3 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    assert np.corrcoef(np.array(found.phases, dtype=float), wave)[0, 1] > 0.98
    assert found.amplitude == pytest.approx(0.6, abs=0.12)
    assert found.p <= 0.01


def test_hours_without_a_rhythm_are_called_chance_as_often_as_is_said() -> None:
    chances = [found.p for seed in range(40) if (found := rhythm(cells(4, 0.0, seed), 24))]
    assert len(chances) == 40
    assert stats.kstest(chances, "uniform").pvalue > 0.01


def test_below_two_periods_nothing_is_said() -> None:
    assert rhythm(cells(7, 0.3, 1)[:47], 24) is None
    assert rhythm([], 24) is None
    assert rhythm([(hour, 1.0) for hour in range(0, 240, 24)], 24) is None


def test_hours_never_seen_have_no_phase() -> None:
    found = rhythm([(hour, value) for hour, value in cells(7, 0.3, 1) if hour % 24 >= 6], 24)
    assert found is not None
    assert [phase is None for phase in found.phases] == [True] * 6 + [False] * 18


# ── impossible input ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: trend([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]),
        lambda: trend([0.0, 1.0, 1.0, 2.0], [1.0, 2.0, 3.0, 4.0]),
        lambda: trend([0.0, 1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]),
        lambda: step_over_line([0.0] * 7, [0.0] * 7),
        lambda: rhythm([(0, 1.0)], 1),
    ],
)
def test_impossible_input_is_refused(impossible: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        impossible()


def test_pairs_are_what_a_slope_is_made_of() -> None:
    times, values = [0.0, 1.0, 3.0, 4.0, 9.0], [2.0, 1.0, 4.0, 3.0, 8.0]
    slopes = sorted(
        (after - before) / (later - sooner)
        for (sooner, before), (later, after) in combinations(zip(times, values, strict=True), 2)
    )
    assert trend(times, values).slope == pytest.approx((slopes[4] + slopes[5]) / 2)
