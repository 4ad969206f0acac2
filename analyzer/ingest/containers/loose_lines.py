"""Lines of logs that somebody copied: what stands in front of the platform's lines is taken away, and lines are put together
to events by what they look like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from msgspec import Struct

from analyzer.ingest.containers.container import PLATFORM_LINE, Problems, from_milliseconds, microseconds, writable
from analyzer.ingest.containers.lines import LONGEST_EVENT, lines_of
from analyzer.model import Record

# A tab may have become any white space, or the two characters by which it is written in strings.
PLATFORM = rb"(?:(?:START|END|REPORT) RequestId:(?:[ \t]|\\{1,2}t)|" + PLATFORM_LINE.pattern + rb")"
DATED = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
# Without a date it says nothing that can be used, except that an event begins.
CLOCK = rb"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
# The digits are milliseconds since 1970, as the API has them.
TIME = rb"(?P<stamp>[\[(`]?(?:(?P<time>" + DATED + rb")|(?P<epoch>\d{13})|" + CLOCK + rb")[\])`]?:?(?=\s))"
# The file that grep found the line in, and its number.
FOUND_IN = rb"(?:(?!\d{4}-|\d\d:\d\d)[^\s:\"'{}\[\]`]+:(?:\d+:)?(?=\S))?"
BULLETS = rb"[ \t]*(?:(?:[-*>|]|\d{1,3}[.)])[ \t]+)*`?"
QUOTED = rb"(?:\"@?message\"[ \t]*:[ \t]*)?[\"'](?=" + PLATFORM + rb"|\{\\{1,2}\"time)"
# Without a time or a line of the platform behind it, all of this may be what the application wrote.
PREFIX = re.compile(
    rb"%b%b(?:%b[ \t]*(?:[-|][ \t]+)?|(?=%b|%b))(?P<quote>%b)?" % (FOUND_IN, BULLETS, TIME, QUOTED, PLATFORM, QUOTED)
)
PREFIXED_PLATFORM_LINE = re.compile(
    rb"^(?:" + PREFIX.pattern + rb")(?:" + PLATFORM + rb"|\{\\{1,2}\"time)", re.MULTILINE
)
# A line of an indented answer of the API.
MESSAGE_FIELD = re.compile(rb'\s*"@?message"\s*:\s*(?P<string>"(?:[^"\\]|\\.)*"),?\s*$')
ESCAPED_TAB, ESCAPED_LINE_FEED = re.compile(rb"\\{1,2}t"), re.compile(rb"\\{1,2}n")
# Node.js, .NET and the timeout message begin with a time of their own, before the request id.
OWN_TIME = re.compile(rb"\s(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|undefined)\s")
# Lines that never begin an event: the second line of REPORT and of a fault, a wrapped REPORT, the inner lines of stacks.
INNER = re.compile(
    rb"XRAY TraceId: |(?:Billed |Init |Restore |Billed Restore )?Duration: |(?:Memory Size|Max Memory Used|Status|Error Type): "
    rb"|Runtime Version ARN: "
    rb"|Traceback \(most recent call last\)|Caused by: |During handling of the above |The above exception "
    rb"|(?:Runtime|Extension|Function|Sandbox)\.[A-Z]\w+\s*$"
)
ONE_LINE = re.compile(PLATFORM)
# What the platform says of a process that ran out of time or died; behind a line of the application it is no part of it.
LAST_WORDS = re.compile(
    rb"\d{4}-\d\d-\d\dT[\d:.]+Z [\w-]+ Task timed out after |RequestId: [\w-]+ (?:Error: |Process exited )"
)
# What people write over an id before they show a log. Two invocations that are masked alike are not one that was retried.
MASKED = re.compile(
    rb"(?P<kind>START|END|REPORT)(?P<label> RequestId:\s+)(?:[xX*.\-]+|id|<[^>\s]{1,40}>|\[?REDACTED\]?|\xe2\x80\xa6)(?=\s|$)"
)


class Line(Struct, frozen=True):
    """A line, and its `text` without what stood in front of it; `stamped` when that was a time, usable or not."""

    position: int
    raw: bytes
    text: bytes
    stamped: bool = False
    time: int | None = None


def events(lines: Iterable[Line], stream: str | None = None) -> Iterator[Record]:
    """Lines put together to events."""
    parts, names = list[bytes](), _Names()
    nothing = Line(0, b"", b"")
    first = stamp = waiting = nothing
    for line in lines:
        text = line.text.strip()
        if not text:
            # The console's copy has the time on a line of its own.
            waiting = line if line.stamped else waiting
        elif (
            parts
            and not line.stamped
            and not waiting.stamped
            and line.position - first.position < LONGEST_EVENT
            and _goes_on(line.raw, text, first, stamp.stamped)
        ):
            parts.append(line.raw)
        else:
            if parts:
                yield Record(_message(parts), first.position, stamp.time, stream)
            first, stamp, waiting = line, waiting if waiting.stamped and not line.stamped else line, nothing
            parts = [names.instead(line.text, line.position)]
    if parts:
        yield Record(_message(parts), first.position, stamp.time, stream)


def bare_lines(file: BinaryIO, problems: Problems) -> Iterator[Line]:
    """Lines in front of which nothing stands."""
    return (Line(position, raw, raw) for position, raw in lines_of(file, problems))


def copied_lines(file: BinaryIO, problems: Problems) -> Iterator[Line]:
    """Lines without what people and their tools put in front and behind."""
    return (_uncovered(line) for line in bare_lines(file, problems))


def _uncovered(line: Line) -> Line:
    raw, position = line.raw, line.position
    if field := MESSAGE_FIELD.match(raw):
        return Line(position, raw, _decoded(field["string"]) or raw)
    match = PREFIX.match(raw)
    if not match:
        return Line(position, raw, raw.lstrip(b" \t"))
    if match["time"] and OWN_TIME.match(raw, match.end("time")):
        return Line(position, raw, raw[match.start("time") :])
    rest = raw[match.end() :]
    if match["quote"]:
        rest = _decoded(raw[match.end() - 1 :].rstrip().rstrip(b",")) or rest
    # In JSON the escapes belong to the language.
    if ONE_LINE.match(rest) and not rest.startswith(b"{"):
        bare = rest.rstrip().rstrip(b",").rstrip(b"\"'`")
        rest = ESCAPED_LINE_FEED.sub(b"\n", ESCAPED_TAB.sub(b"\t", bare)) + b"\n"
    return Line(position, raw, rest, match["stamp"] is not None, _time(match))


def _time(match: re.Match[bytes]) -> int | None:
    if match["epoch"]:
        return from_milliseconds(int(match["epoch"]))
    if not match["time"]:
        return None
    text = match["time"].decode()
    return microseconds(f"{text[:10]}T{text[11:].replace(' ', '').replace('UTC', 'Z')}")


def _decoded(string: bytes) -> bytes | None:
    try:
        text = json.loads(string.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return writable(text).encode() if isinstance(text, str) else None


def _goes_on(raw: bytes, text: bytes, first: Line, stamped: bool) -> bool:
    """Whether a line is part of the event that began with the line `first`, which had a time in front if it is `stamped`."""
    if ONE_LINE.match(text) or LAST_WORDS.match(text):
        return False
    if INNER.match(text):
        return True
    # START, END and REPORT are over at their line's end.
    if ONE_LINE.match(first.text):
        return False
    # Where events carry their time, a line without one is no event.
    return stamped or _indentation(raw) > _indentation(first.raw)


def _indentation(raw: bytes) -> int:
    return len(raw) - len(raw.lstrip(b" \t\xc2\xa0"))


def _message(parts: list[bytes]) -> str:
    return b"".join(parts).decode("utf-8", "replace").rstrip().rstrip("`").rstrip()


class _Names:
    """Gives masked invocations an id each, made from the place of the first line that shows one."""

    def __init__(self) -> None:
        self.current = b""
        self.reported = True

    def instead(self, line: bytes, position: int) -> bytes:
        match = MASKED.match(line)
        if not match:
            return line
        if match["kind"] == b"START" or self.reported:
            self.current = b"masked-%d" % position
        self.reported = match["kind"] == b"REPORT"
        return match["kind"] + match["label"] + self.current + line[match.end() :]
