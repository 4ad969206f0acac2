"""Which function a log is from."""

from __future__ import annotations

import json

import pytest

from analyzer.ingest.names import function_of, function_of_arn
from tests.ingest.conftest import Read
from tests.logs import invocation

HASH = "4eeec71d18b1461580e35b89cb060777"


@pytest.mark.parametrize(
    ("log_group", "stream", "function"),
    [
        ("/aws/lambda/checkout", f"2026/03/17/[$LATEST]{HASH}", "checkout"),
        ("/aws/lambda/us-east-1.checkout", f"2026/03/17/[7]{HASH}", "checkout"),
        ("/aws/lambda/us-gov-west-1.check-out_2", None, "check-out_2"),
        ("/shop/production", f"2026/03/17/checkout[$LATEST]{HASH}", "checkout"),
        ("/shop/production", f"2026/03/17/checkout[$LATEST.PUBLISHED]{HASH}", "checkout"),
        (None, f"2026/03/17/checkout[12]{HASH}", "checkout"),
        ("/aws/lambda/team/checkout", f"2026/03/17/[$LATEST]{HASH}", None),
        ("/shop/production", f"2026/03/17/[$LATEST]{HASH}", None),
        ("/shop/production", "states/orders/2026-03-17/x", None),
        (None, None, None),
    ],
)
def test_the_log_group_names_the_function_and_in_a_shared_one_the_stream(
    log_group: str | None, stream: str | None, function: str | None
) -> None:
    assert function_of(log_group, stream) == function


@pytest.mark.parametrize(
    ("arn", "function"),
    [
        ("arn:aws:lambda:us-east-1:123456789012:function:checkout", "checkout"),
        ("arn:aws-cn:lambda:cn-north-1:123456789012:function:checkout:$LATEST", "checkout"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:us-east-1.checkout:7", "checkout"),
        ("arn:aws:s3:::checkout", None),
        (None, None),
    ],
)
def test_an_arn_names_the_function(arn: str | None, function: str | None) -> None:
    assert function_of_arn(arn) == function


def test_events_of_a_shared_log_group_are_told_apart_by_their_streams(read_file: Read) -> None:
    stream = f"2026/03/17/checkout[$LATEST]{HASH}"
    events = [
        {"timestamp": 1_773_735_125_000, "message": text, "logStreamName": stream} for text in invocation("working")
    ]
    assert [row["function"] for row in read_file(json.dumps({"events": events}))] == ["checkout"]
