"""What the charts need, bounded however many invocations there are: a histogram, bins of time, and points while they are few."""

from __future__ import annotations

from analyzer.lake import Engine
from analyzer.measure.metrics.cold_starts import COLD
from analyzer.measure.metrics.errors import FAILED
from analyzer.measure.scope import Scope
from analyzer.model import HistogramBin, Point, TimeBin

# Bins that grow by 5 %: narrow enough to see two modes, and at most 280 of them from 1 ms to 15 minutes.
GROWTH = 1.05
MOST_POINTS = 2_000
# About this many bins across the picture, of a length that people count in.
BINS = 120
LENGTHS = (60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400)
SECOND = 1_000_000


def histogram(engine: Engine, scope: Scope) -> list[HistogramBin]:
    answer = engine.ask(f"""
SELECT function, floor(ln(greatest(duration_ms, 0.01)) / ln({GROWTH}))::INTEGER AS bin, count(*) AS n
FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL GROUP BY ALL ORDER BY ALL""")
    return [
        HistogramBin(row["function"], GROWTH ** row["bin"], GROWTH ** (row["bin"] + 1), row["n"]) for row in answer.rows
    ]


def timeline(engine: Engine, scope: Scope, begin: int, end: int) -> list[TimeBin]:
    wanted = (end - begin) / SECOND / BINS
    seconds = next((length for length in LENGTHS if length >= wanted), LENGTHS[-1])
    answer = engine.ask(f"""
SELECT function, epoch_us(end_time) // {seconds * SECOND} AS bin, count(*) AS n,
       quantile_disc(duration_ms, 0.5) AS p50, quantile_disc(duration_ms, 0.95) AS p95, max(duration_ms) AS longest,
       count(*) FILTER ({FAILED}) AS failed, count(*) FILTER ({COLD}) AS cold
FROM invocations WHERE {scope.where} AND end_time IS NOT NULL GROUP BY function, bin ORDER BY function, bin""")
    return [
        TimeBin(
            row["function"],
            row["bin"] * seconds * SECOND,
            seconds,
            row["n"],
            row["p50"],
            row["p95"],
            row["longest"],
            row["failed"],
            row["cold"],
        )
        for row in answer.rows
    ]


def points(engine: Engine, scope: Scope) -> list[Point]:
    """Every invocation, unless they are too many to tell apart."""
    condition = f"{scope.where} AND duration_ms IS NOT NULL"
    if engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {condition}")[0]["n"] > MOST_POINTS:
        return []
    answer = engine.ask(f"""
SELECT function, epoch_us(end_time) AS time, duration_ms, outcome, {COLD} AS cold
FROM invocations WHERE {condition} ORDER BY end_time, source, position""")
    return [Point(row["function"], row["time"], row["duration_ms"], row["outcome"], row["cold"]) for row in answer.rows]
