"""Conditions on measured numbers: how they are written, and when they are true, false or open."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import permutations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.diagnose.conditions import (
    All,
    AnyOf,
    Comparison,
    Not,
    Presence,
    Truth,
    holds,
    likely,
    metrics_of,
    parse,
)
from analyzer.model import Measured, Unit

TRUE, FALSE, OPEN = Truth.TRUE, Truth.FALSE, Truth.OPEN
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
NAMES = ("input.exponent", "memory.elasticity", "duration.cv", "timeout.gap", "timeout.density")

unhurried = settings(deadline=None)


def interval(low: float | None, high: float | None, metric: str = "input.exponent", unit: Unit = "ratio") -> Measured:
    """A number whose estimate lies in the middle of what is known of it."""
    known = [end for end in (low, high) if end is not None]
    return Measured(
        metric=metric,
        value=sum(known) / len(known) if known else 1.0,
        low=low,
        high=high,
        unit=unit,
        n=100,
        population="all invocations",
        evidence="q1",
    )


def fact(value: float, metric: str = "input.exponent", unit: Unit = "ratio") -> Measured:
    return interval(value, value, metric, unit)


def not_estimable(metric: str = "input.exponent") -> Measured:
    return Measured(
        metric=metric, value=None, unit="ratio", n=3, population="all invocations", evidence="q1", note="too few"
    )


def truth(condition: object, *numbers: Measured) -> Truth:
    return holds(parse(condition), {one.metric: one for one in numbers})


# ── how conditions are written ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "metric", "symbol", "limit"),
    [
        ("memory.elasticity >= 0.3", "memory.elasticity", ">=", 0.3),
        ("memory.elasticity>=0.3", "memory.elasticity", ">=", 0.3),
        ("  memory.elasticity  <  -0.25  ", "memory.elasticity", "<", -0.25),
        ("duration.p50 > 29 s", "duration.p50", ">", 29_000.0),
        ("duration.p50 > 29s", "duration.p50", ">", 29_000.0),
        ("duration.p95 <= 250 ms", "duration.p95", "<=", 250.0),
        ("timeout.limit < 30 s", "timeout.limit", "<", 30.0),
        ("timeout.limit < 1500 ms", "timeout.limit", "<", 1.5),
        ("retry.wasted_gb_seconds > 100 GB-s", "retry.wasted_gb_seconds", ">", 100.0),
        ("cost.usd > 0.5 USD", "cost.usd", ">", 0.5),
        ("memory.size == 1769 MB", "memory.size", "==", 1769.0),
        ("memory.peak_ratio.max < 50 %", "memory.peak_ratio.max", "<", 0.5),
        ("memory.peak_ratio.max < 50%", "memory.peak_ratio.max", "<", 0.5),
        ("memory.peak_ratio.max < 0.5", "memory.peak_ratio.max", "<", 0.5),
        ("oom.count != 0", "oom.count", "!=", 0.0),
        ("cost.usd > 1e-3", "cost.usd", ">", 0.001),
        ("invocations > 1e6", "invocations", ">", 1_000_000.0),
    ],
)
def test_a_comparison_is_in_the_unit_of_its_metric(text: str, metric: str, symbol: str, limit: float) -> None:
    assert parse(text) == Comparison(metric, symbol, limit)


def test_a_percentage_is_the_share_that_counting_gives() -> None:
    """7 of 10 is 70 %, not below it: the limit has to be the same float as k / n."""
    wrong = [p for p in range(101) if truth(f"error.rate == {p} %", fact(p / 100, "error.rate", "share")) is not TRUE]
    assert wrong == []


def test_a_limit_in_seconds_is_the_number_of_milliseconds_it_says() -> None:
    """Lambda writes durations to a hundredth of a millisecond, so limits can be met exactly."""
    written = [f"{ms // 1000}.{ms % 1000:03d}" for ms in range(10_000)]
    wrong = [s for s in written if parse(f"duration.p50 > {s} s") != Comparison("duration.p50", ">", float(s + "e3"))]
    assert wrong == []


@pytest.mark.parametrize(("state", "wanted"), [("absent", False), ("present", True)])
def test_whether_a_metric_was_measured_is_a_condition(state: str, wanted: bool) -> None:
    assert parse(f"timeout.limit is {state}") == Presence("timeout.limit", wanted)


def test_conditions_nest() -> None:
    slow, fast = Comparison("duration.p50", ">", 3000.0), Comparison("duration.p50", "<", 10.0)
    written: dict[str, Any] = {
        "all": ["duration.p50 > 3 s", {"any": ["duration.p50 < 10 ms", {"not": "init.p50 is present"}]}]
    }
    assert parse(written) == All((slow, AnyOf((fast, Not(Presence("init.p50", True))))))


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("duration.p999 > 3 s", "duration.p99"),
        ("memory.elasticty >= 0.3", "memory.elasticity"),
        ("cold_starts.rate > 1 %", "cold_start.rate"),
        ("timout.limit is absent", "timeout.limit"),
    ],
)
def test_an_unknown_metric_is_refused_with_the_nearest_name(slip: str, meant: str) -> None:
    with pytest.raises(ValueError, match=r"there is no metric .*; did you mean ") as refused:
        parse(slip)
    assert slip.split()[0] in str(refused.value)
    assert meant in str(refused.value).partition("did you mean")[2]


def test_an_unknown_metric_like_no_other_still_gets_examples() -> None:
    with pytest.raises(ValueError, match=r"there is no metric zzz; did you mean [a-z_.]+"):
        parse("zzz > 1")


@pytest.mark.parametrize(
    ("text", "metric_unit", "written_unit"),
    [
        ("oom.count >= 1 s", "count", "s"),
        ("oom.count >= 1 %", "count", "%"),
        ("duration.p50 > 10 %", "ms", "%"),
        ("duration.p50 > 10 MB", "ms", "MB"),
        ("memory.size < 10 ms", "MB", "ms"),
        ("error.rate > 1 MB", "share", "MB"),
        ("memory.elasticity > 3 %", "ratio", "%"),
        ("duration.variance > 3 s", "ms2", "s"),
        ("cost.usd > 1 s", "USD", "s"),
        ("duration.p50 > 3 minutes", "ms", "minutes"),
        ("duration.p50 > 3 S", "ms", "S"),
    ],
)
def test_a_unit_that_does_not_fit_the_metric_is_refused(text: str, metric_unit: str, written_unit: str) -> None:
    with pytest.raises(
        ValueError, match=f" is in {metric_unit}, and '.*' compares it with {written_unit}; write the number "
    ):
        parse(text)


@pytest.mark.parametrize("text", ["duration.p95 <= 250", "timeout.limit < 3"])
def test_a_time_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="lacks the unit of its time: ms or s"):
        parse(text)


@pytest.mark.parametrize("text", ["error.rate > 5", "error.rate > 1.5"])
def test_a_share_that_was_meant_in_percent_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a number from 0 to 1, or one with %"):
        parse(text)


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "   ",
        "slow",
        "duration.p50",
        "duration.p50 >",
        "> 3 s",
        "3 s < duration.p50",
        "duration.p50 => 3 s",
        "duration.p50 = 3 s",
        "duration.p50 > three s",
        "duration.p50 > 1,000 ms",
        "duration.p50 > .5",
        "duration.p50 > nan",
        "duration.p50 > inf",
        "duration.p50 > duration.p95",
        "duration.p50 > 1 s and duration.p95 > 2 s",
        "duration.p50 > 1 s\nduration.p95 > 2 s",
        "1 s < duration.p50 < 2 s",
        "duration.p50 is missing",
        "duration.p50 is not present",
        "DURATION.P50 > 1 s",
        "__import__('os').system('true') > 1",
    ],
)
def test_nonsense_is_refused_with_an_example_of_what_is_meant(nonsense: str) -> None:
    with pytest.raises(ValueError, match=r"is no condition such as 'duration\.p95 >= 3 s'") as refused:
        parse(nonsense)
    assert repr(nonsense) in str(refused.value)


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        True,
        3,
        0.5,
        [],
        ["oom.count >= 1"],
        {},
        {"all": []},
        {"any": []},
        {"all": "oom.count >= 1"},
        {"any": {"not": "oom.count >= 1"}},
        {"none": ["oom.count >= 1"]},
        {"ALL": ["oom.count >= 1"]},
        {"all": ["oom.count >= 1"], "any": ["oom.count >= 1"]},
        {"not": None},
        {"not": ["oom.count >= 1"]},
        {"all": ["oom.count >= 1", None]},
        {"any": ["oom.count >= 1", ["oom.count >= 2"]]},
    ],
)
def test_what_is_neither_a_comparison_nor_all_any_or_not_is_refused_with_a_sentence(nonsense: object) -> None:
    with pytest.raises(ValueError, match="is no condition: write 'metric >= number', or all, any or not"):
        parse(nonsense)


@pytest.mark.parametrize("inside", [{"all": ["oom.count >= 1", "slow"]}, {"not": "slow"}, {"any": [{"all": ["slow"]}]}])
def test_nonsense_inside_is_refused_as_nonsense_outside_is(inside: object) -> None:
    with pytest.raises(ValueError, match="'slow' is no condition"):
        parse(inside)


@given(st.recursive(st.none() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)))
@unhurried
def test_whatever_else_is_written_is_refused_with_a_sentence(written: object) -> None:
    with pytest.raises(ValueError, match=r"is no condition|there is no metric"):
        parse(written)


# ── a comparison holds for a whole interval, for none of it, or is open ──────────────────────────────────────────────


@pytest.mark.parametrize(
    ("condition", "low", "high", "expected"),
    [
        ("input.exponent >= 1.2", 1.2, 1.5, TRUE),
        ("input.exponent > 1.2", 1.2, 1.5, OPEN),
        ("input.exponent >= 1.2", 1.0, 1.2, OPEN),
        ("input.exponent > 1.2", 1.0, 1.2, FALSE),
        ("input.exponent <= 1.2", 1.0, 1.2, TRUE),
        ("input.exponent < 1.2", 1.0, 1.2, OPEN),
        ("input.exponent < 1.2", 1.2, 1.5, FALSE),
        ("input.exponent == 1", 1.0, 1.0, TRUE),
        ("input.exponent == 1", 0.9, 1.1, OPEN),
        ("input.exponent == 1", 1.1, 1.2, FALSE),
        ("input.exponent != 1", 1.0, 1.0, FALSE),
        ("input.exponent != 1", 0.9, 1.1, OPEN),
        ("input.exponent != 1", 1.1, 1.2, TRUE),
    ],
)
def test_the_ends_of_an_interval_belong_to_it(condition: str, low: float, high: float, expected: Truth) -> None:
    assert truth(condition, interval(low, high)) is expected


@pytest.mark.parametrize(
    ("condition", "low", "high", "expected"),
    [
        ("input.exponent >= 1", 1.0, None, TRUE),
        ("input.exponent > 1", 1.0, None, OPEN),
        ("input.exponent >= 9", 1.0, None, OPEN),
        ("input.exponent < 1", 1.0, None, FALSE),
        ("input.exponent <= 9", 1.0, None, OPEN),
        ("input.exponent == 0.5", 1.0, None, FALSE),
        ("input.exponent == 9", 1.0, None, OPEN),
        ("input.exponent != 0.5", 1.0, None, TRUE),
        ("input.exponent <= 1", None, 1.0, TRUE),
        ("input.exponent < 1", None, 1.0, OPEN),
        ("input.exponent > 1", None, 1.0, FALSE),
        ("input.exponent >= -9", None, 1.0, OPEN),
        ("input.exponent == 2", None, 1.0, FALSE),
        ("input.exponent != 2", None, 1.0, TRUE),
        ("input.exponent >= 1", None, None, OPEN),
        ("input.exponent < 1", None, None, OPEN),
        ("input.exponent == 1", None, None, OPEN),
    ],
)
def test_an_interval_without_an_end_reaches_arbitrarily_far(
    condition: str, low: float | None, high: float | None, expected: Truth
) -> None:
    assert truth(condition, interval(low, high)) is expected


@pytest.mark.parametrize("symbol", OPERATORS)
def test_a_metric_that_is_absent_or_not_estimable_leaves_a_comparison_open(symbol: str) -> None:
    assert truth(f"input.exponent {symbol} 1") is OPEN
    assert truth(f"input.exponent {symbol} 1", not_estimable()) is OPEN
    assert truth({"not": f"input.exponent {symbol} 1"}) is OPEN


def test_presence_is_never_open() -> None:
    assert truth("input.exponent is absent") is TRUE
    assert truth("input.exponent is present") is FALSE
    assert truth("input.exponent is absent", not_estimable()) is TRUE
    assert truth("input.exponent is present", not_estimable()) is FALSE
    assert truth("input.exponent is absent", interval(None, None)) is FALSE
    assert truth("input.exponent is present", interval(None, None)) is TRUE


def test_another_metric_says_nothing() -> None:
    assert truth("input.exponent >= 1", fact(5, "memory.elasticity")) is OPEN


def ends() -> st.SearchStrategy[float]:
    return st.integers(-400, 400).map(lambda quarters: quarters / 4)


def intervals() -> st.SearchStrategy[tuple[float | None, float | None]]:
    def ordered(pair: tuple[float, float]) -> tuple[float, float]:
        return min(pair), max(pair)

    closed = st.tuples(ends(), ends()).map(ordered)
    half_open = st.tuples(ends(), st.none()) | st.tuples(st.none(), ends())
    return closed | ends().map(lambda end: (end, end)) | half_open


def points(low: float | None, high: float | None, limit: float, between: Iterable[float]) -> list[float]:
    """Points of the interval: its ends, what lies around the limit, and some in between."""
    first = -1e9 if low is None else low
    last = 1e9 if high is None else high
    around = (limit, math.nextafter(limit, -math.inf), math.nextafter(limit, math.inf))
    inside = (min(last, max(first, first + part * (last - first))) for part in between)
    return [first, last, *(point for point in around if first <= point <= last), *inside]


@given(
    intervals(),
    st.sampled_from(sorted(OPERATORS)),
    st.decimals(-120, 120, places=2),
    st.lists(st.floats(0, 1), max_size=20),
)
@unhurried
def test_a_comparison_is_what_all_points_of_the_interval_agree_on(
    ends: tuple[float | None, float | None], symbol: str, limit: Decimal, between: list[float]
) -> None:
    answers = {OPERATORS[symbol](point, float(limit)) for point in points(*ends, float(limit), between)}
    expected = OPEN if len(answers) == 2 else (TRUE if answers == {True} else FALSE)
    assert truth(f"input.exponent {symbol} {limit:f}", interval(*ends)) is expected


# ── all, any and not ─────────────────────────────────────────────────────────────────────────────────────────────────

# What an unknown truth may turn out to be.
MAY_BE = {TRUE: (True,), FALSE: (False,), OPEN: (True, False)}
A, B, C = ("input.exponent > 1", "memory.elasticity > 1", "duration.cv > 1")


def as_measured(metric: str, wanted: Truth) -> Measured:
    """A number that makes `metric > 1` the wanted truth."""
    low, high = {TRUE: (2.0, 3.0), FALSE: (0.0, 1.0), OPEN: (0.0, 3.0)}[wanted]
    return interval(low, high, metric)


def completed(formula: Callable[..., bool], truths: Iterable[Truth]) -> Truth:
    """What a formula in two values says of every way in which the open parts may turn out."""
    answers = {formula(*values) for values in product(*(MAY_BE[one] for one in truths))}
    return OPEN if len(answers) == 2 else (TRUE if answers == {True} else FALSE)


@pytest.mark.parametrize("truths", list(product(Truth, repeat=3)), ids=lambda ts: "-".join(t.value for t in ts))
@pytest.mark.parametrize(
    ("condition", "formula"),
    [
        ({"all": [A, B, C]}, lambda a, b, c: a and b and c),
        ({"any": [A, B, C]}, lambda a, b, c: a or b or c),
        ({"not": A}, lambda a, b, c: not a),
        ({"all": [A]}, lambda a, b, c: a),
        ({"any": [A]}, lambda a, b, c: a),
        ({"all": [A, {"any": [B, C]}]}, lambda a, b, c: a and (b or c)),
        ({"any": [A, {"all": [B, C]}]}, lambda a, b, c: a or (b and c)),
        ({"not": {"all": [A, {"not": {"any": [B, C]}}]}}, lambda a, b, c: not (a and not (b or c))),
    ],
    ids=["all", "any", "not", "all of one", "any of one", "any in all", "all in any", "nots"],
)
def test_what_is_open_stays_open_until_what_is_known_decides(
    condition: object, formula: Callable[..., bool], truths: tuple[Truth, ...]
) -> None:
    numbers = [as_measured(metric, one) for metric, one in zip(NAMES, truths, strict=False)]
    assert truth(condition, *numbers) is completed(formula, truths)


def test_a_metric_against_itself_is_open_as_kleene_has_it() -> None:
    """No theorem prover: `x or not x` is open while x is."""
    assert truth({"any": [A, {"not": A}]}) is OPEN


def atoms() -> st.SearchStrategy[str]:
    def written(metric: str, symbol: str, limit: int) -> str:
        return f"{metric} {symbol} {limit / 4}"

    comparison = st.builds(written, st.sampled_from(NAMES), st.sampled_from(sorted(OPERATORS)), st.integers(-400, 400))
    presence = st.builds("{} is {}".format, st.sampled_from(NAMES), st.sampled_from(["absent", "present"]))
    return comparison | presence


def conditions() -> st.SearchStrategy[Any]:
    def larger(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        parts = st.lists(part, min_size=1, max_size=4)
        return (
            parts.map(lambda several: {"all": several})
            | parts.map(lambda several: {"any": several})
            | part.map(lambda one: {"not": one})
        )

    return st.recursive(atoms(), larger, max_leaves=12)


def measured() -> st.SearchStrategy[list[Measured]]:
    """Numbers for some of the metrics; some of them cannot be estimated."""

    def one(metric: str) -> st.SearchStrategy[Measured | None]:
        return intervals().map(lambda ends: interval(*ends, metric)) | st.just(not_estimable(metric)) | st.none()

    return st.tuples(*map(one, NAMES)).map(lambda numbers: [number for number in numbers if number is not None])


@given(conditions(), measured(), st.data())
@unhurried
def test_a_narrower_interval_settles_what_was_open_and_overturns_nothing(
    condition: object, wide: list[Measured], data: st.DataObject
) -> None:
    def narrower(number: Measured) -> Measured:
        if number.value is None:
            return number
        low = -200.0 if number.low is None else number.low
        high = 200.0 if number.high is None else number.high
        first, last = sorted(data.draw(st.tuples(st.floats(low, high), st.floats(low, high))))
        return interval(first, last, number.metric)

    before, after = truth(condition, *wide), truth(condition, *map(narrower, wide))
    assert before in (OPEN, after)


@given(conditions(), measured())
@unhurried
def test_what_intervals_settle_their_estimates_settle_alike(condition: object, numbers: list[Measured]) -> None:
    settled = truth(condition, *numbers)
    estimated = likely(parse(condition), {one.metric: one for one in numbers})
    assert settled in (OPEN, estimated)


@given(st.lists(conditions(), min_size=1, max_size=4), measured())
@unhurried
def test_de_morgan(parts: list[Any], numbers: list[Measured]) -> None:
    opposite = [{"not": part} for part in parts]
    assert truth({"not": {"all": parts}}, *numbers) is truth({"any": opposite}, *numbers)
    assert truth({"not": {"any": parts}}, *numbers) is truth({"all": opposite}, *numbers)


@given(conditions(), measured())
@unhurried
def test_not_not_says_the_same(condition: object, numbers: list[Measured]) -> None:
    assert truth({"not": {"not": condition}}, *numbers) is truth(condition, *numbers)


@given(st.lists(conditions(), min_size=2, max_size=4), st.sampled_from(["all", "any"]), measured())
@unhurried
def test_the_order_of_the_parts_does_not_matter(parts: list[Any], word: str, numbers: list[Measured]) -> None:
    assert len({truth({word: list(order)}, *numbers) for order in permutations(parts)}) == 1


# ── estimates, and what a condition is about ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("limit", "expected"), [(1.0, TRUE), (2.0, TRUE), (2.1, FALSE)])
def test_an_estimate_decides_where_chance_is_left_aside(limit: float, expected: Truth) -> None:
    assert likely(parse(f"input.exponent >= {limit}"), {"input.exponent": interval(0.0, 4.0)}) is expected


def test_what_cannot_be_estimated_is_open_even_where_chance_is_left_aside() -> None:
    assert likely(parse("input.exponent >= 1"), {"input.exponent": not_estimable()}) is OPEN
    assert likely(parse("input.exponent >= 1"), {}) is OPEN


def test_a_condition_is_about_the_metrics_it_compares_each_once_in_the_order_of_mention() -> None:
    condition = {"all": [B, {"not": A}, {"any": [C, B]}, "timeout.gap is present"]}
    assert metrics_of(parse(condition)) == ["memory.elasticity", "input.exponent", "duration.cv"]
