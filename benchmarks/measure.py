"""How long measuring takes beside the plainest question that could be asked of the same lake, and how much memory.

    python -m benchmarks.measure [MILLIONS ...]          1 and 5 without any; 50 takes some minutes and 2 GB of disk

With BENCH_LAKES=FOLDER lakes are kept there and used again. Growth is that of the seconds of measuring and of the peak over that
of the invocations, from one size to the next: 1 is linear.

Lakes of ten functions over 28 days are written by DuckDB in the lake's own layout. In each round `measure` and the bare
query, count and p50, p95 and p99 of durations by function and hour, run in turn, each in a process of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from analyzer.lake import EVENTS, SOURCES, Lake

SEED = 20260301
CALLS_A_STREAM = 250
# Row groups of so many rows are what ingest writes as well.
ROW_GROUP = 122_880
# Calls of an environment follow each other every 20 s. Environments begin at any time of four weeks, more of them by day;
# durations are log-normal with a level for each function, hour and environment; one in 200 fails, one in 2,000 times out.
INVOCATIONS = """
COPY (
  WITH streams AS (
    SELECT s, hash(s, {seed}) / 18446744073709551616 AS a, hash(s, {seed} + 1) / 18446744073709551616 AS b,
           floor(10 * pow(s / {streams}, 2))::INTEGER AS f
    FROM range({streams}) AS streams(s)
  ), calls AS (
    SELECT s, k, f, b,
           make_timestamp(1772323200000000 + (floor(a * 28) * 86400e6 + 86400e6 * (b + 0.1 * sin(6.2831853 * b)))::BIGINT
             + k * 20000000) AS start_time,
           hash(s, k, {seed} + 2) / 18446744073709551616 AS u, hash(s, k, {seed} + 3) / 18446744073709551616 AS v,
           hash(s, k, {seed} + 4) % 2000 AS luck
    FROM streams, range({calls}) AS calls(k)
  ), timed AS (
    SELECT *, CASE WHEN luck = 0 THEN 30000.0 ELSE least(29999.0, round(exp(
             4.0 + 0.25 * f + 0.1 * (b - 0.5) + 0.15 * sin(epoch(start_time) / 13750.987)
             + 0.5 * sqrt(-2 * ln(greatest(u, 1e-12))) * cos(6.2831853 * v)), 2)) END AS duration_ms
    FROM calls
  )
  SELECT 'function-' || f AS function, '$LATEST' AS version, '/aws/lambda/function-' || f AS log_group,
         '2026/03/01/[$LATEST]' || md5(s::VARCHAR) AS stream, md5((s * {calls} + k)::VARCHAR)::UUID::VARCHAR AS request_id,
         1::INTEGER AS attempt, start_time::TIMESTAMPTZ AS start_time,
         (start_time + to_microseconds((duration_ms * 1000)::BIGINT))::TIMESTAMPTZ AS end_time,
         CASE WHEN luck = 0 THEN 'timeout' WHEN luck < 10 THEN 'error' ELSE 'ok' END AS outcome,
         CASE WHEN luck BETWEEN 1 AND 9 THEN 'ValueError' END AS error_type,
         CASE WHEN luck BETWEEN 1 AND 9 THEN 'fingerprint-' || luck % 3 END AS fingerprint,
         duration_ms::DOUBLE AS duration_ms, ceil(duration_ms)::DOUBLE AS billed_ms,
         CASE WHEN k = 0 THEN round(200 + 300 * u, 2) END::DOUBLE AS init_ms, NULL::DOUBLE AS restore_ms,
         NULL::DOUBLE AS billed_restore_ms, CASE WHEN f < 5 THEN 512 ELSE 1024 END::INTEGER AS memory_mb,
         (80 + 10 * f + floor(8 * b) + floor(4 * k / {calls}))::INTEGER AS max_memory_mb,
         CASE WHEN luck = 0 THEN 30.0 END::DOUBLE AS timeout_s, NULL::VARCHAR AS runtime, NULL::VARCHAR AS trace_id,
         (k + 1)::INTEGER AS nth, true AS complete, 'made' AS source, (s * {calls} + k)::BIGINT AS position
  FROM timed ORDER BY s, k
) TO '{file}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {row_group})"""
BARE = """
SELECT function, date_trunc('hour', end_time) AS hour, count(*) AS n, quantile_disc(duration_ms, [0.5, 0.95, 0.99]) AS p
FROM invocations GROUP BY ALL ORDER BY ALL"""

TIMED = """
import json, resource, sys, time
from pathlib import Path
from analyzer.lake import Engine, Lake
from analyzer.measure import measure
lake, what = Lake(Path(sys.argv[1])), sys.argv[2]
begin, cpu = time.perf_counter(), time.process_time()
asked = {}
if what == "bare":
    with lake.open() as engine:
        engine.rows(sys.argv[3])
else:
    import sys as _sys
    answer = Engine.numbers
    def timed(engine, sql):
        frame, name = _sys._getframe(1), ""
        while frame and not name:
            if "/metrics/" in frame.f_code.co_filename:
                name = Path(frame.f_code.co_filename).stem
            frame = frame.f_back
        started = time.process_time()
        rows = answer(engine, sql)
        asked[name or "elsewhere"] = asked.get(name or "elsewhere", 0.0) + time.process_time() - started
        return rows
    Engine.numbers = timed
    measure(lake)
print(json.dumps({"wall": time.perf_counter() - begin, "cpu": time.process_time() - cpu,
                  "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "asked": asked}))
"""


def write(folder: Path, millions: float) -> None:
    """A lake with so many million invocations, from one seed."""
    lake = Lake(folder)
    streams = int(millions * 1_000_000) // CALLS_A_STREAM
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '2GB'; SET preserve_insertion_order = true")
        connection.execute(f"SET temp_directory = '{folder}/spilled'")
        for part in range(parts := max(1, round(millions))):
            first, last = streams * part // parts, streams * (part + 1) // parts
            sql = INVOCATIONS.format(
                seed=SEED, streams=streams, calls=CALLS_A_STREAM, row_group=ROW_GROUP,
                file=folder / "invocations" / f"made-{part:03}.parquet",
            )  # fmt: skip
            connection.execute(sql.replace(f"FROM range({streams}) AS", f"FROM range({first}, {last}) AS"))
            for table, schema in (("events", EVENTS), ("sources", SOURCES)):
                connection.register("nothing", schema.empty_table())
                connection.execute(f"COPY nothing TO '{folder}/{table}/made-{part:03}.parquet' (FORMAT parquet)")
                connection.unregister("nothing")
    assert len(lake.commits()) == parts


@contextmanager
def lake_of(millions: float) -> Iterator[Path]:
    """A folder with a lake of that size."""
    kept = os.environ.get("BENCH_LAKES")
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="reportline-bench-") as name:
            write(Path(name), millions)
            yield Path(name)
        return
    folder = Path(kept) / f"{millions:g}"
    if not folder.exists():
        folder.mkdir(parents=True)
        write(folder, millions)
    yield folder


def run(folder: Path, what: str) -> dict[str, float]:
    command = [sys.executable, "-c", TIMED, str(folder), what, BARE]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main(sizes: list[float], rounds: int = 3) -> None:
    print("seconds of the processor\nmillions    bare   measure   ratio   peak MB   growth of seconds   of the peak")
    before: tuple[float, float, float] | None = None
    for millions in sizes:
        with lake_of(millions) as folder:
            bare, whole = [], []
            for _ in range(rounds if millions <= 5 else 1):
                bare.append(run(folder, "bare"))
                whole.append(run(folder, "measure"))
            ratio = statistics.median(one["cpu"] / other["cpu"] for one, other in zip(whole, bare, strict=True))
            seconds = [statistics.median(one["cpu"] for one in runs) for runs in (bare, whole)]
            peak = max(one["peak_mb"] for one in whole)
            growth = ""
            if before is not None:
                times = millions / before[0]
                growth = f"{seconds[1] / before[1] / times:20.2f} {peak / before[2] / times:13.2f}"
            before = millions, seconds[1], peak
            print(f"{millions:8g} {seconds[0]:7.2f} {seconds[1]:9.2f} {ratio:7.1f} {peak:9.0f}{growth}", flush=True)
            asked = whole[-1]["asked"]
            for family, spent in sorted(asked.items(), key=lambda pair: -pair[1])[:8]:
                print(f"           {family:20} {spent:7.2f}")


if __name__ == "__main__":
    main([float(text) for text in sys.argv[1:]] or [1.0, 5.0])
