"""The sweep held against a loop over every instant, the cap and the load against made-up traffic."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from analyzer.measure.metrics import concurrency
from tests.measure.rows import Row, asked, repeatable

SECOND = 1_000_000
NOON = 1_773_748_800 * SECOND


def call(begin: float, seconds: float, init: float = 0.0, **values: object) -> Row:
    """A call that works from `begin`, in seconds after noon."""
    start = NOON + round(begin * SECOND)
    row: Row = {"start_time": start, "end_time": start + round(seconds * SECOND), "duration_ms": 1000.0 * seconds}
    return row | ({"init_ms": 1000.0 * init} if init else {}) | values


calls = st.lists(
    st.builds(
        call,
        st.integers(0, 1_300),
        st.integers(0, 700),
        st.sampled_from([0, 0, 3]),
        stream=st.sampled_from(["one", "two", None]),
    ),
    min_size=1,
    max_size=40,
)


def levels(made: list[Row]) -> tuple[Counter[int], Counter[int]]:
    """Whole seconds spent at each level; and how often a level was reached from below, blocks of ten minutes apart."""
    spans = [
        (row["start_time"] // SECOND - round(row.get("init_ms", 0) / 1000), row["end_time"] // SECOND) for row in made
    ]
    spent, reached = Counter[int](), Counter[int]()
    before = 0
    for second in range(min(a for a, _ in spans), max(z for _, z in spans) + 1):
        level = sum(a <= second < z for a, z in spans)
        spent[level] += 1
        if level > (0 if second % 600 == 0 else before):
            reached[level] += 1
        before = level
    del spent[0]
    return spent, reached


@repeatable(25)
@given(calls)
def test_levels_are_those_of_a_loop_over_every_second(made: list[Row]) -> None:
    got = asked(concurrency.FAMILY, made)
    spent, reached = levels(made)
    assert bool(got) == bool(spent)
    if not spent:
        return
    active = sum(spent.values())
    ordered = [level for level in sorted(spent) for _ in range(spent[level])]
    assert got["concurrency.peak"].value == max(spent)
    assert got["concurrency.mean"].value == pytest.approx(sum(k * v for k, v in spent.items()) / active)
    assert got["concurrency.p99"].value == ordered[math.ceil(0.99 * active) - 1]
    assert got["concurrency.cap.hits"].value == reached[max(spent)]
    assert got["concurrency.little"].value == pytest.approx(1)


def test_a_call_that_ends_when_another_begins_does_not_overlap_it() -> None:
    got = asked(concurrency.FAMILY, [call(0, 5), call(5, 5), call(10, 5)])
    assert got["concurrency.peak"].value == 1


def test_a_call_without_a_time_is_left_out() -> None:
    assert asked(concurrency.FAMILY, [{"duration_ms": 5.0}]) == {}


def traffic(rate: float, seconds: float, hours: int, limit: float, seed: int) -> list[Row]:
    """Poisson arrivals; a call that would exceed `limit` at once waits until another ends."""
    random = np.random.default_rng(seed)
    time, ends, made = 0.0, [], []
    while time < hours * 3600:
        time += random.exponential(1 / rate)
        ends = sorted(end for end in ends if end > time)
        begin = time if len(ends) < limit else ends[len(ends) - int(limit)]
        length = round(random.exponential(seconds), 3)
        ends.append(begin + length)
        made.append(call(begin, length))
    return made


def test_a_cap_is_seen_and_its_absence_too() -> None:
    capped = asked(concurrency.FAMILY, traffic(2.0, 2.0, 1, 4, seed=1))
    assert capped["concurrency.peak"].value == 4
    assert capped["concurrency.cap.p"].value < 1e-6
    free = asked(concurrency.FAMILY, traffic(2.0, 2.0, 1, math.inf, seed=1))
    assert free["concurrency.peak"].value > 8
    assert "concurrency.cap.p" not in free or free["concurrency.cap.p"].value > 0.001


def busy(slowdown: float, seed: int) -> list[Row]:
    """Three hours of calls in ten environments; each takes so much longer for every other that is running."""
    random = np.random.default_rng(seed)
    running: list[float] = []
    made = []
    time = 0.0
    for number in range(1_500):
        time += random.exponential(7.2)
        running = [end for end in running if end > time]
        length = round(20 * math.exp(random.normal(0, 0.3)) * (1 + slowdown) ** len(running), 3)
        running.append(time + length)
        made.append(call(time, length, stream=f"s{number % 10}"))
    return made


def test_load_that_slows_calls_down_is_found_with_its_slope() -> None:
    got = asked(concurrency.FAMILY, busy(0.10, seed=4))
    assert got["concurrency.load.p"].value < 1e-6
    slope = got["concurrency.load.slope"]
    assert slope.low < 0.10 < slope.high
    assert got["concurrency.load.rho"].low > 0.15


def test_load_that_does_not_matter_is_not_found_more_often_than_by_chance() -> None:
    found = [asked(concurrency.FAMILY, busy(0.0, seed))["concurrency.load.p"].value < 0.05 for seed in range(12)]
    assert sum(found) <= 2


def test_a_slow_episode_that_fills_environments_is_not_mistaken_for_load() -> None:
    found = []
    for seed in range(8):
        random, time, made = np.random.default_rng(seed), 0.0, []
        for number in range(1_000):
            time += random.exponential(7.2)
            slow = 2 if time % 3600 > 2400 else 1
            length = round(20 * slow * math.exp(random.normal(0, 0.3)), 3)
            made.append(call(time, length, stream=f"s{number % 10}"))
        found.append(asked(concurrency.FAMILY, made)["concurrency.load.p"].value < 0.05)
    assert sum(found) <= 1


def test_the_rank_correlation_is_that_of_ranks_within_ten_minutes() -> None:
    random = np.random.default_rng(6)
    begins, lengths = 0.05 + random.choice(24_000, 2_000, replace=False), random.integers(1, 60, 2_000) + 0.5
    assert _rank_correlation(begins, lengths, 600.0) == pytest.approx(0, abs=0.1)


def test_a_short_period_is_compared_within_a_24th_of_it() -> None:
    random = np.random.default_rng(6)
    begins, lengths = 300.05 + random.choice(2_400, 400, replace=False) / 4, random.integers(1, 9, 400) + 0.1
    _rank_correlation(begins, lengths, None)


def _rank_correlation(begins: NDArray[np.float64], lengths: NDArray[np.float64], seconds: float | None) -> float:
    """Held against ranks within pieces of `seconds`, or of a 24th of the whole."""
    made = [
        call(float(begin), float(length), stream=f"s{number % 7}")
        for number, (begin, length) in enumerate(zip(begins, lengths, strict=True))
    ]
    starts, ends = np.array([row["start_time"] for row in made]), np.array([row["end_time"] for row in made])
    met = np.array([((starts < start) & (start < ends)).sum() for start in starts])
    piece = int(seconds * 1e6) if seconds else int(ends.max() - starts.min()) // 24
    x, y = np.zeros(len(made)), np.zeros(len(made))
    for number in np.unique(starts // piece):
        inside = starts // piece == number
        for ranks, values in ((x, met), (y, lengths)):
            ranks[inside] = (stats.rankdata(values[inside]) - (inside.sum() + 1) / 2) / inside.sum()
    expected = float((x * y).sum() / math.sqrt((x * x).sum() * (y * y).sum()))
    assert asked(concurrency.FAMILY, made)["concurrency.load.rho"].value == pytest.approx(expected, abs=1e-6)
    return expected
