"""Tells which rows of a commit repeat those of another file: the same logs in two containers, or a time range twice.

An invocation is known by its request id, its duration and the second in which it ended; a retry shares the id alone. What a
container leaves out is not compared: rows without a time are matched one for one. Ids that were made up for want of a
logged one are not compared at all. Of two rows that agree, the one that says more stays.

Rows are compared in two steps. The first looks at the environments of each file and when they served: most files share
none, and cost no more than that. The second joins what may overlap by its ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from analyzer.parts import as_pattern, hidden, part

if TYPE_CHECKING:
    import duckdb

# The id of an execution environment at the end of its stream's name, however the rest of the name was rewritten on the way.
ENVIRONMENT = "coalesce(regexp_extract(stream, '[0-9a-f]{32}$'), '')"
# An id that Lambda gave is a UUID. Those made up in its stead are shorter.
LOGGED_ID = "length(request_id) = 36"
# Lambda kills after fifteen minutes, so that an invocation without a REPORT was over by then.
LONGEST = "INTERVAL 15 MINUTE"

# What one container carries and another does not, or what is known only where the beginning of a stream was read.
SAID = " + ".join(
    f"({column} IS NOT NULL)::INT"
    for column in ("function", "version", "stream", "start_time", "end_time", "runtime", "nth", "error_type")
)

# When each environment of each file served. What has no time may be from any; containers that leave out the fraction of the
# second, which show in both ends, may be a second off.
SPANS = f"""
SELECT source, {ENVIRONMENT} AS environment,
       min(CASE WHEN timeless THEN '-infinity' ELSE first - off END) AS first,
       max(CASE WHEN timeless THEN 'infinity' ELSE last + off END) AS last
FROM (
  SELECT *, CASE WHEN epoch_us(first) % 1000000 = 0 AND epoch_us(last) % 1000000 = 0 THEN INTERVAL 1 SECOND
                 ELSE INTERVAL 0 SECOND END AS off
  FROM (
    SELECT source, stream, min(end_time) AS first, max(end_time) AS last, false AS timeless
    FROM read_parquet($invocations) GROUP BY ALL HAVING first IS NOT NULL
    UNION ALL
    SELECT source, stream, min(start_time), max(start_time) + {LONGEST}, bool_or(start_time IS NULL)
    FROM read_parquet($invocations) WHERE end_time IS NULL GROUP BY ALL
    UNION ALL
    SELECT source, stream, min(time), max(time), bool_or(time IS NULL)
    FROM read_parquet($events) GROUP BY ALL
  )
) GROUP BY ALL"""

# A file may repeat another one of the same commit where both saw one environment at one time, or where one of them does not
# say which environments it saw.
WITHIN = """
SELECT DISTINCT one.source FROM fresh AS one JOIN fresh AS other
    ON one.environment = other.environment AND one.environment <> '' AND one.source <> other.source
    AND one.first <= other.last AND one.last >= other.first
UNION
SELECT one.source FROM fresh AS one,
    (SELECT min(first) AS first, max(last) AS last FROM fresh WHERE environment = '') AS loose
WHERE one.first <= loose.last AND one.last >= loose.first AND (SELECT count(DISTINCT source) FROM fresh) > 1"""

# The same for files of this commit and earlier commits, as pairs.
ACROSS = """
SELECT DISTINCT fresh.source, commit FROM fresh JOIN spans USING (environment)
WHERE environment <> '' AND fresh.first <= spans.last AND fresh.last >= spans.first
UNION
SELECT fresh.source, commit FROM fresh,
    (SELECT commit, min(first) AS first, max(last) AS last FROM spans GROUP BY commit) AS earlier
WHERE environment = '' AND fresh.first <= earlier.last AND fresh.last >= earlier.first
UNION
SELECT fresh.source, commit FROM fresh,
    (SELECT commit, min(first) AS first, max(last) AS last FROM spans WHERE environment = '' GROUP BY commit) AS loose
WHERE fresh.first <= loose.last AND fresh.last >= loose.first"""

# The rows of some parts, those of the commit in hand only where their file is a suspect.
ROWS = """
SELECT ltrim(parse_filename(filename, true), '.') AS commit, commit = $fresh AS fresh, hash(commit, source) AS origin,
       file_row_number AS row, *
FROM read_parquet($parts, filename = true, file_row_number = true)
WHERE commit <> $fresh OR source IN (FROM suspects)"""

# Every row whose id is in more than one file, with how much it says.
POOL = f"""
CREATE OR REPLACE TEMP TABLE pool AS
WITH logged AS (FROM ({ROWS}) WHERE {LOGGED_ID})
SELECT commit, fresh, origin, row, source, request_id, duration_ms, start_time, end_time, coalesce(end_time, start_time) AS time,
       attempt, complete::INT + (outcome <> 'unknown')::INT + {SAID} AS says
FROM logged
WHERE fresh OR request_id IN (SELECT request_id FROM logged WHERE fresh)
WINDOW same AS (PARTITION BY request_id)
QUALIFY min(origin) OVER same <> max(origin) OVER same"""

# Rows of one id and one duration are one invocation where they ended within a second. Where they have no time, the first in one
# file is the first in another. Which file keeps it is decided by what it says, else by which was there first.
REPEATED = """
CREATE OR REPLACE TEMP TABLE repeated AS
WITH apart AS (
  SELECT *, coalesce(time - lag(time) OVER same >= INTERVAL 1 SECOND, true)::INT AS begins FROM pool WHERE time IS NOT NULL
  WINDOW same AS (PARTITION BY request_id, duration_ms ORDER BY time)
), numbered AS (
  SELECT * EXCLUDE begins, sum(begins) OVER (PARTITION BY request_id, duration_ms ORDER BY time) AS number FROM apart
  UNION ALL
  SELECT *, row_number() OVER (PARTITION BY request_id, duration_ms, origin ORDER BY row) FROM pool WHERE time IS NULL
), judged AS (
  SELECT *, first_value(origin) OVER (
    PARTITION BY request_id, duration_ms, number ORDER BY says DESC, attempt DESC, fresh, commit, row
  ) AS keeper
  FROM numbered
)
SELECT commit, row, source, request_id, start_time, end_time, duration_ms IS NOT NULL AS reported
FROM judged
WHERE origin <> keeper OR (duration_ms IS NULL AND EXISTS (
  FROM pool AS other
  WHERE other.request_id = judged.request_id AND other.origin <> judged.origin AND other.duration_ms IS NOT NULL
    AND coalesce(judged.time >= other.start_time - INTERVAL 1 SECOND, true)
    AND coalesce(judged.time <= other.end_time + INTERVAL 1 SECOND, true)
))"""

# A notable line goes with its invocation. Of the others, one goes where another file has the same words at the same time, and as
# often as it has them; the environment tells what the line belongs to also where the START is not in the file.
REPEATED_LINES = f"""
CREATE OR REPLACE TEMP TABLE repeated_lines AS
WITH every AS (FROM ({ROWS})), lines AS (
  SELECT commit, fresh, origin, row, source, kind, time, request_id, hash(rtrim(message)) AS said,
         coalesce(nullif({ENVIRONMENT}, ''), request_id, '') AS owner
  FROM every
  WHERE fresh OR time IN (SELECT time FROM every WHERE fresh) OR request_id IN (SELECT request_id FROM repeated)
), going AS (
  SELECT DISTINCT lines.commit, lines.row FROM lines JOIN repeated USING (commit, source, request_id)
  WHERE reported AND coalesce(lines.time >= start_time - INTERVAL 1 SECOND, true)
    AND coalesce(lines.time <= end_time + INTERVAL 1 SECOND, true)
), counted AS (
  SELECT *, row_number() OVER (PARTITION BY kind, time, said, owner, origin ORDER BY row) AS number
  FROM lines ANTI JOIN going USING (commit, row)
  WHERE time IS NOT NULL
), placed AS (
  SELECT commit, row, bool_or(fresh) OVER same AS met,
         row_number() OVER (same ORDER BY request_id IS NULL, fresh, commit, row) AS place
  FROM counted WINDOW same AS (PARTITION BY kind, time, said, owner, number)
)
FROM going UNION ALL SELECT commit, row FROM placed WHERE met AND place > 1"""


class Repeats(Struct, frozen=True):
    """What to leave out of one commit: numbers of rows, from 0 in the order of the part, and how many invocations by source."""

    invocations: NDArray[np.int64]
    events: NDArray[np.int64]
    by_source: dict[str, int]


NO_ROWS = np.array([], np.int64)
NOTHING = Repeats(NO_ROWS, NO_ROWS, {})


class Known:
    """When each environment served in each commit of a lake: what is needed to tell what cannot be there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commits: set[str] = set()

    def repeats(self, commit: str, sources: int, others: Iterable[str]) -> dict[str, Repeats]:
        """What to leave out of a commit of so many `sources` that is still hidden, and of the `others`; by commit."""
        others = set(others)
        if sources < 2 and not others:
            return {}
        self._look_at(others)
        run = self._connection.execute
        run(f"CREATE OR REPLACE TEMP TABLE fresh AS {SPANS}", self._patterns(commit, hidden))
        run(f"CREATE OR REPLACE TEMP TABLE pairs AS {ACROSS}")
        run(f"CREATE OR REPLACE TEMP TABLE suspects AS SELECT source FROM pairs UNION {WITHIN}")
        if not self._rows("FROM suspects LIMIT 1"):
            return {}
        earlier = [name for (name,) in self._rows("SELECT DISTINCT commit FROM pairs ORDER BY commit")]
        for table, question in (("invocations", POOL), ("events", REPEATED_LINES)):
            parts = [hidden(self.folder, table, commit), *(part(self.folder, table, name) for name in earlier)]
            run(question, {"fresh": commit, "parts": [as_pattern(one) for one in parts]})
            if table == "invocations":
                run(REPEATED)
        return {name: self._of(name) for name in [commit, *earlier]}

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        # Loaded for the first commit that may repeat something: a single file into an empty lake cannot.
        import duckdb

        # Few rows are compared, and every thread holds memory of its own.
        connection = duckdb.connect(":memory:", config={"threads": 1})
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        connection.execute(
            "CREATE TABLE spans (commit VARCHAR, source VARCHAR, environment VARCHAR, first TIMESTAMPTZ, last TIMESTAMPTZ)"
        )
        return connection

    def _look_at(self, others: set[str]) -> None:
        for gone in self.commits - others:
            self._connection.execute("DELETE FROM spans WHERE commit = $gone", {"gone": gone})
        for new in others - self.commits:
            self._connection.execute(
                f"INSERT INTO spans SELECT $new, * FROM ({SPANS})", {"new": new} | self._patterns(new, part)
            )
        self.commits = others

    def _patterns(self, commit: str, place: Callable[[Path, str, str], Path]) -> dict[str, str]:
        return {table: as_pattern(place(self.folder, table, commit)) for table in ("invocations", "events")}

    def _of(self, commit: str) -> Repeats:
        asked = {"commit": commit}
        invocations, events = (
            self._connection.execute(f"SELECT row FROM {table} WHERE commit = $commit", asked).fetchnumpy()["row"]
            for table in ("repeated", "repeated_lines")
        )
        counts = self._rows("SELECT source, count(*) FROM repeated WHERE commit = $commit GROUP BY source", asked)
        return Repeats(invocations, events, dict(counts))

    def _rows(self, sql: str, values: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()
