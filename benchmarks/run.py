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

REPORTED = re.compile(rb"REPORT RequestId: \S+\tDuration: ([\d.]+) ms")
LINE = r"REPORT RequestId: \S+\tDuration: ([\d.]+) ms"


def files(folder: str) -> list[str]:
    return sorted(str(path) for path in Path(folder).rglob("*.gz"))


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
            (row,) = engine.rows("SELECT count(*) AS n, sum(duration_ms) AS total FROM invocations")
    return f"{row['n']} {row['total']:.0f}"


def two_processes(folder: str) -> str:
    return reportline(folder, 2)


def regex(folder: str) -> str:
    import gzip

    found = [
        float(number) for name in files(folder) for number in REPORTED.findall(gzip.decompress(Path(name).read_bytes()))
    ]
    return f"{len(found)} {sum(found):.0f}"


def duckdb(folder: str) -> str:
    import duckdb

    names = ", ".join("'" + name.replace("[", "[[]") + "'" for name in files(folder))
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


SHELL = {
    "gzip -dc": "xargs -0 gzip -dc > /dev/null",
    "zgrep + awk": r"""xargs -0 zgrep -h 'REPORT RequestId: ' | awk -F'\t' '{split($2, d, " "); n++; s += d[2]} """
    r"""END {printf "%d %.0f\n", n, s}'""",
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
    command = (
        ["bash", "-c", f"find '{folder}' -name '*.gz' -print0 | {SHELL[name]}"]
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
    names = [*SHELL, *PYTHON]
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
    for kind, size in (("LEAN", 10 * logs.MB), ("CHATTY", 10 * logs.MB), ("FIELDS", 10 * logs.MB), ("TINY", 50_000)):
        much = min(150, megabytes) if kind == "TINY" else megabytes
        where = logs.export(folder, kind, much, size)
        table(where, much, rounds)


if __name__ == "__main__":
    main()
