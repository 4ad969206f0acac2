"""`aws logs filter-log-events` and `get-log-events`: {"events": [{"timestamp", "message", ...}]}, one or more pages.

People also save `--query events` (a bare list) and append page after page to one file. Several events with one id are
one event that was fetched twice.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from analyzer.ingest.containers.container import NO_FUNCTION, Container, Problems
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

PAGE = re.compile(rb'\s*(?:\{\s*"(?:events|searchedLogStreams|nextToken|nextForwardToken|nextBackwardToken)"|\[\s*\{\s*"(?:'
                  rb"logStreamName|timestamp|message|ingestionTime|eventId)\")")  # fmt: skip
MESSAGE = re.compile(rb'"message"\s*:\s*"')
# strict=False: control characters inside strings, as left by copying through a terminal.
DECODER = json.JSONDecoder(strict=False)


def recognises(head: bytes) -> bool:
    text = head.removeprefix(codecs.BOM_UTF8)
    return PAGE.match(text) is not None and (MESSAGE.search(text) is not None or b'"events"' in text)


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    text = file.read().removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    seen: set[str] = set()
    for position, event in _events(text, problems):
        event_id, message = event.get("eventId"), event.get("message")
        if event_id in seen or not isinstance(message, str):
            continue
        if isinstance(event_id, str):
            seen.add(event_id)
        time, stream = event.get("timestamp"), event.get("logStreamName")
        # get-log-events reads one stream and does not name it: the file is the stream.
        yield Record(
            message.rstrip(),
            position,
            time * 1000 if isinstance(time, int) else None,
            stream if isinstance(stream, str) else log.name,
        )


def _events(text: str, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every event of every page, with the place of its page: the parser does not tell the place of an event."""
    position = _skip(text, 0)
    while position < len(text):
        try:
            page, end = DECODER.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as problem:
            problems(f"the JSON breaks off or is damaged after character {position}: {problem}")
            return
        events = page.get("events", []) if isinstance(page, dict) else page
        for event in events if isinstance(events, list) else []:
            if isinstance(event, dict):
                yield position, event
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    """The next place that is neither white space nor a comma between pages."""
    while position < len(text) and (text[position].isspace() or text[position] == ","):
        position += 1
    return position


CONTAINER = Container(
    name="log-events-json",
    recognises=recognises,
    records=records,
    whole=True,
    lacks=(NO_FUNCTION,),
)
