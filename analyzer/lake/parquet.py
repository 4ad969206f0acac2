"""How Parquet holds the tables, and what is read from its files and copied without a query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analyzer import arrays
from analyzer.duplicates import NO_ROWS
from analyzer.lake.tables import EVENTS, FEW, INVOCATIONS, STORED

# How columns with many values are written: numbers that climb as differences, fractions byte by byte.
ENCODINGS = {
    **dict.fromkeys(("start_time", "end_time", "time", "position", "nth", "attempt"), "DELTA_BINARY_PACKED"),
    **dict.fromkeys(("duration_ms", "billed_ms", "init_ms"), "BYTE_STREAM_SPLIT"),
}
SMALL_NUMBERS = ("memory_mb", "max_memory_mb")
# How Parquet names the two sides of a map.
FIELD_NAME, FIELD_VALUE = "fields.key_value.key", "fields.key_value.value"
# Ids are random, so that packing them takes longer than everything else together and saves a third of the file. Messages are
# long and alike, and zstd packs them to three fifths of what snappy does.
PACKING = {
    **{column.name: "snappy" for column in (*INVOCATIONS, *EVENTS)},
    **dict.fromkeys((FIELD_NAME, FIELD_VALUE), "snappy"),
    "message": "zstd",
    **dict.fromkeys(("request_id", "trace_id"), "none"),
}
# Rows that are held in memory before they become a row group: about 30 MB of Python objects, or as much of columns.
ROW_GROUP, COLUMN_GROUP = 50_000, 125_000


def writer(table: str, path: Path) -> pq.ParquetWriter:
    # Without the schema of Arrow the file says "string" where the writer was given a dictionary.
    return pq.ParquetWriter(
        path,
        STORED[table],
        compression=PACKING,
        store_schema=False,
        use_dictionary=[*FEW, *SMALL_NUMBERS, FIELD_NAME],
        column_encoding=ENCODINGS,
        write_statistics=["function", "end_time", "duration_ms", "time"],
    )


def copy(table: str, rows_of: Iterable[tuple[Path, NDArray[np.int64]]], target: Path) -> None:
    """Write the rows of some parts into one, but for those whose numbers are given, which count from 0 in each part."""
    dictionaries = [column.name for column in STORED[table] if column.name in FEW]
    with writer(table, target) as written:
        waiting: list[pa.Table] = []

        def write() -> None:
            written.write_table(pa.concat_tables(waiting).unify_dictionaries().cast(written.schema))
            waiting.clear()

        for part, left_out in rows_of:
            begin = 0
            with pq.ParquetFile(part, read_dictionary=dictionaries, pre_buffer=False) as file:
                for batch in file.iter_batches(ROW_GROUP):
                    stays = np.ones(batch.num_rows, np.bool_)
                    stays[left_out[(left_out >= begin) & (left_out < begin + len(stays))] - begin] = False
                    begin += len(stays)
                    waiting.append(pa.Table.from_batches([batch]).filter(arrays.truths(stays)))
                    if sum(rows.num_rows for rows in waiting) >= ROW_GROUP:
                        write()
        if waiting:
            write()


def rows_from(part: Path, sources: Sequence[str]) -> NDArray[np.int64]:
    """The numbers of the rows that were read from one of these files."""
    if not sources:
        return NO_ROWS
    wanted = frozenset(sources)
    return np.flatnonzero([source in wanted for source in read(part, ["source"]).column("source").to_pylist()])


def read(part: Path, columns: list[str] | None = None) -> pa.Table:
    # `read_table` goes through pyarrow.dataset, which loads pandas.
    with pq.ParquetFile(part) as file:
        return file.read(columns)
