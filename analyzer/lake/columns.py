"""Rows that reading has found as columns, on their way into the tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from analyzer import arrays
from analyzer.arrays import TIME
from analyzer.lake.tables import STORED


class Columns(Struct, frozen=True, kw_only=True):
    """Invocations that are complete and ok, column by column: runs of `sizes` rows, each from one stretch of one file.

    Where `init_ms` is not a number there was no start-up; `trace_id` has a row for each that is `traced`.
    """

    sizes: list[int]
    functions: list[str | None]
    versions: list[str]
    log_groups: list[str | None]
    streams: list[str | None]
    runtimes: list[str | None]
    sources: list[str]
    request_id: NDArray[np.uint8]
    attempt: NDArray[np.int32]
    start_time: NDArray[np.int64]
    end_time: NDArray[np.int64]
    duration_ms: NDArray[np.float64]
    billed_ms: NDArray[np.float64]
    init_ms: NDArray[np.float64]
    memory_mb: NDArray[np.int32]
    max_memory_mb: NDArray[np.int32]
    traced: NDArray[np.bool_]
    trace_id: NDArray[np.uint8]
    nth: NDArray[np.int32]
    numbered: NDArray[np.bool_]
    position: NDArray[np.int64]

    def batch(self) -> pa.RecordBatch:
        size = len(self.position)
        filled = {
            "function": arrays.repeated(self.functions, self.sizes),
            "version": arrays.repeated(self.versions, self.sizes),
            "log_group": arrays.repeated(self.log_groups, self.sizes),
            "stream": arrays.repeated(self.streams, self.sizes),
            "request_id": arrays.texts_of_one_length(self.request_id),
            "attempt": arrays.numbers(self.attempt, pa.int32()),
            "start_time": arrays.numbers(self.start_time, TIME),
            "end_time": arrays.numbers(self.end_time, TIME),
            "outcome": arrays.repeated(["ok"], [size]),
            "duration_ms": arrays.numbers(self.duration_ms, pa.float64()),
            "billed_ms": arrays.numbers(self.billed_ms, pa.float64()),
            "init_ms": arrays.numbers(self.init_ms, pa.float64(), ~np.isnan(self.init_ms)),
            "memory_mb": arrays.numbers(self.memory_mb, pa.int32()),
            "max_memory_mb": arrays.numbers(self.max_memory_mb, pa.int32()),
            "runtime": arrays.repeated(self.runtimes, self.sizes),
            "trace_id": arrays.texts_of_one_length(self.trace_id, self.traced),
            "nth": arrays.numbers(self.nth, pa.int32(), self.numbered),
            "complete": arrays.truths(np.ones(size, np.bool_)),
            "source": arrays.repeated(self.sources, self.sizes),
            "position": arrays.numbers(self.position, pa.int64()),
        }
        return _batch("invocations", filled, size)


class Texts(Struct, frozen=True):
    """UTF-8 texts one behind the other, and how many bytes each has."""

    sizes: NDArray[np.int32]
    content: NDArray[np.uint8]

    def array(self) -> pa.Array:
        return pa.StringArray.from_buffers(
            len(self.sizes), pa.py_buffer(arrays.begins(self.sizes)), pa.py_buffer(self.content)
        )


class LineColumns(Struct, frozen=True, kw_only=True):
    """Warnings and lines with fields, column by column: runs of `sizes` rows, each from one stretch of one file.

    `level` is an index into `levels`, counted from 1; 0 is none. `fields` says how many of `name` and `value` a row has.
    """

    sizes: list[int]
    functions: list[str | None]
    versions: list[str]
    log_groups: list[str | None]
    streams: list[str | None]
    sources: list[str]
    request_id: NDArray[np.uint8]
    time: NDArray[np.int64]
    level: NDArray[np.uint8]
    levels: tuple[str, ...]
    message: Texts
    fields: NDArray[np.int32]
    name: Texts
    value: NDArray[np.float64]
    position: NDArray[np.int64]

    def batch(self) -> pa.RecordBatch:
        warns = self.level == 1 + self.levels.index("warning")
        filled = {
            "function": arrays.repeated(self.functions, self.sizes),
            "version": arrays.repeated(self.versions, self.sizes),
            "log_group": arrays.repeated(self.log_groups, self.sizes),
            "stream": arrays.repeated(self.streams, self.sizes),
            "request_id": arrays.texts_of_one_length(self.request_id),
            "time": arrays.numbers(self.time, TIME),
            "kind": arrays.coded(warns.astype(np.int32), ("fields", "warning")),
            "level": arrays.coded(self.level.astype(np.int32) - 1, self.levels),
            "message": self.message.array(),
            "fields": pa.MapArray.from_arrays(
                arrays.numbers(arrays.begins(self.fields), pa.int32(), ~np.append(warns, False)),
                self.name.array(),
                arrays.numbers(self.value, pa.float64()),
            ),
            "source": arrays.repeated(self.sources, self.sizes),
            "position": arrays.numbers(self.position, pa.int64()),
        }
        return _batch("events", filled, len(self.position))


def _batch(table: str, filled: dict[str, pa.Array], size: int) -> pa.RecordBatch:
    """Rows of a table of which the other columns are empty."""
    schema = STORED[table]
    return pa.record_batch(
        [filled[column.name] if column.name in filled else pa.nulls(size, column.type) for column in schema],
        schema=schema,
    )
