"""Results of CloudWatch Logs Insights as JSON: from `aws logs get-query-results`, or downloaded from the console.

The API lists {"field", "value"} pairs a row, several answers may follow each other; the console writes an object a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from msgspec import Struct

from analyzer.ingest.containers import insights
from analyzer.ingest.containers.container import Container, Problems
from analyzer.ingest.containers.json_stream import BOM, decoder, first_value, values
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

API = re.compile(
    rb'\s*(?:\{.{0,4096}?"results"\s*:\s*\[\s*|\[\s*)(?:\[\s*\{\s*"(?:field|value)"\s*:|\]\s*[,}])', re.DOTALL
)
# The way in which Insights writes a time, which shippers that use the same names do not.
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")
# A forwarder of Elastic's writes the same names, and these beside them.
FORWARDED = frozenset({"@log_group", "@log_stream", "@owner", "message"})


class Field(Struct):
    field: str
    value: str = ""


Row = list[Field] | dict[str, Any]
DECODE: Callable[[bytes], Row] = decoder(Row)  # type: ignore[arg-type]


def recognises(head: bytes) -> bool:
    head = head.removeprefix(BOM)
    if API.match(head):
        return True
    row = first_value(head)
    if not isinstance(row, dict) or not row.keys() & insights.OWN or row.keys() & FORWARDED:
        return False
    return "@timestamp" not in row or TIME.fullmatch(str(row["@timestamp"])) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    yield from insights.records(_rows(file, problems), problems)


def _rows(file: BinaryIO, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    for position, row in values(file, DECODE, problems, inside=("results",)):
        yield position, row if isinstance(row, dict) else {one.field: one.value for one in row}


CONTAINER = Container(
    name="insights-json",
    recognises=recognises,
    records=records,
    told_once=True,
    lacks=frozenset({"function", "log group", "stream", "environments", "lines"}),
)
