"""Tables copied out of the CloudWatch console: Markdown from Logs Insights, or columns between bars from the log viewer.

A bar inside a message is not told apart from one between columns. So the columns before the message are counted from
the left and those behind it from the right, and what remains between them is the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers import insights
from analyzer.ingest.containers.container import PLATFORM_LINE, Container, Problems
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

MESSAGE = ("@message", "message")
HEADER = re.compile(rb"^[ \t]*\|(?:[ \t]*@?\w+[ \t]*\|)+[ \t]*\r?$", re.MULTILINE)
RULE = re.compile(rb"[ \t]*[|+:\-=][|+:\-= \t]*\r?\n?")
# A message may have line feeds. One that ends nowhere ends here.
LONGEST_ROW = 1 << 21


def recognises(head: bytes) -> bool:
    return any(
        _names(header[0]).intersection(MESSAGE) and PLATFORM_LINE.search(head, header.end()) is not None
        for header in HEADER.finditer(head)
    ) or any(not insights.OWN.isdisjoint(_names(header[0])) for header in HEADER.finditer(head))


def _names(header: bytes) -> set[str]:
    return set(_cells(header.decode("utf-8", "replace")))


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    yield from insights.records(_rows(file, problems), problems)


def _rows(file: BinaryIO, problems: Problems) -> Iterator[tuple[int, dict[str, str]]]:
    columns: list[str] = []
    for position, text in _lines(file, problems):
        if HEADER.fullmatch(text.rstrip(b"\r\n")) and not _names(text).isdisjoint(insights.OWN | {*MESSAGE}):
            columns = _cells(text.decode("utf-8", "replace"))
        elif columns and not RULE.fullmatch(text):
            yield position, _row(text.decode("utf-8", "replace"), columns)


def _lines(file: BinaryIO, problems: Problems) -> Iterator[tuple[int, bytes]]:
    """What begins with a bar, up to the bar at its end."""
    begin, offset, parts = 0, 0, list[bytes]()
    for line in file:
        if not parts and line.lstrip(b" \t").startswith(b"|"):
            begin = offset
            parts = [line]
        elif parts:
            parts.append(line)
        offset += len(line)
        if parts and (line.rstrip().endswith(b"|") or offset - begin > LONGEST_ROW):
            if offset - begin > LONGEST_ROW:
                problems(f"the row at byte {begin} has no end")
            else:
                yield begin, b"".join(parts)
            parts = []


def _row(text: str, columns: list[str]) -> dict[str, str]:
    inner = text.strip().removeprefix("|").removesuffix("|")
    place = next((number for number, name in enumerate(columns) if name in MESSAGE), len(columns) - 1)
    behind = len(columns) - 1 - place
    *before, rest = inner.split("|", place)
    message, *after = rest.rsplit("|", behind) if behind else [rest]
    return dict(zip(columns, [cell.strip() for cell in (*before, message, *after)], strict=False))


CONTAINER = Container(
    name="insights-table",
    recognises=recognises,
    records=records,
    whole=False,
    lacks=(*insights.LACKS, insights.NO_STREAM, "tabs and repeated spaces of messages, where the console dropped them"),
)
