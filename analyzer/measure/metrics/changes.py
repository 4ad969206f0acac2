"""Lasting changes of level: of the duration of warm calls, of the error rate, and of the memory that first calls take.

Of several changes the largest is described. What else changed near it is said beside it, and how the other
functions of these logs fared at the same time.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from statistics import NormalDist, median, variance

from analyzer.lake import Engine, text_literal
from analyzer.measure.bins import SECOND, Bins, durations, equal_count, first_memory
from analyzer.measure.change_points import Change, chance_of_split, change_points
from analyzer.measure.family import Example, Family, Settings, drawable, estimate, fact
from analyzer.measure.metrics.errors import CODE_FAILED, KNOWN, KNOWN_POPULATION
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.measure.series import effective_fraction
from analyzer.measure.statistics import Interval, clustered_share
from analyzer.measure.two_groups import difference_of_shares, ratio_of, shift
from analyzer.model import Measured

# A tenth is worth a word, and a change within the scatter of the bins is not seen by anyone. Demanding three times the
# scatter instead of once would miss most changes of a fifth, and saves no false alarm: docs/truth.md.
LEAST_RATIO, LEAST_NOISES = 1.10, 1.0
# One failure more in a hundred.
LEAST_DIFFERENCE = 0.01
# Of two things that are further apart neither is taken for the cause of the other: two bins, or one part in so many of them.
NEAR_BINS, NEAR_PART = 2, 50
WARM = "warm calls that went well"
# The other functions are looked at in so many pieces of time before and after, so many functions at most.
CONTROL_BINS, MOST_CONTROLS = 12, 20
NORMAL = NormalDist().inv_cdf(0.975)


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    yield from _durations(engine, scope.narrowed(WARM_AND_WELL, WARM))
    yield from _errors(engine, scope.narrowed(KNOWN, KNOWN_POPULATION))
    yield from _memory(engine, scope.narrowed("nth = 1", "first calls of environments"))


def _durations(engine: Engine, scope: Scope) -> Iterator[Measured]:
    bins = durations(engine, scope)
    if bins is None:
        return
    change = yield from _found("change", bins, math.log(LEAST_RATIO), scope)
    if change is None:
        return
    ratio = _ratio("change.ratio", bins, change, scope)
    yield ratio
    # The bins hold logarithms of milliseconds.
    before = bins.values[change.begin : change.at]
    n = round(bins.n / len(bins.values) * len(before))
    yield fact("change.before", math.exp(median(before)), "ms", n, scope, bins.evidence)
    yield from _near(engine, scope, bins, change)
    yield from _against_others(engine, scope, bins, change, ratio)


def _errors(engine: Engine, scope: Scope) -> Iterator[Measured]:
    bins = equal_count(engine, scope, f"count(*) FILTER ({CODE_FAILED}) / count(*)", KNOWN)
    if bins is None:
        return
    change = yield from _found("error_change", bins, LEAST_DIFFERENCE, scope)
    if change is None:
        return
    before, after = bins.values[change.begin : change.at], bins.values[change.at : change.end]
    size = bins.n / len(bins.values)
    limits = difference_of_shares(*_share(before, size), *_share(after, size))
    value = sum(after) / len(after) - sum(before) / len(before)
    n = round(size * (change.end - change.begin))
    yield estimate("error_change.difference", value, limits, "share", n, scope, bins.evidence)


def _share(values: list[float], size: float) -> tuple[float, Interval]:
    """The mean of the shares of some bins, with the interval that their differing from bin to bin allows."""
    share, n = sum(values) / len(values), size * len(values)
    squares = sum((size * (value - share)) ** 2 for value in values)
    return share, clustered_share(min(share * n, n), n, len(values), squares)


def _memory(engine: Engine, scope: Scope) -> Iterator[Measured]:
    bins = first_memory(engine, scope)
    if bins is None:
        return
    change = yield from _found("memory_change", bins, math.log(LEAST_RATIO), scope)
    if change is not None:
        yield _ratio("memory_change.ratio", bins, change, scope)


def _found(name: str, bins: Bins, least: float, scope: Scope) -> Generator[Measured, None, Change | None]:
    """How many changes there are, and the place of the largest, which is handed back."""
    changes = change_points(bins.values, least, LEAST_NOISES)
    yield fact(f"{name}.count", len(changes), "count", bins.n, scope, bins.evidence)
    if not changes:
        yield fact(f"{name}.p", chance_of_split(bins.values), "ratio", bins.n, scope, bins.evidence)
        return None
    largest = max(changes, key=lambda change: abs(change.shift))
    yield fact(f"{name}.p", largest.p, "ratio", bins.n, scope, bins.evidence)
    # A change in the middle of a bin shows at either of its ends, hence one bin more on both sides.
    low, high = max(0, largest.low - 1), min(len(bins.values) - 1, largest.high)
    yield Measured(
        metric=f"{name}.at",
        value=bins.first[largest.at] // SECOND,
        low=bins.first[low] // SECOND,
        high=-(-bins.last[high] // SECOND),
        unit="time",
        n=bins.n,
        population=scope.population,
        evidence=bins.evidence,
        interval="block bootstrap",
    )
    return largest


def _ratio(metric: str, bins: Bins, change: Change, scope: Scope) -> Measured:
    """How many times as much it is after the change, as far as the next one, as before it, back to the previous one."""
    value, limits = ratio_of(*_shift(bins.values[change.begin : change.at], bins.values[change.at : change.end]))
    n = round(bins.n / len(bins.values) * (change.end - change.begin))
    return estimate(metric, value, limits, "ratio", n, scope, bins.evidence)


def _shift(before: list[float], after: list[float]) -> tuple[float, Interval]:
    left = [value - median(part) for part in (before, after) for value in part]
    return shift(before, after, effective_fraction(left))


def _near(engine: Engine, scope: Scope, bins: Bins, change: Change) -> Iterator[Measured]:
    """Whether a version, a memory size or a runtime was first or last seen near the place of the change, or where it may lie."""
    answer = engine.ask(f"""
WITH seen AS (
  SELECT unnest(['version', 'memory', 'runtime']) AS what, unnest([version, memory_mb::VARCHAR, runtime]) AS name, end_time AS time
  FROM invocations WHERE {scope.where}
  UNION ALL
  SELECT 'started', nullif(regexp_extract(message, ':runtime:([0-9a-f]+)', 1), ''), time
  FROM events WHERE {scope.where_events} AND kind IN ('init', 'restore')
)
SELECT what, name, epoch_us(min(time)) AS first, epoch_us(max(time)) AS last
FROM seen WHERE name IS NOT NULL AND time IS NOT NULL GROUP BY what, name ORDER BY what, first, name LIMIT 300""")
    reach = max(NEAR_BINS, len(bins.values) // NEAR_PART)
    low, high = min(change.low, change.at - reach), max(change.high, change.at + reach)
    begin, end = bins.first[max(0, low)], bins.last[min(len(bins.last), high) - 1]
    came, went = (
        {
            what: [row[end] for row in answer.rows if row["what"] == what]
            for what in ("version", "memory", "runtime", "started")
        }
        for end in ("first", "last")
    )
    for what in ("version", "memory", "runtime"):
        # The first to be seen was there before these logs, and the last is still there after them.
        moments = sorted(came[what])[1:] + sorted(went[what])[:-1]
        if what == "runtime":
            # A start tells when a runtime came; that none started since does not tell that it went.
            moments += sorted(came["started"])[1:]
        if came[what] or (what == "runtime" and came["started"]):
            near = any(begin <= time <= end for time in moments)
            yield fact(f"change.{what}_near", float(near), "count", bins.n, scope, answer.id)


def _against_others(engine: Engine, scope: Scope, bins: Bins, change: Change, ratio: Measured) -> Iterator[Measured]:
    """The ratio over that of the other functions at the same instant: what is left once what befell all is taken off."""
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return
    begin, at, end = bins.first[change.begin], bins.first[change.at], bins.last[change.end - 1]
    other = "function IS NOT NULL" + (f" AND function <> {text_literal(scope.function)}" if scope.function else "")
    everything = drawable(engine, Scope(scope.window)).thinned()
    # Their bins are of equal length in time and not of equal count, so that one question serves all of them.
    answer = engine.ask(f"""
WITH calls AS (
  SELECT function, epoch_us(end_time) AS time, ln(duration_ms) AS y
  FROM invocations WHERE {everything.where} AND {other} AND epoch_us(end_time) BETWEEN {begin} AND {end} AND {WARM_AND_WELL}
), busiest AS (
  SELECT function FROM calls GROUP BY function ORDER BY count(*) DESC, function LIMIT {MOST_CONTROLS}
)
SELECT function, time >= {at} AS later,
       CASE WHEN time < {at} THEN (time - {begin}) * {CONTROL_BINS} // {at - begin}
            ELSE (time - {at}) * {CONTROL_BINS} // {end - at + 1} END AS bin, quantile_cont(y, 0.5) AS y
FROM calls JOIN busiest USING (function) GROUP BY ALL HAVING count(*) >= 3 ORDER BY ALL""")
    shifts, errors = [], []
    for function in dict.fromkeys(row["function"] for row in answer.rows):
        before, after = (
            [row["y"] for row in answer.rows if row["function"] == function and row["later"] == later]
            for later in (False, True)
        )
        if min(len(before), len(after)) < CONTROL_BINS // 2:
            continue
        moved, limits = _shift(before, after)
        if limits.low is not None and limits.high is not None:
            shifts.append(moved)
            errors.append((limits.high - limits.low) / (2 * NORMAL))
    if not shifts:
        return
    others = sum(shifts) / len(shifts)
    within = sum(error**2 for error in errors) / len(errors)
    between = variance(shifts) if len(shifts) > 1 else 0.0
    own = math.log(ratio.high / ratio.low) / (2 * NORMAL)
    reach = NORMAL * math.sqrt(own**2 + max(within, between) / len(shifts))
    difference = math.log(ratio.value) - others
    limits = Interval(difference - reach, difference + reach, f"difference in differences, {len(shifts)} functions")
    value, limits = ratio_of(difference, limits)
    yield estimate("change.did_ratio", value, limits, "ratio", ratio.n, scope, answer.id)


# ── the example ──────────────────────────────────────────────────────────────────────────────────────────────────────

# 2026-03-01. A call every second: from the 300th on a new version takes twice as long and fails twice in ten, and another
# function remains as it was.
BEGIN, HALF = 1_772_323_200_000_000, 300


def _call(number: int, function: str | None, slower: float) -> dict[str, object]:
    late = number >= HALF
    row: dict[str, object] = {
        "duration_ms": 100.0 * (slower if late else 1.0),
        "end_time": BEGIN + number * SECOND,
        "version": "8" if late else "7",
        "memory_mb": 512,
        "max_memory_mb": 150 if late else 100,
        "runtime": "python:3.13.v14",
        "nth": 1,
        "outcome": "error" if late and function is None and number % 10 in (4, 5) else "ok",
    }
    return row | ({"function": function} if function else {})


FAMILY = Family(
    name="changes",
    measure=measure,
    thinned=True,
    example=Example(
        invocations=[_call(number, function, slower) for function, slower in ((None, 2.0), ("refund", 1.0))
                     for number in range(2 * HALF)],
        expect={
            "change.count": 1,
            "change.ratio": 2.0,
            "change.before": 100.0,
            "change.did_ratio": 2.0,
            "change.p": 1 / 9_991,
            "change.version_near": 1,
            "change.memory_near": 0,
            "change.runtime_near": 0,
            "error_change.count": 1,
            "error_change.difference": 0.2,
            "error_change.p": 1 / 9_991,
            "memory_change.count": 1,
            "memory_change.ratio": 1.5,
            "memory_change.p": 1 / 9_991,
        },
    ),
)  # fmt: skip
