"""`awslogs get`: group, stream, the time if `--timestamp` asked for it, message. Group or stream can be switched off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import Container, Problems, function_of, microseconds
from analyzer.ingest.containers.stamped_lines import COLOUR, GAP, STREAM, before_platform_line, events
from analyzer.ingest.packing import HEAD, peek
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
# Without `--timestamp`, the line of a timeout begins with a time that is its own.
TIME = rb"(?: " + COLOUR + rb"(?P<time>" + ISO + rb")" + COLOUR + rb"(?! [\w-]+ Task timed out))?"
INGESTED = rb"(?: " + COLOUR + ISO + COLOUR + rb"(?= " + COLOUR + rb"\S)(?! [\w-]+ Task timed out))?"
GROUP = rb"(?:" + COLOUR + rb"(?P<group>[\w./#-]+) *" + COLOUR + rb" )?"
# The colour ends behind the blanks with which a stream is padded. Where none began, one belongs to the message.
PADDED = rb"(?P<colour>\x1b\[[0-9;]*m)?" + STREAM + rb"(?P<padding> *)(?(colour)\x1b\[[0-9;]*m)"
STAMP = GROUP + PADDED + TIME + INGESTED + GAP
EVENT = re.compile(STAMP)
WITH_PLATFORM_LINE = before_platform_line(STAMP)


def recognises(head: bytes) -> bool:
    return WITH_PLATFORM_LINE.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    head, file = peek(file, HEAD)
    # Streams are padded to the longest of them; the platform's messages show where that ends, as no blank begins them.
    platform = WITH_PLATFORM_LINE.search(head)
    width = _width(platform) if platform else 0
    for stamp, position, message in events(file, EVENT, problems):
        group = stamp["group"].decode("utf-8", "replace") if stamp["group"] else None
        time = microseconds(stamp["time"].decode()) if stamp["time"] else None
        stream = stamp["stream"].decode("utf-8", "replace")
        # Where the first line of a message is empty, the blank in front of it was taken for padding.
        blanks = _width(stamp) - width - message.startswith("\n")
        indentation = " " * blanks if message else ""
        yield Record(indentation + message, position, time, stream, group, function_of(group))


def _width(stamp: re.Match[bytes]) -> int:
    return len(stamp["stream"]) + len(stamp["padding"])


CONTAINER = Container(
    name="awslogs",
    recognises=recognises,
    records=records,
    lacks=frozenset({"function", "log group", "colours", "time"}),
)
