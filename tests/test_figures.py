"""How numbers read: what a person sees for a value, its interval and its k of n."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.figures import milliseconds, span, threshold, write, write_interval, write_measured
from analyzer.model import Measured, Unit


def measured(value: float | None, unit: Unit = "share", **rest: Any) -> Measured:
    return Measured(
        metric="a.metric", value=value, unit=unit, **({"n": 44, "population": "all", "evidence": "q1"} | rest)
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (61_523.4, "ms", "61.5 s"),
        (1_000.0, "ms", "1.0 s"),
        (900_000.0, "ms", "900.0 s"),
        (3_600_000.0, "ms", "3,600.0 s"),
        (512.4, "ms", "512 ms"),
        (10.0, "ms", "10 ms"),
        (3.456, "ms", "3.5 ms"),
        (0.0, "ms", "0.0 ms"),
        (4_000_000.0, "ms2", "4 s²"),
        (1_234_567.0, "ms2", "1.235 s²"),
        (0.9090909, "share", "90.9 %"),
        (0.0, "share", "0 %"),
        (1.0, "share", "100 %"),
        (0.5, "share", "50.0 %"),
        (-0.25, "share", "-25.0 %"),
        (44, "count", "44"),
        (1_234_567, "count", "1,234,567"),
        (512, "MB", "512 MB"),
        (10_240, "MB", "10,240 MB"),
        (3_634.4, "GB-s", "3,634 GB-s"),
        (0.1234, "GB-s", "0.123 GB-s"),
        (0.0613, "USD", "$0.0613"),
        (8.481e-7, "USD", "$0.000000848"),
        (1_234.567, "USD", "$1,234.57"),
        (15.0, "s", "15 s"),
        (2.5, "s", "2.5 s"),
        (1.5, "ratio", "1.5"),
        (0.98765, "ratio", "0.988"),
        (12_345.0, "ratio", "12,345"),
        (1_773_735_125.0, "time", "2026-03-17 08:12Z"),
    ],
)
def test_a_value_is_written_with_its_unit(value: float, unit: Unit, text: str) -> None:
    assert write(value, unit) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0004, "0.04 %"),
        (0.00001, "0.001 %"),
        (0.9996, "99.96 %"),
        (0.9999, "99.99 %"),
        (0.00049, "0.049 %"),
    ],
)
def test_a_share_close_to_nothing_or_to_all_keeps_the_digits_that_say_so(share: float, text: str) -> None:
    assert write(share, "share") == text


@pytest.mark.parametrize("failures", [1, 7, 40])
@pytest.mark.parametrize("n", [100_000, 1_000_000])
def test_nearly_all_never_reads_as_all(failures: int, n: int) -> None:
    number = write(1 - failures / n, "share").removesuffix(" %")
    assert float(number) < 100


@pytest.mark.parametrize(
    ("value", "unit"),
    [(999.7, "ratio"), (1_000.2, "ratio"), (50_000e6, "ms2"), (99.97, "GB-s"), (9.999, "USD"), (12.5, "share")],
)
def test_a_number_of_everyday_size_is_not_written_in_powers_of_ten(value: float, unit: Unit) -> None:
    assert "e+" not in write(value, unit)


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (0.788, 0.9641, "share", "78.8–96.4 %"),
        (61_500.0, 90_000.0, "ms", "61.5–90.0 s"),
        (800.0, 1_200.0, "ms", "800 ms–1.2 s"),
        (100.0, 512.0, "MB", "100–512 MB"),
        (0.25, 1.5, "ratio", "0.250–1.50"),
        (3, 9, "count", "3–9"),
        (2.1, 2.52, "ratio", "2.10–2.52"),
        (0.000031, 0.264, "share", "<0.1–26.4 %"),
        (0.00042, 0.0009, "share", "0.04–0.09 %"),
        (0.031, 0.061, "USD", "$0.0310–$0.0610"),
        (-0.1, 0.2, "share", "-10.0–20.0 %"),
        (61_500.0, None, "ms", "at least 61.5 s"),
        (None, 0.25, "share", "at most 25.0 %"),
        (None, 0.0, "share", "at most 0 %"),
        (None, None, "ms", "no interval"),
        (44.0, 44.0, "count", "exact"),
        (1_773_735_125, 1_773_738_725, "time", "08:12Z–09:12Z"),
        (1_773_735_125, 1_773_821_525, "time", "2026-03-17 08:12Z–2026-03-18 08:12Z"),
    ],
)
def test_an_interval_names_its_unit_once_and_says_which_limit_is_lacking(
    low: float | None, high: float | None, unit: Unit, text: str
) -> None:
    assert write_interval(measured(44.0, unit, low=low, high=high)) == text


def test_what_has_no_value_is_not_estimable_and_says_why() -> None:
    nothing = measured(None, "ms", note="needs 100 invocations, there are 44")
    assert write_interval(nothing) == "not estimable"
    assert write_measured(nothing) == "not estimable (needs 100 invocations, there are 44)"
    assert write_measured(measured(None)) == "not estimable"


def test_a_share_reads_with_k_of_n_and_its_interval() -> None:
    share = measured(40 / 44, k=40, low=0.788, high=0.9641, interval="Wilson")
    assert write_measured(share) == "90.9 % (40 of 44; 95 % CI 78.8–96.4 %)"


def test_large_counts_behind_a_share_are_grouped() -> None:
    share = measured(0.5, k=1_500_000, n=3_000_000, low=0.49, high=0.51, interval="Wilson")
    assert write_measured(share) == "50.0 % (1,500,000 of 3,000,000; 95 % CI 49.0–51.0 %)"


def test_a_plain_fact_stands_alone() -> None:
    assert write_measured(measured(247_700.0, "ms", low=247_700.0, high=247_700.0)) == "247.7 s"


def test_a_quantile_with_one_limit_says_why_the_other_is_lacking() -> None:
    p95 = measured(240_000.0, "ms", low=200_000.0, interval="order statistics", note="no upper limit at n = 44")
    assert write_measured(p95) == "240.0 s (95 % CI at least 200.0 s, no upper limit at n = 44)"


def test_a_quantile_without_limits_says_so() -> None:
    few = measured(300.0, "ms", n=3, interval="order statistics", note="no lower or upper limit at n = 3")
    assert write_measured(few) == "300 ms (no lower or upper limit at n = 3)"
    assert write_measured(measured(300.0, "ms", interval="ratio of sums")) == "300 ms (no interval)"


def test_a_note_that_is_no_limit_stays_out_of_the_line() -> None:
    cost = measured(0.05, "USD", low=0.04, high=0.06, note="list price of us-east-1")
    assert write_measured(cost) == "$0.0500 (95 % CI $0.0400–$0.0600)"


def test_limits_that_are_no_confidence_interval_are_called_bounds() -> None:
    left = measured(0.1, "USD", low=0.06, high=0.12, interval="from halving to staying", bounds=True)
    assert write_measured(left) == "$0.100 (bounds $0.0600–$0.120)"


def test_a_number_that_is_one_of_its_own_bounds_is_written_as_the_stretch_between_them() -> None:
    experiment = measured(0.12, "USD", low=0.06, high=0.12, interval="from halving to staying", bounds=True)
    assert write_measured(experiment) == "between $0.0600 and $0.120"
    none = measured(0.0, low=0.0, high=0.005, interval="from cold to warm", bounds=True)
    assert write_measured(none) == "between 0 % and 0.5 %"


def test_a_ratio_shows_as_many_digits_as_its_limits() -> None:
    ratio = measured(2.3, "ratio", low=2.1, high=2.52, interval="order statistics")
    assert write_measured(ratio) == "2.30 (95 % CI 2.10–2.52)"


@pytest.mark.parametrize(
    ("ms", "text"), [(300_000, "300 s"), (1_500, "1.5 s"), (620, "620 ms"), (3_600_000, "3,600 s"), (0.5, "0.5 ms")]
)
def test_a_duration_that_was_chosen_has_no_digits_that_nobody_chose(ms: float, text: str) -> None:
    assert threshold(ms) == text


@pytest.mark.parametrize(("text", "expected"), [("60s", 60_000), ("500ms", 500), ("2m", 120_000), ("1.5s", 1_500)])
def test_a_duration_is_read_as_people_write_it(text: str, expected: float) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize("text", ["", "60", "s", "1h", "-5s", "60 s", "1e3ms", "60s "])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="60s or 500ms"):
        milliseconds(text)


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (2_410_560_000_000, "27.9 days"),
        (21_664_900_000, "6 h"),
        (7_199_000_000, "120 min"),
        (471_600_000, "7.9 min"),
        (119_000_000, "119 s"),
        (250_000, "250 ms"),
    ],
)
def test_a_stretch_of_time_is_written_in_hours_minutes_or_seconds(microseconds: int, text: str) -> None:
    assert span(microseconds) == text
