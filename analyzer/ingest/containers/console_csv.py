"""The console's "Download search results (CSV)": `timestamp,message` of a stream, or with `logStreamName` of a group.

The console writes an apostrophe in front of the opening quote of messages that a spreadsheet would take for a formula,
which throws CSV readers out of step. It is taken away before the fields are split. The console also turns the escapes of
line feeds inside JSON messages into line feeds, which JSON does not allow; they are escaped again.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import Container, Problems, from_milliseconds
from analyzer.ingest.containers.lines import LONGEST_EVENT, lines_of
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

HEADER = re.compile(rb"timestamp,message(?:,logStreamName)?\r?\n")
ROW = re.compile(rb"\d{13},")
TIME = re.compile(r"\d{13}", re.ASCII)
FORMULA_GUARD = re.compile(r"(\d{13},)'(?=\")")

CONTROL = re.compile(r"[\x00-\x1f]")
# One without an end is a string too, or the search would begin again behind each quotation mark of it.
JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)


def recognises(head: bytes) -> bool:
    return HEADER.match(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    header = file.readline()
    columns = header.strip().decode("utf-8", "replace").split(",")
    csv.field_size_limit(2 * LONGEST_EVENT)
    for position, row in _rows(file, len(header), problems):
        lines = io.StringIO(FORMULA_GUARD.sub(r"\1", row, count=1), newline="")
        try:
            cells = next(csv.reader(lines), [])
        except csv.Error:
            problems(f"the row at byte {position} is not CSV")
            continue
        behind = lines.read().encode()
        place = position + len(row.encode()) - len(behind)
        for line in behind.split(b"\n"):
            # Each of several files that somebody put together has a header.
            if line.strip() != header.strip():
                problems.foreign(place, line)
            place += len(line) + 1
        fields = dict(zip(columns, cells, strict=False))
        if "message" not in fields or not TIME.fullmatch(fields["timestamp"]):
            problems.foreign(position, row)
            continue
        # The view of one stream does not name it: the file is the stream.
        stream = fields.get("logStreamName") or log.name
        yield Record(
            _escaped(fields["message"].rstrip()), position, from_milliseconds(int(fields["timestamp"])), stream
        )


def _escaped(message: str) -> str:
    """A JSON message with its control characters escaped, if only they keep it from being JSON."""
    if not message.startswith("{") or not CONTROL.search(message):
        return message
    if _is_json(message):
        return message
    escaped = JSON_STRING.sub(lambda text: CONTROL.sub(lambda found: json.dumps(found[0])[1:-1], text[0]), message)
    return escaped if _is_json(escaped) else message


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _rows(file: BinaryIO, behind_header: int, problems: Problems) -> Iterator[tuple[int, str]]:
    """Rows as text. A row goes on over lines until its quotes are even, and is no longer than an event can be."""
    parts: list[bytes] = []
    begin, quotes = behind_header, 0
    for place, line in lines_of(file, problems):
        position = behind_header + place
        if parts and ((quotes % 2 == 0 and ROW.match(line)) or position - begin > LONGEST_EVENT):
            yield begin, _text(parts)
            parts, quotes, begin = [], 0, position
        parts.append(line)
        quotes += line.count(b'"')
    if parts:
        yield begin, _text(parts)


def _text(parts: list[bytes]) -> str:
    return b"".join(parts).decode("utf-8", "replace").rstrip("\r\n")


CONTAINER = Container(
    name="console-csv", recognises=recognises, records=records, lacks=frozenset({"function", "log group", "stream"})
)
