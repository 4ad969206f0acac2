"""Durations that the timeout cut off, and durations that all agree, held against plain loops and scipy."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.measure.metrics import plateau, timeouts
from tests.measure.rows import Row, asked, repeatable

calls = st.lists(
    st.fixed_dictionaries(
        {
            "duration_ms": st.sampled_from([10.0, 20.0, 20.0, 30.0, 100.0, 3_000.0])
            | st.integers(1, 300_000).map(lambda n: n / 100),
            "outcome": st.sampled_from(["ok", "ok", "ok", "error", "timeout", "unknown"]),
        }
    ),
    min_size=2,
    max_size=130,
)


@repeatable(25)
@given(calls)
def test_quantiles_and_limits_are_those_of_the_survival_function_of_scipy(made: list[Row]) -> None:
    got = asked(timeouts.FAMILY, made)
    cut = [row["duration_ms"] for row in made if row["outcome"] == "timeout"]
    ended = [row["duration_ms"] for row in made if row["outcome"] != "timeout"]
    if not cut:
        assert not [name for name in got if name.startswith("duration.km")]
        return
    if ended:
        curve = stats.ecdf(stats.CensoredData(uncensored=ended, right=cut)).sf
        with warnings.catch_warnings():
            # The limits are undefined where the curve is 1 or 0.
            warnings.simplefilter("ignore", RuntimeWarning)
            limits = curve.confidence_interval(0.95, method="log-log")
    for name, p, least in (("p50", 0.5, 2), ("p95", 0.95, 20), ("p99", 0.99, 100)):
        metric = f"duration.km.{name}"
        assert (metric in got) == (len(made) >= least)
        if metric not in got:
            continue
        one = got[metric]
        reached = (
            []
            if not ended
            else [t for t, s in zip(curve.quantiles, curve.probabilities, strict=True) if s <= 1 - p + 1e-9]
        )
        if not reached:
            assert (one.value, one.high) == (max(ended + cut), None)
            assert "at least this" in one.note
            continue
        assert one.value == min(reached)
        for limit, bound in ((one.low, limits.low), (one.high, limits.high)):
            curves = zip(bound.quantiles, curve.probabilities, bound.probabilities, strict=True)
            crossed = [t for t, s, b in curves if 0 < s < 1 and b <= 1 - p + 1e-9]
            assert limit == min(crossed, default=None)


def test_where_more_calls_time_out_than_the_percentile_leaves_it_is_at_least_the_limit() -> None:
    made = [{"duration_ms": float(number)} for number in range(1, 91)]
    made += [{"duration_ms": 3_000.0, "outcome": "timeout", "timeout_s": 3.0}] * 10
    got = asked(timeouts.FAMILY, made)
    assert got["duration.km.p50"].value == 50
    p95 = got["duration.km.p95"]
    assert (p95.value, p95.high) == (3_000, None)
    assert p95.note == "at least this: 10 of 100 calls were cut off"


def test_environments_that_are_alike_widen_the_limits() -> None:
    made = [{"duration_ms": 100.0 + number + 400 * (number % 4)} for number in range(200)]
    made += [{"duration_ms": 3_000.0, "outcome": "timeout"}] * 4
    apart = asked(timeouts.FAMILY, made)["duration.km.p50"]
    together = [row | {"stream": f"s{number % 4}"} for number, row in enumerate(made)]
    alike = asked(timeouts.FAMILY, together)["duration.km.p50"]
    assert alike.value == apart.value
    assert alike.low < apart.low


def test_with_many_calls_the_proposal_rests_on_the_far_percentile_and_not_on_the_one_longest_call() -> None:
    durations = np.random.default_rng(5).lognormal(6, 0.5, 8_000).round(2).tolist()
    got = asked(timeouts.FAMILY, [{"duration_ms": value} for value in [*durations, 400_000.0]])
    upper = stats.quantile_test([*durations, 400_000.0], p=0.999).confidence_interval().high
    assert got["timeout.recommended"].value == next(s for s in timeouts.STEPS if s >= 1.2 * upper / 1000)
    assert "99.9th percentile" in got["timeout.recommended"].note
    assert "duration.km.p50" not in got


def test_with_few_calls_the_proposal_rests_on_the_longest() -> None:
    got = asked(timeouts.FAMILY, [{"duration_ms": 1_000.0 * number} for number in range(1, 21)])
    assert got["timeout.recommended"].value == 30
    assert "longest of 20" in got["timeout.recommended"].note


@repeatable(25)
@given(calls)
def test_the_plateau_is_the_fullest_window_that_a_plain_loop_finds(made: list[Row]) -> None:
    durations = [row["duration_ms"] for row in made]
    typical = sorted(durations)[(len(durations) - 1) // 2]
    slow = sorted(
        round(10_000 * math.log(row["duration_ms"]))
        for row in made
        if row["duration_ms"] > 4 * typical and row["outcome"] != "timeout"
    )
    fullest = max((sum(first <= x < first + 150 for x in slow) for first in slow), default=0)
    got = asked(plateau.FAMILY, made)
    assert bool(got) == (fullest >= 5)
    if got:
        assert got["plateau.count"].value == fullest
        assert got["plateau.share"].value == fullest / len(made)
        assert got["plateau.concentration"].value == fullest / len(slow)


def test_a_client_that_gives_up_after_ten_seconds_is_seen() -> None:
    random = np.random.default_rng(2)
    made = [{"duration_ms": float(value)} for value in random.lognormal(5, 0.3, 900).round(2)]
    made += [{"duration_ms": float(value)} for value in (10_000 + random.uniform(0, 90, 12)).round(2)]
    got = asked(plateau.FAMILY, made)
    assert got["plateau.count"].value == 12
    assert got["plateau.at"].value == pytest.approx(10_045, rel=0.005)
    assert got["plateau.round"].value == 1


def test_a_smooth_tail_is_hardly_concentrated() -> None:
    random = np.random.default_rng(3)
    made = [{"duration_ms": float(value)} for value in random.lognormal(5, 1.2, 4_000).round(2)]
    got = asked(plateau.FAMILY, made)
    assert got["plateau.concentration"].value < 0.1
