"""JSON of log shippers and searches, where a field holds the line: Datadog, Elastic, Splunk, Loki, Vector, Fluent Bit.

One object a line, or arrays of them, also inside the answer of an API. It is recognised when such a field holds a line
of Lambda's platform. Searches export the newest first, so the lines are sorted by time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from analyzer.ingest.containers import insights_json, log_events_json, subscription, telemetry
from analyzer.ingest.containers.by_time import by_time
from analyzer.ingest.containers.container import Container, Problems
from analyzer.ingest.containers.json_stream import BOM, as_text, decoder, values
from analyzer.ingest.containers.shipped import DEEPEST, Facts, facts_of, line_of, place_of
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

# A line of the platform inside a JSON string, or as the object that a shipper parsed it into.
PLATFORM_VALUE = (
    rb'(?:"(?:(?:START|END|REPORT) RequestId: |INIT_START Runtime Version: |(?:INIT|RESTORE)_REPORT '
    rb'|\{\\"time\\":\\"[^"\\]{10,40}\\",\\"type\\":\\"platform\.)'
    rb'|\{\s*"time"\s*:\s*"[^"]{10,40}"\s*,\s*"type"\s*:\s*"platform\.)'
)
HELD = re.compile(
    rb'"(?:message|@message|_raw|log|body|line|msg|event|event\.original|original|stringValue)"\s*:\s*' + PLATFORM_VALUE
)
# Loki's API answers with pairs of a time in nanoseconds and the line.
PAIR = re.compile(rb'\[\s*"\d{16,20}"\s*,\s*' + PLATFORM_VALUE)
# A bracket alone may begin anything, such as a time.
BEGINNING = re.compile(rb'\{|\[\s*[\[{"]')
MORE_PARTICULAR = (insights_json, log_events_json, subscription, telemetry)

DECODE = decoder(dict[str, Any])


def recognises(head: bytes) -> bool:
    text = head.removeprefix(BOM).lstrip()
    if not BEGINNING.match(text) or not (HELD.search(text) or PAIR.search(text)):
        return False
    return not any(container.recognises(head) for container in MORE_PARTICULAR)


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    yield from by_time(_records(file, problems), problems)


def _records(file: BinaryIO, problems: Problems) -> Iterator[Record]:
    for position, value in values(file, DECODE, problems):
        yield from _of_each([value], {}, position, 0, problems, expected=True)


def _of_each(
    found: list[object], above: Facts, position: int, depth: int, problems: Problems, expected: bool
) -> Iterator[Record]:
    """The events in each of some values. Where one holds an event each should, as is `expected` of those of the file itself."""
    without: list[object] = []
    for value in found:
        empty = True
        for record in _found(value, above, position, depth, problems):
            empty, expected = False, True
            yield record
        if empty:
            without.append(value)
    if expected:
        for value in without:
            problems.foreign(position, as_text(value))


def _found(value: object, above: Facts, position: int, depth: int, problems: Problems) -> Iterator[Record]:
    """The events in a value: itself, or what lies in it. What is said around an event is said about it too."""
    if depth > DEEPEST:
        return
    if isinstance(value, list):
        yield from _of_each(value, above, position, depth, problems, expected=False)
    elif isinstance(value, dict):
        line = line_of(value)
        if line is not None:
            yield place_of(above | facts_of(value), value).record(line, position)
        elif isinstance(value.get("stream"), dict) and isinstance(value.get("values"), list):
            yield from _loki(value["values"], above | facts_of(value["stream"]), position, problems)
        else:
            inner = {name: one for name, one in value.items() if isinstance(one, (dict, list))}
            around = {
                name: one for name, one in value.items() if name not in inner or name in ("attributes", "resource")
            }
            facts = above | facts_of(around)
            for one in inner.values():
                yield from _found(one, facts, position, depth + 1, problems)


def _loki(pairs: list[object], facts: Facts, position: int, problems: Problems) -> Iterator[Record]:
    for pair in pairs:
        if isinstance(pair, list) and len(pair) > 1 and isinstance(pair[1], str):
            yield place_of(facts, {"time": pair[0]}).record(pair[1], position)
        else:
            problems.foreign(position, as_text(pair))


CONTAINER = Container(
    name="json-records",
    recognises=recognises,
    records=records,
    told_once=True,
    lacks=frozenset({"function", "log group", "stream", "environments", "lines"}),
)
