"""Containers that hold log events as data: what each of them carries comes out as it was, and no bytes stop a reader."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import UserError
from analyzer.ingest import ingest
from analyzer.ingest.containers import by_time, containers, json_stream, recognise
from analyzer.ingest.containers.container import Problems
from analyzer.ingest.packing import peek
from analyzer.ingest.sources import LogFile
from analyzer.lake import Lake
from analyzer.model import Record
from tests.ingest.conftest import NoProblems, Read, rows
from tests.logs import ID, OTHER_ID, invocation, report

SAMPLES = Path(__file__).parents[2] / "sample_logs" / "containers"
HEAD = 1 << 18
TIME = 1_773_735_125_000
GROUP = "/aws/lambda/checkout"
STREAM = "2026/03/17/[$LATEST]4eeec71d18b1461580e35b89cb060777"
WRITTEN = (
    "insights-csv",
    "insights-json",
    "insights-table",
    "subscription",
    "telemetry",
    "json-records",
    "csv-column",
    "parquet",
)
SAMPLE_FILES = sorted(
    path for name in WRITTEN for path in (SAMPLES / name).rglob("*") if path.is_file() and path.name != "expect.json"
)


def iso(number: int, space: str = "T", end: str = "Z") -> str:
    return f"2026-03-17{space}08:{number // 60 % 60:02d}:{number % 60:02d}.000{end}"


def unpacked(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def read(content: bytes, problems: Problems | None = None) -> tuple[str, list[Record]]:
    """The name of the container that claims it, and its records."""
    container = recognise(content[:HEAD], "file")
    assert container is not None
    _, file = peek(io.BytesIO(content), 0)
    return container.name, list(container.records(file, LogFile("file", Path("file")), problems or NoProblems()))


def messages_of(content: bytes) -> list[str]:
    return [one.message for one in read(content)[1]]


# ── writers, each of which puts messages into a container ────────────────────────────────────────────────────────────


def envelope(messages: list[str], first_id: int = 0, **about: object) -> str:
    events = [
        {"id": f"{number:056d}", "timestamp": TIME + number, "message": text}
        for number, text in enumerate(messages, first_id)
    ]
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": "1",
        "logGroup": GROUP,
        "logStream": STREAM,
        "subscriptionFilters": ["x"],
    }
    return json.dumps(data | {"logEvents": events} | about, ensure_ascii=False, separators=(",", ":"))


def back_to_back(messages: list[str]) -> bytes:
    return "".join(envelope([text], number) for number, text in enumerate(messages)).encode()


def one_a_line(messages: list[str]) -> bytes:
    return "".join(envelope([text], number) + "\n" for number, text in enumerate(messages)).encode()


def packed(content: str) -> str:
    return base64.b64encode(gzip.compress(content.encode())).decode()


def kinesis(messages: list[str]) -> bytes:
    return json.dumps({"Records": [{"kinesis": {"data": packed(envelope(messages))}}]}).encode()


def telemetry(messages: list[str]) -> list[dict[str, object]]:
    begin = {"time": iso(0), "type": "platform.start", "record": {"requestId": ID}}
    return [begin, *({"time": iso(0), "type": "function", "record": text} for text in messages)]


def insights(messages: list[str]) -> list[dict[str, str]]:
    """Newest first."""
    numbered = list(enumerate(messages))
    return [
        {"@timestamp": iso(number, " ", ""), "@message": text, "@log": f"1:{GROUP}"}
        for number, text in reversed(numbered)
    ]


def insights_api(messages: list[str]) -> bytes:
    rows = [[{"field": name, "value": value} for name, value in row.items()] for row in insights(messages)]
    return json.dumps({"results": rows, "statistics": {"logGroups": [1]}, "status": "Complete"}).encode()


def table(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue().encode()


def shipped(messages: list[str], name: str = "message") -> list[dict[str, object]]:
    return [{"timestamp": iso(number), name: text, "logGroup": GROUP} for number, text in enumerate(messages)]


def parquet(messages: list[str]) -> bytes:
    file = io.BytesIO()
    times = pa.array([TIME + number for number in range(len(messages))], pa.timestamp("ms"))
    pq.write_table(pa.table({"number": range(len(messages)), "at": times, "text": messages}), file)
    return file.getvalue()


WRITERS: dict[str, Callable[[list[str]], bytes]] = {
    "subscription, back to back": back_to_back,
    "subscription, one a line": one_a_line,
    "subscription, Kinesis": kinesis,
    "telemetry": lambda messages: json.dumps(telemetry(messages)).encode(),
    "telemetry, one a line": lambda messages: "\n".join(map(json.dumps, telemetry(messages))).encode(),
    "telemetry, printed by Python": lambda messages: repr(telemetry(messages)).encode(),
    "insights-json of the API": insights_api,
    "insights-json of the console": lambda messages: json.dumps(insights(messages), indent=2).encode(),
    "insights-csv": lambda messages: table(insights(messages)),
    "json-records, one a line": lambda messages: "\n".join(map(json.dumps, shipped(messages))).encode(),
    "json-records, array": lambda messages: json.dumps(shipped(messages, "_raw")).encode(),
    "csv-column": lambda messages: table([{"when": iso(n), "what": text} for n, text in enumerate(messages)]),
    "csv-column;": lambda messages: table([{"when": iso(n), "what": text} for n, text in enumerate(messages)], ";"),
    "parquet": parquet,
}
# A null byte is in no log of Lambda's, and half of a surrogate pair in no text.
MESSAGES = st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), max_size=5)


@pytest.mark.parametrize("writer", WRITERS)
@given(between=MESSAGES)
@settings(max_examples=40, deadline=None)
def test_arbitrary_messages_come_back_as_they_were(writer: str, between: list[str]) -> None:
    # A row of a table that holds nothing is no event.
    messages = [text for text in invocation(*between) if text]
    found = messages_of(WRITERS[writer](messages))
    expected = [text.rstrip() for text in messages]
    if writer.startswith("telemetry"):
        found.pop(0)
    assert found == expected


LINE = st.text(st.characters(exclude_characters="\x00\n\r", exclude_categories=["Cs"])).map(str.strip)


@given(st.lists(LINE, max_size=5))
def test_messages_of_a_copied_table_come_back_even_with_bars_in_them(between: list[str]) -> None:
    messages = [text for text in invocation(*between) if text]
    lines = ["| @timestamp | @message | @log |", "| --- | --- | --- |"]
    lines += [f"| {' | '.join(row.values())} |" for row in insights(messages)]
    assert messages_of("\n".join(lines).encode()) == [text.strip() for text in messages]


@pytest.mark.parametrize("path", SAMPLE_FILES, ids=lambda path: str(path.relative_to(SAMPLES)))
def test_exactly_one_container_claims_a_sample(path: Path) -> None:
    head = unpacked(path.read_bytes())[:HEAD]
    claiming = [one.name for one in containers() if not one.last_resort and one.recognises(head)]
    assert claiming == [path.relative_to(SAMPLES).parts[0]]


def test_none_of_them_claims_a_sample_of_another_container() -> None:
    others = [path for path in SAMPLES.rglob("*") if path.is_file() and path not in SAMPLE_FILES]
    heads = {path: unpacked(path.read_bytes())[:HEAD] for path in others if path.name != "expect.json"}
    assert len(heads) > 5
    claimed = {
        (one.name, str(path))
        for one in containers()
        if one.name in WRITTEN
        for path in heads
        if one.recognises(heads[path])
    }
    assert claimed == set()


HOSTILE = [b'"', b"\\", b"\\ud800", b"{", b"[", b"}{", b"\n", b"\0", b"9" * 30, b"[" * 2000, b"null", b"NaN", b"-1"]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_bytes_stop_a_reader(data: st.DataObject) -> None:
    content = bytearray(unpacked(data.draw(st.sampled_from(SAMPLE_FILES)).read_bytes()))
    for _ in range(data.draw(st.integers(1, 6))):
        begin = data.draw(st.integers(0, len(content)))
        end = begin + data.draw(st.sampled_from([0, 1, 1, 2, 40, 4000]))
        content[begin:end] = data.draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from(
                    [b'"', b"\\", b"\\ud800", b"{", b"[", b"}{", b"\n", b"\0", b"9" * 30, b"[" * 2000, b"null", b"NaN"]
                ),
                st.just(bytes(content[end : end + 200])),
            )
        )
    try:
        container = recognise(bytes(content[:HEAD]), "file")
    except UserError:
        return
    if container is None:
        return
    for record in container.records(io.BytesIO(content), LogFile("file", Path("file")), Problems()):
        record.message.encode()
        assert record.time is None or 0 < record.time < 1 << 60
        assert 0 <= record.position <= len(content)


# ── what single containers have of their own ─────────────────────────────────────────────────────────────────────────


def test_the_log_group_of_a_subscription_names_the_function(read_file: Read) -> None:
    (row,) = read_file(envelope(list(invocation("working"))))
    assert (row["function"], row["log_group"], row["stream"], row["outcome"]) == ("checkout", GROUP, STREAM, "ok")
    assert row["end_time"].isoformat() == "2026-03-17T08:12:05.003000+00:00"


def test_an_event_that_was_delivered_twice_counts_once(read_file: Read) -> None:
    once = envelope(list(invocation("working")))
    assert len(read_file(once + once)) == 1


def test_control_messages_are_no_events() -> None:
    control = envelope(
        ["CWL CONTROL MESSAGE: Checking health of destination."], messageType="CONTROL_MESSAGE", logGroup=""
    )
    assert messages_of((control + envelope(["a"])).encode()) == ["a"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda data: {"awslogs": {"data": data}},
        lambda data: {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"partitionKey": "x", "data": data}}]},
        lambda data: {"NextShardIterator": "x", "Records": [{"SequenceNumber": "1", "Data": data}]},
        lambda data: {"invocationId": "x", "records": [{"recordId": "1", "data": data}]},
        lambda data: {"attemptsMade": 4, "errorCode": "Lambda.FunctionError", "rawData": data},
    ],
)
def test_a_packed_subscription_is_unpacked_whoever_wraps_it(read_file: Read, wrap: Callable[[str], object]) -> None:
    (row,) = read_file(json.dumps(wrap(packed(envelope(list(invocation("working")))))))
    assert (row["request_id"], row["outcome"]) == (ID, "ok")


def test_a_record_that_is_not_packed_but_only_encoded_is_read(read_file: Read) -> None:
    raw = base64.b64encode(envelope(list(invocation("working"))).encode()).decode()
    assert len(read_file(json.dumps({"rawData": raw, "errorCode": "x"}))) == 1


def test_a_packed_record_that_is_damaged_costs_itself_alone() -> None:
    good, bad = packed(envelope(["a"])), packed(envelope(["b"]))[:-24]
    problems = Problems()
    event = {"records": [{"data": good}, {"data": bad}]}
    _, found = read(json.dumps(event).encode(), problems)
    assert [one.message for one in found] == ["a"]
    assert "packed record at byte 0 breaks off" in problems.sentences()[0]


def test_a_damaged_object_between_good_ones_costs_itself_alone() -> None:
    first, second, third = (envelope([f"{text} {{"], number) for number, text in enumerate("abc"))
    problems = Problems()
    _, found = read((first + second[:-30] + third).encode(), problems)
    assert [one.message for one in found] == ["a {", "c {"]
    assert len(problems.sentences()) == 1


def test_a_damaged_line_between_good_ones_costs_itself_alone() -> None:
    first, second, third = (envelope([text], number) for number, text in enumerate("abc"))
    problems = Problems()
    _, found = read("\n".join((first, second[:-30], third)).encode(), problems)
    assert [one.message for one in found] == ["a", "c"]
    assert len(problems.sentences()) == 1


def test_a_line_feed_that_copying_left_in_a_string_does_not_end_the_line_of_a_value() -> None:
    first, second, third = (envelope([text], number) for number, text in enumerate(("a", "one two", "c")))
    found = messages_of("\n".join((first, second.replace("one two", "one\n  two"), third)).encode())
    assert found == ["a", "one\n  two", "c"]


def test_objects_longer_than_what_is_read_at_once_are_put_together() -> None:
    messages = ["x" * 700_000 + str(number) for number in range(5)]
    assert messages_of(back_to_back(messages)) == messages


@pytest.mark.parametrize("between", ["", "\n"])
def test_an_object_beyond_the_limit_is_a_problem_of_the_file(monkeypatch: pytest.MonkeyPatch, between: str) -> None:
    monkeypatch.setattr(json_stream, "LARGEST", 5_000)
    monkeypatch.setattr(json_stream, "CHUNK", 1_000)
    content = between.join(envelope([text], number) for number, text in enumerate(("a", "b" * 20_000, "c")))
    problems = Problems()
    _, found = read(content.encode(), problems)
    assert [one.message for one in found] == ["a", "c"]
    assert len(problems.sentences()) == 1
    assert "MB" in problems.sentences()[0]


def test_an_invocation_may_begin_in_one_object_of_firehose_and_end_in_the_next(tmp_path: Path) -> None:
    start, *rest = invocation("working")
    for minute, messages in (("08-04-11", [start]), ("09-04-11", rest)):
        folder = tmp_path / "logs" / "2026" / "03" / "17" / minute[:2]
        folder.mkdir(parents=True)
        name = f"to-s3-1-2026-03-17-{minute}-6d29fbaa-bb9f-4c40-90df-afad2cdcce25"
        (folder / name).write_bytes(gzip.compress(envelope(messages).encode()))
    lake = Lake(tmp_path / "lake")
    ingest([str(tmp_path / "logs")], lake)
    (row,) = rows(lake)
    assert (row["complete"], row["outcome"]) == (True, "ok")


def test_what_firehose_writes_of_the_messages_alone_is_pasted_text(read_file: Read) -> None:
    (row,) = read_file("\n".join(invocation("working")) + "\n")
    assert (row["function"], row["end_time"], row["outcome"]) == (None, None, "ok")


def test_reports_are_written_again_from_the_fields_of_a_query(read_file: Read) -> None:
    row = {
        "@timestamp": "2026-03-17 08:12:05.123",
        "@type": "REPORT",
        "@requestId": ID,
        "@duration": "14.97",
        "@billedDuration": "15.0",
        "@memorySize": "1.28E8",
        "@maxMemoryUsed": "67000000",
        "@initDuration": "413.61",
        "@xrayTraceId": "1-6ac7c67c-4fb697db28b006524e491c37",
    }
    start = {"@timestamp": "2026-03-17 08:12:05.000", "@type": "START", "@requestId": OTHER_ID}
    (found,) = read_file(json.dumps([row, start]))
    assert [found[name] for name in ("duration_ms", "billed_ms", "memory_mb", "max_memory_mb", "init_ms")] == [
        14.97, 15.0, 128, 67, 413.61,
    ]  # fmt: skip
    assert (found["trace_id"], found["outcome"]) == ("1-6ac7c67c-4fb697db28b006524e491c37", "unknown")


def test_rows_that_show_no_line_are_counted_as_a_problem() -> None:
    problems = NoProblems()
    _, found = read(json.dumps([{"@type": "START", "@requestId": ID}]).encode(), problems)
    assert found == []
    assert problems.texts == [json.dumps({"@type": "START", "@requestId": ID})]


def test_a_message_that_the_console_parsed_is_json_text_again() -> None:
    start = {"time": iso(0), "type": "platform.start", "record": {"requestId": ID, "version": "$LATEST"}}
    (record,) = read(json.dumps([{"@timestamp": iso(0, " ", ""), "@message": start}], indent=2).encode())[1]
    assert json.loads(record.message) == start
    assert record.message.startswith('{"time":"')


def test_an_invocation_of_logs_insights_is_ok_only_when_all_of_it_is_there(read_file: Read) -> None:
    whole = insights(list(invocation("working")))
    reported = insights([report(OTHER_ID)])
    outcomes = {row["request_id"]: row["outcome"] for row in read_file(json.dumps(whole + reported))}
    assert outcomes == {ID: "ok", OTHER_ID: "unknown"}


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (3, 1, 2, 0), (2, 3, 1, 0)])
def test_a_traceback_of_the_same_millisecond_as_the_end_stays_before_it_when_the_rows_run_backwards(
    read_file: Read, order: tuple[int, ...]
) -> None:
    start, end, line = invocation()
    traceback = "[ERROR] KeyError: 's3'\nTraceback (most recent call last):"
    moments = ((0, start), (1, traceback), (1, end), (1, line))
    rows = [(iso(moments[place][0], " ", ""), moments[place][1]) for place in order]
    content = [{"@timestamp": time, "@message": text, "@logStream": STREAM} for time, text in rows]
    (row,) = read_file(json.dumps(content))
    assert (row["outcome"], row["error_type"]) == ("error", "KeyError")


def test_a_line_of_the_same_millisecond_as_a_start_in_json_stays_behind_it_when_the_rows_run_backwards(
    read_file: Read,
) -> None:
    start = {"time": iso(0), "type": "platform.start", "record": {"requestId": ID, "version": "$LATEST"}}
    moments = (json.dumps(start, separators=(",", ":")), "basket records=12")
    content = [
        {"@timestamp": iso(0, " ", ""), "@message": text, "@logStream": STREAM, "@log": "1:/aws/lambda/checkout"}
        for text in reversed(moments)
    ]
    (line,) = read_file(json.dumps(content), "events")
    assert (line["request_id"], line["kind"]) == (ID, "fields")


def test_records_that_do_not_fit_into_memory_are_sorted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_time, "PART_RECORDS", 3)
    records = [Record(str(number), number, 100 - number // 2) for number in range(20)]
    assert [one.message for one in by_time.by_time(records, Problems())] == [
        str(number) for number in reversed(range(20))
    ]
    forwards = [Record(str(number), number, number // 2) for number in range(20)]
    assert list(by_time.by_time(forwards, Problems())) == forwards


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-17T08:12:05.123Z",
        "2026-03-17 08:12:05.123",
        "2026-03-17T04:12:05.123-0400",
        "2026-03-17 08:12:05.123 UTC",
        1_773_735_125.123,
        1_773_735_125_123,
        "1773735125.123",
        "1773735125123",
        1_773_735_125_123_000,
        "1773735125123000000",
        1_773_735_125_123_000_000,
    ],
)
@pytest.mark.parametrize("name", ["@timestamp", "timestamp", "time", "_time", "date"])
def test_a_time_is_read_however_it_is_written(time: object, name: str) -> None:
    (record,) = read(json.dumps({name: time, "log": report()}).encode())[1]
    assert record.time == 1_773_735_125_123_000


@pytest.mark.parametrize("time", ["yesterday", "", None, True, 12, -5, 1e300, "9" * 40, [], "99999-01-01"])
def test_what_is_no_time_is_none(time: object) -> None:
    (record,) = read(json.dumps({"timestamp": time, "log": report()}).encode())[1]
    assert record.time is None


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"logGroup": GROUP, "logStream": "s"}, (GROUP, "s", None)),
        ({"aws": {"cloudwatch": {"log_group": GROUP, "log_stream": "s"}}}, (GROUP, "s", None)),
        ({"labels": {"__aws_cloudwatch_log_group": GROUP}}, (GROUP, None, None)),
        ({"aws": {"lambda": {"function_name": "checkout"}}}, (None, None, "checkout")),
        ({"lambda": {"arn": "arn:aws:lambda:us-east-1:123456789012:function:checkout:7"}}, (None, None, "checkout")),
        ({"tags": ["functionname:checkout", "env:prod"]}, (None, None, "checkout")),
        ({"error": {"functionName": "handler"}}, (None, None, None)),
    ],
)
def test_what_shippers_know_of_a_line_is_kept(about: dict[str, object], expected: tuple[object, ...]) -> None:
    (record,) = read(json.dumps({"message": report()} | about).encode())[1]
    assert (record.log_group, record.stream, record.function) == expected


@pytest.mark.parametrize(
    "event",
    [
        {"host": "x", "message": report()},
        {"@message": report(), "@owner": "1", "@log_group": GROUP, "@timestamp": iso(0)},
        {"_raw": report()},
        {"log": report()},
        {"body": report()},
        {"event": report(), "sourcetype": "aws:cloudwatch"},
        {"event": {"original": report()}, "message": "billed"},
        {"event.original": report(), "log": {"level": "info"}},
        {"result": {"_raw": report()}},
        {"hits": {"hits": [{"_source": {"message": report()}}]}},
        {"data": [{"attributes": {"message": report()}}]},
        {"data": {"result": [{"stream": {"job": "x"}, "values": [["1773735125123000000", report()]]}]}},
        {"labels": {"job": "x"}, "line": report(), "timestamp": "2026-03-17T08:12:05.123Z"},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": report()}}]}]}]},
        {"fields": None, "level": "info", "timestamp": "2026-03-17T14:46:28+08:00", "message": report()},
    ],
)
@pytest.mark.parametrize("shape", ["line", "lines", "array", "pretty"])
def test_the_line_is_found_wherever_a_shipper_puts_it(event: dict[str, object], shape: str) -> None:
    text = {
        "line": json.dumps(event),
        "lines": f"{json.dumps(event)}\n{json.dumps(event)}\n",
        "array": json.dumps([event]),
        "pretty": json.dumps(event, indent=2),
    }[shape]
    name, found = read(text.encode())
    assert name == "json-records"
    assert {one.message for one in found} == {report().rstrip()}


def test_json_without_any_line_of_lambda_is_not_claimed() -> None:
    assert recognise(b'{"timestamp":"2026-03-17T08:12:05Z","message":"REPORT of the day"}\n', "file") is None


def test_a_table_without_a_header_is_read_by_its_content(read_file: Read) -> None:
    (row,) = read_file(f'2026-03-17T08:12:05.123Z,"{report()}"\n')
    assert (row["request_id"], row["end_time"].isoformat()) == (ID, "2026-03-17T08:12:05.123000+00:00")


def test_prose_with_commas_is_no_table() -> None:
    container = recognise(f"look, this is slow\n{report()}\nwhy,REPORT RequestId: x, again\n".encode(), "file")
    assert container is not None
    assert container.name == "pasted-text"


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.timestamp("s"), pa.int64()])
def test_times_of_parquet_are_read_in_every_unit(kind: pa.DataType) -> None:
    unit = {"ns": 10**9, "us": 10**6, "s": 1}.get(getattr(kind, "unit", ""), 1000)
    file = io.BytesIO()
    times = pa.array([TIME // 1000 * unit], pa.int64()).cast(kind)
    pq.write_table(pa.table({"timestamp": times, "m": pa.array([report()]).cast(pa.binary())}), file)
    (record,) = read(file.getvalue())[1]
    assert record.time == TIME // 1000 * 10**6


def test_parquet_without_lines_of_lambda_says_so(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["x", "y"], "b": [1, 2]}), tmp_path / "file")
    ingested = ingest([str(tmp_path / "file")], Lake(tmp_path / "lake"))
    assert ingested.read[0].problems == ["no column of this Parquet file holds lines that Lambda's platform writes"]


def test_a_log_in_json_format_that_was_copied_is_no_telemetry() -> None:
    lines = [json.dumps(one, separators=(",", ":")) for one in telemetry([])]
    lines.append('{"timestamp":"2026-03-17T08:00:00Z","level":"INFO","message":"working","requestId":"x"}')
    container = recognise("\n".join(lines * 2).encode(), "file")
    assert container is not None
    assert container.name == "pasted-text"
