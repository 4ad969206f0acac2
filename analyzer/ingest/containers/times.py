"""Times as exporters write them: ISO 8601, or a count since 1970 of whichever unit."""

from __future__ import annotations

import re

from analyzer.ingest.containers.container import microseconds

NUMBER = re.compile(r"\d{9,20}(?:\.\d{1,9})?")
# A count since 1970 tells its unit by its size, for every year that a log can be from: at most so many, and microseconds each.
UNITS = ((10**11, 1e6), (10**14, 1e3), (10**17, 1.0), (10**20, 1e-3))
# Lambda is from 2014. What is earlier than 2001, or after the year 9999, is no time.
EARLIEST, LATEST = 10**15, 253_402_300_800 * 10**6


def time_of(value: object) -> int | None:
    """Microseconds since 1970 UTC; None for what is no time. A time without an offset is UTC."""
    if isinstance(value, str):
        text = value.strip().removesuffix(" UTC")
        time = _counted(text) if NUMBER.fullmatch(text) else _written(text)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        time = _counted(value)
    else:
        return None
    return time if time is not None and EARLIEST <= time < LATEST else None


def milliseconds(count: int | None) -> int | None:
    """Microseconds since 1970 UTC of CloudWatch's own count, which is in milliseconds; None for what is no time."""
    return count * 1000 if count is not None and EARLIEST <= count * 1000 < LATEST else None


def _counted(value: str | int | float) -> int | None:
    try:
        whole = int(value) if not isinstance(value, str) or value.isdigit() else None
        number = float(value)
    except (ValueError, OverflowError):
        return None
    for limit, unit in UNITS:
        if abs(number) < limit:
            # Whole counts stay whole: nanoseconds do not fit into a float.
            return round(number * unit) if whole is None or unit > 1e3 else _whole(whole, unit)
    return None


def _whole(count: int, unit: float) -> int:
    return count * round(unit) if unit >= 1 else count // round(1 / unit)


def _written(text: str) -> int | None:
    try:
        return microseconds(text)
    except (ValueError, OverflowError):
        return None
