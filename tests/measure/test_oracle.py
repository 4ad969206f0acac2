"""What `measure` says of made-up invocations, held against plain loops over the same rows."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis import strategies as st
from scipy import stats

from analyzer.diagnose.vocabulary import VOCABULARY
from analyzer.lake import Lake
from analyzer.measure import Threshold, measure
from analyzer.measure.consistency import broken_sums
from analyzer.model import FunctionMeasurements, Invocation, Measured, Measurements
from tests.conftest import MADE, invocation

Row = dict[str, Any]
Rows = list[Invocation]

BASE = 1_773_735_125_000_000
MINUTE, HOUR = 60_000_000, 3_600_000_000
THRESHOLDS = (Threshold("duration>100ms", 100.0), Threshold("duration>60s", 60_000.0), Threshold("duration>0ms", 0.0))
# Results are kept to nine digits.
DIGITS = 2e-8


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

durations = st.one_of(
    st.sampled_from([None, 0.0, 0.01, 1.5, 100.0, 100.01, 123.456, 60_000.0, 60_000.01, 900_000.0]),
    st.integers(1, 90_000_000).map(lambda hundredths: hundredths / 100),
)
rows = st.fixed_dictionaries(
    {
        "version": st.sampled_from(["$LATEST", "7", "8", None]),
        "stream": st.sampled_from(["one", "two", "three", None]),
        "request_id": st.sampled_from(["a", "b", "c"]) | st.uuids().map(str),
        "end_time": st.none() | st.integers(0, 300).map(lambda minutes: BASE + minutes * MINUTE),
        "outcome": st.sampled_from(
            ["ok"] * 4 + ["error", "timeout", "out_of_memory", "init_failure", "crash", "unknown"]
        ),
        "fingerprint": st.sampled_from([None, "f", "g"]),
        "duration_ms": durations,
        "billed_ms": st.none() | st.integers(1, 900_000).map(float),
        "init_ms": st.sampled_from([None, None, 0.1, 250.33]) | st.integers(1, 1_000_000).map(lambda n: n / 100),
        "restore_ms": st.sampled_from([None, None, None, 180.5]),
        "memory_mb": st.sampled_from([None, 128, 512, 1024]),
        "max_memory_mb": st.sampled_from([None, 60, 100, 128]),
    }
)


COMMON: list[Row] = [
    {},
    {},
    {},
    {"duration_ms": 123.456},
    {"duration_ms": 0.0},
    {"duration_ms": None},
    {"init_ms": 99.9},
    {"init_ms": None, "restore_ms": None},
    {"stream": "one"},
    {"memory_mb": None},
    {"end_time": None},
]


@st.composite
def lakes(draw: st.DrawFn) -> list[Row]:
    """Rows of one or two functions, on both sides of the numbers from which percentiles are given."""
    many = draw(st.sampled_from([1, 2, 9, 10, 19, 20, 35, 60, 101]))
    names = draw(st.sampled_from([["checkout"], ["checkout", "refund"], ["checkout", None]]))
    # What all rows have in common: often the extremes of a column, which rows drawn one by one never are.
    common = draw(st.sampled_from(COMMON))
    drawn = draw(st.lists(rows, min_size=many, max_size=many))
    return [row | common | {"function": names[number % len(names)]} for number, row in enumerate(drawn)]


def few(examples: int) -> settings:
    """Each example takes most of a second, so they are few. Shrinking would measure hundreds; assertions name the metric."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


# The tests draw the same lakes, of which each is measured once.
the_same = seed(20_261_124)
MEASURED: dict[str, tuple[Rows, Measurements]] = {}


def measured(made: list[Row]) -> tuple[Rows, Measurements]:
    """The rows as invocations, and what is measured of a lake that holds them."""
    if (drawn := repr(made)) not in MEASURED:
        MEASURED[drawn] = _measured(made)
    return MEASURED[drawn]


def _measured(made: list[Row]) -> tuple[Rows, Measurements]:
    invocations = [invocation(number, **row) for number, row in enumerate(made)]
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        with lake.write() as commit:
            commit.add_invocations(invocations)
            commit.add_sources([MADE])
        measurements = measure(lake, thresholds=THRESHOLDS)
    assert measurements is not None
    return invocations, measurements


def parts(invocations: Rows, measurements: Measurements) -> Iterator[tuple[FunctionMeasurements, Rows]]:
    """All functions together, then each, with the rows that they are about."""
    yield measurements.overall, invocations
    for function in measurements.functions:
        name = None if function.name == "(function not named)" else function.name
        yield function, [row for row in invocations if row.function == name]


def everything(measurements: Measurements) -> Iterator[Measured]:
    for function in [measurements.overall, *measurements.functions]:
        yield from function.metrics.values()
        yield from function.breaches
        yield from function.slices


# ── plain loops ──────────────────────────────────────────────────────────────────────────────────────────────────────


def nearest(values: Iterable[Any], percent: int) -> Any:
    """The first of the sorted values with so many percent at or below it."""
    ordered = sorted(values)
    return next(value for rank, value in enumerate(ordered, 1) if 100 * rank >= percent * len(ordered))


def cold(row: Invocation) -> bool:
    return row.init_ms is not None or row.restore_ms is not None


def failed(row: Invocation) -> bool:
    return row.outcome in ("error", "timeout", "out_of_memory", "init_failure", "crash")


def with_duration(some: Rows) -> Rows:
    return [row for row in some if row.duration_ms is not None]


def durations_by_hand(some: Rows) -> dict[str, float | None]:
    values = [row.duration_ms for row in some if row.duration_ms is not None]
    if not values:
        return {}
    found: dict[str, float | None] = {
        "duration.mean": sum(values) / len(values),
        "duration.min": min(values),
        "duration.max": max(values),
        "duration.iqr": nearest(values, 75) - nearest(values, 25),
        "duration.p50": nearest(values, 50),
    }
    for percent, least in ((90, 10), (95, 20), (99, 100)):
        found[f"duration.p{percent}"] = nearest(values, percent) if len(values) >= least else None
    if len(values) >= 2:
        found["duration.variance"] = statistics.variance(values)
        found["duration.stddev"] = statistics.stdev(values)
        if sum(values):
            found["duration.cv"] = statistics.stdev(values) / (sum(values) / len(values))
    if min(values):
        found["duration.relative_range"] = (max(values) - min(values)) / min(values)
    return found


def memory_by_hand(some: Rows) -> dict[str, float]:
    sized = [row for row in some if row.memory_mb is not None]
    if not sized:
        return {}
    found: dict[str, float] = {"memory.sizes": len({row.memory_mb for row in sized})}
    environments: dict[object, float] = {}
    for row in sized:
        if row.max_memory_mb is not None:
            key = row.stream if row.stream is not None else row.position
            environments[key] = max(environments.get(key, 0.0), row.max_memory_mb / row.memory_mb)
    if environments:
        found["memory.peak"] = max(row.max_memory_mb for row in sized if row.max_memory_mb is not None)
        found["memory.peak_ratio.max"] = max(environments.values())
        for percent in (50, 95, 99):
            found[f"memory.peak_ratio.p{percent}"] = nearest(environments.values(), percent)
    return found


def shares_by_hand(some: Rows) -> dict[str, tuple[int, int]]:
    """k of n."""
    known = [row for row in some if row.outcome != "unknown"]
    ended: dict[str, tuple[int, int]] = {"error.known_outcomes": (len(known), len(some))}
    if known:
        outcomes = Counter(row.outcome for row in known)
        ended |= {
            "failure.rate": (sum(failed(row) for row in known), len(known)),
            "error.rate": (outcomes["error"] + outcomes["crash"] + outcomes["init_failure"], len(known)),
            "timeout.rate": (outcomes["timeout"], len(known)),
            "oom.rate": (outcomes["out_of_memory"], len(known)),
        }
    reported = with_duration(some)
    if reported:
        ended["cold_start.rate"] = (sum(cold(row) for row in reported), len(reported))
    return ended


def cold_tail_by_hand(some: Rows) -> tuple[int, int] | None:
    """Cold starts among the slowest five in a hundred, counted in hundredths of milliseconds so that nothing is rounded."""
    calls = []
    for row in with_duration(some):
        first = row.init_ms if row.init_ms is not None else row.restore_ms
        calls.append((Decimal(str(row.duration_ms)) + Decimal(str(first or 0)), cold(row)))
    if len(calls) < 20:
        return None
    limit = nearest([total for total, _ in calls], 95)
    slow = [is_cold for total, is_cold in calls if total >= limit]
    return sum(slow), len(slow)


def clusters_of(some: Rows) -> list[Rows]:
    """Invocations of one stream; where the stream is not known each stands for itself."""
    groups: dict[object, Rows] = defaultdict(list)
    for row in some:
        groups[row.stream if row.stream is not None else row.position].append(row)
    return list(groups.values())


def check_limits_of_share(one: Measured, some: Rows, holds: Callable[[Invocation], bool]) -> None:
    """Each limit is the share from which the observed one is just so many standard errors away, clusters considered."""
    rate, groups = sum(map(holds, some)) / len(some), clusters_of(some)
    squares = sum((sum(holds(row) - rate for row in group)) ** 2 for group in groups)
    z, worth = stats.norm.ppf(0.975), float(len(some))
    if len(groups) > 1 and 0 < rate < 1 and squares > 1e-9:
        variance = len(groups) / (len(groups) - 1) * squares / len(some) ** 2
        worth = min(worth, rate * (1 - rate) / variance * (z / stats.t.ppf(0.975, len(groups) - 1)) ** 2)
    for limit in (one.low, one.high):
        assert abs(rate - limit) == pytest.approx(z * math.sqrt(limit * (1 - limit) / worth), rel=1e-4, abs=1e-9), one
    assert one.low <= rate <= one.high


def check_limits_of_mean(one: Measured, some: Rows) -> None:
    values, groups = [row.duration_ms for row in some], clusters_of(some)
    if len(groups) < 2:
        assert (one.low, one.high) == (None, None)
        return
    mean = sum(values) / len(values)
    squares = sum(sum(row.duration_ms - mean for row in group) ** 2 for group in groups)
    error = math.sqrt(len(groups) / (len(groups) - 1) * squares) / len(values)
    half_width = stats.t.ppf(0.975, len(groups) - 1) * error
    # Sums of squares of nine digits leave four for the root of their difference.
    close = pytest.approx(half_width, rel=1e-3, abs=stats.t.ppf(0.975, len(groups) - 1) * 5e-4 * mean)
    assert (one.high - one.low) / 2 == close, one


def activity_by_hand(some: Rows) -> dict[str, float]:
    streams = {row.stream for row in some if row.stream is not None}
    found: dict[str, float] = {
        "invocations": len(some),
        "retry.amplification": len(some) / len({row.request_id for row in some}),
    }
    return found | ({"environments": len(streams)} if streams else {})


def cost_by_hand(some: Rows) -> dict[str, float]:
    paid = [row for row in some if row.billed_ms is not None and row.memory_mb is not None]
    return {"cost.gb_seconds": sum(row.billed_ms / 1000 * row.memory_mb / 1024 for row in paid)} if paid else {}


# ── the comparison ───────────────────────────────────────────────────────────────────────────────────────────────────


# Families of their own that speak of durations too; they have their own oracles.
OTHERS = ("duration.km.", "duration.mad", "duration.p99_over_p50", "duration.tail_index")


def check_values(function: FunctionMeasurements, family: str, expected: dict[str, float | None]) -> None:
    """The same metrics of the family, no more and no fewer, with the same values."""
    ours = set(expected)
    theirs = {
        name for name in function.metrics if name in ours or (name.startswith(family) and not name.startswith(OTHERS))
    }
    assert theirs == ours, function.name
    for name, value in expected.items():
        got = function.metrics[name].value
        assert got == (value if value is None else pytest.approx(value, rel=DIGITS, abs=1e-7)), (function.name, name)


def check_share(one: Measured, k: int, n: int) -> None:
    assert (one.k, one.n) == (k, n), (one.metric, one.population)
    assert one.value == pytest.approx(k / n, rel=DIGITS)


@the_same
@few(12)
@given(lakes())
@example([{"duration_ms": 0.0}] * 25)
@example([{"duration_ms": 50.0, "init_ms": 0.1}] * 25)
@example([{"duration_ms": 123.456}] * 100)
def test_every_number_of_a_function_is_what_a_plain_loop_finds(made: list[Row]) -> None:
    for function, some in parts(*measured(made)):
        assert function.invocations == len(some)
        check_values(function, "duration.", durations_by_hand(some))
        check_values(function, "memory.peak", memory_by_hand(some))
        check_values(function, "retry.amplification", activity_by_hand(some))
        check_values(function, "cost.gb_seconds", cost_by_hand(some))
        shares = shares_by_hand(some)
        for name, (k, n) in shares.items():
            check_share(function.metrics[name], k, n)
        assert {name for name in function.metrics if name.endswith(".rate")} == set(shares) - {
            "error.known_outcomes"
        } | {"breach.rate"} | ({"error.own.rate"} if "error.rate" in shares else set())
        reported = [row.duration_ms for row in with_duration(some)]
        for threshold, breach in zip(THRESHOLDS, function.breaches, strict=True):
            assert breach.threshold == threshold.text
            if reported:
                check_share(breach, sum(value > threshold.limit_ms for value in reported), len(reported))
                check_limits_of_share(
                    breach, with_duration(some), lambda row, limit=threshold.limit_ms: row.duration_ms > limit
                )
            else:
                assert (breach.value, breach.n) == (None, 0)
        if reported:
            check_limits_of_mean(function.metrics["duration.mean"], with_duration(some))
        if "failure.rate" in shares:
            known = [row for row in some if row.outcome != "unknown"]
            check_limits_of_share(function.metrics["failure.rate"], known, failed)
        tail = cold_tail_by_hand(some)
        assert ("cold_start.tail_share" in function.metrics) == (tail is not None)
        if tail is not None:
            check_share(function.metrics["cold_start.tail_share"], *tail)


@the_same
@few(12)
@given(lakes())
@example([{"duration_ms": 0.0}] * 5)
@example([{"duration_ms": 1.0 + 99 * (n % 2) + n / 1000, "stream": f"{n % 2}"} for n in range(300)])
def test_every_number_is_well_formed(made: list[Row]) -> None:
    _, measurements = measured(made)
    for one in everything(measurements):
        assert one.evidence in measurements.evidence, one
        assert one.population, one
        assert VOCABULARY[one.metric][0] == one.unit, one
        for number in (one.value, one.low, one.high):
            assert number is None or math.isfinite(number), one
        if one.value is None:
            assert one.note, one
            assert (one.low, one.high) == (None, None), one
            continue
        assert one.low is None or one.low <= one.value + abs(one.value) * DIGITS, one
        assert one.high is None or one.value <= one.high + abs(one.high) * DIGITS, one
        if one.k is not None:
            assert 0 <= one.k <= one.n, one
            assert one.value == one.k / one.n, one
            assert 0 <= one.low <= one.high <= 1, one
    for function in [measurements.overall, *measurements.functions]:
        for name, one in function.metrics.items():
            assert one.metric == name
    assert list(broken_sums(measurements.overall, measurements.functions, THRESHOLDS)) == []


@the_same
@few(12)
@given(lakes())
def test_the_parts_of_a_function_sum_to_the_whole(made: list[Row]) -> None:
    def hour(row: Invocation) -> str | None:
        return None if row.end_time is None else f"hour {_clock(row.end_time)}"

    def version(row: Invocation) -> str | None:
        return None if row.version is None else f"version {row.version}"

    for function, some in parts(*measured(made)):
        for part in (hour, version):
            groups: dict[str, Rows] = defaultdict(list)
            for row in some:
                if (label := part(row)) is not None:
                    groups[label].append(row)
            check_slices(function, groups)


def check_slices(function: FunctionMeasurements, groups: dict[str, Rows]) -> None:
    kind = {label.split()[0] for label in groups}
    slices = {
        (one.metric, one.population.rpartition(", ")[2]): one
        for one in function.slices
        if one.population.rpartition(", ")[2].split()[0] in kind
    }
    headline = next(one for one in THRESHOLDS if one.text == function.metrics["breach.rate"].threshold)
    expected: dict[tuple[str, str], tuple[int, int]] = {}
    for label, some in groups.items():
        reported = with_duration(some)
        known = [row for row in some if row.outcome != "unknown"]
        expected[("breach.rate", label)] = sum(row.duration_ms > headline.limit_ms for row in reported), len(reported)
        expected[("cold_start.rate", label)] = sum(cold(row) for row in reported), len(reported)
        expected[("failure.rate", label)] = sum(failed(row) for row in known), len(known)
        if reported:
            assert slices.pop(("duration.p50", label)).value == pytest.approx(
                nearest([row.duration_ms for row in reported], 50), rel=DIGITS
            )
    expected = {name: (k, n) for name, (k, n) in expected.items() if n}
    assert {name: (one.k, one.n) for name, one in slices.items()} == expected


def _clock(time: int) -> str:
    day, rest = divmod(time // HOUR, 24)
    # 2026-03-17 is 20,529 days after 1970-01-01.
    return f"2026-03-{17 + day - 20_529:02d}T{rest:02d}:00Z"


@the_same
@few(12)
@given(lakes())
def test_the_pictures_lose_no_invocation(made: list[Row]) -> None:
    invocations, measurements = measured(made)
    for name in {row.function for row in invocations}:
        some = [row for row in invocations if row.function == name]
        lengths = [max(row.duration_ms, 0.01) for row in with_duration(some)]
        bins = [one for one in measurements.histogram if one.function == name]
        assert sum(one.n for one in bins) == len(lengths)
        for one in bins:
            assert one.n == sum(one.low_ms <= length < one.high_ms for length in lengths), one
        timed = [row for row in some if row.end_time is not None]
        times = [one for one in measurements.timeline if one.function == name]
        assert sum(one.n for one in times) == len(timed)
        for one in times:
            inside = [row for row in timed if one.start <= row.end_time < one.start + one.seconds * 1_000_000]
            assert (one.n, one.failed, one.cold_starts) == (
                len(inside),
                sum(failed(row) for row in inside),
                sum(cold(row) for row in inside),
            )
            values = [row.duration_ms for row in with_duration(inside)]
            assert (one.p50_ms, one.p95_ms, one.max_ms) == (
                (nearest(values, 50), nearest(values, 95), max(values)) if values else (None, None, None)
            )
    assert Counter(one.duration_ms for one in measurements.points) == Counter(
        row.duration_ms for row in with_duration(invocations)
    )
