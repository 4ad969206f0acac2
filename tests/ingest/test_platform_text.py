"""REPORT lines of every age, and lines that only look like one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.ingest.grammars import parse
from analyzer.ingest.grammars.platform_text import FIELD
from analyzer.model import ApplicationLine, Extension, Fault, PlatformNote, ReportLine, TimedOut
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
        report().replace("Memory Size: 1024 MB", "Memory Size: 99999999999 MB"),
        report().replace("Max Memory Used: ", "Max Memory Used: 3000000"),
    ],
)
def test_a_line_that_only_looks_like_a_report_is_counted_as_not_understood(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize("number", ["3e42", "-1", "1e999", "1000000000000", "true", '"1"'])
def test_an_event_with_a_duration_that_nothing_takes_is_counted_as_not_understood(number: str) -> None:
    record = f'{{"requestId":"{ID}","metrics":{{"durationMs":%s}}}}'
    event = f'{{"time":"2026-03-17T08:00:00.000Z","type":"platform.report","record":{record}}}'
    assert isinstance(parse(event % "1.5"), ReportLine)
    assert parse(event % number) is None


def test_a_report_quoted_by_the_application_is_a_line_of_the_application() -> None:
    assert isinstance(parse(f"the tail was: {report()}"), ApplicationLine)


@pytest.mark.parametrize("before", [f"2026-03-17T08:00:03.000Z {ID}", f"RequestId: {ID} Error:"])
def test_a_timeout_is_read(before: str) -> None:
    assert parse(f"{before} Task timed out after 3.00 seconds") == TimedOut(ID, 3.0)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
            Fault("Runtime exited with error: signal: killed", ID, "Runtime.ExitError"),
        ),
        (  # a copy that lost the second line
            f"RequestId: {ID} Error: Runtime exited with error: exit status 1",
            Fault("Runtime exited with error: exit status 1", ID),
        ),
        (
            f"RequestId: {ID} Error: Response payload size exceeded\nFunction.ResponseSizeTooLarge",
            Fault("Response payload size exceeded", ID, "Function.ResponseSizeTooLarge"),
        ),
        (
            f"RequestId: {ID}\tStatus: error\tErrorType: Runtime.ExitError",
            Fault("Status: error", ID, "Runtime.ExitError"),
        ),
        (
            "RequestId: 00000000-0000-0000-0000-000000000000 Process exited before completing request",
            Fault("Process exited before completing request"),
        ),
        (
            "RequestId: '' Error: Runtime exited without providing a reason\nRuntime.ExitError",
            Fault("Runtime exited without providing a reason", None, "Runtime.ExitError"),
        ),
        (
            '{"time":"2026-03-17T08:00:00.000Z","type":"platform.fault","record":'
            f'"RequestId: {ID} Error: Runtime exited with error: exit status 137\\nRuntime.ExitError"}}',
            Fault("Runtime exited with error: exit status 137", ID, "Runtime.ExitError"),
        ),
    ],
)
def test_a_fault_is_read(line: str, expected: Fault) -> None:
    assert parse(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        f"RequestId: {ID} received",
        f"RequestId: {ID} Error: no price for this article",
        f"RequestId: {ID} Status: error in the last batch",
        "EXTENSION of the offer",
        "LOGS kept",
        "TELEMETRY Extension started",
        "IMAGE resized to 12",
        "XRAY image stored",
        "seen LAMBDA_WARNING: Unhandled exception",
    ],
)
def test_an_application_may_begin_a_line_as_the_platform_does(line: str) -> None:
    event = parse(line)
    assert isinstance(event, ApplicationLine)
    assert event.level is None


@pytest.mark.parametrize(
    "before",
    [
        "",
        f"[WARNING]\t2026-03-17T08:00:03.000Z\t{ID}\t",
        "[WARNING]\t2026-03-17T08:00:03.000Z\t\t",
        f"2026-03-17T08:00:03.000Z\t{ID}\tWARN\t",
    ],
)
def test_advice_of_the_platform_is_no_warning_of_the_application(before: str) -> None:
    assert isinstance(parse(f"{before}LAMBDA_WARNING: Unhandled exception. The most likely cause is"), PlatformNote)


def test_an_extension_that_failed_names_its_error() -> None:
    line = (
        "EXTENSION\tName: extension-dev\tState: InitError\tEvents: [INVOKE,SHUTDOWN]\tError Type: Extension.InitError"
    )
    assert parse(line) == Extension(line, "extension-dev", "InitError", "Extension.InitError")


@pytest.mark.parametrize("line", ["INIT_START of the batch", "RESTORE_START", "INIT_REPORT Duration: 1 ms"])
def test_a_start_that_does_not_name_its_runtime_is_counted_as_not_understood(line: str) -> None:
    assert parse(line) is None


@given(st.text())
def test_no_text_stops_the_grammars(text: str) -> None:
    for message in (
        text,
        f"REPORT RequestId: {text}",
        f"RequestId: {text}",
        f"INIT_REPORT {text}",
        f"{{{text}",
        f"[ERROR] {text}",
        f"2026-03-17 08:00:00 {text}",
        f"ERROR:{text}",
        f"time={text} level={text}",
        json.dumps({"level": "ERROR", "message": text, "error": {"name": text}, "_aws": {text: text}, text: 1}),
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
