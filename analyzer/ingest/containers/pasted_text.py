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
# Node.js, .NET and the timeout message begin with a time of their own, before the request id.
OWN_TIME = re.compile(rb"(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|undefined)\s")
# Lines that never begin an event: the second line of REPORT and of a fault, a wrapped REPORT, the inner lines of stacks.
INNER = re.compile(
    rb"XRAY TraceId: |(?:Billed |Init |Restore |Billed Restore )?Duration: |(?:Memory Size|Max Memory Used|Status|Error Type): "
    rb"|Traceback \(most recent call last\)|Caused by: |During handling of the above |The above exception "
    rb"|(?:Runtime|Extension|Function|Sandbox)\.[A-Z]\w+\s*$"
)


def recognises(head: bytes) -> bool:
    return b"\0" not in head and WITH_PLATFORM_LINE.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    time, begin, parts, offset = None, 0, list[bytes](), 0
    for line in file:
        match = PREFIX.match(line)
        stamp = match["time"] if match else None
        rest = line[match.end() :] if match else line
        if match and stamp and OWN_TIME.match(rest):
            rest = line[match.start("time") :]
        if parts and rest.strip() and _goes_on(line, rest, stamp, parts[0] if time is not None else None):
            parts.append(line)
        elif rest.strip():
            if parts:
                yield Record(_message(parts), begin, time)
            time, begin, parts = microseconds(stamp.decode()) if stamp else None, offset, [rest]
        offset += len(line)
    if parts:
        yield Record(_message(parts), begin, time)


def _goes_on(line: bytes, rest: bytes, stamp: bytes | None, timed: bytes | None) -> bool:
    """Whether a line is part of the event before it; `timed` is that event's first line if it had a time in front."""
    if stamp is not None or PLATFORM_LINE.match(rest):
        return False
    if INNER.match(rest) or line[:1] in (b" ", b"\t", b"\xc2"):
        return True
    # Where events carry their time, a line without one is no event; but START, END and REPORT are over at their line's end.
    return timed is not None and not PLATFORM_LINE.match(timed)


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
