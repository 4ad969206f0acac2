"""Answers questions about a lake in SQL, and keeps what a report needs to show of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from msgspec import Struct

from analyzer import arrays, parts
from analyzer.lake.folder import Folder
from analyzer.lake.tables import TABLES
from analyzer.model import Evidence

# A result of more rows is a picture or a list of groups, and stands in the report in that form.
MOST_KEPT = 5
# So few invocations, some 50 MB of them, are read into memory once. A question about them takes less time than handing it
# to a second thread, and less than opening the files again would.
MOST_IN_MEMORY = 200_000
# With so few, a question is answered as soon as it is planned, so that it is planned with no more thought than to filter first.
FEW_ENOUGH = 1_000
# What tells execution environments apart. Where the stream is not known each invocation stands for itself.
ENVIRONMENT = "coalesce(stream, request_id || position)"


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

    def __init__(self, lake: Folder) -> None:
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
