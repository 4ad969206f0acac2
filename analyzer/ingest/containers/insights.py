"""The rows of CloudWatch Logs Insights, whatever they are written in: fields by name, the newest row first.

A query shows what it was asked for. Where that is the fields of REPORT lines and not the lines, the lines are written
again from the fields.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from analyzer.ingest.containers.by_time import by_time
from analyzer.ingest.containers.container import Problems
from analyzer.ingest.containers.json_stream import NO_JSON, as_text
from analyzer.ingest.containers.times import time_of
from analyzer.model import Record

# One of these in a row or header shows that Insights wrote it.
OWN = frozenset(
    {"@message", "@ptr", "@log", "@logStream", "@requestId", "@duration", "@billedDuration", "@maxMemoryUsed", "@type"}
)
# Insights counts memory in bytes, of which it takes a million for a megabyte.
MEGABYTE = 1e6
LONGEST_MS, LARGEST_BYTES = 1e9, 1e12


def records(rows: Iterable[tuple[int, Mapping[str, object]]], problems: Problems) -> Iterator[Record]:
    """Records in the order of time."""
    yield from by_time(_records(rows, problems), problems)


def _records(rows: Iterable[tuple[int, Mapping[str, object]]], problems: Problems) -> Iterator[Record]:
    for position, row in rows:
        message = _message(row)
        if message is None:
            # Neither a line nor the fields of a REPORT.
            problems.foreign(position, as_text(row))
            continue
        yield Record(
            message.rstrip(),
            position,
            time_of(row.get("@timestamp", row.get("timestamp"))),
            _text(row, "@logStream"),
            _group(row),
        )


def _message(row: Mapping[str, object]) -> str | None:
    message = row.get("@message", row.get("message"))
    if isinstance(message, str) and message:
        return message
    if message:
        # The console parses what is JSON; as text it is what Lambda logged.
        try:
            return msgspec.json.encode(message).decode()
        except NO_JSON:
            return None
    return _report(row)


def _report(row: Mapping[str, object]) -> str | None:
    """The REPORT line that these fields were read from. Only REPORT lines have a @duration."""
    request_id, duration = _text(row, "@requestId"), _number(row, "@duration", LONGEST_MS)
    if (row.get("@type") or "REPORT") != "REPORT" or request_id is None or duration is None:
        return None
    parts = [f"REPORT RequestId: {request_id}", f"Duration: {duration:.2f} ms"]
    if (billed := _number(row, "@billedDuration", LONGEST_MS)) is not None:
        parts.append(f"Billed Duration: {billed:.0f} ms")
    if (size := _number(row, "@memorySize", LARGEST_BYTES)) is not None:
        parts.append(f"Memory Size: {size / MEGABYTE:.0f} MB")
    if (used := _number(row, "@maxMemoryUsed", LARGEST_BYTES)) is not None:
        parts.append(f"Max Memory Used: {used / MEGABYTE:.0f} MB")
    if (init := _number(row, "@initDuration", LONGEST_MS)) is not None:
        parts.append(f"Init Duration: {init:.2f} ms")
    if trace := _text(row, "@xrayTraceId"):
        parts.append(f"\nXRAY TraceId: {trace}")
    return "\t".join(parts)


def _number(row: Mapping[str, object], name: str, limit: float) -> float | None:
    try:
        number = float(str(row[name]))
    except (KeyError, ValueError):
        return None
    return number if math.isfinite(number) and 0 <= number < limit else None


def _text(row: Mapping[str, object], name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) and value else None


def _group(row: Mapping[str, object]) -> str | None:
    """@log is the account and the group, 123456789012:/aws/lambda/checkout."""
    log = _text(row, "@log")
    return log.partition(":")[2] or log if log else None
