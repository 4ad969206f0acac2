"""Conditions on measured numbers, with three truth values.

A comparison is true when the whole interval satisfies it, false when none of it does, else open. A metric that was not
measured is open. `all`, `any` and `not` follow Kleene: open until what is known decides.

    memory.elasticity >= 0.3          duration.p50 > 29 s          memory.peak_ratio.max < 70 %
    input.exponent is absent          timeout.limit is present
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from analyzer.diagnose.vocabulary import VOCABULARY
from analyzer.model import Measured, Unit

Numbers = Mapping[str, Measured]


class Truth(Enum):
    TRUE = "true"
    FALSE = "false"
    OPEN = "open"

    def __invert__(self) -> Truth:
        return {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.OPEN: Truth.OPEN}[self]


class Comparison(Struct, frozen=True):
    """`metric` held against `limit`, which is in the metric's own unit."""

    metric: str
    symbol: str
    limit: float


class Presence(Struct, frozen=True):
    """Whether `metric` was measured at all; never open."""

    metric: str
    wanted: bool


class All(Struct, frozen=True):
    parts: tuple[Condition, ...]


class AnyOf(Struct, frozen=True):
    parts: tuple[Condition, ...]


class Not(Struct, frozen=True):
    part: Condition


Condition = Comparison | Presence | All | AnyOf | Not

COMPARISON = re.compile(
    r"(?P<metric>[a-z][\w.]*) *(?P<symbol>>=|<=|==|!=|>|<) *(?P<number>-?\d+(?:\.\d+)?(?:e-?\d+)?) ?(?P<unit>[A-Za-z][\w-]*|%)?"
)
PRESENCE = re.compile(r"(?P<metric>[a-z][\w.]*) is (?P<state>absent|present)")
# What a written unit means for a metric of each unit, in decimals: 70 * 0.01 is not quite 0.7.
SCALES: dict[tuple[str, Unit], str] = {
    ("ms", "ms"): "1",
    ("s", "ms"): "1e3",
    ("ms", "s"): "1e-3",
    ("s", "s"): "1",
    ("MB", "MB"): "1",
    ("GB-s", "GB-s"): "1",
    ("USD", "USD"): "1",
    ("%", "share"): "1e-2",
}
# Of these nobody can tell from the number alone which unit was meant.
TIMES: tuple[Unit, ...] = ("ms", "s")
SYMBOLS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


def parse(text: object) -> Condition:
    """The condition that a rule states as a string, or as {all: [...]}, {any: [...]}, {not: ...}. ValueError otherwise."""
    if isinstance(text, str):
        return _atom(text)
    if isinstance(text, dict) and len(text) == 1:
        ((word, parts),) = text.items()
        if word in ("all", "any") and isinstance(parts, list) and parts:
            conditions = tuple(parse(part) for part in parts)
            return All(conditions) if word == "all" else AnyOf(conditions)
        if word == "not":
            return Not(parse(parts))
    raise ValueError(f"{text!r} is no condition: write 'metric >= number', or all, any or not with conditions below it")


def _atom(text: str) -> Condition:
    if match := PRESENCE.fullmatch(text.strip()):
        return Presence(known(match["metric"]), match["state"] == "present")
    match = COMPARISON.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no condition such as 'duration.p95 >= 3 s' or 'input.exponent is absent'")
    unit, _ = VOCABULARY[known(match["metric"])]
    scale = SCALES.get((match["unit"], unit)) if match["unit"] else "1"
    if scale is None:
        written = " or ".join(symbol for symbol, of in SCALES if of == unit)
        raise ValueError(
            f"{match['metric']} is in {unit}, and {text!r} compares it with {match['unit']}; "
            f"write the number {f'with {written}' if written else 'without a unit'}"
        )
    if not match["unit"] and unit in TIMES:
        raise ValueError(f"{text!r} lacks the unit of its time: ms or s")
    limit = float(Decimal(match["number"]) * Decimal(scale))
    if unit == "share" and not match["unit"] and abs(limit) > 1:
        raise ValueError(f"{match['metric']} is a share: {text!r} has to be a number from 0 to 1, or one with %")
    return Comparison(match["metric"], match["symbol"], limit)


def known(metric: str) -> str:
    """`metric`, when the vocabulary has it; ValueError with the nearest names otherwise."""
    if metric in VOCABULARY:
        return metric
    from difflib import get_close_matches

    near = get_close_matches(metric, VOCABULARY, n=3) or sorted(VOCABULARY)[:3]
    raise ValueError(f"there is no metric {metric}; did you mean {' or '.join(near)}?")


def holds(condition: Condition, numbers: Numbers) -> Truth:
    match condition:
        case Comparison():
            return _compare(condition, numbers.get(condition.metric))
        case Presence():
            measured = numbers.get(condition.metric)
            return _of((measured is not None and measured.value is not None) == condition.wanted)
        case All():
            return _weakest([holds(part, numbers) for part in condition.parts])
        case AnyOf():
            return ~_weakest([~holds(part, numbers) for part in condition.parts])
        case Not():
            return ~holds(condition.part, numbers)


def _of(truth: bool) -> Truth:
    return Truth.TRUE if truth else Truth.FALSE


def _weakest(truths: list[Truth]) -> Truth:
    if Truth.FALSE in truths:
        return Truth.FALSE
    return Truth.OPEN if Truth.OPEN in truths else Truth.TRUE


def _compare(comparison: Comparison, measured: Measured | None) -> Truth:
    if measured is None or measured.value is None:
        return Truth.OPEN
    low = -math.inf if measured.low is None else measured.low
    high = math.inf if measured.high is None else measured.high
    if comparison.symbol in ("==", "!="):
        equal = _equal(low, high, comparison.limit)
        return equal if comparison.symbol == "==" else ~equal
    compare = SYMBOLS[comparison.symbol]
    ends = compare(low, comparison.limit), compare(high, comparison.limit)
    return _of(ends[0]) if ends[0] == ends[1] else Truth.OPEN


def _equal(low: float, high: float, limit: float) -> Truth:
    if low == high == limit:
        return Truth.TRUE
    return Truth.OPEN if low <= limit <= high else Truth.FALSE


def likely(condition: Condition, numbers: Numbers) -> Truth:
    """The condition with every interval shrunk to its estimate: what one would say without regard to chance."""
    from msgspec.structs import replace

    points = {
        name: replace(one, low=one.value, high=one.value) if one.value is not None else one
        for name, one in numbers.items()
    }
    return holds(condition, points)


def metrics_of(condition: Condition) -> list[str]:
    """The metrics that a condition compares, in the order of mention, each once."""
    match condition:
        case Comparison():
            return [condition.metric]
        case Presence():
            return []
        case Not():
            return metrics_of(condition.part)
        case All() | AnyOf():
            return list(dict.fromkeys(metric for part in condition.parts for metric in metrics_of(part)))


def undecided(condition: Condition, numbers: Numbers) -> list[str]:
    """The metrics of those comparisons that keep the condition open."""
    if holds(condition, numbers) is not Truth.OPEN:
        return []
    match condition:
        case All() | AnyOf():
            return list(dict.fromkeys(metric for part in condition.parts for metric in undecided(part, numbers)))
        case Not():
            return undecided(condition.part, numbers)
        case _:
            return metrics_of(condition)
