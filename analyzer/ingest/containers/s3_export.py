"""CloudWatch export tasks to S3: `2026-03-17T08:12:05.123Z message`, an empty line after each event.

Neither the file nor its key names the log group, and so the function; the folder's name is the stream.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from analyzer.ingest.containers.container import PLATFORM_LINE, Container, Problems, microseconds
from analyzer.ingest.containers.lines import LONGEST_EVENT
from analyzer.ingest.packing import STEP, UNPACK_ERRORS
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

# The export puts a space after the time. A tab there belongs to a line of Node.js inside a longer message.
EVENT = re.compile(rb"(\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z) ")
# Copied text has no empty line behind the platform's events; an export always has, as their messages end with a line feed.
EXPORTED = re.compile(
    rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:" + PLATFORM_LINE.pattern + rb")[^\n]*\n(?:XRAY [^\n]*\n)?\r?\n",
    re.MULTILINE,
)
# So much of a line that belongs to no event is enough to find it.
LONGEST_STRAY = 4096
DATE = re.compile(r"^(\d{4})-(\d\d)-(\d\d)-")


def recognises(head: bytes) -> bool:
    return EVENT.match(head) is not None and EXPORTED.search(head) is not None


class Events:
    """Takes the bytes of one export in their order and gives its events as records."""

    def __init__(self, stream: str, problems: Problems) -> None:
        self.stream = stream
        self.problems = problems
        self.offset = 0
        self._time: int | None = None
        self._parts: list[bytes] = []
        self._begin = 0
        self._room = LONGEST_EVENT
        self._new_line = True
        self._stray = b""

    @property
    def in_long_line(self) -> bool:
        """Whether a line is in hand that was too long to wait for its end."""
        return not self._new_line

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """The events that `chunk` completes. It may end anywhere but inside the time at the beginning of a line."""
        for line in io.BytesIO(chunk):
            if (
                self._new_line
                and (match := EVENT.match(line))
                and (time := microseconds(match[1].decode())) is not None
            ):
                yield from self.end()
                self._time, self._begin = time, self.offset
                self._keep(line[match.end() :])
            elif self._time is not None:
                self._keep(line)
            else:
                self._before_the_first(line)
            self._new_line = line.endswith(b"\n")
            self.offset += len(line)

    def end(self) -> Iterator[Record]:
        """The event in hand, which nothing will be added to any more."""
        if self._time is not None:
            message = b"".join(self._parts).decode("utf-8", "replace").rstrip()
            yield Record(message, self._begin, self._time, self.stream)
        self._time, self._parts, self._room = None, [], LONGEST_EVENT
        self._end_stray()

    def skip(self, size: int) -> None:
        """Go on behind whole events that somebody else has read."""
        self.offset += size

    def _before_the_first(self, line: bytes) -> None:
        """A line in front of every event, or a piece of a long one."""
        if self._new_line:
            self._begin = self.offset
        self._stray += line[: LONGEST_STRAY - len(self._stray)]
        if line.endswith(b"\n"):
            self._end_stray()

    def _end_stray(self) -> None:
        self.problems.foreign(self._begin, self._stray)
        self._stray = b""

    def _keep(self, line: bytes) -> None:
        if len(line) > self._room >= 0:
            self.problems(
                f"the event at byte {self._begin} is longer than {LONGEST_EVENT:,} bytes; the rest is left out"
            )
            self._parts.append(line[: self._room])
            self._room = -1
        elif self._room >= 0:
            self._parts.append(line)
            self._room -= len(line)


def stream_name(log: LogFile) -> str:
    """The stream's slashes became hyphens in the key; only those of its date can be turned back."""
    stream = log.exported_stream or log.name
    date = DATE.match(stream) if log.exported_stream else None
    return f"{date[1]}/{date[2]}/{date[3]}/{stream[date.end() :]}" if date else stream


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    events = Events(stream_name(log), problems)
    rest = b""
    try:
        while chunk := cast(io.BufferedReader, file).read1(STEP):
            chunk = rest + chunk
            # A time must not be cut in two; a line too long to be kept holds none.
            cut = chunk.rfind(b"\n") + 1 or (len(chunk) if len(chunk) > LONGEST_EVENT else 0)
            yield from events.feed(chunk[:cut])
            rest = chunk[cut:]
    except UNPACK_ERRORS:
        # Half a line at the end of a damaged file is no line, but what stands before it was whole. Of one that is longer than
        # an event can be, no more than this would be kept anyway.
        if events.in_long_line or len(rest) > LONGEST_EVENT:
            yield from events.feed(rest)
        yield from events.end()
        raise
    yield from events.feed(rest)
    yield from events.end()


CONTAINER = Container(
    name="s3-export",
    recognises=recognises,
    records=records,
    lacks=frozenset({"function", "log group", "stream"}),
    anchored=True,
    told_once=True,
)
