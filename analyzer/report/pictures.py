"""Which pictures a report has, and what each one is called: by what it shows rather than by what was drawn.

What has nothing to show is left out. Names are masked before they are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from analyzer import figures
from analyzer.model import (
    Arrival,
    AtOnce,
    FunctionMeasurements,
    HistogramBin,
    Measured,
    Measurements,
    MemoryMarks,
    Point,
    TimeBin,
)
from analyzer.report import charts
from analyzer.report.charts import Moment
from analyzer.report.drawing import function_name
from analyzer.report.page import Picture
from analyzer.report.words import limit

Mask = Callable[[str], str]
Named = TypeVar("Named", Point, TimeBin, HistogramBin, MemoryMarks, AtOnce, Arrival)
QUANTILES = {"median": "duration.p50", "p95": "duration.p95"}
SECOND = 1_000_000
# A share that is written without decimals is no less than one in a hundred.
WORTH_TELLING = 0.01


class Sketch(Struct, frozen=True):
    """A picture to be drawn: as `Picture`, with what draws its SVG. Another process can take it as well."""

    kind: str
    file: str
    title: str
    draw: Callable[[], bytes]


def sketches(measurements: Measurements, headline: str, stem: str, mask: Mask) -> list[Sketch]:
    """The charts, whose files begin with `stem`; `headline` is the threshold that the report is about."""
    return [
        Sketch(kind, f"{stem}-{kind}.svg", title, draw) for kind, title, draw in _sketched(measurements, headline, mask)
    ]


def drawn(sketches: list[Sketch]) -> list[Picture]:
    return [Picture(one.kind, one.file, one.title, one.draw()) for one in sketches]


def _sketched(measurements: Measurements, headline: str, mask: Mask) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """The kind of each picture, its title and what draws it."""
    metrics = measurements.overall.metrics
    thresholds = [figures.milliseconds(headline.partition(">")[2])]
    points = _masked(measurements.points, mask)
    if measurements.histogram:
        title = _distribution_title(measurements)
        quantiles = {name: metrics[metric] for name, metric in QUANTILES.items() if metric in metrics}
        histogram = _masked(measurements.histogram, mask)
        yield "distribution", title, partial(charts.distribution, histogram, points, thresholds, quantiles, title)
    if any(one.n for one in measurements.timeline):
        title = _timeline_title(measurements.functions, mask)
        bins = _masked(measurements.timeline, mask)
        moments = _moments(measurements, mask)
        yield "timeline", title, partial(charts.timeline, points, bins, moments, thresholds, title)
    if any(one.cold for one in measurements.waits) and any(not one.cold for one in measurements.waits):
        title = _waits_title(measurements)
        yield "cold-starts", title, partial(charts.waits, measurements.waits, title)
    if measurements.marks:
        marks = _masked(measurements.marks, mask)
        fullest = marks[0]
        title = (
            f"{function_name(fullest.function)} used up to {fullest.peak_mb:,.0f} MB of {fullest.size_mb:,} MB, "
            f"{figures.write(fullest.peak_mb / fullest.size_mb, 'share', 0)}"
        )
        yield "memory", title, partial(charts.memory, marks, title)
    if len({one.start for one in measurements.levels}) > 1:
        levels = _masked(measurements.levels, mask)
        highest = max(levels, key=lambda one: one.peak)
        looked = f", looked at every {highest.every_s} s" if highest.every_s else ""
        title = f"{function_name(highest.function)} ran up to {highest.peak:,} calls at once{looked}"
        yield "concurrency", title, partial(charts.concurrency, levels, title)


def _masked(items: list[Named], mask: Mask) -> list[Named]:
    """With functions' names masked: they stand in legends."""
    return [replace(one, function=None if one.function is None else mask(one.function)) for one in items]


# ── titles ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _distribution_title(measurements: Measurements) -> str:
    breach = measurements.overall.metrics["breach.rate"]
    if not breach.k:
        median, p95 = (
            figures.write(measurements.overall.metrics[metric].value or 0.0, "ms") for metric in QUANTILES.values()
        )
        return f"Half of {breach.n:,} invocations took up to {median}, 95 % of them up to {p95}"
    return f"{breach.k:,} of {breach.n:,} invocations took longer than {limit(breach.threshold or '')}"


def _timeline_title(functions: list[FunctionMeasurements], mask: Mask) -> str:
    """The largest lasting change, else the largest stretch, else that none was found where one could have been."""
    for what, moment in (("change", "at"), ("episode", "begin")):
        found = [
            (ratio, time, function.name)
            for function in functions
            if (ratio := _value(function, f"{what}.ratio")) and (time := _value(function, f"{what}.{moment}"))
        ]
        if found:
            ratio, time, name = max(found, key=lambda one: abs(math.log(one[0])))
            told = (
                f"{figures.write(ratio, 'ratio')} times as long"
                if ratio > 1
                else f"{figures.write(ratio, 'share', 0)} as long"
            )
            when, for_a_while = figures.write(time, "time"), ", for a while" if what == "episode" else ""
            return f"{function_name(mask(name))}: calls took {told} from {when}{for_a_while}"
    if any("change.count" in function.metrics for function in functions):
        return "Durations over time: no lasting change was found"
    return "Durations over time"


def _waits_title(measurements: Measurements) -> str:
    cold = sum(one.n for one in measurements.waits if one.cold)
    n = sum(one.n for one in measurements.waits)
    title = f"{cold:,} of {n:,} calls waited for an initialisation"
    tail = measurements.overall.metrics.get("cold_start.p95_reduction")
    if tail is None or tail.value is None or tail.value < WORTH_TELLING:
        return title
    return f"{title}; without them p95 would be {figures.write(tail.value, tail.unit, 0)} lower"


# ── what happened when ───────────────────────────────────────────────────────────────────────────────────────────────


def _moments(measurements: Measurements, mask: Mask) -> list[Moment]:
    """Changes and slow stretches of every function, and what arrived: versions, runtimes, memory sizes."""
    found = [moment for function in measurements.functions for moment in _changes(function, mask(function.name))]
    for one in _masked(measurements.arrivals, mask):
        text = f"{int(one.name):,} MB" if one.what == "memory" else mask(one.name)
        text = f"version {text}" if one.what == "version" else text
        found.append(Moment(one.function, one.what, one.time, one.time, one.time, text))
    return sorted(found, key=lambda one: (one.at, one.kind, one.function or ""))


def _changes(function: FunctionMeasurements, name: str) -> Iterator[Moment]:
    at, ratio = function.metrics.get("change.at"), _value(function, "change.ratio")
    if at is not None and at.value is not None and ratio is not None:
        low, high = (at.value if edge is None else edge for edge in (at.low, at.high))
        yield Moment(name, "change", _micro(low), _micro(at.value), _micro(high), _times(ratio))
    begin, end, ratio = (_value(function, f"episode.{part}") for part in ("begin", "end", "ratio"))
    if begin is not None and end is not None and ratio is not None:
        yield Moment(name, "episode", _micro(begin), _micro(begin), _micro(end), _times(ratio))


def _times(ratio: float) -> str:
    return f"durations × {figures.write(ratio, 'ratio')}"


def _micro(seconds: float) -> int:
    return round(seconds * SECOND)


def _value(function: FunctionMeasurements, metric: str) -> float | None:
    measured: Measured | None = function.metrics.get(metric)
    return measured.value if measured is not None else None
