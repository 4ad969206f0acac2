"""How an invocation ended, told from its lines."""

from __future__ import annotations

import pytest

from tests.ingest.conftest import Read
from tests.logs import ID, OTHER_ID, export, invocation, report

INIT_START = (
    "INIT_START Runtime Version: python:3.12.v89\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:" + "0" * 64
)
KILLED = f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError"
PYTHON_ERROR = (
    "[ERROR] KeyError: 's3'\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py', line 30, in handler"
)
NODE_ERROR = (
    f"2026-03-17T08:00:01.000Z\t{ID}\tERROR\tInvoke Error \t"
    '{"errorType":"TypeError","errorMessage":"x is undefined","stack":["TypeError: x is undefined"]}'
)
START, END = f"START RequestId: {ID} Version: $LATEST", f"END RequestId: {ID}"


@pytest.mark.parametrize(
    ("lines", "outcome", "error_type"),
    [
        (invocation("working"), "ok", None),
        (invocation(f"[ERROR]\t2026-03-17T08:00:01.000Z\t{ID}\tretrying after a refused connection"), "ok", None),
        (invocation(PYTHON_ERROR), "error", "KeyError"),
        (invocation(NODE_ERROR), "error", "TypeError"),
        (
            invocation('2026/03/17 08:00:01 {"errorMessage":"no account","errorType":"errorString"}'),
            "error",
            "errorString",
        ),
        (
            invocation(
                "null: java.lang.NullPointerException\njava.lang.NullPointerException\n\tat example.Handler.handle"
            ),
            "error",
            "java.lang.NullPointerException",
        ),
        (
            invocation(
                "sold out: shop.Checkout$SoldOut\nshop.Checkout$SoldOut: sold out\n\tat shop.Checkout.run(Checkout.java:3)"
            ),
            "error",
            "shop.Checkout$SoldOut",
        ),
        (
            invocation(
                f"2026-03-17T08:00:01.000Z\t{ID}\tfail\tSystem.AggregateException: One or more errors occurred. (x)\n"
                " ---> System.Exception: x\n   at Shop.F()"
            ),
            "error",
            "System.AggregateException",
        ),
        (
            invocation("Error raised from handler method", '  "errorType": "Function<ArgumentError>",'),
            "error",
            "ArgumentError",
        ),
        ((START, END, report(extra="\tStatus: timeout", tail="")), "timeout", None),
        ((START, f"2026-03-17T08:00:03.000Z {ID} Task timed out after 3.00 seconds", END, report()), "timeout", None),
        ((START, END, report(), f"2026-03-17T08:00:03.000Z {ID} Task timed out after 3.00 seconds"), "timeout", None),
        (
            (START, END, report(extra="\tStatus: error\tError Type: Runtime.OutOfMemory", tail="")),
            "out_of_memory",
            "Runtime.OutOfMemory",
        ),
        ((START, KILLED, END, report().replace("Used: 539", "Used: 1024")), "out_of_memory", "Runtime.ExitError"),
        ((START, KILLED, END, report()), "crash", "Runtime.ExitError"),
        (
            (
                START,
                f"RequestId: {ID} Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
                END,
                report(),
            ),
            "crash",
            "Runtime.ExitError",
        ),
        (
            (START, END, report(extra="\tStatus: error\tError Type: Runtime.ImportModuleError", tail="")),
            "init_failure",
            "Runtime.ImportModuleError",
        ),
        (
            (
                "INIT_REPORT Init Duration: 83.58 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError",
                START,
                f"RequestId: {ID} Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
                END,
                report(),
            ),
            "init_failure",
            "Runtime.ExitError",
        ),
    ],
)
def test_the_lines_of_an_invocation_tell_its_outcome(
    read_export: Read, lines: tuple[str, ...], outcome: str, error_type: str | None
) -> None:
    (row,) = read_export(export(INIT_START, *lines))
    assert (row["outcome"], row["error_type"]) == (outcome, error_type)


def test_a_start_without_report_is_kept_as_incomplete_and_unknown(read_export: Read) -> None:
    first, second = read_export(export(START, *invocation("working", request_id=OTHER_ID)))
    assert (first["request_id"], first["outcome"], first["complete"]) == (ID, "unknown", False)
    assert first["duration_ms"] is None
    assert (second["request_id"], second["outcome"], second["complete"]) == (OTHER_ID, "ok", True)


def test_a_report_without_start_is_unknown_because_its_lines_were_not_there_to_read(read_export: Read) -> None:
    (row,) = read_export(export(END, report()))
    assert (row["outcome"], row["complete"], row["duration_ms"]) == ("unknown", False, 92_394.25)


def test_what_ended_the_first_initialisation_does_not_fail_a_request_that_the_second_one_served(
    read_export: Read,
) -> None:
    failed = "INIT_REPORT Init Duration: 206.72 ms\tPhase: init\tStatus: error\tError Type: Runtime.Unknown"
    (row,) = read_export(export(INIT_START, PYTHON_ERROR, failed, *invocation("working")))
    assert (row["outcome"], row["error_type"]) == ("ok", None)


def test_an_error_without_an_id_is_nobodys_where_requests_interleave(read_export: Read) -> None:
    def event(kind: str, record: str) -> str:
        return f'{{"time":"2026-03-17T08:00:00.000Z","type":"platform.{kind}","record":{record}}}'

    rows = read_export(
        export(
            event("initStart", '{"initializationType":"lambda-managed-instances"}'),
            event("start", f'{{"requestId":"{ID}"}}'),
            event("start", f'{{"requestId":"{OTHER_ID}"}}'),
            PYTHON_ERROR,
            event("report", f'{{"requestId":"{ID}","metrics":{{"durationMs":1.5}},"status":"success"}}'),
            PYTHON_ERROR,
            event("report", f'{{"requestId":"{OTHER_ID}","metrics":{{"durationMs":2.5}},"status":"success"}}'),
        )
    )
    assert [(row["request_id"], row["outcome"]) for row in rows] == [(ID, "ok"), (OTHER_ID, "error")]


def test_a_fault_that_names_no_request_is_not_held_against_one_that_is_over(read_export: Read) -> None:
    fault = "RequestId: '' Error: Runtime exited with error: exit status 1\nRuntime.ExitError"
    text = export(*invocation("working"), fault)
    (row,) = read_export(text)
    assert row["outcome"] == "ok"
    (line,) = read_export(text, "events")
    assert (line["kind"], line["request_id"]) == ("fault", None)


def test_the_platform_says_how_many_records_it_dropped(read_export: Read) -> None:
    dropped = '{"time":"2026-03-17T08:00:00.000Z","type":"platform.logsDropped","record":{"droppedRecords":12}}'
    *_, line = read_export(export(*invocation("working"), dropped), "events")
    assert dict(line["fields"]) == {"dropped_records": 12.0}


def test_the_same_request_again_is_another_attempt(read_export: Read) -> None:
    rows = read_export(export(*invocation(PYTHON_ERROR), *invocation(PYTHON_ERROR), *invocation("working")))
    assert [row["attempt"] for row in rows] == [1, 2, 3]
    assert [row["outcome"] for row in rows] == ["error", "error", "ok"]


def test_start_is_end_minus_duration_even_when_the_start_line_lies(read_export: Read) -> None:
    (row,) = read_export(export(*invocation("working", duration=1500.0)))
    assert (row["end_time"] - row["start_time"]).total_seconds() == 1.5


@pytest.mark.parametrize(("written", "limit"), [("3.00", 3.0), ("2.02", 2.0), ("900.10", 900.0)])
def test_a_timeout_proves_the_limit_in_whole_seconds(read_export: Read, written: str, limit: float) -> None:
    (row,) = read_export(
        export(START, f"2026-03-17T08:00:03.000Z {ID} Task timed out after {written} seconds", END, report())
    )
    assert row["timeout_s"] == limit


def test_without_a_timeout_the_limit_is_not_known(read_export: Read) -> None:
    (row,) = read_export(export(*invocation("working")))
    assert row["timeout_s"] is None


def test_an_invocation_knows_its_place_in_the_life_of_its_environment(read_export: Read) -> None:
    rows = read_export(export(INIT_START, *invocation("a"), *invocation("b", request_id=OTHER_ID)))
    assert [row["nth"] for row in rows] == [1, 2]


def test_an_invocation_without_report_has_its_place_where_it_began(read_export: Read) -> None:
    rows = read_export(export(INIT_START, START, *invocation("b", request_id=OTHER_ID)))
    assert {row["request_id"]: row["nth"] for row in rows} == {ID: 1, OTHER_ID: 2}


def test_a_stream_whose_beginning_was_not_seen_has_no_places(read_export: Read) -> None:
    (row,) = read_export(export(*invocation("a")))
    assert row["nth"] is None


def test_json_logs_tell_an_error_that_the_platform_calls_success(read_export: Read) -> None:
    def event(kind: str, record: str) -> str:
        return f'{{"time":"2026-03-17T08:00:00.000Z","type":"platform.{kind}","record":{record}}}'

    start = event(
        "start",
        f'{{"requestId":"{ID}","functionArn":"arn:aws:lambda:us-east-1:1234:function:cart:7","version":"7"}}',
    )
    error = f'{{"timestamp":"2026-03-17T08:00:00Z","log_level":"ERROR","errorType":"ValueError","requestId":"{ID}"}}'
    done = event("runtimeDone", f'{{"requestId":"{ID}","status":"success"}}')
    metrics = (
        '{"durationMs":26.843,"billedDurationMs":27,"memorySizeMB":128,"maxMemoryUsedMB":77,"initDurationMs":772.443}'
    )
    finish = event("report", f'{{"requestId":"{ID}","metrics":{metrics},"status":"success"}}')
    (row,) = read_export(export(start, error, done, finish))
    assert (row["outcome"], row["error_type"], row["function"], row["version"]) == ("error", "ValueError", "cart", "7")
    assert (row["duration_ms"], row["billed_ms"], row["memory_mb"], row["init_ms"]) == (26.843, 27.0, 128, 772.443)


def test_more_memory_than_any_machine_has_costs_its_line_and_not_the_ingest(read_export: Read) -> None:
    time = '{"time":"2026-03-17T08:00:00.000Z","type":"platform.report","record":'
    metrics = '{"durationMs":26.8,"memorySizeMB":128,"maxMemoryUsedMB":' + "7" * 40 + "}"
    (row,) = read_export(export(*invocation("a"), f'{time}{{"requestId":"{ID}","metrics":{metrics}}}}}'))
    assert row["max_memory_mb"] == 539
