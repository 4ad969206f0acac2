"""`sam logs`: stream, time in UTC without saying so, message. What `--output json` prints are events in JSON.

The command indents messages that are JSON, and colours those that tell of a timeout or a crash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import Container, Problems, microseconds
from analyzer.ingest.containers.stamped_lines import COLOUR, GAP, STREAM, before_platform_line, events
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

# The fraction is left out where it is zero.
TIME = rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?)"
STAMP = COLOUR + STREAM + COLOUR + rb" " + COLOUR + TIME + COLOUR + GAP
EVENT = re.compile(STAMP)
WITH_PLATFORM_LINE = before_platform_line(STAMP)


def recognises(head: bytes) -> bool:
    return WITH_PLATFORM_LINE.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    for stamp, position, message in events(file, EVENT, problems, indented=True):
        time, stream = microseconds(stamp["time"].decode()), stamp["stream"].decode("utf-8", "replace")
        yield Record(message, position, time, stream)


CONTAINER = Container(
    name="sam-logs", recognises=recognises, records=records, lacks=frozenset({"function", "log group", "colours"})
)
