"""Changes of level: held against plain loops over all places, against series whose answer is known, and against chance."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analyzer.measure.change_points import (
    TRIM,
    chance_of_split,
    change_points,
    episode,
    place_limits,
    strongest_split,
)

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=60)
TENTH = log(1.1)

series = st.lists(st.integers(-1000, 1000).map(float), min_size=12, max_size=60)


def noise(seed: int, n: int = 120, scale: float = 0.05) -> np.ndarray:
    """Scatter with a heavy tail: now and then a bin is far off."""
    generator = np.random.default_rng(seed)
    return scale * generator.standard_normal(n) + np.where(generator.random(n) < 0.02, generator.exponential(0.5, n), 0)


def stepped(seed: int, *steps: tuple[int, float], n: int = 120) -> list[float]:
    """Noise whose level rises by each step from its place on."""
    values = noise(seed, n)
    for at, height in steps:
        values[at:] += height
    return list(values)


# ── the split ────────────────────────────────────────────────────────────────────────────────────────────────────────


@REPEATABLE
@given(series)
def test_the_strongest_split_is_the_one_that_a_loop_over_scipys_ranks_finds(values: list[float]) -> None:
    n = len(values)
    ranks = stats.rankdata(values)
    trim = max(1, int(np.ceil(TRIM * n)))
    found = {}
    for k in range(trim, n - trim + 1):
        # Twice the rank, so that the strength counts in whole ranks.
        found[k] = abs(2 * (sum(ranks[:k]) - k * (n + 1) / 2)) / sqrt(k * (n - k))
    strength, place = strongest_split(values)
    assert strength == pytest.approx(max(found.values()))
    assert found[place] == pytest.approx(strength)


@REPEATABLE
@given(series)
def test_a_monotone_transformation_changes_neither_the_place_nor_the_chance(values: list[float]) -> None:
    bent = [exp(value / 500) - 7 for value in values]
    assert strongest_split(bent) == strongest_split(values)
    assert chance_of_split(bent) == chance_of_split(values)


@REPEATABLE
@given(series)
def test_running_time_backwards_mirrors_the_split(values: list[float]) -> None:
    strength, place = strongest_split(values)
    backwards, mirrored = strongest_split(values[::-1])
    assert backwards == strength
    # Two places that are equally strong and equally near to the middle are each other's mirror image.
    assert mirrored in (place, len(values) - place)


def test_changes_found_backwards_are_those_found_forwards() -> None:
    values = stepped(5, (40, 0.4), (90, -0.6))
    forwards = [change.at for change in change_points(values, TENTH, 1.0)]
    backwards = [len(values) - change.at for change in change_points(values[::-1], TENTH, 1.0)]
    assert forwards == backwards[::-1] == [40, 90]


@pytest.mark.parametrize("value", [0.0, -3.5, 1e9])
def test_a_constant_series_has_neither_change_nor_episode(value: float) -> None:
    values = [value] * 100
    assert chance_of_split(values) == 1.0
    assert change_points(values, 0.0, 0.0) == []
    assert episode(values, 0.0) is None


def test_the_chance_of_a_split_is_what_the_uniform_distribution_makes_of_healthy_series() -> None:
    chances = [chance_of_split(list(noise(seed, 60))) for seed in range(200)]
    assert stats.kstest(chances, "uniform").pvalue > 0.01


def test_series_that_remember_their_neighbours_are_not_taken_for_changed() -> None:
    found = 0
    for seed in range(100):
        fresh = noise(1000 + seed)
        values = [fresh[0]]
        for value in fresh[1:]:
            values.append(0.5 * values[-1] + value)
        found += chance_of_split(values) <= 0.01
    assert stats.binom.sf(found - 1, 100, 0.02) > 0.01


# ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(5))
def test_every_step_is_found_where_it_is_with_its_height(seed: int) -> None:
    first, second = change_points(stepped(seed, (30, 0.5), (80, 0.3)), TENTH, 1.0)
    for change, at, height in ((first, 30, 0.5), (second, 80, 0.3)):
        assert abs(change.at - at) <= 2
        assert change.shift == pytest.approx(height, abs=0.06)
        assert change.p <= 0.01
    assert (first.begin, first.end, second.begin, second.end) == (0, second.at, first.at, 120)


def test_a_change_below_a_tenth_is_not_worth_a_word_however_clear() -> None:
    values = [*(0.001 * noise(1)[:60]), *(0.09 + 0.001 * noise(2)[:60])]
    assert change_points(values, TENTH, 1.0) == []
    assert [change.at for change in change_points(values, 0.05, 1.0)] == [60]


def test_a_change_within_the_scatter_is_not_worth_a_word_however_many_bins_show_it() -> None:
    values = stepped(3, (200, 0.15), n=400)
    scatter = stats.median_abs_deviation(noise(3, 400))
    assert len(change_points(values, 0.0, 0.14 / scatter)) == 1
    assert change_points(values, 0.0, 0.2 / scatter) == []


def test_the_place_of_a_clear_step_is_known_and_that_of_a_faint_one_less_so() -> None:
    low, high = place_limits(stepped(4, (60, 1.0)), 60)
    assert (low, high) == (60, 60)
    low, high = place_limits(stepped(4, (60, 0.05)), 60)
    assert low < 60 < high


def test_the_same_values_give_the_same_numbers() -> None:
    values = stepped(9, (60, 0.1))
    assert change_points(values, 0.0, 0.0) == change_points(values, 0.0, 0.0)


# ── episodes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("begin", "end"), [(50, 62), (10, 40), (100, 110)])
def test_a_stretch_that_is_slow_and_ends_is_an_episode(begin: int, end: int) -> None:
    found = episode(stepped(6, (begin, 0.4), (end, -0.4)), TENTH)
    assert found is not None
    assert abs(found.begin - begin) <= 2
    assert abs(found.end - end) <= 2
    assert found.shift == pytest.approx(0.4, abs=0.05)
    assert found.p <= 0.01


def test_a_step_that_stays_is_no_episode() -> None:
    assert [episode(stepped(seed, (70, 0.5)), TENTH) for seed in range(10)] == [None] * 10


def test_chance_makes_no_episode() -> None:
    found = sum(episode(list(noise(seed, 60)), 0.0) is not None for seed in range(100))
    assert stats.binom.sf(found - 1, 100, 0.01) > 0.01


def test_an_episode_lies_where_two_loops_find_the_strongest_stretch() -> None:
    values = stepped(11, (20, 0.8), (33, -0.8), n=48)
    ranks = stats.rankdata(values) - (len(values) + 1) / 2
    strengths = {
        (begin, end): abs(ranks[begin:end].sum()) / sqrt((end - begin) * (48 - end + begin))
        for begin in range(3, 48)
        for end in range(begin + 3, 46)
        if end - begin <= 24
    }
    found = episode(values, TENTH)
    assert found is not None
    strongest = max(strengths, key=lambda stretch: strengths[stretch])
    assert max(abs(found.begin - strongest[0]), abs(found.end - strongest[1])) <= 2
    assert found.begin_limits[0] <= 20 <= found.begin_limits[1]
    assert found.end_limits[0] <= 33 <= found.end_limits[1]


def test_an_episode_below_a_tenth_is_not_worth_a_word() -> None:
    values = [0.001 * value for value in stepped(11, (20, 60.0), (33, -60.0), n=48)]
    assert episode(values, TENTH) is None
    assert episode(values, 0.05) is not None


# ── impossible input ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: strongest_split([1.0]),
        lambda: strongest_split([1.0, float("nan"), 2.0]),
        lambda: chance_of_split([float("inf"), 0.0]),
        lambda: change_points([1.0] * 30, -0.1, 1.0),
        lambda: change_points([1.0] * 30, 0.1, -1.0),
        lambda: place_limits([1.0, 2.0], 0),
        lambda: place_limits([1.0, 2.0], 2),
    ],
)
def test_impossible_input_is_refused(impossible: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        impossible()
