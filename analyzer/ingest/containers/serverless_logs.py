"""`serverless logs`, which rewrites the lines it prints; they are put back into the words of Lambda.

Version 4 writes `START - <id> - Version: ...` and breaks a line of the application after its id. Version 3 leaves the ids of
START, of REPORT and of the application's lines out; a REPORT gets that of the END line right before it. Version 2 changes the
times alone. Times are those of the clock where the command ran; only version 2 says how far that is from UTC.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import (
    EPOCH,
    MICROSECOND,
    PLATFORM_LINE,
    Container,
    Problems,
    microseconds,
)
from analyzer.ingest.containers.loose_lines import Line, bare_lines, events
from analyzer.ingest.containers.stamped_lines import ANY_COLOUR, COLOUR
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

ID = rb"(?P<id>[\w-]+)"
CLOCK = rb"(?P<date>\d{4}-\d\d-\d\d) (?P<clock>\d\d:\d\d:\d\d\.\d{3})"
# Version 4.
MARKED = re.compile(rb"(?P<kind>START|END|REPORT) - " + ID + rb"(?: - (?P<version>Version: \S+))?\s*$")
INIT = re.compile(rb"INIT_START Runtime - (?=Version: )")
HEADER = re.compile(CLOCK + rb" - " + ID + rb" - (?P<level>\S*)\s*$")
# Version 3: at first all of REPORT but its beginning, later no more than this.
UNCLOSED = re.compile(rb"END Duration: [\d.]+ ms \([^)]*$")
ENDED = re.compile(rb"END (?P<fields>Duration: [\d.]+ ms.*)", re.DOTALL)
BRIEF = re.compile(
    rb"(?P<duration>Duration: [\d.]+ ms)(?: \(init: (?:(?P<init>[\d.]+ ms)|(?P<status>[a-z]+))\s*\))?"
    rb" (?P<memory>Memory Used: \d+ MB)\s*$"
)
END = re.compile(rb"END RequestId: " + ID + rb"\s*$")
UNNAMED = re.compile(CLOCK + rb"\t(?P<level>\[[A-Z]+\]\t)?(?=\S)")
# Version 2.
OFFSET = re.compile(CLOCK + rb" \((?P<offset>[+-]\d\d:\d\d)\)\t" + ID + rb"\t(?P<level>\[[A-Z]+\]\t)?")
RECOGNISED = re.compile(
    rb"^" + COLOUR + rb"(?:(?:START|REPORT) - [0-9a-f-]{36}(?: - Version: |\s*$)|END Duration: [\d.]+ ms)", re.MULTILINE
)
OF_VERSION_2 = re.compile(rb"^" + COLOUR + CLOCK + rb" \([+-]\d\d:\d\d\)" + COLOUR + rb"\t", re.MULTILINE)
PLATFORM_OF_VERSION_2 = re.compile(rb"^" + COLOUR + rb"(?:" + PLATFORM_LINE.pattern + rb")", re.MULTILINE)
# An invocation of version 3 waits for its END, which names it, for no more than so many lines.
MOST_HELD = 1_000


def recognises(head: bytes) -> bool:
    if RECOGNISED.search(head):
        return True
    return OF_VERSION_2.search(head) is not None and PLATFORM_OF_VERSION_2.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    plain = (_changed(line, ANY_COLOUR.sub(b"", line.raw)) for line in bare_lines(file, problems))
    unnamed = f"unnamed-{zlib.crc32(log.name.encode('utf-8', 'replace')):08x}"
    return events(_with_starts(_unbroken(plain), unnamed, problems))


def _changed(line: Line, text: bytes, stamped: bool = False) -> Line:
    return Line(line.position, text, text, stamped)


def _unbroken(lines: Iterator[Line]) -> Iterator[Line]:
    """Lines in Lambda's words, as far as they are told by themselves or by the line after them."""
    for line in lines:
        text = line.text
        if match := MARKED.match(text):
            restored = match["kind"] + b" RequestId: " + match["id"]
            if match["version"]:
                restored += b" " + match["version"]
            if match["kind"] == b"REPORT":
                restored += b"\t" + next(lines, line).text.rstrip()
            yield _changed(line, restored + b"\n")
        elif match := HEADER.match(text):
            level = match["level"] + b"\t" if match["level"] else b""
            said = next(lines, None)
            yield _logged(line, match, match["id"], level, said.text if said else b"")
        elif match := OFFSET.match(text):
            local = f"{match['date'].decode()}T{match['clock'].decode()}{match['offset'].decode()}"
            yield _logged(line, match, match["id"], match["level"] or b"", text[match.end() :], local)
        elif match := UNNAMED.match(text):
            # The word that Node.js has where there is no id; Python has none.
            nobody = b"" if match["level"] else b"undefined"
            yield _logged(line, match, nobody, match["level"] or b"", text[match.end() :])
        elif UNCLOSED.match(text):
            # The status that stands in the place of the initialisation brings its line feed along.
            yield _changed(line, text.rstrip() + next(lines, line).text)
        else:
            yield _changed(line, INIT.sub(b"INIT_START Runtime ", text, count=1))


def _logged(
    line: Line, match: re.Match[bytes], request_id: bytes, level: bytes, said: bytes, zoned: str | None = None
) -> Line:
    """A line of Node.js, or of Python if its level stands in brackets."""
    time = match["date"] + b"T" + match["clock"] + b"Z"
    if zoned and (count := microseconds(zoned)) is not None:
        utc = EPOCH + count * MICROSECOND
        time = utc.replace(tzinfo=None).isoformat(timespec="milliseconds").encode() + b"Z"
    if level.startswith(b"["):
        return _changed(line, level + time + b"\t" + request_id + b"\t" + said)
    # Everything that Node.js prints has a time, so that what has none continues it; Python prints as it likes.
    return _changed(line, time + b"\t" + request_id + b"\t" + level + said, stamped=True)


def _with_starts(lines: Iterator[Line], unnamed: str, problems: Problems) -> Iterator[Line]:
    """Lines in which the START and the REPORT of version 3 have their ids.

    A START belongs to the END after it only where no other invocation began or ended between them; of any other nobody knows
    what began.
    """
    start: Line | None = None
    held, serving, ended = list[Line](), 0, b""
    for line in lines:
        if line.text.strip() == b"START":
            yield from held
            for lost in (start, line if serving else None):
                _give_up(lost, problems)
            start, held, serving = None if serving else line, [], serving + 1
        elif match := ENDED.match(line.text):
            request_id = ended or f"{unnamed}-{line.position}".encode()
            if start:
                yield _changed(start, b"START RequestId: " + request_id + b"\n")
            yield from held
            yield _changed(line, b"REPORT RequestId: " + request_id + b"\t" + _fields(match["fields"]) + b"\n")
            start, held, serving = None, [], max(0, serving - 1)
        elif start and len(held) < MOST_HELD:
            held.append(line)
        else:
            yield from held
            yield line
            _give_up(start, problems)
            start, held = None, []
        if line.text.strip():
            ended = match["id"] if (match := END.match(line.text)) else b""
    yield from held
    _give_up(start, problems)


def _give_up(start: Line | None, problems: Problems) -> None:
    if start:
        problems.foreign(start.position, start.text)


def _fields(text: bytes) -> bytes:
    match = BRIEF.match(text)
    if not match:
        return text.rstrip()
    fields = [match["duration"], b"Max " + match["memory"]]
    if match["init"]:
        fields.append(b"Init Duration: " + match["init"])
    # The command prints whatever stands in the place of the initialisation.
    if match["status"]:
        fields.append(b"Status: " + match["status"])
    return b"\t".join(fields)


CONTAINER = Container(
    name="serverless-logs",
    recognises=recognises,
    records=records,
    lacks=frozenset(
        {
            "function",
            "log group",
            "colours",
            "stream",
            "environments",
            "lines",
            "time",
            "request ids",
            "version",
            "billed time",
            "memory size",
            "trace",
        }
    ),
)
