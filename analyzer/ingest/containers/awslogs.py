"""`awslogs get`: group, stream, the time if `--timestamp` asked for it, message. Group or stream can be switched off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import Container, Problems, function_of, microseconds
from analyzer.ingest.containers.stamped_lines import COLOUR, GAP, STREAM, before_platform_line, events
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
# Without `--timestamp`, the line of a timeout begins with a time that is its own.
TIME = rb"(?: " + COLOUR + rb"(?P<time>" + ISO + rb")" + COLOUR + rb"(?! [\w-]+ Task timed out))?"
INGESTED = rb"(?: " + COLOUR + ISO + COLOUR + rb"(?= " + COLOUR + rb"\S)(?! [\w-]+ Task timed out))?"
GROUP = rb"(?:" + COLOUR + rb"(?P<group>[\w./#-]+) *" + COLOUR + rb" )?"
# Streams are padded to the longest of them.
STAMP = GROUP + COLOUR + STREAM + rb" *?" + COLOUR + TIME + INGESTED + GAP
EVENT = re.compile(STAMP)
WITH_PLATFORM_LINE = before_platform_line(STAMP)


def recognises(head: bytes) -> bool:
    return WITH_PLATFORM_LINE.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    for stamp, position, message in events(file, EVENT):
        group = stamp["group"].decode("utf-8", "replace") if stamp["group"] else None
        time = microseconds(stamp["time"].decode()) if stamp["time"] else None
        stream = stamp["stream"].decode("utf-8", "replace")
        yield Record(message, position, time, stream, group, function_of(group))


CONTAINER = Container(
    name="awslogs",
    recognises=recognises,
    records=records,
    whole=True,
    lacks=("time, unless `awslogs` was called with --timestamp", "function name, where --no-group left it out"),
)
