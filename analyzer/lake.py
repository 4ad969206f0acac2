"""The lake: plain Parquet in three folders, readable by anything, and the engine that answers questions about it.

    LAKE/invocations/<commit>.parquet
    LAKE/events/<commit>.parquet
    LAKE/sources/<commit>.parquet      renamed into place last

A commit exists once its sources file does. Rows are first written to hidden files, so a process that dies on the way
leaves a lake that reads as if the files in hand had not been tried. A commit may take the rows of others over; its sources
file names those, and from then on they are not read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate, groupby
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from msgspec.structs import astuple, replace
from numpy.typing import NDArray

from analyzer import arrays, parts
from analyzer.arrays import TIME
from analyzer.duplicates import NO_ROWS, NOTHING, Known, Repeats
from analyzer.errors import Unwritable, UserError
from analyzer.model import Evidence, Invocation, NotableLine, Source

if TYPE_CHECKING:
    import pandas as pd

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
# How the other columns are written: numbers that climb as differences, fractions byte by byte.
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

# Rows held in memory before they become a Parquet row group: about 30 MB of Python objects, or as much of columns.
ROW_GROUP, COLUMN_GROUP = 50_000, 125_000
# Fewer rows are a group where they are long: stacks of four kilobytes, or columns with lines of two.
MOST_TEXT, MOST_COLUMNS = 8 << 20, 32 << 20
# When so many commits have fewer rows than the small number, they are made one, up to about the large one.
MANY, SMALL, LARGE = 8, 400_000, 1_000_000
# A result of more rows is a picture or a list of groups, and stands in the report in that form.
MOST_KEPT = 5
# So few invocations, some 50 MB of them, are read into memory once. A question about them takes less time than handing it
# to a second thread, and less than opening the files again would.
MOST_IN_MEMORY = 200_000
# With so few, a question is answered as soon as it is planned, so that it is planned with no more thought than to filter first.
FEW_ENOUGH = 1_000
# What tells execution environments apart. Where the stream is not known each invocation stands for itself.
ENVIRONMENT = "coalesce(stream, request_id || position)"


class Lake:
    """A folder of Parquet. Making one creates the folder. Raises UserError where it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known = Known(folder)
        self._sources: dict[str, pa.Table] = {}
        try:
            for table in TABLES:
                (folder / table).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise UserError(f"cannot make a lake in {folder}: {problem.strerror}") from problem

    def commits(self) -> list[str]:
        """Names of all commits that count, oldest first."""
        listed = {part.stem for part in (self.folder / "sources").glob("*.parquet")}
        for commit in listed - self._sources.keys():
            self._sources[commit] = _read(self.part("sources", commit), ["sha256"])
        return sorted(listed - {name for commit in listed for name in self.replaced_by(commit)})

    def replaced_by(self, commit: str) -> list[str]:
        """The commits whose rows this one has taken over, and theirs."""
        written: bytes = (self._sources[commit].schema.metadata or {}).get(REPLACES, b"")
        return written.decode().split()

    def digests(self) -> set[str]:
        """SHA-256 of every file that is already in the lake."""
        return {digest for commit in self.commits() for digest in self._sources[commit].column("sha256").to_pylist()}

    def part(self, table: str, commit: str) -> Path:
        return parts.part(self.folder, table, commit)

    def tidy(self) -> None:
        """Make one commit of many small ones, and delete what nobody reads any more.

        Not while somebody else reads or writes the lake: then the next one does it. Nor is a full disk a reason to complain, as
        the lake reads just as well without.
        """
        with parts.alone_if_free(self.folder / "invocations") as free, suppress(OSError):
            if free:
                self._merge_small()
                self._sweep()

    def sweep(self) -> None:
        """Delete what nobody reads any more, and what a process that died has left."""
        with parts.alone_if_free(self.folder / "invocations") as free, suppress(OSError):
            if free:
                self._sweep()

    def _merge_small(self) -> None:
        sizes = {
            commit: sum(pq.read_metadata(self.part(table, commit)).num_rows for table in ("invocations", "events"))
            for commit in self.commits()
        }
        small = [commit for commit, size in sizes.items() if size < SMALL]
        if len(small) < MANY:
            return
        ends = list(accumulate(sizes[commit] for commit in small))
        for _, together in groupby(zip(ends, small, strict=True), key=lambda one: one[0] // LARGE):
            Commit(self).merge([commit for _, commit in together])

    def _sweep(self) -> None:
        live = set(self.commits())
        # Sources last: a commit that was replaced is read again when no other is listed that says so.
        for table in TABLES:
            for part in (self.folder / table).iterdir():
                outdated = part.suffix == ".parquet" and part.stem not in live
                if outdated or part.suffix in (parts.HIDDEN, parts.REWRITTEN):
                    part.unlink()

    def in_use(self) -> AbstractContextManager[None]:
        """While this is held nobody deletes parts of the lake."""
        return parts.shared(self.folder / "invocations")

    def write(self) -> Commit:
        return Commit(self)

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


class _Waiting(Struct):
    """How much there is of the batches that wait to be written together."""

    rows: int = 0
    bytes: int = 0


class Commit:
    """Rows on their way into the lake. Used as a context manager: leaving it normally makes them visible, an exception does not.

    What repeats rows of other files is left out on the way. Afterwards `sources` says how much of which, `already_there` which
    files somebody else has committed in the meantime, and `invocations` how many were added.
    """

    def __init__(self, lake: Lake) -> None:
        # The name sorts by time, so that reading order is writing order; the random tail keeps parallel ingests apart.
        self.name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        self.lake = lake
        self.rows: dict[str, list[tuple[Any, ...]]] = {"invocations": [], "events": []}
        # Characters in the messages among them.
        self.text = 0
        self.batches: dict[str, list[pa.RecordBatch]] = {"invocations": [], "events": []}
        self.waiting = {"invocations": _Waiting(), "events": _Waiting()}
        self.writers: dict[str, pq.ParquetWriter] = {}
        self.sources: list[Source] = []
        self.already_there: list[str] = []
        self.invocations = 0

    def __enter__(self) -> Commit:
        return self

    def add_invocations(self, rows: Iterable[Invocation]) -> None:
        before = len(self.rows["invocations"])
        self._add("invocations", rows)
        self.invocations += len(self.rows["invocations"]) - before
        with self._writing():
            self._flush("invocations", at_least=ROW_GROUP)

    def add_columns(self, columns: Columns) -> None:
        batch = columns.batch()
        self.invocations += batch.num_rows
        self._add_batch("invocations", batch)

    def add_line_columns(self, columns: LineColumns) -> None:
        self._add_batch("events", columns.batch())

    def add_lines(self, rows: Sequence[NotableLine]) -> None:
        self._add("events", rows)
        self.text += sum(len(row.message) for row in rows)
        if self.text >= MOST_TEXT or len(self.rows["events"]) >= ROW_GROUP:
            with self._writing():
                self._flush("events", at_least=0)
            self.text = 0

    def add_sources(self, rows: Iterable[Source]) -> None:
        self.sources += rows

    def _add(self, table: str, rows: Iterable[Struct]) -> None:
        self.rows[table].extend(astuple(row) for row in rows)

    def _add_batch(self, table: str, batch: pa.RecordBatch) -> None:
        self.batches[table].append(batch)
        waiting = self.waiting[table]
        waiting.rows += batch.num_rows
        waiting.bytes += batch.get_total_buffer_size()
        if waiting.rows >= COLUMN_GROUP or waiting.bytes >= MOST_COLUMNS:
            with self._writing():
                self._flush_batches(table)

    def _hidden(self, table: str) -> Path:
        return parts.hidden(self.lake.folder, table, self.name)

    def _flush(self, table: str, at_least: int) -> None:
        rows = self.rows[table]
        if len(rows) >= at_least:
            self._writer(table).write_table(_table(rows, STORED[table]))
            rows.clear()

    def _flush_batches(self, table: str) -> None:
        if batches := self.batches[table]:
            rows = pa.concat_tables([pa.Table.from_batches([batch]) for batch in batches]).unify_dictionaries()
            self._writer(table).write_table(rows)
            batches.clear()
            self.waiting[table] = _Waiting()

    def _writer(self, table: str) -> pq.ParquetWriter:
        if table not in self.writers:
            self.writers[table] = _writer(table, self._hidden(table))
        return self.writers[table]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self.sources:
                with self._writing():
                    self._finish()
        finally:
            self._clear()

    def _finish(self) -> None:
        for table in self.rows:
            self._flush_batches(table)
            self._flush(table, at_least=0)
        for writer in self.writers.values():
            writer.close()
        with parts.alone(self.lake.folder / "sources"):
            taken_over = self._settle()
            if self.sources:
                self._publish(taken_over)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Whoever reads logs takes an OSError for a damaged file."""
        try:
            yield
        except OSError as problem:
            reason = os.strerror(problem.errno) if problem.errno else problem
            raise Unwritable(
                f"cannot write to the lake {self.lake.folder}: {reason}; what was added before is there, "
                "and the same command goes on from it"
            ) from problem

    def merge(self, commits: Iterable[str]) -> None:
        """Take over the rows of others, instead of any of its own."""
        taken_over = dict.fromkeys(commits, NOTHING)
        try:
            for table in self.rows:
                _copy(table, [(self.lake.part(table, commit), NO_ROWS) for commit in taken_over], self._hidden(table))
            self._publish(taken_over)
        finally:
            self._clear()

    def _publish(self, taken_over: Mapping[str, Repeats]) -> None:
        pq.write_table(self._sources_table(taken_over), self._hidden("sources"), compression="zstd")
        for table in TABLES:  # sources last: its appearance is the commit
            self._hidden(table).rename(self.lake.part(table, self.name))

    def _clear(self) -> None:
        for table in TABLES:
            # What cannot be deleted now is swept later; the reason was said already.
            with suppress(OSError):
                self._hidden(table).unlink(missing_ok=True)

    def _settle(self) -> Mapping[str, Repeats]:
        """Leave out what other files have brought already.

        Where a row of an earlier commit says less than one that repeats it, this commit takes that one over, without the row.
        """
        others, there = self.lake.commits(), self.lake.digests()
        self.already_there = [source.source for source in self.sources if source.sha256 in there]
        self.sources = [source for source in self.sources if source.sha256 not in there]
        repeats = self.lake.known.repeats(self.name, len(self.sources), others)
        own = repeats.pop(self.name, NOTHING)
        outdone = {commit: one for commit, one in repeats.items() if len(one.invocations) or len(one.events)}
        if not self.already_there and not len(own.invocations) and not len(own.events) and not outdone:
            return {}
        self._rewrite(own, outdone)
        return outdone

    def _rewrite(self, own: Repeats, outdone: Mapping[str, Repeats]) -> None:
        added = -sum(len(one.invocations) for one in outdone.values())
        for table in ("invocations", "events"):
            hidden, clean = self._hidden(table), self._hidden(table).with_suffix(parts.REWRITTEN)
            left_out = np.union1d(getattr(own, table), _rows_from(hidden, self.already_there))
            taken_over = [(self.lake.part(table, commit), getattr(one, table)) for commit, one in outdone.items()]
            try:
                _copy(table, [(hidden, left_out), *taken_over], clean)
                added += pq.read_metadata(hidden).num_rows - len(left_out) if table == "invocations" else 0
                clean.rename(hidden)
            finally:
                clean.unlink(missing_ok=True)
        self.invocations = added
        self.sources = [
            replace(source, duplicates=source.duplicates + own.by_source.get(source.source, 0))
            for source in self.sources
        ]

    def _sources_table(self, taken_over: Mapping[str, Repeats]) -> pa.Table:
        tables = [_table([astuple(source) for source in self.sources], SOURCES)]
        gone: list[str] = []
        for commit, repeats in taken_over.items():
            theirs = _read(self.lake.part("sources", commit))
            counts = [
                row["duplicates"] + repeats.by_source.get(row["source"], 0)
                for row in theirs.select(["source", "duplicates"]).to_pylist()
            ]
            place = theirs.schema.get_field_index("duplicates")
            theirs = theirs.set_column(place, "duplicates", arrays.column(counts, pa.int64()))
            tables.append(theirs.cast(SOURCES))
            gone += [commit, *self.lake.replaced_by(commit)]
        return pa.concat_tables(tables).replace_schema_metadata({REPLACES: " ".join(gone)} if gone else None)


def _writer(table: str, path: Path) -> pq.ParquetWriter:
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


def _copy(table: str, rows_of: Iterable[tuple[Path, NDArray[np.int64]]], target: Path) -> None:
    """Write the rows of some parts into one, but for those whose numbers are given, which count from 0 in each part."""
    dictionaries = [column.name for column in STORED[table] if column.name in FEW]
    with _writer(table, target) as writer:
        waiting: list[pa.Table] = []

        def write() -> None:
            writer.write_table(pa.concat_tables(waiting).unify_dictionaries().cast(writer.schema))
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


def _rows_from(part: Path, sources: Sequence[str]) -> NDArray[np.int64]:
    """The numbers of the rows that were read from one of these files."""
    if not sources:
        return NO_ROWS
    wanted = frozenset(sources)
    return np.flatnonzero([source in wanted for source in _read(part, ["source"]).column("source").to_pylist()])


def _read(part: Path, columns: list[str] | None = None) -> pa.Table:
    # `read_table` goes through pyarrow.dataset, which loads pandas.
    with pq.ParquetFile(part) as file:
        return file.read(columns)


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table(
        [arrays.column(cells, field.type) for cells, field in zip(columns, schema, strict=True)], schema=schema
    )


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
        # Loaded when something is asked: most of the time of reading a small file would go into it.
        import duckdb

        self.connection = duckdb.connect(":memory:")
        self.connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        self.evidence: dict[str, Evidence] = {}
        self.answers: dict[str, Answer] = {}
        self._in_use = ExitStack()
        self._in_use.enter_context(lake.in_use())
        self.known: dict[str, list[dict[str, Any]]] = {}
        self.in_memory = True
        # Conditions of which every call is in the table `pool`.
        self.pooled: frozenset[str] = frozenset()
        self.held: dict[str, tuple[re.Pattern[str], str]] = {}
        # What means the same on this lake, and costs less.
        self.shorter: dict[str, str] = {}
        commits = lake.commits()
        if not commits:
            for table, schema in TABLES.items():
                self.connection.register(table, schema.empty_table())
            return
        files = {
            table: f"read_parquet([{_quoted_list([lake.part(table, commit) for commit in commits])}])"
            for table in TABLES
        }
        stored, lines = (self._rows_of(files[table]) for table in ("invocations", "events"))
        self.in_memory = stored <= MOST_IN_MEMORY
        if self.in_memory:
            self.connection.execute("SET threads = 1")
        else:
            # Files of a lake never change: what stands at their ends is read once, which of fifty takes 20 ms.
            self.connection.execute("SET parquet_metadata_cache = true")
        if max(stored, lines) <= FEW_ENOUGH:
            self._plan_plainly()
        for table in TABLES:
            kept = "TABLE" if self.in_memory else "VIEW"
            self.connection.execute(f"CREATE {kept} {table} AS SELECT * FROM {files[table]}")

    def _rows_of(self, table: str) -> int:
        n: int = self.connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
        return n

    def _plan_plainly(self) -> None:
        names = self.connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
        dear = ",".join(name for (name,) in names if name != "filter_pushdown")
        self.connection.execute(f"SET disabled_optimizers = '{dear}'")

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self._in_use.close()

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
            cursor = self.connection.execute(self._cheaper(sql))
            names = [column[0] for column in cursor.description or ()]
            self.known[sql] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return self.known[sql]

    def pool(self, select: str, conditions: Iterable[str]) -> None:
        """Reads the calls of `select` into memory; of them those of each of `conditions` are taken where they are to be held."""
        self.connection.execute(f"CREATE TEMP TABLE pool AS {self.shortened(select)}")
        self.pooled = frozenset(conditions)

    @contextmanager
    def holding(self, condition: str, columns: str = "*") -> Iterator[None]:
        """Keeps the invocations of `condition` in memory meanwhile; `numbers` that starts from them is answered from there.

        Evidence keeps the text that it was asked with: it gives the same on the lake itself.
        """
        if self.in_memory or condition in self.held:
            yield
            return
        table = f"held_{len(self.held)}"
        source = "pool" if condition in self.pooled else "invocations"
        kept = f"SELECT {columns} FROM {source} WHERE {condition}"
        self.connection.execute(f"CREATE TEMP TABLE {table} AS {self.shortened(kept)}")
        # Up to the end of a word: what goes on after a quote is another text.
        pattern = re.compile(rf"FROM invocations WHERE {re.escape(self.shortened(condition))}(?=[\s)]|$)")
        self.held[condition] = pattern, f"FROM {table} WHERE true"
        try:
            yield
        finally:
            del self.held[condition]
            self.connection.execute(f"DROP TABLE {table}")

    def shorten(self) -> None:
        """Has environments told apart by their stream alone where every invocation has one, for a seventh of the time."""
        (row,) = self.numbers("SELECT count(*) FILTER (stream IS NULL) AS astray FROM invocations")
        if not row["astray"]:
            self.shorter[ENVIRONMENT] = "stream"

    def share(self, part: str, instead: str | None = None) -> None:
        """Keeps the answer to a SELECT that several questions begin with, where asking it again costs more than that.

        It is found by asking `instead`, which gives the same.
        """
        if not self.in_memory and part not in self.shorter:
            table = f"shared_{len(self.shorter)}"
            self.connection.execute(f"CREATE TEMP TABLE {table} AS {self._cheaper(instead or part)}")
            self.shorter[part] = f"FROM {table}"

    def _cheaper(self, sql: str) -> str:
        """The same question, asked of what is held and in shorter words."""
        sql = self.shortened(sql)
        for pattern, table in self.held.values():
            sql = pattern.sub(table, sql)
        return sql

    def shortened(self, sql: str) -> str:
        """The same in words that cost less on this lake."""
        for words, others in self.shorter.items():
            sql = sql.replace(words, others)
        return sql

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of any kind as dictionaries."""
        return arrays.rows(self.table(sql))

    def table(self, sql: str) -> pa.Table:
        """Run a query and give its result as an Arrow table, which carries UTC times without further packages."""
        return self.connection.sql(sql).to_arrow_table()


def text_literal(text: str) -> str:
    """A SQL string literal that means exactly `text`."""
    return "'" + text.replace("'", "''") + "'"


def _quoted_list(files: Sequence[Path]) -> str:
    return ", ".join(text_literal(parts.as_pattern(file)) for file in files)


def steady(cell: Any) -> Any:
    """A cell to nine digits: sums made by several threads differ in the last bits."""
    if isinstance(cell, Decimal):
        # A sum of integers comes as a decimal without places.
        cell = int(cell) if cell.as_tuple().exponent == 0 else float(cell)
    return float(f"{cell:.9g}") if isinstance(cell, float) else cell
