"""The report on a lake that is measured by parts of it says what it would say had every call been looked at, and stays provable."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from analyzer.inquiry import verify
from analyzer.lake import Lake
from analyzer.lake import engine as stored
from analyzer.measure import family, measure
from analyzer.measure import pool as pooling
from analyzer.measure.metrics import concurrency
from analyzer.model import Measurements
from analyzer.pipeline import write_report
from analyzer.report.evidence import POPULATION
from tests.measure.rows import Row, lake_of

NOON, SECOND = 1_773_748_800_000_000, 1_000_000


def calls(name: str, seed: int) -> list[Row]:
    """A call every twelve seconds for seven hours, twice as long from the middle on; a tenth fails, and eight never end."""
    chance = np.random.default_rng(seed)
    rows: list[Row] = []
    for number in range(2_000):
        took = round(float(chance.lognormal(8, 0.4)) * (2 if number > 1_000 else 1), 2)
        outcome = "timeout" if number % 250 == 0 else "error" if chance.random() < 0.1 else "ok"
        took = 60_000.0 if outcome == "timeout" else min(took, 59_000.0)
        begin = NOON + 12 * number * SECOND
        rows.append(
            {
                "function": name,
                "stream": f"{name}-{number % 100}",
                "request_id": f"{chance.integers(2**60):015x}",
                "start_time": begin,
                "end_time": begin + round(took * 1_000),
                "outcome": outcome,
                "error_type": "KeyError" if outcome == "error" else None,
                "fingerprint": "f1" if outcome == "error" else None,
                "duration_ms": took,
                "billed_ms": took,
                "init_ms": 300.0 if number < 100 else None,
                "memory_mb": 512,
                "max_memory_mb": int(chance.integers(400, 500)),
                "version": "8" if number > 1_000 else "7",
                "nth": number // 100 + 1,
            }
        )
    return rows


@pytest.fixture(scope="module")
def lake() -> Iterator[Lake]:
    with lake_of([*calls("checkout", 1), *calls('it\'s "odd"', 2)]) as made:
        yield made


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every lake is a large one."""
    monkeypatch.setattr(stored, "MOST_IN_MEMORY", 0)
    monkeypatch.setattr(family, "MOST_HELD", 600)
    monkeypatch.setattr(family, "MOST_REQUESTS", 800)
    monkeypatch.setattr(concurrency, "MOST_SWEPT", 1_500)
    monkeypatch.setattr(pooling, "MOST_FUNCTIONS", 1)


@pytest.fixture(scope="module")
def whole(lake: Lake) -> Measurements:
    measured = measure(lake)
    assert measured is not None
    return measured


@pytest.fixture
def parts(whole: Measurements, lake: Lake, large: None) -> Measurements:
    measured = measure(lake)
    assert measured is not None
    return measured


def test_pictures_count_every_call(whole: Measurements, parts: Measurements) -> None:
    (part, all_of_it) = (one.functions[0].metrics["environment.calls.p50"].note for one in (parts, whole))
    assert part == "from one in 4 environments, drawn by hash"
    assert all_of_it is None
    for picture in ("histogram", "timeline", "waits", "marks", "arrivals"):
        assert getattr(parts, picture) == getattr(whole, picture)
        assert getattr(parts, picture)


def test_calls_at_once_are_fewer_by_what_a_look_misses_and_it_is_said(whole: Measurements, parts: Measurements) -> None:
    swept = {(one.function, one.start): one.peak for one in whole.levels}
    assert {one.every_s for one in whole.levels} == {None}
    assert {one.every_s for one in parts.levels} == {5}
    assert len(parts.levels) >= len(whole.levels) - 2
    for one in parts.levels:
        # A call that goes on for less than five seconds of a bin is not looked at there.
        level = swept.get((one.function, one.start), 0)
        assert level - 1 <= one.peak <= level


def test_quoted_lines_show_what_they_are_quoted_for(whole: Measurements, parts: Measurements) -> None:
    for part, all_of_it in zip(parts.functions, whole.functions, strict=True):
        assert part.behind["slow"] == all_of_it.behind["slow"]
        assert part.behind.keys() & all_of_it.behind.keys() >= {"slow", "timing-out", "near-memory-limit", "cold-tail"}
        assert all("timeout" in one.message for one in part.behind["timing-out"])
        assert all("Init Duration" in one.message for one in part.behind["cold-tail"])


def test_alarms_go_off_on_the_same_calls(whole: Measurements, parts: Measurements) -> None:
    for part, all_of_it in zip(parts.functions, whole.functions, strict=True):
        assert [one.signal for one in part.alarms] == [one.signal for one in all_of_it.alarms]
        for one, other in zip(part.alarms, all_of_it.alarms, strict=True):
            assert one.threshold == pytest.approx(other.threshold, rel=0.1)
            assert one.trial is not None
            assert other.trial is not None
            assert one.trial.watched_s == other.trial.watched_s
            assert one.trial.firings == pytest.approx(other.trial.firings, abs=2)


def test_its_report_is_found_again_and_its_evidence_is_what_the_files_give(
    lake: Lake, large: None, tmp_path: Path
) -> None:
    write_report(lake.folder, tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert verify(report, lake) == []
    folder = tmp_path / "evidence"
    populations = 0
    with lake.open() as engine:
        for file in folder.glob("q*.sql"):
            sql = report["evidence"][file.stem]["sql"]
            assert rows(folder / f"{file.stem}.csv") == len(engine.rows(sql))
            match = POPULATION.search(sql)
            shown = folder / f"{file.stem}-invocations.csv"
            if match is None or not shown.exists():
                continue
            populations += 1
            best = engine.rows(
                f"SELECT request_id FROM invocations WHERE {match['condition']} "
                "ORDER BY outcome IN ('ok', 'unknown'), duration_ms DESC NULLS LAST, source, position LIMIT 100"
            )
            with shown.open(newline="") as cells:
                assert [row["request_id"] for row in csv.DictReader(cells)] == [row["request_id"] for row in best]
    assert populations >= 3


def rows(file: Path) -> int:
    with file.open(newline="") as cells:
        return sum(1 for _ in csv.DictReader(cells))
