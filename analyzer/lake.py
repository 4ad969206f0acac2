"""The lake: plain Parquet in three folders, readable by anything, and the engine that answers questions about it.

    LAKE/invocations/<commit>.parquet
    LAKE/events/<commit>.parquet
    LAKE/sources/<commit>.parquet      renamed into place last

A commit exists once its sources file does. Rows are first written to hidden files, so a process that dies on the way
leaves a lake that reads as if the files in hand had not been tried.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from msgspec.structs import astuple
from numpy.typing import NDArray

from analyzer.errors import UserError
from analyzer.model import Evidence, Invocation, NotableLine, Source

if TYPE_CHECKING:
    import pandas as pd

TIME = pa.timestamp("us", tz="UTC")

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
    ]
)

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
    if table == "invocations"
}
# How the other columns are written: numbers that climb as differences, fractions byte by byte. Ids are random, so that packing
# them takes longer than everything else together and saves a third of the file.
ENCODINGS = {
    **dict.fromkeys(("start_time", "end_time", "position", "nth", "attempt"), "DELTA_BINARY_PACKED"),
    **dict.fromkeys(("duration_ms", "billed_ms", "init_ms"), "BYTE_STREAM_SPLIT"),
}
SMALL_NUMBERS = ("memory_mb", "max_memory_mb")
PACKING = {
    column.name: "none" if column.name in ("request_id", "trace_id") else "snappy" for column in TABLES["invocations"]
}

# Rows held in memory before they become a Parquet row group: about 30 MB of Python objects, or as much of columns.
ROW_GROUP, COLUMN_GROUP = 50_000, 125_000
# A result of more rows is a picture or a list of groups, and stands in the report in that form.
MOST_KEPT = 5
# So few invocations, some 50 MB of them, are read into memory once. A question about them takes less time than handing it
# to a second thread, and less than opening the files again would.
MOST_IN_MEMORY = 200_000


class Lake:
    """A folder of Parquet. Making one creates the folder; nothing else is ever deleted or rewritten by it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            for table in TABLES:
                (folder / table).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise UserError(f"cannot make a lake in {folder}: {problem.strerror}") from problem

    def commits(self) -> list[str]:
        """Names of all commits, oldest first."""
        return sorted(part.stem for part in (self.folder / "sources").glob("*.parquet"))

    def digests(self) -> set[str]:
        """SHA-256 of every file that is already in the lake."""
        known: set[str] = set()
        for commit in self.commits():
            table = pq.read_table(self.folder / "sources" / f"{commit}.parquet", columns=["sha256"])
            known.update(table.column("sha256").to_pylist())
        return known

    def write(self) -> Commit:
        return Commit(self.folder)

    def open(self) -> Engine:
        return Engine(self)

    def invocations(self) -> pd.DataFrame:
        """Every invocation as a pandas DataFrame; columns and units as in the table of the same name."""
        with self.open() as engine:
            return engine.table("SELECT * FROM invocations ORDER BY end_time, source, position").to_pandas()


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
        arrays = {
            "function": _repeated(self.functions, self.sizes),
            "version": _repeated(self.versions, self.sizes),
            "log_group": _repeated(self.log_groups, self.sizes),
            "stream": _repeated(self.streams, self.sizes),
            "request_id": _fixed(self.request_id),
            "attempt": pa.array(self.attempt),
            "start_time": pa.array(self.start_time).cast(TIME),
            "end_time": pa.array(self.end_time).cast(TIME),
            "outcome": _repeated(["ok"], [size]),
            "duration_ms": pa.array(self.duration_ms),
            "billed_ms": pa.array(self.billed_ms),
            "init_ms": pa.array(self.init_ms, from_pandas=True),
            "memory_mb": pa.array(self.memory_mb),
            "max_memory_mb": pa.array(self.max_memory_mb),
            "runtime": _repeated(self.runtimes, self.sizes),
            "trace_id": _fixed(self.trace_id, self.traced),
            "nth": pa.array(self.nth, mask=~self.numbered),
            "complete": pa.repeat(pa.scalar(True), size),
            "source": _repeated(self.sources, self.sizes),
            "position": pa.array(self.position),
        }
        return pa.record_batch(
            [
                arrays[column.name] if column.name in arrays else pa.nulls(size, column.type)
                for column in STORED["invocations"]
            ],
            schema=STORED["invocations"],
        )


def _repeated(values: Sequence[str | None], sizes: Sequence[int]) -> pa.Array:
    """Each value as many times as its size says."""
    distinct = [value for value in dict.fromkeys(values) if value is not None]
    places: dict[str | None, int] = {value: place for place, value in enumerate(distinct)}
    if not distinct:
        return pa.nulls(sum(sizes), pa.dictionary(pa.int32(), pa.string()))
    codes = np.repeat(np.array([places.get(value, -1) for value in values], np.int32), sizes)
    indices = pa.array(codes, mask=codes < 0 if None in values else None)
    return pa.DictionaryArray.from_arrays(indices, pa.array(distinct, pa.string()))


def _fixed(cells: NDArray[np.uint8], where: NDArray[np.bool_] | None = None) -> pa.Array:
    """Texts of one length, one a row of `cells`; where `where` is false there is none."""
    width = cells.shape[1]
    if where is None:
        offsets = np.arange(len(cells) + 1, dtype=np.int32) * width
        return pa.StringArray.from_buffers(len(cells), pa.py_buffer(offsets), pa.py_buffer(cells))
    offsets = np.zeros(len(where) + 1, np.int32)
    np.cumsum(where, out=offsets[1:])
    offsets *= width
    valid = pa.py_buffer(np.packbits(where, bitorder="little"))
    return pa.StringArray.from_buffers(
        len(where), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(cells)), valid
    )


class Commit:
    """Rows on their way into the lake. Used as a context manager: leaving it normally makes them visible, an exception does not."""

    def __init__(self, folder: Path) -> None:
        # The name sorts by time, so that reading order is writing order; the random tail keeps parallel ingests apart.
        self.name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        self.folder = folder
        self.rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}
        self.batches: list[pa.RecordBatch] = []
        self.writers: dict[str, pq.ParquetWriter] = {}
        self.sources = 0
        self.invocations = 0

    def __enter__(self) -> Commit:
        return self

    def add_invocations(self, rows: Iterable[Invocation]) -> None:
        before = len(self.rows["invocations"])
        self._add("invocations", rows)
        self.invocations += len(self.rows["invocations"]) - before
        self._flush("invocations", at_least=ROW_GROUP)

    def add_columns(self, columns: Columns) -> None:
        batch = columns.batch()
        self.invocations += batch.num_rows
        self.batches.append(batch)
        if sum(waiting.num_rows for waiting in self.batches) >= COLUMN_GROUP:
            self._flush_batches()

    def add_lines(self, rows: Iterable[NotableLine]) -> None:
        self._add("events", rows)
        self._flush("events", at_least=ROW_GROUP)

    def add_sources(self, rows: Iterable[Source]) -> None:
        before = len(self.rows["sources"])
        self._add("sources", rows)
        self.sources += len(self.rows["sources"]) - before

    def _add(self, table: str, rows: Iterable[Struct]) -> None:
        self.rows[table].extend(astuple(row) for row in rows)

    def _hidden(self, table: str) -> Path:
        return self.folder / table / f".{self.name}.tmp"

    def _flush(self, table: str, at_least: int) -> None:
        rows = self.rows[table]
        if len(rows) < at_least:
            return
        schema = TABLES[table]
        columns = zip(*rows, strict=True) if rows else [()] * len(schema)
        arrays = [
            pa.array(_pairs(column) if name == "fields" else column, type=schema.field(name).type)
            for name, column in zip(schema.names, columns, strict=True)
        ]
        self._writer(table).write_table(_stored(table, pa.table(arrays, schema=schema)))
        rows.clear()

    def _flush_batches(self) -> None:
        if self.batches:
            table = pa.concat_tables([pa.Table.from_batches([batch]) for batch in self.batches]).unify_dictionaries()
            self._writer("invocations").write_table(table)
            self.batches.clear()

    def _writer(self, table: str) -> pq.ParquetWriter:
        if table not in self.writers:
            # Without the schema of Arrow the file says "string" where the writer was given a dictionary.
            stored = table in STORED
            self.writers[table] = pq.ParquetWriter(
                self._hidden(table),
                STORED.get(table, TABLES[table]),
                compression=PACKING if stored else "zstd",
                store_schema=not stored,
                use_dictionary=[*FEW, *SMALL_NUMBERS] if stored else True,
                column_encoding=ENCODINGS if stored else None,
                write_statistics=["end_time", "duration_ms"] if stored else True,
            )
        return self.writers[table]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self.sources:
                self._flush_batches()
                for table in TABLES:
                    self._flush(table, at_least=0)
                for writer in self.writers.values():
                    writer.close()
                for table in TABLES:  # sources last: its appearance is the commit
                    self._hidden(table).rename(self.folder / table / f"{self.name}.parquet")
        except OSError as problem:
            raise UserError(f"cannot write to the lake {self.folder}: {problem.strerror or problem}") from problem
        finally:
            for table in TABLES:
                self._hidden(table).unlink(missing_ok=True)


def _stored(table: str, rows: pa.Table) -> pa.Table:
    return rows.cast(STORED[table]) if table in STORED else rows


def _pairs(column: Sequence[dict[str, float] | None]) -> list[list[tuple[str, float]] | None]:
    """Arrow wants a map as a list of pairs."""
    return [None if cell is None else list(cell.items()) for cell in column]


class Answer(Struct, frozen=True):
    """What a question gave: its rows as dictionaries, and the id under which it is kept as evidence."""

    id: str
    rows: list[dict[str, Any]]

    @property
    def row(self) -> dict[str, Any]:
        """The only row."""
        (row,) = self.rows
        return row


class Engine:
    """SQL over what is committed (tables: invocations, events, sources), keeping a record of each question asked."""

    def __init__(self, lake: Lake) -> None:
        self.connection = duckdb.connect(":memory:")
        self.connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        self.evidence: dict[str, Evidence] = {}
        self.answers: dict[str, Answer] = {}
        self.known: dict[str, list[dict[str, Any]]] = {}
        commits = lake.commits()
        if not commits:
            for table, schema in TABLES.items():
                self.connection.register(table, schema.empty_table())
            return
        files = {
            table: f"read_parquet([{_quoted_list([lake.folder / table / f'{commit}.parquet' for commit in commits])}])"
            for table in TABLES
        }
        (stored,) = self.numbers(f"SELECT count(*) AS n FROM {files['invocations']}")
        small = stored["n"] <= MOST_IN_MEMORY
        if small:
            self.connection.execute("SET threads = 1")
        for table in TABLES:
            kept = "TABLE" if small else "VIEW"
            self.connection.execute(f"CREATE {kept} {table} AS SELECT * FROM {files[table]}")

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def ask(self, sql: str) -> Answer:
        """Run a question whose result ends in a report, and keep its text and the digest of its rows as evidence.

        Floating-point results are kept to nine significant digits: sums made by several threads differ in the last bits
        from run to run, and the same logs must give the same bytes.
        """
        if sql in self.answers:
            return self.answers[sql]
        rows = [{name: steady(cell) for name, cell in row.items()} for row in self.numbers(sql)]
        number = f"q{len(self.evidence) + 1}"
        digest = hashlib.sha256(json.dumps(rows, default=str, separators=(",", ":")).encode()).hexdigest()
        self.evidence[number] = Evidence(
            id=number, sql=sql, rows=len(rows), result_sha256=digest, result=rows if len(rows) <= MOST_KEPT else None
        )
        self.answers[sql] = Answer(number, rows)
        return self.answers[sql]

    def numbers(self, sql: str) -> list[dict[str, Any]]:
        """Rows without columns of times, as dictionaries; the same query is run only once.

        DuckDB hands numbers and texts over a third faster than Arrow does where results are small. For times it wants a
        further package.
        """
        if sql not in self.known:
            cursor = self.connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            self.known[sql] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return self.known[sql]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of any kind as dictionaries."""
        rows: list[dict[str, Any]] = self.table(sql).to_pylist()
        return rows

    def table(self, sql: str) -> pa.Table:
        """Run a query and give its result as an Arrow table, which carries UTC times without further packages."""
        return self.connection.sql(sql).to_arrow_table()


def text_literal(text: str) -> str:
    """A SQL string literal that means exactly `text`."""
    return "'" + text.replace("'", "''") + "'"


def _quoted_list(parts: Sequence[Path]) -> str:
    # A bracket, star or question mark in the lake's own path would be read as a glob.
    escaped = (str(part).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for part in parts)
    return ", ".join(text_literal(part) for part in escaped)


def steady(cell: Any) -> Any:
    """A cell to nine digits: sums made by several threads differ in the last bits."""
    if isinstance(cell, Decimal):
        # A sum of integers comes as a decimal without places.
        cell = int(cell) if cell.as_tuple().exponent == 0 else float(cell)
    return float(f"{cell:.9g}") if isinstance(cell, float) else cell
