"""Scatter and tail of durations as plain loops over the same calls find them."""

from __future__ import annotations

from math import log
from statistics import median

import numpy as np
import pytest

from analyzer.measure import measure
from analyzer.model import FunctionMeasurements
from tests.conftest import MakeLake


def of(make_lake: MakeLake, durations: list[float], calls_on_a_stream: int = 1) -> FunctionMeasurements:
    rows = [
        {"duration_ms": value, "stream": f"stream-{number // calls_on_a_stream}"}
        for number, value in enumerate(durations)
    ]
    measurements = measure(make_lake(rows))
    assert measurements is not None
    (function,) = measurements.functions
    return function


def heavy(power: float, n: int = 2000) -> list[float]:
    """Durations whose share beyond x falls as x to the minus `power`."""
    return [round(float(value), 2) for value in 100 * (1 + np.random.default_rng(7).pareto(power, n))]


def test_scatter_and_tail_are_what_loops_over_the_calls_find(make_lake: MakeLake) -> None:
    durations = heavy(2.0)
    metrics = of(make_lake, durations).metrics
    assert metrics["duration.mad"].value == pytest.approx(median(abs(value - median(durations)) for value in durations))
    ordered = sorted(durations)
    p50, p90, p99 = ordered[999], ordered[1799], ordered[1979]
    assert metrics["duration.p99_over_p50"].value == pytest.approx(p99 / p50)
    beyond = [log(value / p90) for value in durations if value > p90]
    index = metrics["duration.tail_index"]
    assert (index.value, index.n) == (pytest.approx(sum(beyond) / len(beyond)), len(beyond))


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0])
def test_the_index_of_a_tail_that_falls_as_a_power_is_one_over_it(make_lake: MakeLake, power: float) -> None:
    index = of(make_lake, heavy(power)).metrics["duration.tail_index"]
    assert index.low < 1 / power < index.high


def test_a_few_calls_in_the_tail_describe_none(make_lake: MakeLake) -> None:
    metrics = of(make_lake, heavy(2.0, 400)).metrics
    assert "duration.tail_index" not in metrics
    assert "duration.p99_over_p50" in metrics


def test_below_a_hundred_calls_no_99th_percentile_is_compared(make_lake: MakeLake) -> None:
    assert "duration.p99_over_p50" not in of(make_lake, heavy(2.0, 90)).metrics


def test_a_constant_duration_has_neither_scatter_nor_tail(make_lake: MakeLake) -> None:
    metrics = of(make_lake, [250.0] * 1000).metrics
    assert (metrics["duration.mad"].value, metrics["duration.p99_over_p50"].value) == (0.0, 1.0)
    assert "duration.tail_index" not in metrics


def test_slow_calls_that_every_environment_has_bound_a_percentile_like_independent_ones(make_lake: MakeLake) -> None:
    everywhere = [900.0 + stream if call == 49 or (call == 48 and stream % 2) else 100.0 + call
                  for stream in range(40) for call in range(50)]  # fmt: skip
    p95 = of(make_lake, everywhere, 50).metrics["duration.p95"]
    assert p95.high is not None
    assert p95.interval == "order statistics"


def test_the_limits_of_a_percentile_rest_on_how_evenly_environments_exceed_it(make_lake: MakeLake) -> None:
    """All slow calls in two environments of forty, which say next to nothing about the next ones."""
    in_two = [900.0 + call if stream < 2 else 100.0 + call for stream in range(40) for call in range(50)]
    p95 = of(make_lake, in_two, 50).metrics["duration.p95"]
    assert p95.interval == "order statistics, adjusted for 40 log streams"
    assert p95.high is None or p95.high >= 900.0
