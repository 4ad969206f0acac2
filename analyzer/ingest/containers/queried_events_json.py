"""What `--query` left of log events, as JSON: `events[].message`, a list of texts, or `events[].[timestamp,message]`,
a list of lists, in which the stream may stand too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import (
    Container,
    Problems,
    from_milliseconds,
    writable,
)
from analyzer.ingest.containers.json_stream import as_text
from analyzer.ingest.containers.json_values import json_values
from analyzer.ingest.packing import as_far_as_it_goes
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

BEGINNING = re.compile(rb'\s*\[\s*(?:"|\[\s*(?:\d{13}\b|"))')
PLATFORM_STRING = re.compile(
    rb'[\[,]\s*"(?:(?:START|END|REPORT) RequestId: |INIT_START Runtime Version: '
    rb'|\{\\"time\\":\\"[^"]{10,40}\\",\\"type\\":\\"platform\.)'
)
STREAM = re.compile(r"\d{4}/\d\d/\d\d/[^\s\[]*\[[^\s\]]+\][0-9a-f]{32}")


def recognises(head: bytes) -> bool:
    return BEGINNING.match(head) is not None and PLATFORM_STRING.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    content, broke = as_far_as_it_goes(file)
    for position, rows in json_values(content.decode("utf-8", "replace"), problems):
        for row in rows if isinstance(rows, list) else [rows]:
            if record := _record(row if isinstance(row, list) else [row], position):
                yield record
            else:
                problems.foreign(position, as_text(row))
    if broke is not None:
        raise broke


def _record(values: list[object], position: int) -> Record | None:
    """Values are known by what they are: nothing names them."""
    texts = [value for value in values if isinstance(value, str)]
    streams = [text for text in texts if STREAM.fullmatch(text)]
    messages = [text for text in texts if text not in streams]
    times = [time for value in values if (time := from_milliseconds(value)) is not None]
    if len(messages) != 1:
        return None
    return Record(
        writable(messages[0].rstrip()), position, times[0] if times else None, streams[0] if streams else None
    )


CONTAINER = Container(
    name="queried-events-json",
    recognises=recognises,
    records=records,
    lacks=frozenset({"function", "log group", "stream", "environments", "lines", "time"}),
)
