"""What is too much to put in order is thinned: the same rows every time, whole environments or blocks of time, and it is said."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer import lake as stored
from analyzer.measure import family, measure
from analyzer.measure.family import sampled
from analyzer.measure.metrics import concurrency, initialisations, leak, timeouts
from analyzer.measure.scope import Scope
from tests.measure.rows import Row, asked, engine_over, lake_of
from tests.measure.test_leak import fleet

NOON, SECOND = 1_773_748_800_000_000, 1_000_000


def busy(calls: int, init: float | None = None) -> list[Row]:
    """A call every ten seconds, each of 25 seconds, in a hundred environments."""
    return [
        {
            "stream": f"s{number % 100}",
            "start_time": NOON + 10 * number * SECOND,
            "end_time": NOON + (10 * number + 25) * SECOND,
            "duration_ms": 25_000.0,
            "init_ms": init if number < 100 else None,
        }
        for number in range(calls)
    ]


def test_few_rows_are_left_as_they_are() -> None:
    with engine_over(busy(50)) as engine:
        assert sampled(engine, Scope(), "stream", 50) == (Scope(), None)


def test_environments_are_drawn_whole() -> None:
    with engine_over(busy(1_000)) as engine:
        scope, note = sampled(engine, Scope(), "stream", 300)
        rows = engine.rows(f"SELECT stream, count(*) AS n FROM invocations WHERE {scope.where} GROUP BY stream")
    assert note == "from one in 4, drawn by the hash of stream"
    assert 10 <= len(rows) <= 45
    assert {row["n"] for row in rows} == {10}


def test_a_sweep_of_drawn_blocks_sees_the_calls_that_reach_into_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "MOST_SWEPT", 800)
    monkeypatch.setattr(concurrency, "MOST_RANKED", 800)
    got = asked(concurrency.FAMILY, busy(2_000))
    assert "one in 3 blocks" in (got["concurrency.peak"].note or "")
    assert got["concurrency.peak"].value == 3
    assert got["concurrency.mean"].value == pytest.approx(2.5, abs=0.05)
    assert got["concurrency.little"].value == pytest.approx(1)


def test_leaks_are_looked_for_in_drawn_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak, "MOST_ROWS", 600)
    got = asked(leak.FAMILY, fleet(60, 20, 1.0, seed=1))
    assert 10 <= got["memory.leak.environments"].value <= 50
    assert got["memory.leak.records_p"].value < 0.001
    assert "one in 2" in (got["memory.leak.records_p"].note or "")


def test_of_many_calls_the_latest_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initialisations, "MOST_ROWS", 950)
    got = asked(initialisations.FAMILY, busy(1_000, init=100.0))
    assert sum(one.value for name, one in got.items() if "cause" in name) == 50
    assert got["cold_start.cause.scale_out"].note == "of the latest 950 calls"


def test_grouped_durations_keep_four_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    durations = np.random.default_rng(4).lognormal(6, 1, 500).round(2)
    rows: list[Row] = [{"duration_ms": float(value)} for value in durations]
    rows += [{"duration_ms": 60_000.0, "outcome": "timeout"}] * 3
    exact = asked(timeouts.FAMILY, rows)["duration.km.p95"]
    monkeypatch.setattr(timeouts, "MOST_EXACT", 100)
    grouped = asked(timeouts.FAMILY, rows)["duration.km.p95"]
    assert grouped.value != exact.value
    assert grouped.value == pytest.approx(exact.value, rel=1e-3)


def test_a_function_of_many_calls_is_described_by_whole_environments_and_counted_in_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(family, "MOST_HELD", 400)
    with lake_of([row | {"duration_ms": 100.0} for row in fleet(60, 20, 1.0, seed=1)]) as lake:
        measured = measure(lake)
    assert measured is not None
    (function,) = measured.functions
    assert function.metrics["duration.p95"].n == function.metrics["invocations"].value == 1_200
    thinned = function.metrics["environment.calls.p50"]
    assert 4 <= thinned.n <= 40
    assert thinned.value == 20
    assert "one in 3 environments, drawn by hash" in (thinned.note or "")
    sql = measured.evidence[thinned.evidence].sql
    assert "md5_number_lower" in sql


def test_what_is_held_in_memory_gives_what_the_files_give(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [
        row | {"function": name, "duration_ms": 100.0 + number}
        for name in ("it", "it's", "other")
        for number, row in enumerate(fleet(12, 30, 1.0, seed=2))
    ]
    with lake_of(rows) as lake:
        kept = measure(lake)
        monkeypatch.setattr(stored, "MOST_IN_MEMORY", 0)
        from_files = measure(lake)
    assert kept is not None
    assert from_files == kept
