"""The pictures of a report as SVG: durations and how they went over time, waits for cold starts, memory, calls at once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from msgspec import Struct

from analyzer import figures
from analyzer.model import AtOnce, HistogramBin, Measured, MemoryMarks, Outcome, Point, TimeBin, WaitBin
from analyzer.report.drawing import (
    ALARM,
    FIRST_DAY,
    GREY,
    GRID,
    INK,
    LAST_DAY,
    LOOKS,
    OTHER,
    PAPER,
    SECOND,
    SECONDS_A_DAY,
    THRESHOLD,
    Drawing,
    Entries,
    Look,
    count_axis,
    day,
    drawable,
    drawing,
    duration_axis,
    duration_text,
    function_label,
    function_name,
    label_above,
    label_beside,
    limits,
    looks,
    mark,
    stroke,
    swatch,
    time_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOT_FAILED: tuple[Outcome, ...] = ("ok", "unknown")
MOST_MARKS = 200
# Of the bars that the range of durations is divided into; fewer are filled.
BARS = 28
# With more functions than this, a line for the median too would leave none of them readable.
MOST_MEDIANS = 3
# Beyond these a picture of memory is a list.
MOST_FUNCTIONS = 12
# More points than these are drawn smaller, and bins of time speak for them: a page must not grow with each.
MOST_HINTS = 400
# Of the picture's width, what a moment's label takes up; where the next is nearer, its symbol has to do.
LABEL_ROOM = 0.16
ROW = 0.3  # inches that a function takes up in the picture of memory
MomentKind = Literal["change", "episode", "version", "runtime", "memory"]
# The symbol of a moment, and what the legend calls it.
SYMBOLS: dict[MomentKind, tuple[str, str]] = {
    "change": ("*", "lasting change"),
    "episode": ("_", "slow stretch"),
    "version": ("v", "new version"),
    "runtime": ("D", "new runtime"),
    "memory": ("s", "new memory size"),
}
# How strongly the band of a slow stretch covers what lies below it.
BAND = 0.18
HAPPENED, ARRIVED = ("change", "episode"), ("version", "runtime", "memory")


class Moment(Struct, frozen=True):
    """Something that happened to a function, from `begin` to `end` in microseconds; for a change, the limits of its place."""

    function: str | None
    kind: MomentKind
    begin: int
    at: int
    end: int
    text: str


def distribution(
    histogram: list[HistogramBin],
    points: list[Point],
    thresholds_ms: list[float],
    quantiles: dict[str, Measured],
    title: str,
) -> bytes:
    """Durations on a logarithmic axis, stacked by function; while they are few, each as a mark below; quantiles with limits."""
    known = looks((one.function, one.n) for one in histogram)
    marks = points if len(points) <= MOST_MARKS else []
    low, high = limits([edge for one in histogram for edge in (one.low_ms, one.high_ms)] + thresholds_ms)
    with drawing(3.6 + 0.18 * len(quantiles), title) as picture:
        strip = [0.06 * (len(known) + 1)] if marks else []
        row = [0.08 * (len(quantiles) + 0.5)] if quantiles else []
        bars, *below = rows = picture.rows(1.0, *strip, *row)
        _stack(picture, bars, histogram, known)
        if marks:
            _strip(below[0], marks, known)
        if quantiles:
            _intervals(picture, below[-1], quantiles)
        for axes in rows:
            for threshold in thresholds_ms:
                axes.axvline(drawable(threshold), **THRESHOLD)
        label_above(bars, thresholds_ms, low, high)
        duration_axis(rows[-1], "x", low, high)
        rows[-1].set_xlabel("duration")
        count_axis(bars, "invocations")
        picture.legend([(name, swatch(look.colour, look.hatch)) for name, look in known.items()])
        return picture.svg()


def timeline(
    points: list[Point], bins: list[TimeBin], moments: list[Moment], thresholds_ms: list[float], title: str
) -> bytes:
    """Durations over time: each invocation while there are few, else quantiles and counts by bins of time; what happened above."""
    placed = [one for one in points if FIRST_DAY < day(one.time) < LAST_DAY]
    binned = [one for one in bins if FIRST_DAY < day(one.start) < LAST_DAY] if not placed else []
    counted = any(one.failed or one.cold_starts for one in binned)
    known = looks([(one.function, 1) for one in placed] or [(one.function, one.n) for one in binned])
    days = [day(one.time) for one in placed] + [edge for one in binned for edge in _span(one)]
    shown = [one for one in moments if days and min(days) <= day(one.at) <= max(days)]
    with drawing(3.6 + 0.8 * counted + 0.5 * bool(shown), title) as picture:
        above, below = [0.45] if shown else [], [1.0] if counted else []
        rows = picture.rows(*above, 3.0, *below)
        upper = rows[len(above)]
        entries = _invocations(upper, placed, known) if placed else _quantiles(upper, binned, known)
        if placed and len(placed) <= MOST_HINTS:
            _say_points(picture, upper, placed, known)
        else:
            _say_bins(picture, upper, [one for one in bins if FIRST_DAY < day(one.start) < LAST_DAY], known, _summary)
        entries += _counts(rows[-1], binned) if counted else []
        low, high = limits(
            [one.duration_ms for one in placed]
            + [value for one in binned for value in (one.p50_ms, one.p95_ms) if value is not None]
            + thresholds_ms
        )
        for threshold in thresholds_ms:
            upper.axhline(drawable(threshold), **THRESHOLD)
        label_beside(upper, thresholds_ms, low, high)
        duration_axis(upper, "y", low, high)
        upper.set_ylabel("duration")
        time_axis(rows[-1], days)
        if shown:
            entries += _moments(picture, rows[0], rows[1:], shown, known)
        picture.legend(entries)
        return picture.svg()


def waits(bins: list[WaitBin], title: str) -> bytes:
    """How long callers waited, those whose environment had to be initialised first above the others."""
    low, high = limits([edge for one in bins for edge in (one.low_ms, one.high_ms)])
    with drawing(3.4, title) as picture:
        rows = picture.rows(1.0, 1.0)
        for axes, cold, look in zip(rows, (True, False), (LOOKS[1], LOOKS[0]), strict=True):
            mine = [HistogramBin(None, one.low_ms, one.high_ms, one.n) for one in bins if one.cold == cold]
            _stack(picture, axes, mine, {function_name(None): look}, "cold starts" if cold else "warm calls")
            count_axis(axes, "cold starts" if cold else "warm calls")
        duration_axis(rows[-1], "x", low, high)
        rows[-1].set_xlabel("initialisation and duration together")
        return picture.svg()


def memory(marks: list[MemoryMarks], title: str) -> bytes:
    """High-water marks as a part of what is configured: the median environment's as a bar, the fullest one's as its end."""
    shown = marks[:MOST_FUNCTIONS]
    with drawing(1.3 + ROW * len(shown), title) as picture:
        (axes,) = picture.rows(1.0)
        for row, one in enumerate(shown):
            median, peak = one.p50_mb / one.size_mb, one.peak_mb / one.size_mb
            axes.barh(row, median, 0.55, color=LOOKS[0].colour)
            axes.barh(
                row, peak - median, 0.55, median, color=LOOKS[4].colour, edgecolor=PAPER, hatch="//", linewidth=0.0
            )
            axes.annotate(f"{one.peak_mb:,.0f} of {one.size_mb:,} MB", (peak, row), xytext=(5, 0), textcoords="offset points",
                          va="center")  # fmt: skip
            picture.say(
                axes, (0.0, peak), (row - 0.4, row + 0.4), f"{function_name(one.function)}, {one.size_mb:,} MB configured",
                f"median environment {one.p50_mb:,.0f} MB, fullest {one.peak_mb:,.0f} MB ({figures.write(peak, 'share')})",
                f"{one.environments:,} environments" if one.environments != 1 else "1 environment",
            )  # fmt: skip
        axes.axvline(1.0, **THRESHOLD)
        axes.annotate("limit", (1.0, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
                      ha="center", color=ALARM)  # fmt: skip
        axes.set_yticks(range(len(shown)), [function_name(one.function) for one in shown])
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlim(0.0, 1.18)
        axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        axes.grid(axis="x", **GRID)
        picture.legend([("median environment", swatch(LOOKS[0].colour)),
                        ("up to the fullest environment", swatch(LOOKS[4].colour, "//"))])  # fmt: skip
        return picture.svg()


def concurrency(levels: list[AtOnce], title: str) -> bytes:
    """The most calls at once in each bin of time, of the functions that reach most."""
    placed = [one for one in levels if FIRST_DAY < day(one.start) < LAST_DAY]
    heights: dict[str | None, int] = {}
    for one in placed:
        heights[one.function] = max(one.peak, heights.get(one.function, 0))
    known = looks(heights.items())
    named = {name: look for name, look in known.items() if name != OTHER}
    with drawing(2.9, title) as picture:
        (axes,) = picture.rows(1.0)
        for name, look in named.items():
            mine = {one.start: one.peak for one in placed if function_label(one.function, known) == name}
            length = placed[0].seconds * 1_000_000
            edges = range(min(mine), max(mine) + 2 * length, length)
            axes.stairs([mine.get(start, 0) for start in edges[:-1]], [day(edge) for edge in edges],
                        color=look.colour, linestyle=look.stroke, linewidth=1.6)  # fmt: skip
        _say_bins(picture, axes, placed, known, lambda one: f"{one.peak:,} at once")
        time_axis(axes, [edge for one in placed for edge in _span(one)])
        count_axis(axes, "calls at once")
        entries: Entries = [(name, stroke(look.stroke, look.colour)) for name, look in named.items()]
        picture.legend([*entries, *([(f"{OTHER} not drawn", stroke("none"))] if OTHER in known else [])])
        return picture.svg()


# ── what is drawn ────────────────────────────────────────────────────────────────────────────────────────────────────


def _stack(
    picture: Drawing, axes: Axes, histogram: list[HistogramBin], known: dict[str, Look], what: str | None = None
) -> None:
    """Bars of equal width on the logarithmic axis, each the sum of neighbouring bins; about BARS span the range."""
    if not histogram:
        return
    growth = math.log(histogram[0].high_ms / histogram[0].low_ms)
    places = [round(math.log(one.low_ms) / growth) for one in histogram]
    together = max(1, math.ceil((max(places) - min(places) + 1) / BARS))
    counts: dict[str, Counter[int]] = {name: Counter() for name in known}
    for one, place in zip(histogram, places, strict=True):
        counts[function_label(one.function, known)][place // together] += one.n
    below: Counter[int] = Counter()

    def edges(bar: int) -> tuple[float, float]:
        return math.exp(bar * together * growth), math.exp((bar + 1) * together * growth)

    for name, look in known.items():
        filled = sorted(counts[name])
        axes.bar(
            [edges(bar)[0] for bar in filled],
            [counts[name][bar] for bar in filled],
            [edges(bar)[1] - edges(bar)[0] for bar in filled],
            [below[bar] for bar in filled],
            align="edge",
            color=look.colour,
            edgecolor=PAPER,
            hatch=look.hatch,
            linewidth=0.6,
        )
        below.update(counts[name])
    for bar in sorted(below):
        begin, end = (figures.write(edge, "ms") for edge in edges(bar))
        lines = [f"{what or name}: {counts[name][bar]:,}" for name in known if counts[name][bar]]
        picture.say(axes, edges(bar), None, f"{begin} to {end}", *lines)


def _strip(axes: Axes, points: list[Point], known: dict[str, Look]) -> None:
    """A row of marks for each function, in the order of the legend."""
    for row, (name, look) in enumerate(known.items()):
        durations = [drawable(one.duration_ms) for one in points if function_label(one.function, known) == name]
        axes.plot(durations, [-row] * len(durations), "|", color=look.colour, markersize=7, markeredgewidth=1.2)
    axes.set_ylim(0.3 - len(known), 0.7)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _intervals(picture: Drawing, axes: Axes, quantiles: dict[str, Measured]) -> None:
    """Each quantile as a dot on the line from its lower to its upper limit; an arrow where the data set none above."""
    for row, (name, one) in enumerate(quantiles.items()):
        value = drawable(one.value or 0.0)
        low, high = (drawable(value if limit is None else limit) for limit in (one.low, one.high))
        axes.plot([low, high], [-row, -row], "-", color=INK, linewidth=1.6, marker="|", markersize=6)
        axes.plot([value], [-row], "o", color=INK, markersize=4.5)
        if one.high is None:
            axes.plot([value], [-row], marker=">", color=INK, markersize=6)
        picture.say(axes, (low, high), (-row - 0.4, -row + 0.4), f"{name} of all: {figures.write_measured(one)}")
    axes.set_yticks([-row for row in range(len(quantiles))], list(quantiles))
    axes.set_ylim(0.4 - len(quantiles), 0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _invocations(axes: Axes, points: list[Point], known: dict[str, Look]) -> Entries:
    size = 5.0 if len(points) <= MOST_HINTS else 3.0
    for name, look in known.items():
        mine = [one for one in points if function_label(one.function, known) == name]
        for face, shown in (
            (look.colour, [one for one in mine if not one.cold]),
            (PAPER, [one for one in mine if one.cold]),
        ):
            axes.plot(
                [day(one.time) for one in shown],
                [drawable(one.duration_ms) for one in shown],
                look.marker,
                color=look.colour,
                markerfacecolor=face,
                markersize=size,
                markeredgewidth=0.28 * size,
                linestyle="none",
            )
    failures = [one for one in points if _failed(one)]
    axes.plot(
        [day(one.time) for one in failures], [drawable(one.duration_ms) for one in failures], "x",
        color=ALARM, markersize=9, markeredgewidth=1.6,
    )  # fmt: skip
    entries: Entries = [(name, mark(look.marker, look.colour)) for name, look in known.items()]
    if any(one.cold for one in points):
        entries.append(("cold start", mark("o", INK, face=PAPER)))
    if failures:
        entries.append(("failure", mark("x", ALARM)))
    return entries


def _quantiles(axes: Axes, bins: list[TimeBin], known: dict[str, Look]) -> Entries:
    """Quantiles of the busiest functions: those of several functions together do not follow from each one's."""
    named = {name: look for name, look in known.items() if name != OTHER}
    lines: dict[str, Literal["-", ":"]] = {"p95": "-", "p50": ":"} if len(named) <= MOST_MEDIANS else {"p95": "-"}
    for name, look in named.items():
        mine = sorted((one for one in bins if function_label(one.function, known) == name), key=lambda one: one.start)
        for quantile, style in lines.items():
            values = [one.p95_ms if quantile == "p95" else one.p50_ms for one in mine]
            axes.plot(
                *_with_gaps(mine, values), style, color=look.colour, linewidth=1.4, marker=look.marker, markersize=3
            )
    entries: Entries = [(name, mark(look.marker, look.colour)) for name, look in named.items()]
    entries += [(quantile, stroke(style)) for quantile, style in lines.items()]
    if OTHER in known:
        entries.append((f"{OTHER} not drawn", stroke("none")))
    return entries


def _summary(one: TimeBin) -> str:
    """What one function did in one bin of time."""
    quantiles = (("median", one.p50_ms), ("p95", one.p95_ms))
    parts = [f"{what} {figures.write(value, 'ms')}" for what, value in quantiles if value is not None]
    counts = [f"{n:,} {what}" for n, what in ((one.failed, "failed"), (one.cold_starts, "cold")) if n]
    return ", ".join([*parts, f"{one.n:,} calls" if one.n != 1 else "1 call", *counts])


Binned = TypeVar("Binned", TimeBin, AtOnce)


def _say_points(picture: Drawing, axes: Axes, points: list[Point], known: dict[str, Look]) -> None:
    """What each invocation has to say."""
    for one in points:
        place, height = day(one.time), drawable(one.duration_ms)
        what = [
            function_label(one.function, known),
            "cold start" if one.cold else "warm",
            one.outcome.replace("_", " "),
        ]
        moment = figures.write((one.time or 0) / 1_000_000, "time")
        first = f"{moment}: {figures.write(one.duration_ms, 'ms')}"
        picture.say(axes, (place, place), (height, height), first, ", ".join(what))


def _say_bins(
    picture: Drawing, axes: Axes, bins: list[Binned], known: dict[str, Look], told: Callable[[Binned], str]
) -> None:
    """What each bin of time has to say about the functions that are drawn, as high as the axes."""
    together: dict[int, list[Binned]] = {}
    for one in bins:
        if function_label(one.function, known) != OTHER:
            together.setdefault(one.start, []).append(one)
    for start, mine in sorted(together.items()):
        moment = f"{figures.write(start / 1_000_000, 'time')}, {duration_text(mine[0].seconds * SECOND)}"
        lines = [f"{function_label(one.function, known)}: {told(one)}" for one in mine]
        picture.say(axes, _span(mine[0]), None, moment, *lines)


def _with_gaps(bins: list[TimeBin], values: list[float | None]) -> tuple[list[float], list[float]]:
    """The middles of the bins and their values, the line interrupted where no invocation ended."""
    days: list[float] = []
    heights: list[float] = []
    end = None
    for one, value in zip(bins, values, strict=True):
        begin, next_begin = _span(one)
        if end is not None and begin - end > one.seconds / 2 / SECONDS_A_DAY:
            days.append(begin)
            heights.append(math.nan)
        days.append((begin + next_begin) / 2)
        heights.append(math.nan if value is None else drawable(value))
        end = next_begin
    return days, heights


def _counts(axes: Axes, bins: list[TimeBin]) -> Entries:
    """Failures and cold starts of all functions, side by side in each bin."""
    failures: Counter[int] = Counter()
    cold_starts: Counter[int] = Counter()
    for one in bins:
        failures[one.start] += one.failed
        cold_starts[one.start] += one.cold_starts
    half = bins[0].seconds / 2 / SECONDS_A_DAY
    for counts, colour, offset in ((failures, ALARM, 0.0), (cold_starts, GREY, half)):
        axes.bar([day(start) + offset for start in counts], list(counts.values()), half, align="edge", color=colour)
    count_axis(axes, f"per {duration_text(bins[0].seconds * SECOND)}")
    return [("failures", swatch(ALARM)), ("cold starts", swatch(GREY))]


def _moments(
    picture: Drawing, axes: Axes, others: list[Axes], moments: list[Moment], known: dict[str, Look]
) -> Entries:
    """Symbols above, what happened over what arrived, and a line or a band through the pictures below each."""
    begin, end = axes.get_xlim()
    for lane, kinds in ((0.5, HAPPENED), (-0.5, ARRIVED)):
        mine = [one for one in moments if one.kind in kinds]
        for number, one in enumerate(mine):
            following = day(mine[number + 1].at) if number + 1 < len(mine) else end
            look = known.get(function_label(one.function, known))
            _moment(axes, others, one, lane, look.colour if look else GREY)
            if following - day(one.end) >= LABEL_ROOM * (end - begin):
                text = axes.annotate(
                    one.text,
                    (day(one.end), lane),
                    xytext=(7, 0),
                    textcoords="offset points",
                    va="center_baseline",
                    size=8,
                )
                text.set_parse_math(False)
                text.set_in_layout(False)
            reach = (day(one.begin), day(one.end)) if one.kind == "episode" else (day(one.at), day(one.at))
            moment = figures.write(one.at / 1_000_000, "time")
            picture.say(axes, reach, (lane - 0.5, lane + 0.5), f"{moment}: {one.text}", function_name(one.function))
    axes.set_ylim(-1.0, 1.0)
    axes.set_yticks([])
    axes.set_frame_on(False)
    shown = [kind for kind in SYMBOLS if any(one.kind == kind for one in moments)]
    return [
        (SYMBOLS[kind][1], swatch(GREY, alpha=BAND) if kind == "episode" else mark(SYMBOLS[kind][0], INK))
        for kind in shown
    ]


def _moment(axes: Axes, others: list[Axes], one: Moment, lane: float, colour: str) -> None:
    begin, at, end = day(one.begin), day(one.at), day(one.end)
    symbol, _ = SYMBOLS[one.kind]
    if one.kind == "episode":
        axes.plot([begin, end], [lane, lane], "-", color=colour, linewidth=5, solid_capstyle="butt")
    else:
        size = 9 if symbol == "*" else 6
        axes.plot([at], [lane], symbol, color=colour, markeredgecolor=INK, markeredgewidth=0.5, markersize=size)
    for other in others:
        if one.kind in HAPPENED:
            other.axvspan(begin, end, facecolor=GREY, alpha=BAND, linewidth=0.0, zorder=0.5)
        if one.kind != "episode":
            style: Any = "-" if one.kind == "change" else ":"
            other.axvline(at, color=INK, linewidth=0.8, linestyle=style, zorder=0.6)


def _failed(point: Point) -> bool:
    return point.outcome not in NOT_FAILED


def _span(one: TimeBin | AtOnce) -> tuple[float, float]:
    return day(one.start), day(one.start + one.seconds * 1_000_000)
