"""Requests that came again, held against a plain loop."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.measure.metrics import retries
from tests.measure.rows import Row, asked, repeatable

BASE, SECOND = 1_773_735_125_000_000, 1_000_000
FAILED = ("error", "timeout", "out_of_memory", "crash", "init_failure")

calls = st.lists(
    st.fixed_dictionaries(
        {
            "request_id": st.sampled_from(["a", "b", "c", "it's"]) | st.uuids().map(str),
            "seconds": st.integers(0, 400),
            "outcome": st.sampled_from(["ok", "unknown", *FAILED]),
            "billed_ms": st.sampled_from([None, 100.0, 2_000.0]),
            "memory_mb": st.sampled_from([None, 512, 1024]),
        }
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda row: row["seconds"],
)


@repeatable(25)
@given(calls)
def test_the_numbers_are_those_of_a_plain_loop(drawn: list[Row]) -> None:
    made = []
    for row in drawn:
        end = BASE + row.pop("seconds") * SECOND
        made.append(row | {"start_time": end - SECOND // 2, "end_time": end})
    requests: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(made, key=lambda row: row["end_time"]):
        requests[row["request_id"]].append(row)
    failures = {name: sum(row["outcome"] in FAILED for row in some) for name, some in requests.items()}
    again = {name: some for name, some in requests.items() if len(some) > 1}
    wasted, near, pauses = 0.0, 0, 0
    for some in again.values():
        for row, after in zip(some, [*some[1:], None], strict=True):
            if row["outcome"] in FAILED:
                wasted += (row["billed_ms"] or 0) / 1000 * (row["memory_mb"] or 0) / 1024
                pause = (after["start_time"] - row["end_time"]) / SECOND if after else -1
                pauses += pause >= 0
                near += 45 <= pause <= 75 or 90 <= pause <= 150
    got = asked(retries.FAMILY, made)
    assert (got["retry.share"].k, got["retry.share"].n) == (len(made) - len(requests), len(made))
    assert got["retry.share"].low <= got["retry.share"].value <= got["retry.share"].high
    if sum(failures.values()):
        share = got["retry.failed_again_share"]
        assert (share.k, share.n) == (sum(k for k in failures.values() if k > 1), sum(failures.values()))
    else:
        assert "retry.failed_again_share" not in got
    assert ("retry.poison.count" in got) == bool(again)
    if again:
        assert got["retry.poison.count"].value == sum(failures[name] == len(some) for name, some in again.items())
        assert got["retry.poison.share"].n == len(again)
        assert got["retry.wasted_gb_seconds"].value == pytest.approx(wasted, rel=1e-6)
    assert ("retry.async_shape" in got) == (pauses > 0)
    if pauses:
        assert (got["retry.async_shape"].k, got["retry.async_shape"].n) == (near, pauses)


def test_the_same_id_in_another_function_is_another_request() -> None:
    made = [{"request_id": "a", "function": name} for name in ("checkout", "refund")]
    assert asked(retries.FAMILY, made)["retry.share"].k == 0
