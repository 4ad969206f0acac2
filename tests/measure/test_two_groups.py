"""Two groups held against each other as scipy and plain loops do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product
from math import ceil, exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analyzer.measure.statistics import Interval, wilson
from analyzer.measure.two_groups import (
    adjusted,
    difference_of_shares,
    least_detectable,
    log_ratio_of_change,
    permutation_p,
    probability_above,
    ratio_of,
    shift,
)

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=60)
samples = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=25)


@REPEATABLE
@given(samples, samples)
def test_the_shift_is_the_median_of_all_differences(before: list[float], after: list[float]) -> None:
    value, limits = shift(before, after)
    assert value == np.median([b - a for a, b in product(before, after)])
    assert limits.low is None or limits.low <= value <= limits.high


def test_its_limits_are_the_shifts_that_the_test_of_mann_and_whitney_does_not_reject() -> None:
    generator = np.random.default_rng(1)
    before, after = generator.standard_normal(30), generator.standard_normal(25) + 0.7
    _, limits = shift(list(before), list(after))
    for by, kept in (
        (limits.low - 0.05, False),
        (limits.low + 0.05, True),
        (limits.high - 0.05, True),
        (limits.high + 0.05, False),
    ):
        p = stats.mannwhitneyu(after - by, before, method="asymptotic", use_continuity=False).pvalue
        assert (p > 0.05) == kept, by


def test_fewer_independent_values_widen_the_limits_and_at_last_take_them_away() -> None:
    before, after = [float(n) for n in range(20)], [float(n) + 5 for n in range(20)]
    widths = []
    for effective in (1.0, 0.5, 0.3):
        _, limits = shift(before, after, effective)
        widths.append(limits.high - limits.low)
    assert widths == sorted(widths)
    assert widths[0] < widths[2]
    assert shift(before, after, 0.05)[1] == Interval(None, None, "Hodges-Lehmann")


def test_a_shift_of_logarithms_is_a_ratio() -> None:
    value, limits = ratio_of(log(2), Interval(log(1.5), None, "m"))
    assert (value, limits.low, limits.high) == (pytest.approx(2), pytest.approx(1.5), None)


@REPEATABLE
@given(samples, samples)
def test_the_chance_to_be_above_is_what_a_loop_over_all_pairs_counts(before: list[float], after: list[float]) -> None:
    wins = sum((b > a) + (b == a) / 2 for a, b in product(before, after))
    found = probability_above(Counter(map(int, before)), Counter(map(int, after)))
    assert found == pytest.approx(wins / (len(before) * len(after)))


def test_the_chance_of_a_permutation_is_that_of_the_rank_sum_test() -> None:
    generator = np.random.default_rng(2)
    for height in (0.0, 0.5, 1.0):
        before, after = generator.standard_normal(25), generator.standard_normal(25) + height
        expected = stats.mannwhitneyu(before, after).pvalue
        assert permutation_p(list(before), list(after)) == pytest.approx(expected, abs=0.05)


def test_labels_that_cannot_matter_have_the_chance_one() -> None:
    assert permutation_p([1.0] * 5, [1.0] * 7) == 1.0


@pytest.mark.parametrize(("first", "second"), [((56, 70), (48, 80)), ((9, 10), (3, 10)), ((5, 56), (0, 29))])
def test_the_interval_of_a_difference_of_shares_is_newcombes(first: tuple[int, int], second: tuple[int, int]) -> None:
    (k, n), (l, m) = first, second  # noqa: E741 -- successes and trials of two samples
    limits = difference_of_shares(l / m, wilson(l, m), k / n, wilson(k, n))
    expected = {(56, 70): (0.0524, 0.3339), (9, 10): (0.1705, 0.8090), (5, 56): (-0.0381, 0.1926)}[first]
    assert (limits.low, limits.high) == pytest.approx(expected, abs=5e-4)


@REPEATABLE
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_chances_are_those_of_scipy(p_values: list[float]) -> None:
    assert adjusted(p_values) == pytest.approx(list(stats.false_discovery_control(p_values)))


@pytest.mark.parametrize(("p", "total"), [(0.56, 727), (0.60, 262), (0.64, 134), (0.71, 60), (0.80, 30)])
def test_what_can_be_detected_is_what_noether_says_of_the_total_number(p: float, total: int) -> None:
    assert least_detectable(ceil(total / 2), ceil(total / 2)) == pytest.approx(p, abs=0.005)


def test_a_handful_detects_nothing() -> None:
    assert least_detectable(1, 1) == 1.0


def test_a_chance_to_be_above_is_a_shift_of_a_normal_scatter() -> None:
    step = log_ratio_of_change(0.76, 0.2)
    generator = np.random.default_rng(3)
    before, after = exp(1) ** (0.2 * generator.standard_normal((2, 100_000)))
    assert np.mean(after * exp(step) > before) == pytest.approx(0.76, abs=0.005)


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: shift([], [1.0]),
        lambda: shift([1.0], []),
        lambda: shift([1.0], [1.0], 0.0),
        lambda: shift([1.0], [1.0], 1.5),
        lambda: probability_above({}, {1: 1}),
        lambda: adjusted([1.2]),
        lambda: least_detectable(0, 5),
        lambda: least_detectable(5, 5, alpha=0.0),
        lambda: log_ratio_of_change(1.0, 0.1),
        lambda: log_ratio_of_change(0.6, -0.1),
    ],
)
def test_impossible_input_is_refused(impossible: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        impossible()
