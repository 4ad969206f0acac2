"""The tables of the lake: their columns, and of what kind each is."""

from __future__ import annotations

import pyarrow as pa

from analyzer.arrays import TIME

INVOCATIONS = pa.schema(
    [
        ("function", pa.string()),
        ("version", pa.string()),
        ("log_group", pa.string()),
        ("stream", pa.string()),
        ("request_id", pa.string()),
        ("attempt", pa.int32()),
        ("start_time", TIME),
        ("end_time", TIME),
        ("outcome", pa.string()),
        ("error_type", pa.string()),
        ("fingerprint", pa.string()),
        ("duration_ms", pa.float64()),
        ("billed_ms", pa.float64()),
        ("init_ms", pa.float64()),
        ("restore_ms", pa.float64()),
        ("billed_restore_ms", pa.float64()),
        ("memory_mb", pa.int32()),
        ("max_memory_mb", pa.int32()),
        ("timeout_s", pa.float64()),
        ("runtime", pa.string()),
        ("trace_id", pa.string()),
        ("nth", pa.int32()),
        ("complete", pa.bool_()),
        ("source", pa.string()),
        ("position", pa.int64()),
    ]
)

EVENTS = pa.schema(
    [
        ("function", pa.string()),
        ("version", pa.string()),
        ("log_group", pa.string()),
        ("stream", pa.string()),
        ("request_id", pa.string()),
        ("time", TIME),
        ("kind", pa.string()),
        ("level", pa.string()),
        ("error_type", pa.string()),
        ("message", pa.string()),
        ("fingerprint", pa.string()),
        ("fields", pa.map_(pa.string(), pa.float64())),
        ("source", pa.string()),
        ("position", pa.int64()),
    ]
)

SOURCES = pa.schema(
    [
        ("source", pa.string()),
        ("sha256", pa.string()),
        ("bytes", pa.int64()),
        ("container", pa.string()),
        ("lines", pa.int64()),
        ("understood", pa.int64()),
        ("first_time", TIME),
        ("last_time", TIME),
        ("problems", pa.list_(pa.string())),
        ("duplicates", pa.int64()),
    ]
)
# Where a sources file names the commits whose rows its own has taken over.
REPLACES = b"replaces"

TABLES = {"invocations": INVOCATIONS, "events": EVENTS, "sources": SOURCES}

# Columns with few different values, which the writer takes as a dictionary; in the file they are plain strings.
FEW = frozenset(
    {"function", "version", "log_group", "stream", "outcome", "error_type", "fingerprint", "runtime", "source"}
    | {"kind", "level"}
)
STORED = {
    table: pa.schema(
        [
            pa.field(column.name, pa.dictionary(pa.int32(), column.type) if column.name in FEW else column.type)
            for column in schema
        ]
    )
    for table, schema in TABLES.items()
    if table != "sources"
}
