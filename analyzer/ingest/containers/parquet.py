"""Any Parquet file with a column of log lines. The column is found by its content, as in CSV."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from analyzer.ingest.containers.by_time import by_time
from analyzer.ingest.containers.container import PLATFORM_LINE, Container, Problems
from analyzer.ingest.containers.json_stream import as_text
from analyzer.ingest.containers.shipped import facts_of, place_of
from analyzer.ingest.containers.times import time_of
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

BATCH = 8_192
# So many rows are looked at to find the column.
SAMPLE = 65_536
DAMAGED = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError)


def recognises(head: bytes) -> bool:
    return head.startswith(b"PAR1")


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    # Its table of contents stands at its end, so it is read from a place where one can go back.
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield from by_time(_records(copy, problems), problems)


def _records(file: IO[bytes], problems: Problems) -> Iterator[Record]:
    rows = 0
    try:
        table = pq.ParquetFile(file)
        texts = [field.name for field in table.schema_arrow if _holds_text(field.type)]
        line = _column(table, texts)
        if line is None:
            problems("no column of this Parquet file holds lines that Lambda's platform writes")
            return
        columns = [field.name for field in table.schema_arrow if _is_flat(field.type)]
        times = [field.name for field in table.schema_arrow if pa.types.is_timestamp(field.type)]
        for batch in table.iter_batches(batch_size=BATCH, columns=columns):
            for row in _rows(batch):
                if isinstance(text := row[line], str):
                    yield _record(text, row, times, rows)
                else:
                    problems.foreign(rows, as_text(row))
                rows += 1
    except DAMAGED as problem:
        problems(f"this Parquet file is damaged after {rows} rows: {problem}")


def _holds_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


def _is_flat(kind: pa.DataType) -> bool:
    return _holds_text(kind) or bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_timestamp(kind)
        or pa.types.is_dictionary(kind)
    )


def _column(table: pq.ParquetFile, names: Sequence[str]) -> str | None:
    """The first column of which a cell begins as a line of the platform does."""
    looked_at = 0
    for batch in table.iter_batches(batch_size=BATCH, columns=list(names)) if names else ():
        for row in _rows(batch):
            for name, value in row.items():
                if isinstance(value, str) and PLATFORM_LINE.match(value.encode()):
                    return name
        looked_at += batch.num_rows
        if looked_at >= SAMPLE:
            break
    return None


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Rows by name; times as microseconds, bytes as text."""
    names, columns = batch.schema.names, []
    for column in batch.columns:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
        columns.append(column.to_pylist())
    for values in zip(*columns, strict=True):
        yield {
            name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            for name, value in zip(names, values, strict=True)
        }


def _record(line: str, row: dict[str, Any], times: list[str], number: int) -> Record:
    """A row has no place in the file that could be found again, so its number stands for it."""
    place = place_of(facts_of(row), row)
    time = place.time
    if time is None:
        time = next((time for name in times if (time := time_of(row[name])) is not None), None)
    return Record(line.rstrip(), number, time, place.stream, place.log_group, place.function)


CONTAINER = Container(
    name="parquet",
    recognises=recognises,
    records=records,
    told_once=True,
    lacks=frozenset({"function", "log group", "stream", "environments", "lines"}),
)
