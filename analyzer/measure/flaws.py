"""What is missing, out of order or damaged in the logs, counted: the reader should know before trusting any other number.

A flaw says what was seen and what may be behind it, and no more: that a function was silent need not mean that its lines are gone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from analyzer import figures
from analyzer.lake import Engine, text_literal
from analyzer.measure.family import sampled
from analyzer.measure.metrics.cold_starts import COLD
from analyzer.measure.metrics.leak import RESETS
from analyzer.measure.scope import Scope
from analyzer.model import Excerpt, Flaw

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
# Streams are put in order for some questions; of more rows than this a part of the streams is drawn.
MOST_ROWS = 200_000
# Some containers keep whole seconds; a call that begins more than two before the last one ended did so on any clock.
OVERLAP = 2 * SECOND
# Idle environments were seen to be kept for up to an hour or so, unless they are provisioned.
IDLE = 3 * HOUR
# A silence shorter than this is not worth a word; nor is one among few pauses.
LEAST_SILENCE, LEAST_PAUSES = 10 * MINUTE, 20
LONGER = 2
MOST_PAUSES, MOST_SILENCES, MOST_SENTENCES = 60, 3, 5
UNLIKELY = 0.001
MOST_EXCERPTS = 3
# `<task id>/<stream>/000001.gz`: parts of one exported stream are numbered without a gap, from 000000 on.
EXPORT_PART = r"^(.*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+)/(\d{6})(?:\.[a-z0-9]+)?$"


def flaws(engine: Engine, scope: Scope) -> list[Flaw]:
    """Every flaw that these logs have, each with its query; of files over the whole lake, of invocations over the window."""
    return [
        *_files(engine),
        *_not_understood(engine, scope),
        *_dropped(engine, scope),
        *_incomplete(engine, scope),
        *_order(engine, scope),
        *_environments(engine, scope),
        *_silences(engine, scope),
    ]


def _flaw(
    kind: str, k: int | None, n: int | None, evidence: str, text: str, lines: list[Excerpt] | None = None
) -> Iterator[Flaw]:
    """A flaw, if there is any of its kind."""
    if k:
        yield Flaw(kind=kind, text=text, k=k, n=n or 0, evidence=evidence, lines=lines or [])


def _of(k: int | None, n: int | None) -> str:
    return f"{k or 0:,} of {n or 0:,}"


def _files(engine: Engine) -> Iterator[Flaw]:
    answer = engine.ask("""
SELECT count(*) AS n, count(*) FILTER (len(list_filter(problems, lambda one: one LIKE 'the file breaks off%')) > 0) AS k
FROM sources""")
    k, n = answer.row["k"], answer.row["n"]
    yield from _flaw(
        "damaged-files", k, n, answer.id, f"Damaged files: {_of(k, n)} break off; what came behind is not here."
    )
    answer = engine.ask(f"""
WITH parts AS (
  SELECT regexp_extract(source, {text_literal(EXPORT_PART)}, 1) AS stream,
         regexp_extract(source, {text_literal(EXPORT_PART)}, 2)::INTEGER AS number
  FROM sources WHERE regexp_matches(source, {text_literal(EXPORT_PART)})
)
SELECT sum(missing)::BIGINT AS k, count(*) FILTER (missing > 0) AS streams, count(*) AS n
FROM (SELECT max(number) + 1 - count(DISTINCT number) AS missing FROM parts GROUP BY stream)""")
    row = answer.row
    yield from _flaw(
        "missing-parts",
        row["k"],
        row["n"],
        answer.id,
        f"Missing objects: of {_of(row['streams'], row['n'])} exported streams {row['k']} parts were not read, whose numbers are "
        "skipped.",
    )


def _not_understood(engine: Engine, scope: Scope) -> Iterator[Flaw]:
    answer = engine.ask(f"""
WITH unparsed AS (
  SELECT source, position FROM events WHERE {scope.where_events} AND kind = 'unparsed'
), ends AS (
  SELECT source, max(position) AS position FROM (
    SELECT source, position FROM events WHERE source IN (SELECT source FROM unparsed)
    UNION ALL SELECT source, position FROM invocations WHERE source IN (SELECT source FROM unparsed)
  ) GROUP BY source
)
SELECT count(*) AS k, count(ends.source) AS last, (SELECT sum(lines)::BIGINT FROM sources) AS n
FROM unparsed LEFT JOIN ends USING (source, position)""")
    row = answer.row
    excerpts = engine.rows(f"""
SELECT message, source, position, epoch_us(time) AS time, request_id
FROM events WHERE {scope.where_events} AND kind = 'unparsed' ORDER BY source, position LIMIT {MOST_EXCERPTS}""")
    last = f" Behind {row['last']:,} of them nothing follows in the file, which may be cut." if row["last"] else ""
    yield from _flaw(
        "not-understood",
        row["k"],
        row["n"],
        answer.id,
        f"Not understood: {_of(row['k'], row['n'])} lines are no log event, or begin as the platform's do and cannot be read."
        f"{last}",
        [Excerpt(**one) for one in excerpts],
    )


def _dropped(engine: Engine, scope: Scope) -> Iterator[Flaw]:
    answer = engine.ask(f"""
SELECT count(*) AS n, sum(fields['dropped_records'])::BIGINT AS k
FROM events WHERE {scope.where_events} AND kind = 'warning' AND fields['dropped_records'] > 0""")
    k, n = answer.row["k"], answer.row["n"]
    yield from _flaw(
        "dropped-records",
        k,
        n,
        answer.id,
        f"Dropped records: the platform says that it dropped {k}; they are in no log.",
    )


def _incomplete(engine: Engine, scope: Scope) -> Iterator[Flaw]:
    """START without REPORT and the other way round: at an edge of what was read, or in the midst of it."""
    answer = engine.ask(f"""
WITH streams AS (
  SELECT DISTINCT function, stream FROM invocations WHERE {scope.where} AND stream IS NOT NULL AND NOT complete
), calls AS (
  SELECT duration_ms IS NULL AS unreported, NOT complete AND duration_ms IS NOT NULL AS unstarted,
         row_number() OVER in_order AS place, count(*) OVER (PARTITION BY function, stream) AS calls
  FROM invocations SEMI JOIN streams
    ON invocations.stream = streams.stream AND invocations.function IS NOT DISTINCT FROM streams.function
  WHERE {scope.where}
  WINDOW in_order AS (PARTITION BY function, stream ORDER BY coalesce(start_time, end_time), source, position)
)
SELECT count(*) FILTER (unreported AND place = calls) AS unreported_last,
       count(*) FILTER (unreported AND place < calls) AS unreported_between,
       count(*) FILTER (unstarted AND place = 1) AS unstarted_first,
       count(*) FILTER (unstarted AND place > 1) AS unstarted_between,
       (SELECT count(*) FROM invocations WHERE {scope.where} AND stream IS NOT NULL) AS n
FROM calls""")
    n = answer.row["n"]
    for kind, before, behind in (
        (
            "unreported-last",
            "START without REPORT at the end of a stream",
            "were still at work when these logs end, or their environment was gone",
        ),
        (
            "unreported-between",
            "START without REPORT in the midst of a stream",
            "ended without one, or it is missing, as their environment went on",
        ),
        ("unstarted-first", "REPORT without START at the beginning of a stream", "began before these logs do"),
        ("unstarted-between", "REPORT without START in the midst of a stream", "have lost their beginning"),
    ):
        k = answer.row[kind.replace("-", "_")]
        yield from _flaw(kind, k, n, answer.id, f"{before}: {_of(k, n)} invocations {behind}.")


def _order(engine: Engine, scope: Scope) -> Iterator[Flaw]:
    """Times that run against the order of the lines. A file may hold the newest first, so that the rarer direction is wrong."""
    drawn, note = sampled(engine, scope.narrowed("stream IS NOT NULL", scope.population), "stream", MOST_ROWS)
    answer = engine.ask(f"""
WITH steps AS (
  SELECT source, stream, epoch_us(end_time) - lag(epoch_us(end_time)) OVER in_order AS step
  FROM invocations WHERE {drawn.where} AND end_time IS NOT NULL
  WINDOW in_order AS (PARTITION BY source, stream ORDER BY position)
), streams AS (
  SELECT count(step) AS n, count(*) FILTER (step > 0) AS forward, count(*) FILTER (step < 0) AS back,
         max(step) AS longest, -min(step) AS longest_back
  FROM steps GROUP BY source, stream
)
SELECT sum(n)::BIGINT AS n, sum(least(forward, back))::BIGINT AS k,
       max(CASE WHEN back <= forward THEN longest_back ELSE longest END) FILTER (least(forward, back) > 0) AS longest
FROM streams""")
    k, n = answer.row["k"], answer.row["n"]
    yield from _flaw(
        "out-of-order",
        k,
        n,
        answer.id,
        f"Out of order: {_of(k, n)} times the time runs backwards from one REPORT of a stream to the next, by up to "
        f"{figures.span(answer.row['longest'])}. Lines were mixed up, or a clock was set{_drawn(note)}.",
    )


def _environments(engine: Engine, scope: Scope) -> Iterator[Flaw]:
    """What a stream cannot show if it holds every line of one environment that serves one request at a time."""
    # The same lines may have been read from two containers; and Managed Instances, which bill no call, serve several at a time.
    serving = "stream IS NOT NULL AND complete AND billed_ms IS NOT NULL AND end_time IS NOT NULL"
    drawn, note = sampled(engine, scope.narrowed(serving, scope.population), "stream", MOST_ROWS)
    answer = engine.ask(f"""
WITH calls AS (
  SELECT function, stream, request_id, epoch_us(end_time) AS z, min(epoch_us(start_time)) AS a,
         bool_or({COLD}) AS cold, bool_or({RESETS}) AS resets
  FROM invocations WHERE {drawn.where} GROUP BY ALL
), pauses AS (
  SELECT cold, lag(resets) OVER in_order AS after_reset,
         a - max(z) OVER (in_order ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS pause
  FROM calls WINDOW in_order AS (PARTITION BY function, stream ORDER BY a, z, request_id)
)
SELECT count(pause) AS n, count(*) FILTER (pause < -{OVERLAP}) AS overlapping,
       count(*) FILTER (pause > {IDLE} AND NOT cold AND NOT after_reset) AS idle,
       max(pause) FILTER (NOT cold AND NOT after_reset) AS longest
FROM pauses""")
    row = answer.row
    k, n = row["overlapping"], row["n"]
    yield from _flaw(
        "overlapping-calls",
        k,
        n,
        answer.id,
        f"Overlapping calls: {_of(k, n)} invocations begin before the last one of their environment ended, which serves one at a "
        f"time. Streams were mixed up, or times are wrong{_drawn(note)}.",
    )
    k = row["idle"]
    yield from _flaw(
        "idle-environments",
        k,
        n,
        answer.id,
        f"Idle environments: {_of(k, n)} invocations found one that had been idle for more than 3 h, up to "
        f"{figures.span(row['longest'])}, which Lambda keeps only if it is provisioned. Lines in between may be missing"
        f"{_drawn(note)}.",
    )


def _drawn(note: str | None) -> str:
    return f" ({note})" if note else ""


def _silences(engine: Engine, scope: Scope) -> Iterator[Flaw]:
    """Pauses of a function that are too long to be one of its others.

    The logarithms of the longest pauses are spaced like exponential variables (Rényi) where pauses have a tail, however
    heavy. So the longest is held against the spacings below it, by an F test, and so are the two and the three longest.
    """
    # Minutes are put together first, so that what is put in order does not grow with the number of calls.
    answer = engine.ask(f"""
WITH minutes AS (
  SELECT function, min(epoch_us(coalesce(start_time, end_time))) AS a, max(epoch_us(coalesce(end_time, start_time))) AS z
  FROM invocations WHERE {scope.where} AND coalesce(start_time, end_time) IS NOT NULL
  GROUP BY function, epoch_us(coalesce(start_time, end_time)) // {MINUTE}
), pauses AS (
  SELECT function, max(z) OVER (in_order ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS begin, a AS finish
  FROM minutes WINDOW in_order AS (PARTITION BY function ORDER BY a)
)
SELECT function, begin, finish, count(*) OVER (PARTITION BY function) AS n
FROM pauses WHERE finish - begin >= {SECOND}
QUALIFY row_number() OVER (PARTITION BY function ORDER BY finish - begin DESC, begin) <= {MOST_PAUSES}
ORDER BY function, finish - begin DESC, begin""")
    by_function: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in answer.rows:
        by_function[row["function"]].append(row)
    found = []
    for function, pauses in by_function.items():
        lengths = [row["finish"] - row["begin"] for row in pauses]
        many = outlying(lengths)
        for row in pauses[:many]:
            if row["finish"] - row["begin"] >= LEAST_SILENCE and not _usual(engine, scope, function, row):
                found.append((function, row, lengths[many]))
    found.sort(key=lambda one: one[1]["begin"] - one[1]["finish"])
    for function, row, other in found[:MOST_SENTENCES]:
        yield from _flaw(
            "silence",
            1,
            row["n"],
            answer.id,
            f"Silence: {function or 'the function'} has no call from {_clock(row['begin'])} to {_clock(row['finish'])}, "
            f"{figures.span(row['finish'] - row['begin'])}; its other pauses are {figures.span(other)} at most. Either nothing "
            "ran or lines are missing; these logs cannot tell.",
        )


def outlying(lengths: list[int]) -> int:
    """How many of the longest pauses, given in falling order, are longer than the others let expect; at most three."""
    if len(lengths) < LEAST_PAUSES:
        return 0
    # The r-th spacing, times r, of logarithms of exponential or Pareto tails: all have one mean.
    spacings = [rank * math.log(longer / shorter) for rank, (longer, shorter) in enumerate(pairwise(lengths), 1)]
    for many in range(MOST_SILENCES, 0, -1):
        if lengths[many - 1] < LONGER * lengths[many]:
            continue
        others = spacings[many : len(lengths) // 2 + many]
        mean = sum(others) / len(others)
        if mean == 0 or (1 + spacings[many - 1] / mean / len(others)) ** -len(others) < UNLIKELY:
            return many
    return 0


def _usual(engine: Engine, scope: Scope, function: str | None, row: dict[str, Any]) -> bool:
    """Whether the function is silent about these hours on every other day that these logs cover, and there is such a day."""
    own = f"function = {text_literal(function)}" if function is not None else "function IS NULL"
    length = row["finish"] - row["begin"]
    if length >= DAY:
        return False
    # Nobody stops and begins work at the same minute every day.
    begin, finish = row["begin"] + length // 4, row["finish"] - length // 4
    (answer,) = engine.rows(f"""
WITH calls AS (
  SELECT epoch_us(coalesce(start_time, end_time)) AS a FROM invocations
  WHERE {scope.where} AND {own} AND coalesce(start_time, end_time) IS NOT NULL
), edges AS (
  SELECT min(a) AS first, max(a) AS last FROM calls
), days AS (
  SELECT unnest(range(-40, 41)) * {DAY} AS shift
), others AS (
  SELECT {begin} + shift AS begin, {finish} + shift AS finish FROM days, edges
  WHERE shift <> 0 AND {begin} + shift >= first AND {finish} + shift <= last
)
SELECT count(DISTINCT others.begin) AS days, count(calls.a) AS calls
FROM others LEFT JOIN calls ON calls.a > others.begin AND calls.a < others.finish""")
    return bool(answer["days"]) and not answer["calls"]


def _clock(time: int) -> str:
    return f"{datetime.fromtimestamp(time / SECOND, UTC):%Y-%m-%d %H:%M}Z"
