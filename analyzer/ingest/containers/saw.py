"""`saw watch`, and `saw get --pretty`: the time to the second in brackets, the stream in parentheses, message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import Container, Problems, microseconds
from analyzer.ingest.containers.stamped_lines import COLOUR, GAP, STREAM, before_platform_line, events
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

TIME = rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))"
STAMP = rb"\[" + COLOUR + TIME + COLOUR + rb"\] \(" + COLOUR + STREAM + COLOUR + rb"\)" + GAP
EVENT = re.compile(STAMP)
# The keys of JSON are sorted, and may be coloured.
WITH_PLATFORM_LINE = before_platform_line(STAMP, rb"\{\s*" + COLOUR + rb'"record')


def recognises(head: bytes) -> bool:
    return WITH_PLATFORM_LINE.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    for stamp, position, message in events(file, EVENT, problems, indented=True):
        time, stream = microseconds(stamp["time"].decode()), stamp["stream"].decode("utf-8", "replace")
        yield Record(message, position, time, stream)


CONTAINER = Container(
    name="saw",
    recognises=recognises,
    records=records,
    lacks=frozenset({"function", "log group", "colours", "milliseconds"}),
)
