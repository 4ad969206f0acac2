"""Lakes of any size, written as Parquet without any log, for what begins with a lake."""

from __future__ import annotations

from pathlib import Path

import duckdb

# 2026-03-01T00:00:00Z, and two weeks of microseconds.
BEGIN, SPAN = 1_772_323_200_000_000, 14 * 86_400_000_000
FUNCTIONS = ("checkout", "invoice-export", "thumbnail")
CALLS_A_STREAM = 400

# Everything is made of the row's number, so that the same size is the same lake. Durations are lognormal, of each function its
# own; every stream begins with a cold start; from the middle on a new version of `checkout` takes half as long again.
INVOCATIONS = """
WITH numbered AS (
  SELECT i, i // {calls} AS environment, i % {calls} AS place, ['{functions}'][1 + (i // {calls}) % 3] AS function,
         sqrt(-2 * ln((md5_number_lower(i::VARCHAR) % 999983 + 1) / 999984.0))
           * cos(2 * pi() * (md5_number_upper(i::VARCHAR) % 999983) / 999983.0) AS normal
  FROM range({rows}) AS r(i)
), timed AS (
  SELECT *, {begin} + ({span} * (i / {rows}::DOUBLE))::BIGINT AS finish,
         round(exp(4.5 + (environment % 3) + 0.6 * normal) * CASE WHEN function = 'checkout' AND i * 2 > {rows} THEN 1.5 ELSE 1 END,
           2) AS duration
  FROM numbered
)
SELECT function, CASE WHEN function = 'checkout' AND i * 2 > {rows} THEN '8' ELSE '7' END AS version,
       '/aws/lambda/' || function AS log_group, 'stream-' || environment AS stream,
       substr(md5(i::VARCHAR), 1, 8) || '-' || substr(md5(i::VARCHAR), 9, 4) || '-4' || substr(md5(i::VARCHAR), 14, 3) || '-a'
         || substr(md5(i::VARCHAR), 18, 3) || '-' || substr(md5(i::VARCHAR), 21, 12) AS request_id,
       1::INTEGER AS attempt, make_timestamp(finish - (duration * 1000)::BIGINT)::TIMESTAMPTZ AS start_time,
       make_timestamp(finish)::TIMESTAMPTZ AS end_time, CASE WHEN i % 211 = 0 THEN 'error' ELSE 'ok' END AS outcome,
       CASE WHEN i % 211 = 0 THEN 'KeyError' END AS error_type, CASE WHEN i % 211 = 0 THEN 'f1' END AS fingerprint,
       duration AS duration_ms, ceil(duration) AS billed_ms, CASE WHEN place = 0 THEN 350 + 40 * normal END::DOUBLE AS init_ms,
       NULL::DOUBLE AS restore_ms, NULL::DOUBLE AS billed_restore_ms, 512::INTEGER AS memory_mb,
       (200 + least(place, 40) + environment % 60)::INTEGER AS max_memory_mb, NULL::DOUBLE AS timeout_s,
       'python:3.13.v14' AS runtime, NULL::VARCHAR AS trace_id, (place + 1)::INTEGER AS nth, true AS complete,
       'made.gz' AS source, (i * 500)::BIGINT AS position
FROM timed"""
EVENTS = """
SELECT function, version, log_group, stream, request_id, end_time AS time, 'error' AS kind, 'error' AS level, error_type,
       '[ERROR] KeyError: tenant' AS message, fingerprint, NULL::MAP(VARCHAR, DOUBLE) AS fields, source, position
FROM read_parquet('{folder}/invocations/made.parquet') WHERE outcome = 'error'"""
SOURCES = """
SELECT 'made.gz' AS source, repeat('0', 64) AS sha256, {rows} * 500::BIGINT AS bytes, 's3-export' AS container,
       {rows} * 4::BIGINT AS lines, {rows} * 4::BIGINT AS understood, make_timestamp({begin})::TIMESTAMPTZ AS first_time,
       make_timestamp({begin} + {span})::TIMESTAMPTZ AS last_time, []::VARCHAR[] AS problems, 0::BIGINT AS duplicates"""


def write(folder: Path, rows: int) -> None:
    """A lake of `rows` invocations of three functions over two weeks."""
    values = {
        "rows": rows,
        "calls": CALLS_A_STREAM,
        "functions": "', '".join(FUNCTIONS),
        "begin": BEGIN,
        "span": SPAN,
        "folder": folder,
    }
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = true")
    for table, query in (("invocations", INVOCATIONS), ("events", EVENTS), ("sources", SOURCES)):
        (folder / table).mkdir(parents=True, exist_ok=True)
        connection.execute(f"COPY ({query.format(**values)}) TO '{folder}/{table}/made.parquet' (FORMAT parquet)")
    connection.close()
