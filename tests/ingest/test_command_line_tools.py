"""What command-line tools print comes back as the messages that were logged; what a tool loses is said here and nothing else is."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import wrappings
from hypothesis import given, settings
from hypothesis import strategies as st
from lambda_lines import Event, Stream

from analyzer.ingest import ingest
from analyzer.lake import Lake
from tests.ingest.conftest import Read
from tests.ingest.test_containers import TIME, records
from tests.logs import ID, OTHER_ID, invocation, report

LOG_STREAM = "2026/03/17/[$LATEST]4eeec71d18b1461580e35b89cb060777"
OTHER_STREAM = "2026/03/17/[7]0875a4091b0c671d21ec59a25ac922ac"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PLATFORM = 3

Write = Callable[[Stream], bytes]


def stream(*messages: str, name: str = LOG_STREAM) -> Stream:
    return Stream("checkout", name, [Event(TIME + n, f"{text}\n") for n, text in enumerate(messages)], 0, [])


# How a tool writes a stream, and whether it colours it.
STAMPED: dict[str, tuple[Write, bool]] = {
    "aws-logs-tail": (lambda one: wrappings.tail([one]), False),
    "aws-logs-tail in colours": (lambda one: wrappings.tail([one], colours=True), True),
    "aws-logs-tail --format json": (lambda one: wrappings.tail([one], "json"), False),
    "aws-logs-tail-short": (lambda one: wrappings.tail([one], "short"), False),
    "aws-logs-tail-short in colours": (lambda one: wrappings.tail([one], "short", colours=True), True),
    "sam-logs": (lambda one: wrappings.sam([one]), False),
    "sam-logs in colours": (lambda one: wrappings.sam([one], colours=True), True),
    "awslogs": (lambda one: wrappings.awslogs([one], timed=False, colours=False), False),
    "awslogs --timestamp in colours": (lambda one: wrappings.awslogs([one], timed=True, colours=True), True),
    "saw": (lambda one: wrappings.saw([one], colours=False), False),
    "saw in colours": (lambda one: wrappings.saw([one], colours=True), True),
    "log-events-text": (lambda one: wrappings.filter_log_events_text([one]), False),
    "log-events-text of one stream": (wrappings.get_log_events_text, False),
    "log-events-json": (wrappings.sam_json, False),
    "queried-events-json": (lambda one: wrappings.queried(one, timed=False)[0], False),
    "queried-events-json with times": (lambda one: wrappings.queried(one, timed=True)[0], False),
    "queried-events-text with times": (lambda one: wrappings.queried(one, timed=True)[1], False),
}
# These tell events apart by nothing but their lines.
BY_LINES: dict[str, Write] = {
    "serverless-logs": lambda one: wrappings.serverless(one, 4),
    "invoke-log-tail": lambda one: wrappings.invoked(wrappings.log_tails(one)),
    "invoke-log-tail in the test pane": lambda one: wrappings.test_pane(wrappings.log_tails(one)[0], ID),
    "pasted-text": lambda one: "".join(event.message for event in one.events).encode(),
}
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1)
LIKELY = st.sampled_from(
    [
        "\x1b[31mred\x1b[0m",
        "a\n\n\nb",
        "  indented",
        "null: x.Y\n\tat x.Z(Y.java:3)",
        "'=1",
        "\u00a0\u00a0x",
    ]
)
MESSAGES = st.lists(st.one_of(TEXT, LIKELY).map(str.rstrip).filter(bool), max_size=5)  # fmt: skip


@pytest.mark.parametrize("name", STAMPED)
@settings(deadline=None, max_examples=25)
@given(between=MESSAGES)
def test_messages_come_back_without_white_space_at_their_end_and_from_coloured_output_without_colours(
    name: str, between: list[str]
) -> None:
    write, coloured = STAMPED[name]
    messages = invocation(*between)
    came = [one.message for one in records(write(stream(*messages)))]
    expected = [(COLOUR.sub("", one) if coloured else one).rstrip() for one in messages]
    assert [in_one_line(one) for one in came] == [in_one_line(one) for one in expected]


def in_one_line(message: str) -> str:
    """Tools lay JSON out as they like, and one of them puts a line feed in front, so that nobody knows how it was printed."""
    try:
        return json.dumps(json.loads(message), sort_keys=True) if message.startswith(("{", "\n{")) else message
    except ValueError:
        return message


@pytest.mark.parametrize("name", STAMPED)
@pytest.mark.parametrize("text", ["{", "{\n}", "\n{}", "\n0", "\n\n0", "\n {", '{"a":1}\nx', " {}", "[\n]"])
def test_what_only_begins_like_json_and_an_empty_first_line_come_back(name: str, text: str) -> None:
    write, _ = STAMPED[name]
    came = [one.message for one in records(write(stream(*invocation(text))))]
    assert [in_one_line(one) for one in came] == [in_one_line(one.rstrip()) for one in invocation(text)]


def can_be_joined(message: str) -> bool:
    return "\t" not in message and not message.startswith(("at ", "... ", "Suppressed: "))


@settings(deadline=None, max_examples=25)
@given(between=st.lists(TEXT.map(str.strip).filter(bool).filter(can_be_joined)))
def test_joined_messages_come_back_where_they_hold_no_tab_and_do_not_begin_like_the_frame_of_a_stack(
    between: list[str],
) -> None:
    messages = invocation(*between)
    _, joined = wrappings.queried(stream(*messages), timed=False)
    assert [one.message for one in records(joined)] == [one.rstrip() for one in messages]


def test_the_frames_of_a_stack_stay_with_it_in_joined_messages() -> None:
    java = "null: java.lang.NullPointerException\njava.lang.NullPointerException\n\tat x.Y.z(Y.java:3)\n\t... 7 more"
    _, joined = wrappings.queried(stream(*invocation(java, "after it")), timed=False)
    assert [one.message for one in records(joined)][1:3] == [java, "after it"]


def test_a_joined_message_without_line_feed_is_told_from_the_platform_and_from_nothing_else() -> None:
    start, end, last = invocation()
    text = f"{start}\n\tone\ttwo\t{end}\n\t{last}\n\n"
    assert [one.message for one in records(text.encode())] == [start, "one\ttwo", end, last.rstrip()]


@pytest.mark.parametrize("name", BY_LINES)
@settings(deadline=None, max_examples=25)
@given(between=st.lists(st.text("abc xyz=1\u00e4\u00a0", min_size=1).map(str.strip).filter(bool), max_size=5))
def test_where_nothing_tells_events_apart_their_lines_come_back_in_order(name: str, between: list[str]) -> None:
    messages = invocation(*between)
    came = "\n".join(one.message for one in records(BY_LINES[name](stream(*messages)))).split("\n")
    assert came == [one.rstrip() for one in messages]


JSON = st.dictionaries(
    st.text(min_size=1),
    st.recursive(
        st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none(), st.booleans()),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
        max_leaves=8,
    ),
    max_size=4,
)


@pytest.mark.parametrize("name", [name for name in STAMPED if name not in ("log-events-json",)])
@settings(deadline=None, max_examples=25)
@given(value=JSON)
def test_a_message_in_json_comes_back_as_one_line_of_the_same_json(name: str, value: object) -> None:
    write, _ = STAMPED[name]
    (_, message, *_) = records(write(stream(*invocation(json.dumps(value)))))
    assert "\n" not in message.message
    assert json.loads(message.message) == value


@pytest.mark.parametrize(
    "name", [name for name in STAMPED if "text" not in name and "queried" not in name and "json" not in name]
)
def test_a_line_with_a_stamp_is_where_its_record_says(name: str) -> None:
    content = STAMPED[name][0](stream(*invocation("one\ntwo")))
    for one in records(content):
        line = content[one.position :].split(b"\n")[0]
        assert COLOUR.sub("", line.decode()).rstrip().endswith(one.message.split("\n")[0])


def test_streams_are_told_apart_where_they_are_named() -> None:
    both = [stream(*invocation()), stream(*invocation(request_id=OTHER_ID), name=OTHER_STREAM)]
    for content in (
        wrappings.tail(both),
        wrappings.sam(both),
        wrappings.awslogs(both, timed=True, colours=True),
        wrappings.awslogs(both, timed=False, colours=False),
        wrappings.saw(both, colours=False),
        wrappings.filter_log_events_text(both),
    ):
        assert {one.stream for one in records(content)} == {LOG_STREAM, OTHER_STREAM}
        assert all(one.message.startswith(("START", "END", "REPORT")) for one in records(content))


def test_awslogs_names_the_group_and_with_it_the_function_unless_it_is_told_not_to() -> None:
    content = wrappings.awslogs([stream(*invocation())], timed=False, colours=False)
    assert {(one.log_group, one.function) for one in records(content)} == {("/aws/lambda/checkout", "checkout")}
    nameless = content.replace(b"/aws/lambda/checkout ", b"")
    assert {(one.log_group, one.function, one.stream) for one in records(nameless)} == {(None, None, LOG_STREAM)}


def test_blanks_at_the_beginning_of_a_message_are_told_from_those_that_awslogs_puts_behind_streams() -> None:
    both = [stream(*invocation()), stream(*invocation("  indented", request_id=OTHER_ID), name=OTHER_STREAM)]
    came = records(wrappings.awslogs(both, timed=False, colours=False))
    assert [one.message for one in came if one.stream == OTHER_STREAM][1] == "  indented"


def test_awslogs_without_times_leaves_a_timeout_the_time_that_is_its_own() -> None:
    timeout = f"2026-03-17T08:00:03.000Z {ID} Task timed out after 3.00 seconds"
    for timed in (False, True):
        content = wrappings.awslogs([stream(*invocation(timeout))], timed=timed, colours=False)
        assert timeout in [one.message for one in records(content)]
        assert (None in {one.time for one in records(content)}) is not timed


def test_a_message_that_sam_painted_red_is_read_as_what_it_was(read_file: Read) -> None:
    timeout = f"2026-03-17T08:00:03.000Z {ID} Task timed out after 3.00 seconds"
    content = wrappings.sam([stream(*invocation(f"\x1b[31m{timeout}\n\n\x1b[0m"))], colours=True)
    (row,) = read_file(content)
    assert (row["outcome"], row["timeout_s"]) == ("timeout", 3.0)


def test_times_are_those_of_the_events_to_the_second_where_a_tool_cuts_them() -> None:
    expected = [(TIME + number) * 1000 for number in range(PLATFORM)]
    one = stream(*invocation())
    assert [record.time for record in records(wrappings.tail([one]))] == expected
    assert [record.time for record in records(wrappings.sam([one]))] == expected
    for cut in (wrappings.tail([one], "short"), wrappings.saw([one], colours=True)):
        assert {record.time for record in records(cut)} == {TIME * 1000}


@pytest.mark.parametrize("name", [name for name in STAMPED if "json" not in name])
def test_what_stands_before_and_behind_the_events_is_left_out(name: str) -> None:
    content = b"$ how it was called\n" + STAMPED[name][0](stream(*invocation("a"))) + b"$ \nthat is all\n"
    assert [one.message for one in records(content)] == [one.rstrip() for one in invocation("a")]


def test_the_trace_of_a_report_belongs_to_it(read_file: Read) -> None:
    trace = "XRAY TraceId: 1-6ac7c67c-4fb697db28b006524e491c37\tSegmentId: 4a861782660d0257\tSampled: true\t"
    for write, _ in STAMPED.values():
        *_, last = records(write(stream(*invocation()[:-1], f"{report()}\n{trace}")))
        assert last.message == f"{report()}\n{trace}".rstrip()


def test_json_lines_of_an_application_are_no_events_of_the_api(read_file: Read) -> None:
    time = "2026-03-17T08:00:00.000Z"
    lines = [
        {"timestamp": time, "level": "INFO", "message": "got an event", "requestId": ID, "eventId": "1"},
        {"time": time, "type": "platform.report", "record": {"requestId": ID, "metrics": {"durationMs": 2.5}}},
    ]
    (row,) = read_file("\n".join(json.dumps(line, separators=(",", ":")) for line in lines))
    assert (row["request_id"], row["duration_ms"]) == (ID, 2.5)


def test_events_that_jq_printed_a_line_each_are_read() -> None:
    lines = "\n".join(json.dumps({"timestamp": TIME, "message": text}) for text in invocation())
    assert [one.message for one in records(lines.encode())] == [one.rstrip() for one in invocation()]


def test_an_event_of_text_output_that_breaks_off_is_a_problem_and_keeps_its_message(tmp_path: Path) -> None:
    content = wrappings.get_log_events_text(stream(*invocation("a")))
    (tmp_path / "file").write_bytes(content[:-15])
    (source,) = ingest([str(tmp_path / "file")], Lake(tmp_path / "lake")).read
    assert (source.lines, source.understood, len(source.problems)) == (4, 4, 1)
    assert "breaks off before its time" in source.problems[0]


def test_an_event_of_text_output_that_was_fetched_twice_counts_once() -> None:
    content = wrappings.filter_log_events_text([stream(*invocation("a"))])
    assert len(records(content + content)) == 4


@pytest.mark.parametrize("order", ["{time}\t{stream}\t{text}", "{stream}\t{time}\t{text}"])
def test_a_queried_stream_is_known_by_its_name_wherever_it_stands(order: str) -> None:
    rows = [order.format(time=TIME, stream=LOG_STREAM, text=text) for text in invocation()]
    assert {(one.time, one.stream) for one in records("\n".join(rows).encode())} == {(TIME * 1000, LOG_STREAM)}
    values = json.dumps([[LOG_STREAM, text, TIME] for text in invocation()])
    assert {(one.time, one.stream) for one in records(values.encode())} == {(TIME * 1000, LOG_STREAM)}


@pytest.mark.parametrize("wrapped", ['{{"payload": {}}}', '{{"eventCount": 4, "events": {}}}', "{}"])
def test_a_list_of_events_is_read_under_other_names_too(read_file: Read, wrapped: str) -> None:
    events = [
        {"@timestamp": f"2026-03-17 08:12:05.{number:03d}", "@message": text, "@logStreamName": LOG_STREAM}
        for number, text in enumerate(invocation("a"))
    ]
    if wrapped == "{}":
        events = [{key.removeprefix("@"): value for key, value in event.items()} for event in events]
    (row,) = read_file(wrapped.format(json.dumps(events)))
    assert (row["outcome"], row["stream"]) == ("ok", LOG_STREAM)
    assert row["end_time"].isoformat() == "2026-03-17T08:12:05.003000+00:00"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8"])
def test_what_windows_writes_with_a_byte_order_mark_is_read(read_file: Read, encoding: str) -> None:
    text = wrappings.tail([stream(*invocation("\u00e4\U0001f600"))]).decode().replace("\n", "\r\n")
    (row,) = read_file(f"\ufeff{text}".encode(encoding))
    assert (row["outcome"], row["stream"]) == ("ok", LOG_STREAM)


# ── serverless logs ──────────────────────────────────────────────────────────────────────────────────────────────────

NODE_ERROR = f'2026-03-17T08:00:01.000Z\t{ID}\tERROR\tInvoke Error \t{{"errorType":"TypeError","stack":[]}}'


@pytest.mark.parametrize("version", [2, 3, 4])
def test_an_error_that_serverless_printed_ends_its_invocation(read_file: Read, version: int) -> None:
    (row,) = read_file(wrappings.serverless(stream(*invocation(NODE_ERROR)), version))
    assert (row["request_id"], row["outcome"], row["error_type"]) == (ID, "error", "TypeError")
    assert (row["end_time"], row["stream"]) == (None, None)


def test_version_3_at_first_kept_all_fields_of_a_report(read_file: Read) -> None:
    text = f"START\nhello\nEND RequestId: {ID}\nEND {report().partition(chr(9))[2]}\n"
    (row,) = read_file(text)
    assert (row["billed_ms"], row["memory_mb"], row["max_memory_mb"], row["outcome"]) == (92_395.0, 1024, 539, "ok")


def test_version_3_prints_a_status_in_the_place_of_the_initialisation(read_file: Read) -> None:
    (row,) = read_file(f"START\nEND RequestId: {ID}\nEND Duration: 3000.00 ms (init: timeout) Memory Used: 55 MB\n")
    assert (row["outcome"], row["init_ms"], row["max_memory_mb"]) == ("timeout", None, 55)


def test_a_report_without_an_id_gets_one_from_its_file_and_place_and_invocations_stay_apart(read_file: Read) -> None:
    text = "START\nEND Duration: 3.22 ms Memory Used: 55 MB\n" * 3
    found = read_file(text)
    assert len({row["request_id"] for row in found}) == 3
    assert {row["attempt"] for row in found} == {1}
    assert all(row["request_id"].startswith("unnamed-") for row in found)


def test_invocations_that_version_3_mixed_keep_their_figures_and_no_start(read_file: Read) -> None:
    text = (
        "START\nSTART\n[ERROR] KeyError: 'a'\nTraceback (most recent call last):\n"
        f"END RequestId: {ID}\nEND Duration: 1.00 ms Memory Used: 55 MB\n"
        f"END RequestId: {OTHER_ID}\nEND Duration: 2.00 ms Memory Used: 56 MB\n"
    )
    found = {row["request_id"]: row for row in read_file(text)}
    assert {name: row["duration_ms"] for name, row in found.items()} == {ID: 1.0, OTHER_ID: 2.0}
    assert {row["outcome"] for row in found.values()} == {"unknown"}


# ── the tail of an invocation ────────────────────────────────────────────────────────────────────────────────────────

TAIL = "".join(f"{line}\n" for line in invocation("working"))
ENCODED = base64.b64encode(TAIL.encode()).decode()


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"StatusCode": 200, "LogResult": ENCODED, "ExecutedVersion": "$LATEST"}, indent=4),
        '{"answer": true}' + json.dumps({"StatusCode": 200, "LogResult": ENCODED}),
        json.dumps([{"LogResult": ENCODED}]),
        ENCODED,
        f'"{ENCODED}"\n',
        f"$LATEST\t{ENCODED}\t200\n",
        f"Test Event Name\ncheckout\n\nResponse\nnull\n\nFunction Logs\n{TAIL}\nRequest ID\n{ID}\n",
        f"Log Tail:\n{TAIL}",
    ],
)
def test_the_tail_of_a_whole_invocation_tells_how_it_ended(read_file: Read, answer: str) -> None:
    (row,) = read_file(answer)
    assert (row["request_id"], row["outcome"], row["complete"], row["end_time"]) == (ID, "ok", True, None)


def test_a_tail_that_begins_in_the_middle_of_a_line_does_not_tell_how_it_ended(read_file: Read) -> None:
    cut = TAIL[20:]
    (row,) = read_file(json.dumps({"LogResult": base64.b64encode(cut.encode()).decode()}))
    assert (row["request_id"], row["outcome"], row["complete"]) == (ID, "unknown", False)


def test_decoded_text_whose_first_line_is_cut_is_pasted_text(read_file: Read) -> None:
    (row,) = read_file(TAIL[20:])
    assert (row["request_id"], row["duration_ms"], row["complete"]) == (ID, 92_394.25, False)


def test_objects_that_follow_each_other_without_a_line_feed_in_a_tail_are_taken_apart(read_file: Read) -> None:
    time = "2026-03-17T08:00:00.000Z"
    events = [
        {"time": time, "type": "platform.start", "record": {"requestId": ID, "version": "1"}},
        {"timestamp": time, "level": "INFO", "message": "working", "requestId": ID},
        {"time": time, "type": "platform.report", "record": {"requestId": ID, "metrics": {"durationMs": 2.5}, "status": "success"}},
    ]  # fmt: skip
    glued = "".join(json.dumps(event, separators=(",", ":")) for event in events)
    (row,) = read_file(base64.b64encode(glued.encode()))
    assert (row["outcome"], row["duration_ms"]) == ("ok", 2.5)


def test_a_log_result_that_is_not_base64_is_a_problem_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps({"LogResult": ENCODED}) + json.dumps({"LogResult": "not base64"}))
    ingested = ingest([str(tmp_path / "file")], Lake(tmp_path / "lake"))
    assert ingested.invocations == 1
    assert "not base64" in ingested.read[0].problems[0]
