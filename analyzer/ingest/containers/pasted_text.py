"""Text that somebody pasted or searched: platform lines among anything else, with or without a time in front.

A line counts only where it begins with what the platform writes, once a time, a list bullet or the name of a searched
file is taken away; a REPORT quoted in the middle of a sentence does not. Nothing tells the streams apart and nothing says
which lines were left out, so the outcome of an invocation is known only where its own lines show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import PLATFORM_LINE, Container, Problems, microseconds
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

TIME = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?"
# In front of a line: the file that grep found it in, a quotation mark or bullet of a list, the time of the event.
PREFIX = re.compile(
    rb"(?:(?!\d{4}-)[^\s:\"'{}]+:(?:\d+:)?(?=\S))?[ \t]*(?:[-*>|][ \t]+)*`?(?:(?P<time>" + TIME + rb")`?[ \t]+)?"
)
WITH_PLATFORM_LINE = re.compile(rb"^" + PREFIX.pattern + rb"(?:" + PLATFORM_LINE.pattern + rb")", re.MULTILINE)
XRAY = b"XRAY TraceId: "


def recognises(head: bytes) -> bool:
    return b"\0" not in head and WITH_PLATFORM_LINE.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    time, begin, parts, offset = None, 0, list[bytes](), 0
    for line in file:
        match = PREFIX.match(line)
        rest = line[match.end() :] if match else line
        # The request's own lines may go on without a prefix, as stacks do, and XRAY is the second line of REPORT.
        if parts and rest.strip() and not _begins(line, rest, match["time"] if match else None):
            parts.append(line)
        elif rest.strip():
            if parts:
                yield Record(_message(parts), begin, time)
            stamp = match["time"] if match else None
            time, begin, parts = _time(stamp), offset, [rest]
        offset += len(line)
    if parts:
        yield Record(_message(parts), begin, time)


def _begins(line: bytes, rest: bytes, stamp: bytes | None) -> bool:
    """Whether a line is an event of its own rather than the continuation of the one before."""
    if rest.startswith(XRAY) or line[:1] in (b" ", b"\t", b"\xc2"):
        return PLATFORM_LINE.match(rest) is not None
    return True


def _time(stamp: bytes | None) -> int | None:
    try:
        return microseconds(stamp.decode()) if stamp else None
    except ValueError:
        return None


def _message(parts: list[bytes]) -> str:
    return b"".join(parts).decode("utf-8", "replace").rstrip().rstrip("`").rstrip()


CONTAINER = Container(
    name="pasted-text",
    recognises=recognises,
    records=records,
    whole=False,
    lacks=(
        "function name",
        "log stream, so nothing can be said about single execution environments",
        "error lines other than those pasted: an invocation without any sign of its end has the outcome unknown, not ok",
    ),
    last_resort=True,
)
