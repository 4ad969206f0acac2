"""What many tests give by chance is not told: p-values adjusted over the functions of a report, held against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzer.measure import measure
from analyzer.measure.discoveries import FAMILIES, controlled
from analyzer.model import FunctionMeasurements, Measured, Moment
from tests.measure.rows import Row, lake_of, repeatable

BEGIN, MINUTE = 1_772_323_200_000_000, 60_000_000


def number(metric: str, value: float) -> Measured:
    return Measured(
        metric=metric, value=value, low=value, high=value, unit="ratio", n=100, population="all", evidence="q1"
    )


def function(values: dict[str, float], moments: list[Moment] | None = None) -> FunctionMeasurements:
    return FunctionMeasurements(
        name="checkout", invocations=100, metrics={name: number(name, value) for name, value in values.items()},
        breaches=[], slices=[], runtimes=[], versions=[], memory_sizes=[], region=None, errors=[], alarms=[],
        behind={}, moments=moments or [],
    )  # fmt: skip


ps = st.floats(0, 1).map(lambda p: float(f"{p:.4g}"))


@repeatable(60)
@given(st.lists(st.fixed_dictionaries({}, optional={"trend.p": ps, "trend.memory_p": ps}), min_size=1, max_size=12))
def test_each_p_becomes_that_of_scipy_over_all_functions_and_both_questions(given_: list[dict[str, float]]) -> None:
    asked = [p for values in given_ for p in values.values()]
    expected = list(stats.false_discovery_control(asked)) if asked else []
    held = controlled([function(values) for values in given_])
    got = [one.metrics[name].value for one, values in zip(held, given_, strict=True) for name in values]
    assert got == pytest.approx(expected, rel=1e-5, abs=1e-12)


def test_a_function_alone_that_was_asked_one_question_keeps_its_p() -> None:
    (one,) = controlled([function({"concurrency.load.p": 0.004, "memory.leak.records_p": 0.03})])
    assert (one.metrics["concurrency.load.p"].value, one.metrics["concurrency.load.p"].note) == (0.004, None)
    assert one.metrics["memory.leak.records_p"].value == 0.03


def test_a_p_that_was_adjusted_says_what_it_was() -> None:
    first, *_ = controlled([function({"concurrency.load.p": p}) for p in (0.004, 0.5, 0.6, 0.7)])
    assert first.metrics["concurrency.load.p"].value == pytest.approx(0.016)
    assert first.metrics["concurrency.load.p"].note == "0.004 before it was adjusted for 4 tests"


def test_a_change_that_so_many_tests_give_by_chance_is_found_no_more() -> None:
    moment = Moment(kind="change", time=BEGIN, evidence="q1")
    found = {"change.count": 1.0, "change.p": 0.01, "change.at": 5.0, "change.ratio": 1.2, "change.version_near": 1.0}
    healthy = {"change.count": 0.0, "change.p": 0.6}
    one, *_ = controlled([function(found, [moment]), *[function(healthy)] * 9])
    assert sorted(name for name in one.metrics if name.startswith("change.")) == ["change.count", "change.p"]
    assert one.metrics["change.count"].value == 0
    assert one.metrics["change.p"].value == pytest.approx(0.1)
    assert one.moments == []


def test_a_clear_change_among_many_functions_stays() -> None:
    moment = Moment(kind="change", time=BEGIN, evidence="q1")
    found = {"change.count": 1.0, "change.p": 0.0001, "change.at": 5.0, "change.ratio": 1.2}
    one, *_ = controlled([function(found, [moment]), *[function({"change.count": 0.0, "change.p": 0.6})] * 99])
    assert one.metrics["change.ratio"].value == 1.2
    assert one.moments == [moment]


def test_an_episode_that_was_looked_for_and_not_found_counts_as_a_test() -> None:
    found = {"episode.count": 1.0, "episode.p": 0.01, "episode.begin": 1.0, "episode.end": 2.0, "episode.ratio": 2.0}
    one, *others = controlled([function(found), *[function({"episode.count": 0.0})] * 9])
    assert one.metrics["episode.count"].value == 0
    assert "episode.begin" not in one.metrics
    assert all("episode.p" not in other.metrics for other in others)


def calls(name: str, slower: float, seed: int) -> list[Row]:
    scatter = np.exp(0.2 * np.random.default_rng(seed).standard_normal(600))
    return [
        {"function": name, "stream": f"{name}-{place % 6}", "end_time": BEGIN + place * MINUTE,
         "duration_ms": round(100 * (slower if place >= 300 else 1) * float(scatter[place]), 2)}
        for place in range(600)
    ]  # fmt: skip


def test_a_report_adjusts_over_its_functions_and_still_finds_the_one_that_changed() -> None:
    names = ["slower", *(f"healthy-{place}" for place in range(5))]
    rows = [row for seed, name in enumerate(names) for row in calls(name, 1.5 if name == "slower" else 1.0, seed)]
    with lake_of(rows) as lake:
        measurements = measure(lake)
    assert measurements is not None
    metrics = {one.name: one.metrics for one in measurements.functions}
    assert metrics["slower"]["change.count"].value == 1
    assert "adjusted for" in (metrics["slower"]["change.p"].note or "")
    tests = [m for some in metrics.values() for name, m in some.items() if name in FAMILIES[0]]
    assert all((one.value or 0.0) <= 1 for one in tests)
    assert len(tests) >= len(names)
