"""What the grammars of application lines have in common: names of levels, and numbers beside a name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from analyzer.model import Level

LEVELS: dict[str, Level] = {
    "trace": "trace",
    "trce": "trace",
    "finest": "trace",
    "finer": "trace",
    "verbose": "trace",
    "debug": "debug",
    "dbug": "debug",
    "fine": "debug",
    "config": "debug",
    "info": "info",
    "information": "info",
    "notice": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fail": "error",
    "severe": "error",
    "fatal": "critical",
    "crit": "critical",
    "critical": "critical",
    "panic": "critical",
}
# An alternation of the names as loggers write them in text.
LEVEL_NAMES = "|".join(sorted((name.upper() for name in LEVELS), key=len, reverse=True))
FIELD = re.compile(r"(?<![\w.-])([A-Za-z_][\w.]{0,63})=(\d{1,15}(?:\.\d{1,9})?)(?![\w.:/-])")
# More than this in one line is a dump of something, not a measure of the input.
MOST_FIELDS = 16
# Numbers that loggers add themselves and that say nothing of the input; written in lower case, without what parts words.
BOOKKEEPING = frozenset(
    {
        "timestamp",
        "time",
        "ts",
        "level",
        "v",
        "pid",
        "line",
        "lineno",
        "thread",
        "threadid",
        "samplingrate",
        "coldstart",
    }
    | {"functionmemorysize", "message", "msg"}
)


def text_fields(message: str) -> dict[str, float]:
    """Numbers written as name=number, such as records=120."""
    if "=" not in message:
        return {}
    return input_fields((name, float(number)) for name, number in FIELD.findall(message[:4096]))


def input_fields(items: Iterable[tuple[str, object]], most: int = MOST_FIELDS) -> dict[str, float]:
    """The finite numbers among `items` that may say how much there was to do, unless there are too many to mean anything."""
    fields = {}
    for name, value in items:
        kind = type(value)
        if kind is not int and kind is not float:
            continue
        number = float(value) if abs(value) < 1e300 else math.inf  # type: ignore[arg-type]
        if math.isfinite(number) and name.lower().replace("_", "") not in BOOKKEEPING:
            fields[name] = number
    return fields if len(fields) <= most else {}
