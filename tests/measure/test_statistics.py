"""The estimates held against scipy, numpy and plain loops, and against what must hold for any data."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import comb, isnan, sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from analyzer.measure.statistics import (
    clustered_estimate,
    clustered_share,
    clustered_slope,
    coefficient_of_variation,
    difference_of_means,
    effective_n,
    jackknife,
    minimum_n_for_upper_limit,
    nearest_rank,
    quantile_ranks,
    ratio_of_sums,
    relative_range,
    two_sided_p,
    wilson,
)

# The same examples every time: a failure then comes from the change at hand.
REPEATABLE = settings(derandomize=True, deadline=None, database=None)

Clusters = list[tuple[int, int]]
P_VALUES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


@st.composite
def counts(draw: st.DrawFn, most: int = 100_000) -> tuple[int, int]:
    """k of n."""
    n = draw(st.integers(1, most))
    return draw(st.integers(0, n)), n


@st.composite
def clusters_of_counts(draw: st.DrawFn) -> Clusters:
    """k of n in each of several clusters."""
    return draw(st.lists(counts(most=200), min_size=1, max_size=30))


def squares(clusters: Clusters) -> tuple[int, int, float]:
    """k, n and the sum of squared residuals, cluster by cluster."""
    k, n = sum(k for k, _ in clusters), sum(n for _, n in clusters)
    exact = sum((Fraction(k_s) - Fraction(n_s * k, n)) ** 2 for k_s, n_s in clusters)
    return k, n, float(exact)


# ── shares ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 2, 5, 44, 1000, 1_000_000])
def test_the_score_interval_is_that_of_scipy(n: int, confidence: float) -> None:
    for k in sorted({0, 1, n // 10, n // 3, n // 2, n - 1, n}):
        expected = stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
        limits = wilson(k, n, confidence)
        assert limits.low == pytest.approx(expected.low, abs=1e-12), (k, n)
        assert limits.high == pytest.approx(expected.high, abs=1e-12), (k, n)


def test_forty_of_forty_four_lie_between_78_8_and_96_4_percent() -> None:
    limits = wilson(40, 44)
    assert (round(100 * limits.low, 1), round(100 * limits.high, 1)) == (78.8, 96.4)


def test_none_of_n_and_all_of_n_keep_a_limit_at_the_very_edge() -> None:
    for n in (1, 7, 44, 12_345):
        none, every = wilson(0, n), wilson(n, n)
        assert none.low == 0.0
        assert 0 < none.high < 1
        assert every.high == 1.0
        assert every.low == pytest.approx(1 - none.high)


def test_no_observation_sets_no_limit_to_a_share() -> None:
    limits = wilson(0, 0)
    assert (limits.low, limits.high) == (None, None)


@REPEATABLE
@given(counts())
def test_a_score_interval_holds_its_share_and_stays_within_0_and_1(k_of_n: tuple[int, int]) -> None:
    k, n = k_of_n
    limits = wilson(k, n)
    assert 0 <= limits.low <= k / n <= limits.high <= 1


@REPEATABLE
@given(counts(most=1000), st.integers(2, 50))
def test_a_score_interval_shrinks_as_the_same_share_is_seen_more_often(k_of_n: tuple[int, int], times: int) -> None:
    k, n = k_of_n
    few, many = wilson(k, n), wilson(k * times, n * times)
    assert few.low <= many.low
    assert many.high <= few.high
    assert many.high - many.low < few.high - few.low


@REPEATABLE
@given(counts(), st.floats(0.5, 0.98))
def test_more_confidence_never_takes_anything_out_of_a_score_interval(
    k_of_n: tuple[int, int], confidence: float
) -> None:
    narrow, wide = wilson(*k_of_n, confidence), wilson(*k_of_n, confidence + 0.01)
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


def test_equal_clusters_are_worth_as_many_observations_as_the_t_interval_of_their_shares_allows() -> None:
    clusters = [(3, 20), (9, 20), (14, 20), (1, 20), (8, 20)]
    shares = [k / n for k, n in clusters]
    half_width = stats.t.ppf(0.975, len(clusters) - 1) * stats.sem(shares)
    k, n, residual_squares = squares(clusters)
    worth = effective_n(k, n, len(clusters), residual_squares)
    assert worth < n
    assert stats.norm.ppf(0.975) * sqrt(k / n * (1 - k / n) / worth) == pytest.approx(half_width)


@REPEATABLE
@given(clusters_of_counts())
def test_the_effective_number_is_what_a_loop_over_the_clusters_finds(clusters: Clusters) -> None:
    k, n, residual_squares = squares(clusters)
    assume(len(clusters) > 1)
    assume(0 < k < n)
    assume(residual_squares > 0)
    variance = 0.0
    for k_s, n_s in clusters:
        variance += ((k_s - n_s * k / n) / n) ** 2
    variance *= len(clusters) / (len(clusters) - 1)
    independent = (k / n) * (1 - k / n) / n
    expected = n * independent / variance
    expected *= (stats.norm.ppf(0.975) / stats.t.ppf(0.975, len(clusters) - 1)) ** 2
    assert effective_n(k, n, len(clusters), residual_squares) == pytest.approx(min(n, expected), rel=1e-6)


@pytest.mark.parametrize(
    "clusters",
    [[(4, 10)], [(0, 5), (0, 9)], [(5, 5), (9, 9)], [(2, 4), (3, 6)]],
    ids=["a single cluster", "k = 0", "k = n", "equal shares"],
)
def test_where_no_variance_between_clusters_can_be_seen_every_observation_counts(clusters: Clusters) -> None:
    k, n, residual_squares = squares(clusters)
    assert effective_n(k, n, len(clusters), residual_squares) == n
    assert clustered_share(k, n, len(clusters), residual_squares) == wilson(k, n)


@REPEATABLE
@given(clusters_of_counts())
def test_clustering_never_narrows_the_interval_of_a_share(clusters: Clusters) -> None:
    k, n, residual_squares = squares(clusters)
    clustered, plain = clustered_share(k, n, len(clusters), residual_squares), wilson(k, n)
    assert 0 <= clustered.low <= plain.low + 1e-12
    assert plain.high - 1e-12 <= clustered.high <= 1


def test_the_method_names_the_clusters_only_where_they_changed_the_interval() -> None:
    assert clustered_share(10, 20, 2, 50.0).method == "Wilson, adjusted for 2 clusters"
    assert clustered_share(10, 20, 2, 0.0).method == "Wilson"


# ── quantiles ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("p", [0.5, 0.25, 0.75, 0.125, 0.875, 0.984375])
def test_the_nearest_rank_is_the_inverted_cdf_of_numpy(p: float) -> None:
    # These p are exact in binary, so that numpy multiplies without rounding.
    for n in range(1, 400):
        ranks = np.arange(1, n + 1)
        assert nearest_rank(n, p) == np.quantile(ranks, p, method="inverted_cdf"), n


@pytest.mark.parametrize("percent", range(101))
def test_the_nearest_rank_is_the_first_with_so_many_percent_at_or_below_it(percent: int) -> None:
    for n in (1, 2, 3, 10, 44, 99, 100, 101, 1000, 12_345):
        rank = next(rank for rank in range(1, n + 1) if 100 * rank >= percent * n)
        assert nearest_rank(n, percent / 100) == rank, n


@pytest.mark.parametrize("p", P_VALUES)
def test_the_ranks_around_a_quantile_are_those_of_scipy(p: float) -> None:
    for n in [*range(1, 130), 200, 400, 1000]:
        expected = stats.quantile_test(np.arange(1, n + 1), p=p).confidence_interval(0.95)
        low, high = (None if isnan(limit) else int(limit) for limit in (expected.low, expected.high))
        assert quantile_ranks(n, p) == (low, high), n


@pytest.mark.parametrize("percent", [5, 50, 90, 95, 99])
def test_the_ranks_around_a_quantile_are_the_tightest_that_the_binomial_distribution_allows(percent: int) -> None:
    p, tail = Fraction(percent, 100), Fraction(1, 40)
    for n in [*range(1, 30), 44, 71, 72, 73, 110]:
        chance = [comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]
        # Value l is above the quantile when at most l - 1 values are at or below it; value u is below it when u are.
        low = max((rank for rank in range(1, n + 1) if sum(chance[:rank]) <= tail), default=None)
        high = min((rank for rank in range(1, n + 1) if sum(chance[rank:]) <= tail), default=None)
        assert quantile_ranks(n, percent / 100) == (low, high), n


def test_p95_has_an_upper_limit_from_72_invocations_on() -> None:
    assert quantile_ranks(44, 0.95)[1] is None
    limited = [n for n in range(1, 401) if quantile_ranks(n, 0.95)[1] is not None]
    assert limited == list(range(72, 401))


@pytest.mark.parametrize("p", P_VALUES)
def test_the_least_number_for_an_upper_limit_is_the_first_that_has_one(p: float) -> None:
    first = next(n for n in range(1, 1000) if quantile_ranks(n, p)[1] is not None)
    assert minimum_n_for_upper_limit(p) == first


def test_no_value_bounds_no_quantile() -> None:
    assert quantile_ranks(0, 0.5) == (None, None)


@REPEATABLE
@given(st.integers(1, 2000), st.sampled_from(P_VALUES), st.floats(0.5, 1.0) | st.floats(1.0, 2500.0))
def test_the_ranks_enclose_the_nearest_rank_however_few_observations_it_is_worth(
    n: int, p: float, worth: float
) -> None:
    low, high = quantile_ranks(n, p, worth)
    assert (low or 1) <= nearest_rank(n, p) <= (high or n)


@REPEATABLE
@given(st.integers(1, 2000), st.sampled_from(P_VALUES), st.floats(0.01, 1.0))
def test_clustering_never_moves_a_limit_of_a_quantile_inwards(n: int, p: float, weight: float) -> None:
    low, high = quantile_ranks(n, p)
    clustered_low, clustered_high = quantile_ranks(n, p, max(1.0, n * weight))
    assert (clustered_low or 0) <= max(low or 0, nearest_rank(n, p))
    assert (clustered_high or n + 1) >= (high or n + 1)


def test_more_observations_than_there_are_values_change_nothing() -> None:
    assert quantile_ranks(100, 0.9, 100) == quantile_ranks(100, 0.9, 5000) == quantile_ranks(100, 0.9)


def test_half_as_many_independent_observations_bound_the_same_share_of_the_values() -> None:
    low, high = quantile_ranks(1000, 0.5, 500)
    half_low, half_high = quantile_ranks(500, 0.5)
    assert low == pytest.approx(2 * half_low, abs=2)
    assert high == pytest.approx(2 * half_high, abs=2)


# ── means ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def sums(clusters: list[list[float]]) -> tuple[float, float, int, float, float, float]:
    """What `ratio_of_sums` takes, for the mean of the values in these clusters."""
    y, x = [sum(values) for values in clusters], [float(len(values)) for values in clusters]
    return (
        sum(y),
        sum(x),
        len(clusters),
        sum(value * value for value in y),
        sum(value * size for value, size in zip(y, x, strict=True)),
        sum(size * size for size in x),
    )


def test_with_equal_clusters_the_interval_of_a_mean_is_the_t_interval_of_the_cluster_means() -> None:
    clusters = [[120.0, 80.0, 95.0], [300.0, 310.0, 250.0], [101.0, 99.0, 140.0], [60.0, 75.0, 66.0]]
    ratio, limits = ratio_of_sums(*sums(clusters))
    means = [np.mean(values) for values in clusters]
    expected = stats.ttest_1samp(means, 0.0).confidence_interval(0.95)
    assert ratio == pytest.approx(np.mean(means))
    assert (limits.low, limits.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_with_one_value_in_each_cluster_it_is_the_t_interval_of_the_values() -> None:
    values = [92.4, 61.2, 247.7, 180.0, 165.3, 99.9]
    ratio, limits = ratio_of_sums(*sums([[value] for value in values]))
    expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert ratio == pytest.approx(np.mean(values))
    assert (limits.low, limits.high) == pytest.approx(expected)


@REPEATABLE
@given(st.lists(st.lists(st.floats(1.0, 900_000.0), min_size=1, max_size=8), min_size=2, max_size=12))
def test_the_interval_of_a_mean_is_what_a_loop_over_unequal_clusters_finds(clusters: list[list[float]]) -> None:
    values = [value for cluster in clusters for value in cluster]
    mean = sum(values) / len(values)
    variance = 0.0
    for cluster in clusters:
        variance += (sum(value - mean for value in cluster) / len(values)) ** 2
    half_width = stats.t.ppf(0.975, len(clusters) - 1) * sqrt(variance * len(clusters) / (len(clusters) - 1))
    ratio, limits = ratio_of_sums(*sums(clusters))
    assert ratio == pytest.approx(mean)
    assert limits.low <= ratio <= limits.high
    # The difference of large sums of squares keeps half of the digits.
    assert (limits.high - limits.low) / 2 == pytest.approx(half_width, rel=1e-3, abs=1e-5 * max(values))


def test_a_single_cluster_gives_a_mean_without_limits() -> None:
    ratio, limits = ratio_of_sums(*sums([[1.0, 2.0, 6.0]]))
    assert ratio == 3.0
    assert (limits.low, limits.high) == (None, None)


samples = st.lists(st.floats(-1000, 1000), min_size=2, max_size=30).filter(lambda values: np.std(values) > 1e-3)


@REPEATABLE
@given(samples, samples)
def test_the_difference_of_two_means_has_the_interval_of_welch(first: list[float], second: list[float]) -> None:
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    limits = difference_of_means(
        float(np.mean(first)),
        float(stats.sem(first)),
        len(first) - 1,
        float(np.mean(second)),
        float(stats.sem(second)),
        len(second) - 1,
    )
    assert limits.low == pytest.approx(expected.low, rel=1e-6, abs=1e-6)
    assert limits.high == pytest.approx(expected.high, rel=1e-6, abs=1e-6)


def test_the_interval_of_a_slope_is_what_a_loop_over_clusters_finds() -> None:
    generator = np.random.default_rng(1)
    x, cluster = generator.standard_normal(60), np.arange(60) // 5
    y = 2 * x + generator.standard_normal(12)[cluster]
    slope, level = np.polyfit(x, y, 1)
    meat = 0.0
    for name in range(12):
        rows = cluster == name
        meat += sum((x[rows] - x.mean()) * (y[rows] - level - slope * x[rows])) ** 2
    xx = sum((x - x.mean()) ** 2)
    half_width = stats.t.ppf(0.975, 11) * sqrt(12 / 11 * meat) / xx
    limits = clustered_slope(slope, 12, meat, xx)
    assert (limits.low, limits.high) == (pytest.approx(slope - half_width), pytest.approx(slope + half_width))
    assert clustered_slope(slope, 1, meat, xx).low is None


@REPEATABLE
@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=40))
def test_of_values_that_are_clusters_of_their_own_every_method_gives_the_t_interval_of_their_mean(
    values: list[float],
) -> None:
    assume(np.std(values) > 1e-3)
    n, mean = len(values), float(np.mean(values))
    known = stats.ttest_1samp(values, 0)
    limits = tuple(known.confidence_interval())
    error = float(np.std(values)) / sqrt(n)
    robust = clustered_estimate(mean, error, n)
    without = [(sum(values) - value) / (n - 1) for value in values]
    unbiased, left_out = jackknife(mean, float(np.mean(without)), float(np.var(without)), n)
    assert unbiased == pytest.approx(mean, abs=1e-8)
    assert (robust.low, robust.high) == pytest.approx(limits, abs=1e-8)
    assert (left_out.low, left_out.high) == pytest.approx(limits, rel=1e-6, abs=1e-6)
    assert two_sided_p(mean, error, n) == pytest.approx(known.pvalue, abs=1e-9)


def test_two_means_without_any_error_differ_by_exactly_their_difference() -> None:
    limits = difference_of_means(5.0, 0.0, 3, 2.0, 0.0, 4)
    assert (limits.low, limits.high) == (3.0, 3.0)


# ── spread ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_coefficient_of_variation_is_that_of_scipy() -> None:
    values = [61.5, 92.4, 247.7, 180.0]
    measured = coefficient_of_variation(float(np.mean(values)), float(np.var(values, ddof=1)))
    assert measured == pytest.approx(stats.variation(values, ddof=1))


def test_a_spread_relative_to_nothing_is_not_a_number_but_nothing() -> None:
    assert coefficient_of_variation(0.0, 1.0) is None
    assert relative_range(0.0, 5.0) is None


def test_the_relative_range_is_a_multiple_of_the_minimum() -> None:
    assert relative_range(61.5, 246.0) == 3.0
    assert relative_range(7.0, 7.0) == 0.0


# ── impossible input ─────────────────────────────────────────────────────────────────────────────────────────────────

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: wilson(-1, 5),
        lambda: wilson(6, 5),
        lambda: wilson(NAN, 5),
        lambda: wilson(1, INF),
        lambda: wilson(1, 5, confidence=0.0),
        lambda: wilson(1, 5, confidence=1.0),
        lambda: wilson(1, 5, confidence=95),
        lambda: effective_n(6, 5, 2, 1.0),
        lambda: effective_n(1, 5, -1, 1.0),
        lambda: effective_n(1, 5, 2, -1.0),
        lambda: effective_n(1, 5, 2, NAN),
        lambda: clustered_share(1, 5, 2, INF),
        lambda: nearest_rank(0, 0.5),
        lambda: nearest_rank(5, -0.1),
        lambda: nearest_rank(5, 1.1),
        lambda: nearest_rank(5, NAN),
        lambda: quantile_ranks(-1, 0.5),
        lambda: quantile_ranks(5, 0.0),
        lambda: quantile_ranks(5, 1.0),
        lambda: quantile_ranks(5, 95),
        lambda: quantile_ranks(5, 0.5, 0.0),
        lambda: quantile_ranks(5, 0.5, INF),
        lambda: quantile_ranks(5, 0.5, confidence=2.0),
        lambda: minimum_n_for_upper_limit(1.0),
        lambda: ratio_of_sums(1.0, 0.0, 2, 1.0, 1.0, 1.0),
        lambda: ratio_of_sums(NAN, 1.0, 2, 1.0, 1.0, 1.0),
        lambda: ratio_of_sums(1.0, 1.0, -1, 1.0, 1.0, 1.0),
        lambda: ratio_of_sums(2.0, 2.0, 2, 1.0, 3.0, 1.0),
        lambda: difference_of_means(NAN, 1.0, 1, 0.0, 1.0, 1),
        lambda: difference_of_means(0.0, -1.0, 1, 0.0, 1.0, 1),
        lambda: difference_of_means(0.0, 1.0, 0, 0.0, 1.0, 1),
        lambda: clustered_slope(NAN, 3, 1.0, 1.0),
        lambda: clustered_slope(1.0, 3, -1.0, 1.0),
        lambda: clustered_slope(1.0, 3, 1.0, 0.0),
        lambda: coefficient_of_variation(1.0, -1.0),
        lambda: coefficient_of_variation(1.0, NAN),
        lambda: relative_range(5.0, 4.0),
        lambda: relative_range(-1.0, 4.0),
    ],
)
def test_impossible_input_is_refused(impossible: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        impossible()
