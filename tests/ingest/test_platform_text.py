"""REPORT lines of every age, and lines that only look like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.ingest.grammars import parse
from analyzer.ingest.grammars.platform_text import FIELD
from analyzer.model import ApplicationLine, ReportLine, TimedOut
from tests.logs import ID, report

TRACE = "XRAY TraceId: 1-6ac7c67c-4fb697db28b006524e491c37\tSegmentId: 4a861782660d0257\tSampled: true"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            f"REPORT RequestId: {ID}\tDuration: 92394.25 ms\tBilled Duration: 92395 ms\tMemory Size: 1024 MB\t"
            f"Max Memory Used: 539 MB\t\n{TRACE}",
            ReportLine(ID, 92_394.25, 92_395.0, 1024, 539, trace_id="1-6ac7c67c-4fb697db28b006524e491c37"),
        ),
        (
            f"REPORT RequestId: {ID}\tDuration: 600000.00 ms\tBilled Duration: 600517 ms\tMemory Size: 1024 MB\t"
            "Max Memory Used: 1024 MB\tInit Duration: 516.31 ms\tStatus: timeout",
            ReportLine(ID, 600_000.0, 600_517.0, 1024, 1024, init_ms=516.31, status="timeout"),
        ),
        (
            f"REPORT RequestId: {ID}\tDuration: 2338.66 ms\tBilled Duration: 2521 ms\tMemory Size: 3009 MB\t"
            "Max Memory Used: 173 MB\tRestore Duration: 398.97 ms\tBilled Restore Duration: 182 ms",
            ReportLine(ID, 2338.66, 2521.0, 3009, 173, restore_ms=398.97, billed_restore_ms=182.0),
        ),
        (  # 2015 to 2019: a space before the tab
            f"REPORT RequestId: {ID}\tDuration: 0.73 ms\tBilled Duration: 100 ms \tMemory Size: 128 MB\tMax Memory Used: 10 MB",
            ReportLine(ID, 0.73, 100.0, 128, 10),
        ),
        (  # pasted: tabs became spaces
            f"REPORT RequestId: {ID}    Duration: 5.93 ms    Billed Duration: 6 ms Memory Size: 128 MB  Max Memory Used: 10 MB",
            ReportLine(ID, 5.93, 6.0, 128, 10),
        ),
        (  # the local emulator puts the initialisation first
            f"REPORT RequestId: {ID}\tInit Duration: 1.10 ms\tDuration: 5.93 ms\tBilled Duration: 6 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 128 MB",
            ReportLine(ID, 5.93, 6.0, 128, 128, init_ms=1.1),
        ),
        (  # written by hand
            f"REPORT RequestId: {ID} Duration: 40000ms Billed Duration: 40000ms Memory Size: 128MB Max Memory Used: 90MB",
            ReportLine(ID, 40_000.0, 40_000.0, 128, 90),
        ),
    ],
)
def test_a_report_line_is_read_whatever_its_age(line: str, expected: ReportLine) -> None:
    assert parse(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        f"REPORT RequestId: {ID}\tDuration: many ms\tBilled Duration: 1 ms",
        f"REPORT RequestId: {ID}\tDuration: 1.0 ms\tbut then something else\tBilled Duration: 1 ms",
        f"REPORT RequestId: {ID}\tDuration: 1.0 ms\tDuration: 2.0 ms",
        f"REPORT RequestId: {ID}\tMemory: 2048 MB Max Used: 100 MB",
        f"REPORT RequestId: {ID}\tDuration: 2048 MB\tMemory Size: 128 ms",
        *(report()[:-length] for length in (3, 4, 5, 6)),
        report(extra="\tInit Duration: 492.98 ms", tail="")[:-1],
        report(extra="\tStatus: timeout", tail="")[:-3],
        f"REPORT RequestId: {ID}\tDuration: {'9' * 400} ms",
    ],
)
def test_a_line_that_only_looks_like_a_report_is_counted_as_not_understood(line: str) -> None:
    assert parse(line) is None


def test_a_report_quoted_by_the_application_is_a_line_of_the_application() -> None:
    assert isinstance(parse(f"the tail was: {report()}"), ApplicationLine)


def test_a_timeout_is_read() -> None:
    assert parse(f"2026-03-17T08:00:03.000Z {ID} Task timed out after 3.00 seconds") == TimedOut(ID, 3.0)


@given(st.text())
def test_no_text_stops_the_grammars(text: str) -> None:
    for message in (
        text,
        f"REPORT RequestId: {text}",
        f"RequestId: {text}",
        f"INIT_REPORT {text}",
        f"{{{text}",
        f"[ERROR] {text}",
    ):
        parse(message)


@given(
    duration=st.decimals(min_value=0, max_value=900_000, places=2),
    billed=st.integers(0, 900_000),
    size=st.integers(128, 10_240),
    used=st.integers(0, 10_240),
    blank=st.sampled_from(["\t", " ", "    ", " \t"]),
)
def test_what_lambda_writes_comes_back_as_it_was(
    duration: object, billed: int, size: int, used: int, blank: str
) -> None:
    fields = (
        f"Duration: {duration} ms",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {size} MB",
        f"Max Memory Used: {used} MB",
    )
    assert parse(blank.join((f"REPORT RequestId: {ID}", *fields))) == ReportLine(
        ID, float(str(duration)), float(billed), size, used
    )


def test_every_field_label_is_tried_before_the_labels_it_contains() -> None:
    match = FIELD.match("Billed Restore Duration: 182 ms")
    assert match is not None
    assert match["label"] == "Billed Restore Duration"
