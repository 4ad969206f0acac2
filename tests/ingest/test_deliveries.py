"""What CloudWatch sends to subscribers is read to exactly the rows that the event-by-event path gives, whatever stands in it."""

from __future__ import annotations

import gzip
import json
import random
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.ingest import deliveries, segments
from analyzer.ingest.read import ingest
from analyzer.lake import TABLES, Lake
from tests.ingest.test_kernel import Tables, small, stored

GROUPS = ["/aws/lambda/checkout", "/aws/lambda/checkout", "/aws/lambda/\u00fcber", "shop"]
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
IDS = [f"{number:08x}-0000-4000-8000-{number * 7919:012x}" for number in range(30)]
TRACE = "Root=1-6ac7c67c-4fb697db28b006524e491c37;Parent=4a861782660d0257;Sampled=1"
TRACING = {"spanId": "4a861782660d0257", "type": "X-Amzn-Trace-Id", "value": TRACE}
BEGIN = 1_773_734_400_000
Json = dict[str, Any]
# What an application says, @ being the request and % another one.
LINES: list[Json | str] = [
    {"timestamp": "2026-03-17T08:00:00.123Z", "level": "INFO", "message": "working", "requestId": "@"},
    {"level": "INFO", "message": "working", "logger": "root", "requestId": "@", "cold_start": True, "parent": None},
    {"level": "DEBUG", "message": 'a "quoted" \\ path', "requestId": "@"},
    {"level": "INFO", "message": "two\nlines\tand a tab", "requestId": "@"},
    {"level": "INFO", "message": "working", "requestId": "%"},
    {"level": "INFO", "message": "done", "requestId": "@", "records": 120},
    {"level": "INFO", "message": "done", "requestId": "@", "pid": 8, "sampling_rate": 0.5, "level2": "x"},
    {"level": "info", "message": "working", "requestId": "@"},
    {"level": "WARN", "message": "slow", "requestId": "@"},
    {"level": "ERROR", "message": "retrying", "requestId": "@", "errorType": "KeyError"},
    {"log_level": "ERROR", "errorMessage": "'s3'", "errorType": "KeyError", "requestId": "@", "stackTrace": ["a"]},
    {"level": "ERROR", "message": {"errorType": "TypeError", "errorMessage": "x"}, "requestId": "@"},
    {"level": "INFO", "message": {"nested": 1}, "requestId": "@"},
    {"level": "INFO", "message": "\u00fc\u2705", "AWSRequestId": "@"},
    {"level": "INFO", "message": "slash / and \u0007 bell", "requestId": "@"},
    {"level": 3, "message": "x"},
    {"message": "Task timed out after 3.00 seconds"},
    {"type": "platform.nonsense", "record": {}},
    {"type": "request", "level": "INFO"},
    {"errorType": "x", "errorMessage": "y"},
    {"level": "INFO", "message": "done n=5", "requestId": "@"},
    {"severity": "ERROR", "message": "no price", "requestId": "@"},
    {"log.level": "warn", "msg": "no price"},
    {"level": "INFO", "message": "LAMBDA_WARNING: advice"},
    {"level": "INFO", "message": "text", "labels": {"AWSRequestId": "@"}},
    {"_aws": {"Timestamp": 1, "CloudWatchMetrics": []}, "latency": 5.5, "function_request_id": "@"},
    {"event_type": "performance", "function_name": "checkout", "used_memory_max": 90, "request_id": "@"},
    "START RequestId: % Version: $LATEST",
    "REPORT RequestId: @\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB\t",
    "plain text",
    "records=120",
    "[ERROR] KeyError: 's3'\nTraceback (most recent call last):\n  File",
    '{"level":"INFO"',
    '{"level":"INFO","level":"ERROR","message":"twice"}',
    '{"n":01}',
    '{"a":"\t"}',
    '{ "level": "INFO" }',
    "",
    "{}",
    "\x1b[31mred",
]  # fmt: skip
KINDS: list[Json] = [
    {"type": "platform.initStart", "record": {"runtimeVersion": "python:3.13.v60", "functionName": "other"}},
    {"type": "platform.extension", "record": {"name": "agent", "state": "Ready", "events": []}},
    {"type": "platform.logsDropped", "record": {"reason": "x", "droppedRecords": 3, "droppedBytes": 9}},
    {"type": "platform.fault", "record": "RequestId: @ Process exited before completing request"},
    {"type": "platform.report", "record": {"requestId": "@", "metrics": {"durationMs": 2.5}, "status": "success"}},
    {"type": "platform.report", "record": {"requestId": "%", "metrics": {}, "status": "timeout"}},
    {"type": "platform.runtimeDone", "record": {"requestId": "@", "status": "success", "errorType": "x"}},
    {"type": "platform.runtimeDone", "record": {"requestId": "%", "status": "success"}},
    {"type": "platform.start", "record": {"requestId": "%", "version": "7"}},
    {"type": "platform.start", "record": {"requestId": "@", "version": "$LATEST", "tenantId": "blue"}},
]  # fmt: skip
# The same invocation's runtimeDone, of which neither may take what the other does not.
DONE = '{"time":"2026-03-17T08:00:05.000Z","type":"platform.runtimeDone","record":{"requestId":"@","status":"success"'
ENDS = [
    "}}",
    ',"spans":[{"name":"responseLatency","start":"2026-03-17T08:00:05.000Z","durationMs":1.2},{}],"metrics":{"producedBytes":-3}}}',
    ',"tracing":{"spanId":"4a861782660d0257","note":"a \\"quoted\\" [path]"},"spans":[[],[[true,null],false]]}}',
    ',"spans":[{"name":"responseLatency","durationMs":1.2}}}',
    ',"spans":[{"name":"responseLatency","durationMs":1.2]}}}',
    ',"spans":[{"name":"responseLatency","durationMs":}]}}',
    ',"spans":[1,]}}',
    ',"spans":[,1]}}',
    ',"spans":[tru]}}',
    ',"spans":[01]}}',
    ',"spans":[1] }}',
    ',"spans"}}',
    ',"status":"error"}}',
    ',"errorType":"x"}}',
    ',"inner":{"status":"error","errorType":"x"}}}',
    ',"requestId":"%"}}',
    '},"type":"platform.fault"}',
    "}",
    "}}}",
    "}}x",
    ',"deep":' + "[" * 70 + "]" * 70 + "}}",
]


class Group:
    """Writes down what several streams say as their random numbers have it, with `wildness` of 0 where nothing ever happens."""

    def __init__(self, seed: int, wildness: float) -> None:
        self.random = random.Random(seed)
        self.wildness = wildness
        self.time = BEGIN
        self.count = 0
        self.arn = self.random.random() < 0.5
        self.traced = self.random.random() < 0.5
        # Requests that come again and again, also in another stream.
        self.retries = self.random.random() < 0.3

    def wild(self, factor: float = 1.0) -> bool:
        return self.random.random() < self.wildness * factor

    def event(self, said: Json | str, request: str) -> Json:
        self.time += self.random.choice((0, 1, 900))
        self.count += 1
        if isinstance(said, dict):
            stamp = f"2026-03-17T08:00:{self.time // 1000 % 60:02d}.{self.time % 1000:03d}Z"
            said = {"time": stamp, **said} if "type" in said else said
            said = json.dumps(said, separators=(",", ":"), ensure_ascii=self.wild(0.2))
        text = said.replace("@", request).replace("%", self.random.choice(IDS))
        text += "\n" if self.random.random() < 0.7 else ""
        number = self.random.randrange(self.count) if self.wild(0.2) else self.count
        event_id = f"{39555598904289787284667474183728769182083930762902103972 + number:056d}"
        return {"id": "" if self.wild(0.02) else event_id, "timestamp": self.time, "message": text}

    def invocation(self, name: str) -> list[Json]:
        pick = self.random.choice
        request = pick(IDS) if self.retries else str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        request = "not-a-uuid" if self.wild(0.1) else request
        version = pick(["$LATEST", "7", "12345678", "x"]) if self.wild(0.3) else "$LATEST"
        start: Json = {"requestId": request}
        if self.arn:
            start["functionArn"] = ARN + (pick(["a", "b"]) if self.wild(0.3) else name)
        start["version"] = version
        duration = pick([1.5, 26.843, 3000.0, 0.07, 12345.678, 7, 1.23456]) if self.wild() else 26.843
        metrics: Json = {"durationMs": duration, "billedDurationMs": pick([1, 27, 30000]), "memorySizeMB": 128}
        metrics["maxMemoryUsedMB"] = 77
        if self.random.random() < 0.1:
            metrics["initDurationMs"] = 772.443
        status = pick(["error", "timeout", "failure"]) if self.wild(0.3) else "success"
        report: Json = {"requestId": request, "metrics": metrics, "status": status}
        if self.traced:
            start["tracing"] = report["tracing"] = TRACING
        done = {"requestId": request, "status": status, "spans": [{"name": "responseLatency", "durationMs": 1.2}]}
        said: list[Json | str] = [{"type": "platform.start", "record": start}]
        said += [pick(LINES) if self.wild(2) else pick(LINES[:4]) for _ in range(self.random.randrange(4))]
        if self.random.random() < 0.7:
            said.append({"type": "platform.runtimeDone", "record": done})
        said.append({"type": "platform.report", "record": report})
        if self.wild():
            said.insert(self.random.randrange(len(said)), pick(KINDS))
        if self.wild(0.3):
            del said[self.random.randrange(len(said))]
        if self.wild(0.2):
            self.random.shuffle(said)
        return [self.event(one, request) for one in said]

    def content(self, invocations: int) -> bytes:
        """Objects of several streams in turn, each cut anywhere."""
        streams = [
            (self.random.choice(GROUPS), f"2026/03/17/[$LATEST]{self.random.getrandbits(128):032x}")
            for _ in range(self.random.randrange(1, 5))
        ]
        waiting: dict[tuple[str, str], list[Json]] = {stream: [] for stream in streams}
        parts: list[bytes] = []
        for _ in range(invocations):
            waiting[self.random.choice(streams)] += self.invocation("checkout")
            while self.random.random() < 0.4:
                stream = self.random.choice(streams)
                if events := waiting[stream]:
                    cut = self.random.randrange(len(events)) + 1
                    parts.append(self.object(*stream, events[:cut]))
                    waiting[stream] = events[cut:]
        parts += [self.object(*stream, events) for stream, events in waiting.items() if events]
        if self.wild():
            parts.append(self.random.choice(parts))
        if self.wild():
            parts.insert(self.random.randrange(len(parts)), self.object("", "", [], "CONTROL_MESSAGE"))
        content = self.random.choice([b"", b"", b"\n"]).join(parts)
        if self.wild():
            place = self.random.randrange(len(content))
            content = (
                content[:place] + self.random.choice([b"", b'"', b"\\", b"}", b"\xff", b"{"]) + content[place + 1 :]
            )
        return content

    def object(self, group: str, stream: str, events: list[Json], kind: str = "DATA_MESSAGE") -> bytes:
        one = {"messageType": kind, "owner": "123456789012", "logGroup": group, "logStream": stream}
        one |= {"subscriptionFilters": ["all"], "logEvents": events}  # type: ignore[dict-item]
        return json.dumps(one, separators=(",", ":"), ensure_ascii=self.wild(0.1)).encode()


def both(contents: list[bytes], step: int = 512) -> Tables:
    with tempfile.TemporaryDirectory() as name, small(step, generation=1 << 17), patch.object(deliveries, "STEP", step):
        folder = Path(name)
        (folder / "logs").mkdir()
        for number, content in enumerate(contents):
            (folder / "logs" / f"{number}.json").write_bytes(content)
        fast, plain = (Lake(folder / f"lake-{buffer}") for buffer in (4 * step, 0))
        ingest([str(folder / "logs")], fast, buffer=4 * step)
        ingest([str(folder / "logs")], plain, buffer=0)
        rows, wanted = stored(fast), stored(plain)
    for table in TABLES:
        # What differs says more than two long lists.
        assert sorted(set(rows[table]) ^ set(wanted[table])) == []
        assert rows[table] == wanted[table]
    return rows


@st.composite
def objects(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[bytes]:
    # Of two files that are the same but for their lengths either may be the one that repeats the other.
    seeds = draw(st.lists(st.integers(0, 2**32), min_size=1, max_size=2, unique=True))
    contents = [
        Group(seed, draw(st.sampled_from([0.0, 0.02, 0.1, 0.4]))).content(draw(st.integers(1, 30))) for seed in seeds
    ]
    return [gzip.compress(content, 1) if draw(st.booleans()) else content for content in contents]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(objects(), st.sampled_from([512, 2_000, 1 << 18]))
def test_both_paths_give_the_same_rows(contents: list[bytes], step: int) -> None:
    both(contents, step)


@pytest.mark.parametrize("said", [*LINES, *KINDS], ids=str)
def test_a_line_inside_an_invocation_means_the_same_to_both_paths(said: Json | str) -> None:
    group = Group(1, 0.0)
    events = [event for _ in range(4) for event in group.invocation("checkout")]
    middle = group.invocation("checkout")
    request = json.loads(middle[0]["message"])["record"]["requestId"]
    events += [middle[0], group.event(said, request), *middle[1:]]
    events += [event for _ in range(4) for event in group.invocation("checkout")]
    both([group.object(GROUPS[0], "2026/03/17/[$LATEST]0", events)], 1 << 18)


@pytest.mark.parametrize("end", ENDS)
def test_an_end_with_fields_that_no_reader_takes_means_the_same_to_both_paths(end: str) -> None:
    group = Group(1, 0.0)
    events = [event for _ in range(4) for event in group.invocation("checkout")]
    start, *_, report = group.invocation("checkout")
    request = json.loads(start["message"])["record"]["requestId"]
    events += [start, group.event(DONE + end, request), report]
    events += [event for _ in range(4) for event in group.invocation("checkout")]
    both([group.object(GROUPS[0], "2026/03/17/[$LATEST]0", events)], 1 << 18)


def test_what_was_delivered_twice_counts_once() -> None:
    group = Group(2, 0.0)
    events = [event for _ in range(9) for event in group.invocation("checkout")]
    one = group.object(GROUPS[0], "2026/03/17/[$LATEST]0", events)
    later = group.object(GROUPS[0], "2026/03/17/[$LATEST]0", group.invocation("checkout"))
    assert len(both([one + one + later])["invocations"]) == 10


def parsed(content: bytes) -> int:
    """How many events went through the grammars, of objects with 120 plain invocations."""
    with (
        tempfile.TemporaryDirectory() as name,
        patch.object(segments.grammars, "parse", side_effect=segments.grammars.parse) as parse,
    ):
        path = Path(name) / "object"
        path.write_bytes(content)
        assert ingest([str(path)], Lake(Path(name) / "lake")).invocations == 120
    return parse.call_count


def test_plain_invocations_do_not_go_event_by_event() -> None:
    group = Group(3, 0.0)
    events = [event for _ in range(120) for event in group.invocation("checkout")]
    assert parsed(group.object(GROUPS[0], "2026/03/17/[$LATEST]0", events)) < 15


def test_invocations_that_objects_cut_in_two_do_not_go_event_by_event_either() -> None:
    group = Group(3, 0.0)
    waiting = {f"2026/03/17/[$LATEST]{number}": [] for number in range(3)}
    for number in range(120):
        waiting[f"2026/03/17/[$LATEST]{number % 3}"] += group.invocation("checkout")
    parts = []
    while any(waiting.values()):
        for stream, events in waiting.items():
            parts.append(group.object(GROUPS[0], stream, events[:11]))
            del events[:11]
    assert parsed(b"".join(parts)) < 3 * 15


def test_attempts_count_in_the_order_of_the_lines_whichever_stream_they_are_of() -> None:
    group = Group(4, 0.0)
    first, other = (f"2026/03/17/[$LATEST]{number}" for number in range(2))
    tried, again = group.invocation("checkout"), group.invocation("checkout")
    request, own = (json.loads(events[0]["message"])["record"]["requestId"] for events in (tried, again))
    again = [event | {"message": event["message"].replace(own, request)} for event in again]
    plain = [[event for _ in range(9) for event in group.invocation("checkout")] for _ in range(4)]
    objects = [(first, plain[0]), (other, plain[1] + again), (first, tried + plain[2]), (other, plain[3])]
    rows = both([b"".join(group.object(GROUPS[0], *one) for one in objects)], 1 << 18)["invocations"]
    (late,) = (row for row in rows if request in row and "'attempt': 2" in row)
    assert first in late
