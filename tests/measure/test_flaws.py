"""What is missing, out of order or damaged is counted and said, and sound logs have nothing of it."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from analyzer.ingest import ingest
from analyzer.lake import Lake
from analyzer.measure.flaws import UNLIKELY, flaws, outlying
from analyzer.measure.scope import Scope
from analyzer.model import Flaw
from tests.logs import ID, OTHER_ID, STREAM, TASK, export, invocation
from tests.measure.rows import Row, engine_over

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
MONDAY = 1_773_619_200_000_000  # 2026-03-16T00:00Z


def call(end: int, **values: Any) -> Row:
    """A call of 100 ms in one environment."""
    row: Row = {"stream": "one", "start_time": end - 100_000, "end_time": end, "duration_ms": 100.0, "billed_ms": 100.0}
    return row | values


def found(rows: list[Row], events: list[Row] | None = None) -> dict[str, Flaw]:
    with engine_over(rows, events) as engine:
        flawed = flaws(engine, Scope())
        assert {flaw.evidence for flaw in flawed} <= engine.evidence.keys()
    assert len({flaw.kind for flaw in flawed}) == len(flawed)
    return {flaw.kind: flaw for flaw in flawed}


def read(tmp_path: Path, *files: tuple[str, bytes]) -> dict[str, Flaw]:
    """The flaws of files of one exported stream."""
    for name, content in files:
        path = tmp_path / "logs" / "checkout" / TASK / STREAM / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lake = Lake(tmp_path / "lake")
    ingest([str(tmp_path / "logs")], lake)
    with lake.open() as engine:
        return {flaw.kind: flaw for flaw in flaws(engine, Scope())}


def test_sound_logs_have_no_flaw() -> None:
    assert found([call(MONDAY + number * MINUTE, stream=f"s{number % 3}") for number in range(90)]) == {}


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("place", "values", "kind"),
    [
        (4, {"duration_ms": None, "end_time": None}, "unreported-last"),
        (2, {"duration_ms": None, "end_time": None}, "unreported-between"),
        (0, {}, "unstarted-first"),
        (2, {}, "unstarted-between"),
    ],
)
def test_half_an_invocation_is_counted_by_where_it_stands(place: int, values: Row, kind: str) -> None:
    rows = [call(MONDAY + number * MINUTE, stream=stream) for stream in ("one", "two") for number in range(5)]
    rows[place] |= {"complete": False} | values
    (flaw,) = found(rows).values()
    assert (flaw.kind, flaw.k, flaw.n) == (kind, 1, 10)
    assert "1 of 10" in flaw.text


def test_times_that_run_backwards_are_counted_with_the_longest_step() -> None:
    minutes = [0, 1, 2, 9, 3, 4, 8, 5, 10, 11]
    rows = [call(MONDAY + minute * MINUTE) for minute in minutes]
    steps = [later - earlier for earlier, later in pairwise(minutes)]
    flaw = found(rows)["out-of-order"]
    assert (flaw.k, flaw.n) == (sum(step < 0 for step in steps), len(steps))
    assert f"by up to {-min(steps)} min" in flaw.text


def test_a_file_that_holds_the_newest_first_is_in_order() -> None:
    assert found([call(MONDAY - number * MINUTE) for number in range(30)]) == {}


def test_calls_of_one_environment_cannot_overlap() -> None:
    rows = [call(MONDAY + number * MINUTE) for number in range(10)]
    long = call(
        MONDAY + 5 * MINUTE + 1, request_id="long", duration_ms=90_000.0, start_time=MONDAY + 5 * MINUTE - 90_000_000
    )
    flaw = found([*rows[:6], long, *rows[6:]])["overlapping-calls"]
    # Between its beginning and its end lies that of the call before it, and it is over before the next one begins.
    assert flaw.k == 1


def test_the_same_lines_from_two_containers_do_not_overlap() -> None:
    rows = [call(MONDAY + number * MINUTE, request_id=f"r{number}") for number in range(10)]
    assert "overlapping-calls" not in found([*rows, *(row | {"source": "again"} for row in rows)])


def test_managed_instances_serve_several_requests_at_a_time() -> None:
    rows = [call(MONDAY + number, billed_ms=None, start_time=MONDAY + number - 60_000_000) for number in range(10)]
    assert found(rows) == {}


@pytest.mark.parametrize(("hours", "values", "idle"), [(4, {}, 1), (2, {}, 0), (4, {"init_ms": 300.0}, 0)])
def test_an_environment_that_answers_after_hours_is_remarkable(hours: int, values: Row, idle: int) -> None:
    flawed = found([call(MONDAY), call(MONDAY + hours * HOUR, **values)])
    assert flawed["idle-environments"].k == idle if idle else flawed == {}


def test_what_the_platform_dropped_is_added_up() -> None:
    events = [
        {"kind": "warning", "fields": {"dropped_records": 12.0}},
        {"kind": "warning", "fields": {"dropped_records": 3.0}},
    ]
    flaw = found([call(MONDAY)], [*events, {"kind": "warning"}])["dropped-records"]
    assert (flaw.k, flaw.n) == (15, 2)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_numbers_that_an_export_skips_are_missing_objects(tmp_path: Path) -> None:
    first, last = export(*invocation("working")), export(*invocation("working", request_id=OTHER_ID), begin=60)
    flaw = read(tmp_path, ("000000", first.encode()), ("000003", last.encode()))["missing-parts"]
    assert (flaw.k, flaw.n) == (2, 1)


def test_an_export_that_is_all_there_misses_nothing(tmp_path: Path) -> None:
    first, last = export(*invocation("working")), export(*invocation("working", request_id=OTHER_ID), begin=60)
    assert read(tmp_path, ("000000", first.encode()), ("000001", last.encode())) == {}


def test_a_file_that_breaks_off_is_counted(tmp_path: Path) -> None:
    unpackable = np.random.default_rng(1).bytes(40_000).hex()
    whole, broken = export(*invocation("working")), export(*invocation(unpackable, request_id=OTHER_ID), begin=60)
    packed = gzip.compress(broken.encode())[:-2_000]
    flaw = read(tmp_path, ("000000", whole.encode()), ("000001.gz", packed))["damaged-files"]
    assert (flaw.k, flaw.n) == (1, 2)


def test_a_line_that_was_not_understood_is_quoted_and_may_be_where_the_file_was_cut(tmp_path: Path) -> None:
    text = export(*invocation("REPORT RequestId: x\tMemory: 3 MB", request_id=OTHER_ID), *invocation("working"))
    flaw = read(tmp_path, ("000000", text[: text.rindex("Used:")].encode()))["not-understood"]
    assert (flaw.k, flaw.n) == (2, 8)
    assert [line.message.partition("\t")[0] for line in flaw.lines] == [
        "REPORT RequestId: x",
        f"REPORT RequestId: {ID}",
    ]
    assert "Behind 1 of them nothing follows" in flaw.text


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def working(*spans: tuple[int, int], seed: int = 5) -> list[Row]:
    """Calls a minute or so apart within spans of hours since Monday, each in an environment of its own."""
    random = np.random.default_rng(seed)
    rows = []
    for begin, end in spans:
        time = begin * HOUR
        while (time := time + int(random.exponential(MINUTE))) < end * HOUR:
            rows.append(call(MONDAY + time, stream=None))
    return rows


def test_a_silence_in_hours_in_which_others_days_have_calls_is_told() -> None:
    flaw = found(working((0, 30), (36, 72)))["silence"]
    assert (
        "checkout has no call from 2026-03-17 05:59Z to 2026-03-17 12:00Z, 6 h; its other pauses are 7.9 min"
        in flaw.text
    )


def test_nights_of_every_day_are_a_rhythm() -> None:
    assert found(working((8, 20), (32, 44), (56, 68))) == {}


def test_steady_traffic_has_no_silence() -> None:
    assert found(working((0, 48))) == {}


@pytest.mark.parametrize("law", ["exponential", "pareto", "lognormal", "weibull"])
def test_pauses_of_any_tail_are_seldom_taken_for_a_silence(law: str) -> None:
    random = np.random.default_rng(11)
    draws = {
        "exponential": lambda: random.exponential(1e9, 200),
        "pareto": lambda: (random.pareto(1.0, 200) + 1) * 1e9,
        "lognormal": lambda: random.lognormal(20, 2, 200),
        "weibull": lambda: random.weibull(0.5, 200) * 1e9,
    }
    alarms = sum(outlying(sorted((int(one) for one in draws[law]()), reverse=True)[:60]) > 0 for _ in range(1_000))
    assert alarms <= 10


@pytest.mark.parametrize("size", [20, 40, 60])
def test_the_longest_pause_is_held_against_the_others_by_an_f_test(size: int) -> None:
    random = np.random.default_rng(size)
    for _ in range(200):
        lengths = sorted((int(one * 1e9) for one in random.pareto(2.0, size) + 1), reverse=True)
        lengths[0] *= int(random.integers(1, 50))
        spacings = np.arange(2, size) * np.log(np.array(lengths[1:-1]) / np.array(lengths[2:]))
        others = spacings[: size // 2]
        p = stats.f.sf(np.log(lengths[0] / lengths[1]) / others.mean(), 2, 2 * len(others))
        if p < UNLIKELY and lengths[0] >= 2 * lengths[1]:
            assert outlying(lengths) >= 1
        elif lengths[1] < 2 * lengths[2] and lengths[2] < 2 * lengths[3]:
            assert outlying(lengths) == 0
