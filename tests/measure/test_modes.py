"""The dip against its definition, chance against drawn samples, and what splits explain against loops that leave streams out."""

from __future__ import annotations

import statistics
from collections import defaultdict
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from analyzer.measure.dip import EXCEEDED, chance_of_dip, dip
from analyzer.measure.metrics import modes
from tests.measure.rows import Row, asked, repeatable

HOUR = 3_600_000_000
BEGIN = 1_772_323_200_000_000


# ── the dip ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def nearest_unimodal(counts: list[int]) -> float:
    """How far the nearest distribution function is that is convex up to some bin's edge and concave from it, by linear programs.

    The unknowns are its heights at the edges, a second one at the mode, where it may jump, and the distance.
    """
    heights = np.concatenate([[0.0], np.cumsum(counts) / sum(counts)])
    n = len(heights)
    best = 1.0
    for mode in range(n):
        rows, bounds = [], []

        def at_most(
            bound: float, *terms: tuple[int, float], rows: list[Any] = rows, bounds: list[Any] = bounds
        ) -> None:
            row = np.zeros(n + 2)
            for place, factor in terms:
                row[place] += factor
            rows.append(row)
            bounds.append(bound)

        for place, height in [*enumerate(heights), (n, heights[mode])]:
            at_most(height, (place, 1.0), (n + 1, -1.0))
            at_most(-height, (place, -1.0), (n + 1, -1.0))
        at_most(0.0, (mode, 1.0), (n, -1.0))
        for place in range(1, n - 1):
            if place < mode:
                at_most(0.0, (place - 1, -1.0), (place, 2.0), (place + 1, -1.0))
            elif place > mode:
                before = n if place - 1 == mode else place - 1
                at_most(0.0, (before, 1.0), (place, -2.0), (place + 1, 1.0))
        target = np.zeros(n + 2)
        target[-1] = 1.0
        found = optimize.linprog(target, A_ub=np.array(rows), b_ub=bounds, bounds=[(None, None)] * (n + 2))
        best = min(best, found.fun)
    return best


@repeatable(30)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(sum))
def test_the_dip_is_the_distance_to_the_nearest_distribution_with_one_mode(counts: list[int]) -> None:
    assert dip(counts) == pytest.approx(nearest_unimodal(counts), abs=1e-9)


@pytest.mark.parametrize("counts", [[5], [1, 2, 3], [3, 2, 1], [1, 4, 9, 4], [2, 2, 2, 2]])
def test_a_histogram_with_one_mode_has_no_dip(counts: list[int]) -> None:
    assert dip(counts) == pytest.approx(0.0, abs=1e-12)


def test_two_heaps_far_apart_have_nearly_the_largest_dip_there_is() -> None:
    assert dip([1, *[0] * 998, 1]) == pytest.approx(0.25, abs=0.001)


def test_a_dip_is_as_rare_as_among_uniform_samples() -> None:
    generator = np.random.default_rng(11)
    found = []
    for _ in range(400):
        places = (generator.random(500) * 1000).astype(int)
        found.append(dip(np.bincount(places, minlength=1000).tolist()))
    for alpha in (0.5, 0.1, 0.02):
        rare = sum(chance_of_dip(one, 500) <= alpha for one in found)
        # No more often than 400 independent ones would once in ten thousand times, and no less.
        assert stats.binom.ppf(0.0001, 400, alpha) <= rare <= stats.binom.ppf(0.9999, 400, alpha), alpha


def test_chance_falls_as_the_dip_grows_and_never_to_nothing() -> None:
    chances = [chance_of_dip(size / 1000, 400) for size in range(251)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] == 1.0
    assert 0 < chances[-1] < 1e-30
    assert [chance_of_dip(scaled / 100, 10_000) for scaled, _ in EXCEEDED[1:]] == pytest.approx(
        [p for _, p in EXCEEDED[1:]]
    )


@pytest.mark.parametrize("counts", [[], [0, 0], [1, -1, 1]])
def test_nothing_has_no_dip(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="histogram"):
        dip(counts)


@pytest.mark.parametrize(("size", "n"), [(0.1, 0.0), (-0.1, 10.0), (0.3, 10.0)])
def test_an_impossible_dip_has_no_chance(size: float, n: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1/4"):
        chance_of_dip(size, n)


# ── what is known of the calls ───────────────────────────────────────────────────────────────────────────────────────


def group(row: Row, split: str) -> Any:
    if split == "start":
        return row["init_ms"] is not None
    if split == "outcome":
        return "ok" if row["outcome"] in ("ok", "unknown") else row["outcome"]
    if split == "hour":
        return row["end_time"] // HOUR % 24
    return row["memory_mb" if split == "memory" else "version"]


def between(pairs: list[tuple[Any, float]]) -> float | None:
    """The part of the variance that lies between groups; None where nothing varies."""
    whole = statistics.fmean(value for _, value in pairs)
    total = sum((value - whole) ** 2 for _, value in pairs)
    groups = defaultdict(list)
    for name, value in pairs:
        groups[name].append(value)
    if total < 1e-12:
        return None
    return sum(len(some) * (statistics.fmean(some) - whole) ** 2 for some in groups.values()) / total


def explained(rows: list[Row], split: str) -> tuple[float, float] | None:
    """The estimate and its half width: every stream is left out in turn. None where there is one group, or no scatter."""
    ranks = stats.rankdata([row["duration_ms"] for row in rows]) / len(rows)
    known = [
        (row["stream"], group(row, split), rank)
        for row, rank in zip(rows, ranks, strict=True)
        if group(row, split) is not None
    ]
    if len({name for _, name, _ in known}) < 2:
        return None
    value = between([(name, rank) for _, name, rank in known])
    streams = sorted({stream for stream, _, _ in known})
    without = [between([(name, rank) for own, name, rank in known if own != stream]) for stream in streams]
    if value is None or None in without or len(streams) < 2:
        return None
    n, mean = len(streams), statistics.fmean(without)  # type: ignore[arg-type]
    error = sqrt((n - 1) / n * sum((one - mean) ** 2 for one in without))  # type: ignore[operator]
    return n * value - (n - 1) * mean, float(stats.t.ppf(0.975, n - 1)) * error


calls = st.fixed_dictionaries(
    {
        "duration_ms": st.sampled_from([1.0, 2.0, 2.0, 3.5, 10.0, 40.0]) | st.integers(1, 500).map(float),
        "stream": st.sampled_from(["a", "b", "c", "d", "e", "f"]),
        "version": st.sampled_from(["7", "8", None]),
        "memory_mb": st.sampled_from([128, 128, 256]),
        "init_ms": st.sampled_from([None, None, None, 80.0]),
        "outcome": st.sampled_from(["ok", "ok", "ok", "unknown", "error", "timeout"]),
        "end_time": st.integers(0, 40).map(lambda hour: BEGIN + hour * HOUR),
    }
)


@repeatable(20)
@given(st.lists(calls, min_size=60, max_size=90))
def test_what_a_split_explains_is_what_loops_that_leave_streams_out_find(rows: list[Row]) -> None:
    got = asked(modes.FAMILY, rows)
    assert "modes.p" in got
    for split in ("start", "version", "memory", "outcome", "hour"):
        expected = explained(rows, split)
        if expected is None:
            continue
        value, half_width = expected
        one = got[f"modes.by.{split}"]
        assert one.value == pytest.approx(min(1.0, max(0.0, value)), abs=1e-6), split
        assert one.low == pytest.approx(min(1.0, max(0.0, value - half_width)), abs=1e-5), split
        assert one.high == pytest.approx(min(1.0, max(0.0, value + half_width)), abs=1e-5), split


def fleet(size_matters: bool, seed: int = 3) -> list[Row]:
    """Forty environments of twenty calls, half of them on a larger memory size; half of all calls take three times as long."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(800):
        stream = number % 40
        slow = stream % 2 if size_matters else int(generator.random() < 0.5)
        rows.append(
            {
                "stream": f"s{stream}",
                "duration_ms": round(100 * 3**slow * float(np.exp(0.15 * generator.standard_normal())), 2),
                "memory_mb": 512 if stream % 2 else 1024,
            }
        )
    return rows


def test_two_modes_that_the_memory_size_explains_are_said_to_be_explained() -> None:
    got = asked(modes.FAMILY, fleet(size_matters=True))
    assert got["modes.p"].value <= 0.01
    assert got["modes.by.memory"].low > 0.5
    assert got["modes.left_p"].value > 0.05
    assert got["modes.left_p"].note == "within groups by memory size"


def test_two_modes_that_nothing_known_explains_are_left() -> None:
    got = asked(modes.FAMILY, fleet(size_matters=False))
    assert got["modes.p"].value < 0.001
    assert got["modes.by.memory"].high < 0.1
    assert got["modes.left_p"].value < 0.01


def test_the_size_of_the_input_is_a_split_where_it_is_logged() -> None:
    rows = [
        {"request_id": f"r{number}", "stream": f"s{number % 20}", "duration_ms": 10.0 + number} for number in range(200)
    ]
    events = [
        {"request_id": f"r{number}", "kind": "fields", "fields": {"records": number + 1.0}} for number in range(200)
    ]
    got = asked(modes.FAMILY, rows, events)
    # Quarters of a hundred ranks that do not overlap hold 15/16 of their variance.
    assert got["modes.by.input"].value == pytest.approx(15 / 16, abs=0.01)


def test_heavy_tails_have_one_mode_and_a_few_calls_none_that_could_be_told() -> None:
    generator = np.random.default_rng(5)
    rows = [{"duration_ms": round(100 * (1 + float(generator.pareto(1.2))), 2)} for _ in range(1000)]
    assert asked(modes.FAMILY, rows)["modes.p"].value > 0.5
    assert asked(modes.FAMILY, rows[:49]) == {}
