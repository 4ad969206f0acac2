"""What every picture shares: looks of functions, axes of durations and of time, legends, and the SVG file with its hints.

The same measurements give the same bytes. Names come from logs, so they reach a picture as one line of visible text, which
no layout engine interprets. Functions differ by colour and by shape, hatching or stroke as well, for people who see colours
differently and for grey paper.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from analyzer.report.escape import cut, visible

if TYPE_CHECKING:  # matplotlib takes half a second to load
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Stroke = Literal["-", ":", "none"] | tuple[float, tuple[float, ...]]
Entries = list[tuple[str, "Artist"]]


class Look(Struct, frozen=True):
    """How one function is drawn: as marks, as bars, as a line."""

    colour: str
    marker: str
    hatch: str
    stroke: Stroke


GREY, INK, ALARM, PAPER, LINE = "#9A9A9A", "#333333", "#B2182B", "#FFFFFF", "#E4E4E4"
# Okabe and Ito's palette, which people with any kind of colour vision can tell apart, without its pale yellow.
LOOKS = (
    Look("#0072B2", "o", "", "-"),
    Look("#E69F00", "s", "//", (0, (5, 1))),
    Look("#009E73", "^", "||", (0, (3, 1, 1, 1))),
    Look("#CC79A7", "D", "xx", (0, (1, 1))),
    Look("#56B4E9", "v", "\\\\", (0, (8, 2))),
    Look("#D55E00", "P", "--", (0, (3, 1, 1, 1, 1, 1))),
)
OTHERS = Look(GREY, "o", "++", "-")
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
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
}
LONGEST_NAME, LONGEST_TITLE = 36, 88
THRESHOLD: dict[str, Any] = {"color": ALARM, "linewidth": 1.0, "linestyle": (0, (4, 2)), "zorder": 3}
GRID: dict[str, Any] = {"color": LINE, "linewidth": 0.6}
WIDTH = 9.0
# Points an inch, which are what SVG counts in as well: a place in the picture is a place in the file.
POINTS = 72
# Characters beside each other below the picture, and what a threshold's label takes up of an axis.
WIDEST_LEGEND, LABEL_WIDTH, LABEL_HEIGHT = 130, 0.07, 0.06
# Nothing that can be pointed at is smaller, in points.
LEAST_TARGET = 7.0
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
CLIP = re.compile(rb'<clipPath id="(p[0-9a-f]{10})">(.*?)</clipPath>', re.DOTALL)
SECONDS_A_DAY = 86_400
# A moment outside of these is a mistake of the log, and a calendar cannot show it.
FIRST_DAY, LAST_DAY = 1.0, 73_000.0
LEAST_MARGIN_DAYS = 30 / SECONDS_A_DAY
# The end of an axis of durations is at least this many times its beginning.
LEAST_RANGE = 5.0


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Drawing:
    """A figure in the making, and what its parts say to somebody who points at them."""

    def __init__(self, figure: Figure, title: str) -> None:
        self.figure = figure
        self.title = cut(visible(title), LONGEST_TITLE)
        self.hints: list[tuple[Axes, tuple[float, float], tuple[float, float] | None, str]] = []
        figure.suptitle(self.title, x=0.01, ha="left", size=10, weight="bold", parse_math=False)

    def rows(self, *ratios: float) -> list[Axes]:
        """Axes below each other with one common horizontal axis, which only the last one shows."""
        if len(ratios) == 1:
            return [self.figure.subplots()]
        rows = list(self.figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios))
        for axes in rows[:-1]:
            axes.tick_params(axis="x", bottom=False, labelbottom=False)
        return rows

    def say(self, axes: Axes, x: tuple[float, float], y: tuple[float, float] | None, *lines: str) -> None:
        """What the part between these values has to say; without `y` it is as high as `axes`."""
        self.hints.append((axes, x, y, "\n".join(visible(line) for line in lines)))

    def legend(self, entries: Entries) -> None:
        """Below the picture. The texts are set last: a label with an underscore in front would be left out."""
        if not entries:
            return
        longest = max(len(text) for text, _ in entries)
        columns = max(1, min(len(entries), WIDEST_LEGEND // (longest + 5)))
        legend = self.figure.legend(
            [handle for _, handle in entries],
            [str(number) for number in range(len(entries))],
            loc="outside lower left",
            ncols=columns,
            handleheight=1.1,
        )
        for shown, (text, _) in zip(legend.get_texts(), entries, strict=True):
            shown.set_parse_math(False)
            shown.set_text(text)

    def svg(self) -> bytes:
        """Without a date, the program's address or a document type, which name hosts on the network."""
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        content = io.BytesIO()
        metadata = {"Title": self.title, "Date": None, "Creator": None, "Format": None, "Type": None}
        FigureCanvasSVG(self.figure).print_svg(content, metadata=metadata)  # type: ignore[no-untyped-call]
        drawn = content.getvalue()
        picture, end = drawn[drawn.index(b"<svg") : drawn.rindex(b"</svg>")], b"</svg>\n"
        return b'<?xml version="1.0" encoding="utf-8"?>\n' + _named_by_content(picture) + self._hints() + end

    def _hints(self) -> bytes:
        """Transparent shapes over the picture. Browsers show the title of what is under the pointer, and read it out."""
        height = self.figure.get_figheight() * POINTS
        shapes = []
        for axes, x, y, text in self.hints:
            box = axes.bbox
            across = axes.transData.transform([(x[0], (y or axes.get_ylim())[0]), (x[1], (y or axes.get_ylim())[1])])
            if not all(math.isfinite(value) for value in across.flat):
                continue
            left, right = _reach(across[0][0], across[1][0], box.x0, box.x1)
            low, high = _reach(across[0][1], across[1][1], box.y0, box.y1) if y else (box.y0, box.y1)
            shapes.append(
                f'<rect x="{left:.1f}" y="{height - high:.1f}" width="{right - left:.1f}" height="{high - low:.1f}">'
                f"<title>{escape(text, quote=False)}</title></rect>\n"
            )
        return ('<g class="hints" fill="none" pointer-events="all">\n' + "".join(shapes) + "</g>\n").encode()


def _named_by_content(picture: bytes) -> bytes:
    """Clips named by what is written of them. matplotlib names them by all digits of numbers, of which the layout leaves the
    last ones to chance.
    """
    for name, clip in CLIP.findall(picture):
        picture = picture.replace(name, b"p" + hashlib.sha256(clip).hexdigest()[: len(name) - 1].encode())
    return picture


def _reach(begin: float, end: float, least: float, most: float) -> tuple[float, float]:
    """A stretch that can be hit, inside of what is drawn on."""
    begin, end = (min(max(edge, least), most) for edge in sorted((begin, end)))
    more = max(0.0, LEAST_TARGET - (end - begin)) / 2
    return begin - more, end + more


@contextmanager
def drawing(height: float, title: str) -> Iterator[Drawing]:
    """An empty picture, in the report's style whatever the machine's own settings for matplotlib are."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        # A name in a script that the measuring font lacks: the reader's font draws it.
        warnings.filterwarnings("ignore", message="Glyph ")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield Drawing(Figure(figsize=(WIDTH, height), dpi=POINTS, layout="constrained"), title)


# ── functions, their looks and what stands in the legend ─────────────────────────────────────────────────────────────


def looks(numbers: Iterable[tuple[str | None, int]]) -> dict[str, Look]:
    """A look for each function, the busiest first, one grey for those beyond the palette."""
    totals: Counter[str] = Counter()
    for function, n in numbers:
        totals[function_name(function)] += n
    names = sorted(totals, key=lambda one: (-totals[one], one))
    known = dict(zip(names, LOOKS, strict=False))
    return known | ({OTHER: OTHERS} if len(names) > len(LOOKS) else {})


def function_name(function: str | None) -> str:
    return UNNAMED if function is None else cut(visible(function).strip(), LONGEST_NAME) or UNNAMED


def function_label(function: str | None, known: dict[str, Look]) -> str:
    named = function_name(function)
    return named if named in known else OTHER


def mark(marker: str, colour: str, *, face: str | None = None) -> Artist:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], linestyle="none", marker=marker, color=colour, markerfacecolor=face or colour, markeredgewidth=1.4
    )


def stroke(style: Stroke, colour: str = INK) -> Artist:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle=style, color=colour, linewidth=1.4)


def swatch(colour: str, hatch: str = "", alpha: float | None = None) -> Artist:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, edgecolor=PAPER, hatch=hatch, alpha=alpha, linewidth=0.0)


# ── axes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def drawable(duration_ms: float) -> float:
    return max(duration_ms, LEAST_MS)


def limits(durations: list[float]) -> tuple[float, float]:
    """Of the axis: the range with a margin, and wide enough for two or three ticks."""
    low = min(map(drawable, durations), default=SECOND)
    high = max(map(drawable, durations), default=SECOND)
    margin = max((high / low) ** 0.03, math.sqrt(max(1.0, LEAST_RANGE / (high / low))))
    return low / margin, high * margin


def duration_text(value: float) -> str:
    """As people say it: 500 ms, 1.5 s, 4 min."""
    for unit, name in ((HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if value >= unit:
            return f"{value / unit:g} {name}"
    return f"{value:g} ms"


def _threshold(value: float) -> str:
    """In seconds also above a minute, as thresholds are given and titles say."""
    return f"{value / SECOND:g} s" if value >= SECOND else f"{value:g} ms"


def duration_axis(axes: Axes, which: Literal["x", "y"], low: float, high: float) -> None:
    """The limits come before the scale, which would else look for limits of its own, and warn where it finds none."""
    from matplotlib.ticker import NullLocator

    ticks = [tick for tick in TICKS if low <= tick <= high]
    if len(ticks) > MOST_TICKS:
        ticks = [tick for tick in COARSE_TICKS if low <= tick <= high]
    if which == "x":
        axes.set_xlim(low, high)
        axes.set_xscale("log")
        axes.set_xticks(ticks, [duration_text(tick) for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(low, high)
        axes.set_yscale("log")
        axes.set_yticks(ticks, [duration_text(tick) for tick in ticks])
        axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis=which, **GRID)


def count_axis(axes: Axes, name: str) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axes.set_ylabel(name)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", **GRID)


def time_axis(axes: Axes, days: list[float]) -> None:
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


def day(time: int | None) -> float:
    """Days since 1970; not a number, and so on no axis, where the logs carry no time."""
    return math.nan if time is None else time / 1_000_000 / SECONDS_A_DAY


# ── thresholds, whose labels must not cover each other ───────────────────────────────────────────────────────────────


def label_above(axes: Axes, thresholds_ms: list[float], low: float, high: float) -> None:
    """At the upper end of each line, a row higher where the one before it is near."""
    rows: list[float] = []
    for threshold in sorted(thresholds_ms):
        place = _fraction(drawable(threshold), low, high)
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


def label_beside(axes: Axes, thresholds_ms: list[float], low: float, high: float) -> None:
    """At the right end of each line, moved up where the one below it is near."""
    taken = -LABEL_HEIGHT
    for threshold in sorted(thresholds_ms):
        taken = max(_fraction(drawable(threshold), low, high), taken + LABEL_HEIGHT)
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
