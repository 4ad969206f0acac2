"""The pictures: the same bytes for the same numbers, and nothing in them but text and shapes."""

from __future__ import annotations

import math
import re
from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.model import AtOnce, HistogramBin, Measured, MemoryMarks, Outcome, Point, TimeBin, WaitBin
from analyzer.report.charts import Moment, concurrency, distribution, memory, timeline, waits
from analyzer.report.drawing import drawing

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
P95 = Measured(
    metric="duration.p95", value=900.0, low=700.0, high=None, unit="ms", n=44, population="all", evidence="q1"
)
MOMENTS = [
    Moment("checkout", "change", BEGIN + 400_000_000, BEGIN + 450_000_000, BEGIN + 500_000_000, "durations × 1.6"),
    Moment("checkout", "version", BEGIN + 440_000_000, BEGIN + 440_000_000, BEGIN + 440_000_000, "version 8"),
    Moment("export", "episode", BEGIN + 2_000_000_000, BEGIN + 2_000_000_000, BEGIN + 2_200_000_000, "durations × 3"),
]
BUSY = [time_bin(number, name) for name in ("checkout", "export") for number in (*range(20), *range(30, 60))]


def hints(picture: bytes) -> list[str]:
    """What somebody who points at the parts of the picture is told."""
    return [one.text or "" for one in ElementTree.fromstring(picture).iterfind(f".//{SVG}rect/{SVG}title")]


def texts(picture: bytes) -> list[str]:
    """What a reader can read in the picture; fails when it is not well-formed."""
    return [one.text or "" for one in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def pictures(points: list[Point], thresholds_ms: list[float], title: str = "Durations") -> list[bytes]:
    return [
        distribution(histogram(points), points, thresholds_ms, {}, title),
        timeline(points, [], [], thresholds_ms, title),
        timeline([], BUSY, [], thresholds_ms, title),
    ]


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert pictures(SLOW, [60_000.0]) == pictures(SLOW, [60_000.0])


def test_digits_of_the_layout_that_nobody_sees_change_no_byte() -> None:
    def picture(by: float) -> bytes:
        with drawing(2.0, "durations") as drawn:
            (axes,) = drawn.rows(1.0)
            axes.plot([0, 1], [0, 1])
            drawn.figure.set_layout_engine("none")
            axes.set_position((0.1, 0.1 + by, 0.8, 0.7))
            return drawn.svg()

    assert picture(0.0) == picture(1e-13)
    assert picture(0.0) != picture(1e-3)


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
            distribution(histogram([point(function=name)]), [point(function=name)], [], {}, name),
            distribution(histogram(plain), plain, [], {}, "plain"),
        ),
        (timeline([point(function=name)], [], [], [], name), timeline(plain, [], [], [], "plain")),
        (timeline([], bins, [], [], name), timeline([], [time_bin(0, "plain"), time_bin(1, "plain")], [], [], "plain")),
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
    assert {f"service-{number}" for number in range(6)} <= set(texts(distribution(histogram(few), few, [], {}, "few")))
    shown = texts(distribution(histogram(many), many, [], {}, "many"))
    assert sum(one.startswith("service-") for one in shown) == 6
    assert "other functions" in shown


def test_a_function_without_a_name_is_said_to_have_none() -> None:
    nameless = [Point(None, BEGIN, 100.0, "ok", False)]
    for picture in pictures(nameless, [])[:2]:
        assert "not named" in texts(picture)


def test_cold_starts_and_failures_are_in_the_legend_where_there_are_any() -> None:
    assert {"cold start", "failure"} <= set(texts(timeline(SLOW, [], [], [], "slow")))
    assert not {"cold start", "failure"} & set(texts(timeline([point(1)], [], [], [], "one")))
    assert {"failures", "cold starts", "p50", "p95"} <= set(texts(timeline([], BUSY, [], [], "busy")))
    assert "failures" not in texts(timeline([], [time_bin(0, failed=0)], [], [], "quiet"))


def test_invocations_without_a_time_are_left_out_of_the_timeline() -> None:
    timeless = Point("timeless", None, 100.0, "ok", False)
    absurd = Point("absurd", 10**18, 100.0, "ok", False)
    shown = texts(timeline([point(1), timeless, absurd], [], [], [], "some"))
    assert "checkout" in shown
    assert not {"timeless", "absurd"} & set(shown)


def test_nothing_to_draw_is_an_empty_picture() -> None:
    assert "Nothing" in texts(timeline([], [], [], [60_000.0], "Nothing"))


def test_many_invocations_are_not_drawn_one_by_one() -> None:
    many = [point(number, 100.0 + number) for number in range(300)]
    assert len(distribution(histogram(many), many, [], {}, "many")) < len(
        distribution(histogram(many[:200]), many[:200], [], {}, "200")
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


# ── what happened, memory, waits, calls at once ──────────────────────────────────────────────────────────────────────


def test_what_happened_is_named_above_the_durations() -> None:
    shown = texts(timeline(SLOW, [], MOMENTS, [], "slow"))
    assert {"durations × 1.6", "version 8", "durations × 3", "lasting change", "new version", "slow stretch"} <= set(
        shown
    )


def test_what_happened_at_another_time_than_the_calls_is_left_out() -> None:
    late = Moment("checkout", "version", BEGIN * 2, BEGIN * 2, BEGIN * 2, "version 9")
    assert not {"version 9", "new version"} & set(texts(timeline(SLOW, [], [late], [], "slow")))


def test_labels_of_moments_that_are_near_each_other_leave_room() -> None:
    many = [Moment("checkout", "version", at, at, at, f"version {at}") for at in range(BEGIN, BEGIN + 10**9, 10**7)]
    picture = timeline(SLOW, [], many, [], "slow")
    assert len([text for text in texts(picture) if text.startswith("version ")]) < 4
    assert len([text for text in hints(picture) if "version " in text]) == len(many)


def test_a_quantile_is_drawn_with_what_limits_it() -> None:
    picture = distribution(histogram(SLOW), SLOW, [], {"p95": P95}, "slow")
    assert "p95" in texts(picture)
    assert "p95 of all: 900 ms (95 % CI at least 700 ms)" in hints(picture)


def test_memory_is_told_by_function_and_only_of_the_fullest() -> None:
    marks = [MemoryMarks(f"service-{number}", 512, 3, 100.0, 500.0 - number) for number in range(20)]
    shown = texts(memory(marks, "memory"))
    assert "500 of 512 MB" in shown
    assert [name for name in shown if name.startswith("service-")] == [f"service-{number}" for number in range(12)]


def test_cold_and_warm_calls_stand_beside_each_other() -> None:
    picture = waits([WaitBin(False, 100.0, 105.0, 30), WaitBin(True, 900.0, 945.0, 2)], "waits")
    assert {"cold starts", "warm calls"} <= set(texts(picture))
    assert any(hint.endswith("cold starts: 2") for hint in hints(picture))


def test_calls_at_once_are_those_of_the_functions_that_reach_most() -> None:
    levels = [AtOnce(f"service-{number}", BEGIN + at * 10**9, 60, number + 1) for number in range(9) for at in range(3)]
    picture = concurrency(levels, "levels")
    assert "service-8" in texts(picture)
    assert "service-0" not in texts(picture)
    assert "other functions not drawn" in texts(picture)
    assert any("service-8: 9 at once" in hint for hint in hints(picture))


# ── pointing at things ───────────────────────────────────────────────────────────────────────────────────────────────


def test_every_invocation_says_what_it_was_while_they_are_few() -> None:
    said = hints(timeline(SLOW, [], [], [], "slow"))
    assert len(said) == len(SLOW)
    assert said[0] == "2026-03-17 08:12Z: 2.0 s\ncheckout, cold start, ok"
    assert said[-1].endswith("timeout")


def test_bins_of_time_speak_for_invocations_that_are_many() -> None:
    many = [point(number, 100.0 + number) for number in range(500)]
    said = hints(timeline(many, [time_bin(number) for number in range(9)], [], [], "many"))
    assert len(said) == 9
    assert said[0].endswith("checkout: median 300 ms, p95 900 ms, 50 calls, 2 failed, 2 cold")


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_said_is_one_line_of_text_for_each_thing(name: str) -> None:
    for said in hints(timeline([point(function=name)], [], [], [], "one")):
        assert said.count("\n") == 1
        assert said.replace("\n", "").isprintable()


def test_what_can_be_pointed_at_lies_within_the_picture() -> None:
    for picture in pictures(SLOW, [60_000.0]):
        root = ElementTree.fromstring(picture)
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        for rect in root.iterfind(f".//{SVG}g[@class='hints']/{SVG}rect"):
            x, y, across, down = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
            assert 0 <= x <= x + across <= width
            assert 0 <= y <= y + down <= height
