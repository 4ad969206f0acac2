"""Alarms tried on logs: their thresholds against what the logs hold, their firings against CloudWatch's rules in plain loops."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.measure.alarms import PERIOD, RELIABLE_P95, alarms
from analyzer.measure.scope import Scope
from analyzer.model import Alarm, Measured
from tests.measure.rows import Row, engine_over, repeatable

SECOND = 1_000_000
# 2026-03-01 00:00Z, the beginning of a period.
BEGIN = 1_772_323_200


def known(**values: float) -> dict[str, Measured]:
    """Metrics by their names, in which two underscores stand for the dot."""
    return {
        name.replace("__", "."): Measured(
            metric=name, value=value, unit="ratio", n=1, population="all invocations", evidence="q0"
        )
        for name, value in values.items()
    }


def tried(rows: list[Row], **values: float) -> dict[str, Alarm]:
    with engine_over(rows) as engine:
        return {one.signal: one for one in alarms(engine, Scope(function="checkout"), known(**values))}


def call(second: float, duration: float = 100.0, outcome: str = "ok", **values: Any) -> Row:
    """A call that began so many seconds after the first period did."""
    start = round((BEGIN + second) * SECOND)
    return {
        "start_time": start,
        "end_time": start + round(duration * 1000),
        "duration_ms": duration,
        "outcome": outcome,
    } | values


def slow_for_a_while(factor: float) -> list[Row]:
    """A call every ten seconds for three hours; between 50 and 70 minutes they take `factor` times as long."""
    return [call(10 * n, 100.0 * (factor if 300 <= n < 420 else 1.0)) for n in range(1080)]


EPISODE = {"episode__begin": BEGIN + 3_000, "episode__end": BEGIN + 4_190, "episode__ratio": 2.0}


def test_an_alarm_goes_off_in_the_slow_episode_and_at_no_other_time() -> None:
    alarm = tried(slow_for_a_while(3.0), duration__max=300.0, **EPISODE)["duration.max"]
    assert (alarm.choice, alarm.basis, alarm.threshold) == ("usual", 100.0, 120.0)
    trial = alarm.trial
    assert trial is not None
    assert (trial.firings, trial.outside, trial.watched_s) == (1, 0, 3 * 3_600)
    # Slow calls began at 03:00 of a period, whose end is the first time that the alarm can know of it.
    assert [(one.begin - BEGIN, one.seconds) for one in trial.shown] == [(3_300, 20 * 60)]


def test_where_an_episode_is_hardly_slower_the_threshold_lies_between() -> None:
    alarm = tried(slow_for_a_while(1.15), duration__max=115.0, **EPISODE)["duration.max"]
    assert alarm.choice == "between"
    assert 100.0 < alarm.threshold < 115.0
    assert alarm.trial is not None
    assert (alarm.trial.firings, alarm.trial.outside) == (1, 0)


def test_an_episode_that_no_threshold_tells_from_the_rest_is_missed() -> None:
    rows = [*slow_for_a_while(2.0), call(9_000, 500.0)]
    alarm = tried(rows, duration__max=500.0, **EPISODE)["duration.max"]
    assert alarm.threshold > 500.0
    assert alarm.trial is not None
    assert alarm.trial.firings == 0


def test_a_threshold_lies_below_the_timeout_that_no_call_outlasts() -> None:
    rows = [call(60 * n, 3_000.0 if n % 9 == 0 else 200.0, "timeout" if n % 9 == 0 else "ok") for n in range(90)]
    alarm = tried(rows, duration__max=3_000.0, timeout__limit=3.0)["duration.max"]
    assert (alarm.choice, alarm.basis, alarm.threshold) == ("limit", 3_000.0, 2_700.0)
    assert alarm.trial is not None
    assert alarm.trial.firings > 0


def test_a_call_counts_in_the_period_in_which_it_began() -> None:
    rows = [call(0), call(290, 30_000.0, "error"), call(900)]
    alarm = tried(rows, duration__max=30_000.0)["errors.sum"]
    assert alarm.trial is not None
    assert [one.begin - BEGIN for one in alarm.trial.shown] == [300]


def test_logs_without_times_are_not_tried() -> None:
    rows = [{"end_time": None, "duration_ms": 100.0}] * 3
    for alarm in tried(rows, duration__max=100.0).values():
        assert alarm.trial is None


def test_errors_are_not_tried_where_no_outcome_is_known() -> None:
    alarm = tried([call(n, outcome="unknown") for n in range(5)], duration__max=100.0)["errors.sum"]
    assert alarm.trial is None


def test_only_environments_that_fill_up_get_an_alarm_on_memory() -> None:
    rows = [call(60 * n, memory_mb=128, max_memory_mb=90 + n) for n in range(38)]
    assert "memory.max" not in tried(rows, memory__size=128, memory__peak_ratio__max=0.5)
    alarm = tried(rows, memory__size=128, memory__peak_ratio__max=0.99)["memory.max"]
    assert (alarm.threshold, alarm.basis) == (115, 128)
    assert alarm.trial is not None
    assert (alarm.trial.firings, alarm.trial.on_s) == (1, 3 * PERIOD)


periods = st.lists(
    st.tuples(
        st.sampled_from([0, 3, RELIABLE_P95 - 1, RELIABLE_P95, RELIABLE_P95 + 1]), st.sampled_from([50.0, 100.0, 200.0])
    ),
    min_size=2,
    max_size=9,
).filter(lambda made: made[0][0] > 0 and made[-1][0] > 0)


@repeatable(12)
@given(periods, st.sampled_from([0.0, 0.04, 0.1, 0.5]))
def test_firings_are_those_of_plain_loops(made: list[tuple[int, float]], failing: float) -> None:
    rows = [
        call(PERIOD * place + n, duration, "error" if n < failing * count else "ok")
        for place, (count, duration) in enumerate(made)
        for n in range(count)
    ]
    found = tried(rows, duration__max=200.0, invocations__per_five_minutes=RELIABLE_P95)
    p95 = [duration if count else None for count, duration in made]
    rate = [statistics.mean(n < failing * count for n in range(count)) if count else None for count, _ in made]
    for signal, values, least in (("duration.p95", p95, RELIABLE_P95), ("errors.rate", rate, 1)):
        alarm = found[signal]
        states = two_of_three(values, [count for count, _ in made], alarm.threshold, least)
        assert alarm.trial is not None
        assert alarm.trial.on_s == PERIOD * sum(states), signal
        starts = [n for n, state in enumerate(states) if state and not (n and states[n - 1])]
        assert [one.begin for one in alarm.trial.shown] == [BEGIN + PERIOD * (n + 1) for n in starts][:5]


def two_of_three(values: list[float | None], counts: list[int], threshold: float, least: int) -> list[bool]:
    """The state after each period and the two after the last: missing ones do not breach, those with few calls change nothing."""
    padded, calls = [*values, None, None], [*counts, 0, 0]
    states: list[bool] = []
    for place in range(len(padded)):
        recent = padded[max(0, place - 2) : place + 1]
        breaching = sum(value is not None and value > threshold for value in recent) >= 2
        too_few = 0 < calls[place] < least
        states.append((states[-1] if states else False) if too_few else breaching)
    return states


@pytest.mark.parametrize(("failing", "firings"), [(range(600, 1_200), 1), (range(0, 3_000, 50), 0)])
def test_a_busy_function_is_watched_by_its_error_rate(failing: range, firings: int) -> None:
    rows = [call(n, outcome="error" if n in failing else "ok") for n in range(3_000)]
    alarm = tried(rows, duration__max=100.0, invocations__per_five_minutes=300.0)["errors.rate"]
    assert (alarm.threshold, alarm.needed, alarm.periods, alarm.choice) == (0.05, 2, 3, "recommended")
    assert alarm.trial is not None
    assert alarm.trial.firings == firings


def test_a_function_that_fails_all_the_time_is_watched_for_more_than_is_usual() -> None:
    rows = [call(100 * n, outcome="error" if n % 3 == 0 or 600 < n < 612 else "ok") for n in range(900)]
    alarm = tried(rows, duration__max=100.0)["errors.sum"]
    assert (alarm.choice, alarm.threshold) == ("usual", 1.0)
    assert alarm.trial is not None
    assert (alarm.trial.firings, alarm.trial.on_s) == (1, 4 * PERIOD)
