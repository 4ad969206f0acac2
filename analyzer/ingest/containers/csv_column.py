"""Any CSV with a column of log lines, such as searches of Datadog, Kibana and Splunk export.

The column is found by its content: its cells begin as Lambda's platform begins its lines. Searches export the newest
first, so the lines are sorted by time.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers import console_csv, insights_csv
from analyzer.ingest.containers.by_time import by_time
from analyzer.ingest.containers.container import PLATFORM_LINE, Container, Problems
from analyzer.ingest.containers.csv_rows import csv_rows
from analyzer.ingest.containers.shipped import facts_of, place_of
from analyzer.ingest.containers.times import time_of
from analyzer.ingest.packing import peek
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

DELIMITERS = (",", ";")
# So much of the file is looked at to find the column.
HEAD = 1 << 18
# A header is short; text with a comma in it is not one.
LONGEST_HEADER = 1 << 12


class _Table:
    """What the beginning of a table shows: its delimiter, its header if it has one, the places of the line and the time."""

    def __init__(self, delimiter: str, columns: int, header: list[str] | None, line: int, time: int | None) -> None:
        self.delimiter = delimiter
        self.columns = columns
        self.header = header
        self.line = line
        self.time = time


def _table(head: bytes) -> _Table | None:
    # CSV doubles the quotes of JSON.
    if PLATFORM_LINE.search(head.replace(b'""', b'"')) is None or b"\0" in head or head.lstrip()[:1] in (b"{", b"["):
        return None
    return next((table for delimiter in DELIMITERS if (table := _separated(head, delimiter))), None)


def _separated(head: bytes, delimiter: str) -> _Table | None:
    rows = csv_rows(io.BytesIO(head), Problems(), delimiter)
    _, first = next(rows, (0, []))
    # Most files end here, before anything else of them is looked at.
    if len(first) < 2 or sum(map(len, first)) > LONGEST_HEADER:
        return None
    others = [row for _, row in rows]
    like = [first, *(row for row in others if len(row) == len(first))]
    # The last row may be cut off where the head ends, and somebody may have written something in between.
    if len(like) < 3 * len(others) // 4:
        return None
    line = next((place for row in like for place, cell in enumerate(row) if _is_platform(cell)), None)
    if line is None:
        return None
    header = None if any(_is_platform(cell) or time_of(cell) is not None for cell in first) else first
    time = next((place for place, cell in enumerate(like[-1]) if place != line and time_of(cell) is not None), None)
    return _Table(delimiter, len(first), header, line, time)


def _is_platform(cell: str) -> bool:
    return PLATFORM_LINE.match(cell.encode()) is not None


def recognises(head: bytes) -> bool:
    if console_csv.recognises(head) or insights_csv.recognises(head):
        return False
    return _table(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    head, file = peek(file, HEAD)
    table = _table(head)
    if table is not None:
        yield from by_time(_records(file, table, problems), problems)


def _records(file: BinaryIO, table: _Table, problems: Problems) -> Iterator[Record]:
    rows = csv_rows(file, problems, table.delimiter)
    for position, cells in rows:
        # Each of several files that somebody put together has a header.
        if cells == table.header:
            continue
        if len(cells) < table.columns:
            problems.foreign(position, table.delimiter.join(cells))
            continue
        if len(cells) > table.columns:
            problems(f"the row at byte {position} has more columns than the header")
        event = dict(zip(table.header or [], cells, strict=False))
        place = place_of(facts_of(event), event)
        time = place.time
        if time is None and table.time is not None:
            time = time_of(cells[table.time])
        yield Record(cells[table.line].rstrip(), position, time, place.stream, place.log_group, place.function)


CONTAINER = Container(
    name="csv-column",
    recognises=recognises,
    records=records,
    told_once=True,
    lacks=frozenset({"function", "log group", "stream", "environments", "lines"}),
)
