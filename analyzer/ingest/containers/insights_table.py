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
from analyzer.ingest.containers.lines import LONGEST_EVENT, lines_of
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

MESSAGE = ("@message", "message")
HEADER = re.compile(rb"^[ \t]*\|(?:[ \t]*@?\w+[ \t]*\|)+[ \t]*\r?$", re.MULTILINE)
RULE = re.compile(rb"[ \t]*[|+:\-=][|+:\-= \t]*\r?\n?")
# What the console says of a query stands between this and the table.
ASKED = re.compile(rb"\*\*CloudWatch Logs Insights\*\*")


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
    """Rows under the last header; one begins with a bar and goes on to a bar at the end of a line."""
    columns: list[str] = []
    begin, parts, said = 0, list[bytes](), False
    for offset, line in lines_of(file, problems):
        if ASKED.match(line):
            columns, said = [], True
        if HEADER.fullmatch(line.rstrip(b"\n")) and not _names(line).isdisjoint(insights.OWN | {*MESSAGE}):
            if parts:
                problems(f"the row at byte {begin} has no end")
            columns, parts, said = _cells(line.decode("utf-8", "replace")), [], False
        elif parts or (columns and line.lstrip(b" \t").startswith(b"|") and not RULE.fullmatch(line)):
            begin = begin if parts else offset
            parts.append(line)
        elif not (said or RULE.fullmatch(line)):
            problems.foreign(offset, line)
        if parts and line.rstrip().endswith(b"|"):
            yield begin, _row(b"".join(parts).decode("utf-8", "replace"), columns)
            parts = []
        elif parts and offset + len(line) - begin > LONGEST_EVENT:
            problems(f"the row at byte {begin} has no end")
            parts = []
    if parts:
        problems(f"the row at byte {begin} has no end")


def _row(text: str, columns: list[str]) -> dict[str, str]:
    inner = text.strip().removeprefix("|").removesuffix("|")
    place = next((number for number, name in enumerate(columns) if name in MESSAGE), len(columns) - 1)
    behind = len(columns) - 1 - place
    *before, rest = inner.split("|", place)
    message, *after = rest.rsplit("|", behind) if behind else [rest]
    return dict(zip(columns, [cell.strip(" ") for cell in (*before, message, *after)], strict=False))


CONTAINER = Container(
    name="insights-table",
    recognises=recognises,
    records=records,
    told_once=True,
    lacks=frozenset({"function", "log group", "stream", "environments", "lines", "white space"}),
)
