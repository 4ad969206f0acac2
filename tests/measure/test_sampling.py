"""What is too much to put in order is thinned: the same rows every time, whole environments or blocks of time, and it is said."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.lake import engine as stored
from analyzer.measure import family, measure
from analyzer.measure import pool as pooling
from analyzer.measure.family import sampled
from analyzer.measure.metrics import concurrency, initialisations, timeouts
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
    monkeypatch.setattr(family, "MOST_HELD", 600)
    with lake_of(fleet(60, 20, 1.0, seed=1)) as lake:
        measured = measure(lake)
    assert measured is not None
    got = measured.functions[0].metrics
    assert 10 <= got["memory.leak.environments"].value <= 50
    assert got["memory.leak.records_p"].value < 0.001
    assert "one in 2" in (got["memory.leak.records_p"].note or "")


def test_of_many_calls_the_latest_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initialisations, "MOST_ROWS", 950)
    got = asked(initialisations.FAMILY, busy(1_000, init=100.0))
    assert sum(one.value for name, one in got.items() if "cause" in name) == 50
    assert got["cold_start.cause.scale_out"].note == "of about the latest 950 calls"


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
    assert "md5(" in sql


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


def test_every_number_of_a_large_lake_is_found_again_by_its_query_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read once, held, shared and said in shorter words gives what the text of the evidence gives on the files."""
    monkeypatch.setattr(stored, "MOST_IN_MEMORY", 0)
    monkeypatch.setattr(family, "MOST_HELD", 300)
    monkeypatch.setattr(family, "MOST_REQUESTS", 400)
    monkeypatch.setattr(concurrency, "MOST_SWEPT", 500)
    monkeypatch.setattr(pooling, "MOST_FUNCTIONS", 1)
    generator = np.random.default_rng(6)
    rows: list[Row] = [
        row
        | {
            "function": name,
            "request_id": f"{generator.integers(2**60):015x}",
            "duration_ms": round(float(generator.lognormal(5, 1)), 2),
            "outcome": "error" if generator.random() < 0.05 else "ok",
            "billed_ms": 100.0,
            "memory_mb": 512,
            "max_memory_mb": int(generator.integers(80, 120)),
            "version": "7",
            "fingerprint": "f",
            "nth": number // 100 + 1,
        }
        for name in ("one", "other")
        for number, row in enumerate(busy(1_200, init=50.0))
    ]
    with lake_of(rows) as lake:
        measured = measure(lake)
        assert measured is not None
        with lake.open() as engine:
            for one in measured.evidence.values():
                asked_again = engine.evidence[engine.ask(one.sql).id]
                assert asked_again.result_sha256 == one.result_sha256, one.sql
    notes = {one.note for one in measured.functions[0].metrics.values() if one.note}
    assert {
        "from one in 4 environments, drawn by hash",
        "from one in 16 requests, drawn by the end of their id",
    } <= notes
    assert (
        measured.functions[0].metrics["invocations"].value == measured.functions[0].metrics["duration.p50"].n == 1_200
    )


def test_where_calls_are_many_those_at_once_are_counted_at_every_fifth_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "MOST_SWEPT", 800)
    with lake_of(busy(2_000)) as lake:
        measured = measure(lake)
    assert measured is not None
    assert {one.every_s for one in measured.levels} == {5}
    assert max(one.peak for one in measured.levels) == 3
