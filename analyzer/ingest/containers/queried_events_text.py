"""What `--query` left of log events, with `--output text`: `events[].[timestamp,message]`, a row each, in which the stream
may stand too, or `events[].message`, all of them joined by tabs.

Joined messages are told apart by the tab after a line feed, which is also how the frames of Java's stacks begin: those
are known. A message that does not end with a line feed is told from the next one only if that is the platform's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import (
    PLATFORM_LINE,
    Container,
    Problems,
    from_milliseconds,
)
from analyzer.ingest.containers.lines import LONGEST_EVENT, lines_of
from analyzer.ingest.containers.stamped_lines import STREAM, before_platform_line, events
from analyzer.ingest.packing import HEAD, peek
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

STAMP = (
    rb"(?:"
    + STREAM.replace(b"stream", b"before")
    + rb"\t)?(?P<time>\d{13})\t(?:"
    + STREAM.replace(b"stream", b"behind")
    + rb"\t)?"
)
ROW = re.compile(STAMP)
WITH_PLATFORM_LINE = before_platform_line(STAMP)
# `--query events` of get-log-events: the time of ingestion comes first, that of the event last.
TIME_LAST = re.compile(r"(?P<message>.*)\t(?P<time>\d{13})", re.DOTALL)
# People put a tab in front of lines as well, below a sentence of theirs; this is how a log begins.
BEGINNING = re.compile(rb"(?:" + PLATFORM_LINE.pattern + rb"|\[[A-Z]+\]|\{|\d{4}-\d\d-\d\d|EXTENSION\t)")
JOINED = re.compile(rb"^\t(?:" + PLATFORM_LINE.pattern + rb")", re.MULTILINE)
UNJOINED = re.compile(rb"(?<=\n)(?:" + PLATFORM_LINE.pattern + rb")")
FRAME = re.compile(rb"\t(?:at |\.\.\. \d+ (?:more|common)|Suppressed: )")
BEFORE_PLATFORM_LINE = re.compile(rb"\t(?=" + PLATFORM_LINE.pattern + rb")")


def recognises(head: bytes) -> bool:
    return WITH_PLATFORM_LINE.search(head) is not None or _joined(head)


def _joined(head: bytes) -> bool:
    return BEGINNING.match(head) is not None and JOINED.search(head) is not None and not UNJOINED.search(head)


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    head, file = peek(file, HEAD)
    if not WITH_PLATFORM_LINE.search(head):
        yield from _messages(file, problems)
        return
    for stamp, position, message in events(file, ROW, problems):
        stream = stamp["before"] or stamp["behind"]
        last = TIME_LAST.fullmatch(message)
        time = last["time"] if last else stamp["time"].decode()
        text = last["message"].rstrip() if last else message
        yield Record(
            text, position, from_milliseconds(int(time)), stream.decode("utf-8", "replace") if stream else None
        )


def _messages(file: BinaryIO, problems: Problems) -> Iterator[Record]:
    parts, begin = list[bytes](), 0
    for offset, line in lines_of(file, problems):
        text = 0
        if offset - begin > LONGEST_EVENT:
            yield from _message(parts, begin)
            parts, begin = [], offset
        if line.startswith(b"\t") and not FRAME.match(line):
            yield from _message(parts, begin)
            parts, begin, text = [], offset + 1, 1
        for split in BEFORE_PLATFORM_LINE.finditer(line, text):
            yield from _message([*parts, line[text : split.start()]], begin)
            parts, begin, text = [], offset + split.end(), split.end()
        parts.append(line[text:])
    yield from _message(parts, begin)


def _message(parts: list[bytes], begin: int) -> Iterator[Record]:
    message = b"".join(parts).decode("utf-8", "replace").rstrip()
    if message:
        yield Record(message, begin)


CONTAINER = Container(
    name="queried-events-text",
    recognises=recognises,
    records=records,
    lacks=frozenset({"function", "log group", "stream", "environments", "lines", "time"}),
)
