"""What the grammars of application lines have in common: names of levels, and numbers beside a name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from analyzer.model import Level

LEVELS: dict[str, Level] = {
    "trace": "trace",
    "trce": "trace",
    "debug": "debug",
    "dbug": "debug",
    "info": "info",
    "information": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fail": "error",
    "fatal": "critical",
    "crit": "critical",
    "critical": "critical",
}
FIELD = re.compile(r"(?<![\w.-])([A-Za-z_][\w.]{0,63})=(\d{1,15}(?:\.\d{1,9})?)(?![\w.:/-])")
# More than this in one line is a dump of something, not a measure of the input.
MOST_FIELDS = 16


def text_fields(message: str) -> dict[str, float]:
    """Numbers written as name=number, such as records=120."""
    if "=" not in message:
        return {}
    return input_fields((name, float(number)) for name, number in FIELD.findall(message[:4096]))


def input_fields(items: Iterable[tuple[str, object]]) -> dict[str, float]:
    """The finite numbers among `items`, unless there are too many to mean anything."""
    fields = {
        name: float(value)
        for name, value in items
        if isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) < 1e300
        and math.isfinite(value)
    }
    return fields if len(fields) <= MOST_FIELDS else {}
