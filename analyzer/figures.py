"""How a number is written for people: with its unit, to the digits that matter, with k of n and its interval."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import ceil, floor, log10

from analyzer.model import Measured, Move, Unit

SECOND, MINUTE = 1_000.0, 60_000.0
DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m)")
MILLISECONDS = {"ms": 1.0, "s": SECOND, "m": MINUTE}


def milliseconds(text: str) -> float:
    """A duration as people write it, such as 60s or 500ms. ValueError for anything else."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration such as 60s or 500ms")
    return float(match["number"]) * MILLISECONDS[match["unit"]]


def write(value: float, unit: Unit, places: int = 1) -> str:
    """A value with its unit: 61.5 s, 90.9 %, 512 MB, $0.061. `places` are those of percents and seconds."""
    match unit:
        case "ms":
            return _duration(value, places)
        case "ms2":
            squares = value / SECOND**2
            return f"{squares:,.0f} s²" if squares >= 9_999.5 else f"{squares:,.4g} s²"
        case "share":
            return f"{_percent(value, places)} %"
        case "count":
            return f"{value:,.0f}"
        case "MB":
            return f"{value:,.0f} MB" if abs(value) >= 10 or value == round(value) else f"{value:.2g} MB"
        case "GB-s":
            return f"{value:,.0f} GB-s" if value >= 100 else f"{value:.3g} GB-s"
        case "USD":
            return _dollars(value)
        case "s":
            return f"{value:g} s"
        case "ratio":
            return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
        case "time":
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%MZ}"


def _dollars(value: float) -> str:
    """Three digits, and of a millionth of a dollar as many zeros as it has: nobody reads $8.48e-07."""
    if value >= 10:
        return f"${value:,.2f}"
    if 0 < value < 1e-4:
        return f"${value:.{2 - floor(log10(value))}f}"
    return f"${value:#.3g}" if value else "$0"


def threshold(ms: float) -> str:
    """A duration that somebody chose, to the digits that were chosen: 300 s, 1.5 s, 620 ms."""
    return f"{round(ms / SECOND, 2):,g} s" if ms >= SECOND else f"{ms:g} ms"


def span(microseconds: float | None) -> str:
    """A stretch of time that may be days long: 27.9 days, 6 h, 7.9 min, 42 s."""
    seconds = (microseconds or 0) / 1e6
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{_whole(f'{seconds / size:,.1f}')} {unit}"
    number, _, unit = _duration(seconds * SECOND, 1).rpartition(" ")
    return f"{_whole(number)} {unit}"


def _whole(number: str) -> str:
    return number.removesuffix(".0")


def _duration(value: float, places: int) -> str:
    if abs(value) >= SECOND:
        return f"{value / SECOND:,.{places}f} s"
    return f"{value:.0f} ms" if abs(value) >= 10 else f"{value:.1f} ms"


def _percent(share: float, places: int) -> str:
    """One decimal, and more where one would turn something into nothing or nearly all into all."""
    percent = 100 * share
    if percent in (0.0, 100.0) or abs(percent) >= 200:
        return f"{percent:,.0f}"
    half = 0.5 * 10.0**-places
    if half <= abs(percent) < 100 - half or abs(percent) > 100 + half:
        return f"{percent:.{places}f}"
    if abs(percent) < 1:
        return f"{percent:.2g}"
    # As many decimals as it takes to show what is missing from all.
    missing = abs(100 - abs(percent))
    return f"{percent:.{ceil(-log10(missing))}f}"


def _places(measured: Measured) -> int:
    """One decimal, and as many more as it takes to tell the limits of a narrow interval apart."""
    if measured.low is None or measured.high is None or measured.low == measured.high:
        return 1
    width = (measured.high - measured.low) * (100 if measured.unit == "share" else 1 / SECOND)
    return max(1, min(4, ceil(-log10(width))))


def write_interval(measured: Measured) -> str:
    """The 95 % interval: 78.8–96.4 %; one limit where the data set only one; "exact" for a plain fact."""
    low, high, unit = measured.low, measured.high, measured.unit
    if measured.value is None:
        return "not estimable"
    if low is None and high is None:
        return "no interval"
    if low is None or high is None:
        return f"at least {write(low, unit)}" if low is not None else f"at most {write(high or 0.0, unit)}"
    if low == high:
        return "exact"
    first, last = (_limit(limit, measured) for limit in (low, high))
    if unit == "time":
        return f"{first[11:]}–{last[11:]}" if first[:10] == last[:10] else f"{first}–{last}"
    name = last.rpartition(" ")[2]
    return (
        f"{first.removesuffix(' ' + name)}–{last}" if first.endswith(f" {name}") and name != last else f"{first}–{last}"
    )


def _limit(limit: float, measured: Measured) -> str:
    """A limit of an interval, to no more digits than the width of that gives sense to: <0.1 %, 2.10."""
    places = _places(measured)
    if measured.unit == "ratio":
        return _three_digits(limit)
    if measured.unit == "share" and 0 < 100 * limit < 0.5 * 10.0**-places:
        return f"<{10.0**-places:g} %"
    return write(limit, measured.unit, places)


def _value(value: float, measured: Measured) -> str:
    if measured.unit == "ratio" and None not in (measured.low, measured.high) and measured.low != measured.high:
        return _three_digits(value)
    return write(value, measured.unit, _places(measured))


def _three_digits(ratio: float) -> str:
    """Their zeros as well, so that two limits show as many decimals: 2.10 beside 2.52."""
    return write(ratio, "ratio") if abs(ratio) >= 999.5 or not ratio else f"{ratio:#.3g}".removesuffix(".")


def write_measured(measured: Measured) -> str:
    """A number with what stands behind it: 90.9 % (40 of 44; 95 % CI 78.8–96.4 %)."""
    if measured.value is None:
        return f"not estimable ({measured.note})" if measured.note else "not estimable"
    limits = (measured.low, measured.high)
    behind = [f"{measured.k:,} of {measured.n:,}"] if measured.k is not None else []
    interval = write_interval(measured)
    if measured.bounds and measured.value in limits and None not in limits and limits[0] != limits[1]:
        # The number is one of its own bounds: the stretch between them is all that is known.
        low, high = (_limit(limit, measured) for limit in limits if limit is not None)
        return f"between {low} and {high}"
    if measured.bounds and interval != "exact":
        behind.append(f"bounds {interval}")
    elif interval == "no interval":
        behind += [measured.note or interval] if measured.interval is not None else []
    elif interval != "exact":
        behind.append(
            f"95 % CI {interval}" + (f", {measured.note}" if measured.note and "limit" in measured.note else "")
        )
    value = _value(measured.value, measured)
    return f"{value} ({'; '.join(behind)})" if behind else value


def write_move(move: Move) -> str:
    """A change with its interval: ×1.42 (95 % CI 1.31–1.55), up 3.1 points (95 % CI +2.2 to +4.6)."""
    if move.change is None or move.low is None or move.high is None:
        return "no interval"
    if move.by == "ratio":
        change, low, high = (_three_digits(ratio) for ratio in (move.change, move.low, move.high))
        return f"×{change} (95 % CI {low}–{high})"
    points = [100 * share for share in (move.change, move.low, move.high)]
    places = max(1, min(4, ceil(-log10(points[2] - points[1])))) if points[2] > points[1] else 1
    low, high = (f"{one:+.{places}f}" for one in points[1:])
    return f"{'down' if points[0] < 0 else 'up'} {abs(points[0]):.{places}f} points (95 % CI {low} to {high})"
