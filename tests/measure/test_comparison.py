"""Two periods held against each other: what moved, by how much, and what is chance."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec import structs

from analyzer.measure.comparison import COMPARED, Numbers, compare
from analyzer.measure.statistics import wilson
from analyzer.model import Measured, Move

HEADLINE = "duration>3s"


def share(metric: str, k: int, n: int, threshold: str | None = None) -> Measured:
    limits = wilson(k, n)
    return Measured(
        metric=metric, value=k / n, low=limits.low, high=limits.high, unit="share", n=n, k=k, population="all invocations",
        evidence="q1", threshold=threshold,
    )  # fmt: skip


def median(value: float, low: float | None, high: float | None) -> Measured:
    return Measured(
        metric="duration.p50", value=value, low=low, high=high, unit="ms", n=500, population="all invocations", evidence="q2"
    )  # fmt: skip


def moved(before: Measured, after: Measured) -> Move:
    (move,) = compare({"checkout": [before]}, {"checkout": [after]}, HEADLINE)
    return move


def test_the_interval_of_a_difference_of_shares_is_that_of_newcombes_own_example() -> None:
    """Newcombe 1998, table II, contrast (a) by method 10: 56 of 70 less 48 of 80 is 0.2, from 0.0524 to 0.3339."""
    move = moved(share("failure.rate", 48, 80), share("failure.rate", 56, 70))
    assert (move.by, move.change) == ("difference", pytest.approx(0.2))
    assert (move.low, move.high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))


def test_a_duration_moves_by_a_ratio_whose_interval_turns_with_it() -> None:
    there = moved(median(100, 95, 106), median(150, 141, 158))
    back = moved(median(150, 141, 158), median(100, 95, 106))
    assert (there.state, there.by, there.change) == ("worse", "ratio", pytest.approx(1.5))
    assert (back.state, back.low, back.high) == ("better", pytest.approx(1 / there.high), pytest.approx(1 / there.low))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (median(100, 90, 115), median(112, 100, 125)),  # the intervals allow for no change
        (median(100, 99.9, 100.1), median(105, 104.9, 105.1)),  # no chance, and too little to matter
        (share("failure.rate", 10, 100_000), share("failure.rate", 60, 100_000)),  # six times next to nothing
        (median(100, None, None), median(900, None, None)),  # so few calls that no limit is known
    ],
)
def test_what_may_be_chance_or_does_not_matter_has_not_moved(before: Measured, after: Measured) -> None:
    assert moved(before, after).state == "unchanged"


def test_of_several_thresholds_the_one_that_the_report_is_about_is_compared() -> None:
    before = [share("breach.rate", 5, 1000, "duration>1s"), share("breach.rate", 2, 1000, HEADLINE)]
    after = [share("breach.rate", 6, 1000, "duration>1s"), share("breach.rate", 90, 1000, HEADLINE)]
    (move,) = compare({"checkout": before}, {"checkout": after}, HEADLINE)
    assert (move.before.k, move.after.k, move.state) == (2, 90, "worse")


def test_a_percentile_that_timeouts_cut_off_is_not_called_better() -> None:
    p95 = [structs.replace(median(value, value - 5, value + 5), metric="duration.p95") for value in (200, 100)]
    before, after = [p95[0], share("timeout.rate", 0, 500)], [p95[1], share("timeout.rate", 50, 500)]
    moves = compare({"checkout": before}, {"checkout": after}, HEADLINE)
    assert [(move.metric, move.state) for move in moves] == [("timeout.rate", "worse")]


def test_a_number_or_a_function_that_only_one_period_has_is_not_compared() -> None:
    before: Numbers = {"checkout": [share("failure.rate", 1, 10)], "gone": [share("failure.rate", 1, 10)]}
    after: Numbers = {"checkout": [median(100, 90, 110)], "new": [share("failure.rate", 1, 10)]}
    assert compare(before, after, HEADLINE) == []


def test_among_many_functions_that_did_not_change_next_to_none_is_said_to_have_moved() -> None:
    """Sixty functions at a time, whose two weeks are drawn alike: one 95 % interval in twenty would miss, so three in each time."""
    chance = random.Random(1)
    false = 0
    for _ in range(50):
        weeks: list[dict[str, list[Any]]] = [
            {
                f"function-{number}": [share("failure.rate", sum(chance.random() < 0.1 for _ in range(200)), 200)]
                for number in range(60)
            }
            for _ in range(2)
        ]
        false += any(move.state != "unchanged" for move in compare(weeks[0], weeks[1], HEADLINE))
    # At a rate of 5 % three of fifty are expected, and nine or more have a chance of one in five hundred.
    assert false < 9


def test_no_maximum_is_compared_since_it_grows_with_the_number_of_calls() -> None:
    assert not [name for name in COMPARED if name.endswith((".max", ".min", ".peak", ".count"))]
