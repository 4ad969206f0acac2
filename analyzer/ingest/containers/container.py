"""What a container is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Literal

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


# What logs in a container may be without. Platform events in JSON name the function wherever they are.
Fact = Literal[
    "function",
    "log group",
    "stream",  # its name
    "environments",  # nothing tells the events of one from those of another
    "lines",  # some may have been left out, and nothing says so
    "time",  # of the events
    "milliseconds",  # of their times
    "white space",  # of which one blank is left
    "colours",  # that the function printed itself
    "request ids",  # in the lines of the function
    "version",
    "billed time",
    "memory size",
    "trace",
]

# A damaged file may have thousands of damaged places; the first ones tell what is wrong.
MOST_PROBLEMS = 20


class Problems:
    """Takes what a container meets in a file that is no event, so that everything in it is accounted for.

    Called with a sentence, it is about something that could not be read. `foreign` takes text that is none of the
    container's, with its place: what somebody wrote around the events, or a value in which there is no line. `repeated`
    takes the message of an event that stands in the file before.
    """

    def __init__(
        self,
        foreign: Callable[[int, str], None] = lambda position, text: None,
        repeated: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._foreign = foreign
        self.repeated = repeated
        self._sentences: list[str] = []
        self._more = 0

    def __call__(self, sentence: str) -> None:
        if len(self._sentences) < MOST_PROBLEMS:
            self._sentences.append(sentence)
        else:
            self._more += 1

    def foreign(self, position: int, text: str | bytes) -> None:
        """Each line that is not blank counts as one that was not understood."""
        for line in text.split(b"\n") if isinstance(text, bytes) else text.split("\n"):
            if stripped := line.strip():
                place = position + len(line) - len(line.lstrip())
                self._foreign(place, stripped.decode("utf-8", "replace") if isinstance(stripped, bytes) else stripped)
            position += len(line) + 1

    def sentences(self) -> list[str]:
        more = [f"{self._more:,} more problems are left out here"] if self._more else []
        return self._sentences + more


class Container(Struct, frozen=True):
    """One way in which logs are wrapped.

    `recognises` gets the first bytes of the unpacked file. `records` yields its log events in the file's order.
    `lacks` are the facts that this container does not always carry; every other one can be relied upon.
    `anchored`: it is known by the first byte on, and so asked before those that search for something in the middle.
    `told_once`: its records are free of repeats already, or it is written by a service that repeats nothing.
    """

    name: str
    recognises: Callable[[bytes], bool]
    records: Callable[[BinaryIO, LogFile, Problems], Iterator[Record]]
    lacks: frozenset[Fact] = frozenset()
    anchored: bool = False
    told_once: bool = False
    last_resort: bool = False

    @property
    def whole(self) -> bool:
        """Every line of an environment is there and known to be its own, so that the absence of an error means something."""
        return self.lacks.isdisjoint(("lines", "environments"))


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
    """JSON that a tool spread over several lines, as the one line that it was; anything else as it is.

    `aws logs tail` puts a line feed in front of it.
    """
    text = message.removeprefix("\n")
    if "\n" not in message or not text.startswith("{"):
        return message
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return message
    return writable(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
