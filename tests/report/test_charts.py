"""The pictures: the same bytes for the same numbers, and nothing in them but text and shapes."""

from __future__ import annotations

import math
import re
from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.model import HistogramBin, Outcome, Point, TimeBin
from analyzer.report.charts import distribution, timeline

BEGIN = 1_773_735_125_000_000
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "$\\frac{1}{0}$",
    "$x",
    "</text><script>alert(1)</script>",
    "]]><!--",
    "_hidden",
    "a\x00\x07\nb",
    "\u202eexe.gnp",
    "\ufffe\udc80",
    "名前",
    "x" * 300,
    " ",
]


def histogram(points: list[Point]) -> list[HistogramBin]:
    """Bins 5 % wide, as they are measured."""
    counts = Counter((one.function, math.floor(math.log(max(one.duration_ms, 0.01), 1.05))) for one in points)
    return [HistogramBin(name, 1.05**place, 1.05 ** (place + 1), n) for (name, place), n in counts.items()]


def point(number: int = 0, duration_ms: float = 61_000.0, function: str = "checkout", outcome: Outcome = "ok") -> Point:
    return Point(function, BEGIN + number * 90_000_000, duration_ms, outcome, number % 3 == 0)


def time_bin(number: int, function: str = "checkout", failed: int = 2) -> TimeBin:
    return TimeBin(function, BEGIN + number * 900_000_000, 900, 50, 300.0 + number, 900.0, 2_000.0, failed, failed)


SLOW = [
    point(
        number,
        2_000.0 * 1.12**number,
        ("checkout", "thumbnail", "export")[number % 3],
        "timeout" if number > 38 else "ok",
    )
    for number in range(42)
]
BUSY = [time_bin(number, name) for name in ("checkout", "export") for number in (*range(20), *range(30, 60))]


def texts(picture: bytes) -> list[str]:
    """What a reader can read in the picture; fails when it is not well-formed."""
    return [one.text or "" for one in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def pictures(points: list[Point], thresholds_ms: list[float], title: str = "Durations") -> list[bytes]:
    return [
        distribution(histogram(points), points, thresholds_ms, title),
        timeline(points, [], thresholds_ms, title),
        timeline([], BUSY, thresholds_ms, title),
    ]


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert pictures(SLOW, [60_000.0]) == pictures(SLOW, [60_000.0])


def test_a_picture_does_not_say_when_it_was_made_and_asks_the_network_for_nothing() -> None:
    for picture in pictures(SLOW, [60_000.0]):
        without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', "", picture.decode())
        assert "http" not in without_namespaces
        assert not re.search(r"\b(20\d\d-\d\d-\d\dT|DOCTYPE|<script|<image|@import)", without_namespaces)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_one_line_of_text(name: str) -> None:
    plain = [point(function="plain")]
    bins = [time_bin(0, name), time_bin(1, name)]
    drawn = [
        (
            distribution(histogram([point(function=name)]), [point(function=name)], [], name),
            distribution(histogram(plain), plain, [], "plain"),
        ),
        (timeline([point(function=name)], [], [], name), timeline(plain, [], [], "plain")),
        (timeline([], bins, [], name), timeline([], [time_bin(0, "plain"), time_bin(1, "plain")], [], "plain")),
    ]
    for hostile, ordinary in drawn:
        assert len(texts(hostile)) == len(texts(ordinary))
        assert {one.tag for one in ElementTree.fromstring(hostile).iter()} == {
            one.tag for one in ElementTree.fromstring(ordinary).iter()
        }
        assert "".join(texts(hostile)).isprintable()


@pytest.mark.parametrize("name", ["$\\frac{1}{0}$", "</text><script>alert(1)</script>", "_hidden"])
def test_a_hostile_name_can_be_read(name: str) -> None:
    for picture in pictures([point(function=name)], [])[:2]:
        assert name in texts(picture)


def test_a_long_name_is_cut() -> None:
    for picture in pictures([point(function="x" * 300)], [], "y" * 300):
        assert max(map(len, texts(picture))) < 100


def test_thresholds_are_labelled() -> None:
    for picture in pictures(SLOW, [500.0, 1_500.0, 60_000.0]):
        assert {"500 ms", "1.5 s", "60 s"} <= set(texts(picture))


def test_durations_have_the_units_that_people_use() -> None:
    across, over_time, _ = pictures(SLOW, [])
    assert {"5 s", "30 s", "1 min", "2 min"} <= set(texts(across))
    assert {"5 s", "30 s", "1 min", "2 min"} <= set(texts(over_time))


def test_every_function_is_named_until_there_are_too_many() -> None:
    few = [point(number, function=f"service-{number}") for number in range(6)]
    many = [point(number, function=f"service-{number}") for number in range(9)]
    assert {f"service-{number}" for number in range(6)} <= set(texts(distribution(histogram(few), few, [], "few")))
    shown = texts(distribution(histogram(many), many, [], "many"))
    assert sum(one.startswith("service-") for one in shown) == 6
    assert "other functions" in shown


def test_a_function_without_a_name_is_said_to_have_none() -> None:
    nameless = [Point(None, BEGIN, 100.0, "ok", False)]
    for picture in pictures(nameless, [])[:2]:
        assert "not named" in texts(picture)


def test_cold_starts_and_failures_are_in_the_legend_where_there_are_any() -> None:
    assert {"cold start", "failure"} <= set(texts(timeline(SLOW, [], [], "slow")))
    assert not {"cold start", "failure"} & set(texts(timeline([point(1)], [], [], "one")))
    assert {"failures", "cold starts", "p50", "p95"} <= set(texts(timeline([], BUSY, [], "busy")))
    assert "failures" not in texts(timeline([], [time_bin(0, failed=0)], [], "quiet"))


def test_invocations_without_a_time_are_left_out_of_the_timeline() -> None:
    timeless = Point("timeless", None, 100.0, "ok", False)
    absurd = Point("absurd", 10**18, 100.0, "ok", False)
    shown = texts(timeline([point(1), timeless, absurd], [], [], "some"))
    assert "checkout" in shown
    assert not {"timeless", "absurd"} & set(shown)


def test_nothing_to_draw_is_an_empty_picture() -> None:
    assert "Nothing" in texts(timeline([], [], [60_000.0], "Nothing"))


def test_many_invocations_are_not_drawn_one_by_one() -> None:
    many = [point(number, 100.0 + number) for number in range(300)]
    assert len(distribution(histogram(many), many, [], "many")) < len(
        distribution(histogram(many[:200]), many[:200], [], "200")
    )


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.0, 900_000.0), min_size=1, max_size=5),
    st.lists(st.floats(0.001, 900_000.0), max_size=3),
)
def test_any_durations_and_thresholds_can_be_drawn(durations: list[float], thresholds_ms: list[float]) -> None:
    points = [point(number, duration) for number, duration in enumerate(durations)]
    for picture in pictures(points, thresholds_ms):
        assert texts(picture)


@pytest.mark.parametrize("durations", [[0.0], [0.0, 0.0], [61_000.0] * 44, [0.0, 900_000.0]])
def test_durations_that_are_all_the_same_or_nothing_can_be_drawn(durations: list[float]) -> None:
    points = [point(number, duration) for number, duration in enumerate(durations)]
    for picture in pictures(points, [60_000.0]):
        assert "60 s" in texts(picture)
