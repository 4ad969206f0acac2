"""`aws logs filter-log-events` and `get-log-events` with `--output text`: a line of fields for each event, by their names.

The time comes last, after the message and so often on the line below it. With `--query events` the word EVENTS is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import Container, Problems, from_milliseconds
from analyzer.ingest.containers.stamped_lines import STREAM, before_platform_line, events
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

FILTERED = rb"(?:EVENTS\t)?(?P<id>\d{20,60})\t\d{13}\t" + STREAM + rb"\t"
# get-log-events names neither the event nor the stream.
GOT = rb"EVENTS\t\d{13}\t"
STAMP = rb"(?:" + FILTERED + rb"|" + GOT + rb")"
EVENT = re.compile(STAMP)
WITH_PLATFORM_LINE = before_platform_line(STAMP)
# Before the first event of a page or behind the last one come tokens and the names of streams.
PAGE = re.compile(rb"SEARCHEDLOGSTREAMS\t|NEXTTOKEN\t|(?:None|[bf]/\d+/s)\t(?:None|[bf]/\d+/s)\s*$")
ENDED = re.compile(r"(?P<message>.*)\t(?P<time>\d{13})(?P<behind>\r?\n.*)?", re.DOTALL)


def recognises(head: bytes) -> bool:
    return WITH_PLATFORM_LINE.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    seen: set[bytes] = set()
    for stamp, position, text in events(file, EVENT, problems, known=PAGE):
        match = ENDED.fullmatch(text)
        if not match:
            problems(f"the event at byte {position} breaks off before its time")
        elif match["behind"]:
            place = position + len(stamp[0]) + len(text[: match.start("behind")].encode())
            problems.foreign(place, match["behind"].encode())
        message = match["message"] if match else text
        if stamp["id"] and stamp["id"] in seen:
            problems.repeated(message)
            continue
        if stamp["id"]:
            seen.add(stamp["id"])
        time = from_milliseconds(int(match["time"])) if match else None
        stream = stamp["stream"].decode("utf-8", "replace") if stamp["stream"] else log.name
        yield Record(message.rstrip(), position, time, stream)


CONTAINER = Container(
    name="log-events-text", recognises=recognises, records=records, lacks=frozenset({"function", "log group", "stream"})
)
