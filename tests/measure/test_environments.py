"""What single environments have to do with durations, held against plain loops and scipy."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.measure.metrics import environments
from analyzer.measure.statistics import intraclass, rank_correlation
from tests.measure.rows import Row, asked, repeatable

BASE, HOUR = 1_773_735_125_000_000, 3_600_000_000

calls = st.lists(
    st.fixed_dictionaries(
        {
            "stream": st.sampled_from(["a", "b", "c", "d", "e", None]),
            "end_time": st.sampled_from([BASE, BASE + HOUR]),
            "duration_ms": st.integers(1, 9_000).map(lambda n: n / 10),
            "outcome": st.sampled_from(["ok", "ok", "ok", "unknown", "error"]),
            "init_ms": st.sampled_from([None, None, None, 50.0]),
            "memory_mb": st.sampled_from([128, 256]),
            "max_memory_mb": st.integers(20, 128),
        }
    ),
    min_size=1,
    max_size=120,
)


def warm(made: list[Row]) -> list[Row]:
    return [row for row in made if row["stream"] and row["outcome"] in ("ok", "unknown") and row["init_ms"] is None]


@repeatable(20)
@given(calls)
def test_the_numbers_are_those_of_a_plain_loop(made: list[Row]) -> None:
    got = asked(environments.FAMILY, made)
    cells: dict[tuple[int, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    by_stream: dict[str, list[float]] = defaultdict(list)
    for row in warm(made):
        cells[row["end_time"], row["memory_mb"]][row["stream"]].append(math.log(row["duration_ms"]))
        by_stream[row["stream"]].append(row["duration_ms"])
    shared = [list(groups.values()) for groups in cells.values() if len(groups) > 1]
    n, groups = sum(len(group) for cell in shared for group in cell), sum(map(len, shared))
    if n > groups:
        within = sum((y - statistics.fmean(group)) ** 2 for cell in shared for group in cell for y in group)
        between = sum(
            len(group) * (statistics.fmean(group) - statistics.fmean([y for one in cell for y in one])) ** 2
            for cell in shared
            for group in cell
        )
        sizes = [[len(group) for group in cell] for cell in shared]
        n0 = (n - sum(sum(m * m for m in cell) / sum(cell) for cell in sizes)) / (groups - len(shared))
        # Where calls of an environment do not differ at all there is nothing to hold the differences between them against.
        if within > 1e-6:
            f = (between / (groups - len(shared))) / (within / (n - groups))
            assert got["environment.icc"].value == pytest.approx(max(0, (f - 1) / (f + n0 - 1)), abs=1e-5)
    else:
        assert "environment.icc" not in got
    medians = {name: sorted(some)[(len(some) - 1) // 2] for name, some in by_stream.items() if len(some) >= 8}
    assert ("environment.slow_share" in got) == (len(medians) >= 4)
    if len(medians) >= 4:
        typical = sorted(medians.values())[(len(medians) - 1) // 2]
        slow = [name for name, median in medians.items() if median > 2 * typical]
        assert (got["environment.slow_share"].k, got["environment.slow_share"].n) == (len(slow), len(medians))
        assert got["environment.slow_calls_share"].k == sum(len(by_stream[name]) for name in slow)
    first = sorted(
        row["max_memory_mb"] / row["memory_mb"] for row in made if row["stream"] and row["init_ms"] is not None
    )
    assert ("memory.first_call.p50" in got) == bool(first)
    if first:
        assert got["memory.first_call.p50"].value == first[(len(first) - 1) // 2]


def test_a_slow_hour_is_no_slow_environment() -> None:
    random = np.random.default_rng(1)
    made = [
        {
            "stream": f"s{number % 24}",
            "end_time": BASE + hour * HOUR,
            "duration_ms": float((100, 500)[hour] * math.exp(noise)),
            "memory_mb": 128,
        }
        for hour in range(2)
        for number, noise in enumerate(random.normal(0, 0.2, 240))
    ]
    assert asked(environments.FAMILY, made)["environment.icc"].high < 0.15
    made = [row | {"duration_ms": row["duration_ms"] * (2 if row["stream"] < "s12" else 1)} for row in made]
    assert asked(environments.FAMILY, made)["environment.icc"].low > 0.08


@pytest.mark.parametrize(("icc", "clusters"), [(0.0, 12), (0.2, 12), (0.5, 30)])
def test_the_limits_cover_the_truth_as_often_as_they_say(icc: float, clusters: int) -> None:
    random, size, covered = np.random.default_rng(9), 10, 0
    for _ in range(400):
        values = random.normal(0, math.sqrt(icc), (clusters, 1)) + random.normal(
            0, math.sqrt(1 - icc), (clusters, size)
        )
        means = values.mean(axis=1)
        between = size * float(((means - values.mean()) ** 2).sum())
        within = float(((values - means[:, None]) ** 2).sum())
        _, interval = intraclass(between, within, clusters * size, clusters, 1, size, clusters)
        covered += interval.low <= icc <= interval.high
    assert 0.92 <= covered / 400 <= 0.99


@pytest.mark.parametrize("n", [30, 200])
def test_p_of_a_rank_correlation_is_that_of_scipy(n: int) -> None:
    random = np.random.default_rng(n)
    x, y = random.integers(0, 40, n), random.normal(size=n)
    there = stats.spearmanr(x, y)
    _, p = rank_correlation(float(there.statistic), n)
    assert p == pytest.approx(there.pvalue, rel=1e-9)


def test_first_calls_whose_memory_goes_with_their_duration_are_found() -> None:
    random = np.random.default_rng(2)
    made = [
        {
            "nth": 1,
            "memory_mb": 512,
            "max_memory_mb": int(memory),
            "duration_ms": round(float(memory * math.exp(noise)), 2),
        }
        for memory, noise in zip(random.integers(200, 500, 60), random.normal(0, 0.2, 60), strict=True)
    ]
    there = stats.spearmanr([row["max_memory_mb"] for row in made], [row["duration_ms"] for row in made])
    got = asked(environments.FAMILY, made)
    assert got["memory.first_call.rho"].value == pytest.approx(there.statistic, abs=1e-6)
    assert got["memory.first_call.rho"].low > 0.2
    assert got["memory.first_call.rho_p"].value == pytest.approx(there.pvalue, rel=1e-4)


def test_memory_sizes_are_not_mistaken_for_memory_that_is_used() -> None:
    random = np.random.default_rng(3)
    made = [
        {
            "nth": 1,
            "memory_mb": size,
            "max_memory_mb": int(size * 0.5 + random.integers(0, 20)),
            "duration_ms": float(size + random.uniform(0, 90)),
        }
        for size in (256, 1024)
        for _ in range(40)
    ]
    assert asked(environments.FAMILY, made)["memory.first_call.rho_p"].value > 0.05
