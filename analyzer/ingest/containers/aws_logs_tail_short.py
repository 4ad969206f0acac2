"""`aws logs tail --format short`: the time to the second, and the message. Nothing tells the streams apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import (
    Container,
    Problems,
    microseconds,
)
from analyzer.ingest.containers.stamped_lines import COLOUR, GAP, before_platform_line, events
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

STAMP = COLOUR + rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)" + COLOUR + GAP
EVENT = re.compile(STAMP)
WITH_PLATFORM_LINE = before_platform_line(STAMP)


def recognises(head: bytes) -> bool:
    return WITH_PLATFORM_LINE.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    for stamp, position, message in events(file, EVENT, problems):
        yield Record(message, position, microseconds(stamp["time"].decode()))


CONTAINER = Container(
    name="aws-logs-tail-short",
    recognises=recognises,
    records=records,
    lacks=frozenset({"function", "log group", "colours", "stream", "environments", "milliseconds"}),
)
