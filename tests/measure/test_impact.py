"""What a cause costs is what its calls have more than the others, with an interval, and nothing where there is no trace of it."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.measure.everything import function_metrics
from analyzer.measure.family import Settings, Threshold
from analyzer.measure.scope import Scope
from analyzer.model import Impact, Measured
from tests.measure.rows import Row, engine_over

BASE = 1_773_735_125_000_000
SECOND = 1_000_000


def impacts(rows: list[Row], events: list[Row] | None = None) -> dict[str, Impact]:
    with engine_over(rows, events) as engine:
        settings = Settings(Threshold("duration>60s", 60_000.0), region="us-east-1")
        return function_metrics(engine, Scope(function="checkout"), settings)[1]


def call(number: int, **values: Any) -> Row:
    """A call every ten seconds on one of thirty environments; durations differ a little and in no order."""
    duration = values.pop("duration_ms", 100.0 + number * 37 % 11)
    begin = BASE + number * 10 * SECOND
    return {
        "stream": f"environment-{number % 30}",
        "start_time": begin,
        "end_time": begin + round(duration * 1000),
        "duration_ms": duration,
        "billed_ms": duration,
        "memory_mb": 1024,
        "max_memory_mb": 100,
        **values,
    }


def held(measured: Measured | None) -> tuple[float, float, float]:
    assert measured is not None
    assert measured.value is not None
    assert measured.low is not None
    assert measured.high is not None
    assert measured.low <= measured.value <= measured.high
    return measured.low, measured.value, measured.high


def test_cold_starts_cost_their_initialisation_and_what_the_first_call_takes_longer() -> None:
    rows = [call(n) for n in range(600)]
    for row in rows[:30]:
        row |= {"init_ms": 400.0, "duration_ms": 205.0, "billed_ms": 605.0}
    found = impacts(rows)["cold-start"]
    low, value, high = held(found.ms)
    assert value == pytest.approx(30 * 500, rel=0.01)
    assert low < 30 * 500 < high
    assert held(found.usd)[1] == pytest.approx(30 * 0.5 * 1.66667e-5, rel=0.01)
    assert found.failures is None
    assert found.share == pytest.approx(15_000 / (600 * 105 + 15_000), rel=0.01)


def test_events_that_fail_again_and_again_cost_all_their_attempts_but_one_that_succeeds() -> None:
    rows = [call(n) for n in range(400)]
    for number in range(0, 400, 20):
        for attempt in (1, 2, 3):
            rows.append(
                call(
                    400 + number + attempt,
                    request_id=f"bad-{number}",
                    attempt=attempt,
                    outcome="error",
                    stream=rows[number]["stream"],
                )
            )
    found = impacts(rows)["retry-storm"]
    assert held(found.failures)[1] == 60
    # Sixty calls of a tenth of a second, and twenty that are left of them.
    assert held(found.ms)[1] == pytest.approx(40 * 105, rel=0.05)
    assert held(found.usd)[1] == pytest.approx(40 * (0.105 * 1.66667e-5 + 2e-7), rel=0.05)


def test_a_timeout_costs_the_calls_that_it_cuts_off_and_no_time() -> None:
    rows = [call(n, **({"outcome": "timeout", "duration_ms": 3000.0} if n % 40 == 7 else {})) for n in range(400)]
    found = impacts(rows)["timeout-misconfigured"]
    assert held(found.failures) == (10, 10, 10)
    assert (found.ms, found.usd) == (None, None)
    # A failure weighs as much as ten slow calls.
    assert found.share == pytest.approx(10 * 10 / 400)


def test_slow_environments_cost_what_their_calls_take_longer() -> None:
    rows = [call(n, **({"duration_ms": 300.0} if n % 30 < 3 else {})) for n in range(900)]
    assert held(impacts(rows)["noisy-environment"].ms)[1] == pytest.approx(90 * 195, rel=0.02)


def test_a_slow_stretch_costs_its_excess() -> None:
    rows = [call(n, **({"duration_ms": 400.0 + n % 7} if 500 <= n < 600 else {})) for n in range(1200)]
    assert held(impacts(rows)["downstream-dependency"].ms)[1] == pytest.approx(100 * 298, rel=0.03)


def test_crowding_costs_what_each_call_beside_it_adds() -> None:
    """Every tenth call comes with four others, and each of them takes a fifth longer for each that came before."""
    rows = []
    for n in range(1500):
        burst, place = divmod(n, 5)
        begin = BASE + burst * 60 * SECOND + place * 1000
        duration = (100.0 + burst * 37 % 11) * (1 + 0.2 * place)
        rows.append(
            call(
                n,
                stream=f"environment-{burst % 6 * 5 + place}",
                duration_ms=duration,
                start_time=begin,
                end_time=begin + round(duration * 1000),
            )
        )
    assert held(impacts(rows)["load-contention"].ms)[1] == pytest.approx(
        sum(105 * 0.2 * place for place in range(5)) * 300, rel=0.03
    )


def test_growth_costs_what_calls_take_longer_than_the_first() -> None:
    rows = [call(n, duration_ms=(100.0 + n * 37 % 11) * 2 ** (n / 1200)) for n in range(1200)]
    # On average 1 / ln 2 times as long as at the beginning.
    assert held(impacts(rows)["input-growth"].ms)[1] == pytest.approx(1200 * 105 * (1 / 0.6931 - 1), rel=0.05)


def test_work_that_grows_with_the_square_costs_what_is_more_than_in_proportion() -> None:
    sizes = [50 + n * 61 % 101 for n in range(600)]
    rows = [call(n, request_id=f"r{n}", duration_ms=20.0 + 100.0 * (size / 100) ** 2) for n, size in enumerate(sizes)]
    events = [
        {"request_id": f"r{n}", "kind": "fields", "fields": {"records": float(size)}} for n, size in enumerate(sizes)
    ]
    more = sum(100.0 * ((size / 100) ** 2 - size / 100) for size in sizes)
    assert held(impacts(rows, events)["algorithmic"].ms)[1] == pytest.approx(more, rel=0.05)


def test_a_function_without_a_trace_of_trouble_has_no_costs() -> None:
    assert impacts([call(n) for n in range(400)]) == {}


def test_the_same_rows_give_the_same_costs() -> None:
    rows = [call(n, **({"init_ms": 300.0} if n % 50 == 0 else {})) for n in range(300)]
    assert impacts(rows) == impacts(rows)


def test_with_few_environments_pieces_of_time_are_drawn() -> None:
    rows = [call(n, stream=f"environment-{n % 3}", **({"init_ms": 300.0} if n % 50 == 0 else {})) for n in range(300)]
    found = impacts(rows)["cold-start"].ms
    assert found is not None
    assert found.interval == "bootstrap over 40 sets of log streams or pieces of time"
    low, value, high = held(found)
    assert low < value < high
