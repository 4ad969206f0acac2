"""Writes rows into the lake: a commit becomes visible as a whole, without what repeats rows of other files."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from msgspec.structs import astuple, replace

from analyzer import arrays, parts
from analyzer.duplicates import NO_ROWS, NOTHING, Repeats
from analyzer.errors import Unwritable
from analyzer.lake import parquet
from analyzer.lake.columns import Columns, LineColumns
from analyzer.lake.folder import Folder
from analyzer.lake.tables import REPLACES, SOURCES, STORED, TABLES
from analyzer.model import Invocation, NotableLine, Source

# Fewer rows are a group where they are long: stacks of four kilobytes, or columns with lines of two.
MOST_TEXT, MOST_COLUMNS = 8 << 20, 32 << 20


class _Waiting(Struct):
    """How much there is of the batches that wait to be written together."""

    rows: int = 0
    bytes: int = 0


class Commit:
    """Rows on their way into the lake. Used as a context manager: leaving it normally makes them visible, an exception does not.

    What repeats rows of other files is left out on the way. Afterwards `sources` says how much of which, `already_there` which
    files somebody else has committed in the meantime, and `invocations` how many were added.
    """

    def __init__(self, lake: Folder) -> None:
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
            self._flush("invocations", at_least=parquet.ROW_GROUP)

    def add_columns(self, columns: Columns) -> None:
        batch = columns.batch()
        self.invocations += batch.num_rows
        self._add_batch("invocations", batch)

    def add_line_columns(self, columns: LineColumns) -> None:
        self._add_batch("events", columns.batch())

    def add_lines(self, rows: Sequence[NotableLine]) -> None:
        self._add("events", rows)
        self.text += sum(len(row.message) for row in rows)
        if self.text >= MOST_TEXT or len(self.rows["events"]) >= parquet.ROW_GROUP:
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
        if waiting.rows >= parquet.COLUMN_GROUP or waiting.bytes >= MOST_COLUMNS:
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
            self.writers[table] = parquet.writer(table, self._hidden(table))
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
                parquet.copy(
                    table, [(self.lake.part(table, commit), NO_ROWS) for commit in taken_over], self._hidden(table)
                )
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
            left_out = np.union1d(getattr(own, table), parquet.rows_from(hidden, self.already_there))
            taken_over = [(self.lake.part(table, commit), getattr(one, table)) for commit, one in outdone.items()]
            try:
                parquet.copy(table, [(hidden, left_out), *taken_over], clean)
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
            theirs = parquet.read(self.lake.part("sources", commit))
            counts = [
                row["duplicates"] + repeats.by_source.get(row["source"], 0)
                for row in theirs.select(["source", "duplicates"]).to_pylist()
            ]
            place = theirs.schema.get_field_index("duplicates")
            theirs = theirs.set_column(place, "duplicates", arrays.column(counts, pa.int64()))
            tables.append(theirs.cast(SOURCES))
            gone += [commit, *self.lake.replaced_by(commit)]
        return pa.concat_tables(tables).replace_schema_metadata({REPLACES: " ".join(gone)} if gone else None)


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table(
        [arrays.column(cells, field.type) for cells, field in zip(columns, schema, strict=True)], schema=schema
    )
