"""Results of CloudWatch Logs Insights as CSV, downloaded from the console: the header names the fields."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers import insights
from analyzer.ingest.containers.container import Container, Problems
from analyzer.ingest.containers.csv_rows import csv_rows
from analyzer.ingest.containers.json_stream import BOM
from analyzer.ingest.sources import LogFile
from analyzer.model import Record


def recognises(head: bytes) -> bool:
    line = head.removeprefix(BOM).partition(b"\n")[0].rstrip(b"\r")
    if b"@" not in line or len(line) > 4096:
        return False
    try:
        (header,) = csv.reader([line.decode()])
    except (ValueError, csv.Error):
        return False
    return not insights.OWN.isdisjoint(header)


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    yield from insights.records(_rows(file, problems), problems)


def _rows(file: BinaryIO, problems: Problems) -> Iterator[tuple[int, dict[str, str]]]:
    rows = csv_rows(file, problems)
    _, header = next(rows, (0, []))
    for position, cells in rows:
        # Each of several files that somebody put together has a header.
        if cells == header:
            continue
        if len(cells) < len(header):
            problems.foreign(position, ",".join(cells))
            continue
        if len(cells) > len(header):
            problems(f"the row at byte {position} has more columns than the header")
        yield position, dict(zip(header, cells, strict=False))


CONTAINER = Container(
    name="insights-csv",
    recognises=recognises,
    records=records,
    told_once=True,
    lacks=frozenset({"function", "log group", "stream", "environments", "lines"}),
)
