"""What writing a report costs beside measuring what stands in it. `make bench-report`; BENCH_ROWS says how many invocations.

Each round measures the same lake and writes every format of the report; medians of both are compared. Seconds are those of the
processor, all threads together: the clock of a shared machine tells of its other guests.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from analyzer import __version__
from analyzer.diagnose import diagnose
from analyzer.lake import Lake
from analyzer.measure import measure, pictures
from analyzer.measure.behind import lines_behind
from analyzer.measure.scope import Scope
from analyzer.model import Measurements
from analyzer.pipeline import rules_from
from analyzer.report import Asked, Output, Templates, compose, render
from benchmarks import lakes

ROWS = int(os.environ.get("BENCH_ROWS", "5000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


def for_pictures(folder: Path, measurements: Measurements) -> None:
    """Asks what the report's pictures and quoted lines come from."""
    everything = Scope()
    begin, end = measurements.period
    assert begin is not None
    assert end is not None
    with Lake(folder).open() as engine:
        for table in (pictures.histogram, pictures.points, pictures.waits, pictures.marks, pictures.arrivals):
            table(engine, everything)
        pictures.timeline(engine, everything, begin, end)
        pictures.levels(engine, everything, begin, end)
        for function in measurements.functions:
            lines_behind(engine, Scope(function=function.name), function.metrics)


def main() -> None:
    measuring, reporting = [], []
    with tempfile.TemporaryDirectory(prefix="reportline-bench-") as name:
        folder = Path(name)
        lakes.write(folder / "lake", ROWS)
        for number in range(ROUNDS):
            begin = time.process_time()
            measurements = measure(Lake(folder / "lake"))
            assert measurements is not None
            measured = time.process_time()
            rules = rules_from(None)
            report = compose(
                measurements,
                {function.name: diagnose(function, rules) for function in measurements.functions},
                kind="error-analysis",
                version=__version__,
                asked=Asked(None, None, [], True),
                subject=None,
                unreadable=[],
            )
            files = render(
                report,
                measurements,
                Templates(None, "error-analysis", redacted=True),
                Output.at(folder / f"out-{number}"),
                Lake(folder / "lake"),
            )
            written = time.process_time()
            for_pictures(folder / "lake", measurements)
            drawn = time.process_time()
            # What only pictures and quoted lines ask of the lake is a part of measuring, and is here for the report.
            measuring.append(measured - begin - (drawn - written))
            reporting.append(drawn - measured)
        # evidence/ is a folder.
        size = sum(path.stat().st_size for file in files for path in (file.rglob("*") if file.is_dir() else [file]))
    took, added = statistics.median(measuring), statistics.median(reporting)
    print(f"{ROWS:,} invocations, {ROUNDS} rounds, medians, seconds of the processor")
    wrote = f"pictures' tables, rules, {len(files)} files of {size / 1e6:.1f} MB"
    print(f"measuring {took:.1f} s; {wrote}: {added:.1f} s, {added / took:.1%} of it")


if __name__ == "__main__":
    main()
