"""What a container is."""

from __future__ import annotations

import json
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

# The same event of the JSON format after a tool has indented it.
INDENTED_PLATFORM_EVENT = re.compile(rb'\{\s*"time":\s*"[^"]{10,40}",\s*"type":\s*"platform\.')
LAMBDA_GROUP = "/aws/lambda/"
# datetime, and whatever shows a time to people, ends with the year 9999.
LATEST_MS = 253_402_300_800_000

NO_FUNCTION = "function name, unless JSON platform events or the export's folders name it"
NO_STREAM = "log stream, so nothing can be said about single execution environments"
IF_QUERIED = ("time, unless the query asked for it", "log stream, unless the query asked for it")
NO_MILLISECONDS = "milliseconds of the times"


# Takes a sentence about something in the file that could not be read.
Problems = Callable[[str], None]


class Container(Struct, frozen=True):
    """One way in which logs are wrapped.

    `recognises` gets the first bytes of the unpacked file. `records` yields its log events in the file's order.
    `whole` says that no line of a stream is left out, so that the absence of an error line means something.
    `anchored`: it is known by the first byte on, and so asked before those that search for something in the middle.
    `lacks` are the facts this container cannot carry, as phrases that complete "these logs carry no ...".
    """

    name: str
    recognises: Callable[[bytes], bool]
    records: Callable[[BinaryIO, LogFile, Problems], Iterator[Record]]
    whole: bool
    lacks: tuple[str, ...] = ()
    anchored: bool = False
    last_resort: bool = False


def microseconds(text: str) -> int | None:
    """An ISO 8601 time as microseconds since 1970 UTC; a time without an offset is UTC. None for what is no time."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    count = (time - EPOCH) // MICROSECOND
    return count if 0 <= count < LATEST_MS * 1000 else None


def from_milliseconds(value: object) -> int | None:
    """A time in milliseconds since 1970 UTC, as CloudWatch has it, in microseconds."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LATEST_MS:
        return None
    return value * 1000


def function_of(log_group: str | None) -> str | None:
    """The function that logs into /aws/lambda/<function>; a group of another name says nothing."""
    return log_group.removeprefix(LAMBDA_GROUP) if log_group and log_group.startswith(LAMBDA_GROUP) else None


def writable(text: str) -> str:
    """Text that can be written as UTF-8: an escape in JSON may name half a character."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def without_indentation(message: str) -> str:
    """JSON that a tool spread over several lines, as the one line that it was; anything else as it is."""
    text = message.lstrip()
    if "\n" not in message or not text.startswith("{"):
        return message
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return message
    return writable(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
