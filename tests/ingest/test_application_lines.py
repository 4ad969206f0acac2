"""What lines of applications say: a level, a request, an error, numbers; and which of them mean that a handler failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analyzer.ingest.grammars import parse
from analyzer.model import ApplicationLine
from tests.ingest.conftest import Read
from tests.logs import ID, export, invocation, report

TIME = "2026-03-17T08:00:01.000Z"
NULL = "java.lang.NullPointerException"
JAVA_STACK = f"null: {NULL}\n{NULL}\n\tat shop.Checkout.price(Checkout.java:30)"
TRACEBACK = 'Traceback (most recent call last):\n  File "app.py", line 9, in handler\nshop.Sold: none left'
EMF = {"Timestamp": 1_773_734_400_000, "CloudWatchMetrics": [{"Namespace": "Shop", "Dimensions": [[]], "Metrics": []}]}
INSIGHTS = {
    "event_type": "performance", "function_name": "refund", "request_id": ID, "cpu_total_time": 480, "rx_bytes": 91_002,
    "used_memory_max": 123, "_aws": EMF,
}  # fmt: skip


def said(line: str | dict[str, Any]) -> ApplicationLine:
    event = parse(line if isinstance(line, str) else json.dumps(line))
    assert isinstance(event, ApplicationLine)
    return event


@pytest.mark.parametrize(
    ("line", "level", "request_id"),
    [
        (f"2026-03-17 08:00:00 {ID} ERROR Checkout:65 - no picture", "error", ID),
        (f"{ID} WARN  Checkout:65 - slow", "warning", ID),
        ("2026-03-17 08:00:00.120 [main] ERROR shop.Checkout - no picture", "error", None),
        ("08:00:00.120 [main] WARN shop.Checkout - slow", "warning", None),
        ("2026-03-17 08:00:00,123 - shop.prices - CRITICAL - gone", "critical", None),
        (f"E, [2026-03-17T08:00:00.190400 #8] ERROR {ID} -- : no picture", "error", ID),
        ("W, [2026-03-17T08:00:00.190400 #8]  WARN -- prices: slow", "warning", None),
        ("SEVERE: no tax rate", "error", None),
        ("WARNING:root:slow", "warning", None),
        (f'time="2026-03-17T08:00:00Z" level=error msg="no picture" requestId={ID}', "error", ID),
        ("2026/03/17 08:00:00 WARN slow articles=3", "warning", None),
        ("2026-03-17T08:00:00.190400Z ERROR checkout::prices: no picture", "error", None),
        ("2026-03-17T08:00:00.190400Z  WARN checkout: slow", "warning", None),
        ("\x1b[2m2026-03-17T08:00:00Z\x1b[0m \x1b[31mERROR\x1b[0m checkout: no picture", "error", None),
        (f"{TIME}\t\twarn\tstarting", "warning", None),
        ({"Level": "Warning", "FunctionRequestId": ID, "Message": "slow"}, "warning", ID),
        ({"severity": "ERROR", "message": "no picture", "awsRequestId": ID}, "error", ID),
        ({"level": 50, "msg": "no picture"}, "error", None),
        ({"level": "ERROR", "message": "no picture", "labels": {"AWSRequestId": ID}}, "error", ID),
        ({"level": "INFO", "fields": {"message": "priced"}, "span": {"requestId": ID}}, "info", ID),
        (f'{TIME}\t{ID}\tINFO\t{{"level":"error","message":"no picture"}}', "error", ID),
    ],
)
def test_a_logger_names_the_level_and_the_request(
    line: str | dict[str, Any], level: str, request_id: str | None
) -> None:
    event = said(line)
    assert (event.level, event.request_id, event.unhandled) == (level, request_id, False)


@pytest.mark.parametrize(
    "line",
    [
        "2026 was a year",
        "15 ERROR pages",
        "12:30 ERROR",
        "ERRORS: 3",
        "WARN the customer",
        "level of stock",
        "E, then F",
    ],
)
def test_a_word_of_the_text_is_no_level(line: str) -> None:
    assert said(line).level is None


@pytest.mark.parametrize(
    ("line", "error_type"),
    [
        (f"[ERROR]\t{TIME}\t{ID}\tno picture\n{TRACEBACK}", "shop.Sold"),
        (f"{TIME}\t{ID}\tERROR\tTypeError: no price\n    at handler (/var/task/app.js:9)", "TypeError"),
        ({"level": "ERROR", "message": "no picture", "exception_name": "OSError"}, "OSError"),
        ({"level": "ERROR", "message": "no picture", "error": {"name": "TypeError"}}, "TypeError"),
        ({"level": "ERROR", "message": "no picture", "errorType": "TypeError", "errorMessage": "gone"}, "TypeError"),
        ({"level": "ERROR", "message": TRACEBACK}, "shop.Sold"),
        (f'{TIME}\t{ID}\tERROR\t{{"errorType":"TypeError","errorMessage":"gone"}}', "TypeError"),
    ],
)
def test_an_error_that_was_logged_names_its_type_and_fails_nobody(line: str | dict[str, Any], error_type: str) -> None:
    event = said(line)
    assert (event.level, event.error_type, event.unhandled) == ("error", error_type, False)


@pytest.mark.parametrize(
    ("line", "error_type"),
    [
        ("[ERROR] Runtime.MarshalError: Unable to marshal response", "Runtime.MarshalError"),
        (f'{TIME}\t{ID}\tERROR\tInvoke Error \t{{"errorType":"RangeError","errorMe', "RangeError"),
        (f'{ID}\tInvoke Error\t{{"errorType":"RuntimeException","errorMessage":"x"}}', "RuntimeException"),
        ({"level": "ERROR", "message": JAVA_STACK, "AWSRequestId": ID}, NULL),
        ({"level": "Error", "message": "System.FormatException: no\n   at Shop.F()", "requestId": ID}, "System.FormatException"),
        ({"errorMessage": "x", "errorType": "Function<ArgumentError>", "stackTrace": []}, "ArgumentError"),
        ({"log_level": "ERROR", "errorMessage": "x", "errorType": "KeyError", "requestId": ID, "stackTrace": []}, "KeyError"),
        ("Init error when loading handler app.handler", None),
        ('  "errorType": "Init<LoadError>",', "LoadError"),
    ],
)  # fmt: skip
def test_what_a_runtime_reports_ended_the_request(line: str | dict[str, Any], error_type: str | None) -> None:
    event = said(line)
    assert (event.level, event.error_type, event.unhandled) == ("error", error_type, True)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ({"_aws": EMF, "articles": [3, 4], "price_ms": 4.5, "service": "checkout"}, {"articles": 7.0, "price_ms": 4.5}),
        (f'{TIME}\t{ID}\tinfo\t{{"_aws":{json.dumps(EMF)},"articles":4}}', {"articles": 4.0}),
        (f'[INFO]\t{TIME}\t{ID}\t{{"message": "priced", "articles": 4}}', {"articles": 4.0}),
        ({"level": "INFO", "message": {"priced": True, "articles": 3}}, {"articles": 3.0}),
        ({"level": "INFO", "message": "articles=3"}, {"articles": 3.0}),
        (
            {
                "level": "INFO",
                "message": 5,
                "cold_start": 1,
                "FunctionMemorySize": 512,
                "ts": 1.5,
                "sampling_rate": 0.1,
            },
            {},
        ),
        ({"e": 1_773_734_400, "m": "aws.lambda.enhanced.invocations", "t": [], "v": 1}, {}),
        (INSIGHTS, {"cpu_total_time": 480.0, "used_memory_max": 123.0}),
        ({"_aws": EMF} | {f"m{number}": number for number in range(40)}, {f"m{n}": float(n) for n in range(40)}),
        ({"message": "a dump"} | {f"m{number}": number for number in range(40)}, {}),
    ],
)
def test_numbers_that_applications_log_are_fields(line: str | dict[str, Any], fields: dict[str, float]) -> None:
    assert said(line).fields == fields


@pytest.mark.parametrize("depth", [100, 900, 5_000])
def test_a_record_may_be_nested_as_deep_as_it_likes(depth: int) -> None:
    assert said('{"context":' * depth + "{}" + "}" * depth).request_id is None


def test_what_lambda_insights_measured_belongs_to_the_function_it_names(read_export: Read) -> None:
    (line,) = read_export(export(*invocation("working"), json.dumps(INSIGHTS)), "events")
    assert (line["kind"], line["function"], line["request_id"]) == ("fields", "refund", ID)


PANIC = "panic: assignment to entry in nil map"
FAULT = f"RequestId: {ID} Error: Runtime exited with error: exit status 2\nRuntime.ExitError"


def test_the_last_words_of_a_process_say_why_it_ended(read_export: Read) -> None:
    start, end = f"START RequestId: {ID} Version: $LATEST", f"END RequestId: {ID}"
    text = export(start, PANIC, "goroutine 18 [running]:", FAULT, end, report())
    (row,) = read_export(text)
    assert (row["outcome"], row["error_type"]) == ("crash", "Runtime.ExitError")
    words, fault = read_export(text, "events")
    assert (words["message"], words["level"], words["request_id"]) == (PANIC, "critical", ID)
    assert row["fingerprint"] == words["fingerprint"] != fault["fingerprint"]


def test_words_of_a_process_that_lives_on_are_a_line_like_any_other(read_export: Read) -> None:
    text = export(*invocation(PANIC))
    assert [row["outcome"] for row in read_export(text)] == ["ok"]
    assert read_export(text, "events") == []
