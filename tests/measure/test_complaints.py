"""What lines say of the things that a function calls, and whose error it then is."""

from __future__ import annotations

import pytest

from analyzer.measure.metrics import complaints, concurrency, memory, versions
from tests.measure.rows import Row, asked

SECOND = 1_000_000
NOON = 1_772_366_400 * SECOND


def said(message: str, kind: str = "error") -> dict[str, float | None]:
    """Of four calls one failed, and said this."""
    calls: list[Row] = [{"request_id": f"r{number}", "outcome": "ok" if number else "error"} for number in range(4)]
    found = asked(complaints.FAMILY, calls, [{"request_id": "r0", "kind": kind, "message": message}])
    return {name: one.value for name, one in found.items() if name.endswith(".count")}


@pytest.mark.parametrize(
    "message",
    [
        "[ERROR] ClientError: An error occurred (ProvisionedThroughputExceededException) when calling the PutItem operation",
        "TooManyRequestsException: Rate Exceeded.",
        "HTTPError: 429 Client Error: Too Many Requests for url: https://api.example.com/v1",
        "AxiosError: Request failed with status code 429",
        "S3Exception: Please reduce your request rate. (Service: S3, Status Code: 503, SlowDown)",
    ],
)
def test_a_refusal_for_the_rate_is_no_error_of_the_code(message: str) -> None:
    assert said(message) == {"downstream.throttled.count": 1, "downstream.unanswered.count": 0, "error.own.count": 0}


@pytest.mark.parametrize(
    "message",
    [
        "[ERROR] ReadTimeout: HTTPSConnectionPool(host='inventory.internal', port=443): Read timed out.",
        "Error: connect ETIMEDOUT 10.0.3.7:5432",
        "java.net.SocketTimeoutException: Connect timed out",
        "System.Threading.Tasks.TaskCanceledException: The request was canceled due to a timeout.",
        "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
    ],
)
def test_a_wait_without_an_answer_is_no_error_of_the_code(message: str) -> None:
    assert said(message) == {"downstream.throttled.count": 0, "downstream.unanswered.count": 1, "error.own.count": 0}


@pytest.mark.parametrize(
    "message",
    [
        "[ERROR] KeyError: 'customer_id'",
        "Error: order 429 has no lines",
        "[ERROR] ValueError: timeout must be positive",
        "2026-03-01T12:00:00.000Z 6556e9bb Task timed out after 3.00 seconds",
    ],
)
def test_an_error_that_names_neither_is_of_the_code(message: str) -> None:
    assert said(message) == {"downstream.throttled.count": 0, "downstream.unanswered.count": 0, "error.own.count": 1}


def test_a_line_that_is_no_complaint_says_nothing_of_others() -> None:
    assert said("rate exceeded", kind="fields")["downstream.throttled.count"] == 0


def failing(begin: int, end: int) -> dict[str, float | None]:
    """Version 8 comes with the 500th of 1,000 calls; every fifth call from `begin` to `end` fails with the same error."""
    calls: list[Row] = [
        {
            "end_time": NOON + number * SECOND,
            "version": "7" if number < 500 else "8",
            "outcome": "error" if (fails := begin <= number < end and number % 5 == 0) else "ok",
            "fingerprint": "f" if fails else None,
        }
        for number in range(1000)
    ]
    return {name: one.value for name, one in asked(versions.FAMILY, calls).items()}


def test_an_error_that_comes_with_a_version_is_told_from_one_that_was_there_before() -> None:
    came, was_there = failing(500, 1000), failing(0, 1000)
    assert came["version.failing.p"] == pytest.approx(0.5**100)
    assert came["version.failing.difference"] == pytest.approx(0.2)
    assert was_there["version.failing.p"] == pytest.approx(0.528, abs=0.001)  # a hundred of two hundred or more
    assert was_there["version.failing.difference"] == 0


def test_an_error_that_began_long_after_its_version_or_ended_long_before_it_did_not_come_with_it() -> None:
    assert (failing(500, 1000)["version.failing.delay_p"] or 0) > 0.5
    for begin, end in ((750, 1000), (500, 750)):
        found = failing(begin, end)
        assert (found["version.failing.p"] or 1) < 1e-9
        assert (found["version.failing.delay_p"] or 1) < 1e-9


def test_a_single_version_or_two_failures_say_nothing_of_deploys() -> None:
    assert "version.failing.p" not in failing(990, 1000)
    assert "version.failing.p" not in asked(versions.FAMILY, [{"outcome": "error", "fingerprint": "f"}] * 9)


def test_calls_that_need_more_than_any_before_are_compared_within_their_environment() -> None:
    calls: list[Row] = [
        {
            "stream": f"s{stream}",
            "nth": nth,
            "max_memory_mb": 100 + nth // 2,
            "memory_mb": 110,
            # One environment is ten times as slow as the other, and calls with a new mark take half as long again.
            "duration_ms": (1000.0 if stream else 100.0) * (1.5 if nth % 2 == 0 else 1.0),
        }
        for stream in range(2)
        for nth in range(1, 21)
    ]
    found = asked(memory.FAMILY, calls)
    assert found["memory.new_mark.ratio"].value == pytest.approx(1.5)
    assert found["memory.full_calls_share"].value == 1


def test_an_overlap_of_a_millisecond_is_no_level_that_was_reached() -> None:
    calls: list[Row] = [
        {
            "stream": f"s{number % 2}",
            "start_time": NOON + number * SECOND - (501_000 if number == 50 else 0),
            "end_time": NOON + number * SECOND + SECOND // 2,
            "duration_ms": 1001.0 if number == 50 else 500.0,
        }
        for number in range(100)
    ]
    found = asked(concurrency.FAMILY, calls)
    assert found["concurrency.peak"].value == 2
    assert (found["concurrency.cap.level"].value, found["concurrency.cap.hits"].value) == (1, 99)
