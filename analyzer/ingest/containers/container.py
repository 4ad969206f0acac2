"""What a container is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from msgspec import Struct

from analyzer.ingest.sources import LogFile
from analyzer.model import Record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# The beginning of a line that only Lambda's platform writes, in bytes and in either log format.
PLATFORM_LINE = re.compile(
    rb"(?:START|END|REPORT) RequestId: |INIT_START Runtime Version: |(?:INIT|RESTORE)_REPORT |"
    rb'\{"time":"[^"]{10,40}","type":"platform\.'
)

NO_FUNCTION = "function name, unless JSON platform events or the export's folders name it"


# Takes a sentence about something in the file that could not be read.
Problems = Callable[[str], None]


class Container(Struct, frozen=True):
    """One way in which logs are wrapped.

    `recognises` gets the first bytes of the unpacked file. `records` yields its log events in the file's order.
    `whole` says that no line of a stream is left out, so that the absence of an error line means something.
    `lacks` are the facts this container cannot carry, as phrases that complete "these logs carry no ...".
    """

    name: str
    recognises: Callable[[bytes], bool]
    records: Callable[[BinaryIO, LogFile, Problems], Iterator[Record]]
    whole: bool
    lacks: tuple[str, ...] = ()
    last_resort: bool = False


def microseconds(text: str) -> int | None:
    """An ISO 8601 time as microseconds since 1970 UTC; a time without an offset is UTC. None for what is no time."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - EPOCH) // MICROSECOND
