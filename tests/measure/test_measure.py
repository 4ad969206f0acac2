"""What comes out of the door of the room: `measure`, asked as the rest of the program asks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from analyzer.errors import UserError
from analyzer.ingest import ingest
from analyzer.lake import Lake
from analyzer.measure import Threshold, Window, measure
from analyzer.model import FunctionMeasurements, Measurements
from tests.conftest import MakeLake

SAMPLE = Path(__file__).parent.parent.parent / "sample_logs" / "lambda-autotuner-agent"
FIRST = 1_773_735_125_000_000  # 2026-03-17T08:12:05Z
MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000

Row = dict[str, Any]


def at(*times: int, **values: Any) -> list[Row]:
    """One unremarkable call for each time."""
    return [{"end_time": time, "duration_ms": 100.0} | values for time in times]


def found(measurements: Measurements | None) -> Measurements:
    assert measurements is not None
    return measurements


def only(measurements: Measurements | None) -> FunctionMeasurements:
    (function,) = found(measurements).functions
    return function


# ── windows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("since", "until", "seen"),
    [
        (None, None, 4),
        ("24h", None, 3),
        ("1d", None, 3),
        ("1439m", None, 2),
        ("30m", None, 2),
        ("0s", None, 1),
        ("2w", None, 4),
        (None, "30m", 2),
        ("24h", "30m", 1),
        ("2026-03-17T08:12:05Z", None, 3),
        ("2026-03-17T08:12:05", None, 3),
        ("2026-03-17T09:12:05+01:00", None, 3),
        ("2026-03-17T08:12:06Z", None, 2),
        (None, "2026-03-17T08:12:05Z", 1),
        ("2026-03-17", "2026-03-18", 1),
    ],
)
def test_a_window_reaches_back_from_the_last_invocation_or_between_two_times(
    make_lake: MakeLake, since: str | None, until: str | None, seen: int
) -> None:
    lake = make_lake(at(FIRST - DAY, FIRST, FIRST + DAY - 5 * MINUTE, FIRST + DAY))
    measurements = found(measure(lake, window=Window.of(since, until, lake)))
    assert measurements.overall.invocations == seen
    assert measurements.quality.counts["invocations"] == seen
    assert sum(one.n for one in measurements.histogram) == seen


def test_a_window_holds_its_beginning_and_not_its_end(make_lake: MakeLake) -> None:
    lake = make_lake(at(FIRST, FIRST + 1, FIRST + 2))
    assert found(measure(lake, window=Window(FIRST, FIRST + 2))).period == (FIRST, FIRST + 1)


def test_the_period_begins_when_the_first_invocation_began(make_lake: MakeLake) -> None:
    lake = make_lake([*at(FIRST, start_time=FIRST - MINUTE), *at(FIRST + HOUR)])
    assert found(measure(lake)).period == (FIRST - MINUTE, FIRST + HOUR)


@pytest.mark.parametrize("since", ["999999w", "520000w", "0001-01-01"])
def test_a_window_may_reach_back_further_than_the_calendar(make_lake: MakeLake, since: str) -> None:
    lake = make_lake(at(FIRST, FIRST + DAY))
    assert found(measure(lake, window=Window.of(since, None, lake))).overall.invocations == 2


@pytest.mark.parametrize("text", ["yesterday", "24", "24 hours", "-1h", "", "2026-13-01", "7d; DROP TABLE invocations"])
def test_what_is_no_time_is_refused_with_examples(make_lake: MakeLake, text: str) -> None:
    lake = make_lake(at(FIRST))
    with pytest.raises(UserError, match=r"--since .* a span such as 24h or 7d"):
        Window.of(text, None, lake)


def test_a_window_without_an_invocation_gives_nothing(make_lake: MakeLake) -> None:
    lake = make_lake(at(FIRST))
    assert measure(lake, window=Window(FIRST + 1, None)) is None
    assert measure(lake, window=Window(None, FIRST)) is None


def test_a_lake_without_an_invocation_gives_nothing(make_lake: MakeLake) -> None:
    assert measure(make_lake([])) is None


def test_invocations_without_a_time_count_in_the_whole_and_in_no_window(make_lake: MakeLake) -> None:
    lake = make_lake([{"end_time": None, "duration_ms": 5.0}, *at(FIRST)])
    assert found(measure(lake)).overall.invocations == 2
    assert found(measure(lake, window=Window(FIRST - DAY, None))).overall.invocations == 1


def test_logs_without_any_time_have_no_period_and_no_timeline(make_lake: MakeLake) -> None:
    measurements = found(measure(make_lake([{"end_time": None, "duration_ms": 5.0}] * 3)))
    assert measurements.period == (None, None)
    assert measurements.timeline == []
    assert measurements.overall.metrics["duration.max"].value == 5.0


# ── functions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_functions_come_busiest_first_and_by_name_where_they_tie(make_lake: MakeLake) -> None:
    names = ["refund"] * 2 + ["basket"] * 3 + ["checkout"] * 2 + ["audit"]
    told: list[str] = []
    measurements = found(measure(make_lake([{"function": name} for name in names]), progress=told.append))
    assert [function.name for function in measurements.functions] == ["basket", "checkout", "refund", "audit"]
    assert [function.invocations for function in measurements.functions] == [3, 2, 2, 1]
    assert told == ["basket", "checkout", "refund", "audit"]
    assert (measurements.overall.name, measurements.overall.invocations) == ("all functions", 8)


def test_invocations_of_no_named_function_are_a_function_of_their_own(make_lake: MakeLake) -> None:
    rows = [{"function": None, "duration_ms": 7.0}] * 2 + [{"function": "checkout", "duration_ms": 9.0}]
    unnamed, checkout = found(measure(make_lake(rows))).functions
    assert unnamed.name == "(function not named)"
    assert unnamed.metrics["duration.max"].value == 7.0
    assert (checkout.name, checkout.metrics["duration.min"].value) == ("checkout", 9.0)


def test_the_pictures_know_no_name_where_the_logs_do_not(make_lake: MakeLake) -> None:
    rows = [{"function": None, "duration_ms": 7.0}, {"function": "checkout", "duration_ms": 9.0}]
    measurements = found(measure(make_lake(rows)))
    assert {one.function for one in measurements.histogram} == {None, "checkout"}
    assert {one.function for one in measurements.timeline} == {None, "checkout"}
    assert {(one.function, one.duration_ms) for one in measurements.points} == {(None, 7.0), ("checkout", 9.0)}


HOSTILE = [
    "it's",
    "'; DROP VIEW invocations; --",
    "' OR '1'='1",
    'double "quotes"',
    "back\\slash\\' and \\n",
    "{braces} {0} %s %(n)s",
    "$1 ? :name $$",
    "naïve-函数-🦆",
    "line\nbreak\ttab",
    "100%_like",
    "-- comment",
    "/* comment",
    "",
]


def test_hostile_function_names_are_only_names(make_lake: MakeLake) -> None:
    rows = [
        {"function": name, "duration_ms": float(number)} for number, name in enumerate(HOSTILE, 1) for _ in range(2)
    ]
    measurements = found(measure(make_lake(rows)))
    assert {function.name: function.metrics["duration.max"].value for function in measurements.functions} == {
        name: float(number) for number, name in enumerate(HOSTILE, 1)
    }
    assert all(function.invocations == 2 for function in measurements.functions)


def test_hostile_versions_are_only_versions(make_lake: MakeLake) -> None:
    rows = [{"version": name, "duration_ms": float(number)} for number, name in enumerate(HOSTILE, 1)]
    medians = {
        one.population: one.value
        for one in only(measure(make_lake(rows))).slices
        if one.metric == "duration.p50" and ", version " in one.population
    }
    assert medians == {f"invocations, version {name}": float(number) for number, name in enumerate(HOSTILE, 1)}


def test_hostile_text_in_streams_fingerprints_and_field_names_does_no_harm(make_lake: MakeLake) -> None:
    rows = [
        {"stream": text, "fingerprint": text, "outcome": "error", "request_id": f"{text}{number}", "duration_ms": 3.0}
        for number, text in enumerate(HOSTILE)
    ]
    events = [{"fingerprint": text, "message": text, "kind": "error"} for text in HOSTILE]
    events += [{"request_id": text, "kind": "fields", "fields": {f"{text} rows": 1.0}} for text in HOSTILE]
    function = only(measure(make_lake(rows, events)))
    assert function.metrics["environments"].value == len(HOSTILE)
    assert all(group.excerpts[0].message == group.fingerprint for group in function.errors)


# ── thresholds ───────────────────────────────────────────────────────────────────────────────────────────────────────


def headline(make_lake: MakeLake, seconds: list[float], *limits: float) -> str | None:
    thresholds = tuple(Threshold(f"duration>{limit:g}s", limit * 1000) for limit in limits)
    lake = make_lake([{"duration_ms": 1000 * second} for second in seconds])
    return only(measure(lake, thresholds=thresholds)).metrics["breach.rate"].threshold


def test_the_highest_threshold_that_a_tenth_exceeds_makes_the_headline(make_lake: MakeLake) -> None:
    assert headline(make_lake, [61.0] * 2 + [31.0] * 8 + [1.0] * 10, 60, 3, 30) == "duration>60s"


def test_a_threshold_that_fewer_exceed_leaves_the_headline_to_the_next(make_lake: MakeLake) -> None:
    assert headline(make_lake, [61.0] + [31.0] * 8 + [1.0] * 11, 3, 30, 60) == "duration>30s"


def test_the_highest_that_any_exceeds_makes_the_headline_where_a_tenth_exceeds_none(make_lake: MakeLake) -> None:
    assert headline(make_lake, [31.0] + [5.0] + [1.0] * 28, 60, 30, 3) == "duration>30s"


def test_the_lowest_threshold_makes_the_headline_where_nothing_exceeds_any(make_lake: MakeLake) -> None:
    assert headline(make_lake, [1.0] * 5, 60, 3, 30) == "duration>3s"


def test_a_duration_at_a_threshold_does_not_exceed_it(make_lake: MakeLake) -> None:
    lake = make_lake([{"duration_ms": 60_000.0}, {"duration_ms": 60_000.01}])
    (breach,) = only(measure(lake, thresholds=(Threshold.parse("duration>60s"),))).breaches
    assert (breach.k, breach.n) == (1, 2)


def test_round_thresholds_are_taken_where_nobody_named_one(make_lake: MakeLake) -> None:
    function = only(measure(make_lake([{"duration_ms": 5_000.0}])))
    assert [one.threshold for one in function.breaches] == ["duration>3s", "duration>30s", "duration>60s"]
    assert function.metrics["breach.rate"].threshold == "duration>3s"


@pytest.mark.parametrize(
    ("text", "limit"),
    [("duration>60s", 60_000.0), ("duration > 500ms", 500.0), ("duration>1.5m", 90_000.0), ("duration>0.25s", 250.0)],
)
def test_a_threshold_is_read_as_a_person_writes_it(text: str, limit: float) -> None:
    assert Threshold.parse(text).limit_ms == limit


@pytest.mark.parametrize("text", ["", "60s", "duration<60s", "duration>60", "duration>-1s", "duration>1e3ms", "p95>3s"])
def test_what_is_no_threshold_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(UserError, match="is not of the form 'duration>60s'"):
        Threshold.parse(text)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("metric", "least"), [("duration.p90", 10), ("duration.p95", 20), ("duration.p99", 100)])
def test_a_percentile_is_withheld_until_there_are_enough_invocations(
    make_lake: MakeLake, metric: str, least: int
) -> None:
    rows = [{"function": "few", "duration_ms": float(number)} for number in range(1, least)]
    rows += [{"function": "many", "duration_ms": float(number)} for number in range(1, least + 1)]
    many, few = found(measure(make_lake(rows))).functions
    assert (few.metrics[metric].value, few.metrics[metric].low, few.metrics[metric].high) == (None, None, None)
    assert few.metrics[metric].note == f"needs {least} invocations, there are {least - 1}"
    assert many.metrics[metric].value is not None


def test_the_limits_of_quantiles_are_those_of_scipy_where_every_call_has_an_environment_of_its_own(
    make_lake: MakeLake,
) -> None:
    values = [round(float(value), 2) for value in np.random.default_rng(3).lognormal(7, 1, 120)]
    function = only(measure(make_lake([{"duration_ms": value} for value in values])))
    for name, p in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        limits = stats.quantile_test(values, p=p).confidence_interval(0.95)
        got = function.metrics[f"duration.{name}"]
        assert got.value == np.quantile(values, p, method="inverted_cdf")
        assert [None if np.isnan(limit) else limit for limit in (limits.low, limits.high)] == [got.low, got.high]
    assert function.metrics["duration.p99"].note == "no upper limit at n = 120"


def test_environments_that_are_slow_as_a_whole_widen_every_interval(make_lake: MakeLake) -> None:
    values = [(100.0 if number % 4 else 1_000.0) + number for number in range(80)]
    alone = [{"function": "alone", "duration_ms": value} for value in values]
    together = [
        {"function": "together", "duration_ms": value, "stream": f"s{number % 4}"}
        for number, value in enumerate(values)
    ]
    measurements = found(measure(make_lake(alone + together), thresholds=(Threshold("duration>500ms", 500.0),)))
    apart, alike = measurements.functions
    assert (apart.name, alike.name) == ("alone", "together")
    for metric in ("breach.rate", "duration.mean"):
        wide, narrow = alike.metrics[metric], apart.metrics[metric]
        assert wide.value == narrow.value
        assert wide.low < narrow.low
        assert narrow.high < wide.high
        assert "4 log streams" in (wide.interval or "")
    assert alike.metrics["duration.p50"].low < apart.metrics["duration.p50"].low
    assert "4 log streams" in (alike.metrics["duration.p50"].interval or "")


def test_a_quantile_lies_within_its_limits_however_much_environments_differ(make_lake: MakeLake) -> None:
    rows = [{"duration_ms": 1.0 + 99 * (n % 2) + n / 1000, "stream": f"{n % 2}"} for n in range(300)]
    metrics = only(measure(make_lake(rows))).metrics
    for name in ("p50", "p90", "p95", "p99"):
        one = metrics[f"duration.{name}"]
        assert one.low is None or one.low <= one.value
        assert one.high is None or one.value <= one.high


@pytest.mark.parametrize("count", [3, 100])
@pytest.mark.parametrize("duration", [0.0, 123.456, 3_003.17])
def test_invocations_that_all_take_equally_long_are_measured(make_lake: MakeLake, duration: float, count: int) -> None:
    metrics = only(measure(make_lake([{"duration_ms": duration}] * count))).metrics
    assert metrics["duration.p50"].value == duration
    assert metrics["duration.mean"].value == pytest.approx(duration)
    assert metrics["duration.mean"].low == pytest.approx(duration, rel=1e-4)
    assert metrics["duration.variance"].value == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("count", [1, 19, 20, 50])
def test_a_function_that_only_ever_starts_cold_is_measured(make_lake: MakeLake, count: int) -> None:
    metrics = only(measure(make_lake([{"duration_ms": 50.0, "init_ms": 450.0}] * count))).metrics
    assert (metrics["cold_start.rate"].k, metrics["cold_start.rate"].n) == (count, count)
    assert metrics["init.p50"].value == 450.0
    assert "cold_start.p95_reduction" not in metrics


def test_the_slowest_five_percent_are_the_same_calls_in_every_number_about_them(make_lake: MakeLake) -> None:
    # 0.7 + 0.1 is a little less than 0.8 in floating point, and results are kept to nine digits.
    metrics = only(measure(make_lake([{"duration_ms": 0.7, "init_ms": 0.1}] * 20 + [{"duration_ms": 0.5}]))).metrics
    assert (metrics["cold_start.tail_share"].k, metrics["cold_start.tail_share"].n) == (20, 20)
    assert metrics["cold_start.tail_time_share"].n == 20


def test_the_size_of_memory_is_the_one_configured_last(make_lake: MakeLake) -> None:
    rows = [*at(FIRST + HOUR, memory_mb=512), *at(FIRST, memory_mb=128), *at(FIRST + MINUTE, memory_mb=1024)]
    metrics = only(measure(make_lake(rows))).metrics
    assert metrics["memory.size"].value == 512
    assert metrics["memory.next_size"].value == 1024
    assert metrics["memory.sizes"].value == 3


def test_a_report_without_a_time_is_not_the_latest(make_lake: MakeLake) -> None:
    rows = [{"end_time": None, "memory_mb": 128}, *at(FIRST, memory_mb=512), {"end_time": None, "memory_mb": 256}]
    assert only(measure(make_lake(rows))).metrics["memory.size"].value == 512


def test_a_larger_size_never_costs_less_at_an_unchanged_duration(make_lake: MakeLake) -> None:
    rows = [
        {"function": str(size), "duration_ms": 5.0, "billed_ms": 5.0, "memory_mb": size}
        for size in (128, 3008, 6000, 10_240, 32_768)
    ]
    for function in found(measure(make_lake(rows))).functions:
        now, then = function.metrics["cost.usd"], function.metrics["cost.experiment"]
        assert then.low == now.value
        assert then.low <= then.value <= then.high
        assert function.metrics["memory.next_size"].value >= function.metrics["memory.size"].value


def test_a_report_of_no_memory_at_all_is_measured(make_lake: MakeLake) -> None:
    rows = [{"duration_ms": 5.0, "billed_ms": 5.0, "memory_mb": 0, "max_memory_mb": 10}] * 3
    assert only(measure(make_lake(rows))).metrics["duration.max"].value == 5.0


@pytest.mark.parametrize(("hours", "by", "named"), [(48, "hour", 49), (49, "day", 3)])
def test_more_than_two_days_are_told_by_day(make_lake: MakeLake, hours: int, by: str, named: int) -> None:
    rows = [{"duration_ms": 100.0, "end_time": FIRST + hour * HOUR} for hour in range(hours + 1)]
    slices = only(measure(make_lake(rows))).slices
    told = [
        one.population.split(f", {by} ")[1]
        for one in slices
        if f", {by} " in one.population and one.metric == "duration.p50"
    ]
    assert len(told) == named
    assert told == sorted(told)


def test_slices_name_their_population_and_lie_in_order(make_lake: MakeLake) -> None:
    rows = [*at(FIRST, version="2"), *at(FIRST + HOUR, FIRST + HOUR, version="1")]
    populations = [one.population for one in only(measure(make_lake(rows))).slices if one.metric == "duration.p50"]
    assert populations == [
        "invocations, version 1",
        "invocations, version 2",
        "invocations, hour 2026-03-17T08:00Z",
        "invocations, hour 2026-03-17T09:00Z",
    ]


def test_the_breaching_the_cold_and_the_warm_have_durations_of_their_own(make_lake: MakeLake) -> None:
    rows = [{"duration_ms": 70_000.0}, {"duration_ms": 80_000.0, "init_ms": 300.0}, {"duration_ms": 5.0}]
    function = only(measure(make_lake(rows), thresholds=(Threshold("duration>60s", 60_000.0),)))
    longest = {one.population: (one.value, one.n) for one in function.slices if one.metric == "duration.max"}
    assert longest == {
        "invocations with duration>60s": (80_000.0, 2),
        "cold starts": (80_000.0, 1),
        "warm invocations": (70_000.0, 2),
    }


@pytest.mark.parametrize("kind", ["init", "restore"])
def test_a_function_states_its_versions_sizes_runtimes_and_region(make_lake: MakeLake, kind: str) -> None:
    rows = [
        {"version": "2", "memory_mb": 512, "runtime": "python:3.12.v38"},
        {"version": "1", "memory_mb": 128, "runtime": None},
        {"version": "2", "memory_mb": None},
    ]
    arn = "arn:aws:lambda:eu-central-1::runtime:abc"
    message = f"INIT_START Runtime Version: python:3.12.v38\tRuntime Version ARN: {arn}"
    function = only(measure(make_lake(rows, [{"kind": "init", "message": message}])))
    assert function.versions == ["1", "2"]
    assert function.memory_sizes == [128, 512]
    assert function.runtimes == ["python:3.12.v38"]
    assert function.region == "eu-central-1"


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_runs_over_the_same_lake_are_equal_to_the_last_digest(make_lake: MakeLake) -> None:
    rows = [
        {
            "function": f"f{number % 3}",
            "stream": f"s{number % 7}",
            "duration_ms": 0.1 * number**2,
            "billed_ms": float(number),
            "memory_mb": 128 * (1 + number % 2),
            "max_memory_mb": 60 + number % 50,
            "init_ms": 0.3 * number if number % 5 == 0 else None,
            "outcome": "error" if number % 11 == 0 else "ok",
            "fingerprint": f"g{number % 2}" if number % 11 == 0 else None,
        }
        for number in range(400)
    ]
    lake = make_lake(rows, [{"function": f"f{n % 3}", "fingerprint": f"g{n % 2}"} for n in range(40)])
    first, second = found(measure(lake)), found(measure(lake))
    assert {one.result_sha256 for one in first.evidence.values()} == {
        one.result_sha256 for one in second.evidence.values()
    }
    assert first == second


def test_evidence_is_a_query_that_gives_the_number_again(make_lake: MakeLake) -> None:
    lake = make_lake([{"duration_ms": float(number)} for number in range(1, 31)])
    measurements = found(measure(lake))
    p95 = measurements.overall.metrics["duration.p95"]
    with lake.open() as engine:
        again = engine.ask(measurements.evidence[p95.evidence].sql)
        assert again.row["p95"] == p95.value
        assert engine.evidence[again.id].result_sha256 == measurements.evidence[p95.evidence].result_sha256


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_errors_that_failed_most_invocations_come_first(make_lake: MakeLake) -> None:
    rows = [{"outcome": "error", "fingerprint": "rare", "error_type": "KeyError"}]
    rows += [{"outcome": "error", "fingerprint": "common"}] * 3
    events = [{"fingerprint": "handled", "message": "handled"}] * 9 + [{"fingerprint": "common", "kind": "fault"}]
    groups = only(measure(make_lake(rows, events))).errors
    assert [(group.fingerprint, group.failed, group.lines) for group in groups] == [
        ("common", 3, 1),
        ("rare", 1, 0),
        ("handled", 0, 9),
    ]
    assert groups[1].error_type == "KeyError"


def test_there_are_at_most_ten_groups_of_errors_with_three_lines_each(make_lake: MakeLake) -> None:
    events = [{"fingerprint": f"g{n % 14:02d}", "message": f"message {n}", "position": n} for n in range(14 * 5)]
    groups = only(measure(make_lake([{}], events))).errors
    assert [group.fingerprint for group in groups] == [f"g{n:02d}" for n in range(10)]
    for number, group in enumerate(groups):
        assert group.lines == 5
        assert [excerpt.message for excerpt in group.excerpts] == [
            f"message {number + 14 * times}" for times in range(3)
        ]


def test_an_excerpt_says_where_its_line_stands(make_lake: MakeLake) -> None:
    event = {"fingerprint": "g", "message": "boom", "source": "a.gz", "position": 77, "time": FIRST, "request_id": "r"}
    ((excerpt,),) = (group.excerpts for group in only(measure(make_lake([{}], [event]))).errors)
    assert (excerpt.message, excerpt.source, excerpt.position) == ("boom", "a.gz", 77)
    assert (excerpt.time, excerpt.request_id) == (FIRST, "r")


def test_warnings_and_notes_are_no_errors(make_lake: MakeLake) -> None:
    events = [{"kind": kind, "fingerprint": kind} for kind in ("warning", "extension", "unparsed", "init")]
    assert only(measure(make_lake([{}], events))).errors == []


def test_the_excerpts_of_a_group_are_of_its_function(make_lake: MakeLake) -> None:
    names = ("checkout", "refund")
    rows = [{"function": name, "outcome": "error", "fingerprint": "same"} for name in names]
    events = [{"function": name, "fingerprint": "same", "message": f"of {name}"} for name in names for _ in range(4)]
    groups = found(measure(make_lake(rows, events))).overall.errors
    assert {group.function: {excerpt.message for excerpt in group.excerpts} for group in groups} == {
        "checkout": {"of checkout"},
        "refund": {"of refund"},
    }


# ── quality ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pasted_logs_say_what_they_lack(make_lake: MakeLake) -> None:
    pasted = {
        "function": None,
        "stream": None,
        "end_time": None,
        "outcome": "unknown",
        "complete": False,
        "duration_ms": 92_394.25,
        "memory_mb": None,
    }
    quality = found(measure(make_lake([pasted] * 3 + [{"memory_mb": 512, "duration_ms": 5.0}]))).quality
    assert quality.counts == {
        "invocations": 4,
        "start_without_report": 0,
        "report_without_start": 3,
        "unknown_outcomes": 3,
        "without_time": 3,
        "without_stream": 3,
        "without_function": 3,
        "without_memory": 3,
    }
    named = [sentence.partition(":")[0] for sentence in quality.lacking]
    assert named == ["Function names", "Times", "Log streams", "Outcomes", "Memory", "START lines"]
    assert all("3 of 4 " in sentence for sentence in quality.lacking)


def test_complete_logs_lack_nothing_but_what_no_log_has(make_lake: MakeLake) -> None:
    quality = found(measure(make_lake([{"memory_mb": 512, "duration_ms": 5.0}]))).quality
    assert quality.lacking == []
    assert any("throttled" in fact for fact in quality.not_in_logs)


def test_an_invocation_without_a_report_is_counted_and_has_no_duration(make_lake: MakeLake) -> None:
    measurements = found(measure(make_lake([{"complete": False, "duration_ms": None}, {"duration_ms": 5.0}])))
    assert measurements.quality.counts["start_without_report"] == 1
    assert measurements.overall.invocations == 2
    assert measurements.overall.metrics["duration.p50"].n == 1


def test_outcomes_that_nobody_saw_are_no_successes(make_lake: MakeLake) -> None:
    rows = [{"outcome": "unknown"}] * 8 + [{"outcome": "error"}, {"outcome": "ok"}]
    metrics = only(measure(make_lake(rows))).metrics
    assert (metrics["error.known_outcomes"].k, metrics["error.known_outcomes"].n) == (2, 10)
    assert (metrics["failure.rate"].k, metrics["failure.rate"].n) == (1, 2)


def test_logs_that_show_no_end_give_no_rate_of_failures(make_lake: MakeLake) -> None:
    metrics = only(measure(make_lake([{"outcome": "unknown", "duration_ms": 5.0}] * 4))).metrics
    assert metrics["error.known_outcomes"].k == 0
    assert not {"failure.rate", "error.rate", "timeout.rate", "oom.rate"} & set(metrics)


def test_a_small_lake_gives_the_same_however_its_questions_are_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(tmp_path / "lake")
    ingest([str(SAMPLE)], lake)
    quickly = found(measure(lake))
    monkeypatch.setattr("analyzer.lake.engine.FEW_ENOUGH", -1)
    assert found(measure(lake)) == quickly
