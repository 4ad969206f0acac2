"""What writing a report costs beside measuring what stands in it. `make bench-report`; BENCH_ROWS says how many invocations.

Each round measures the same lake and writes every format of the report; medians of both are compared. What only pictures, quoted
lines and alarms ask of the lake is asked while it is measured, and is taken from there and counted for the report. Seconds are
those of the processor, all threads together: the clock of a shared machine tells of its other guests.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from analyzer import __version__
from analyzer.diagnose import diagnose
from analyzer.lake import Lake
from analyzer.measure import everything, measure
from analyzer.model import Measurements
from analyzer.pipeline import rules_from
from analyzer.report import Asked, Output, Templates, compose, render
from benchmarks import lakes

ROWS = int(os.environ.get("BENCH_ROWS", "5000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


# What `measure` asks for the report alone, by its names there.
ASKED = {
    "pictures": ("histogram", "timeline", "points", "waits", "marks", "levels", "arrivals"),
    "quoted lines": ("lines_behind",),
    "alarms": ("alarms",),
}


@contextmanager
def timed(spent: Counter[str]) -> Iterator[None]:
    """Adds up meanwhile what `measure` spends on each of `ASKED`."""

    def watched(kind: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def asking(*arguments: Any) -> Any:
            begin = time.process_time()
            found = ask(*arguments)
            # Alarms are found one after the other.
            found = list(found) if isinstance(found, Iterator) else found
            spent[kind] += time.process_time() - begin
            return found

        return asking

    names = {name: watched(kind, getattr(everything, name)) for kind, parts in ASKED.items() for name in parts}
    with mock.patch.multiple(everything, **names):
        yield


def write(folder: Path, measurements: Measurements) -> list[Path]:
    """Every format of the report on the lake in `folder`."""
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
    templates = Templates(None, "error-analysis", redacted=True)
    return render(report, measurements, templates, Output.at(folder / "out"), Lake(folder / "lake"))


def main() -> None:
    rounds: list[Counter[str]] = []
    with tempfile.TemporaryDirectory(prefix="reportline-bench-") as name:
        folder = Path(name)
        lakes.write(folder / "lake", ROWS)
        for _ in range(ROUNDS):
            spent: Counter[str] = Counter()
            begin = time.process_time()
            with timed(spent):
                measurements = measure(Lake(folder / "lake"))
            assert measurements is not None
            spent["measuring"] = time.process_time() - begin - spent.total()
            begin = time.process_time()
            files = write(folder, measurements)
            spent["rules and files"] = time.process_time() - begin
            rounds.append(spent)
        # evidence/ is a folder.
        size = sum(path.stat().st_size for file in files for path in (file.rglob("*") if file.is_dir() else [file]))
    seconds = {kind: statistics.median(spent[kind] for spent in rounds) for kind in rounds[0]}
    measuring = seconds.pop("measuring")
    print(f"{ROWS:,} invocations, {ROUNDS} rounds, medians, seconds of the processor")
    print(f"measuring {measuring:.1f}; " + ", ".join(f"{kind} {spent:.1f}" for kind, spent in seconds.items()))
    added = sum(seconds.values())
    print(
        f"{len(files)} files of {size / 1e6:.1f} MB; the report adds {added:.1f} s, {added / measuring:.1%} of measuring"
    )


if __name__ == "__main__":
    main()
