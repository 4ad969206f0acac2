"""The two pictures of a report as SVG: how durations are distributed, and how they went over time.

The same measurements give the same bytes. Names come from logs, so they reach a picture as one line of visible text, which
no layout engine interprets.
"""

from __future__ import annotations

import io
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal

from analyzer.model import HistogramBin, Outcome, Point, TimeBin
from analyzer.report.escape import cut, visible

if TYPE_CHECKING:  # matplotlib takes half a second to load
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Okabe and Ito's palette, which people with any kind of colour vision can tell apart, without its pale yellow.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
GREY, INK, ALARM = "#9A9A9A", "#333333", "#B2182B"
OTHER, UNNAMED = "other functions", "not named"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reportline",
    "font.family": "sans-serif",
    # The first one comes with matplotlib, so that every machine measures text alike.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica", "sans-serif"],
    "font.size": 9,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
NOT_FAILED: tuple[Outcome, ...] = ("ok", "unknown")
LONGEST_NAME, LONGEST_TITLE = 36, 88
THRESHOLD: dict[str, Any] = {"color": ALARM, "linewidth": 1.0, "linestyle": (0, (4, 2)), "zorder": 3}
GRID: dict[str, Any] = {"color": "#E4E4E4", "linewidth": 0.6}
WIDTH = 9.0
# Characters beside each other below the picture, and what a threshold's label takes up of an axis.
WIDEST_LEGEND, LABEL_WIDTH, LABEL_HEIGHT = 130, 0.07, 0.06
MOST_MARKS = 200
# Of the bars that the range of durations is divided into; fewer are filled.
BARS = 28
# With more functions than this, a line for the median too would leave none of them readable.
MOST_MEDIANS = 3
LEAST_MS = 0.01  # what a duration of nothing is drawn as, for want of a logarithm
SECOND, MINUTE, HOUR = 1_000.0, 60_000.0, 3_600_000.0
TICKS = (
    *(digit * 10.0**power for power in range(-2, 3) for digit in (1, 2, 5)),
    *(seconds * SECOND for seconds in (1, 2, 5, 10, 20, 30)),
    *(minutes * MINUTE for minutes in (1, 2, 4, 8, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 5, 10, 20, 50, 100)),
)
COARSE_TICKS = (
    *(10.0**power for power in range(-2, 5)),
    MINUTE,
    4 * MINUTE,
    15 * MINUTE,
    HOUR,
    10 * HOUR,
    100 * HOUR,
)
MOST_TICKS = 11
SECONDS_A_DAY = 86_400
# A moment outside of these is a mistake of the log, and a calendar cannot show it.
FIRST_DAY, LAST_DAY = 1.0, 73_000.0
LEAST_MARGIN_DAYS = 30 / SECONDS_A_DAY
# The end of an axis of durations is at least this many times its beginning.
LEAST_RANGE = 5.0


def distribution(histogram: list[HistogramBin], points: list[Point], thresholds_ms: list[float], title: str) -> bytes:
    """Durations on a logarithmic axis, stacked by function; while invocations are few, each as a mark below."""
    colours = _colours((one.function, one.n) for one in histogram)
    marks = points if len(points) <= MOST_MARKS else []
    low, high = _limits([edge for one in histogram for edge in (one.low_ms, one.high_ms)] + thresholds_ms)
    with _figure(3.6, title) as figure:
        if marks:
            bars, lowest = figure.subplots(2, 1, sharex=True, height_ratios=(1.0, 0.06 * (len(colours) + 1)))
            bars.tick_params(axis="x", bottom=False, labelbottom=False)
            _strip(lowest, marks, colours)
        else:
            bars = lowest = figure.subplots()
        _stack(bars, histogram, colours)
        for axes in (bars, lowest) if marks else (bars,):
            for threshold in thresholds_ms:
                axes.axvline(_drawable(threshold), **THRESHOLD)
        _label_above(bars, thresholds_ms, low, high)
        _duration_axis(lowest, "x", low, high)
        lowest.set_xlabel("duration")
        _count_axis(bars, "invocations")
        _legend(figure, [(name, _mark("s", colour)) for name, colour in colours.items()])
        return _svg(figure, title)


def timeline(points: list[Point], bins: list[TimeBin], thresholds_ms: list[float], title: str) -> bytes:
    """Durations over time: each invocation while there are few, else quantiles and counts by bins of time."""
    placed = [one for one in points if FIRST_DAY < _day(one.time) < LAST_DAY]
    binned = [one for one in bins if FIRST_DAY < _day(one.start) < LAST_DAY] if not placed else []
    counted = any(one.failed or one.cold_starts for one in binned)
    with _figure(4.4 if counted else 3.6, title) as figure:
        if counted:
            upper, lowest = figure.subplots(2, 1, sharex=True, height_ratios=(3.0, 1.0))
            upper.tick_params(axis="x", bottom=False, labelbottom=False)
        else:
            upper = lowest = figure.subplots()
        entries = _invocations(upper, placed) if placed else _quantiles(upper, binned)
        entries += _counts(lowest, binned) if counted else []
        low, high = _limits(
            [one.duration_ms for one in placed]
            + [value for one in binned for value in (one.p50_ms, one.p95_ms) if value is not None]
            + thresholds_ms
        )
        for threshold in thresholds_ms:
            upper.axhline(_drawable(threshold), **THRESHOLD)
        _label_beside(upper, thresholds_ms, low, high)
        _duration_axis(upper, "y", low, high)
        upper.set_ylabel("duration")
        _time_axis(lowest, [_day(one.time) for one in placed] + [day for one in binned for day in _span(one)])
        _legend(figure, entries)
        return _svg(figure, title)


# ── what is drawn ────────────────────────────────────────────────────────────────────────────────────────────────────

Entries = list[tuple[str, "Line2D"]]


def _stack(axes: Axes, histogram: list[HistogramBin], colours: dict[str, str]) -> None:
    """Bars of equal width on the logarithmic axis, each the sum of neighbouring bins; about BARS span the range."""
    growth = math.log(histogram[0].high_ms / histogram[0].low_ms)
    places = [round(math.log(one.low_ms) / growth) for one in histogram]
    together = max(1, math.ceil((max(places) - min(places) + 1) / BARS))
    counts: dict[str, Counter[int]] = {name: Counter() for name in colours}
    for one, place in zip(histogram, places, strict=True):
        counts[_label(one.function, colours)][place // together] += one.n
    below: Counter[int] = Counter()
    for name, colour in colours.items():
        filled = sorted(counts[name])
        lefts = [math.exp(bar * together * growth) for bar in filled]
        axes.bar(
            lefts,
            [counts[name][bar] for bar in filled],
            [left * math.expm1(together * growth) for left in lefts],
            [below[bar] for bar in filled],
            align="edge",
            color=colour,
            edgecolor="white",
            linewidth=0.6,
        )
        below.update(counts[name])


def _strip(axes: Axes, points: list[Point], colours: dict[str, str]) -> None:
    """A row of marks for each function, in the order of the legend."""
    for row, (name, colour) in enumerate(colours.items()):
        durations = [_drawable(one.duration_ms) for one in points if _label(one.function, colours) == name]
        axes.plot(durations, [-row] * len(durations), "|", color=colour, markersize=7, markeredgewidth=1.2)
    axes.set_ylim(0.3 - len(colours), 0.7)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _invocations(axes: Axes, points: list[Point]) -> Entries:
    colours = _colours((one.function, 1) for one in points)
    for name, colour in colours.items():
        mine = [one for one in points if _label(one.function, colours) == name]
        for marker, face, shown in (
            ("o", colour, [one for one in mine if not one.cold and not _failed(one)]),
            ("o", "white", [one for one in mine if one.cold]),
            ("x", colour, [one for one in mine if _failed(one)]),
        ):
            axes.plot(
                [_day(one.time) for one in shown],
                [_drawable(one.duration_ms) for one in shown],
                marker,
                color=colour,
                markerfacecolor=face,
                markersize=5 if marker == "o" else 6,
                markeredgewidth=1.4,
            )
    entries = [(name, _mark("o", colour)) for name, colour in colours.items()]
    if any(one.cold for one in points):
        entries.append(("cold start", _mark("o", INK, face="white")))
    if any(_failed(one) for one in points):
        entries.append(("failure", _mark("x", INK)))
    return entries


def _quantiles(axes: Axes, bins: list[TimeBin]) -> Entries:
    """Quantiles of the busiest functions: those of several functions together do not follow from each one's."""
    colours = _colours((one.function, one.n) for one in bins)
    named = {name: colour for name, colour in colours.items() if name != OTHER}
    lines: dict[str, Literal["-", ":"]] = {"p95": "-", "p50": ":"} if len(named) <= MOST_MEDIANS else {"p95": "-"}
    for name, colour in named.items():
        mine = sorted((one for one in bins if _label(one.function, colours) == name), key=lambda one: one.start)
        for quantile, style in lines.items():
            values = [one.p95_ms if quantile == "p95" else one.p50_ms for one in mine]
            axes.plot(*_with_gaps(mine, values), style, color=colour, linewidth=1.4, marker=".", markersize=3)
    entries = [(name, _mark("s", colour)) for name, colour in named.items()]
    entries += [(quantile, _stroke(style)) for quantile, style in lines.items()]
    if OTHER in colours:
        entries.append((f"{OTHER} not drawn", _stroke("none")))
    return entries


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
        heights.append(math.nan if value is None else _drawable(value))
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
        axes.bar([_day(start) + offset for start in counts], list(counts.values()), half, align="edge", color=colour)
    _count_axis(axes, f"per {_duration(bins[0].seconds * SECOND)}")
    return [("failures", _mark("s", ALARM)), ("cold starts", _mark("s", GREY))]


def _failed(point: Point) -> bool:
    return point.outcome not in NOT_FAILED


# ── functions, their colours and the legend ──────────────────────────────────────────────────────────────────────────


def _colours(numbers: Iterable[tuple[str | None, int]]) -> dict[str, str]:
    """A colour for each function, the busiest first, one grey for those beyond the palette."""
    totals: Counter[str] = Counter()
    for function, n in numbers:
        totals[_name(function)] += n
    names = sorted(totals, key=lambda name: (-totals[name], name))
    colours = dict(zip(names, PALETTE, strict=False))
    return colours | ({OTHER: GREY} if len(names) > len(PALETTE) else {})


def _name(function: str | None) -> str:
    return UNNAMED if function is None else cut(visible(function).strip(), LONGEST_NAME) or UNNAMED


def _label(function: str | None, colours: dict[str, str]) -> str:
    name = _name(function)
    return name if name in colours else OTHER


def _mark(marker: str, colour: str, *, face: str | None = None) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], linestyle="none", marker=marker, color=colour, markerfacecolor=face or colour, markeredgewidth=1.4
    )


def _stroke(style: Literal["-", ":", "none"]) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle=style, color=INK, linewidth=1.4)


def _legend(figure: Figure, entries: Entries) -> None:
    """Below the picture. The texts are set last: a label with an underscore in front would be left out."""
    if not entries:
        return
    longest = max(len(text) for text, _ in entries)
    columns = max(1, min(len(entries), WIDEST_LEGEND // (longest + 5)))
    legend = figure.legend(
        [handle for _, handle in entries],
        [str(number) for number in range(len(entries))],
        loc="outside lower left",
        ncols=columns,
    )
    for shown, (text, _) in zip(legend.get_texts(), entries, strict=True):
        shown.set_parse_math(False)
        shown.set_text(text)


# ── axes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _drawable(duration_ms: float) -> float:
    return max(duration_ms, LEAST_MS)


def _limits(durations: list[float]) -> tuple[float, float]:
    """Of the axis: the range with a margin, and wide enough for two or three ticks."""
    low = min(map(_drawable, durations), default=SECOND)
    high = max(map(_drawable, durations), default=SECOND)
    margin = max((high / low) ** 0.03, math.sqrt(max(1.0, LEAST_RANGE / (high / low))))
    return low / margin, high * margin


def _duration(value: float) -> str:
    """As people say it: 500 ms, 1.5 s, 4 min."""
    for unit, name in ((HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if value >= unit:
            return f"{value / unit:g} {name}"
    return f"{value:g} ms"


def _threshold(value: float) -> str:
    """In seconds also above a minute, as thresholds are given and titles say."""
    return f"{value / SECOND:g} s" if value >= SECOND else f"{value:g} ms"


def _duration_axis(axes: Axes, which: Literal["x", "y"], low: float, high: float) -> None:
    """The limits come before the scale, which would else look for limits of its own, and warn where it finds none."""
    from matplotlib.ticker import NullLocator

    ticks = [tick for tick in TICKS if low <= tick <= high]
    if len(ticks) > MOST_TICKS:
        ticks = [tick for tick in COARSE_TICKS if low <= tick <= high]
    if which == "x":
        axes.set_xlim(low, high)
        axes.set_xscale("log")
        axes.set_xticks(ticks, [_duration(tick) for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(low, high)
        axes.set_yscale("log")
        axes.set_yticks(ticks, [_duration(tick) for tick in ticks])
        axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis=which, **GRID)


def _count_axis(axes: Axes, name: str) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axes.set_ylabel(name)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", **GRID)


def _time_axis(axes: Axes, days: list[float]) -> None:
    """Names of months would depend on the machine's language, so dates are numbers."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    begin, end = min(days, default=0.0), max(days, default=1.0)
    margin = max((end - begin) * 0.02, LEAST_MARGIN_DAYS)
    locator = AutoDateLocator(tz=UTC, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator,
        tz=UTC,
        formats=["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"],
        zero_formats=["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M"],
        offset_formats=["", "%Y", "%Y", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d"],
    )
    axes.set_xlim(begin - margin, end + margin)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)
    axes.set_xlabel("time (UTC)")


def _day(time: int | None) -> float:
    """Days since 1970; not a number, and so on no axis, where the logs carry no time."""
    return math.nan if time is None else time / 1_000_000 / SECONDS_A_DAY


def _span(one: TimeBin) -> tuple[float, float]:
    return _day(one.start), _day(one.start + one.seconds * 1_000_000)


# ── thresholds, whose labels must not cover each other ───────────────────────────────────────────────────────────────


def _label_above(axes: Axes, thresholds_ms: list[float], low: float, high: float) -> None:
    """At the upper end of each line, a row higher where the one before it is near."""
    rows: list[float] = []
    for threshold in sorted(thresholds_ms):
        place = _fraction(_drawable(threshold), low, high)
        row = next((row for row, taken in enumerate(rows) if place - taken > LABEL_WIDTH), len(rows))
        rows[row : row + 1] = [place]
        axes.annotate(
            _threshold(threshold),
            (place, 1.0),
            xycoords="axes fraction",
            xytext=(0, 3 + 11 * row),
            textcoords="offset points",
            ha="center",
            color=ALARM,
        )


def _label_beside(axes: Axes, thresholds_ms: list[float], low: float, high: float) -> None:
    """At the right end of each line, moved up where the one below it is near."""
    taken = -LABEL_HEIGHT
    for threshold in sorted(thresholds_ms):
        taken = max(_fraction(_drawable(threshold), low, high), taken + LABEL_HEIGHT)
        axes.annotate(
            _threshold(threshold),
            (1.0, taken),
            xycoords="axes fraction",
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=ALARM,
        )


def _fraction(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low)


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _figure(height: float, title: str) -> Iterator[Figure]:
    """An empty figure, in the report's style whatever the machine's own settings for matplotlib are."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        # A name in a script that the measuring font lacks: the reader's font draws it.
        warnings.filterwarnings("ignore", message="Glyph ")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        figure.suptitle(cut(visible(title), LONGEST_TITLE), x=0.01, ha="left", size=10, weight="bold", parse_math=False)
        yield figure


def _svg(figure: Figure, title: str) -> bytes:
    """Without a date, the program's address or a document type, which name hosts on the network."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    content = io.BytesIO()
    metadata = {
        "Title": cut(visible(title), LONGEST_TITLE),
        "Date": None,
        "Creator": None,
        "Format": None,
        "Type": None,
    }
    FigureCanvasSVG(figure).print_svg(content, metadata=metadata)  # type: ignore[no-untyped-call]
    drawn = content.getvalue()
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + drawn[drawn.index(b"<svg") :]
