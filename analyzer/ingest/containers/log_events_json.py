"""`aws logs filter-log-events` and `get-log-events`: {"events": [{"timestamp", "message", ...}]}, one or more pages.

People also save `--query events` (a bare list), append page after page to one file, or let jq or `sam logs --output json`
print an event a line; other tools put the same list under a name of their own. Several events with one id are one event
that was fetched twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from analyzer.ingest.containers.container import (
    Container,
    Problems,
    from_milliseconds,
    microseconds,
    writable,
)
from analyzer.ingest.containers.json_stream import as_text, decoder, first_value, values
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

LISTS = ("events", "payload")
FIELDS = frozenset({"logStreamName", "timestamp", "message", "ingestionTime", "eventId"})
PAGE = re.compile(
    rb'\s*(?:\{\s*"(?:events|payload|eventCount|searchedLogStreams|nextToken|nextForwardToken|nextBackwardToken)"'
    rb'|\[\s*\{\s*"(?:logStreamName|timestamp|message|ingestionTime|eventId)")'
)
DECODE = decoder(dict[str, Any])
MESSAGE = re.compile(rb'"@?message"\s*:\s*"')
OBJECT = re.compile(rb'\s*\{\s*"(?:logStreamName|timestamp|message|ingestionTime|eventId)"')


def recognises(head: bytes) -> bool:
    if PAGE.match(head):
        return MESSAGE.search(head) is not None or b'"events"' in head
    if not OBJECT.match(head):
        return False
    first = first_value(head)
    # Applications write objects with a time and a message too, but not these fields alone, and their times are texts.
    return isinstance(first, dict) and first.keys() <= FIELDS and isinstance(first.get("timestamp"), int)


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    seen: set[str] = set()
    for position, event in values(file, DECODE, problems, inside=LISTS):
        message = _named(event, "message")
        if not isinstance(message, str):
            problems.foreign(position, as_text(event))
            continue
        event_id = event.get("eventId")
        if isinstance(event_id, str) and event_id in seen:
            problems.repeated(message)
            continue
        if isinstance(event_id, str):
            seen.add(event_id)
        time, stream = _named(event, "timestamp"), _named(event, "logStreamName")
        # get-log-events reads one stream and does not name it: the file is the stream.
        yield Record(
            writable(message.rstrip()),
            position,
            microseconds(time) if isinstance(time, str) else from_milliseconds(time),
            writable(stream) if isinstance(stream, str) else log.name,
        )


def _named(event: dict[str, Any], name: str) -> object:
    """Some tools name the fields as CloudWatch Logs Insights does."""
    return event.get(name, event.get(f"@{name}"))


CONTAINER = Container(
    name="log-events-json", recognises=recognises, records=records, lacks=frozenset({"function", "log group", "stream"})
)
