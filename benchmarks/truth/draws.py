"""Samples whose truth is known, from seeds that were not used while a method was chosen."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.lake import Engine, Lake
from analyzer.measure.bins import LEAST_AMPLITUDE, RHYTHM_ALPHA
from analyzer.measure.family import Family, Settings, Threshold
from analyzer.measure.scope import Scope, Window
from analyzer.measure.series import rhythm
from analyzer.model import Invocation, Measured, Source

RUNS = int(os.environ.get("TRUTH_RUNS", "600"))
SEED = 20_261_124
SETTINGS = Settings(Threshold("duration>60s", 60_000.0))
# 2026-03-01, and how far apart the runs of one lake lie.
BEGIN, APART = 1_772_323_200_000_000, 100_000_000_000
# Rows of one lake: so many are read into memory once.
MOST_ROWS = 190_000

Floats = np.ndarray
Rows = list[dict[str, Any]]
SOURCE = Source(source="drawn", sha256="0" * 64, bytes=0, container="s3-export", lines=0, understood=0,
                first_time=None, last_time=None, problems=[])  # fmt: skip


def generators(cell: str, runs: int = RUNS) -> Iterator[np.random.Generator]:
    """One generator for each run, the same for the same cell whatever else is measured."""
    key = [ord(letter) for letter in cell]
    for run in range(runs):
        yield np.random.default_rng([SEED, run, *key])


def clustered(generator: np.random.Generator, streams: int, size: int, icc: float, scatter: float = 0.6) -> Floats:
    """Log durations, one row a stream, of which the part `icc` of the variance lies between streams."""
    own = generator.standard_normal((streams, 1)) * sqrt(icc)
    return scatter * (own + generator.standard_normal((streams, size)) * sqrt(1 - icc))


def series(generator: np.random.Generator, kind: str, n: int = 168, steps: Sequence[tuple[int, float]] = ()) -> Floats:
    """Hourly log medians: a scatter of 10 %, outliers of 50 % in one bin of fifty, and what `kind` adds."""
    fresh = generator.standard_normal(n)
    if kind == "AR(1) 0.5":
        for place in range(1, n):
            fresh[place] = 0.5 * fresh[place - 1] + sqrt(0.75) * fresh[place]
    values = 0.1 * fresh + np.where(generator.random(n) < 0.02, generator.exponential(0.5, n), 0.0)
    if kind == "daily rhythm":
        values += 0.2 * np.sin(2 * np.pi * np.arange(n) / 24)
    for at, height in steps:
        values[at:] += height
    return values


def without_rhythm(values: Floats, period: int = 24) -> Floats:
    """As the report takes the hours of the day off, where they differ beyond chance."""
    found = rhythm(list(enumerate(values.tolist())), period)
    if found is None or found.p > RHYTHM_ALPHA or found.amplitude < LEAST_AMPLITUDE:
        return values
    return values - np.array([found.phases[place % period] or 0.0 for place in range(len(values))])


def calls(durations: Floats, **columns: Any) -> Rows:
    """A row for each duration of a table with one row a stream, a call a second; a column is a value or a table as well."""
    streams, size = durations.shape
    return [
        {
            "stream": f"stream-{stream}",
            "nth": call + 1,
            "end_time": BEGIN + 1_000_000 * (call * streams + stream),
            "duration_ms": float(durations[stream, call]),
            **{name: value[stream][call] if hasattr(value, "__len__") and not isinstance(value, str) else value
               for name, value in columns.items()},
        }
        for stream in range(streams)
        for call in range(size)
    ]  # fmt: skip


def asked(
    family: Family, cell: str, draw: Callable[[np.random.Generator], Rows], runs: int = RUNS
) -> Iterator[dict[str, Measured]]:
    """What a family says of the function checkout in each run, through a lake: runs lie apart in time."""
    waiting: list[Rows] = []
    for number, generator in enumerate(generators(cell, runs)):
        waiting.append(draw(generator))
        if number == runs - 1 or (len(waiting) + 1) * len(waiting[-1]) > MOST_ROWS:
            with _engine(waiting) as engine:
                for run in range(len(waiting)):
                    begin = BEGIN + run * APART
                    scope = Scope(Window(begin, begin + APART), "checkout")
                    with engine.holding(scope.where):
                        yield {one.metric: one for one in family.measure(engine, scope, SETTINGS)}
            waiting.clear()


@contextmanager
def _engine(runs: list[Rows]) -> Iterator[Engine]:
    unsaid = dict.fromkeys(Invocation.__struct_fields__) | {
        "function": "checkout", "version": "7", "attempt": 1, "outcome": "ok", "complete": True, "source": "drawn"
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        with lake.write() as commit:
            for run, rows in enumerate(runs):
                commit.add_invocations([
                    Invocation(**(unsaid | {"request_id": f"{run}-{place}", "position": place} | row
                                  | {"end_time": row["end_time"] + run * APART}))
                    for place, row in enumerate(rows)
                ])  # fmt: skip
            commit.add_sources([SOURCE])
        with lake.open() as engine:
            yield engine
