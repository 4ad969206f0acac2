"""Measures ingest beside unpacking alone and beside other ways to the same sums. `make bench`; BENCH_MB says how much.

Each competitor is a process of its own and gets its turn in every round, so that a busy machine is busy for all of them.
The speed for a second of the processor is what a core does; that by the clock is what is left on a machine shared with others.
Whoever counts has to find the same number of reports and the same sum of their durations.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import logs

LINE = r"REPORT RequestId: \S+\tDuration: ([\d.]+) ms"
# In the message of a subscription's event every quotation mark is escaped.
IN_JSON = r'"platform\.report","record":\{"requestId":"[^"]+","metrics":\{"durationMs":([\d.]+)'


def files(folder: str) -> list[str]:
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())


def is_json(folder: str) -> bool:
    return Path(folder).name.startswith("json")


def isal(folder: str) -> None:
    """Unpacking alone, with the library and the buffer that ingest uses."""
    from analyzer.ingest.packing import STEP, Unpacked
    from analyzer.ingest.sources import LogFile

    buffer = memoryview(bytearray(STEP))
    for name in files(folder):
        opened = LogFile(name, Path(name)).open()
        content = Unpacked(opened.content, opened.size)
        while content.readinto1(buffer):
            pass


def reportline(folder: str, processes: int = 1) -> str:
    from analyzer.ingest import ingest, workers
    from analyzer.lake import Lake

    workers.WORTHWHILE = 0
    with tempfile.TemporaryDirectory(dir=Path(folder).parent) as name:
        lake = Lake(Path(name))
        ingest([folder], lake, processes=processes)
        if processes > 1:
            return ""
        with lake.open() as engine:
            (row,) = engine.rows("SELECT count(duration_ms) AS n, sum(duration_ms) AS total FROM invocations")
    return f"{row['n']} {row['total']:.0f}"


def two_processes(folder: str) -> str:
    return reportline(folder, 2)


def regex(folder: str) -> str:
    import gzip

    text = IN_JSON.replace('"', r'\\"') if is_json(folder) else LINE
    reported = re.compile(text.encode())
    found = [
        float(number) for name in files(folder) for number in reported.findall(gzip.decompress(Path(name).read_bytes()))
    ]
    return f"{len(found)} {sum(found):.0f}"


def duckdb(folder: str) -> str:
    import duckdb

    names = ", ".join("'" + name.replace("[", "[[]") + "'" for name in files(folder))
    duckdb.sql("SET threads = 1")
    if is_json(folder):
        duckdb.sql("SET enable_progress_bar = false")
        (row,) = duckdb.sql(
            f"SELECT count(*), sum(d::DOUBLE) FROM (SELECT regexp_extract(unnest(json_extract_string(json, "
            f"'$.logEvents[*].message')), '{IN_JSON}', 1) AS d FROM read_json_objects([{names}], format='unstructured', "
            "compression='gzip', maximum_object_size=10000000)) WHERE d <> ''"
        ).fetchall()
        return f"{row[0]} {row[1]:.0f}"
    (row,) = duckdb.sql(
        f"SELECT count(*), sum(regexp_extract(line, '{LINE}', 1)::DOUBLE) FROM read_csv([{names}], header=false, "
        "columns={'line': 'VARCHAR'}, delim='\x01', quote='', escape='', auto_detect=false, compression='gzip') "
        "WHERE contains(line, 'REPORT RequestId: ')"
    ).fetchall()
    return f"{row[0]} {row[1]:.0f}"


def polars(folder: str) -> str:
    import polars as pl

    lines = pl.scan_csv(
        files(folder), glob=False, has_header=False, separator="\x01", quote_char=None, new_columns=["line"]
    )
    report = lines.filter(pl.col("line").str.contains("REPORT RequestId: ", literal=True))
    durations = report.select(pl.col("line").str.extract(LINE, 1).cast(pl.Float64)).collect(engine="streaming")
    return f"{durations.height} {durations['line'].sum():.0f}"


AWK = """awk -F'[: ]+' '{n++; s += $NF} END {printf "%d %.0f\\n", n, s}'"""
SHELL = {
    "gzip -dc": "gzip -dc > /dev/null",
    "zgrep + awk": "zgrep -ho 'REPORT RequestId: [^\t]*\tDuration: [0-9.]*' | " + AWK,
}
SHELL_FOR_JSON = {
    "gzip -dc": "gzip -dc > /dev/null",
    "zgrep + awk": r"""zgrep -ho 'platform.report\\",\\"record\\":{\\"requestId\\":\\"[^"]*",\\"metrics\\":"""
    + r"""{\\"durationMs\\":[0-9.]*' | """
    + AWK,
}
PYTHON: dict[str, Callable[[str], str | None]] = {
    "isal alone": isal,
    "reportline": reportline,
    "reportline, 2 processes": two_processes,
    "polars": polars,
    "duckdb": duckdb,
    "regex script": regex,
}


def measure(name: str, folder: Path) -> tuple[float, float, float, str]:
    """Seconds by the clock and of the processor, peak memory in MB, and what was counted."""
    shell = SHELL_FOR_JSON if is_json(str(folder)) else SHELL
    # Firehose names nothing .gz that is; gzip and zgrep take what comes on their standard input.
    command = (
        ["bash", "-c", f"find '{folder}' -type f -print0 | xargs -0 cat | {shell[name]}"]
        if name in SHELL
        else [sys.executable, "-m", "benchmarks.run", name, str(folder)]
    )
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        raise SystemExit(f"{name} failed on {folder}")
    seconds = time.perf_counter() - begin
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said.strip()


def table(folder: Path, size: float, rounds: int) -> None:
    # Polars has no reader for objects that follow each other without a line feed.
    names = [name for name in (*SHELL, *PYTHON) if not (name == "polars" and is_json(str(folder)))]
    taken: dict[str, list[tuple[float, float, float, str]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            taken[name].append(measure(name, folder))
    counted = {said for results in taken.values() for *_, said in results if said}
    if len({said.split()[0] for said in counted}) > 1:
        raise SystemExit(f"they do not agree: {counted}")
    clock, core = (
        {name: size / statistics.median(result[place] for result in taken[name]) for name in names} for place in (0, 1)
    )
    print(f"\n{folder.name}: {size:.0f} MB, {rounds} rounds, counted {sorted(counted)}\n")
    print("| | MB/s | MB a core second | of gzip -dc | of isal alone | peak memory MB |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in names:
        memory = max(result[2] for result in taken[name])
        shares = f"{core[name] / core['gzip -dc']:.2f} | {core[name] / core['isal alone']:.2f}"
        print(f"| {name} | {clock[name]:.0f} | {core[name]:.0f} | {shares} | {memory:.0f} |", flush=True)


def one_file(folder: Path) -> None:
    """What a single large file takes."""
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    print(f"\n{folder.name}: one file of {path.stat().st_size / 1e6:.0f} MB packed\n")
    for name in ("gzip -dc", "reportline"):
        clock, core, memory, _ = measure(name, folder)
        print(f"{name}: {clock:.1f} s by the clock, {core:.1f} s of the processor, {memory:.0f} MB", flush=True)


def main() -> None:
    if len(sys.argv) == 3:
        print(PYTHON[sys.argv[1]](sys.argv[2]) or "")
        return
    megabytes = int(os.environ.get("BENCH_MB", "256"))
    rounds = int(os.environ.get("BENCH_ROUNDS", "3"))
    folder = Path(os.environ.get("BENCH_DIR", tempfile.gettempdir())) / "reportline-bench"
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {processor[1] if processor else 'unknown processor'}")
    print(", ".join(f"{one} {version(one)}" for one in ("numpy", "pyarrow", "isal", "polars", "duckdb")))
    print(f"load average at the beginning: {os.getloadavg()[0]:.1f}")
    for kind in ("LEAN", "CHATTY", "FIELDS", "RECORDS", "TINY"):
        size = 50_000 if kind == "TINY" else 10 * logs.MB
        much = min(150, megabytes) if kind == "TINY" else megabytes
        where = logs.export(folder, kind, much, size)
        table(where, much, rounds)
    table(logs.firehose(folder, megabytes), megabytes, rounds)
    one_file(logs.big(folder, int(os.environ.get("BENCH_BIG_MB", "3000"))))


if __name__ == "__main__":
    main()
